package judge

import (
	"math"
	"time"
)

// Quantile is the wait that the share q of a histogram's waits does not exceed, and the interval in which it lies 19 times of 20: the
// ends are those of buckets, so that it is known to a fifth. All are 0 for an empty histogram. The last bucket has no end: its
// beginning is told.
func (h Histogram) Quantile(q float64) (at, low, high time.Duration) {
	n := float64(h.Sum())
	if n == 0 {
		return 0, 0, 0
	}
	off := 1.96 * math.Sqrt(n*q*(1-q))
	return h.rank(q * n), h.rank(q*n - off), h.rank(q*n + off)
}

// rank is where the bucket ends that holds the wait of this rank.
func (h *Histogram) rank(r float64) time.Duration {
	seen, last := int64(0), 0
	for i, n := range h {
		if n == 0 {
			continue
		}
		seen, last = seen+n, i
		if float64(seen) >= r {
			break
		}
	}
	return bounds[min(last, len(bounds)-1)]
}

// Ratio is how many times as long as legacy the new side takes at the quantile q, and an interval that holds it 19 times of 20 or
// more (J-7): its ends divide the ends of both sides' own. All are 0 where a side has no waits.
func Ratio(fresh, legacy Histogram, q float64) (at, low, high float64) {
	a, aLow, aHigh := fresh.Quantile(q)
	b, bLow, bHigh := legacy.Quantile(q)
	if a == 0 || b == 0 {
		return 0, 0, 0
	}
	return float64(a) / float64(b), float64(aLow) / float64(bHigh), float64(aHigh) / float64(bLow)
}
