package judge_test

import (
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/gateway/judge"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// ready is a group of which everything but its evidence allows a step up.
var ready = judge.Situation{At: noon, Group: "donate", Revision: 7, Phase: "canary", Weight: 5000, Since: noon.Add(-48 * time.Hour), Next: 10000,
	Dwell: 24 * time.Hour, Sample: 1827, Readiness: "green", Replicas: 2, Reports: 2}

// equal is a cell in which both sides failed ten of 2,000 visits.
func equal() judge.Cell {
	c := judge.Cell{At: noon.Add(-10 * time.Second), Revision: 7, Weight: 5000}
	c.Side[judge.Legacy] = judge.Counts{Requests: 2100, Visitors: 2000, Failed: 10}
	c.Side[judge.New] = judge.Counts{Requests: 2100, Visitors: 2000, Failed: 10}
	return c
}

// worse is a cell in which the new side failed ten times as often.
func worse() judge.Cell {
	c := equal()
	c.Side[judge.New].Failed = 100
	return c
}

func after(cells ...judge.Cell) (s judge.State) {
	for _, c := range cells {
		s.Add(c, judge.Default)
	}
	return s
}

// J-1, J-8 to J-12, J-15, T-3: each thing that stops a group, alone, with the word for programs and the sentence for people.
func TestEachVerdictHasItsReason(t *testing.T) {
	t.Parallel()
	critical, mixed := equal(), worse()
	critical.Pairs = judge.Pairs{Compared: 20, Critical: 1}
	mixed.Side[judge.New].Network = 80
	unsure := equal()
	unsure.Side[judge.Legacy].Failed, unsure.Side[judge.New].Failed = 3, 17
	noisy := equal()
	noisy.Pairs = judge.Pairs{Compared: 40, Differing: 39}
	impossible := equal()
	impossible.Side[judge.New].Failed = -1
	full := equal()
	full.Weight, full.Side[judge.Legacy] = 10000, judge.Counts{}
	shadow := equal()
	shadow.Weight, shadow.Side[judge.New], shadow.Pairs = 0, judge.Counts{}, judge.Pairs{Compared: 900}
	dark := shadow
	dark.Pairs = judge.Pairs{}
	clients := equal()
	clients.Side[judge.New].Client = 900
	older := equal()
	older.Side[judge.Legacy].Failed, older.Side[judge.New].Failed = 100, 10
	few := equal()
	few.Side[judge.New] = judge.Counts{Requests: 50, Visitors: 41}

	for _, c := range []struct {
		name   string
		cells  []judge.Cell
		now    func(s *judge.Situation)
		kind   judge.Kind
		reason string
		blame  judge.Blame
		why    string
	}{
		{"nothing stands against a step", []judge.Cell{equal()}, nil, judge.PromoteOK, "clean", judge.Nobody,
			"the new side failed 10 of 2,000 visits, legacy 10 of 2,000 in the same minutes at 50\u00a0%; 100\u00a0% may follow"},
		{"harm", []judge.Cell{worse()}, nil, judge.Rollback, "harm", judge.Service,
			"rolled back: the new side failed 100 of 2,000 visits, legacy 10 of 2,000 in the same minutes; if both were equally good, evidence this strong would come at most once in "},
		{"harm on the way to the service", []judge.Cell{mixed}, nil, judge.Rollback, "harm", judge.Network, "100 of 2,000"},
		{"harm to money: one is enough", []judge.Cell{critical}, nil, judge.Rollback, "harm", judge.Service, "in an amount or a consent"},
		{"harm, and a rollback loses rows", []judge.Cell{worse()}, func(s *judge.Situation) { s.Readiness, s.Loses = "amber", "3 gifts" },
			judge.Freeze, "harm", judge.Service, "the meter is amber and a rollback loses: 3 gifts"},
		{"harm, and nothing is known of the data", []judge.Cell{worse()}, func(s *judge.Situation) { s.Readiness = "" },
			judge.Freeze, "harm", judge.Service, "the meter is red and a rollback loses: nobody has measured what"},
		{"harm to a frozen group", []judge.Cell{worse()}, func(s *judge.Situation) { s.Frozen = "Ada looks into it" },
			judge.Freeze, "harm", judge.Service, "frozen (Ada looks into it), or it would be rolled back"},
		{"harm in a calendar freeze: lower is always allowed", []judge.Cell{worse()}, func(s *judge.Situation) { s.Closed = "the appeal" },
			judge.Rollback, "harm", judge.Service, "rolled back"},
		{"harm while a person holds", []judge.Cell{worse()}, func(s *judge.Situation) { s.Held = "lunch" }, judge.Rollback, "harm", judge.Service, "rolled back"},
		{"harm with nobody on the new side", []judge.Cell{worse()}, func(s *judge.Situation) { s.Weight = 0 },
			judge.Hold, "harm", judge.Service, "the new side must not have donors"},
		{"the breaker", []judge.Cell{equal()}, func(s *judge.Situation) { s.Breaker = "20 failures in a row" },
			judge.Rollback, "breaker", judge.Service, "rolled back at once: 20 failures in a row"},
		{"the breaker acts whatever the meter says", nil, func(s *judge.Situation) {
			s.Breaker, s.Readiness, s.Loses, s.Reports, s.Frozen, s.Age = "20 failures in a row", "red", "all gifts of today", 0, "a person", time.Hour
		}, judge.Rollback, "breaker", judge.Service, "this loses: all gifts of today"},
		{"the breaker, and legacy fails too", []judge.Cell{equal()}, func(s *judge.Situation) { s.Breaker, s.Common = "20 failures in a row", true },
			judge.Hold, "common", judge.Both, "legacy fails too"},
		{"the kill switch", []judge.Cell{worse()}, func(s *judge.Situation) { s.Killed, s.Breaker = true, "20 failures in a row" },
			judge.Hold, "killed", judge.Nobody, "until a person takes it back"},
		{"impossible counts", []judge.Cell{equal(), impossible}, nil, judge.Hold, "data", judge.Nobody, "the newest counts cannot be"},
		{"half the replicas", []judge.Cell{worse()}, func(s *judge.Situation) { s.Reports = 1 }, judge.Hold, "quorum", judge.Nobody, "only 1 of 2 replicas"},
		{"old counts", []judge.Cell{worse()}, func(s *judge.Situation) { s.Age = 11 * time.Minute },
			judge.Hold, "stale", judge.Nobody, "the newest counts are 11 min old, and 10 min is the most they may be"},
		{"a clock set back", []judge.Cell{worse()}, func(s *judge.Situation) { s.Age = -time.Hour }, judge.Hold, "stale", judge.Nobody, "1 h ahead of the clock"},
		{"no counts", nil, nil, judge.Hold, "no_traffic", judge.Nobody, "nothing has been counted yet"},
		{"empty counts", []judge.Cell{{At: noon, Weight: 5000}}, nil, judge.Hold, "no_traffic", judge.Nobody, "nobody has come yet"},
		{"no traffic for a day", []judge.Cell{equal()}, func(s *judge.Situation) { s.At = s.At.Add(24 * time.Hour) },
			judge.Hold, "no_traffic", judge.Nobody, "nobody has come for 24 h"},
		{"a freeze", []judge.Cell{equal()}, func(s *judge.Situation) { s.Frozen = "Ada looks into it" }, judge.Hold, "frozen", judge.Nobody, "Ada looks into it"},
		{"a hold", []judge.Cell{equal()}, func(s *judge.Situation) { s.Held = "lunch" }, judge.Hold, "held", judge.Nobody, "held: lunch"},
		{"no approved step", []judge.Cell{equal()}, func(s *judge.Situation) { s.Next = 0 },
			judge.Hold, "approval", judge.Nobody, "nobody has approved more than 50\u00a0%"},
		{"full weight", []judge.Cell{full}, func(s *judge.Situation) { s.Weight, s.Next, s.Phase = 10000, 0, "full" },
			judge.Hold, "done", judge.Nobody, "10 of 2,000 visits failed, and no visits to legacy are left to compare them with"},
		{"a guard", []judge.Cell{equal()}, func(s *judge.Situation) { s.Guard = "sync is 4 h behind" },
			judge.Hold, "guard", judge.Nobody, "the step to 100\u00a0% is refused: sync is 4 h behind"},
		{"the calendar", []judge.Cell{equal()}, func(s *judge.Situation) { s.Closed = "the week of the appeal" },
			judge.Hold, "calendar", judge.Nobody, "the week of the appeal"},
		{"the dwell", []judge.Cell{equal()}, func(s *judge.Situation) { s.Since = noon.Add(-18 * time.Hour) },
			judge.Hold, "dwell", judge.Nobody, "18 h of 24 h at 50\u00a0% have passed"},
		{"a small sample", []judge.Cell{few}, nil, judge.Hold, "sample", judge.Nobody, "41 of 1,827 visitors on the new side at 50\u00a0%"},
		{"a side without visitors", []judge.Cell{full}, nil, judge.Hold, "no_traffic", judge.Nobody, "0 of 1,827 visitors on legacy"},
		{"a small sample in shadow", []judge.Cell{shadow}, func(s *judge.Situation) { s.Weight, s.Next = 0, 100 },
			judge.Hold, "sample", judge.Nobody, "900 of 1,827 requests compared in shadow"},
		{"a step from nothing, as approved", []judge.Cell{dark}, func(s *judge.Situation) { s.Weight, s.Next, s.Sample = 0, 100, 0 },
			judge.PromoteOK, "clean", judge.Nobody, "no shadow was asked for; 1\u00a0% may follow"},
		{"nobody on the new side, and no sample asked for", []judge.Cell{{At: noon, Weight: 5000, Side: [2]judge.Counts{{Visitors: 9}, {}}}},
			func(s *judge.Situation) { s.Sample = 0 }, judge.Hold, "no_traffic", judge.Nobody, "0 of 1 visitors on the new side"},
		{"a clean shadow", []judge.Cell{shadow, shadow, shadow}, func(s *judge.Situation) { s.Weight, s.Next = 0, 100 },
			judge.PromoteOK, "clean", judge.Nobody, "in 2,700 requests given to both sides nothing stands against the new side; 1\u00a0% may follow"},
		{"doubt", []judge.Cell{unsure}, nil, judge.Hold, "doubt", judge.Nobody, "no step up while it is in doubt: the new side failed 17 of 2,000"},
		{"differences without legacy's own noise", []judge.Cell{noisy}, nil, judge.Hold, "noise", judge.Nobody, "the answers differ in 39 of 40 requests"},
		{"a better new side", []judge.Cell{older}, nil, judge.PromoteOK, "clean", judge.Old, "legacy 100 of 2,000"},
		{"clients that leave", []judge.Cell{clients}, nil, judge.PromoteOK, "clean", judge.Client, "10 of 2,000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			now := ready
			if c.now != nil {
				c.now(&now)
			}
			v := judge.Look(after(c.cells...), now, judge.Default)
			if v.Kind != c.kind || v.Reason != c.reason || v.Blame != c.blame || !strings.Contains(v.Why, c.why) || v.Version != judge.Version {
				t.Errorf("%s (%s), blamed on %q: %s\nwanted %s (%s), blamed on %q: … %s …", v.Kind, v.Reason, v.Blame, v.Why, c.kind, c.reason, c.blame, c.why)
			}
		})
	}
}

// Where several things stop a group, the stated order says which one is told.
func TestTheFirstReasonIsTold(t *testing.T) {
	t.Parallel()
	now := ready
	now.Killed, now.Breaker, now.Reports, now.Age, now.Frozen, now.Held = true, "20 failures in a row", 0, time.Hour, "a freeze", "a hold"
	now.Next, now.Guard, now.Closed, now.Since = 0, "a guard", "a holiday", noon
	s, p := after(worse()), judge.Default
	for _, step := range []struct {
		reason string
		mend   func()
	}{
		{"killed", func() { now.Killed = false }}, {"breaker", func() { now.Breaker = ""; p.Alpha = 0 }},
		{"policy", func() { p = judge.Default }}, {"quorum", func() { now.Reports = 2 }}, {"stale", func() { now.Age = 0 }},
		{"harm", func() { s = after(equal()) }}, {"frozen", func() { now.Frozen = "" }}, {"held", func() { now.Held = "" }},
		{"approval", func() { now.Next = 10000 }}, {"guard", func() { now.Guard = "" }}, {"calendar", func() { p.Calendar = false }},
		{"dwell", func() { now.Since = noon.Add(-24 * time.Hour); now.Sample = 3000 }}, {"sample", func() { now.Sample = 2000 }}, {"clean", func() {}},
	} {
		if v := judge.Look(s, now, p); v.Reason != step.reason {
			t.Fatalf("%s is told before %s: %s", v.Reason, step.reason, v.Why)
		}
		step.mend()
	}
}

// J-5: what was counted at one weight is not compared with what was counted at another, though the evidence stays.
func TestAWeightCutsCountsAndKeepsEvidence(t *testing.T) {
	t.Parallel()
	some := equal()
	some.Side[judge.New].Failed = 16
	s := after(some)
	before := judge.Look(s, ready, judge.Default)
	next := judge.Cell{At: noon, Revision: 8, Weight: 9000}
	next.Side[judge.New] = judge.Counts{Requests: 1, Visitors: 1}
	s.Add(next, judge.Default)
	v := judge.Look(s, ready, judge.Default)
	was, is := evidence(t, before, judge.Failures), evidence(t, v, judge.Failures)
	if is.New != [2]int64{1, 0} || is.Legacy != [2]int64{} {
		t.Errorf("counts of another weight: %+v", is)
	}
	if d := is.E - was.E; d > 1e-9 || d < -1e-9 {
		t.Errorf("the evidence was %.3f and is %.3f", was.E, is.E)
	}
}

// A replica with an old plan does not take the step's sample away.
func TestALaggardDoesNotSetTheStepBack(t *testing.T) {
	t.Parallel()
	old := equal()
	old.Revision, old.Weight = 6, 1000
	if v := judge.Look(after(equal(), old), ready, judge.Default); v.Kind != judge.PromoteOK || evidence(t, v, judge.Failures).New[0] != 2000 {
		t.Errorf("%s (%s): %s", v.Kind, v.Reason, v.Why)
	}
}
