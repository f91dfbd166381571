package move

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/kv"
)

// Standing is how far a form's rows have come, as the last runs left it in the store. The zero times are "never".
type Standing struct {
	Backfilled time.Time `json:"backfilled,omitzero"` // the last backfill that came to its end
	Synced     time.Time `json:"synced,omitzero"`     // the last backfill or sync that did: new rows up to then are there
	Swept      time.Time `json:"swept,omitzero"`      // the beginning of the last whole sweep: edits up to then are there
	Deleted    time.Time `json:"deleted,omitzero"`    // the beginning of the last sweep whose deletes were followed
}

func standingKey(f form.Form) kv.Key { return kv.Key{Part: "move/" + f.Alias, Sort: "standing"} }

func (j Job) now() time.Time {
	if j.Now != nil {
		return j.Now()
	}
	return time.Now()
}

// StandingOf reads where a form stands.
func StandingOf(ctx context.Context, store kv.Store, f form.Form) (s Standing, err error) {
	item, err := store.Get(ctx, standingKey(f))
	if errors.Is(err, kv.ErrNotFound) {
		return s, nil
	}
	if err == nil {
		err = json.Unmarshal(item.Data, &s)
	}
	if err != nil {
		return s, fmt.Errorf("move: %s: where it stands cannot be read: %w", f.Alias, err)
	}
	return s, nil
}

// arrived notes that a run has come to its end.
func (j Job) arrived(ctx context.Context, backfill bool) error {
	if j.DryRun {
		return nil
	}
	s, err := StandingOf(ctx, j.Parts[0].Store, j.Form)
	if err != nil {
		return err
	}
	before := s
	s.Synced = j.now().UTC()
	if backfill {
		s.Backfilled = s.Synced
	}
	if s == before {
		return nil
	}
	raw, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return j.Parts[0].Store.Commit(ctx, kv.Write{Key: standingKey(j.Form), Data: raw})
}

var errFound = errors.New("found")

// Lag is the age of the oldest row of the old site that the services have not looked at; 0 when they lack none.
func Lag(ctx context.Context, source drupal.Source, store kv.Store, f form.Form, now time.Time) (lag time.Duration, err error) {
	mark, err := Mark(ctx, store, f)
	if err != nil {
		return 0, err
	}
	_, err = source.Records(ctx, f.Alias, drupal.Span{After: mark}, func(r form.Record) error {
		lag = max(0, now.Sub(r.At))
		return errFound
	})
	if errors.Is(err, errFound) {
		err = nil
	}
	return lag, err
}
