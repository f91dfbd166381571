package simulate

import (
	"math"
	"slices"
)

// shift is how much higher one sample lies than another: the Hodges-Lehmann estimate, and the confidence interval about it that the
// Mann-Whitney U test gives by its normal approximation, corrected for ties and continuity (R's wilcox.test, which Kayenta names as its
// source; unlike R it corrects the estimate too).
type shift struct{ estimate, low, high float64 }

// ranks compares two sorted samples.
type ranks struct{ x, y []float64 }

// mannWhitney estimates the shift of x over y with a two-sided confidence. Neither may be empty, and one of them has two values at least.
func mannWhitney(x, y []float64, confidence float64) shift {
	r := newRanks(x, y)
	z := quantileOfNormal((1 + confidence) / 2)
	return shift{estimate: (r.root(0) + r.last(0)) / 2, low: r.root(z), high: r.root(-z)}
}

func newRanks(x, y []float64) ranks {
	r := ranks{slices.Clone(x), slices.Clone(y)}
	slices.Sort(r.x)
	slices.Sort(r.y)
	return r
}

// root is the least shift of x at which its rank sum's standard score is no more than z. The score is a falling staircase.
func (r ranks) root(z float64) float64 {
	return r.halve(func(by float64) bool { return r.score(by) <= z })
}

// last is the least shift at which the score is under z: with root it is the two ends of a step that lies at z.
func (r ranks) last(z float64) float64 {
	return r.halve(func(by float64) bool { return r.score(by) < z })
}

func (r ranks) halve(reached func(by float64) bool) float64 {
	low, high := r.x[0]-r.y[len(r.y)-1], r.x[len(r.x)-1]-r.y[0]
	if reached(low) {
		return low
	}
	for accuracy := 1e-7 * max(1, math.Abs(low), math.Abs(high)); high-low > accuracy; {
		if middle := (low + high) / 2; reached(middle) {
			high = middle
		} else {
			low = middle
		}
	}
	return high
}

// score is the standard score of x's rank sum, x moved down by a shift. It merges the two samples, run of equal values by run.
func (r ranks) score(by float64) float64 {
	n, m := float64(len(r.x)), float64(len(r.y))
	sum, ties := 0.0, 0.0
	for i, j := 0, 0; i < len(r.x) || j < len(r.y); {
		v := math.Inf(1)
		if i < len(r.x) {
			v = r.x[i] - by
		}
		if j < len(r.y) {
			v = min(v, r.y[j])
		}
		first, firstX := i+j, i
		for i < len(r.x) && r.x[i]-by == v {
			i++
		}
		for j < len(r.y) && r.y[j] == v {
			j++
		}
		run := float64(i + j - first)
		sum += float64(i-firstX) * (float64(first) + (run+1)/2)
		ties += run*run*run - run
	}
	above := sum - n*(n+1)/2 - n*m/2
	if above != 0 {
		above -= math.Copysign(0.5, above)
	}
	spread := math.Sqrt(n * m / 12 * ((n + m + 1) - ties/((n+m)*(n+m-1))))
	if spread == 0 {
		return 0
	}
	return above / spread
}

// quantileOfNormal is where a standard normal distribution has so large a share below it.
func quantileOfNormal(share float64) float64 { return math.Sqrt2 * math.Erfinv(2*share-1) }
