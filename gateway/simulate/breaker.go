package simulate

import (
	"time"

	"github.com/banyan-migration/banyan/gateway/judge"
)

// breaker is tally.Breaker (J-1) for cells instead of requests: the order within a cell is drawn, and only where it can matter. The
// zero breaker has seen nothing.
type breaker struct {
	row    int64 // failures of the new side since its last success
	recent []tallied
	common time.Time // when both sides were last seen to fail
}

// tallied is a cell of the last window: requests and failures by side.
type tallied struct {
	at       time.Time
	requests [2]int64
	failed   [2]int64
}

// turn begins a step: what the new side did before counts no more.
func (b *breaker) turn() {
	b.row = 0
	for i := range b.recent {
		b.recent[i].requests[judge.New], b.recent[i].failed[judge.New] = 0, 0
	}
}

// cell takes what both sides did and says whether the breaker trips, and with which of the new side's requests.
func (b *breaker) cell(c *judge.Cell, d dice, p *judge.Breaker) (with int64, trips bool) {
	old := 0
	for old < len(b.recent) && c.At.Sub(b.recent[old].at) >= p.Window {
		old++
	}
	b.recent = append(b.recent[:0], b.recent[old:]...)
	before := b.sum()
	t := tallied{at: c.At}
	for side := range c.Side {
		t.requests[side], t.failed[side] = c.Side[side].Requests, c.Side[side].Failed
	}
	b.recent = append(b.recent, t)
	switch new := t.requests[judge.New]; {
	case new == 0:
		return 0, false
	case t.failed[judge.New] == 0:
		b.row = 0
		return 0, false
	case new >= 10*int64(p.Row) && t.failed[judge.New]*4 < new && 2*before.failed[judge.New] <= before.requests[judge.New]:
		b.row = 0 // twenty in a row among failures as rare as that: once in a thousand million cells
		return 0, false
	}
	with, trips = b.order(&t, &before, d, p)
	legacy, failed := before.requests[judge.Legacy]+t.requests[judge.Legacy], before.failed[judge.Legacy]+t.failed[judge.Legacy]
	if trips && legacy > 0 && failed*100 >= legacy*int64(p.Legacy) {
		b.common, trips = c.At, false
	}
	return with, trips
}

func (b *breaker) sum() (all tallied) {
	for i := range b.recent {
		for side := range all.requests {
			all.requests[side] += b.recent[i].requests[side]
			all.failed[side] += b.recent[i].failed[side]
		}
	}
	return all
}

// order plays the new side's requests of a cell one by one, to the one that is too many. The row is that of the cell's end where none is.
func (b *breaker) order(t, before *tallied, d dice, p *judge.Breaker) (with int64, trips bool) {
	left, bad := t.requests[judge.New], t.failed[judge.New]
	all, failed := before.requests[judge.New], before.failed[judge.New]
	for i := int64(1); left > 0; i++ {
		all++
		if bad == left || d.chance(float64(bad)/float64(left)) {
			bad--
			failed++
			b.row++
			many := all >= int64(p.Over) && failed*100 >= all*int64(p.Percent)
			if !trips && (b.row >= int64(p.Row) || many) {
				with, trips = i, true
			}
		} else {
			b.row = 0
		}
		left--
	}
	return with, trips
}
