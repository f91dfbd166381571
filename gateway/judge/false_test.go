package judge_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/banyan-migration/banyan/gateway/judge"
)

// rolledBack plays canaries of so many cells and counts those that the judge would have stopped.
func rolledBack(seed uint64, canaries, cells int, begin func(r *rand.Rand) (next func(i int) judge.Cell)) (stopped int) {
	r := rand.New(rand.NewPCG(seed, 5))
	for range canaries {
		var s judge.State
		next := begin(r)
		for i := range cells {
			before := s.Failures.Bet
			s.Add(next(i), judge.Default)
			if s.Failures.Bet != before && judge.Look(s, ready, judge.Default).Reason == "harm" {
				stopped++
				break
			}
		}
	}
	return stopped
}

// minute is what so many visits of which the share w goes to the new side come to, failing at one rate on both sides.
func minute(r *rand.Rand, visits int64, w, rate float64) judge.Cell {
	c := judge.Cell{At: noon, Weight: 5000}
	fresh := binomial(r, visits, w)
	for side, n := range [2]int64{visits - fresh, fresh} {
		c.Side[side] = judge.Counts{Requests: n, Visitors: n, Failed: binomial(r, n, rate)}
	}
	return c
}

// binomial draws how many of n are hit, by the gaps between hits.
func binomial(r *rand.Rand, n int64, p float64) (hits int64) {
	mean := -1 / math.Log1p(-p)
	gap := func() int64 { return 1 + int64(r.ExpFloat64()*mean) }
	for at := gap(); at <= n; at += gap() {
		hits++
	}
	return hits
}

// J-5: 3,000 identical canaries of an hour in each of the nine cells of the bar. The naive rule stops up to 99.9 % of them.
func TestIdenticalCanariesStay(t *testing.T) {
	t.Parallel()
	for i, rate := range []float64{0.002, 0.005, 0.01} {
		for j, visits := range []int64{10, 50, 200} {
			t.Run(fmt.Sprintf("%g %% at %d a minute", 100*rate, visits), func(t *testing.T) {
				t.Parallel()
				const canaries, allowed = 3000, 43 // a true 1 % exceeds it once in a hundred times
				stopped := rolledBack(uint64(10*i+j), canaries, 60, func(r *rand.Rand) func(int) judge.Cell {
					return func(int) judge.Cell { return minute(r, visits, 0.5, rate) }
				})
				t.Logf("%d of %d", stopped, canaries)
				if stopped > allowed {
					t.Errorf("%d of %d identical canaries were rolled back: at most %d may be", stopped, canaries, allowed)
				}
			})
		}
	}
}

// Sticky buckets make the true share another than the weight says, and it wanders as visitors come and go; trouble behind both sides
// makes the failures come in bursts. Neither is the new side's fault.
func TestUnevenSharesAndCommonTroubleAreNoHarm(t *testing.T) {
	t.Parallel()
	for name, begin := range map[string]func(r *rand.Rand) func(int) judge.Cell{
		"a third more than the weight": func(r *rand.Rand) func(int) judge.Cell {
			return func(int) judge.Cell { return minute(r, 100, 0.65, 0.02) }
		},
		"a share that wanders": func(r *rand.Rand) func(int) judge.Cell {
			w := 0.35 + 0.3*r.Float64()
			return func(int) judge.Cell {
				w = min(max(w+0.1*(r.Float64()-0.5), 0.2), 0.8)
				return minute(r, 100, w, 0.02)
			}
		},
		"single visits": func(r *rand.Rand) func(int) judge.Cell {
			return func(int) judge.Cell { return minute(r, 1, 0.65, 0.2) }
		},
		"bursts on both sides": func(r *rand.Rand) func(int) judge.Cell {
			return func(i int) judge.Cell { return minute(r, 100, 0.5, [...]float64{0.005, 0.005, 0.005, 0.1, 0.4}[i/4%5]) }
		},
		"a weight that rises through a worsening day": func(r *rand.Rand) func(int) judge.Cell {
			return func(i int) judge.Cell {
				c := minute(r, 100, []float64{0.01, 0.1, 0.5}[i/60%3], 0.002*float64(1+i/20))
				c.Weight = []int{100, 1000, 5000}[i/60%3]
				return c
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const canaries, allowed = 500, 11
			stopped := rolledBack(7, canaries, 180, begin)
			t.Logf("%d of %d", stopped, canaries)
			if stopped > allowed {
				t.Errorf("%d of %d identical canaries were rolled back: at most %d may be", stopped, canaries, allowed)
			}
		})
	}
}
