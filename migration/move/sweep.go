package move

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/kv"
)

// sweep goes over the pages, and finds what is no longer as it was when it was moved: rows that were edited, rows that came
// late, below the mark, and rows that are gone. A page is read only where the source's sum of its range is another.
type sweep struct {
	m       *mover
	began   time.Time
	missing []int64 // rows that the source had, and has no longer
	spoilt  []int64 // rows that were moved, and that it has now as none that can be
	rows    int64   // rows of the pages
}

// run is how many pages that differ are read at once.
const run = 10

// over looks at the pages from one number up to another.
func (s *sweep) over(ctx context.Context, h *hand, from, to int64) error {
	var chunks []drupal.Chunk
	within := drupal.Span{After: from*width - 1, Until: (to+1)*width - 1}
	err := s.m.job.Source.Sweep(ctx, s.m.job.Form.Alias, within, width, func(c drupal.Chunk) error {
		chunks = append(chunks, c)
		return nil
	})
	if err != nil {
		return err
	}
	swept := map[int64]drupal.Chunk{}
	for _, c := range chunks {
		swept[c.Until/width] = c
	}
	var differ []int64
	err = s.m.each(ctx, from, to, func(p *page) error {
		s.rows += int64(len(p.rows))
		for _, e := range p.rows {
			s.m.firsts.observe(e)
		}
		c, has := swept[p.no]
		delete(swept, p.no)
		switch {
		case !has && len(p.rows) == 0:
		case !has:
			for _, e := range p.rows {
				s.missing = append(s.missing, e.sid)
			}
		case p.widened || !p.same(c):
			differ = append(differ, p.no)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for no := range swept { // no page yet
		differ = append(differ, no)
	}
	slices.Sort(differ)
	return s.read(ctx, h, differ, chunks)
}

// read looks at the rows of pages that differ, neighbours together. Sums were taken before the rows are read, so one is
// kept only where nothing was found to have changed: what changes in between is found by the next sweep.
func (s *sweep) read(ctx context.Context, h *hand, differ []int64, chunks []drupal.Chunk) error {
	sums := map[int64]drupal.Chunk{}
	for _, c := range chunks {
		sums[c.Until/width] = c
	}
	h.withheld = func(sid int64) { s.spoilt = append(s.spoilt, sid) }
	defer func() { h.withheld = nil }()
	h.after = func(b *batch, pages map[int64]*page) error {
		s.absent(b, pages)
		return s.keep(ctx, pages, sums)
	}
	for len(differ) > 0 {
		n := 1
		for n < len(differ) && n < run && differ[n] == differ[n-1]+1 {
			n++
		}
		within := drupal.Span{After: differ[0]*width - 1, Until: (differ[n-1]+1)*width - 1}
		if _, err := s.m.flow(ctx, h, reading{span: within, whole: true}); err != nil {
			return err
		}
		differ = differ[n:]
	}
	return nil
}

// absent notes what a batch does not have of its pages.
func (s *sweep) absent(b *batch, pages map[int64]*page) {
	there := make(map[int64]bool, len(b.rows))
	for _, w := range b.rows {
		there[w.SID] = true
	}
	for _, p := range pages {
		for _, e := range p.rows {
			if !there[e.sid] {
				s.missing = append(s.missing, e.sid)
			}
		}
	}
}

// keep stores the source's sums of pages that were found to be as they are known.
func (s *sweep) keep(ctx context.Context, pages map[int64]*page, sums map[int64]drupal.Chunk) error {
	if s.m.job.DryRun {
		return nil
	}
	for _, p := range pages {
		c, has := sums[p.no]
		if !has || p.changed || c.Rows != int64(len(p.rows)) {
			continue
		}
		p.swept = c
		err := s.m.store.Commit(ctx, kv.Write{Key: pageKey(s.m.job.Form, p.no), Data: p.encode(), If: p.rev})
		if err != nil && !errors.Is(err, kv.ErrConflict) { // somebody stores rows of it: the next sweep looks again
			return err
		}
	}
	return nil
}

// few is how many rows may be taken away at once whatever share of all they are, and share what part of them may be whatever
// their number. More than both is no day's work of an editor: a table was emptied, or this is another site.
const (
	few   = 100
	share = 100 // one in so many
)

// errDeletes says that nothing was taken away.
type errDeletes struct{ gone, spoilt, rows int64 }

func (e errDeletes) Error() string {
	what := fmt.Sprintf("the old site no longer has %d of the %d rows that were moved", e.gone, e.rows)
	if e.spoilt > 0 {
		what += fmt.Sprintf(", and has %d of them now as drafts or without what a row must have", e.spoilt)
	}
	return fmt.Sprintf("%s; that is more than 1 %% and more than %d at once, so none was deleted. "+
		"If it is the right site and its tables are whole, and they are meant to go, accept that many with --deletes %d", what, few, e.gone+e.spoilt)
}

// live is how far a source goes that knows of every row there may be.
const live = math.MaxInt64

// follow takes away what is gone from the source, each row only if it is still gone now, and what cannot be moved any more.
// last is how far the source goes: of what lies beyond, a dump that was made earlier knows nothing.
func (s *sweep) follow(ctx context.Context, h *hand, last int64) error {
	slices.Sort(s.missing)
	slices.Sort(s.spoilt)
	s.missing, s.spoilt = slices.Compact(s.missing), slices.Compact(s.spoilt)
	s.missing = slices.DeleteFunc(s.missing, func(sid int64) bool { return sid > last })
	if n := int64(len(s.missing) + len(s.spoilt)); n > few && n*share > s.rows && n > s.m.job.Deletes {
		return errDeletes{int64(len(s.missing)), int64(len(s.spoilt)), s.rows}
	}
	if err := s.withdraw(ctx, h); err != nil {
		return err
	}
	for len(s.missing) > 0 {
		no, n := s.missing[0]/width, 1
		for n < len(s.missing) && s.missing[n]/width == no {
			n++
		}
		if err := s.delete(ctx, h, no, s.missing[:n]); err != nil {
			return err
		}
		s.missing = s.missing[n:]
	}
	return nil
}

// withdraw takes away the rows that can be moved no longer, as they are now.
func (s *sweep) withdraw(ctx context.Context, h *hand) error {
	records, err := s.m.records(ctx, s.spoilt)
	if err != nil {
		return err
	}
	h.willing, h.after = true, nil
	defer func() { h.willing = false }()
	y := s.m.job.jury()
	for _, sid := range s.spoilt {
		r, there := records[sid]
		if !there { // gone meanwhile: the next sweep's
			continue
		}
		if err := h.take(ctx, &batch{rows: []*row{y.row(r)}, from: sid / width, to: sid / width}); err != nil {
			return err
		}
	}
	s.spoilt = nil
	return nil
}

// delete takes rows of one page away.
func (s *sweep) delete(ctx context.Context, h *hand, no int64, sids []int64) error {
	back := map[int64]bool{}
	if s.m.job.Source.Live() {
		within := drupal.Span{After: no*width - 1, Until: (no+1)*width - 1}
		_, err := s.m.job.Source.Records(ctx, s.m.job.Form.Alias, within, func(r form.Record) error {
			back[r.SID] = true
			return nil
		})
		if err != nil {
			return err
		}
	}
	b := &batch{from: no, to: no}
	for _, sid := range sids {
		if !back[sid] {
			b.rows = append(b.rows, &row{Record: form.Record{Form: s.m.job.Form.Alias, SID: sid}, state: gone})
		}
	}
	h.after = nil
	return h.take(ctx, b)
}
