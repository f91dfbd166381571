package analysis

import (
	"testing"
	"time"

	"github.com/banyan-migration/banyan/gateway/judge"
	"github.com/banyan-migration/banyan/gateway/split"
)

// J-15: what two and what five gateways count comes together, once, and all of them say the same.
func TestCountsComeTogether(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 2, 5} {
		inTime(t, n, func(w *world) {
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
