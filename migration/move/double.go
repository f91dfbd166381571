package move

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/kv"
)

// contestedKey notes, together with the rows that make it so, that another row than the one that counts may be the first
// of its submission: an earlier one came late, or the first is gone.
func contestedKey(f form.Form, digest uint64) kv.Key {
	return kv.Key{Part: statePart(f) + "/contested", Sort: fmt.Sprintf("%016x", digest)}
}

// candidate is a row that its digest may make a duplicate.
type candidate struct {
	digest uint64
	sid    int64
	moved  bool
}

// settle lets the first row of each submission count, and none but it. What workers decide at the same time, each by what
// it had seen, becomes so what one that read the rows in order would have decided. everywhere looks at all pages instead of
// the contested submissions alone.
func (m *mover) settle(ctx context.Context, h *hand, everywhere bool) error {
	contested, err := m.contested(ctx)
	if err != nil {
		return err
	}
	doubtful := m.firsts.doubtful()
	for digest := range contested {
		doubtful[digest] = true
	}
	if everywhere {
		if err := m.repeated(ctx, doubtful); err != nil {
			return err
		}
	}
	if len(doubtful) == 0 {
		return nil
	}
	var all []candidate
	err = m.digests(ctx, func(e entry) {
		if doubtful[e.digest] {
			all = append(all, candidate{e.digest, e.sid, e.state == moved})
		}
	})
	if err != nil {
		return err
	}
	h.again, h.settling = true, true
	if err := m.again(ctx, h, all); err != nil {
		return err
	}
	m.firsts.looked(doubtful)
	for digest, rev := range contested { // one that was noted again meanwhile is the next one's
		err := m.store.Commit(ctx, kv.Write{Key: contestedKey(m.job.Form, digest), Delete: true, If: rev})
		if err != nil && !errors.Is(err, kv.ErrConflict) {
			return err
		}
	}
	return nil
}

// digests gives the rows that may double another.
func (m *mover) digests(ctx context.Context, yield func(entry)) error {
	return m.each(ctx, 0, -1, func(p *page) error {
		for _, e := range p.rows {
			if e.digest != 0 && (e.state == moved || e.state == doubled) {
				yield(e)
			}
		}
		return nil
	})
}

// repeated adds the digests of more than one row, and those of rows that are taken for duplicates. Of a million rows
// that takes eight megabytes.
func (m *mover) repeated(ctx context.Context, found map[uint64]bool) error {
	all := make([]uint64, 0, m.known)
	err := m.digests(ctx, func(e entry) {
		all = append(all, e.digest)
		if e.state == doubled {
			found[e.digest] = true
		}
	})
	slices.Sort(all)
	for i, d := range all[:max(0, len(all)-1)] {
		if d == all[i+1] {
			found[d] = true
		}
	}
	return err
}

// wrong are the sids of the rows that count and should not, or the other way round, in order.
func (m *mover) wrong(all []candidate) (sids []int64) {
	slices.SortFunc(all, func(a, b candidate) int { return cmp.Or(cmp.Compare(a.digest, b.digest), cmp.Compare(a.sid, b.sid)) })
	for i, c := range all {
		first := i == 0 || all[i-1].digest != c.digest
		if first {
			m.firsts.settle(c.digest, c.sid)
		}
		if first != c.moved {
			sids = append(sids, c.sid)
		}
	}
	slices.Sort(sids)
	return sids
}

// contested are the notes in the store, each with its revision.
func (m *mover) contested(ctx context.Context) (map[uint64]kv.Condition, error) {
	found := map[uint64]kv.Condition{}
	for after := ""; ; {
		items, err := m.store.List(ctx, contestedKey(m.job.Form, 0).Part, "", after, 500)
		if err != nil || len(items) == 0 {
			return found, err
		}
		for _, item := range items {
			digest, err := strconv.ParseUint(item.Key.Sort, 16, 64)
			if err != nil {
				return found, fmt.Errorf("%v is no digest: %w", item.Key, err)
			}
			found[digest], after = kv.Condition(item.Rev), item.Key.Sort
		}
	}
}

// again looks once more at the rows that count and should not, or the other way round. One that is gone meanwhile cannot be
// the first: then the next one is, and the sweep takes away what is left of it.
func (m *mover) again(ctx context.Context, h *hand, all []candidate) error {
	for {
		wrong := m.wrong(all)
		records, err := m.records(ctx, wrong)
		if err != nil {
			return err
		}
		before := len(all)
		all = slices.DeleteFunc(all, func(c candidate) bool {
			_, there := records[c.sid]
			_, asked := slices.BinarySearch(wrong, c.sid)
			return asked && !there
		})
		if len(all) < before {
			continue
		}
		y := m.job.jury()
		for _, sid := range wrong {
			if err := h.take(ctx, &batch{rows: []*row{y.row(records[sid])}, from: sid / width, to: sid / width}); err != nil {
				return err
			}
		}
		return nil
	}
}

// records reads rows by their sids.
func (m *mover) records(ctx context.Context, sids []int64) (map[int64]form.Record, error) {
	found := map[int64]form.Record{}
	read := func(after, until int64) error {
		_, err := m.job.Source.Records(ctx, m.job.Form.Alias, drupal.Span{After: after, Until: until}, func(r form.Record) error {
			if _, ours := slices.BinarySearch(sids, r.SID); ours {
				found[r.SID] = r
			}
			return nil
		})
		return err
	}
	if len(sids) == 0 {
		return found, nil
	}
	if !m.job.Source.Live() { // one reading for all
		return found, read(sids[0]-1, sids[len(sids)-1])
	}
	for _, sid := range sids {
		if err := read(sid-1, sid); err != nil {
			return found, err
		}
	}
	return found, nil
}

// ending is the plan as the anchor of what settle corrects: whoever finishes it first has counted.
type ending struct {
	m    *mover
	now  plan
	then plan
}

func (e *ending) next(counts Result, _ int64) (kv.Write, bool) {
	e.then = e.now
	e.then.Settled = e.now.Settled.copied()
	e.then.Settled.add(counts)
	return put(e.m.planKey(), e.then, e.then.rev), true
}

func (e *ending) took() {
	e.then.rev++
	e.now = e.then
}

func (e *ending) again(ctx context.Context) (int64, error) {
	number := e.now.Number
	rev, err := e.m.get(ctx, e.m.planKey(), &e.now)
	if e.now.rev = rev; err == nil && (e.now.Number != number || e.now.Finished) {
		err = errLost
	}
	return 0, err
}

// finish ends a backfill of which every partition is done.
func (m *mover) finish(ctx context.Context, p plan) (Result, error) {
	e := &ending{m: m, now: p}
	for {
		if _, err := e.again(ctx); errors.Is(err, errLost) { // another mover has finished it
			return m.total(ctx, e.now)
		} else if err != nil {
			return newResult(), err
		}
		err := m.settle(ctx, &hand{m: m, look: true, recounting: true, anchor: e}, p.Partitions > 1)
		if err == nil {
			err = m.end(ctx, e)
		}
		if err == nil {
			return m.total(ctx, e.now)
		}
		if !errors.Is(err, errLost) && !errors.Is(err, kv.ErrConflict) {
			return newResult(), err
		}
	}
}

// end marks the plan as finished, together with how far it has come.
func (m *mover) end(ctx context.Context, e *ending) error {
	last := int64(0)
	for no := range e.now.Partitions {
		part, err := m.partition(ctx, e.now, no)
		if err != nil {
			return err
		}
		last = max(last, part.At)
	}
	mark, err := m.marked(ctx, last)
	if err != nil {
		return err
	}
	as, err := m.asOf(ctx)
	if err != nil {
		return err
	}
	standing, err := m.job.arrived(ctx, func(s *Standing) {
		s.Backfilled, s.Synced = m.job.now().UTC(), m.job.now().UTC()
		as(s)
	})
	if err != nil {
		return err
	}
	e.now.Finished = true
	return m.store.Commit(ctx, put(m.planKey(), e.now, e.now.rev), mark, standing)
}
