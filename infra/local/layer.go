package local

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/banyan-migration/banyan/infra/layer"
)

// writeLayer writes the data Layer into a folder as AWS would mount it at /opt: banyan, with the file VERSION that says what
// is in it, by the Makefile's rule. What was there before goes.
func writeLayer(dir string) (string, error) {
	own := filepath.Join(dir, "banyan")
	if err := os.RemoveAll(dir); err != nil {
		return "", fmt.Errorf("local: the Layer: %w", err)
	}
	all := sha256.New()
	err := fs.WalkDir(layer.Files, ".", func(name string, d fs.DirEntry, err error) error {
		to := filepath.Join(own, filepath.FromSlash(name))
		if err != nil || d.IsDir() {
			if err == nil {
				err = os.MkdirAll(to, 0o700)
			}
			return err
		}
		raw, err := layer.Files.ReadFile(name)
		if err != nil {
			return err
		}
		fmt.Fprintf(all, "%x  ./%s\n", sha256.Sum256(raw), name)
		return os.WriteFile(to, raw, 0o600)
	})
	if err == nil {
		err = os.WriteFile(filepath.Join(own, "VERSION"), fmt.Appendf(nil, "%x\n", all.Sum(nil)), 0o600)
	}
	if err != nil {
		return "", fmt.Errorf("local: the Layer: %w", err)
	}
	return dir, nil
}
