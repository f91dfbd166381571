package account

import (
	"sync/atomic"
	"time"

	"github.com/banyan-migration/banyan/gateway/split"
)

// shards is how many copies of each hot counter there are: a connection counts in one of them, so that cores do not fight over a line
// of cache.
const shards = 8

// bounds of the histograms, in nanoseconds: from half a millisecond to past legacy's 30 s.
var bounds = [...]time.Duration{500 * time.Microsecond, time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond,
	25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond, time.Second,
	2500 * time.Millisecond, 5 * time.Second, 10 * time.Second, 30 * time.Second, 60 * time.Second}

type histogram struct {
	count [len(bounds) + 1]atomic.Uint64
	sum   atomic.Int64
}

func (h *histogram) observe(d time.Duration) {
	i := 0
	for i < len(bounds) && d > bounds[i] {
		i++
	}
	h.count[i].Add(1)
	h.sum.Add(int64(d))
}

// Series is the counters of one group's one side. It is safe for concurrent use.
type Series struct {
	group  string
	side   split.Side
	routed bool
	cells  [shards]*cell
}

type cell struct {
	requests             [classes][6]atomic.Uint64 // by class and hundreds of the status
	total, head, waiting [2]histogram              // warm and cold
}

func newSeries(group string, side split.Side, routed bool) *Series {
	s := &Series{group: group, side: side, routed: routed}
	for i := range s.cells {
		s.cells[i] = new(cell)
	}
	return s
}

// Count takes a request that has ended. Any shard will do; a connection that keeps to one is fastest.
func (s *Series) Count(e *Entry, shard int) {
	c := s.cells[shard%shards]
	c.requests[e.Class][min(e.Status/100, 5)].Add(1)
	if e.Stream {
		return
	}
	cold := 0
	if e.Cold {
		cold = 1
	}
	c.total[cold].observe(e.Total)
	if e.Head > 0 {
		c.head[cold].observe(e.Head)
	}
	if e.Queue > 0 {
		c.waiting[cold].observe(e.Queue)
	}
}

func (s *Series) name() string {
	if !s.routed {
		return "gateway"
	}
	return s.side.String()
}
