// Package tally counts what the judge goes by: the judged requests of a route group, by side, in cells of a few seconds; and it holds the
// catastrophe breaker. Counting takes no lock, waits for nobody and allocates nothing.
package tally

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/banyan-migration/banyan/gateway/judge"
	"github.com/banyan-migration/banyan/gateway/split"
)

// Event is one judged request that has ended. What was retried or failed over is one event, of the side that was drawn (J-6).
type Event struct {
	At       time.Time // its end
	Revision int64     // of the group, when the side was drawn
	Weight   int       // then
	Side     split.Side
	Visitor  uint64        // who asked, as a hash; the same for both sides, so that it stays with chance which of them counts a visitor
	Failed   bool          // by the side itself
	Network  bool          // of Failed: it was never reached
	Client   bool          // ended by the client, or refused by the gateway: says nothing of a side
	Write    bool          // any method but GET and HEAD
	Posted   bool          // a write that was answered
	Refused  bool          // of Posted: not accepted
	Took     time.Duration // to the answer's head, or until the client gave up (W-83); 0: it says nothing (cold, a stream, no answer)
}

// Tally counts one group. It outlives every reload. It is safe for concurrent use.
type Tally struct {
	policy atomic.Pointer[judge.Policy]
	open   atomic.Pointer[[]*cell]
	seen   seen

	mu      sync.Mutex // protects what follows, and the making and ending of cells
	closing []*cell    // ended, while a request is being counted in them
}

// New makes a tally whose cells are as long as the policy's.
func New(p judge.Policy) *Tally {
	t := &Tally{}
	t.policy.Store(&p)
	t.open.Store(&[]*cell{})
	return t
}

// Follow changes the policy. Cells that are open stay as long as they were.
func (t *Tally) Follow(p judge.Policy) { t.policy.Store(&p) }

// Policy is the one in use.
func (t *Tally) Policy() judge.Policy { return *t.policy.Load() }

// Count takes a request. Any shard will do; a connection that keeps to one is fastest.
func (t *Tally) Count(e *Event, shard int) {
	c, s := t.enter(e.At, e.Revision, e.Weight, shard)
	defer s.inside.Add(-1)
	side := &c.shards[shard%shards].side[e.Side]
	minute := uint64(e.At.Unix() / 60)
	if e.Took > 0 && t.seen.first(e.Visitor, took+b(e.Write), minute) {
		side.latency[judge.BucketOf(e.Took)].Add(1)
	}
	if e.Client {
		side.counts[client].Add(1)
		return
	}
	side.counts[requests].Add(1)
	visit := t.seen.first(e.Visitor, came, minute)
	if e.Failed && t.seen.first(e.Visitor, fell, minute) {
		visit = true // one that came well and fails later is a second visit, or a cell could have more failures than visits
		side.counts[failed].Add(1)
		side.counts[network].Add(int64(b(e.Network)))
	}
	if visit {
		side.counts[visitors].Add(1)
	}
	if e.Failed && e.Write && t.seen.first(e.Visitor, broke, minute) {
		side.counts[postsFailed].Add(1)
	}
	if e.Posted && t.seen.first(e.Visitor, wrote, minute) {
		side.counts[posts].Add(1)
		side.counts[refused].Add(int64(b(e.Refused)))
	}
}

func b(is bool) uint64 {
	if is {
		return 1
	}
	return 0
}

// Comparison is one request that both sides have answered, or legacy twice.
type Comparison struct {
	At       time.Time // its end
	Revision int64     // of the group, when the side was drawn
	Weight   int       // then
	Visitor  uint64    // who asked, as a hash
	First    bool      // what First said of the request
	Pairs    judge.Pairs
}

// First says whether a request that is about to be compared is its visitor's first of this minute: reads and writes apart. To be asked
// before anything is known of the comparison, and once for both it and its replay, so that what differs is as fair a sample as what is noise.
func (t *Tally) First(visitor uint64, write bool, at time.Time) bool {
	return t.seen.first(visitor, paired+b(write), uint64(at.Unix()/60))
}

// Pair takes a comparison. Of a visitor and a minute the first one counts, whatever it shows; of the others only that one side failed
// alone, or was slow alone, once each, and what differs in an amount or a consent (J-6, J-8).
func (t *Tally) Pair(of *Comparison) {
	p, minute := of.Pairs, uint64(of.At.Unix()/60)
	if !of.First {
		p.Compared, p.Differing, p.Replays, p.Noise = 0, 0, 0, 0
	}
	if p.NewBad+p.LegacyBad > 0 && !t.seen.first(of.Visitor, worse, minute) {
		p.NewBad, p.LegacyBad = 0, 0
	}
	if p.NewSlow+p.LegacySlow > 0 && !t.seen.first(of.Visitor, slower, minute) {
		p.NewSlow, p.LegacySlow = 0, 0
	}
	switch {
	case p == judge.Pairs{}:
		return
	case !of.First:
		p.Compared = 1 // or a cell could have more of a kind than of all
	}
	c, s := t.enter(of.At, of.Revision, of.Weight, 0)
	defer s.inside.Add(-1)
	c.pair(p)
}

// enter finds the cell of a moment and keeps it open until the caller has left its shard.
func (t *Tally) enter(at time.Time, revision int64, weight, which int) (*cell, *shard) {
	for {
		c := t.find(at, revision, weight)
		s := &c.shards[which%shards]
		s.inside.Add(1)
		if !c.closed.Load() {
			return c, s
		}
		s.inside.Add(-1) // it ended meanwhile: another of the same time takes what comes late
	}
}

// mostOpen bounds the cells where nobody drains them: no judge runs, and the oldest are let go.
const mostOpen = 64

func (t *Tally) find(at time.Time, revision int64, weight int) *cell {
	now := at.UnixNano()
	for _, c := range *t.open.Load() {
		if c.revision == revision && c.from <= now && now < c.to {
			return c
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	old := *t.open.Load()
	for _, c := range old {
		if c.revision == revision && c.from <= now && now < c.to {
			return c
		}
	}
	length := int64(t.policy.Load().Cell)
	from := now - now%length
	c := &cell{from: from, to: from + length, revision: revision, weight: weight}
	open := append(append(make([]*cell, 0, len(old)+1), c), old[:min(len(old), mostOpen-1)]...)
	t.open.Store(&open)
	return c
}

// Drain returns the cells that have ended by now, each count once. A request that was being counted meanwhile comes with the next call, in
// its own cell's time.
func (t *Tally) Drain(now time.Time) []judge.Cell {
	t.mu.Lock()
	defer t.mu.Unlock()
	var open []*cell
	for _, c := range *t.open.Load() {
		if c.to <= now.UnixNano() {
			t.closing = append(t.closing, c)
		} else {
			open = append(open, c)
		}
	}
	t.open.Store(&open)
	var ended []judge.Cell
	waiting := t.closing[:0]
	for _, c := range t.closing {
		if c.closed.Store(true); c.busy() {
			waiting = append(waiting, c)
			continue
		}
		ended = append(ended, c.take())
	}
	t.closing = waiting
	return ended
}

// Accepted is a form post that the new side has accepted.
type Accepted struct {
	Request  string // its id
	Group    string
	At       time.Time
	Revision int64 // of the group
}
