// Package analysis brings together what all replicas counted, has the judge look at it, keeps every verdict with its inputs, and does
// what the verdict says through the plan: a step up along what a person approved, a rollback, a freeze. One replica, by lease, leads.
package analysis

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/judge"
	"github.com/banyan-migration/banyan/gateway/tally"
	"github.com/banyan-migration/banyan/shared/kv"
)

// Options is what an Analysis stands on. What is nil besides Plan, Store and Policy is not to be had.
type Options struct {
	Plan    *cutover.Plan
	Store   func() (kv.Store, error)        // the plan's; asked again until it opens
	Replica string                          // this gateway's id; no two gateways share one
	Policy  func(group string) judge.Policy // the zero Policy for a group that the configuration does not have: it is left alone

	Collect  func(now time.Time) map[string][]judge.Cell                   // the cells that ended since the last call, by group
	Accepted func() []tally.Accepted                                       // the new side's, since the last call
	Trip     func(group string, revision int64, now time.Time) *tally.Trip // what this gateway's breaker sees
	Shadow   func(group string) (dead string)                              // why no copies get through; "": they do, or none are made
	Differs  func(group string) string                                     // what differs most often between the sides, in words; "" or nil: nobody knows
	Keep     map[string]Kept                                               // what is kept in the store for this gateway's next start
	Probe    cutover.Probe                                                 // measures the data
	Alarm    func(Alarm)                                                   // must not block
	Log      *slog.Logger
	Now      func() time.Time // nil: the clock
}

// Replica is one gateway as the others see it.
type Replica struct {
	ID       string    `json:"id"`
	Revision int64     `json:"revision"` // of the plan that it follows
	Seen     time.Time `json:"seen"`
	Leads    bool      `json:"leads"`
}

// Analysis runs the judge. Its methods are safe for concurrent use; those that take no context answer from memory.
type Analysis struct {
	o    Options
	boot string // tells this process from another of the same id

	report   report
	peers    map[string]*peer
	lease    lease
	groups   map[string]*evidence
	gifts    gifts
	word     word
	kept     time.Time // when Keep was last written
	restored bool
	told     map[string]bool   // alarms that this replica gave
	refused  map[string]string // by group: the verdict of which it was said that the plan does not do it

	mu       sync.Mutex // protects what follows; the above belongs to Run, but for gifts
	latest   map[string]judge.Record
	verdicts map[verdictKey]int64
	curves   map[string]*curve
	replicas []Replica
	facts    map[string]cutover.Facts
	leads    bool
}

// New makes one; Run works.
func New(o Options) *Analysis {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Analysis{o: o, boot: rand.Text(), peers: map[string]*peer{}, groups: map[string]*evidence{}, told: map[string]bool{}, refused: map[string]string{},
		latest: map[string]judge.Record{}, verdicts: map[verdictKey]int64{}, curves: map[string]*curve{}, facts: map[string]cutover.Facts{}}
}

// Run counts, judges and acts until ctx ends; then it leaves, so that the others do not wait for this replica.
func (a *Analysis) Run(ctx context.Context) {
	pace := a.pace()
	tick := time.NewTicker(pace)
	defer tick.Stop()
	if a.o.Probe != nil {
		done := make(chan struct{})
		defer func() { <-done }()
		go func() { defer close(done); a.measure(ctx) }()
	}
	for {
		a.turn(ctx)
		select {
		case <-ctx.Done():
			a.leave(ctx)
			return
		case <-tick.C:
		}
		if next := a.pace(); next != pace { // a policy of a new configuration
			pace = next
			tick.Reset(pace)
		}
	}
}

// pace is how long a turn is: a second, or the shortest cell.
func (a *Analysis) pace() time.Duration {
	pace := time.Second
	for _, name := range a.names() {
		pace = min(pace, a.o.Policy(name).Cell)
	}
	return max(pace, 10*time.Millisecond)
}

// names are the groups that the configuration has.
func (a *Analysis) names() []string {
	return slices.DeleteFunc(a.o.Plan.Now().Names(), func(name string) bool { return a.o.Policy(name).Cell <= 0 })
}

// turn does once what Run does again and again. Whatever fails is tried again in the next turn.
func (a *Analysis) turn(ctx context.Context) {
	defer a.caught()
	now := a.o.Now()
	a.gather(now)
	store, err := a.o.Store()
	if err == nil {
		ctx, cancel := context.WithTimeout(ctx, max(5*time.Second, a.pace()))
		defer cancel()
		err = a.together(ctx, store, now)
	}
	if err != nil && ctx.Err() == nil {
		a.alone(now, err)
	}
}

// caught keeps a fault of ours to the turn, or to the measurement, that met it: donors are served in this process.
func (a *Analysis) caught() {
	if fault := recover(); fault != nil {
		a.o.Log.Error("a turn of the judge ended in a fault: what it was to do is tried again", "fault", fault, "stack", string(debug.Stack()))
	}
}

// together is a turn's part that needs the store.
func (a *Analysis) together(ctx context.Context, store kv.Store, now time.Time) error {
	if err := a.send(ctx, store, now); err != nil {
		return err
	}
	if err := a.meet(ctx, store); err != nil {
		return err
	}
	leads, err := a.lease.hold(ctx, store, a.o.Replica+" "+a.boot)
	if err != nil {
		return err
	}
	a.mu.Lock()
	if leads != a.leads {
		a.o.Log.Info("the judge", "leads", leads, "replica", a.o.Replica)
	}
	a.leads = leads
	a.mu.Unlock()
	var failed error
	if leads {
		for _, name := range a.names() {
			failed = errors.Join(failed, a.look(ctx, store, name, now)) // one group's trouble is not the others'
		}
		failed = errors.Join(failed, a.pass(ctx, store))
	} else {
		clear(a.groups) // who leads next begins with what is stored
		failed = a.follow(ctx, store)
	}
	return errors.Join(failed, a.keep(ctx, store, now))
}

// alone is what a replica does without the store: it goes on counting, its breaker goes on acting, and it says so.
func (a *Analysis) alone(now time.Time, err error) {
	a.mu.Lock()
	if a.leads {
		a.o.Log.Warn("the judge cannot reach the store: nothing is judged until it is back; the breaker acts without it", "error", err)
	}
	a.leads = false
	a.mu.Unlock()
	a.lease.forget()
	clear(a.groups)
	for group, t := range a.report.trips {
		a.alarm(breakerAlarm(now, group, t))
	}
}

// Latest is the newest stored verdict on a group; false before the first.
func (a *Analysis) Latest(group string) (judge.Record, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	r, known := a.latest[group]
	return r, known
}

// Facts are the newest measurement of a group's data; the zero Facts where there is none.
func (a *Analysis) Facts(group string) cutover.Facts {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.facts[group]
}

// Readiness says what a rollback of a group would lose, by the newest measurement.
func (a *Analysis) Readiness(group string) cutover.Readiness {
	r, err := a.o.Plan.Ready(group)
	if err != nil {
		return cutover.Readiness{State: cutover.Red, Loses: "unknown: there is no such group"}
	}
	return r
}

// Replicas are the gateways that live, in the order of their ids.
func (a *Analysis) Replicas() []Replica {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := slices.Clone(a.replicas)
	slices.SortFunc(all, func(x, y Replica) int { return cmp.Compare(x.ID, y.ID) })
	return all
}
