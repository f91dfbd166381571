package judge_test

import (
	"math/rand/v2"
	"testing"

	"github.com/banyan-migration/banyan/gateway/judge"
)

// BenchmarkLook is a cell taken and looked at, of the busiest kind: every test has something to weigh.
func BenchmarkLook(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	cells := make([]judge.Cell, 64)
	for i := range cells {
		cells[i] = busy(r)
	}
	var s judge.State
	for b.Loop() {
		s.Add(cells[s.Seen%64], judge.Default)
		judge.Look(s, ready, judge.Default)
	}
}

// busy is a cell with something for every test: a tenth of the events bad, on both sides alike.
func busy(r *rand.Rand) judge.Cell {
	c := judge.Cell{Weight: 5000}
	for side := range c.Side {
		s := &c.Side[side]
		s.Requests, s.Visitors, s.Posts, s.Gifts = 2500, 2400+r.Int64N(200), 300, 200
		s.Failed, s.Network, s.Client, s.Refused, s.Lost = r.Int64N(480), r.Int64N(9), r.Int64N(90), r.Int64N(60), r.Int64N(20)
		for i := range s.Latency[10:40] {
			s.Latency[10+i] = r.Int64N(100)
		}
	}
	c.Pairs = judge.Pairs{Compared: 500, NewBad: r.Int64N(20), LegacyBad: r.Int64N(20), NewSlow: r.Int64N(20), LegacySlow: r.Int64N(20),
		Differing: r.Int64N(50), Replays: 100, Noise: r.Int64N(10)}
	return c
}
