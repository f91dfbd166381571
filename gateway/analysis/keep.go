package analysis

import (
	"context"
	"errors"
	"time"

	"github.com/banyan-migration/banyan/shared/kv"
)

// Kept is something of this gateway's memory that outlives a restart: the differ's rows, the noise that it has learned.
type Kept interface {
	Snapshot() ([]byte, error)
	Restore([]byte) error
}

func kept(replica, name string) kv.Key { return kv.Key{Part: "judge/kept/" + replica, Sort: name} }

// keep restores what was kept once, at the start, and keeps it every minute.
func (a *Analysis) keep(ctx context.Context, store kv.Store, now time.Time) error {
	if !a.restored {
		for name, k := range a.o.Keep {
			item, err := store.Get(ctx, kept(a.o.Replica, name))
			if err == nil {
				err = k.Restore(item.Data)
			} else if errors.Is(err, kv.ErrNotFound) {
				err = nil
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				a.o.Log.Warn("what this gateway had kept cannot be read: it begins anew", "what", name, "error", err)
			}
		}
		a.restored, a.kept = true, now
	}
	if since := now.Sub(a.kept); since >= 0 && since < time.Minute {
		return nil
	}
	a.kept = now
	for name, k := range a.o.Keep {
		data, err := k.Snapshot()
		if err != nil {
			return err
		}
		if err := store.Commit(ctx, kv.Write{Key: kept(a.o.Replica, name), Data: data, Expires: now.Add(keepNew)}); err != nil {
			return err
		}
	}
	return nil
}
