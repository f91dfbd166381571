package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/kv"
)

// Finding is what a comparison came to, as it is kept beside the rows for whoever must know whether they can be trusted.
type Finding struct {
	At         time.Time `json:"at"`
	Clean      time.Time `json:"clean,omitzero"` // since when each comparison has found nothing; zero: this one found something
	Rows       int64     `json:"rows"`
	Mismatches int64     `json:"mismatches"` // rows that differ, and sums that do
	Own        int64     `json:"own"`        // records that the service took itself
}

func findingKey(f form.Form) kv.Key { return kv.Key{Part: "verify/" + f.Alias, Sort: "finding"} }

// Keep keeps what a comparison found, in place of the one before.
func (r Result) Keep(ctx context.Context, store kv.Store, f form.Form, at time.Time) error {
	found := Finding{At: at.UTC(), Rows: r.RowsSource, Mismatches: r.Mismatches(), Own: r.Own}
	if found.Mismatches == 0 {
		before, _, err := Last(ctx, store, f)
		if err != nil {
			return err
		}
		if found.Clean = before.Clean; found.Clean.IsZero() {
			found.Clean = found.At
		}
	}
	raw, err := json.Marshal(found)
	if err != nil {
		return err
	}
	return store.Commit(ctx, kv.Write{Key: findingKey(f), Data: raw})
}

// Mismatches is how many rows are neither equal nor rejected; sums that differ over equal rows count as one.
func (r Result) Mismatches() int64 {
	rows := map[string]bool{}
	for _, d := range r.Differences {
		rows[d.ID] = true
	}
	n := int64(len(rows)) + r.More
	if n == 0 && !r.Clean() {
		n = 1
	}
	return n
}

// Last is the newest kept finding; false where nobody has compared yet.
func Last(ctx context.Context, store kv.Store, f form.Form) (found Finding, known bool, err error) {
	item, err := store.Get(ctx, findingKey(f))
	if errors.Is(err, kv.ErrNotFound) {
		return found, false, nil
	}
	if err == nil {
		err = json.Unmarshal(item.Data, &found)
	}
	if err != nil {
		return found, false, fmt.Errorf("verify: %s: the last finding cannot be read: %w", f.Alias, err)
	}
	return found, true, nil
}
