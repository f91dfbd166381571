package move

import (
	"context"
	"strconv"

	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/shared/kv"
)

// Sync brings the services to where the old site is now: rows that came since, rows that were looked at too early, edits and
// deletes. It needs no backfill before it, and leaves alone what has not changed. It may run beside a backfill and
// beside other syncs. A dump that is older than what was followed before is an ErrOlder, here and in Backfill.
func (j Job) Sync(ctx context.Context) (Result, error) {
	if !j.decided() {
		return j.Backfill(ctx)
	}
	m, err := j.mover(ctx)
	if err != nil {
		return newResult(), j.wrapped(newResult(), err)
	}
	h := &hand{m: m, counts: newResult()}
	err = m.sync(ctx, h)
	return h.counts, j.wrapped(h.counts, err)
}

func (m *mover) sync(ctx context.Context, h *hand) error {
	mark, err := m.start(ctx)
	if err != nil {
		return err
	}
	s := &sweep{m: m, began: m.job.now().UTC()}
	end := int64(live)
	if m.job.Source.Live() {
		err = m.tail(ctx, h, mark)
		if err == nil {
			err = m.swept(ctx, h, s)
		}
	} else {
		end, err = m.stream(ctx, h, s)
	}
	if err == nil {
		err = s.follow(ctx, h, end)
	}
	if err == nil {
		err = m.settled(ctx, h)
	}
	if err != nil || m.job.DryRun {
		return err
	}
	as, err := m.asOf(ctx)
	if err != nil {
		return err
	}
	return m.note(ctx, func(st *Standing) {
		st.Synced, st.Swept, st.Deleted = m.job.now().UTC(), s.began, s.began
		as(st)
	})
}

// start knows the first of each submission, and where new rows begin.
func (m *mover) start(ctx context.Context) (mark int64, err error) {
	if err := m.load(ctx); err != nil {
		return 0, err
	}
	return Mark(ctx, m.store, m.job.Form)
}

func (m *mover) note(ctx context.Context, change func(*Standing)) error {
	w, err := m.job.arrived(ctx, change)
	if err != nil {
		return err
	}
	return m.store.Commit(ctx, w)
}

// settled lets the first row count where that may be another now.
func (m *mover) settled(ctx context.Context, h *hand) error {
	if m.job.DryRun {
		return nil
	}
	settler := &hand{m: m, look: true, counts: newResult()}
	err := m.settle(ctx, settler, false)
	h.counts.add(settler.counts)
	return err
}

// mark is the anchor of new rows: it says that all up to it were looked at.
type mark struct {
	m  *mover
	at int64
	to int64
}

func (a *mark) next(_ Result, last int64) (kv.Write, bool) {
	a.to = last
	return kv.Write{Key: markKey(a.m.job.Form), Data: strconv.AppendInt(nil, last, 10)}, last > a.at
}

func (a *mark) took() { a.at = a.to }

func (a *mark) again(context.Context) (int64, error) { return 0, nil }

// tail moves the rows after a sid.
func (m *mover) tail(ctx context.Context, h *hand, after int64) error {
	a := &mark{m: m, at: after}
	h.anchor, h.after = a, nil
	orphans, err := m.flow(ctx, h, reading{span: drupal.Span{After: after}})
	h.counts.Orphans += orphans
	h.anchor = nil
	return err
}

// swept sweeps everything once.
func (m *mover) swept(ctx context.Context, h *hand, s *sweep) error {
	last, err := m.job.Source.Last(ctx, m.job.Form.Alias)
	if err != nil {
		return err
	}
	last = max(last, m.top)
	for from := int64(0); from <= last/width; from += stride {
		if err := s.over(ctx, h, from, from+stride-1); err != nil {
			return err
		}
	}
	return nil
}

// stride is how many pages are asked for their sums at once.
const stride = 200

// stream holds a source that can only be read whole against what is known of it, and returns how far it goes.
func (m *mover) stream(ctx context.Context, h *hand, s *sweep) (last int64, err error) {
	h.after = func(b *batch, pages map[int64]*page) error {
		s.absent(b, pages)
		if n := len(b.rows); n > 0 {
			last = b.rows[n-1].SID
		}
		return nil
	}
	h.withheld = func(sid int64) { s.spoilt = append(s.spoilt, sid) }
	defer func() { h.withheld = nil }()
	s.rows = m.known
	orphans, err := m.flow(ctx, h, reading{span: drupal.Span{After: -1}, whole: true})
	h.counts.Orphans += orphans
	if err != nil || m.job.DryRun {
		return last, err
	}
	w, err := m.marked(ctx, last)
	if err == nil {
		err = m.store.Commit(ctx, w)
	}
	return last, err
}
