package move

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/shared/kv"
)

// A partition spans at least four pages, since each costs a claim and an end; a plan has at most eighty, so that
// it fits into one transaction of DynamoDB and sixteen movers have five each.
const (
	fewest = 4 * width // sids
	widest = 80        // partitions
)

// plan is one backfill of a form.
type plan struct {
	Number     int64     `json:"number"` // of the form's backfills, from 1
	Live       bool      `json:"live"`   // what it was made for
	Partitions int       `json:"partitions"`
	Began      time.Time `json:"began"`
	Settled    Result    `json:"settled"` // corrections once every partition is done: of several equal rows the first counts
	Finished   bool      `json:"finished"`

	rev kv.Condition
}

// partition is a range of sids that one mover works on at a time.
type partition struct {
	Plan   int64  `json:"plan"`
	No     int    `json:"no"`
	After  int64  `json:"after"`           // sids greater than this
	Until  int64  `json:"until,omitempty"` // and at most this; 0: to the end
	At     int64  `json:"at,omitempty"`    // rows up to this sid are done
	Counts Result `json:"counts"`
	Owner  string `json:"owner,omitempty"`
	Done   bool   `json:"done,omitempty"`

	rev kv.Condition
}

func (p partition) span() drupal.Span { return drupal.Span{After: p.After, Until: p.Until} }

func (m *mover) planKey() kv.Key { return kv.Key{Part: statePart(m.job.Form), Sort: "plan"} }

func (m *mover) partitionKey(no int) kv.Key {
	return kv.Key{Part: statePart(m.job.Form), Sort: fmt.Sprintf("partition/%05d", no)}
}

// get reads an item of the form's state into v; 0: there is none.
func (m *mover) get(ctx context.Context, key kv.Key, v any) (rev kv.Condition, err error) {
	item, err := m.store.Get(ctx, key)
	if errors.Is(err, kv.ErrNotFound) {
		return 0, nil
	}
	if err == nil {
		err = json.Unmarshal(item.Data, v)
	}
	if err != nil {
		return 0, fmt.Errorf("%v cannot be read: %w", key, err)
	}
	return kv.Condition(item.Rev), nil
}

func put(key kv.Key, v any, on kv.Condition) kv.Write {
	data, err := json.Marshal(v)
	if err != nil {
		panic("move: " + err.Error()) // numbers and texts
	}
	return kv.Write{Key: key, Data: data, If: on}
}

// plan is the form's backfill that has not come to its end, or a new one. One that was made for a dump is not gone on
// with from a live site, nor the other way round: begun anew it finds what was moved unchanged.
func (m *mover) plan(ctx context.Context) (plan, error) {
	for range patience {
		var p plan
		rev, err := m.get(ctx, m.planKey(), &p)
		if err != nil {
			return p, err
		}
		if p.rev = rev; rev != 0 && !p.Finished && p.Live == m.job.Source.Live() {
			return p, nil
		}
		next := plan{Number: p.Number + 1, Live: m.job.Source.Live(), Began: m.job.now().UTC(), Settled: newResult(), rev: 1}
		writes, err := m.divide(ctx, &next)
		if err != nil {
			return p, err
		}
		on := kv.Absent
		if rev != 0 {
			on, next.rev = rev, rev+1
		}
		err = m.store.Commit(ctx, append(writes, put(m.planKey(), next, on))...)
		if err == nil {
			return next, nil
		}
		if !errors.Is(err, kv.ErrConflict) { // another mover has begun: its plan is ours
			return p, err
		}
	}
	return plan{}, fmt.Errorf("the plan of the backfill keeps changing: %w", kv.ErrConflict)
}

// divide cuts the sids that there are into partitions, at the borders of pages, so that no two movers write one page. The
// last goes on to the end: what comes meanwhile is its.
func (m *mover) divide(ctx context.Context, p *plan) (writes []kv.Write, err error) {
	size, last := int64(0), int64(0)
	if p.Live {
		if last, err = m.job.Source.Last(ctx, m.job.Form.Alias); err != nil {
			return nil, err
		}
		size = max(fewest, (last/widest/width+1)*width)
	}
	for after := int64(-1); ; after += size {
		part := partition{Plan: p.Number, No: p.Partitions, After: after, Until: after + size, Counts: newResult()}
		if p.Partitions++; size == 0 || part.Until >= last {
			part.Until = 0
		}
		writes = append(writes, put(m.partitionKey(part.No), part, kv.Always))
		if part.Until == 0 {
			return writes, nil
		}
	}
}

// partition reads one.
func (m *mover) partition(ctx context.Context, p plan, no int) (partition, error) {
	var part partition
	rev, err := m.get(ctx, m.partitionKey(no), &part)
	switch {
	case err != nil:
		return part, err
	case rev == 0 || part.Plan != p.Number:
		return part, fmt.Errorf("the partition %d of the backfill %d is not there: another backfill has begun; run the same command again", no, p.Number)
	}
	part.rev = rev
	return part, nil
}

// lease is how long a partition of another mover must stand still before it is taken over, by our own watch: a mover
// revises it with every batch, and once a second without. Whoever was only slow finds at its next commit that it
// lost the partition, and that is all. Who was killed on this machine is known to be gone, and is not waited for.
const (
	lease = 4 * time.Second
	beat  = time.Second
)

// silence knows since when partitions of others have stood still.
type silence map[int]struct {
	rev   kv.Condition
	since time.Time
}

// over says that a partition's owner has not been heard of for too long.
func (s silence) over(p partition) bool {
	seen, known := s[p.No]
	if !known || seen.rev != p.rev {
		seen.rev, seen.since = p.rev, time.Now()
		s[p.No] = seen
	}
	return time.Since(seen.since) >= lease
}
