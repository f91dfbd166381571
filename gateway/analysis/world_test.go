package analysis

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/judge"
	"github.com/banyan-migration/banyan/gateway/split"
	"github.com/banyan-migration/banyan/gateway/tally"
	"github.com/banyan-migration/banyan/shared/kv"
)

// view is one replica's way to the store, which may be cut, or lose the answers to what it does.
type view struct {
	kv.Store
	away  atomic.Bool
	fixed atomic.Bool  // the plan in it cannot be changed
	mute  atomic.Int64 // commits whose answers are still to be lost
}

var errAway = errors.New("the store is away")

func (v *view) Get(ctx context.Context, key kv.Key) (kv.Item, error) {
	if v.away.Load() {
		return kv.Item{}, errAway
	}
	return v.Store.Get(ctx, key)
}

func (v *view) List(ctx context.Context, part, prefix, after string, limit int) ([]kv.Item, error) {
	if v.away.Load() {
		return nil, errAway
	}
	return v.Store.List(ctx, part, prefix, after, limit)
}

func (v *view) Commit(ctx context.Context, writes ...kv.Write) error {
	if v.away.Load() || v.fixed.Load() && writes[0].Key.Part == "plan" {
		return errAway
	}
	err := v.Store.Commit(ctx, writes...)
	if err == nil && v.mute.Add(-1) >= 0 {
		return errAway
	}
	return err
}

// node is one gateway, without its data path: its counts are real.
type node struct {
	t       *testing.T
	id      string
	view    *view
	plan    *cutover.Plan
	a       *Analysis
	tally   *tally.Tally
	breaker *tally.Breaker
	skew    atomic.Int64 // of its clock
	stop    func()

	mu       sync.Mutex
	alarms   []Alarm
	accepted []tally.Accepted
}

// world is several gateways over one store.
type world struct {
	t       *testing.T
	mem     *kv.Mem
	policy  judge.Policy
	seed    cutover.Seed
	nodes   []*node
	visitor uint64
}

const group = "donate"

// quick is a policy of seconds.
func quick() judge.Policy {
	p := judge.Demo
	p.Name, p.Cell, p.Stale, p.Sample, p.Overdue = "quick", time.Second, 30*time.Second, 20, 20*time.Second
	p.Steps = []judge.Step{{Weight: 1000, Dwell: 5 * time.Second}, {Weight: 5000, Dwell: 5 * time.Second}, {Weight: 10000, Dwell: 5 * time.Second}}
	return p
}

// inTime runs a test with a clock of its own.
func inTime(t *testing.T, n int, play func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, mem: kv.NewMem(), policy: quick(), seed: cutover.Seed{Policy: quick()}}
		for i := range n {
			w.join(fmt.Sprintf("gw-%d", i+1), nil)
		}
		defer func() {
			for _, n := range w.nodes {
				n.stop()
			}
		}()
		play(t, w)
	})
}

// join starts a gateway.
func (w *world) join(id string, change func(*Options)) *node {
	w.t.Helper()
	n := &node{t: w.t, id: id, view: &view{Store: w.mem}, tally: tally.New(w.policy), breaker: tally.NewBreaker(w.policy.Breaker)}
	now := func() time.Time { return time.Now().Add(time.Duration(n.skew.Load())) }
	open := func() (kv.Store, error) { return n.view, nil }
	plan, err := cutover.Open(w.t.Context(), cutover.Options{Open: open, Replica: id, Now: now, Seeds: map[string]cutover.Seed{group: w.seed}})
	if err != nil {
		w.t.Fatal(err)
	}
	n.plan = plan
	o := Options{Plan: plan, Store: open, Replica: id, Now: now, Policy: func(string) judge.Policy { return w.policy },
		Collect:  func(at time.Time) map[string][]judge.Cell { return map[string][]judge.Cell{group: n.tally.Drain(at)} },
		Accepted: n.takeAccepted,
		Trip:     func(_ string, revision int64, at time.Time) *tally.Trip { return n.breaker.Seen(revision, at) },
		Alarm:    func(a Alarm) { n.mu.Lock(); n.alarms = append(n.alarms, a); n.mu.Unlock() }}
	if change != nil {
		change(&o)
	}
	n.a = New(o)
	plan.Heed(n.a)
	ctx, cancel := context.WithCancel(w.t.Context())
	var done sync.WaitGroup
	done.Go(func() { plan.Run(ctx) })
	done.Go(func() { n.a.Run(ctx) })
	n.stop = func() { cancel(); done.Wait() }
	w.nodes = append(w.nodes, n)
	return n
}

func (n *node) takeAccepted() []tally.Accepted {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := n.accepted
	n.accepted = nil
	return all
}

// crash ends a gateway so that it can tell nobody.
func (n *node) crash() {
	n.view.away.Store(true)
	n.stop()
}

// serve has visitors answered, some of them badly, as the plan of this gateway says; those of the new side may be accepted writes.
func (w *world) serve(n *node, side split.Side, visits, failed int) {
	g := n.plan.Now().Group(group)
	for i := range visits {
		w.visitor++
		e := tally.Event{At: n.a.o.Now(), Revision: g.Revision, Weight: g.Weight, Side: side, Visitor: w.visitor, Failed: i < failed, Took: 20 * time.Millisecond}
		n.tally.Count(&e, i)
		n.breaker.Count(&e, g.Past())
	}
}

// compare gives requests of so many visitors to both sides, some of which differ; legacy is asked twice and says the same.
func (w *world) compare(n *node, visitors, differing int) {
	g := n.plan.Now().Group(group)
	for i := range visitors {
		w.visitor++
		c := tally.Comparison{At: n.a.o.Now(), Revision: g.Revision, Weight: g.Weight, Visitor: w.visitor, First: true, Pairs: judge.Pairs{Compared: 1, Replays: 1}}
		if i < differing {
			c.Pairs.Differing = 1
		}
		n.tally.Pair(&c)
	}
}

// pass lets time pass.
func (w *world) pass(d time.Duration) { time.Sleep(d); synctest.Wait() }

// set moves the group by a person's word.
func (w *world) set(weight int) cutover.Group {
	w.t.Helper()
	p := w.nodes[0].plan
	g, err := p.Set(w.t.Context(), cutover.Change{Group: group, Weight: weight, If: p.Now().Group(group).Revision, Who: "Ann", Why: "test"})
	if err != nil {
		w.t.Fatal(err)
	}
	w.pass(2 * time.Second)
	return g
}

// leaders are those who think that they lead.
func (w *world) leaders() (ids []string) {
	for _, n := range w.nodes {
		n.a.mu.Lock()
		if n.a.leads {
			ids = append(ids, n.id)
		}
		n.a.mu.Unlock()
	}
	return ids
}

// leader is the one who leads.
func (w *world) leader() *node {
	w.t.Helper()
	ids := w.leaders()
	if len(ids) != 1 {
		w.t.Fatalf("%d lead: %v", len(ids), ids)
	}
	for _, n := range w.nodes {
		if n.id == ids[0] {
			return n
		}
	}
	return nil
}

// counted is what the evidence in the store holds of the present weight.
func (w *world) counted() judge.State {
	w.t.Helper()
	ev, _, err := evidences(w.mem).Get(w.t.Context(), group)
	if err != nil {
		w.t.Fatal(err)
	}
	return ev.State
}

func (w *world) alarmed() (all []Alarm) {
	for _, n := range w.nodes {
		n.mu.Lock()
		all = append(all, n.alarms...)
		n.mu.Unlock()
	}
	return all
}

// latest is what every living gateway says of the group; they must agree, though a follower may be a turn behind.
func (w *world) latest() judge.Record {
	w.t.Helper()
	var first judge.Record
	for _, n := range w.nodes {
		if n.view.away.Load() {
			continue
		}
		r, ok := n.a.Latest(group)
		if !ok {
			w.t.Fatalf("%s knows no verdict", n.id)
		}
		if first.ID == "" {
			first = r
		}
		if r.Verdict.Reason != first.Verdict.Reason || r.Verdict.Kind != first.Verdict.Kind {
			w.t.Errorf("%s says %s (%s), another %s (%s)", n.id, r.ID, r.Verdict.Reason, first.ID, first.Verdict.Reason)
		}
	}
	return first
}

// made again, a stored verdict must be the same, bit for bit (J-14).
func replay(t *testing.T, r judge.Record) {
	t.Helper()
	s := r.Before
	for _, c := range r.Cells {
		s.Add(c, r.Policy)
	}
	got := judge.Look(s, r.Situation, r.Policy)
	if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", r.Verdict) {
		t.Errorf("%s is not what its inputs say:\n%+v\n%+v", r.ID, got, r.Verdict)
	}
}
