package move

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/kv"
)

// Reversal is what the last reverse that came to its end left in the store.
type Reversal struct {
	At       time.Time        `json:"at,omitzero"`        // when it began: what was taken before is in the old site; zero: never
	Rows     int64            `json:"rows,omitempty"`     // records of the service's own
	Homeless map[string]int64 `json:"homeless,omitempty"` // records by what they say and the old site has no place for
	From     string           `json:"from,omitempty"`     // where Records begins to give the service's own
}

func reversalKey(f form.Form) kv.Key { return kv.Key{Part: "move/" + f.Alias, Sort: "reversal"} }

// ReversalOf reads how far the old site has what the service took.
func ReversalOf(ctx context.Context, store kv.Store, f form.Form) (r Reversal, err error) {
	item, err := store.Get(ctx, reversalKey(f))
	if errors.Is(err, kv.ErrNotFound) {
		return r, nil
	}
	if err == nil {
		err = json.Unmarshal(item.Data, &r)
	}
	if err != nil {
		return r, fmt.Errorf("move: %s: how far it was written back cannot be read: %w", f.Alias, err)
	}
	return r, nil
}

// Reverse writes each record that the form's service took itself into the old site, as a row of its own, so that a rollback
// finds it; one that was changed since changes there. Rows are the service's own records, Moved those that were written now. It
// may be killed at any point and come again, and several may run at once: the old site's own database sees to it that
// each record is there once.
//
// A row that somebody over there has changed or deleted is a conflict, which is listed before anything is done: with the
// Target's authority the service's version is written over it, with the Source's it stays as it is. What a
// test took is not for the old site; an amount in a currency that it does not know is Rejected, since it would read as pounds.
// A site that lacks a component which Backfill needs, or cannot hold the amounts, is refused before anything is written.
func (j Job) Reverse(ctx context.Context, w drupal.Writer) (Result, error) {
	r := reversal{job: j, w: w, total: Result{Rejected: map[string]int64{}, Homeless: map[string]int64{}}}
	if len(j.Parts) == 0 || j.Parts[0].Service != j.Form.Service || j.Parts[0].Records == nil {
		return r.total, nil
	}
	err := j.ready(ctx)
	if err == nil {
		err = r.run(ctx)
	}
	if err != nil {
		return r.total, fmt.Errorf("reverse: %s, after %d records: %w", j.Form.Alias, r.total.Rows, err)
	}
	return r.total, nil
}

// reversal is one run of reverse.
type reversal struct {
	job   Job
	w     drupal.Writer
	ids   ids
	total Result

	before bool // something was written in another run
}

// slip is how many records are written in one transaction: a live site's visitors wait for its locks.
const slip = 200

func (r *reversal) run(ctx context.Context) error {
	j := r.job
	store, began := j.Parts[0].Store, j.now().UTC()
	before, err := ReversalOf(ctx, store, j.Form)
	if err != nil {
		return err
	}
	if r.ids, err = openIDs(ctx, store, j); err != nil {
		return err
	}
	r.before = !before.At.IsZero() || r.ids.all
	from := before.From
	for after := from; ; {
		records, next, err := j.Parts[0].Records(ctx, store, after, slip)
		if err != nil {
			return err
		}
		own := slices.DeleteFunc(slices.Clone(records), func(rec form.Record) bool { return rec.SID != 0 || rec.Origin == "" })
		if from == "" && len(own) > 0 && len(own) == len(records) { // what was imported lies before them, and need not be read again
			from = after
		}
		if err := r.batch(ctx, own); err != nil {
			return err
		}
		if after = next; next == "" {
			break
		}
	}
	if j.DryRun {
		return nil
	}
	if err := r.ids.end(ctx); err != nil {
		return err
	}
	data, err := json.Marshal(Reversal{At: began, Rows: r.total.Rows, Homeless: r.total.Homeless, From: from})
	if err != nil {
		return err
	}
	return store.Commit(ctx, kv.Write{Key: reversalKey(j.Form), Data: data})
}
