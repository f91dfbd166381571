package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/banyan-migration/banyan/infra/runtime"
)

// playerDir is the player's folder in the world's.
const playerDir = "player"

func (w *World) openPlayer(a *account) (*runtime.Player, error) {
	o := w.options.Lambda
	log := o.Log
	if log == nil {
		file, err := os.OpenFile(filepath.Join(w.options.Dir, "functions.log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, fmt.Errorf("local: %w", err)
		}
		w.onClose(func(context.Context) error { return file.Close() })
		var mu sync.Mutex
		log = func(function, line string) {
			mu.Lock()
			defer mu.Unlock()
			fmt.Fprintf(file, "%s %s\n", function, strings.TrimSuffix(line, "\n")) // a log that is lost on a full disk loses no gift
		}
	}
	dir := filepath.Join(w.options.Dir, playerDir)
	// A world that was killed has left its own; the world's lock says that nobody uses them.
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o700)); err != nil {
		return nil, fmt.Errorf("local: %w", err)
	}
	return runtime.New(runtime.Options{Region: a.region, Account: a.id, Log: log, Record: o.Record, Environment: a.environment(), Dir: dir})
}
