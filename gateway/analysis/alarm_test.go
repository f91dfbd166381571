package analysis

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/judge"
	"github.com/banyan-migration/banyan/gateway/split"
)

// whats are the alarms so far, by what they are of; each id must have been told once.
func (w *world) whats() map[string]int {
	w.t.Helper()
	ids, all := map[string]bool{}, map[string]int{}
	for _, a := range w.alarmed() {
		if all[a.What]++; ids[a.ID] || a.Group != group || a.Why == "" || a.At.IsZero() {
			w.t.Errorf("told twice, or without words: %+v", a)
		}
		ids[a.ID] = true
	}
	return all
}

// T-3: what is measured by the leader every gateway knows; unknown is red. Red readiness and a dead sync are told once each, by one gateway,
// and again when they have been well between.
func TestFactsAndTheirAlarms(t *testing.T) {
	t.Parallel()
	inTime(t, 0, func(t *testing.T, w *world) {
		w.seed.Writes, w.seed.Data = true, true
		var measured atomic.Int64
		var facts atomic.Pointer[cutover.Facts]
		facts.Store(&cutover.Facts{Known: true, Backfilled: true, Lag: 3 * time.Second, Clean: time.Now()})
		probe := func(string) (cutover.Facts, error) {
			measured.Add(1)
			f := facts.Load()
			if f == nil {
				return cutover.Facts{}, errors.New("the database is away")
			}
			now := *f
			now.At = time.Now()
			if now.Synced.IsZero() {
				now.Synced, now.Reversed, now.Verified = now.At, now.At, now.At
			}
			return now, nil
		}
		for _, id := range []string{"gw-1", "gw-2"} {
			w.join(id, func(o *Options) { o.Probe = probe })
		}
		w.pass(10 * time.Second)
		for _, n := range w.nodes {
			if f := n.a.Facts(group); f.Lag != 3*time.Second || n.a.Readiness(group).State != cutover.Green {
				t.Errorf("%s knows %+v: %+v", n.id, f, n.a.Readiness(group))
			}
		}
		g := w.nodes[0].plan.Now().Group(group)
		if _, err := w.nodes[0].plan.Set(t.Context(), cutover.Change{Group: group, Weight: 1000, If: g.Revision, Who: "Ann", Why: "test"}); err != nil {
			t.Fatalf("the data does not let the group move: %v", err)
		}
		w.pass(5 * time.Second)
		if all := w.whats(); len(all) != 0 {
			t.Fatalf("alarms of a healthy group: %v", all)
		}
		synced := time.Now()
		facts.Store(&cutover.Facts{Known: true, Backfilled: true, Synced: synced, Reversed: synced, Verified: synced})
		w.pass(deadAfter + time.Minute)
		if all := w.whats(); all[DeadSync] != 1 {
			t.Errorf("sync has not run for eleven minutes: %v", all)
		}
		facts.Store(nil)
		w.pass(2 * time.Minute)
		if all := w.whats(); all[RedReadiness] != 1 || w.nodes[1].a.Readiness(group).State != cutover.Red {
			t.Errorf("nothing is measured any more: %v", all)
		}
		facts.Store(&cutover.Facts{Known: true, Backfilled: true})
		w.pass(time.Minute)
		facts.Store(nil)
		w.pass(2 * time.Minute)
		if all := w.whats(); all[RedReadiness] != 2 || all[DeadSync] != 1 {
			t.Errorf("after a time in which all was well: %v", all)
		}
	})
}

// J-11: where a rollback would lose something the judge freezes and says so, and does it once.
func TestFreezesWhereARollbackLoses(t *testing.T) {
	t.Parallel()
	inTime(t, 0, func(t *testing.T, w *world) {
		w.seed.Writes = true // and nobody measures: red
		w.join("gw-1", nil)
		w.join("gw-2", nil)
		w.pass(time.Second)
		w.set(5000)
		for range 30 {
			for _, n := range w.nodes {
				w.serve(n, split.Legacy, 10, 0)
				w.serve(n, split.New, 10, 3)
			}
			w.pass(time.Second)
		}
		g := w.stands()
		if g.Weight != 5000 || g.Frozen == nil || g.Frozen.Who != "judge" {
			t.Fatalf("the group stands at %d, frozen %+v; the judge says %+v", g.Weight, g.Frozen, w.latest().Verdict)
		}
		if all := w.whats(); all[Froze] != 1 || all[RedReadiness] != 1 || len(all) != 2 {
			t.Errorf("alarms: %v", all)
		}
	})
}

// A shadow side that is dead on one gateway is told once, and judged as nothing.
func TestADeadShadow(t *testing.T) {
	t.Parallel()
	inTime(t, 1, func(t *testing.T, w *world) {
		w.join("gw-2", func(o *Options) { o.Shadow = func(string) string { return "the other side answers nothing" } })
		w.pass(10 * time.Second)
		if all := w.whats(); all[DeadShadow] != 1 || len(all) != 1 {
			t.Errorf("alarms: %v", all)
		}
	})
}

// J-15: with less than a quorum heard nobody goes up, until who is silent is forgotten.
func TestNoQuorum(t *testing.T) {
	t.Parallel()
	inTime(t, 2, func(t *testing.T, w *world) {
		w.set(1000)
		w.approve(w.policy.Steps)
		leads := w.leader()
		other := w.nodes[0]
		if other == leads {
			other = w.nodes[1]
		}
		other.crash()
		w.nodes = []*node{leads}
		for range 15 {
			w.serve(leads, split.Legacy, 20, 0)
			w.serve(leads, split.New, 20, 0)
			w.pass(time.Second)
		}
		if r, g := w.latest(), w.stands(); g.Weight != 1000 || r.Verdict.Kind != judge.Hold || r.Verdict.Reason != "quorum" {
			t.Errorf("with one of two heard the group stands at %d: %+v", g.Weight, r.Verdict)
		}
		for range 30 {
			w.serve(leads, split.Legacy, 20, 0)
			w.serve(leads, split.New, 20, 0)
			w.pass(time.Second)
		}
		if g := w.stands(); g.Weight == 1000 {
			t.Errorf("when the other is forgotten: %+v", w.latest().Verdict)
		}
	})
}

// memory is something that is kept over a restart.
type memory struct{ text string }

func (m *memory) Snapshot() ([]byte, error) { return []byte(m.text), nil }
func (m *memory) Restore(b []byte) error    { m.text = string(b); return nil }

// What a gateway has learned it has again after a restart, and no other gateway gets it.
func TestWhatIsKept(t *testing.T) {
	t.Parallel()
	inTime(t, 0, func(t *testing.T, w *world) {
		first, again, other := &memory{"learned"}, &memory{}, &memory{}
		with := func(m *memory) func(*Options) {
			return func(o *Options) { o.Keep = map[string]Kept{"noise": m} }
		}
		n := w.join("gw-1", with(first))
		w.pass(2 * time.Minute)
		n.stop()
		w.join("gw-1", with(again))
		w.join("gw-2", with(other))
		w.pass(5 * time.Second)
		if again.text != "learned" || other.text != "" {
			t.Errorf("kept %q, and %q for another", again.text, other.text)
		}
	})
}

// An id leads to the verdict that it names, whatever stands in it.
func FuzzRecordID(f *testing.F) {
	f.Add("donate", int64(1552683600123))
	f.Add("a-b", int64(0))
	f.Fuzz(func(t *testing.T, group string, ms int64) {
		at := time.UnixMilli(ms % (1 << 42)).UTC()
		if at.Year() < 0 || at.Year() > 9999 {
			return
		}
		name, sort, ok := placeOf(recordID(group, at))
		if !ok || name != group || sort != place(at) {
			t.Errorf("%q %s: %q %q %v", group, at, name, sort, ok)
		}
		placeOf(group) // whatever it is, it does not panic
	})
}
