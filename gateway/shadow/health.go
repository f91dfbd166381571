package shadow

import (
	"math/bits"
	"sync"
	"sync/atomic"
	"time"
)

// health says when legacy is in trouble of its own, and is to be left alone (H-8): in the last full minute more than 2 % of the
// sample's requests failed, or the 95th percentile was over unfelt and twice what this hour of the week has shown before.
type health struct {
	bad atomic.Bool
	mu  sync.Mutex

	minute        int64 // since 1970; what follows is its
	count, failed int
	times         [64]int // by the logarithm of microseconds, in quarters of a doubling from 64 us on

	norm [7 * 24]float64 // microseconds; 0: not known yet
	all  float64         // of all hours, for an hour that has shown nothing
}

// enough is how many requests a minute must have to say anything.
const enough = 50

// unfelt is how many microseconds nobody calls slow: a cached page that takes three milliseconds instead of one is no trouble.
const unfelt = 100_000

func (h *health) troubled() bool { return h.bad.Load() }

func (h *health) add(at time.Time, failed bool, took time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if now := at.Unix() / 60; now != h.minute {
		h.judge()
		h.minute, h.count, h.failed, h.times = now, 0, 0, [64]int{}
	}
	if h.count++; failed {
		h.failed++
	}
	h.times[slot(took)]++
}

// slot is a time's place among the quarters of doublings.
func slot(took time.Duration) int {
	us := uint64(max(64, took.Microseconds()))
	whole := bits.Len64(us) - 1
	return min(63, (whole-6)*4+int(us>>(whole-2)&3))
}

// edge is the least time of a slot in microseconds.
func edge(slot int) float64 {
	return float64((uint64(4) + uint64(slot&3)) << (slot/4 + 4))
}

// judge ends a minute. One with too little in it says that all is well: nobody is hurt by a few copies.
func (h *health) judge() {
	if h.count < enough {
		h.bad.Store(false)
		return
	}
	p95 := h.percentile95()
	at := time.Unix(h.minute*60, 0).UTC()
	norm := &h.norm[int(at.Weekday())*24+at.Hour()]
	usual := *norm
	if usual == 0 {
		usual = h.all
	}
	h.bad.Store(h.failed*50 > h.count || usual > 0 && p95 > max(unfelt, 2*usual))
	if usual == 0 {
		usual = p95
	}
	// A bad minute moves the norm a little, as a lasting change should; it cannot move it far.
	usual += (min(p95, 2*usual) - usual) / 16
	*norm, h.all = usual, usual
}

func (h *health) percentile95() float64 {
	left := h.count / 20
	for i := len(h.times) - 1; i > 0; i-- {
		if left -= h.times[i]; left < 0 {
			return edge(i)
		}
	}
	return edge(0)
}
