package simulate

import (
	"math"
	"slices"
	"time"

	"github.com/banyan-migration/banyan/gateway/judge"
	"github.com/banyan-migration/banyan/gateway/split"
)

// What Kayenta's documents state (https://spinnaker.io/docs/guides/user/canary/judge/ and …/best-practices/), with NetflixACAJudge's
// own numbers: the Mann-Whitney U test at 98 %, a shift counts past a quarter of the Hodges-Lehmann estimate, outliers beyond three
// times the interquartile range (and beyond the 1st and 99th percentile) are removed, missing values are left out, a run's score is the
// share of metrics that pass; a run below marginal fails, the last must reach pass. A canary lives three hours, judged every hour.
const (
	kayentaConfidence = 0.98
	kayentaTolerance  = 0.25
	kayentaFence      = 3.0
	kayentaPass       = 95.0
	kayentaMarginal   = 75.0
	kayentaInterval   = 60 // minutes
	kayentaRuns       = 3
	kayentaAccuracy   = 1e-4 // of its root finder: a shift under it is none
)

// kayenta is that judge where the documents leave a choice: each step of the ramp is a canary of its own; two metrics of equal
// weight, percentage of failures and 95th percentile of the answers' times, each a minute; only an increase fails; every run looks
// back to the step's beginning; the baseline is legacy, which a strangler cannot run a second time in the canary's size. A run in
// which no metric has data is not counted. At 100 % there is no baseline, and nothing more is judged.
type kayenta struct{}

// series are one side's metrics by minute; minutes without data are missing.
type series struct{ failures, p95 []float64 }

func (r kayenta) ramp(w *world) outcome {
	for _, weight := range rampSteps {
		w.move(weight)
		if weight == split.Full {
			break
		}
		if back, late := r.canary(w); back || late {
			return w.ended(back, false)
		}
	}
	return w.ended(false, true)
}

// canary is one canary's life: whether it fails, and whether the horizon came first.
func (r kayenta) canary(w *world) (back, late bool) {
	var sides [2]series
	begun := w.at
	for run := 1; run <= kayentaRuns; {
		for w.at.Sub(begun) < time.Duration(run*kayentaInterval)*time.Minute {
			if w.seen >= w.Horizon() {
				return false, true
			}
			c := w.next(time.Minute)
			w.bear(c)
			for side := range sides {
				sides[side].add(&c.Side[side])
			}
		}
		score, any := score(sides[judge.Legacy], sides[judge.New])
		if any && (score < kayentaMarginal || run == kayentaRuns && score < kayentaPass) {
			return true, false
		}
		run++
	}
	return false, false
}

func (s *series) add(c *judge.Counts) {
	if c.Requests > 0 {
		s.failures = append(s.failures, 100*float64(c.Failed)/float64(c.Requests))
	}
	if p := quantile(&c.Latency, 0.95); !math.IsNaN(p) {
		s.p95 = append(s.p95, p)
	}
}

// score is the share of metrics that pass, of 100, among those that could be classified.
func score(baseline, canary series) (score float64, any bool) {
	passed, all := 0, 0
	for _, m := range [][2][]float64{{baseline.failures, canary.failures}, {baseline.p95, canary.p95}} {
		switch classify(m[0], m[1]) {
		case pass:
			passed++
			all++
		case high:
			all++
		}
	}
	if all == 0 {
		return 0, false
	}
	return 100 * float64(passed) / float64(all), true
}

// class is what a metric comes to.
type class string

const (
	pass   class = "Pass"
	high   class = "High"
	noData class = "Nodata"
)

// classify compares a canary's metric with the baseline's, where an increase is bad.
func classify(baseline, canary []float64) class {
	baseline, canary = withoutOutliers(baseline), withoutOutliers(canary)
	switch {
	case len(baseline) == 0 || len(canary) == 0:
		return noData
	case constant(baseline) && constant(canary):
		if baseline[0] == canary[0] {
			return pass
		}
		return noData // the test refuses values that are all tied
	case newRanks(canary, baseline).score(0) <= 0: // no higher: spares the search for the interval
		return pass
	}
	if s := mannWhitney(canary, baseline, kayentaConfidence); s.low > max(kayentaTolerance*math.Abs(s.estimate), kayentaAccuracy) {
		return high
	}
	return pass
}

func constant(values []float64) bool { return slices.Min(values) == slices.Max(values) }

func withoutOutliers(values []float64) []float64 {
	if len(values) == 0 {
		return nil
	}
	sorted := slices.Sorted(slices.Values(values))
	low, up := percentile(sorted, 25), percentile(sorted, 75)
	fence := kayentaFence * (up - low)
	low, up = min(percentile(sorted, 1), low-fence), max(percentile(sorted, 99), up+fence)
	return slices.DeleteFunc(sorted, func(v float64) bool { return v < low || v > up })
}

// percentile is that of Apache Commons Math, which Kayenta uses: at p(n+1)/100, between neighbours along a straight line.
func percentile(sorted []float64, p float64) float64 {
	at := p * float64(len(sorted)+1) / 100
	below := int(at)
	switch {
	case at < 1:
		return sorted[0]
	case below >= len(sorted):
		return sorted[len(sorted)-1]
	}
	return sorted[below-1] + (at-float64(below))*(sorted[below]-sorted[below-1])
}
