package judge

import (
	"math"
	"time"
)

// slower compares waits: beyond each of several limits, an event is an answer of legacy slower than the limit, or one of the new side
// slower by the policy's margin besides (J-7). The limits are quantiles of what legacy took in earlier cells, so that they do not
// depend on what they judge; each limit has an equal part of the stake.
type slower struct {
	Answers [2]int64              `json:"answers"` // of the open block
	Slow    [len(limits)][2]int64 `json:"slow"`
	Bets    [len(limits)]bet      `json:"bets"`
}

// limits are the quantiles of legacy's earlier waits at which both sides are compared.
var limits = [5]float64{0.5, 0.75, 0.9, 0.95, 0.99}

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
	old, young := legacy.beyond(), fresh.beyond()
	s.Answers[Legacy] += old[0]
	s.Answers[New] += young[0]
	for i, bucket := range at {
		s.Slow[i][Legacy] += old[bucket+1]
		s.Slow[i][New] += young[p.limit(bucket)+1]
	}
	if s.Answers[Legacy] < enough || s.Answers[New] < enough {
		return
	}
	o := oddsOf(share(s.Answers[New], s.Answers[Legacy]))
	for i, slow := range s.Slow {
		s.Bets[i].take(slow[New], slow[Legacy], &o, burst)
	}
	s.clear()
}

// clear opens a new block.
func (s *slower) clear() { s.Answers, s.Slow = [2]int64{}, [len(limits)][2]int64{} }

func (s *slower) e() float64 {
	sum := 0.0
	for i := range s.Bets {
		sum += s.Bets[i].e()
	}
	return sum / float64(len(limits))
}

// of is how many answers of either side there are and how many were slow, at the limit that says most.
func (s *slower) of(legacy, fresh, past *Histogram, p *Policy) (newer, older [2]int64) {
	at, ok := past.quantiles()
	if !ok {
		return newer, older
	}
	best := 0
	for i := range s.Bets {
		if s.Bets[i].e() > s.Bets[best].e() {
			best = i
		}
	}
	old, young := legacy.beyond(), fresh.beyond()
	return [2]int64{young[0], young[p.limit(at[best])+1]}, [2]int64{old[0], old[at[best]+1]}
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

// beyond is, for each bucket, how many waits lie in it and in those after it.
func (h *Histogram) beyond() (sums [Buckets + 1]int64) {
	for i := Buckets - 1; i >= 0; i-- {
		sums[i] = sums[i+1] + h[i]
	}
	return sums
}
