package simulate

import (
	"math"
	"time"

	"github.com/banyan-migration/banyan/gateway/judge"
	"github.com/banyan-migration/banyan/gateway/split"
)

// outage is how both sides' common trouble goes: so large a share fails, for so long, but over so many requests at least.
const (
	outageShare    = 0.6
	outageTime     = 30 * time.Minute
	outageRequests = 500
)

// epoch is when every simulated ramp begins.
var epoch = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

// world is one ramp's traffic: what both sides do while a rule moves the weight. It is for one goroutine.
type world struct {
	Case
	dice
	at     time.Time
	weight int
	seen   int64 // requests of the group so far

	struck  bool  // the harm has begun
	since   int64 // seen, when it did
	end     time.Time
	enough  int64 // seen, from when a common trouble may end
	hurt    int64 // requests of the new side that failed or were slow because of the harm
	waits   [2]*waits
	slow    float64 // share of the new side's answers that the harm makes slow
	current judge.Cell
}

func newWorld(c Case, d dice) *world {
	w := &world{Case: c, dice: d, at: epoch, waits: [2]*waits{baseWaits, baseWaits}}
	w.move(rampSteps[0])
	return w
}

var baseWaits = slower(0)

// move sets the weight; a harm that waits for it begins.
func (w *world) move(weight int) {
	w.weight = weight
	if w.struck || !w.Harm.any() || weight < w.Harm.From {
		return
	}
	w.struck, w.since = true, w.seen
	if w.Harm.Both {
		w.end, w.enough = w.at.Add(outageTime), w.seen+outageRequests
	}
	if w.Harm.Slow > 0 {
		w.waits[judge.New] = slowWaits(w.Harm.Slow)
		w.slow = hurt(w.Harm.Slow, judge.Default.Margin, judge.Default.MarginPercent)
	}
}

// rates are both sides' shares of failures now.
func (w *world) rates() (legacy, new float64) {
	legacy, new = w.Base, w.Base
	switch {
	case !w.struck:
	case w.Harm.Both:
		if w.at.Before(w.end) || w.seen < w.enough {
			return outageShare, outageShare
		}
	default:
		new = min(1, w.Base+w.Harm.Points/100)
	}
	return legacy, new
}

// next is what both sides did in the next time of length d in which there was a request at all. The cell is the world's own, and
// holds until the next call. Every request counts as a visitor.
func (w *world) next(d time.Duration) *judge.Cell {
	mean := float64(w.Rate) * d.Minutes()
	if mean < 10 {
		if empty := -math.Log(1-w.Float64()) / mean; empty >= 1 {
			w.at = w.at.Add(time.Duration(empty) * d)
		}
	}
	c := &w.current
	*c = judge.Cell{At: w.at, Revision: 1, Weight: w.weight}
	n := int64(0)
	if mean < 10 {
		n = w.some(mean)
	} else {
		n = w.poisson(mean)
	}
	legacy, new := w.rates()
	onNew := w.binomial(n, float64(w.weight)/split.Full)
	w.side(judge.Legacy, &c.Side[judge.Legacy], n-onNew, legacy)
	w.side(judge.New, &c.Side[judge.New], onNew, new)
	w.seen += n
	w.at = w.at.Add(d)
	return c
}

func (w *world) side(side int, c *judge.Counts, n int64, rate float64) {
	c.Requests, c.Visitors = n, n
	c.Failed = w.binomial(n, rate)
	w.waits[side].draw(w.dice, n-c.Failed, &c.Latency)
}

// harmed draws how many of the new side's requests were bad because of the harm: of so many failures and so many answers.
func (w *world) harmed(failed, answered int64) int64 {
	if !w.struck || w.Harm.Both {
		return 0
	}
	_, rate := w.rates()
	return w.binomial(failed, 1-w.Base/rate) + w.binomial(answered, w.slow)
}

// bear counts the donors that a whole cell hurt.
func (w *world) bear(c *judge.Cell) {
	n := c.Side[judge.New]
	w.hurt += w.harmed(n.Failed, n.Requests-n.Failed)
}
