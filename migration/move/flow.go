package move

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/shared/form"
)

// reading is a walk over a span of the source.
type reading struct {
	span  drupal.Span
	skip  int64                           // rows up to this sid are read over
	whole bool                            // batches take whole pages, those without rows too
	beat  func(ctx context.Context) error // called once a second while nothing is stored; nil: nothing is
}

// A batch ends with a page once it has so many rows or spans so many pages, and wherever it is once it has waited so
// long.
const (
	batchRows  = width
	batchPages = 20
	batchTime  = 500 * time.Millisecond
)

// records are those of a batch, before anybody has looked at them.
type records struct {
	rows     []form.Record
	from, to int64
}

// flow is a pipeline, so that reading, judging and storing share the machine's cores.
//
//	Source ──records──► jury ──rows──► hand
func (m *mover) flow(ctx context.Context, h *hand, r reading) (orphans int64, err error) {
	g, running := errgroup.WithContext(ctx)
	read, judged := make(chan records, 1), make(chan *batch, 1)
	g.Go(func() (err error) {
		defer close(read)
		orphans, err = m.read(running, r, read)
		return err
	})
	g.Go(func() error {
		defer close(judged)
		y := m.job.jury()
		for in := range read {
			b := &batch{rows: make([]*row, len(in.rows)), from: in.from, to: in.to, whole: r.whole}
			for i, record := range in.rows {
				if b.rows[i] = y.row(record); h.again { // else most are as they were
					m.job.judge(b.rows[i])
				}
			}
			if err := send(running, judged, b); err != nil {
				return err
			}
		}
		return nil
	})
	g.Go(func() error { return h.store(running, judged, r.beat) })
	return orphans, g.Wait()
}

// store takes the batches as they come.
func (h *hand) store(ctx context.Context, batches <-chan *batch, alive func(context.Context) error) error {
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for {
		select {
		case b, more := <-batches:
			if !more {
				return ctx.Err()
			}
			if err := h.take(ctx, b); err != nil {
				return err
			}
			if alive != nil {
				tick.Reset(beat)
			}
		case <-tick.C:
			if alive != nil {
				if err := alive(ctx); err != nil {
					return err
				}
			}
		}
	}
}

// read hands the source's records on in batches.
func (m *mover) read(ctx context.Context, r reading, to chan<- records) (int64, error) {
	from := (r.span.After + 1) / width // of the batch, where it takes whole pages
	var b records
	since := time.Now()
	flush := func() error {
		full := b
		b = records{rows: make([]form.Record, 0, batchRows)}
		if n := len(full.rows); n > 0 {
			full.from, full.to = full.rows[0].SID/width, full.rows[n-1].SID/width
		}
		if r.whole {
			full.from, from = from, full.to+1
		}
		err := send(ctx, to, full)
		since = time.Now() // not before: who is held up must not come in small pieces
		return err
	}
	orphans, err := m.job.Source.Records(ctx, m.job.Form.Alias, r.span, func(record form.Record) error {
		if record.SID <= r.skip {
			return nil
		}
		if n := len(b.rows); n > 0 {
			first, last, next := b.rows[0].SID/width, b.rows[n-1].SID/width, record.SID/width
			if last != next && (n >= batchRows || next-first >= batchPages) || !r.whole && time.Since(since) > batchTime {
				if err := flush(); err != nil {
					return err
				}
			}
		}
		b.rows = append(b.rows, record)
		return nil
	})
	if err == nil && len(b.rows) > 0 {
		err = flush()
	}
	if end := r.span.Until / width; err == nil && r.whole && from <= end { // the pages behind the last row have none
		err = send(ctx, to, records{from: from, to: end})
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
