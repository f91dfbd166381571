package simulate

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/gateway/judge"
	"github.com/banyan-migration/banyan/gateway/split"
	"github.com/banyan-migration/banyan/gateway/tally"
)

// The bar (facts, section 7): how often the naive rule rolls back a new side that is as good as the old one. The table's windows all
// have the same number of requests.
func TestNaiveRuleReproducesTheNineCells(t *testing.T) {
	t.Parallel()
	const ramps = 1500
	for _, c := range []struct {
		base float64
		rate int
		want [2]float64 // percent: of 5 and of 10 failed checks in 30 windows
	}{
		{0.002, 10, [2]float64{0, 0}}, {0.002, 50, [2]float64{17.4, 0}}, {0.002, 200, [2]float64{0, 0}},
		{0.005, 10, [2]float64{1.2, 0}}, {0.005, 50, [2]float64{83.2, 11.1}}, {0.005, 200, [2]float64{9.5, 0}},
		{0.010, 10, [2]float64{13.8, 0}}, {0.010, 50, [2]float64{99.9, 81.3}}, {0.010, 200, [2]float64{98.2, 52.1}},
	} {
		for i, failed := range []int{5, 10} {
			back := 0
			for ramp := range ramps {
				if analysis(naive{failed: failed, windows: 30}, int64(c.rate), c.base, newDice(4, uint64(c.rate*ramps+ramp))) {
					back++
				}
			}
			got, p := 100*float64(back)/ramps, c.want[i]/100
			if noise := 1 + 300*math.Sqrt(p*(1-p)*(1.0/ramps+1.0/3000)); math.Abs(got-c.want[i]) > noise {
				t.Errorf("base %g, %d a minute, N = %d: %.1f %%, want %.1f within %.1f", c.base, c.rate, failed, got, c.want[i], noise)
			}
		}
	}
}

func analysis(r naive, requests int64, base float64, d dice) bool {
	for seen := (checks{}); ; {
		if back, over := r.check(&seen, judge.Counts{Requests: requests, Failed: d.binomial(requests, base)}); over {
			return back
		}
	}
}

// Values of R's wilcox.test as Kayenta's issues and tests print them.
func TestMannWhitneyAgainstKnownValues(t *testing.T) {
	t.Parallel()
	near := func(what string, got, want float64) {
		if math.Abs(got-want) > 1e-3 {
			t.Errorf("%s = %g, want %g", what, got, want)
		}
	}
	s := mannWhitney([]float64{10, 20, 30, 40}, []float64{1, 2, 3, 4}, 0.95)
	near("low", s.low, 6)
	near("high", s.high, 39)
	near("estimate", s.estimate, 22.5)

	// spinnaker/spinnaker issue 6278: seven of ten values a hundred times higher, and yet it passes.
	canary, baseline := []float64{100, 100, 100, 100, 100, 100, 100, 1, 1, 1}, []float64{1, 1, 1, 1, 1, 1, 1, 1, 1, 1}
	s = mannWhitney(canary, baseline, 0.98)
	near("6278: low", s.low, 0)
	near("6278: high", s.high, 99)
	near("6278: estimate", s.estimate, 99)
	if got := classify(baseline, canary); got != pass {
		t.Errorf("issue 6278 comes to %s: its author saw Pass", got)
	}
	canary[7] = 100
	if got := classify(baseline, canary); got != high {
		t.Errorf("issue 6278 with its eighth value changed comes to %s: its author saw it fail", got)
	}
}

// facts, section 7: Kayenta passes the data of its issues 780 and 426, where more and sparser trouble is plain to see.
func TestKayentaPassesTheDataOfItsIssues(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ baseline, canary []float64 }{
		"780": {[]float64{1, 100, 4, 101, 5, 102, 6, 103, 7, 104, 8, 105, 9, 106, 17},
			[]float64{10, 10.1, 10.2, 10.3, 10.4, 10.5, 10.6, 17, 17.1, 17.2, 17.3, 17.4, 17.5, 17.6, 17.7}},
		"426": {[]float64{0, 0, 0, 0, 0, 0}, []float64{0, 1, 2, 1, 0, 0}},
	} {
		if got := classify(c.baseline, c.canary); got != pass {
			t.Errorf("issue %s: %s, want Pass", name, got)
		}
	}
}

// Most minutes of a small error rate have no failure at all: both intervals begin at nothing, and that is no shift.
func TestKayentaSeesNoShiftAmongZeros(t *testing.T) {
	t.Parallel()
	baseline, canary := make([]float64, 60), make([]float64, 60)
	for i := range 7 {
		baseline[i], canary[i] = 4, 4
	}
	canary[7], canary[8] = 8, 4
	if got := classify(baseline, canary); got != pass {
		t.Error(got)
	}
}

func TestKayentaTellsAClearShift(t *testing.T) {
	t.Parallel()
	var low, up []float64
	for i := range 60 {
		low = append(low, float64(i%10))
		up = append(up, float64(i%10)+20)
	}
	if got := [3]class{classify(low, up), classify(up, low), classify(low, nil)}; got != [3]class{high, pass, noData} {
		t.Error(got)
	}
}

func TestOutliersBeyondThreeRangesAreRemoved(t *testing.T) {
	t.Parallel()
	values := make([]float64, 200)
	for i := range values {
		values[i] = float64(i % 10)
	}
	values[0] = 1000
	if got := withoutOutliers(values); len(got) != 199 || slices.Max(got) != 9 {
		t.Errorf("%d values are left, the largest is %g", len(got), slices.Max(got))
	}
	if got := withoutOutliers(values[:20]); len(got) != 20 { // its 99th percentile is its largest
		t.Errorf("of twenty values %d are left", len(got))
	}
}

// J-1, both conditions, each at its very request.
func TestBreakerTripsAtItsRequest(t *testing.T) {
	t.Parallel()
	cell := func(legacy, legacyBad, new, bad int64) *judge.Cell {
		c := &judge.Cell{At: epoch, Weight: 5000}
		c.Side = [2]judge.Counts{{Requests: legacy, Failed: legacyBad}, {Requests: new, Failed: bad}}
		return c
	}
	d, p := newDice(5, 5), &judge.Default.Breaker
	var b breaker
	if with, trips := b.cell(cell(100, 1, 60, 60), d, p); !trips || with != 20 {
		t.Errorf("a dead new side: %d, %v, want the 20th request", with, trips)
	}
	b = breaker{}
	if _, trips := b.cell(cell(100, 0, 19, 19), d, p); trips {
		t.Error("19 failures tripped it")
	}
	if with, trips := b.cell(cell(100, 0, 5, 5), d, p); !trips || with != 1 {
		t.Errorf("the 20th failure, in the next cell: %d, %v", with, trips)
	}
	b = breaker{}
	if _, trips := b.cell(cell(100, 5, 60, 60), d, p); trips || b.common.IsZero() {
		t.Error("legacy failed too: a common cause trips nothing, and is told")
	}
}

// The breaker of cells is the engine's own of requests: the same trouble trips both, as soon.
func TestBreakerOfCellsIsTheEngines(t *testing.T) {
	t.Parallel()
	for _, share := range []float64{0.3, 0.5, 0.7, 1} {
		var cells, requests []int64
		for ramp := range 200 {
			w := newWorld(Case{Rate: 1000, Harm: Harm{Points: 100 * share}}, newDice(6, uint64(ramp)))
			w.move(5000)
			cells = append(cells, byCells(w))
			w = newWorld(Case{Rate: 1000, Harm: Harm{Points: 100 * share}}, newDice(7, uint64(ramp)))
			w.move(5000)
			requests = append(requests, byRequests(w))
		}
		got, want := float64(*rank(cells, 0.5)), float64(*rank(requests, 0.5))
		if math.Abs(got-want) > 0.15*want {
			t.Errorf("%g failing: tripped with request %g of the new side, the engine's with %g (medians)", share, got, want)
		}
	}
}

const patience = 30 // cells

func byCells(w *world) (request int64) {
	var b breaker
	for range patience {
		c := w.next(judge.Default.Cell)
		if with, trips := b.cell(c, w.dice, &judge.Default.Breaker); trips {
			return request + with
		}
		request += c.Side[judge.New].Requests
	}
	return request
}

func byRequests(w *world) (request int64) {
	b := tally.NewBreaker(judge.Default.Breaker)
	for range patience {
		c := w.next(judge.Default.Cell)
		for side := range c.Side {
			n, bad := c.Side[side].Requests, c.Side[side].Failed
			for i := range n {
				failed := w.chance(float64(bad) / float64(n-i))
				if failed {
					bad--
				}
				at := c.At.Add(judge.Default.Cell * time.Duration(i) / time.Duration(n))
				b.Count(&tally.Event{At: at, Revision: 1, Side: split.Side(side), Failed: failed}, false)
				if side == judge.New {
					request++
				}
				if b.Open(1) {
					return request
				}
			}
		}
	}
	return request
}
