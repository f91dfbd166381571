package local

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/banyan-migration/banyan/infra/runtime"
	"github.com/banyan-migration/banyan/infra/template"
)

// What the player lays goes into the world's folder, and the next world clears away what one that was killed has left.
func TestPlayerKeepsToTheWorldsFolder(t *testing.T) {
	t.Parallel()
	dir, code, logged := t.TempDir(), t.TempDir(), func(string, string) {}
	w := &World{options: Options{Dir: dir, Lambda: &Lambda{Log: logged}}}
	left := filepath.Join(dir, playerDir, "banyan-lambda-1", "root-1")
	if err := os.MkdirAll(left, 0o700); err != nil {
		t.Fatal(err)
	}
	p, err := w.openPlayer(accountOf(&template.Template{}, "http://127.0.0.1:4566"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Publish(runtime.Function{Name: "donate", Code: code}); err != nil {
		t.Error(err)
	}
	lies := func() []string {
		all, err := filepath.Glob(filepath.Join(dir, playerDir, "banyan-lambda-*", "root-*"))
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	if all := lies(); len(all) != 1 || slices.Contains(all, left) {
		t.Errorf("%q", all)
	}
	if err := p.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if all := lies(); len(all) != 0 {
		t.Errorf("after Close: %q", all)
	}
}
