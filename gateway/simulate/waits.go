package simulate

import (
	"math"
	"sort"
	"time"

	"github.com/banyan-migration/banyan/gateway/judge"
)

// The recorded site's GETs (facts: the load to plan for): a lognormal through their median and 95th percentile.
const (
	median    = 142 * time.Millisecond
	percent95 = 563 * time.Millisecond
	normal95  = 1.6448536269514722 // of a normal distribution
	few       = 16                 // so many waits are drawn one by one; more of them by halves
)

// waits is a distribution of answer times over judge's buckets.
type waits struct {
	below [judge.Buckets]float64 // share of all that falls into a bucket or one before it
}

// slower is the base distribution with every answer of the slower half stretched, so that the 95th percentile is later by a time
// and the median stays: a slow query behind some of the pages. With 0 it is the base itself.
func slower(by time.Duration) *waits {
	base := math.Log(float64(percent95)/float64(median)) / normal95
	late := math.Log(float64(percent95+by)/float64(median)) / normal95
	w := &waits{}
	for i := range judge.Buckets - 1 {
		z := math.Log(float64(judge.Bound(i)) / float64(median))
		w.below[i] = normal(z / base)
		if z > 0 {
			w.below[i] = normal(z / late)
		}
	}
	w.below[judge.Buckets-1] = 1
	return w
}

// hurt is the share of answers that such a stretch makes slower by more than a margin, as J-7 counts them.
func hurt(by, margin time.Duration, percent int) float64 {
	base := math.Log(float64(percent95)/float64(median)) / normal95
	late := math.Log(float64(percent95+by)/float64(median)) / normal95
	beyond := func(i int) bool { // at z = i/1000
		z := float64(i) / 1000
		was, is := float64(median)*math.Exp(base*z), float64(median)*math.Exp(late*z)
		return is-was > max(float64(margin), was*float64(percent)/100)
	}
	return 1 - normal(float64(sort.Search(8000, beyond))/1000)
}

// normal is the standard normal distribution's cumulated share.
func normal(z float64) float64 { return math.Erfc(-z/math.Sqrt2) / 2 }

// draw adds n answers' times to a histogram.
func (w *waits) draw(d dice, n int64, into *judge.Histogram) { w.part(d, n, 0, judge.Buckets, into) }

// part draws n waits that lie in the buckets from low to under high: the many by halves, the few one by one.
func (w *waits) part(d dice, n int64, low, high int, into *judge.Histogram) {
	from, to := w.before(low), w.before(high)
	switch {
	case n == 0:
	case high-low == 1:
		into[low] += n
	case n <= few:
		for range n {
			into[low+sort.SearchFloat64s(w.below[low:high-1], from+(to-from)*d.Float64())]++
		}
	default:
		middle := (low + high) / 2
		left := d.binomial(n, (w.before(middle)-from)/(to-from))
		w.part(d, left, low, middle, into)
		w.part(d, n-left, middle, high, into)
	}
}

// before is the share of all waits in the buckets before one.
func (w *waits) before(bucket int) float64 {
	if bucket == 0 {
		return 0
	}
	return w.below[bucket-1]
}

// quantile reads a histogram as monitoring does: along a straight line within the bucket. In milliseconds; NaN of nothing.
func quantile(h *judge.Histogram, q float64) float64 {
	var all int64
	for _, n := range h {
		all += n
	}
	if all == 0 {
		return math.NaN()
	}
	want, low := q*float64(all), 0.0
	for i, n := range h {
		high := float64(judge.Bound(i)) / float64(time.Millisecond)
		if want <= float64(n) && n > 0 {
			return low + (high-low)*want/float64(n)
		}
		want -= float64(n)
		low = high
	}
	return low
}
