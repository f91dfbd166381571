package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/banyan-migration/banyan/infra/runtime"
)

// playerDir is the player's folder in the world's.
const playerDir = "player"

// mostLog is how many bytes of the functions' log one file has.
const mostLog = 64 << 20

func (w *World) openPlayer(a *account) (*runtime.Player, error) {
	o := w.options.Lambda
	log := o.Log
	if log == nil {
		file, err := openLog(filepath.Join(w.options.Dir, "functions.log"), mostLog)
		if err != nil {
			return nil, err
		}
		w.onClose(func(context.Context) error { return file.Close() })
		log = file.write
	}
	dir := filepath.Join(w.options.Dir, playerDir)
	// A world that was killed has left its own; the world's lock says that nobody uses them.
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o700)); err != nil {
		return nil, fmt.Errorf("local: %w", err)
	}
	return runtime.New(runtime.Options{Region: a.region, Account: a.id, Log: log, Record: o.Record, Environment: a.environment(), Dir: dir})
}
