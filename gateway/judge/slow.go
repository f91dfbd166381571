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
func (s *slower) add(waits [2]*Histogram, past *Histogram, p *Policy) {
	var at [len(limits)]int
	if !past.quantiles(&at) {
		return
	}
	for side, h := range waits {
		s.Answers[side] += h.Sum()
	}
	for i, bucket := range at {
		s.Slow[i][Legacy] += waits[Legacy].above(bucket)
		s.Slow[i][New] += waits[New].above(p.limit(bucket))
	}
	if s.Answers[Legacy] < enough || s.Answers[New] < enough {
		return
	}
	o := oddsOf(share(s.Answers[New], s.Answers[Legacy]))
	for i, slow := range s.Slow {
		s.Bets[i].take(slow[New], slow[Legacy], o, burst)
	}
	s.Answers, s.Slow = [2]int64{}, [len(limits)][2]int64{}
}

func (s *slower) e() float64 {
	sum := 0.0
	for i := range s.Bets {
		sum += s.Bets[i].e()
	}
	return sum / float64(len(limits))
}

// limit is the bucket that answers of the new side must exceed to count as slow where legacy's must exceed this one.
func (p *Policy) limit(bucket int) int {
	wait := bounds[min(bucket, len(bounds)-1)]
	margin := max(p.Margin, wait*time.Duration(p.MarginPercent)/100)
	return BucketOf(wait + margin - time.Microsecond) // a bucket is a fifth wider: rounding must not take it for more
}

// quantiles puts the bucket of each limit into at; false where too little is known.
func (h *Histogram) quantiles(at *[len(limits)]int) bool {
	total := h.Sum()
	if total < settled {
		return false
	}
	seen, i := int64(0), 0
	for bucket, n := range h {
		seen += n
		for ; i < len(limits) && float64(seen) >= limits[i]*float64(total); i++ {
			at[i] = bucket
		}
	}
	return true
}

// above is how many waits lie in buckets after this one.
func (h *Histogram) above(bucket int) (n int64) {
	for _, more := range h[min(bucket+1, Buckets):] {
		n += more
	}
	return n
}

// Sum is how many waits a histogram holds.
func (h *Histogram) Sum() (n int64) {
	for _, more := range h {
		n += more
	}
	return n
}

// of is how many answers of either side there are and how many were slow, at the limit that says most.
func (s *slower) of(old, fresh, past *Histogram, p *Policy) (newer, older [2]int64) {
	var at [len(limits)]int
	if !past.quantiles(&at) {
		return newer, older
	}
	best := 0
	for i := range s.Bets {
		if s.Bets[i].e() > s.Bets[best].e() {
			best = i
		}
	}
	return [2]int64{fresh.Sum(), fresh.above(p.limit(at[best]))}, [2]int64{old.Sum(), old.above(at[best])}
}
