package judge

import (
	"math"
	"time"
)

// slower compares waits (J-7) by J-3: an answer beyond one of several limits is an event, and beyond more of them a stronger one. For
// legacy the limits are quantiles of what it took in earlier cells, so that they do not depend on what they judge; for the new side
// they lie later by the policy's margin. Half of the stake is bet on the lower limits, where a side shows that is slow as a whole; half
// on the upper ones, where a slow query behind some of the pages does, though most answers come as ever.
type slower struct {
	Answers [2][len(limits) + 1]int64 `json:"answers"` // of the open block, by how many limits they exceed
	Bets    [2]bet                    `json:"bets"`    // on the lower and the upper limits
}

// limits are the quantiles of legacy's earlier waits at which both sides are compared; those from upper on are the upper ones.
var limits = [6]float64{0.5, 0.75, 0.9, 0.95, 0.98, 0.995}

const upper = 3

// settled is how many of legacy's waits must be known before they make a limit.
const settled = 20

// burst is the most that a block may lift a bet, as a logarithm: a pause of one cell slows all its answers at once, though J-3 takes
// each for a witness of its own. So it takes several cells.
var burst = math.Log(4)

// add takes both sides' waits of a cell; past are legacy's of the cells before.
func (s *slower) add(legacy, fresh, past *Histogram, p *Policy) {
	at, ok := past.quantiles()
	if !ok {
		return
	}
	s.sort(Legacy, legacy, at)
	for i, bucket := range at {
		at[i] = p.limit(bucket)
	}
	s.sort(New, fresh, at)
	old, young := s.Answers[Legacy], s.Answers[New]
	answers := [2]int64{sum(old[:]), sum(young[:])}
	if answers[Legacy] < enough || answers[New] < enough {
		return
	}
	var low, high gains
	w := share(answers[New], answers[Legacy])
	for power := 1; power < upper; power++ {
		low.events(young[power], old[power], w, power)
	}
	low.events(sum(young[upper:]), sum(old[upper:]), w, upper)
	for power := 1; power+upper <= len(limits); power++ {
		high.events(young[upper+power], old[upper+power], w, power)
	}
	s.Bets[0].take(&low, burst)
	s.Bets[1].take(&high, burst)
	s.clear()
}

func sum(counts []int64) (n int64) {
	for _, some := range counts {
		n += some
	}
	return n
}

func (s *slower) e() float64 { return (s.Bets[0].e() + s.Bets[1].e()) / 2 }

// sort adds a side's waits by how many limits, the buckets at, they exceed.
func (s *slower) sort(side int, h *Histogram, at [len(limits)]int) {
	beyond, power := 0, &s.Answers[side]
	for bucket, n := range h {
		for beyond < len(limits) && bucket > at[beyond] {
			beyond++
		}
		power[beyond] += n
	}
}

// clear opens a new block.
func (s *slower) clear() { s.Answers = [2][len(limits) + 1]int64{} }

// of is how many answers of either side there are, and how many exceed the first of the upper limits.
func (s *slower) of(legacy, fresh, past *Histogram, p *Policy) (newer, older [2]int64) {
	at, ok := past.quantiles()
	if !ok {
		return newer, older
	}
	return [2]int64{fresh.Sum(), fresh.beyond(p.limit(at[upper]))}, [2]int64{legacy.Sum(), legacy.beyond(at[upper])}
}

// limit is the bucket that an answer of the new side must exceed to count as slow where legacy's must exceed this one.
func (p *Policy) limit(bucket int) int {
	wait := bounds[min(bucket, len(bounds)-1)]
	margin := max(p.Margin, wait*time.Duration(p.MarginPercent)/100)
	return BucketOf((wait + margin) * 98 / 100) // a bucket is a fifth wider than the last: what exceeds it by a hair must not cost another
}

// quantiles are the buckets of the limits; false where too little is known.
func (h *Histogram) quantiles() (at [len(limits)]int, ok bool) {
	total := h.Sum()
	if total < settled {
		return at, false
	}
	seen, i := int64(0), 0
	for bucket, n := range h {
		for seen += n; i < len(limits) && float64(seen) >= limits[i]*float64(total); i++ {
			at[i] = bucket
		}
	}
	return at, true
}

// beyond is how many waits lie in the buckets after this one.
func (h *Histogram) beyond(bucket int) int64 { return sum(h[bucket+1:]) }
