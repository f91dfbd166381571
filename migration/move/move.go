// Package move takes the old site's submissions into the services, through each service's own Import: every row is
// moved, was there already, or is rejected with its reason. It may be killed at any point and run again; what is then
// in the store, and in the rejects file, is the same.
package move

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/kv"
)

// Part is a service that takes rows of a form, or a part of each.
type Part struct {
	Service string
	Store   kv.Store
	// Import and Records are services/all's.
	Import  func(form.Record) ([]kv.Write, error)
	Records func(ctx context.Context, store kv.Store, after string, limit int) ([]form.Record, string, error)
}

// Job is one form's move.
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

// Result counts what became of a form's rows: Rows = Moved + Unchanged + all Rejected.
type Result struct {
	Rows         int64            `json:"rows"`
	Moved        int64            `json:"moved"`
	Unchanged    int64            `json:"unchanged"` // they were there already
	Rejected     map[string]int64 `json:"rejected"`  // by reason: draft, the fault's field, duplicate
	RefusedParts int64            `json:"refused_parts"`
	Waiting      int64            `json:"waiting"`             // parts whose service does not exist yet
	SumPence     int64            `json:"sum_pence"`           // of the moved and the unchanged
	Orphans      int64            `json:"orphans"`             // values whose submission is gone from the old site
	Edited       int64            `json:"edited,omitempty"`    // rows that the old site changed since they were moved
	Deleted      int64            `json:"deleted,omitempty"`   // rows that it no longer has; they are not among Rows
	Conflicts    int64            `json:"conflicts,omitempty"` // rows that both sides changed: the Authority's stands, the other is listed
	Reversed     int64            `json:"reversed,omitempty"`  // rows that reverse wrote there, and nobody moves back
	Unknown      map[string]int64 `json:"unknown,omitempty"`   // rows by component that the form does not know; donate keeps their values
}

// Rejections is how many rows were rejected, for all reasons.
func (r Result) Rejections() (n int64) {
	for _, count := range r.Rejected {
		n += count
	}
	return n
}

// batch is how many submissions are committed at once: a commit waits for the disk, so one that holds many costs each
// of them little; at some 600 bytes a submission it stays below a megabyte.
const batch = 1000

// Backfill moves every row of the form, from the first. Rows that a service took itself are not among them.
func (j Job) Backfill(ctx context.Context) (Result, error) {
	return j.run(ctx, newSet(), 0, true)
}

// Sync moves the rows that are newer than the newest one moved before. A draft that its donor sent later keeps its old
// number: Backfill, run again, takes it.
func (j Job) Sync(ctx context.Context) (Result, error) {
	after, err := Mark(ctx, j.Parts[0].Store, j.Form)
	if err != nil {
		return Result{}, err
	}
	seen, err := loadSet(ctx, j.Parts[0].Store, j.Form)
	if err != nil {
		return Result{}, err
	}
	return j.run(ctx, seen, after, false)
}

// run is a pipeline, so that reading, judging and storing share the machine's cores.
//
//	Source ──records──► judge ──writes──► commit
func (j Job) run(ctx context.Context, seen *set, after int64, backfill bool) (Result, error) {
	mark, err := Mark(ctx, j.Parts[0].Store, j.Form)
	if err != nil {
		return Result{}, err
	}
	g, running := errgroup.WithContext(ctx)
	read, judged := make(chan []form.Record, 1), make(chan *lot, 1)
	total := Result{Rejected: map[string]int64{}}
	g.Go(func() error {
		defer close(read)
		orphans, err := j.read(running, after, read)
		total.Orphans = orphans
		return err
	})
	g.Go(func() error {
		defer close(judged)
		jury := judge{job: j, seen: seen}
		for records := range read {
			if err := send(running, judged, jury.lot(records)); err != nil {
				return err
			}
		}
		return nil
	})
	c := committer{job: j, mark: mark, result: &total}
	g.Go(func() error { return c.run(running, judged) })
	err = g.Wait()
	if err == nil {
		err = j.arrived(ctx, backfill)
	}
	if err != nil {
		return total, fmt.Errorf("move: %s, after %d rows: %w", j.Form.Alias, total.Rows, err)
	}
	return total, nil
}

// read hands the source's records on in batches.
func (j Job) read(ctx context.Context, after int64, to chan<- []form.Record) (int64, error) {
	const size = batch
	records := make([]form.Record, 0, size)
	orphans, err := j.Source.Records(ctx, j.Form.Alias, drupal.Span{After: after}, func(r form.Record) error {
		records = append(records, r)
		if len(records) < size {
			return nil
		}
		full := records
		records = make([]form.Record, 0, size)
		return send(ctx, to, full)
	})
	if err == nil && len(records) > 0 {
		err = send(ctx, to, records)
	}
	return orphans, err
}

func send[T any](ctx context.Context, to chan<- T, v T) error {
	select {
	case to <- v:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
