// Package simulate plays ramps that never happened: thousands of drawn ones by our rule and by others', to say how often each is
// wrong and how soon it is right; or one, over a recorded log, to say what a plan would have done. It touches no gateway and no store.
package simulate

import (
	"fmt"
	"sync"
	"time"

	"github.com/banyan-migration/banyan/gateway/judge"
	"github.com/banyan-migration/banyan/gateway/split"
)

// rampSteps are the weights of every simulated ramp: those of the policy default.
var rampSteps = func() (all []int) {
	for _, s := range judge.Default.Steps {
		all = append(all, s.Weight)
	}
	return all
}()

// Harm is what is wrong with the new side, from the moment at which the ramp reaches a weight. The zero Harm is none.
type Harm struct {
	Name   string
	Points float64       // more failures, in percentage points; 100 is total failure
	Slow   time.Duration // the 95th percentile is later by so much; the median stays
	Both   bool          // not the new side alone: both fail together for a while, and recover
	From   int           // weight at which it begins; 0: with the first request
}

func (h Harm) any() bool { return h.Points > 0 || h.Slow > 0 || h.Both }

// Case is a row of the suite but for the rule.
type Case struct {
	Name string  // healthy, harm or common
	Rate int     // requests a minute of the group, both sides together
	Base float64 // share of requests that fail on either side when all is well
	Harm Harm
}

// Dwell is how many requests of the group a step lasts at least, for our rule: an hour's, and no fewer than 2,000.
func (c Case) Dwell() int64 { return max(2000, 60*int64(c.Rate)) }

// Horizon is how many requests of the group a ramp may take by any rule: twice what our rule needs at
// least, and no fewer than those of half a day. A ramp that has
// neither finished nor been rolled back by then is still holding.
func (c Case) Horizon() int64 {
	need := int64(0)
	for _, weight := range rampSteps[:len(rampSteps)-1] {
		need += max(c.Dwell(), judge.Default.Sample*split.Full/int64(min(weight, split.Full-weight)))
	}
	return max(2*(need+c.Dwell()), 720*int64(c.Rate))
}

// Suite is the cases of `simulate --suite`.
func Suite() []Case {
	var all []Case
	for _, rate := range []int{3, 50, 1000, 30000} {
		for _, base := range []float64{0, 0.005, 0.02} {
			all = append(all, Case{Name: "healthy", Rate: rate, Base: base})
		}
	}
	for _, h := range harms {
		for _, rate := range []int{50, 1000} {
			name := "harm"
			if h.Both {
				name = "common"
			}
			all = append(all, Case{Name: name, Rate: rate, Base: 0.005, Harm: h})
		}
	}
	return all
}

var harms = []Harm{
	{Name: "+1 point", Points: 1},
	{Name: "+5 points", Points: 5},
	{Name: "+20 points", Points: 20},
	{Name: "+200 ms at p95", Slow: 200 * time.Millisecond},
	{Name: "total failure", Points: 100},
	{Name: "+5 points from 50 %", Points: 5, From: 5000},
	{Name: "both fail at 10 %", Both: true, From: 1000},
}

func (c Case) String() string {
	if c.Harm.Name == "" {
		return c.Name
	}
	return c.Harm.Name
}

// perMinute writes a rate as people do.
func perMinute(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%d,%03d", n/1000, n%1000)
}

// slowWaits are made once a slowness.
func slowWaits(by time.Duration) *waits {
	w, ok := slowed.Load(by)
	if !ok {
		w, _ = slowed.LoadOrStore(by, slower(by))
	}
	return w.(*waits)
}

var slowed sync.Map // time.Duration -> *waits
