package local

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// KeepKey reads the key that a state folder keeps, or makes it once: cookies, overrides and marks outlive a restart. Its id is
// mark.Sole, so that the file's content is a BANYAN_KEY too.
func KeepKey(dir string) (string, error) {
	file := filepath.Join(dir, "gateway.key")
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		kept, err := os.ReadFile(file)
		if key := strings.TrimSpace(string(kept)); err == nil && key != "" {
			return key, nil
		}
		return "", fmt.Errorf("local: the key in %s cannot be read (%v): remove the file and a new one is made; visitors are then drawn anew", file, err)
	}
	if err != nil {
		return "", fmt.Errorf("local: the key that was made cannot be kept: %w; make room, or name one in keys", err)
	}
	made := rand.Text() + rand.Text()
	_, err = fmt.Fprintln(f, made)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", fmt.Errorf("local: the key cannot be kept: %w", err)
	}
	return made, nil
}
