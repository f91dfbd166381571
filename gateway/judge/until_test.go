package judge_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sort"
	"testing"

	"github.com/banyan-migration/banyan/gateway/judge"
)

// play makes the next cell of a ramp and says how many requests it holds.
type play func(r *rand.Rand) (cell judge.Cell, requests int)

// until plays ramps, each of at most limit requests, and tells after how many the judge stopped each: the median and the 80th
// percentile. The evidence is looked at whenever it has changed.
func until(seed uint64, ramps, limit int, next play) (median, most int) {
	r := rand.New(rand.NewPCG(seed, 4))
	stops := make([]int, ramps)
	for i := range stops {
		var s judge.State
		for stops[i] < limit {
			failures, paired := s.Failures.Bet.Worth, s.PairedBad
			cell, n := next(r)
			stops[i] += n
			s.Add(cell, judge.Default)
			if (failures != s.Failures.Bet.Worth || paired != s.PairedBad) && judge.Look(s, ready, judge.Default).Reason == "harm" {
				break
			}
		}
	}
	sort.Ints(stops)
	return stops[ramps/2], stops[ramps*4/5]
}

// visits are single visits, each a cell.
func visits(weight int, old, fresh float64) play {
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

// pairs are requests given to both sides, up to the next of which one side failed alone: nothing else moves J-2.
func pairs(old, fresh float64) play {
	worse, better := fresh*(1-old), old*(1-fresh)
	return func(r *rand.Rand) (judge.Cell, int) {
		n := 1 + int(r.ExpFloat64()/-math.Log1p(-worse-better))
		c := judge.Cell{Pairs: judge.Pairs{Compared: int64(n), NewBad: 1}}
		if r.Float64()*(worse+better) < better {
			c.Pairs.NewBad, c.Pairs.LegacyBad = 0, 1
		}
		return c, n
	}
}

// J-5: every "requests until stop" is at most 1.5 times J-4's, by the judge as it ships, looked at after every request.
func TestHarmIsFoundAsSoonAsTheTableSays(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name         string
		next         play
		ramps        int
		median, most int
	}{
		{"paired, 0.5 to 1 %", pairs(0.005, 0.01), 1000, 5960, 9886},
		{"paired, 1 to 5 %", pairs(0.01, 0.05), 1000, 320, 514},
		{"paired, 0.2 to 20 %", pairs(0.002, 0.2), 1000, 44, 58},
		{"attribution, 1 to 5 %, half", visits(5000, 0.01, 0.05), 300, 680, 1065},
		{"attribution, 1 to 5 %, a twentieth", visits(500, 0.01, 0.05), 200, 2751, 4981},
		{"attribution, 0.2 to 20 %, a twentieth", visits(500, 0.002, 0.2), 600, 263, 446},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			median, most := until(1, row.ramps, 20*row.median, row.next)
			a, b := float64(median)/float64(row.median), float64(most)/float64(row.most)
			figures := fmt.Sprintf("median %d, %.2f of the table's; 80 %% %d, %.2f of the table's", median, a, most, b)
			t.Log(figures)
			if max(a, b) > 1.5 {
				t.Error(figures + ": at most 1.5 was promised")
			}
		})
	}
}
