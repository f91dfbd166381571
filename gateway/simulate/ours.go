package simulate

import (
	"fmt"

	"github.com/banyan-migration/banyan/gateway/judge"
)

// ours is gateway/judge as the engine uses it, by the policy default: cells of its length, a look after every cell in which the new
// side answered (no other can tell against it), and the breaker before it. What the simulation leaves out of the policy are its days
// and its calendar: a step lasts a number of requests.
type ours struct{}

// ramping is one ramp by our rule.
type ramping struct {
	*world
	policy  judge.Policy
	state   judge.State
	breaker breaker
	now     judge.Situation
}

func (ours) ramp(w *world) outcome {
	r := &ramping{world: w, policy: judge.Default}
	r.now = judge.Situation{Group: "simulated", Revision: 1, Phase: "canary", Readiness: "green", Replicas: 1, Reports: 1, Sample: r.policy.Sample}
	for i, weight := range rampSteps {
		w.move(weight)
		r.breaker.turn()
		r.now.Weight, r.now.Since, r.now.Next = weight, w.at, 0
		if i+1 < len(rampSteps) {
			r.now.Next = rampSteps[i+1]
		}
		if back, late := r.step(); back || late {
			return w.ended(back, false)
		}
	}
	return w.ended(false, true)
}

// step is one weight: whether it ends in a rollback, and whether the horizon came first.
func (r *ramping) step() (back, late bool) {
	until, last := r.seen+r.Dwell(), r.now.Next == 0
	for horizon := r.Horizon(); r.seen < horizon; {
		c := r.next(r.policy.Cell)
		if with, trips := r.breaker.cell(c, r.dice, &r.policy.Breaker); trips {
			r.tripped(c, with)
			return true, false
		}
		r.bear(c)
		r.state.Add(*c, r.policy)
		done := r.seen >= until
		if c.Side[judge.New].Requests == 0 {
			continue
		}
		switch v := r.look(); {
		case v.Kind == judge.Rollback:
			return true, false
		case done && (last || v.Kind == judge.PromoteOK):
			return false, false
		}
	}
	return false, true
}

func (r *ramping) look() judge.Verdict {
	r.now.At = r.at
	r.now.Breaker, r.now.Common = "", !r.breaker.common.IsZero() && r.at.Sub(r.breaker.common) <= r.policy.Breaker.Window
	if r.now.Common {
		r.now.Breaker = "both sides fail"
	}
	return judge.Look(r.state, r.now, r.policy)
}

// tripped counts what a cell held up to the new side's request that tripped the breaker.
func (w *world) tripped(c *judge.Cell, with int64) {
	new := c.Side[judge.New]
	all := c.Side[judge.Legacy].Requests + new.Requests
	w.seen -= all - all*with/new.Requests
	failed := new.Failed * with / new.Requests
	w.hurt += w.harmed(failed, with-failed)
}

// power is in what share of ramps a harm is found: that for which J-9's samples are made.
const power = 0.8

// Promise says what ours promises of a case and breaks; nil if it holds. At most 1 % of healthy ramps are rolled back, and harm is found
// in four of five; both with sampling noise: what is said breaks a promise that is just kept once in a hundred rows.
func (r Row) Promise() error {
	if r.Rule != "ours" {
		return nil
	}
	switch r.Case.Name {
	case "healthy":
		if allowed := noise(r.Ramps, judge.Default.Alpha); r.RolledBack > allowed {
			return fmt.Errorf("%d of %d healthy ramps at %s requests a minute and %g %% errors were rolled back: at most %d may be",
				r.RolledBack, r.Ramps, perMinute(r.Case.Rate), 100*r.Case.Base, allowed)
		}
	case "harm":
		if found, least := r.RolledBack-r.Early, r.Ramps-noise(r.Ramps, 1-power); found < least {
			return fmt.Errorf("%s at %s requests a minute was found in %d of %d ramps: at least %d were promised",
				r.Case, perMinute(r.Case.Rate), found, r.Ramps, least)
		}
	}
	return nil
}
