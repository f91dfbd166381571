package drupal

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// The folders that dumps are loaded into, in the place for temporary files.
const temporaries = "banyan-content-*"

// temporary is an empty database of our own, whose file goes when it is closed. What a killed run left goes when the next one comes here: such
// files hold people.
func temporary() (*contentDB, error) {
	sweepTemporaries()
	dir, err := os.MkdirTemp("", temporaries) // mode 0700
	if err != nil {
		return nil, fmt.Errorf("drupal: %w", err)
	}
	name := filepath.Join(dir, "content.db")
	d := newContentDB(nil)
	d.dir, d.passed = dir, newPassed()
	d.lock, err = os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err == nil {
		err = syscall.Flock(int(d.lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	}
	var file *os.File
	if err == nil {
		file, err = os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	}
	if err == nil {
		err = file.Close()
	}
	if err == nil {
		// What a crash leaves of the file is thrown away with it, so nothing waits for the disk.
		d.db, err = sql.Open("sqlite", sqliteFile(name, "_pragma=journal_mode(OFF)&_pragma=synchronous(OFF)"))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("drupal: %w", err), d.Close())
	}
	return d, nil
}

// Close also removes a dump's temporary file.
func (d *contentDB) Close() error {
	var err error
	if d.db != nil {
		err = d.db.Close()
	}
	if d.dir != "" {
		err = errors.Join(err, os.RemoveAll(d.dir))
	}
	if d.lock != nil {
		err = errors.Join(err, d.lock.Close())
	}
	return err
}

// sweepTemporaries removes the folders whose owner is gone, that is, whose lock nobody holds. One that is a minute old has its lock. What cannot
// be removed is another user's.
func sweepTemporaries() {
	all, _ := filepath.Glob(filepath.Join(os.TempDir(), temporaries)) // the pattern is good
	for _, dir := range all {
		info, err := os.Stat(dir)
		if err != nil || time.Since(info.ModTime()) < time.Minute {
			continue
		}
		lock, err := os.Open(filepath.Join(dir, "lock"))
		if err != nil {
			continue
		}
		if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			_ = os.RemoveAll(dir) // the next one tries again
		}
		lock.Close()
	}
}
