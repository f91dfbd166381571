package local

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// yaml is the repository's own gateway.yaml, as `banyan up` and `banyan demo` have it.
var yaml = filepath.Join("..", "..", "gateway.yaml")

func repository(t testing.TB) []byte {
	t.Helper()
	text, err := os.ReadFile(yaml)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// loaded is the sample site's database, loaded once for all tests that copy it.
var loaded = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "banyan-site-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "legacy.db")
	if err := loadOnce(context.Background(), file); err != nil {
		return nil, err
	}
	return os.ReadFile(file)
})

// oldFolder is a world's folder whose old site is loaded already.
func oldFolder(t testing.TB) string {
	t.Helper()
	file, err := loaded()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "legacy.db"), file, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}
