// Package move takes the old site's submissions into the services, through each service's own Import, and keeps them in
// step: every row is moved, was there already, or is rejected with its reason; what the old site edits or deletes later
// follows. Any number of movers may run at once, on any number of machines, and each may be killed at any point: what is
// in the stores in the end is what one whole run would have made.
//
// What it knows of a form lies in the store of the form's first service, below the part "move/ALIAS":
//
//	plan                 which ranges of sids there are, each with its checkpoint, its counts and who works on it
//	mark, standing       how far new rows have come; when which run came to its end
//	pages                what was last moved of each row, a thousand sids an item
//	rejects, conflicts   rows that were not moved, and versions that lost: people's data, for 30 days
//	contested            submissions of which another row may be the first now
//
// A row's items are committed together with its page and its range's checkpoint, on their revisions: a mover that lost
// its range to another cannot write into it, whatever the clocks say.
package move

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/kv"
)

// Part is a service that takes rows of a form, or a part of each.
type Part struct {
	Service string
	Store   kv.Store
	// Import and Records are services/all's. The items of a row that Import gives must be that row's alone, and known by
	// its nid and sid.
	Import  func(form.Record) ([]kv.Write, error)
	Records func(ctx context.Context, store kv.Store, after string, limit int) ([]form.Record, string, error)
}

// Job is one form's move. It is a value; several may run at once, in one process or in many.
type Job struct {
	Source    drupal.Source
	Form      form.Form
	Parts     []Part           // those of the form's services that exist, the first decides moved or rejected; without that one everything waits
	Workers   int              // how many partitions are moved at once; 0: one a core, and one where the source is not Live
	DryRun    bool             // say what would be done, and write to no store
	Moved     func(rows int)   // told after each batch, from one goroutine at a time; nil: nobody
	Now       func() time.Time // dates what is kept of the run; nil: the clock
	Authority Side             // who wins a conflict
	Deletes   int64            // accept so many deletes at once, however great a share they are
}

// Side is one of the two places where a row lies.
type Side int

// The sides; the source is the zero one, for as long as the old site takes the writes.
const (
	Source Side = iota
	Target
)

// Result counts what became of a form's rows: Rows = Moved + Unchanged + Edited + Conflicts + Reversed + all Rejected, and
// for a form whose service does not exist yet + Waiting.
type Result struct {
	Rows         int64            `json:"rows"` // of a sync: those that were new, or not as they had been
	Moved        int64            `json:"moved"`
	Unchanged    int64            `json:"unchanged"` // they were there already
	Rejected     map[string]int64 `json:"rejected"`  // by reason: draft, the fault's field, duplicate
	RefusedParts int64            `json:"refused_parts"`
	Waiting      int64            `json:"waiting"`             // parts whose service does not exist yet; where none does, rows
	SumPence     int64            `json:"sum_pence"`           // of all rows but the rejected and the reversed
	Orphans      int64            `json:"orphans"`             // values whose submission is gone from the old site
	Edited       int64            `json:"edited,omitempty"`    // rows that the old site changed since they were moved
	Deleted      int64            `json:"deleted,omitempty"`   // rows that it no longer has; they are not among Rows
	Conflicts    int64            `json:"conflicts,omitempty"` // rows that both sides changed: the Authority's stands, the other is listed
	Reversed     int64            `json:"reversed,omitempty"`  // rows that reverse wrote there, and nobody moves back
	Homeless     map[string]int64 `json:"homeless,omitempty"`  // of reverse: records by what they say and the old site has no place for
	Unknown      map[string]int64 `json:"unknown,omitempty"`   // rows by component that the form does not know
}

func newResult() Result { return Result{Rejected: map[string]int64{}} }

// Rejections is how many rows were rejected, for all reasons.
func (r Result) Rejections() (n int64) {
	for _, count := range r.Rejected {
		n += count
	}
	return n
}

func (r *Result) add(o Result) {
	r.Rows += o.Rows
	r.Moved += o.Moved
	r.Unchanged += o.Unchanged
	r.RefusedParts += o.RefusedParts
	r.Waiting += o.Waiting
	r.SumPence += o.SumPence
	r.Orphans += o.Orphans
	r.Edited += o.Edited
	r.Deleted += o.Deleted
	r.Conflicts += o.Conflicts
	r.Reversed += o.Reversed
	r.Rejected = sums(r.Rejected, o.Rejected)
	r.Unknown = sums(r.Unknown, o.Unknown)
}

func sums(into, from map[string]int64) map[string]int64 {
	for name, n := range from {
		if into == nil {
			into = map[string]int64{}
		}
		if into[name] += n; into[name] == 0 {
			delete(into, name)
		}
	}
	return into
}

// copied is a result that shares nothing with r.
func (r Result) copied() Result {
	r.Rejected, r.Unknown = maps.Clone(r.Rejected), maps.Clone(r.Unknown)
	if r.Rejected == nil {
		r.Rejected = map[string]int64{}
	}
	return r
}

// strange counts the components of a row that the form does not know.
func (r *Result) strange(w *row) {
	for _, key := range w.unknown {
		r.Unknown = sums(r.Unknown, map[string]int64{key: 1})
	}
}

// Backfill moves every row of the form, from the first, and whatever was edited since it was moved. It takes nothing away:
// a row that is gone, or can be moved no longer, is Sync's. Rows that a service took itself are not among them. It goes on where a run stopped, and works together with others that run at the same
// time; each returns what became of all rows. Once a backfill has come to its end the next begins anew: it moves what is
// missing, and finds the rest unchanged.
func (j Job) Backfill(ctx context.Context) (Result, error) {
	if !j.decided() {
		if err := j.ready(ctx); err != nil {
			return newResult(), j.wrapped(newResult(), err)
		}
		return j.await(ctx)
	}
	m, err := j.mover(ctx)
	if err != nil {
		return newResult(), j.wrapped(newResult(), err)
	}
	r, err := m.backfill(ctx)
	return r, j.wrapped(r, err)
}

func (j Job) wrapped(r Result, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("move: %s, after %d rows: %w", j.Form.Alias, r.Rows, err)
}
