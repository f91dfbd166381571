package judge_test

import (
	"math/rand/v2"
	"testing"

	"github.com/banyan-migration/banyan/gateway/judge"
)

// BenchmarkLook is a cell taken and looked at, of the busiest kind: every test has something to weigh, beside legacy or alone.
func BenchmarkLook(b *testing.B) {
	for name, weight := range map[string]int{"half": 5000, "full": 10000} {
		b.Run(name, func(b *testing.B) {
			r := rand.New(rand.NewPCG(1, 2))
			var s judge.State
			s.Add(busy(r), judge.Default)
			cells := make([]judge.Cell, 64)
			for i := range cells { // none worse than the other in the long run
				cells[i] = busy(r)
				if i%2 == 1 {
					before := &cells[i-1]
					cells[i].Side = [2]judge.Counts{before.Side[judge.New], before.Side[judge.Legacy]}
					cells[i].Pairs = before.Pairs
					cells[i].Pairs.NewBad, cells[i].Pairs.LegacyBad = before.Pairs.LegacyBad, before.Pairs.NewBad
					cells[i].Pairs.NewSlow, cells[i].Pairs.LegacySlow = before.Pairs.LegacySlow, before.Pairs.NewSlow
				}
				cells[i].Weight = weight
			}
			for b.Loop() {
				s.Add(cells[s.Seen%64], judge.Default)
				judge.Look(s, ready, judge.Default)
			}
		})
	}
}

// busy is a cell with something for every test, on both sides alike.
func busy(r *rand.Rand) judge.Cell {
	c := judge.Cell{Weight: 5000}
	for side := range c.Side {
		s := &c.Side[side]
		s.Requests, s.Visitors, s.Posts, s.PostsFailed, s.Gifts = 2500, 2400+r.Int64N(200), 300, 5+r.Int64N(5), 200
		s.Failed, s.Network, s.Client, s.Refused, s.Lost = 20+r.Int64N(10), r.Int64N(9), r.Int64N(90), 10+r.Int64N(6), 3+r.Int64N(6)
		for i := range s.Latency[10:40] {
			s.Latency[10+i] = 50 + r.Int64N(10)
		}
	}
	c.Pairs = judge.Pairs{Compared: 500, NewBad: 4 + r.Int64N(4), LegacyBad: 4 + r.Int64N(4), NewSlow: 8 + r.Int64N(9), LegacySlow: 8 + r.Int64N(9),
		Differing: 20 + r.Int64N(10), Replays: 100, Noise: 4 + r.Int64N(3)}
	return c
}
