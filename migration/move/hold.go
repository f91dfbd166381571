package move

import (
	"context"
	"errors"

	"golang.org/x/sync/errgroup"

	"github.com/banyan-migration/banyan/shared/kv"
)

// hold is a partition that this mover works on, and the anchor of its commits.
type hold struct {
	m    *mover
	plan plan
	now  partition // as it is stored
	then partition // as it is once the commit under way has happened
}

// claim takes a partition; ErrConflict: somebody was faster.
func (m *mover) claim(ctx context.Context, p plan, part partition) (*hold, error) {
	h := &hold{m: m, plan: p, now: part}
	part.Owner = owner()
	if err := h.put(ctx, part); err != nil {
		return nil, err
	}
	return h, nil
}

func (h *hold) put(ctx context.Context, part partition) error {
	if err := h.m.store.Commit(ctx, put(h.m.partitionKey(part.No), part, part.rev)); err != nil {
		return err
	}
	part.rev++
	h.now = part
	return nil
}

func (h *hold) next(counts Result, last int64) (kv.Write, bool) {
	h.then = h.now
	h.then.Counts = h.now.Counts.copied()
	h.then.Counts.add(counts)
	h.then.At = max(h.now.At, last)
	return put(h.m.partitionKey(h.then.No), h.then, h.then.rev), true
}

func (h *hold) took() {
	h.then.rev++
	h.now = h.then
}

func (h *hold) again(ctx context.Context) (int64, error) {
	part, err := h.m.partition(ctx, h.plan, h.now.No)
	if err != nil {
		return 0, err
	}
	if part.Owner != h.now.Owner {
		return 0, errLost
	}
	h.now = part
	return part.At, nil
}

// beat tells the others that we are still at it.
func (h *hold) beat(ctx context.Context) error {
	err := h.put(ctx, h.now)
	if errors.Is(err, kv.ErrConflict) {
		_, err = h.again(ctx)
	}
	return err
}

// release lets others take the partition at once. Who cannot say so any more leaves it to their watch.
func (h *hold) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), beat)
	defer cancel()
	part := h.now
	part.Owner = ""
	_ = h.m.job.Parts[0].Store.Commit(ctx, put(h.m.partitionKey(part.No), part, part.rev)) // once, and not patiently: see above
}

// run moves the partition's rows, from where its last mover stopped. What lies before is read over, for the orphans there
// are counted with the rest.
func (h *hold) run(ctx context.Context) error {
	hand := &hand{m: h.m, again: true, anchor: h, look: h.plan.Number > 1}
	orphans, err := h.m.flow(ctx, hand, reading{span: h.now.span(), skip: h.now.At, beat: h.beat})
	if err == nil {
		part := h.now
		part.Counts = part.Counts.copied()
		part.Counts.Orphans += orphans
		part.Done, part.Owner = true, ""
		if err = h.put(ctx, part); errors.Is(err, kv.ErrConflict) {
			_, err = h.again(ctx)
			if err == nil {
				err = h.put(ctx, part)
			}
		}
	}
	if err != nil && !errors.Is(err, errLost) {
		h.release(ctx)
	}
	return err
}

// backfill works on the form's plan until all of it is done, by whomever.
func (m *mover) backfill(ctx context.Context) (Result, error) {
	if m.job.DryRun {
		return m.rehearse(ctx)
	}
	p, err := m.plan(ctx)
	if err != nil {
		return newResult(), err
	}
	if err := m.load(ctx); err != nil {
		return newResult(), err
	}
	g, working := errgroup.WithContext(ctx)
	for range min(m.workers(), p.Partitions) {
		g.Go(func() error { return m.work(working, p) })
	}
	err = g.Wait()
	if err == nil {
		return m.finish(ctx, p)
	}
	total, _ := m.total(context.WithoutCancel(ctx), p) // for the message alone
	return total, err
}

// work takes partitions that nobody works on, one after the other, until none is left.
func (m *mover) work(ctx context.Context, p plan) error {
	quiet := silence{}
	for {
		h, left, err := m.take(ctx, p, quiet)
		switch {
		case err != nil:
			return err
		case h != nil:
			if err := h.run(ctx); err != nil && !errors.Is(err, errLost) {
				return err
			}
		case left:
			if err := pause(ctx, lease/20); err != nil {
				return err
			}
		default:
			return nil
		}
	}
}

// take claims the first partition that is to be had; left says that others still work on some.
func (m *mover) take(ctx context.Context, p plan, quiet silence) (h *hold, left bool, err error) {
	for no := range p.Partitions {
		part, err := m.partition(ctx, p, no)
		if err != nil {
			return nil, false, err
		}
		if part.Done {
			continue
		}
		left = true
		if h, err := m.free(ctx, p, part, quiet); h != nil || err != nil {
			return h, true, err
		}
	}
	return nil, left, nil
}

// free claims a partition if nobody works on it.
func (m *mover) free(ctx context.Context, p plan, part partition, quiet silence) (*hold, error) {
	if part.Owner != "" && !dead(part.Owner) && !quiet.over(part) {
		return nil, nil
	}
	h, err := m.claim(ctx, p, part)
	if errors.Is(err, kv.ErrConflict) { // somebody was faster
		return nil, nil
	}
	return h, err
}

// total adds up what became of the rows so far.
func (m *mover) total(ctx context.Context, p plan) (Result, error) {
	total := newResult()
	for no := range p.Partitions {
		part, err := m.partition(ctx, p, no)
		if err != nil {
			return total, err
		}
		total.add(part.Counts)
	}
	total.add(p.Settled)
	return total, nil
}

var _ anchor = (*hold)(nil)

// rehearse is a backfill that writes nothing.
func (m *mover) rehearse(ctx context.Context) (Result, error) {
	if err := m.load(ctx); err != nil {
		return newResult(), err
	}
	hand := &hand{m: m, again: true, look: true, counts: newResult()}
	orphans, err := m.flow(ctx, hand, reading{})
	hand.counts.Orphans += orphans
	return hand.counts, err
}
