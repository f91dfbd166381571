package move

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/banyan-migration/banyan/shared/kv"
)

// patience is how often a batch is tried again when somebody else writes the same rows at the same time.
const patience = 12

// batch are rows that are stored together: a commit waits for the disk, so one that holds many costs each of them
// little; at some 600 bytes a row it stays below a megabyte.
type batch struct {
	rows     []*row // by sid
	from, to int64  // the numbers of their pages
	whole    bool   // there are no other rows in these pages
}

// anchor is an item that every commit of a hand revises: it says how far the hand has come, and whoever else has
// revised it has taken the work over.
type anchor interface {
	// next is its write along with rows that bring these counts, up to a sid; false: it need not be written.
	next(counts Result, last int64) (kv.Write, bool)
	// took is told that it was written.
	took()
	// again reads it after a conflict and says up to which sid the rows are stored after all; errLost: somebody else has it.
	again(ctx context.Context) (at int64, err error)
}

// errLost says that another mover has taken a partition over, and moves its rows.
var errLost = errors.New("move: somebody else has taken this over")

// hand stores batches, in order. It is for one goroutine.
type hand struct {
	m          *mover
	again      bool // look also at rows that are as they were, and at what is stored of them
	look       bool // ask the stores first, even for rows that no page knows
	settling   bool // only what changes is counted
	recounting bool // and that as a correction of what was counted before
	anchor     anchor
	after      func(*batch, map[int64]*page) error // told of each batch, with its pages as they are now; nil: nobody
	willing    bool                                // take away what was moved and can be moved no longer
	withheld   func(sid int64)                     // told of such a row where it is not; nil: nobody
	counts     Result                              // of all that it has stored
}

// withhold leaves a row that was moved as it is, though the old site now has it as none that can be: so would a table look
// that is not whole. Its page stays one that differs.
func (h *hand) withhold(p *page, sid int64) {
	p.changed = true
	if h.withheld != nil {
		h.withheld(sid)
	}
}

// take stores a batch. Whatever kills us leaves each row either stored with its page, or found again by the next run.
func (h *hand) take(ctx context.Context, b *batch) error {
	look, rows := h.look, len(b.rows)
	for n := range patience {
		pages, err := h.m.pages(ctx, b.from, b.to)
		if err == nil {
			err = h.try(ctx, b, pages, look)
		}
		switch {
		case err == nil:
			h.m.moved(rows)
			if h.after != nil {
				return h.after(b, pages)
			}
			return nil
		case !errors.Is(err, kv.ErrConflict):
			return err
		}
		if err := h.conflicted(ctx, b, n); err != nil {
			return err
		}
		look = true
	}
	return fmt.Errorf("the rows of the pages %d to %d cannot be stored, since somebody else keeps writing the same ones: %w", b.from, b.to, kv.ErrConflict)
}

// conflicted finds out what a conflict was: work that another has taken over, a commit of ours whose answer was lost, or rows
// that somebody writes at the same time, who is let go first.
func (h *hand) conflicted(ctx context.Context, b *batch, n int) error {
	if h.anchor != nil {
		at, err := h.anchor.again(ctx)
		if err != nil {
			return err
		}
		b.rows = slices.DeleteFunc(b.rows, func(w *row) bool { return w.SID <= at })
	}
	return pause(ctx, time.Duration(rand.Int64N(int64(n+1)*int64(5*time.Millisecond)+1)))
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// try decides about every row and stores what that comes to, in as few commits as the store allows.
func (h *hand) try(ctx context.Context, b *batch, pages map[int64]*page, look bool) error {
	most := h.m.most
	l := h.lot()
	for i, w := range b.rows {
		no := w.SID / width
		p := pages[no]
		if p == nil {
			p = &page{no: no, rev: kv.Absent, services: h.m.services}
			pages[no] = p
		}
		s, err := h.decide(ctx, p, w, look)
		if err != nil {
			return err
		}
		if s == nil {
			continue
		}
		if l.size()+s.size()+1 > most && l.steps > 0 {
			if err := h.commit(ctx, l, b.rows[i-1].SID); err != nil {
				return err
			}
			l = h.lot()
		}
		l.add(s)
	}
	if len(b.rows) == 0 {
		return nil
	}
	return h.commit(ctx, l, b.rows[len(b.rows)-1].SID)
}

// lot is what goes into one commit of the first store, and what the other stores are to have before it.
type lot struct {
	writes    [][]kv.Write
	pages     []*page
	contested map[uint64]bool
	counts    Result
	steps     int
}

func (h *hand) lot() *lot {
	return &lot{writes: make([][]kv.Write, len(h.m.stores)), contested: map[uint64]bool{}, counts: newResult()}
}

// size is how many writes it is in the first store, its anchor included.
func (l *lot) size() int { return len(l.writes[0]) + len(l.pages) + len(l.contested) + 1 }

func (s *step) size() int { return len(s.writes[0]) + len(s.beside) + len(s.contested) }

func (l *lot) add(s *step) {
	for i, writes := range s.writes {
		l.writes[i] = append(l.writes[i], writes...)
	}
	l.writes[0] = append(l.writes[0], s.beside...)
	for _, d := range s.contested {
		l.contested[d] = true
	}
	if !slices.Contains(l.pages, s.page) {
		l.pages = append(l.pages, s.page)
	}
	s.page.put(s.entry)
	l.counts.add(s.counts)
	l.steps++
}

// commit stores a lot: the other services first, the one that decides last, together with the pages and the anchor.
// Whatever kills us in between leaves parts that the next run finds there. (Of a row that the old site deletes or spoils
// between the two runs such a part stays: no page knows of it. Verify names it.)
func (h *hand) commit(ctx context.Context, l *lot, last int64) error {
	if h.m.job.DryRun {
		h.counts.add(l.counts)
		return nil
	}
	for i := len(h.m.stores) - 1; i > 0; i-- {
		for writes := range slices.Chunk(l.writes[i], kv.MaxWrites(h.m.stores[i])) {
			if err := h.m.stores[i].Commit(ctx, writes...); err != nil {
				return err
			}
		}
	}
	writes := l.writes[0]
	for _, p := range l.pages {
		writes = append(writes, kv.Write{Key: pageKey(h.m.job.Form, p.no), Data: p.encode(), If: p.rev})
	}
	for d := range l.contested {
		writes = append(writes, kv.Write{Key: contestedKey(h.m.job.Form, d)})
	}
	anchored := false
	if h.anchor != nil {
		var w kv.Write
		if w, anchored = h.anchor.next(l.counts, last); anchored {
			writes = append(writes, w)
		}
	}
	if len(writes) == 0 {
		return nil
	}
	if err := h.m.stores[0].Commit(ctx, writes...); err != nil {
		return err
	}
	for _, p := range l.pages {
		p.rev = max(p.rev, 0) + 1
	}
	if anchored {
		h.anchor.took()
	}
	h.counts.add(l.counts)
	return nil
}
