package local

import (
	"bytes"
	"compress/gzip"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/banyan-migration/banyan/infra/fakes/drupal"
	"github.com/banyan-migration/banyan/infra/local/site"
	migration "github.com/banyan-migration/banyan/migration/drupal"
)

// oldSite is the legacy stand-in with its database.
type oldSite struct {
	*drupal.Site
	file string
}

// startLegacy starts the stand-in on the sample's dump, which is loaded once: later starts go on with what the site has stored.
func (w *World) startLegacy(ctx context.Context) error {
	file := filepath.Join(w.options.Dir, "legacy.db")
	if err := loadOnce(ctx, file); err != nil {
		return err
	}
	db, err := drupal.Open(file)
	if err != nil {
		return err
	}
	w.onClose(func(context.Context) error { return db.Close() })
	// Behind a gateway on this machine: its word for the visitor's address is believed.
	s, err := drupal.New(drupal.Options{DB: db, Speed: w.options.Speed, Proxies: []string{"127.0.0.1"}, Log: w.options.Log})
	if err != nil {
		return fmt.Errorf("local: the old site's %s: %w; move it away and a start loads the sample anew", file, err)
	}
	w.old = &oldSite{s, file}
	l, address, err := listen("")
	if err != nil {
		return err
	}
	w.Legacy = address
	w.run("the legacy stand-in", func() error { return s.Serve(l) })
	w.onClose(func(context.Context) error { return s.Close() })
	return nil
}

// loadOnce makes the database file from the dump, under another name until it is whole: a killed load leaves no half site.
func loadOnce(ctx context.Context, file string) error {
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	half := file + ".loading"
	for _, old := range []string{half, half + "-wal", half + "-shm"} {
		if err := os.Remove(old); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("local: %w", err)
		}
	}
	if err := os.WriteFile(half, nil, 0o600); err != nil { // SQLite would let all read the donors in it
		return fmt.Errorf("local: %w", err)
	}
	// The file has its name only when it is on the disk whole, so the load itself need not be durable.
	db, err := sql.Open("sqlite", "file:"+half+"?_pragma=journal_mode(off)&_pragma=synchronous(off)")
	if err != nil {
		return err
	}
	dump, err := gzip.NewReader(bytes.NewReader(site.Dump))
	if err == nil {
		err = migration.LoadSQLite(ctx, dump, db)
	}
	if err = errors.Join(err, db.Close()); err != nil {
		return fmt.Errorf("local: load the sample site: %w", err)
	}
	return errors.Join(syncFile(half), os.Rename(half, file))
}

func syncFile(name string) error {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
