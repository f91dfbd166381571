// Package canary plays CodeDeploy for Lambda, and the CloudWatch alarms that watch it, on one machine: a new version gets its
// share of an alias's traffic step by step, hooks are called before and after, and an alarm puts everybody back. What runs is
// real: bootstraps under infra/runtime, which answer real events; only the time is not. A deployment that takes minutes
// is over when the machine has answered the requests of those minutes.
package canary

import (
	"context"
	"time"

	"github.com/banyan-migration/banyan/infra/runtime"
)

// Lambda is what traffic is shifted on: a runtime.Player.
type Lambda interface {
	runtime.Invoker
	// Point moves an alias. Invocations under way stay where they are.
	Point(function string, a runtime.Alias) error
}

// Hook is called before any traffic moves, or once all of it has; its error is why the deployment fails.
type Hook struct {
	Name string
	Run  func(ctx context.Context) error
}

// Rollout is one deployment of a function.
type Rollout struct {
	Function string // the function's name
	Alias    string
	Old, New string // versions; the alias points at Old when Run begins
	Type     Type
	Before   *Hook // PreTraffic; nil: none
	After    *Hook // PostTraffic; nil: none
	Alarms   []Alarm
	// Calm is how long Old alone has the traffic before the deployment begins, so that alarms have something to look back on.
	Calm time.Duration
	// Bake is how long the alarms are still watched once everything has moved and After is content.
	Bake time.Duration

	// Rate is how many requests a minute the alias has; the open loop's: they come whether or not earlier ones were answered
	// well.
	Rate int
	// Event is the payload of the nth request, from 0. Called from many goroutines.
	Event func(n int) []byte
	// Speed is how many seconds pass in one of the machine's; zero: as many as it can answer. Where it cannot answer that
	// many, time waits for it: no request is left out.
	Speed float64
	// Records gives how long invocations took, and the metrics that functions log; nil: times are measured from outside, a cold
	// start included, and there are no such metrics.
	Records *Records
	// Tell gets each event as it comes, from one goroutine; nil: nobody.
	Tell func(Event)
}

// How a deployment ends.
const (
	Promoted   = "promoted"    // everybody is on the new version
	RolledBack = "rolled back" // the alias is where it was, after some traffic had moved
	Stopped    = "stopped"     // no traffic has moved
)

// Event is one thing that happened.
type Event struct {
	At    time.Duration `json:"-"` // since the calm began
	Clock string        `json:"at"`
	Kind  string        `json:"kind"` // calm, hook, shift, minute, bake, alarm, promoted, rolled back, stopped
	Share float64       `json:"share"`
	Text  string        `json:"text"`
}

// Count is what one version was asked and how it did.
type Count struct {
	Version     string  `json:"version"`
	Invocations int     `json:"invocations"`
	Errors      int     `json:"errors"`
	Throttles   int     `json:"throttles"`
	Faults      int     `json:"faults"` // answers of 500 and more, which are no Errors of Lambda's
	P50         float64 `json:"p50_ms"`
	P99         float64 `json:"p99_ms"`
}

// Report is what became of a deployment.
type Report struct {
	Function string        `json:"function"`
	Type     string        `json:"type"`
	Outcome  string        `json:"outcome"`
	Why      string        `json:"why,omitempty"`   // why it was not promoted
	Fired    *Firing       `json:"fired,omitempty"` // the alarm that ended it
	Took     time.Duration `json:"-"`               // as the clock of the deployment has it, without the calm
	Minutes  float64       `json:"minutes"`         // Took
	Old      Count         `json:"old"`
	New      Count         `json:"new"`
	Alarms   []Watched     `json:"alarms"`
	// Unseen says what went wrong and set no alarm off; empty: nothing did.
	Unseen string `json:"unseen,omitempty"`
	// Sight is what the alarms on the new version could have seen at all.
	Sight  Sight   `json:"sight"`
	Events []Event `json:"events"`
}

// Run deploys, and returns when traffic is where it stays. Its error is what was outside the deployment: a function that
// cannot be called, a wrong alarm, ctx's end; the alias is then where it was before.
func Run(ctx context.Context, lambda Lambda, r Rollout) (Report, error) {
	d, err := newDeployment(lambda, r)
	if err != nil {
		return Report{}, err
	}
	if err := d.deploy(ctx); err != nil {
		d.restore()
		return d.report, err
	}
	d.conclude()
	return d.report, nil
}
