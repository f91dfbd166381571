package simulate

import (
	"math"
	"sort"
	"time"

	"github.com/banyan-migration/banyan/gateway/judge"
)

// The recorded site's GETs (facts: the load to plan for): a lognormal through their median and 95th percentile.
const (
	median     = 142 * time.Millisecond
	percent95  = 563 * time.Millisecond
	normal95   = 1.6448536269514722 // of a normal distribution
	sliceDraws = 48                 // so many waits are drawn one by one; more of them bucket by bucket
)

// waits is a distribution of answer times over judge's buckets.
type waits struct {
	share [judge.Buckets]float64 // of all, that fall into a bucket
	below [judge.Buckets]float64 // of all, that fall into it or one before
	tail  [judge.Buckets]float64 // of what is in a bucket or after it, that falls into it
}

// slower is the base distribution with every answer of the slower half stretched, so that the 95th percentile is later by a time
// and the median stays: a slow query behind some of the pages. With 0 it is the base itself.
func slower(by time.Duration) *waits {
	base := math.Log(float64(percent95)/float64(median)) / normal95
	late := math.Log(float64(percent95+by)/float64(median)) / normal95
	w := &waits{}
	before := 0.0
	for i := range judge.Buckets {
		up := 1.0
		if i < judge.Buckets-1 {
			z := math.Log(float64(judge.Bound(i)) / float64(median))
			up = normal(z / base)
			if z > 0 {
				up = normal(z / late)
			}
		}
		w.share[i], w.below[i] = up-before, up
		if before < 1 {
			w.tail[i] = min(1, (up-before)/(1-before))
		}
		before = up
	}
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
func (w *waits) draw(d dice, n int64, into *judge.Histogram) {
	if n <= sliceDraws {
		for range n {
			into[sort.SearchFloat64s(w.below[:judge.Buckets-1], d.Float64())]++
		}
		return
	}
	for i := 0; n > 0; i++ {
		k := n
		if i < judge.Buckets-1 {
			k = d.binomial(n, w.tail[i])
		}
		into[i] += k
		n -= k
	}
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
