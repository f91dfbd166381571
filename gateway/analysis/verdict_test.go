package analysis

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/judge"
	"github.com/banyan-migration/banyan/gateway/split"
	"github.com/banyan-migration/banyan/gateway/tally"
)

// approve lets the judge step along the policy's schedule up to a weight.
func (w *world) approve(steps []judge.Step) {
	w.t.Helper()
	p := w.nodes[0].plan
	if _, err := p.Approve(w.t.Context(), cutover.Change{Group: group, If: p.Now().Group(group).Revision, Who: "Ann", Why: "test"}, steps); err != nil {
		w.t.Fatal(err)
	}
	w.pass(2 * time.Second)
}

// stands is the group as every gateway follows it.
func (w *world) stands() cutover.Group {
	w.t.Helper()
	g := w.nodes[0].plan.Now().Group(group)
	for _, n := range w.nodes {
		if other := n.plan.Now().Group(group); other.Revision != g.Revision {
			w.t.Errorf("%s follows revision %d, another %d", n.id, other.Revision, g.Revision)
		}
	}
	return g
}

// J-10: the judge goes up the approved steps, each after its dwell and its sample, to the last one and never past it.
func TestStepsAlongTheSchedule(t *testing.T) {
	t.Parallel()
	inTime(t, 2, func(t *testing.T, w *world) {
		w.approve(w.policy.Steps[:2])
		weights := map[int]bool{}
		for range 60 {
			for _, n := range w.nodes {
				w.serve(n, split.Legacy, 10, 0)
				if n.plan.Now().Group(group).Weight > 0 {
					w.serve(n, split.New, 10, 0)
				}
			}
			w.pass(time.Second)
			weights[w.nodes[0].plan.Now().Group(group).Weight] = true
		}
		if g := w.stands(); g.Weight != 5000 || !weights[1000] || g.Who != "judge" {
			t.Errorf("after a minute the group stands at %d by %s (%s), on its way %v; the judge says %+v", g.Weight, g.Who, g.Why, weights, w.latest().Verdict)
		}
		all, err := w.nodes[0].plan.History(t.Context(), 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range all {
			if e.Who != "judge" {
				continue
			}
			r, err := w.nodes[1].a.Record(t.Context(), e.Evidence)
			if err != nil || r.Verdict.Kind != judge.PromoteOK {
				t.Errorf("the step %d stands on %q: %v %v", e.Sequence, e.Evidence, r.Verdict.Kind, err)
			}
			replay(t, r)
		}
		if a := w.alarmed(); len(a) > 0 {
			t.Errorf("alarms: %v", a)
		}
	})
}

// The judge takes a ramp back that harms, on every gateway, with its evidence in the journal and one alarm.
func TestRollsBackWhatHarms(t *testing.T) {
	t.Parallel()
	inTime(t, 2, func(t *testing.T, w *world) {
		w.set(5000)
		for range 40 {
			for _, n := range w.nodes {
				if n.plan.Now().Group(group).Weight > 0 {
					w.serve(n, split.Legacy, 10, 0)
					w.serve(n, split.New, 10, 3)
				}
			}
			w.pass(time.Second)
		}
		g := w.stands()
		if g.Weight != 0 || g.Who != "judge" {
			t.Fatalf("the group stands at %d by %s: %s; the judge says %+v", g.Weight, g.Who, g.Why, w.latest().Verdict)
		}
		all, _ := w.nodes[0].plan.History(t.Context(), 0, 100)
		last := all[len(all)-1]
		r, err := w.nodes[1].a.Record(t.Context(), last.Evidence)
		if err != nil || r.Verdict.Kind != judge.Rollback || r.Verdict.Reason != "harm" || r.Verdict.Blame != judge.Service {
			t.Errorf("the evidence %q: %+v %v", last.Evidence, r.Verdict, err)
		}
		replay(t, r)
		alarms := w.alarmed()
		if len(alarms) != 1 || alarms[0].What != RolledBack || !strings.Contains(alarms[0].Why, "judge: ") {
			t.Errorf("alarms: %+v", alarms)
		}
		if s := w.counted(); s.Side[judge.New].Visitors != 0 {
			t.Errorf("the evidence of the ramp that was taken back still counts: %+v", s.Side)
		}
		reg := prometheus.NewPedanticRegistry()
		if err := reg.Register(w.nodes[0].a); err != nil {
			t.Fatal(err)
		}
		if _, err := reg.Gather(); err != nil {
			t.Error(err)
		}
	})
}

// Section 8, "differ clean": where routes ask for copies the judge goes nowhere from off; in shadow it goes as soon as enough were compared.
func TestNobodyIsSentOverUncompared(t *testing.T) {
	t.Parallel()
	inTime(t, 0, func(t *testing.T, w *world) {
		w.seed.Phase, w.seed.Shadowed = cutover.Off, true
		n := w.join("gw-1", nil)
		play := func(seconds int) {
			for range seconds {
				w.serve(n, split.Legacy, 10, 0)
				if n.plan.Now().Group(group).Phase == cutover.Shadow {
					w.compare(n, 10, 0)
				}
				w.pass(time.Second)
			}
		}
		w.approve(w.policy.Steps[:1])
		play(20)
		if v := w.latest().Verdict; w.stands().Weight != 0 || v.Reason != "guard" || !strings.Contains(v.Why, "enter shadow first") {
			t.Errorf("at %d: %+v", w.stands().Weight, v)
		}
		c := cutover.Change{Group: group, Phase: cutover.Shadow, If: w.stands().Revision, Who: "Ann", Why: "test"}
		if _, err := n.plan.Enter(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		play(10)
		if g := w.stands(); g.Weight != 1000 {
			t.Errorf("at %d: %+v", g.Weight, w.latest().Verdict)
		}
	})
}

// What a person asks first of answers that differ is in what: the journal and the alarm say it.
func TestAVerdictOnAnswersSaysWhatDiffers(t *testing.T) {
	t.Parallel()
	inTime(t, 0, func(t *testing.T, w *world) {
		n := w.join("gw-1", func(o *Options) {
			o.Differs = func(of string) string { return "most often header x-side of /" + of }
		})
		w.set(5000)
		for range 20 {
			if n.plan.Now().Group(group).Weight > 0 {
				w.serve(n, split.Legacy, 10, 0)
				w.serve(n, split.New, 10, 0)
				w.compare(n, 10, 5)
			}
			w.pass(time.Second)
		}
		if g := w.stands(); g.Weight != 0 || !strings.HasSuffix(g.Why, "; most often header x-side of /donate") {
			t.Errorf("at %d: %s", g.Weight, g.Why)
		}
		if all := w.alarmed(); len(all) != 1 || !strings.HasSuffix(all[0].Why, "header x-side of /donate") {
			t.Errorf("alarms: %+v", all)
		}
	})
}

// G19, T-8: harm is taken back at the judge's own gateway though the plan cannot be written, and everywhere when it can.
func TestRollsBackHereWhileThePlanCannotBeWritten(t *testing.T) {
	t.Parallel()
	inTime(t, 1, func(t *testing.T, w *world) {
		w.set(5000)
		n := w.leader()
		n.view.fixed.Store(true)
		for range 40 {
			if n.plan.Now().Group(group).Weight > 0 {
				w.serve(n, split.Legacy, 10, 0)
				w.serve(n, split.New, 10, 3)
			}
			w.pass(time.Second)
		}
		if g := n.plan.Now().Group(group); g.Weight != 0 || g.Pending == nil || g.Who != "judge" {
			t.Fatalf("at %d by %s, pending %+v", g.Weight, g.Who, g.Pending)
		}
		n.view.fixed.Store(false)
		w.pass(time.Second)
		if g := w.stands(); g.Weight != 0 || g.Pending != nil || !strings.Contains(g.Why, "while the store was away") {
			t.Errorf("with the store back: %d, %s", g.Weight, g.Why)
		}
	})
}

// A2: a group that nobody visits for a day stays where it is, and the verdict says why.
func TestADayWithoutTraffic(t *testing.T) {
	t.Parallel()
	inTime(t, 1, func(t *testing.T, w *world) {
		w.set(1000)
		w.approve(w.policy.Steps)
		n := w.nodes[0]
		n.stop() // its turns are a minute apart
		for range 24 * 60 {
			time.Sleep(time.Minute)
			n.a.turn(t.Context())
		}
		if r, g := w.latest(), w.stands(); r.Verdict.Kind != judge.Hold || r.Verdict.Reason != "no_traffic" || g.Weight != 1000 {
			t.Errorf("after a day at %d: %+v", g.Weight, r.Verdict)
		}
	})
}

// J-1: what a gateway's breaker saw goes to all gateways through the plan, whatever the meter says.
func TestABreakerRollsAllBack(t *testing.T) {
	t.Parallel()
	inTime(t, 3, func(t *testing.T, w *world) {
		w.set(1000)
		n := w.nodes[2]
		w.serve(n, split.Legacy, 50, 0)
		w.serve(n, split.New, 20, 20)
		if !n.breaker.Open(n.plan.Now().Group(group).Revision) {
			t.Fatal("the breaker did not act at once")
		}
		w.pass(4 * time.Second)
		if g := w.stands(); g.Weight != 0 || g.Who != "judge" {
			t.Errorf("the group stands at %d by %s: %s", g.Weight, g.Who, g.Why)
		}
		what := map[string]int{}
		for _, a := range w.alarmed() {
			what[a.What]++
		}
		if what[Broke] != 1 || what[RolledBack] != 1 || len(what) != 2 {
			t.Errorf("alarms: %v", what)
		}
	})
}

// J-1: with the store away the breaker acts all the same, and the gateway says so itself.
func TestABreakerWithoutAStore(t *testing.T) {
	t.Parallel()
	inTime(t, 1, func(t *testing.T, w *world) {
		w.set(1000)
		n := w.nodes[0]
		n.view.away.Store(true)
		w.serve(n, split.New, 20, 20)
		w.pass(3 * time.Second)
		if a := w.alarmed(); len(a) != 1 || a[0].What != Broke {
			t.Errorf("alarms: %+v", a)
		}
		n.view.away.Store(false)
		w.pass(10 * time.Second)
		if g := w.stands(); g.Weight != 0 {
			t.Errorf("with the store back the group stands at %d", g.Weight)
		}
		if a := w.alarmed(); len(a) != 2 || a[0].ID == a[1].ID {
			t.Errorf("alarms: %+v", a)
		}
	})
}

// A donation that does not become a payment is harm (J-8): what is told to any gateway counts once, what is not told in time is lost, and
// where nobody tells anything nothing is lost.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	inTime(t, 2, func(t *testing.T, w *world) {
		w.set(5000)
		ctx := t.Context()
		a, b := w.nodes[0], w.nodes[1]
		accept := func(ids ...string) {
			for _, id := range ids {
				a.mu.Lock()
				a.accepted = append(a.accepted, tally.Accepted{Request: id, Group: group, At: time.Now(), Revision: a.plan.Now().Group(group).Revision})
				a.mu.Unlock()
			}
		}
		accept("untold-1", "untold-2")
		w.pass(25 * time.Second)
		if n := w.counted().Side[judge.New]; n.Gifts != 0 {
			t.Fatalf("nobody tells outcomes, and %d of %d are lost", n.Lost, n.Gifts)
		}
		accept("r1", "r2", "r3", "r4")
		if err := b.a.Outcomes(ctx, []Outcome{{"r1", true}, {"early", false}}); err != nil { // at the other gateway, one before its write is known
			t.Fatal(err)
		}
		w.pass(3 * time.Second)
		if err := a.a.Outcomes(ctx, []Outcome{{"r2", false}, {"r2", false}, {"r1", true}}); err != nil {
			t.Fatal(err)
		}
		if err := b.a.Outcomes(ctx, []Outcome{{"r1", true}, {"r2", true}}); err != nil {
			t.Fatal(err)
		}
		accept("early")
		w.pass(5 * time.Second)
		if n := w.counted().Side[judge.New]; n.Gifts != 3 || n.Lost != 2 {
			t.Errorf("%d of %d are lost, want r2 and early of three", n.Lost, n.Gifts)
		}
		w.pass(25 * time.Second)
		if n := w.counted().Side[judge.New]; n.Gifts != 5 || n.Lost != 4 {
			t.Errorf("%d of %d are lost, want r3 and r4 too", n.Lost, n.Gifts)
		}
		b.view.away.Store(true)
		if err := b.a.Outcomes(ctx, []Outcome{{"elsewhere", true}}); err == nil {
			t.Error("an outcome was taken that nobody will hear of")
		}
		if err := a.a.Outcomes(ctx, []Outcome{{"", true}}); err == nil {
			t.Error("an outcome of nothing was taken")
		}
	})
}

// After a long absence of the store there is more to look at than one look takes: nobody goes up on the first, healthy half of it.
func TestNobodyGoesUpOnHalfOfWhatIsThere(t *testing.T) {
	t.Parallel()
	inTime(t, 0, func(t *testing.T, w *world) {
		w.policy.Stale = time.Hour // else the age of the first half alone would hold the group
		w.seed.Policy = w.policy
		n := w.join("gw-1", nil)
		w.pass(time.Second)
		w.set(1000)
		n.view.away.Store(true)
		for i := range mostAtOnce + 100 {
			failed := 0
			if i > mostAtOnce+20 {
				failed = 3
			}
			w.serve(n, split.Legacy, 10, 0)
			w.serve(n, split.New, 10, failed)
			w.pass(time.Second)
		}
		p := n.plan
		n.view.away.Store(false)
		if _, err := p.Approve(t.Context(), cutover.Change{Group: group, If: p.Now().Group(group).Revision, Who: "Ann", Why: "test"}, w.policy.Steps); err != nil {
			t.Fatal(err)
		}
		w.pass(10 * time.Second)
		if g := w.stands(); g.Weight != 0 || g.Who != "judge" {
			t.Errorf("the group stands at %d by %s: %+v", g.Weight, g.Who, w.latest().Verdict)
		}
		all, _ := p.History(t.Context(), 0, 100)
		for _, e := range all {
			if e.Action == "step" {
				t.Errorf("the judge went up: %+v", e)
			}
		}
		records, err := n.a.Records(t.Context(), group, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			if replay(t, r); len(r.Cells) > mostAtOnce {
				t.Errorf("%s holds %d cells", r.ID, len(r.Cells))
			}
		}
	})
}

// A plan that was put back to an older one: what was counted by the other moves nothing, and what comes after it counts.
func TestThePlanWasPutBack(t *testing.T) {
	t.Parallel()
	inTime(t, 1, func(t *testing.T, w *world) {
		w.set(5000)
		n := w.nodes[0]
		for range 10 {
			w.visitor++
			n.tally.Count(&tally.Event{At: time.Now(), Revision: 99, Weight: 9000, Side: split.New, Visitor: w.visitor, Failed: true}, 0)
		}
		w.pass(2 * time.Second)
		w.serve(n, split.Legacy, 10, 0)
		w.pass(forgotten + 10*time.Second)
		if s := w.counted(); s.Side[judge.New].Failed != 0 || s.Side[judge.Legacy].Visitors != 10 {
			t.Errorf("counted %+v", s.Side)
		}
	})
}
