package tally

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/banyan-migration/banyan/gateway/judge"
	"github.com/banyan-migration/banyan/gateway/split"
)

// Breaker is J-1 for one group on one replica: it sees a catastrophe within the first requests, without statistics, a store or a network.
// It is safe for concurrent use.
type Breaker struct {
	policy   atomic.Pointer[judge.Breaker]
	sides    [2]window
	row      atomic.Int64 // failures of the new side since its last success
	revision atomic.Int64 // of the group that the new side's window and row are of
	trip     atomic.Pointer[Trip]
	mu       sync.Mutex // one trip at a time, and one change of revision
}

// Trip is what a breaker saw.
type Trip struct {
	At       time.Time `json:"at"`
	Revision int64     `json:"revision"` // of the group: the trip ends with it
	Why      string    `json:"why"`
	Common   bool      `json:"common"`    // legacy fails too: nothing was done, and it is over when it is not seen again for a window
	NoReturn bool      `json:"no_return"` // the group is past its point of no return: an alarm, and no more (T-4)
}

// Acts says whether the trip takes the group's traffic back.
func (t *Trip) Acts() bool { return !t.Common && !t.NoReturn }

// NewBreaker makes one.
func NewBreaker(p judge.Breaker) *Breaker {
	br := &Breaker{}
	br.policy.Store(&p)
	return br
}

// Follow changes the numbers.
func (br *Breaker) Follow(p judge.Breaker) { br.policy.Store(&p) }

// Open says whether a group at that revision is to be at legacy, whatever its weight.
func (br *Breaker) Open(revision int64) bool {
	t := br.trip.Load()
	return t != nil && t.Revision == revision && t.Acts()
}

// Seen is what holds at a moment for a group at that revision, or nil.
func (br *Breaker) Seen(revision int64, now time.Time) *Trip {
	t := br.trip.Load()
	if t == nil || t.Revision != revision || t.Common && now.Sub(t.At) > br.policy.Load().Window {
		return nil
	}
	return t
}

// Count takes a judged request that was not the client's failure. noReturn: the group is past its point of no return.
func (br *Breaker) Count(e *Event, noReturn bool) {
	p := br.policy.Load()
	now := tick(e.At, p)
	if e.Side == split.Legacy {
		br.sides[split.Legacy].add(now, e.Failed)
		return
	}
	if !br.follows(e.Revision, now) {
		return
	}
	br.sides[split.New].add(now, e.Failed)
	if !e.Failed {
		if br.row.Load() != 0 {
			br.row.Store(0)
		}
		return
	}
	row := int(br.row.Add(1))
	total, bad := br.sides[split.New].sum(now)
	many := total >= p.Over && bad*100 >= total*p.Percent
	if row >= p.Row || many {
		br.trips(e, p, now, noReturn, row, total, bad)
	}
}

// follows turns to a newer revision of the group: what the new side did before it counts no more. What comes late from an older one is
// nothing.
func (br *Breaker) follows(revision, now int64) bool {
	for {
		known := br.revision.Load()
		if revision <= known {
			return revision == known
		}
		br.mu.Lock()
		if br.revision.Load() < revision {
			br.row.Store(0)
			br.sides[split.New].forget(now)
			br.revision.Store(revision)
		}
		br.mu.Unlock()
	}
}

func (br *Breaker) trips(e *Event, p *judge.Breaker, now int64, noReturn bool, row, total, bad int) {
	if was := br.trip.Load(); was != nil && was.Revision == e.Revision && (!was.Common || e.At.Sub(was.At) < time.Second) {
		return
	}
	before, failed := br.sides[split.Legacy].sum(now)
	t := &Trip{At: e.At, Revision: e.Revision, Common: before > 0 && failed*100 >= before*p.Legacy, NoReturn: noReturn}
	seen := fmt.Sprintf("the new side failed %d of its last %d requests", bad, total)
	if row >= p.Row {
		seen = fmt.Sprintf("the new side failed %d requests in a row", row)
	}
	if t.Why = seen + fmt.Sprintf(", legacy %d of %d", failed, before); t.Common {
		t.Why += ": a common cause"
	}
	br.mu.Lock()
	defer br.mu.Unlock()
	if was := br.trip.Load(); was == nil || was.Revision < e.Revision || was.Revision == e.Revision && was.Common {
		br.trip.Store(t)
	}
}

// parts is into how many parts a window is cut.
const parts = 240

// tick is the part of the window that a moment is in.
func tick(at time.Time, p *judge.Breaker) int64 {
	return at.UnixNano() / max(1, int64(p.Window)/parts)
}

// window counts a side's requests of the last parts. A place holds its part's number, its requests and its failures in one word.
type window struct {
	since  atomic.Int64 // no part before it counts
	places [parts]atomic.Uint64
}

const (
	field    = 20
	most     = 1<<field - 1
	partMask = 1<<(64-2*field) - 1
)

func (w *window) add(now int64, failed bool) {
	place, part := &w.places[now%parts], uint64(now)&partMask
	for {
		was := place.Load()
		total, bad := was>>field&most, was&most
		if was>>(2*field) != part {
			total, bad = 0, 0
		}
		if total == most {
			return
		}
		if place.CompareAndSwap(was, part<<(2*field)|(total+1)<<field|bad+b(failed)) {
			return
		}
	}
}

// forget leaves out what was counted so far.
func (w *window) forget(now int64) {
	w.places[now%parts].Store(0)
	w.since.Store(now)
}

func (w *window) sum(now int64) (total, bad int) {
	for i := max(now-parts+1, w.since.Load()); i <= now; i++ {
		if v := w.places[i%parts].Load(); v>>(2*field) == uint64(i)&partMask {
			total += int(v >> field & most)
			bad += int(v & most)
		}
	}
	return total, bad
}
