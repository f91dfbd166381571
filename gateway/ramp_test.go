package gateway

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/gateway/analysis"
	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/judge"
	"github.com/banyan-migration/banyan/shared/kv"
)

// ramp is two gateways over one store, each with its judge, and a new side whose every n-th answer is a failure.
type ramp struct {
	t     *testing.T
	w     [2]*world
	plans [2]*cutover.Plan
	a     [2]*analysis.Analysis
	every atomic.Int64 // 0: none fails
	asked int
	mu    sync.Mutex
	what  map[string]int // alarms
}

func newRamp(t *testing.T) *ramp {
	r := &ramp{t: t, what: map[string]int{}}
	legacy := answering(t, ok)
	var n atomic.Int64
	fresh := newOrigin(t, func(o *origin, in *bufio.Reader, c net.Conn) {
		for o.hear(in) {
			answer := ok
			if every := r.every.Load(); every > 0 && n.Add(1)%every == 0 {
				answer = "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n"
			}
			io.WriteString(c, answer)
		}
	})
	yaml := strings.Replace(twoSidesOf(legacy, fresh, "    - {match: GET /x}\n"), "key: address", "key: header:x-team", 1)
	policy := judge.Demo
	policy.Name, policy.Cell, policy.Stale, policy.Sample = "test", 100*time.Millisecond, 10*time.Second, 20
	store := kv.NewMem()
	ctx, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	t.Cleanup(func() { cancel(); done.Wait() })
	for i := range r.w {
		open := func() (kv.Store, error) { return store, nil }
		plan, err := cutover.Open(ctx, cutover.Options{Open: open, Seeds: map[string]cutover.Seed{"g": {Policy: policy}}})
		if err != nil {
			t.Fatal(err)
		}
		w := startWith(t, yaml, func(g *Gateway) {
			g.o.Plan = plan.Now
			g.Config().Groups[0].Policy = policy
			if err := g.Reload(g.Config()); err != nil {
				t.Fatal(err)
			}
		})
		r.w[i], r.plans[i] = w, plan
		r.a[i] = analysis.New(analysis.Options{Plan: plan, Store: open, Replica: fmt.Sprint("gw-", i), Policy: func(string) judge.Policy { return policy },
			Collect: w.g.Cells, Accepted: w.g.Accepted, Trip: w.g.Trip,
			Alarm: func(a analysis.Alarm) { r.mu.Lock(); r.what[a.What]++; r.mu.Unlock() }})
		plan.Heed(r.a[i])
		done.Go(func() { plan.Run(ctx) })
		done.Go(func() { r.a[i].Run(ctx) })
	}
	return r
}

// ask has visitors come, each to one of the gateways, until something holds; it returns how many met a failure.
func (r *ramp) until(what string, is func() bool) (hurt int) {
	r.t.Helper()
	clients := [2]*client{r.w[0].dial(), r.w[1].dial()}
	for began := time.Now(); !is(); r.asked++ {
		c := clients[r.asked%2]
		answer := c.send(fmt.Sprintf("GET /x HTTP/1.1\r\nHost: h\r\n%s\r\nX-Team: %d\r\n\r\n", browser, r.asked)).receive()
		if status(answer) != "200" {
			hurt++
		}
		if r.asked%20 == 19 {
			time.Sleep(10 * time.Millisecond) // so that the ramp lasts some cells
		}
		if time.Since(began) > 20*time.Second {
			latest, _ := r.a[0].Latest("g")
			r.t.Fatalf("never: %s; the group stands at %+v, the judge says %+v", what, r.plans[0].Now().Group("g"), latest.Verdict)
		}
		for _, c := range clients {
			c.SetDeadline(time.Now().Add(5 * time.Second))
		}
	}
	return hurt
}

func (r *ramp) at(weight int) func() bool {
	return func() bool {
		return r.plans[0].Now().Group("g").Weight == weight && r.plans[1].Now().Group("g").Weight == weight
	}
}

// J-3, J-10: over real connections the judge goes up what was approved, and takes all of it back when the new side begins to fail one
// in five: too few for the breaker, enough for statistics.
func TestARampGoesUpAndIsTakenBack(t *testing.T) {
	t.Parallel()
	r := newRamp(t)
	steps := []judge.Step{{Weight: 2000, Dwell: 200 * time.Millisecond}, {Weight: 5000, Dwell: 200 * time.Millisecond}}
	if _, err := r.plans[0].Approve(t.Context(), cutover.Change{Group: "g", If: r.plans[0].Now().Group("g").Revision, Who: "Ann", Why: "test"}, steps); err != nil {
		t.Fatal(err)
	}
	if hurt := r.until("the second step", r.at(5000)); hurt != 0 {
		t.Errorf("%d visitors met a failure of a healthy side", hurt)
	}
	r.every.Store(5)
	hurt := r.until("the rollback", r.at(0))
	t.Logf("%d visitors were hurt", hurt)
	r.until("the record", func() bool { v, _ := r.a[1].Latest("g"); return v.Situation.Weight == 0 })
	all, err := r.a[1].Records(t.Context(), "g", 1000)
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[judge.Kind]int{}
	for _, v := range all {
		if kinds[v.Verdict.Kind]++; v.Verdict.Kind == judge.Rollback && (v.Verdict.Reason != "harm" || v.Verdict.Blame != judge.Service) {
			t.Errorf("rolled back for %+v", v.Verdict)
		}
	}
	if kinds[judge.PromoteOK] < 2 || kinds[judge.Rollback] == 0 {
		t.Errorf("verdicts: %v", kinds)
	}
	before := r.asked
	if hurt := r.until("a hundred more", func() bool { return r.asked == before+100 }); hurt != 0 {
		t.Errorf("%d visitors met a failure after the rollback", hurt)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.what[analysis.RolledBack] != 1 || r.what[analysis.Broke] != 0 {
		t.Errorf("alarms: %v", r.what)
	}
}

// J-1: a side that fails altogether is left by each gateway within its first requests, and by the plan a moment later.
func TestACatastropheIsTakenBackAtOnce(t *testing.T) {
	t.Parallel()
	r := newRamp(t)
	r.every.Store(1)
	if _, err := r.plans[0].Set(t.Context(), cutover.Change{Group: "g", Weight: 5000, If: r.plans[0].Now().Group("g").Revision, Who: "Ann", Why: "test"}); err != nil {
		t.Fatal(err)
	}
	hurt := r.until("the rollback", func() bool { return r.plans[0].Now().Group("g").Who == "judge" && r.at(0)() })
	if most := 2 * judge.Default.Breaker.Row; hurt == 0 || hurt > most {
		t.Errorf("%d visitors were hurt, want at most %d a gateway", hurt, most/2)
	}
	r.until("the alarms", func() bool { r.mu.Lock(); defer r.mu.Unlock(); return r.what[analysis.RolledBack] == 1 })
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.what[analysis.Broke] != 1 || len(r.what) != 2 {
		t.Errorf("alarms: %v", r.what)
	}
}
