package judge_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sort"
	"testing"

	"github.com/banyan-migration/banyan/gateway/judge"
)

// harmed says whether the judge would stop a ramp that stands like this.
func harmed(s judge.State) bool { return judge.Look(s, ready, judge.Default).Reason == "harm" }

// until plays ramps, each of at most limit steps of the given size, and tells after how many requests the judge stopped each: the
// median and the 80th percentile.
func until(seed uint64, ramps, limit int, step func(r *rand.Rand) (judge.Cell, int)) (median, most int) {
	r := rand.New(rand.NewPCG(seed, 4))
	stops := make([]int, ramps)
	for i := range stops {
		var s judge.State
		for stops[i] < limit {
			cell, n := step(r)
			stops[i] += n
			s.Add(cell, judge.Default)
			if harmed(s) {
				break
			}
		}
	}
	sort.Ints(stops)
	return stops[ramps/2], stops[ramps*4/5]
}

// visits are single visits to either side, judged one cell at a time.
func visits(weight int, old, fresh float64) func(r *rand.Rand) (judge.Cell, int) {
	rates := [2]float64{old, fresh}
	return func(r *rand.Rand) (judge.Cell, int) {
		c := judge.Cell{Weight: weight}
		side := judge.Legacy
		if r.IntN(10000) < weight {
			side = judge.New
		}
		c.Side[side].Requests, c.Side[side].Visitors = 1, 1
		if r.Float64() < rates[side] {
			c.Side[side].Failed = 1
		}
		return c, 1
	}
}

// pairs are single requests that both sides answered.
func pairs(old, fresh float64) func(r *rand.Rand) (judge.Cell, int) {
	return func(r *rand.Rand) (judge.Cell, int) {
		var c judge.Cell
		c.Pairs.Compared = 1
		switch a, b := r.Float64() < old, r.Float64() < fresh; {
		case a && !b:
			c.Pairs.LegacyBad = 1
		case b && !a:
			c.Pairs.NewBad = 1
		}
		return c, 1
	}
}

// J-5: every "requests until stop" is no worse than 1.5 times J-4's, by the judge as it ships and looked at after every request.
func TestHarmIsFoundAsSoonAsTheTableSays(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name         string
		step         func(r *rand.Rand) (judge.Cell, int)
		median, most int
	}{
		{"paired, 0.5 to 1 %", pairs(0.005, 0.01), 5960, 9886},
		{"paired, 1 to 5 %", pairs(0.01, 0.05), 320, 514},
		{"paired, 0.2 to 20 %", pairs(0.002, 0.2), 44, 58},
		{"attribution, 1 to 5 %, half", visits(5000, 0.01, 0.05), 680, 1065},
		{"attribution, 1 to 5 %, a twentieth", visits(500, 0.01, 0.05), 2751, 4981},
		{"attribution, 0.2 to 20 %, a twentieth", visits(500, 0.002, 0.2), 263, 446},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			median, most := until(1, 300, 20*row.median, row.step)
			figures := fmt.Sprintf("median %d (%.2f of the table's), 80 %% %d (%.2f)", median, float64(median)/float64(row.median), most, float64(most)/float64(row.most))
			if math.Max(float64(median)/float64(row.median), float64(most)/float64(row.most)) > 1.5 {
				t.Error(figures)
			}
			t.Log(figures)
		})
	}
}
