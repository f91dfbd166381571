package local

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// lock keeps a folder to one world: two would deliver the same messages, and the acquirers would remember half of what was
// asked of them. The system frees it however the process ends.
func lock(dir string) (unlock func() error, err error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("local: the world's folder: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer f.Close()
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("local: the world's folder cannot be locked: %s: %w", f.Name(), err)
		}
		holder, _ := io.ReadAll(f) // for the message alone
		return nil, fmt.Errorf("local: another world runs in %s (process %s): end it first, or name another folder", dir, strings.TrimSpace(string(holder)))
	}
	err = f.Truncate(0)
	if err == nil {
		_, err = fmt.Fprintln(f, os.Getpid())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("local: the world's folder cannot be written: %w", err), f.Close())
	}
	// Unlocked by name, as closing is not enough while a process that is just being forked shares the open file.
	return func() error { return errors.Join(syscall.Flock(int(f.Fd()), syscall.LOCK_UN), f.Close()) }, nil
}
