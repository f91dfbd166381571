package local

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestADiskThatTakesNothingMore: the donor reads that nothing was taken and keeps what was typed; the log says which file, and
// what became of the data; when there is room again the same post is taken, once, by the same process.
func TestADiskThatTakesNothingMore(t *testing.T) {
	t.Parallel()
	dir := oldFolder(t)
	c := startedChild(t, dir, weighted(t, 10_000))
	room := func(bytes uint64) {
		t.Helper()
		if err := unix.Prlimit(c.cmd.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: bytes, Max: unix.RLIM_INFINITY}, nil); err != nil {
			t.Fatal(err)
		}
	}
	room(4096) // no database grows
	status, page := post(t, c.Gateway+"/donate")
	if status != http.StatusServiceUnavailable || !strings.Contains(page, "nothing was taken") || !strings.Contains(page, `value="12.50"`) {
		t.Errorf("on a full disk the donor reads %d: %.300s", status, page)
	}
	room(unix.RLIM_INFINITY)
	if status, page = post(t, c.Gateway+"/donate"); status != http.StatusFound {
		t.Errorf("with room again: %d: %.300s", status, page)
	}
	if n := strings.Count(get(t, c.Services+"/reconcile"), `"full-disk"`); n != 1 {
		t.Errorf("the gift is stored %d times", n)
	}
	log, err := os.ReadFile(filepath.Join(dir, "up.log"))
	if err != nil || !strings.Contains(string(log), "services.db") || !strings.Contains(string(log), "nothing that was acknowledged is lost") {
		t.Errorf("the log says %q, %v", log, err)
	}
}
