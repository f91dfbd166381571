package tally

import (
	"sync/atomic"
	"time"

	"github.com/banyan-migration/banyan/gateway/judge"
)

// shards is how many copies of a cell's counters there are, so that cores do not fight over a line of memory.
const shards = 8

// The counts of a side, as indices.
const (
	requests = iota
	visitors
	failed
	network
	client
	posts
	refused
	postsFailed
	kinds
)

// cell counts one group's requests of one revision in a short time. Who counts stands inside its shard meanwhile: a closed cell with
// nobody inside changes no more.
type cell struct {
	from, to int64 // Unix nanoseconds
	revision int64
	weight   int
	closed   atomic.Bool
	shards   [shards]shard
	pairs    [9]atomic.Int64
}

type shard struct {
	inside atomic.Int64
	side   [2]counters
	_      [64]byte
}

type counters struct {
	counts  [kinds]atomic.Int64
	latency [judge.Buckets]atomic.Int64
}

func (c *cell) busy() bool {
	for i := range c.shards {
		if c.shards[i].inside.Load() != 0 {
			return true
		}
	}
	return false
}

func (c *cell) pair(p judge.Pairs) {
	for i, n := range [...]int64{p.Compared, p.NewBad, p.LegacyBad, p.NewSlow, p.LegacySlow, p.Differing, p.Replays, p.Noise, p.Critical} {
		if n != 0 {
			c.pairs[i].Add(n)
		}
	}
}

// take is what a closed cell has counted.
func (c *cell) take() judge.Cell {
	out := judge.Cell{At: time.Unix(0, c.from).UTC(), Revision: c.revision, Weight: c.weight}
	for i := range c.shards {
		for side := range out.Side {
			from, to := &c.shards[i].side[side], &out.Side[side]
			for kind, field := range [kinds]*int64{&to.Requests, &to.Visitors, &to.Failed, &to.Network, &to.Client, &to.Posts, &to.Refused, &to.PostsFailed} {
				*field += from.counts[kind].Load()
			}
			for bucket := range to.Latency {
				to.Latency[bucket] += from.latency[bucket].Load()
			}
		}
	}
	p := &out.Pairs
	for i, field := range [...]*int64{&p.Compared, &p.NewBad, &p.LegacyBad, &p.NewSlow, &p.LegacySlow, &p.Differing, &p.Replays, &p.Noise, &p.Critical} {
		*field = c.pairs[i].Load()
	}
	return out
}
