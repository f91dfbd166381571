package analysis

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/gateway/judge"
	"github.com/banyan-migration/banyan/gateway/split"
	"github.com/banyan-migration/banyan/gateway/tally"
	"github.com/banyan-migration/banyan/shared/kv"
)

// J-15: what two and what five gateways count comes together, once, and all of them say the same.
func TestCountsComeTogether(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 2, 5} {
		inTime(t, n, func(t *testing.T, w *world) {
			w.set(5000)
			for range 7 {
				for i, n := range w.nodes {
					w.serve(n, split.Legacy, 10+i, 2)
					w.serve(n, split.New, 5, 1)
				}
				w.pass(700 * time.Millisecond)
			}
			w.pass(10 * time.Second)
			legacy, fresh := int64(0), int64(7*5*n)
			for i := range n {
				legacy += int64(7 * (10 + i))
			}
			s := w.counted()
			if got := [3]int64{s.Side[judge.Legacy].Visitors, s.Side[judge.New].Visitors, s.Side[judge.New].Failed}; got != [3]int64{legacy, fresh, int64(7 * n)} {
				t.Errorf("%d gateways: %v, want %d %d %d", n, got, legacy, fresh, 7*n)
			}
			replay(t, w.latest())
			if g := w.nodes[0].plan.Now().Group(group); g.Weight != 5000 {
				t.Errorf("%d gateways: the group was moved: %+v", n, g)
			}
			r := w.latest().Situation
			if r.Replicas != n || r.Reports != n {
				t.Errorf("%d of %d report, want %d", r.Reports, r.Replicas, n)
			}
			for _, node := range w.nodes {
				var drawn int64
				for _, c := range node.a.Curves(group, time.Time{}) {
					drawn += c.Side[judge.Legacy].Requests
				}
				if drawn != legacy || len(node.a.Replicas()) != n {
					t.Errorf("%s draws %d of %d requests, and sees %v", node.id, drawn, legacy, node.a.Replicas())
				}
			}
			w.leader()
		})
	}
}

// A gateway that dies takes with it what it had not told; nothing counts twice, nothing is judged twice, and the others go on.
func TestAGatewayDies(t *testing.T) {
	t.Parallel()
	inTime(t, 3, func(t *testing.T, w *world) {
		w.set(5000)
		leads := w.leader()
		for _, n := range w.nodes {
			w.serve(n, split.Legacy, 10, 0)
			w.serve(n, split.New, 10, 0)
		}
		w.pass(8 * time.Second)
		for _, n := range w.nodes {
			w.serve(n, split.Legacy, 5, 0) // in a cell that has not ended
		}
		leads.crash()
		w.pass(patience*time.Second + 4*time.Second)
		if got := w.counted().Side; got[judge.Legacy].Visitors != 30+5*2 || got[judge.New].Visitors != 30 {
			t.Errorf("counted %d and %d, want 40 and 30", got[judge.Legacy].Visitors, got[judge.New].Visitors)
		}
		w.nodes = slices.DeleteFunc(w.nodes, func(n *node) bool { return n == leads })
		next := w.leader()
		if all := next.a.Replicas(); len(all) != 2 {
			t.Errorf("alive: %v", all)
		}
		if s := w.latest().Situation; s.Replicas != 3 || s.Reports != 2 {
			t.Errorf("J-15: %d of %d report, want 2 of 3 until the dead one is forgotten", s.Reports, s.Replicas)
		}
		w.pass(40 * time.Second)
		if s := w.latest().Situation; s.Replicas != 2 {
			t.Errorf("the dead one is still waited for: %d", s.Replicas)
		}
		seen := map[string]bool{}
		records, err := next.a.Records(t.Context(), group, 1000)
		if err != nil || len(records) < 3 {
			t.Fatal(len(records), err)
		}
		for i, r := range records {
			replay(t, r)
			if seen[r.ID] || i > 0 && r.Situation.At.After(records[i-1].Situation.At) {
				t.Errorf("%s stands twice, or out of order", r.ID)
			}
			seen[r.ID] = true
			if one, err := next.a.Record(t.Context(), r.ID); err != nil || one.ID != r.ID {
				t.Errorf("%s: %v", r.ID, err)
			}
		}
	})
}

// A gateway that ends in peace is waited for by nobody: the next leads with its next turn.
func TestAGatewayLeaves(t *testing.T) {
	t.Parallel()
	inTime(t, 2, func(t *testing.T, w *world) {
		w.set(5000)
		leads := w.leader()
		w.serve(leads, split.Legacy, 10, 0)
		w.pass(1100 * time.Millisecond)
		leads.stop()
		w.nodes = slices.DeleteFunc(w.nodes, func(n *node) bool { return n == leads })
		w.pass(8 * time.Second)
		next := w.leader()
		if s := w.latest().Situation; s.Replicas != 1 || w.counted().Side[judge.Legacy].Visitors != 10 {
			t.Errorf("%d replicas, counted %+v", s.Replicas, w.counted().Side[judge.Legacy])
		}
		again := w.join(leads.id, nil)
		w.pass(2 * time.Second)
		w.serve(again, split.Legacy, 7, 0)
		w.pass(4 * time.Second)
		if n := w.counted().Side[judge.Legacy].Visitors; n != 17 || w.leader() != next {
			t.Errorf("after its return %d count, want 17", n)
		}
	})
}

// T-8: with the store away every gateway goes on counting, nobody leads, and what was counted arrives afterwards, once.
func TestTheStoreGoesAndComesBack(t *testing.T) {
	t.Parallel()
	inTime(t, 2, func(t *testing.T, w *world) {
		w.set(5000)
		for _, n := range w.nodes {
			n.view.away.Store(true)
		}
		for range 30 {
			for _, n := range w.nodes {
				w.serve(n, split.Legacy, 3, 0)
				w.serve(n, split.New, 3, 0)
			}
			w.pass(time.Second)
		}
		if ids := w.leaders(); len(ids) != 0 {
			t.Errorf("without a store %v lead", ids)
		}
		for _, n := range w.nodes {
			n.view.away.Store(false)
		}
		w.pass(patience*time.Second + 5*time.Second)
		w.leader()
		if got := w.counted().Side; got[judge.Legacy].Visitors != 180 || got[judge.New].Visitors != 180 {
			t.Errorf("counted %d and %d, want 180 of each side", got[judge.Legacy].Visitors, got[judge.New].Visitors)
		}
		replay(t, w.latest())
	})
}

// A write whose answer is lost has arrived, or has not: either way each request counts once.
func TestAnswersOfTheStoreAreLost(t *testing.T) {
	t.Parallel()
	inTime(t, 2, func(t *testing.T, w *world) {
		w.set(5000)
		for i := range 40 {
			for _, n := range w.nodes {
				w.serve(n, split.Legacy, 2, 0)
				if i%3 == 0 {
					n.view.mute.Store(1)
				}
			}
			w.pass(500 * time.Millisecond)
		}
		for _, n := range w.nodes {
			n.view.mute.Store(0)
		}
		w.pass(patience*time.Second + 6*time.Second)
		if got := w.counted().Side[judge.Legacy].Visitors; got != 160 {
			t.Errorf("counted %d, want 160", got)
		}
	})
}

// A clock that jumps, the leader's or another's, by an hour either way, gives the lease to nobody, and nothing counts twice or is lost.
func TestClocksJump(t *testing.T) {
	t.Parallel()
	for _, jump := range []time.Duration{time.Hour, -time.Hour} {
		for _, whose := range []string{"leader", "follower"} {
			inTime(t, 3, func(t *testing.T, w *world) {
				w.set(5000)
				leads := w.leader()
				victim := leads
				for _, n := range w.nodes {
					if whose == "follower" && n != leads {
						victim = n
					}
				}
				for i := range 20 {
					if i == 5 {
						victim.skew.Store(int64(jump))
					}
					if i == 15 {
						victim.skew.Store(0)
					}
					for _, n := range w.nodes {
						w.serve(n, split.Legacy, 2, 0)
					}
					w.pass(time.Second)
					if w.leader() != leads {
						t.Errorf("%s %s: another leads", whose, jump)
					}
				}
				w.pass(5 * time.Second)
				if got := w.counted().Side[judge.Legacy].Visitors; got != 120 {
					t.Errorf("%s %s: counted %d, want 120", whose, jump, got)
				}
			})
		}
	}
}

// A replica that wakes after the lease has gone to another one still believes that it leads. What it writes is refused: its
// cells are in the evidence already.
func TestTwoBelieveThatTheyLead(t *testing.T) {
	t.Parallel()
	inTime(t, 1, func(t *testing.T, w *world) {
		w.set(5000)
		w.serve(w.nodes[0], split.Legacy, 10, 0)
		w.pass(3 * time.Second)
		n := w.nodes[0]
		n.stop() // so that its turns are the test's
		w.serve(n, split.Legacy, 10, 0)
		time.Sleep(1100 * time.Millisecond)
		n.a.turn(t.Context())
		before := *n.a.groups[group]
		w.serve(n, split.Legacy, 10, 0)
		time.Sleep(1100 * time.Millisecond)
		n.a.turn(t.Context())
		if got := w.counted().Side[judge.Legacy].Visitors; got != 30 {
			t.Fatalf("counted %d, want 30", got)
		}
		n.a.groups[group] = &before // what the one who sleeps knows
		if _, err := n.a.lookOnce(t.Context(), n.view, group, time.Now()); !errors.Is(err, kv.ErrConflict) {
			t.Errorf("a second look at the same cells ended in %v", err)
		}
		if got := w.counted().Side[judge.Legacy].Visitors; got != 30 {
			t.Errorf("counted %d, want 30", got)
		}
	})
}

// A gateway with an old plan goes on by it; what it counts belongs to the weight that it followed, and moves nothing.
func TestAGatewayWithAnOldPlan(t *testing.T) {
	t.Parallel()
	inTime(t, 2, func(t *testing.T, w *world) {
		w.set(1000)
		old := w.nodes[1].plan.Now().Group(group)
		w.set(5000)
		for range 10 {
			for range 10 {
				w.visitor++
				w.nodes[1].tally.Count(&tally.Event{At: time.Now(), Revision: old.Revision, Weight: old.Weight, Side: split.New, Visitor: w.visitor, Failed: true}, 0)
			}
			w.serve(w.nodes[0], split.Legacy, 10, 0)
			w.serve(w.nodes[0], split.New, 10, 0)
			w.pass(time.Second)
		}
		w.pass(5 * time.Second)
		s := w.counted()
		if s.Weight != 5000 || s.Side[judge.New].Failed > 10 || s.Side[judge.Legacy].Visitors < 90 {
			t.Errorf("at weight %d: %+v", s.Weight, s.Side[judge.New])
		}
		if g := w.nodes[0].plan.Now().Group(group); g.Weight != 5000 {
			t.Errorf("the group was moved: %+v", g)
		}
	})
}

// Two gateways that were given one id by mistake are told so, and what both count still counts once.
func TestTwoGatewaysOfOneID(t *testing.T) {
	t.Parallel()
	inTime(t, 0, func(t *testing.T, w *world) {
		var said logged
		log := func(o *Options) { o.Log = slog.New(slog.NewTextHandler(&said, nil)) }
		w.join("gw-1", log)
		w.join("gw-1", log)
		w.set(5000)
		for range 20 {
			for _, n := range w.nodes {
				w.serve(n, split.Legacy, 3, 0)
			}
			w.pass(700 * time.Millisecond)
		}
		w.pass(20 * time.Second)
		if got := w.counted().Side[judge.Legacy].Visitors; got != 120 {
			t.Errorf("counted %d, want 120", got)
		}
		if !strings.Contains(said.text(), "give each its own gateway_id") {
			t.Errorf("said %q", said.text())
		}
	})
}

// logged keeps what is logged.
type logged struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// A fault in the judge's own turn harms nobody, and the next turn goes on.
func TestAFaultEndsATurnAlone(t *testing.T) {
	t.Parallel()
	inTime(t, 0, func(t *testing.T, w *world) {
		var said logged
		n := w.join("gw-1", func(o *Options) {
			trip, turns := o.Trip, 0
			o.Log = slog.New(slog.NewTextHandler(&said, nil))
			o.Trip = func(group string, revision int64, now time.Time) *tally.Trip {
				if turns++; turns%3 == 0 {
					panic("a fault")
				}
				return trip(group, revision, now)
			}
		})
		w.set(5000)
		w.serve(n, split.Legacy, 10, 0)
		w.pass(10 * time.Second)
		if got := w.counted().Side[judge.Legacy].Visitors; got != 10 || !strings.Contains(said.text(), "a fault") {
			t.Errorf("counted %d; said %q", got, said.text())
		}
	})
}
