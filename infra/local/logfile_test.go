package local

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A world that runs for weeks does not fill its disk with what its functions say, and the last of it is always there.
func TestTheFunctionsLogIsBounded(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "functions.log")
	for run := range 2 { // the second goes on with the first one's file
		l, err := openLog(name, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 500 {
			l.write("donate", fmt.Sprintf("%d.%d\n", run, i))
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	var both string
	for _, file := range []string{name + ".1", name} {
		text, err := os.ReadFile(file)
		if err != nil || len(text) > 1020 {
			t.Errorf("%s has %d bytes: %v", file, len(text), err)
		}
		both += string(text)
	}
	if lines := strings.Split(strings.TrimSuffix(both, "\n"), "\n"); lines[len(lines)-1] != "donate 1.499" || lines[0] != fmt.Sprintf("donate 1.%d", 500-len(lines)) {
		t.Errorf("from %q to %q", lines[0], lines[len(lines)-1])
	}
}
