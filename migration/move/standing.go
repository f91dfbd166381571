package move

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/kv"
)

// Standing is how far a form's rows have come, as the last runs left it in the store. The zero times are "never". What
// the services lack of new rows, of edits and of deletes are three different ages: a new row is looked for all the
// time, an edit is found by the next sweep, and a delete is followed when that sweep has ended.
type Standing struct {
	Backfilled time.Time `json:"backfilled,omitzero"` // the last backfill that came to its end
	Synced     time.Time `json:"synced,omitzero"`     // the last backfill or sync that did: new rows up to then are there
	Swept      time.Time `json:"swept,omitzero"`      // the beginning of the last whole sweep: edits up to then are there
	Deleted    time.Time `json:"deleted,omitzero"`    // the beginning of the last sweep whose deletes were followed
	Dump       time.Time `json:"dump,omitzero"`       // when the newest dump that was followed to its end was made, by the clock of its server
	Live       time.Time `json:"live,omitzero"`       // when a live site, or a dump that does not say when it was made, last was
}

func standingKey(f form.Form) kv.Key { return kv.Key{Part: statePart(f), Sort: "standing"} }

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

// arrived is the write that notes what a run has come to.
func (j Job) arrived(ctx context.Context, note func(*Standing)) (kv.Write, error) {
	s, err := StandingOf(ctx, j.Parts[0].Store, j.Form)
	if err != nil {
		return kv.Write{}, err
	}
	note(&s)
	return put(standingKey(j.Form), s, kv.Always), nil
}

// Mark is a sid up to which every row was looked at; 0 at the beginning. Rows beyond it may have been, too.
func Mark(ctx context.Context, store kv.Store, f form.Form) (int64, error) {
	item, err := store.Get(ctx, markKey(f))
	if errors.Is(err, kv.ErrNotFound) {
		return reached(ctx, store, f)
	}
	if err != nil {
		return 0, fmt.Errorf("move: %w", err)
	}
	mark, err := strconv.ParseInt(string(item.Data), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("move: the checkpoint %v is not a number: %w", item.Key, err)
	}
	return mark, nil
}

func markKey(f form.Form) kv.Key { return kv.Key{Part: statePart(f), Sort: "mark"} }

// reached is how far a first backfill has come: to where its first partition that is not done stands.
func reached(ctx context.Context, store kv.Store, f form.Form) (at int64, err error) {
	m := &mover{job: Job{Form: f}, store: store}
	var p plan
	if rev, err := m.get(ctx, m.planKey(), &p); err != nil || rev == 0 {
		return 0, err
	}
	for no := range p.Partitions {
		part, err := m.partition(ctx, p, no)
		if err != nil {
			return at, err
		}
		if at = max(at, part.At, part.After); !part.Done {
			break
		}
	}
	return at, nil
}

// marked is the write that moves the mark to a sid, if that is beyond it.
func (m *mover) marked(ctx context.Context, last int64) (kv.Write, error) {
	item, err := m.store.Get(ctx, markKey(m.job.Form))
	if err != nil && !errors.Is(err, kv.ErrNotFound) {
		return kv.Write{}, err
	}
	if before, err := strconv.ParseInt(string(item.Data), 10, 64); err == nil {
		last = max(last, before)
	}
	return kv.Write{Key: markKey(m.job.Form), Data: strconv.AppendInt(nil, last, 10)}, nil
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
