package cutover_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/judge"
	"github.com/banyan-migration/banyan/shared/fault"
	"github.com/banyan-migration/banyan/shared/kv"
)

// desk is a plan with a clock and a witness that a test sets.
type desk struct {
	*cutover.Plan
	t     *testing.T
	store kv.Store
	kill  *cutover.Switch

	mu    sync.Mutex
	now   time.Time
	facts cutover.Facts
	last  judge.Record
}

func (d *desk) Facts(string) cutover.Facts {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.facts
}

func (d *desk) Latest(string) (judge.Record, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.last, d.last.ID != ""
}

func (d *desk) clock() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.now
}

// pass lets time go by, with the data measured, synced and right all the while.
func (d *desk) pass(by time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.now = d.now.Add(by)
	f := &d.facts
	f.At, f.Synced, f.Reversed, f.Verified = d.now, d.now, d.now, d.now
}

func sit(t *testing.T, seed cutover.Seed) *desk {
	t.Helper()
	d := &desk{t: t, store: kv.NewMem(), kill: cutover.NewSwitch("", ""), now: noon}
	k := well()
	d.facts, d.last = k.Facts, k.Verdict
	d.last.ID = "v1"
	d.Plan = open(t, d.store, cutover.Options{Seeds: map[string]cutover.Seed{"donate": seed}, Now: d.clock, Kill: d.kill})
	d.Heed(d)
	return d
}

func (d *desk) at() cutover.Group { return d.Now().Group("donate") }

// by is a change of donate by somebody who has just looked.
func (d *desk) by(who string) cutover.Change {
	return cutover.Change{Group: "donate", If: d.at().Revision, Who: who, Why: "CHG-7"}
}

func (d *desk) to(who string, weight int) cutover.Change {
	c := d.by(who)
	c.Weight = weight
	return c
}

func (d *desk) into(phase string) cutover.Change {
	c := d.by("ada")
	c.Phase, c.Evidence = phase, "backup 41"
	return c
}

func (d *desk) verdict() cutover.Change {
	c := d.by("judge")
	c.Evidence = "v1"
	return c
}

// done expects a change to go through, to a phase and a weight.
func (d *desk) done(phase string, weight int) func(cutover.Group, error) {
	d.t.Helper()
	return func(g cutover.Group, err error) {
		d.t.Helper()
		if err != nil || g.Phase != phase || g.Weight != weight || d.at().Phase != phase {
			d.t.Fatalf("%s at %d, %v; want %s at %d", g.Phase, g.Weight, err, phase, weight)
		}
	}
}

// refused expects a change to be refused by a predicate, and nothing to change.
func (d *desk) refused(name string) func(cutover.Group, error) {
	d.t.Helper()
	before := d.Now().Revision
	return func(_ cutover.Group, err error) {
		d.t.Helper()
		if predicate(err) != name || fault.KindOf(err) != fault.Conflict || d.Now().Revision != before || !strings.HasSuffix(err.Error(), "nothing was changed") {
			d.t.Fatalf("%v, revision %d; want a refusal by %s at %d", err, d.Now().Revision, name, before)
		}
	}
}

var (
	measured = cutover.Seed{Phase: cutover.Off, Writes: true, Data: true, Policy: judge.Default}
	free     = cutover.Seed{Phase: cutover.Off, Policy: judge.Default}
	plan     = []judge.Step{{Weight: 100, Dwell: time.Hour}, {Weight: 5000, Dwell: time.Hour}}
	ctx      = context.Background()
)

// Section 8: a group's life from its first row to the day on which the old side is gone, step by step, none left out.
func TestALifeOfAGroup(t *testing.T) {
	t.Parallel()
	d := sit(t, measured)
	d.refused("order")(d.Enter(ctx, d.into(cutover.Drain)))
	d.done(cutover.Backfill, 0)(d.Enter(ctx, d.into(cutover.Backfill)))
	d.facts.Backfilled = false
	d.refused("backfilled")(d.Enter(ctx, d.into(cutover.Shadow)))
	d.facts.Backfilled = true
	d.done(cutover.Shadow, 0)(d.Enter(ctx, d.into(cutover.Shadow)))
	d.done(cutover.Shadow, 0)(d.Approve(ctx, d.by("ada"), plan))
	tried := d.at().Revision
	d.done(cutover.Canary, 100)(d.Step(ctx, d.verdict()))
	ramp := d.at()
	if ramp.Experiment != tried || ramp.Since != noon || ramp.Below != cutover.Shadow {
		t.Errorf("the ramp begins as %+v", ramp)
	}
	d.pass(time.Hour)
	d.done(cutover.Canary, 5000)(d.Step(ctx, d.verdict()))
	if g := d.at(); g.Experiment != ramp.Experiment || g.Since != noon.Add(time.Hour) {
		t.Errorf("the ramp goes on as %+v", g)
	}
	d.done(cutover.Full, 10000)(d.Set(ctx, d.to("ada", 10000)))
	d.refused("forms")(d.Enter(ctx, d.into(cutover.Drain)))
	d.pass(6 * time.Hour)
	d.done(cutover.Drain, 10000)(d.Enter(ctx, d.into(cutover.Drain)))
	d.done(cutover.Full, 10000)(d.Enter(ctx, d.into(cutover.Full)))
	d.pass(6 * time.Hour)
	d.done(cutover.Drain, 10000)(d.Enter(ctx, d.into(cutover.Drain)))
	d.refused("hits")(d.Enter(ctx, d.into(cutover.Retired)))
	d.pass(14 * 24 * time.Hour)
	bare := d.into(cutover.Retired)
	bare.Evidence = ""
	d.refused("backup")(d.Enter(ctx, bare))
	d.done(cutover.Retired, 10000)(d.Enter(ctx, d.into(cutover.Retired)))
	d.refused("no_return")(d.Set(ctx, d.to("ada", 0)))
	if n, err := d.Verify(ctx); err != nil || n != d.Now().Revision {
		t.Errorf("%d entries hold: %v", n, err)
	}
}

// J-10: the judge goes along what a person approved, not before its time, not past its last step, and not while anybody says stop.
func TestTheJudgeGoesNoFurtherThanAPersonSaid(t *testing.T) {
	t.Parallel()
	d := sit(t, free)
	d.refused("schedule")(d.Step(ctx, d.verdict()))
	d.done(cutover.Off, 0)(d.Approve(ctx, d.by("ada"), plan))
	d.done(cutover.Canary, 100)(d.Step(ctx, d.verdict()))
	d.refused("dwell")(d.Step(ctx, d.verdict()))
	d.pass(59 * time.Minute)
	d.refused("dwell")(d.Step(ctx, d.verdict()))
	d.pass(-24 * time.Hour) // a clock that jumps back makes nothing older
	d.refused("dwell")(d.Step(ctx, d.verdict()))
	d.pass(24*time.Hour + time.Minute)
	stale := d.verdict()
	d.done(cutover.Canary, 100)(d.Hold(ctx, d.by("grace")))
	if _, err := d.Step(ctx, stale); !errors.Is(err, cutover.ErrStale) {
		t.Errorf("a verdict on what was seen before: %v", err)
	}
	d.refused("held")(d.Step(ctx, d.verdict()))
	d.refused("held")(d.Set(ctx, d.to("ada", 200)))
	d.done(cutover.Canary, 100)(d.Release(ctx, d.by("ada")))
	d.done(cutover.Canary, 100)(d.Freeze(ctx, d.by("judge")))
	d.refused("frozen")(d.Step(ctx, d.verdict()))
	d.refused("frozen")(d.Set(ctx, d.to("ada", 50)))
	d.refused("frozen")(d.Promote(ctx, d.by("ada")))
	d.done(cutover.Canary, 100)(d.Release(ctx, d.by("ada")))
	d.done(cutover.Canary, 5000)(d.Step(ctx, d.verdict()))
	d.pass(30 * 24 * time.Hour)
	d.refused("schedule")(d.Step(ctx, d.verdict()))
	if _, err := d.Step(ctx, d.by("judge")); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a step without a verdict: %v", err)
	}
	d.done(cutover.Canary, 4000)(d.Set(ctx, d.to("grace", 4000)))
	d.refused("schedule")(d.Step(ctx, d.verdict())) // who lowers decides anew: the approval is void
	if g := d.at(); g.Schedule != nil {
		t.Errorf("%+v", g.Schedule)
	}
}

// A schedule that cannot be is refused with what would be right.
func TestAScheduleThatLeadsNowhere(t *testing.T) {
	t.Parallel()
	d := sit(t, free)
	for says, steps := range map[string][]judge.Step{
		"1 to 50 steps":     {},
		"weight 10001":      {{Weight: 100}, {Weight: 10001}},
		"weight 0":          {{Weight: 0}},
		"weight 100: steps": {{Weight: 100}, {Weight: 100}},
		"not below nothing": {{Weight: 100, Dwell: -1}},
	} {
		if _, err := d.Approve(ctx, d.by("ada"), steps); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
	}
	d.done(cutover.Canary, 5000)(d.Set(ctx, d.to("ada", 5000)))
	d.refused("schedule")(d.Approve(ctx, d.by("ada"), plan))
}

// A person's next step is the schedule's, or the policy's where none is approved; it waits for no dwell, and obeys the guards.
func TestPromote(t *testing.T) {
	t.Parallel()
	d := sit(t, measured)
	blind := d.by("ada")
	blind.If = 0
	if _, err := d.Promote(ctx, blind); !errors.Is(err, cutover.ErrNoRevision) {
		t.Errorf("a raise that nobody looked at: %v", err)
	}
	d.done(cutover.Canary, 100)(d.Promote(ctx, d.by("ada")))
	d.done(cutover.Canary, 100)(d.Approve(ctx, d.by("ada"), []judge.Step{{Weight: 300}, {Weight: 10000}}))
	d.done(cutover.Canary, 300)(d.Promote(ctx, d.by("ada")))
	d.last.Verdict.Evidence[0].New[0] = 3
	d.refused("sample")(d.Promote(ctx, d.by("ada")))
	d.last.Verdict.Evidence[0].New[0] = 3000
	d.done(cutover.Full, 10000)(d.Promote(ctx, d.by("ada")))
	d.refused("schedule")(d.Promote(ctx, d.by("ada")))
}

// J-12: out of hours nobody gives more, the judge or a person; taking is always allowed.
func TestTheCalendarStopsRaisesAlone(t *testing.T) {
	t.Parallel()
	seed := free
	seed.Calendar = &cutover.Calendar{Hours: []cutover.Hours{{Days: []time.Weekday{noon.Weekday()}, From: 9 * 60, To: 17 * 60}}}
	d := sit(t, seed)
	d.done(cutover.Canary, 5000)(d.Set(ctx, d.to("ada", 5000)))
	d.pass(6 * time.Hour)
	d.refused("calendar")(d.Set(ctx, d.to("ada", 6000)))
	if why := d.Closed("donate", d.clock()); !strings.Contains(why, "open again from Wed 17 Mar 2027 09:00 UTC") {
		t.Errorf("closed: %q", why)
	}
	d.done(cutover.Canary, 4000)(d.Set(ctx, d.to("ada", 4000)))
	d.done(cutover.Off, 0)(d.Rollback(ctx, d.by("grace")))
	seed.Policy = judge.Demo // which plays a night at any hour
	d = sit(t, seed)
	d.pass(6 * time.Hour)
	d.done(cutover.Canary, 5000)(d.Set(ctx, d.to("ada", 5000)))
}

// T-3: nothing is lost in silence. A green rollback asks nothing; amber and red want to be told that the loss is meant.
func TestARollbackSaysWhatItLoses(t *testing.T) {
	t.Parallel()
	d := sit(t, measured)
	up := func() { d.done(cutover.Canary, 5000)(d.Set(ctx, d.to("ada", 5000))) }
	up()
	d.done(cutover.Off, 0)(d.Rollback(ctx, d.by("grace")))
	up()
	d.facts.Unsynced = 3
	d.refused("readiness")(d.Rollback(ctx, d.by("grace")))
	d.refused("readiness")(d.Set(ctx, d.to("grace", 0)))
	d.refused("readiness")(d.Set(ctx, d.to("grace", 4999)))
	lose := d.by("grace")
	lose.Lose = true
	d.done(cutover.Off, 0)(d.Rollback(ctx, lose))
	all, err := d.History(ctx, 0, 100)
	if err != nil || !strings.HasPrefix(all[len(all)-1].Loses, "3 writes of the new side") {
		t.Errorf("the journal does not say what was lost: %+v %v", all[len(all)-1], err)
	}
	d.facts.Unsynced = 0
	up()
	d.facts.Known = false
	d.refused("readiness")(d.Rollback(ctx, d.by("grace")))
	d.done(cutover.Off, 0)(d.Rollback(ctx, cutover.Change{Group: "donate", If: 1, Who: "breaker", Why: "20 in a row", Lose: true})) // J-1; and never stale
	d.done(cutover.Off, 0)(d.Rollback(ctx, d.by("grace")))                                                                          // nothing more to lose
}

// A rollback falls to where the ramp came from, voids what was approved, and leaves hold and freeze in force.
func TestWhereARollbackFalls(t *testing.T) {
	t.Parallel()
	d := sit(t, free)
	d.done(cutover.Shadow, 0)(d.Enter(ctx, d.into(cutover.Shadow)))
	d.done(cutover.Shadow, 0)(d.Approve(ctx, d.by("ada"), plan))
	d.done(cutover.Canary, 100)(d.Step(ctx, d.verdict()))
	d.done(cutover.Canary, 100)(d.Freeze(ctx, d.by("judge")))
	d.done(cutover.Shadow, 0)(d.Rollback(ctx, d.by("grace")))
	if g := d.at(); g.Schedule != nil || g.Frozen == nil || g.Experiment != 0 || g.Below != "" {
		t.Errorf("%+v", g)
	}
	d.refused("frozen")(d.Promote(ctx, d.by("ada")))
	d.done(cutover.Shadow, 0)(d.Release(ctx, d.by("ada")))
	d.done(cutover.Off, 0)(d.Enter(ctx, d.into(cutover.Off)))
}

// T-4: two different people sign what is lost; after it a rollback says freeze, and so does the kill switch (T-7).
func TestThePointOfNoReturn(t *testing.T) {
	t.Parallel()
	d := sit(t, free)
	const text = "the old site has no place for wallets: gifts by wallet are lost to it"
	d.refused("order")(d.NoReturn(ctx, d.by("ada"), text))
	d.done(cutover.Full, 10000)(d.Set(ctx, d.to("ada", 10000)))
	d.done(cutover.Full, 10000)(d.NoReturn(ctx, d.by("ada"), text))
	d.refused("second_person")(d.NoReturn(ctx, d.by("Ada "), text))
	d.refused("second_person")(d.NoReturn(ctx, d.by("grace"), "something else"))
	if g := d.at(); g.NoReturn != nil || g.Past() {
		t.Fatalf("one person has signed: %+v", g)
	}
	d.done(cutover.Full, 10000)(d.NoReturn(ctx, d.by("grace"), text))
	if g := d.at(); !g.Past() || g.NoReturn.Who != [2]string{"ada", "grace"} || g.NoReturn.Loses != text || g.Asked != nil {
		t.Fatalf("both have signed: %+v", g)
	}
	d.refused("no_return")(d.Set(ctx, d.to("ada", 5000)))
	lose := d.by("grace")
	lose.Lose = true
	d.done(cutover.Full, 10000)(d.Rollback(ctx, lose))
	if g := d.at(); g.Frozen == nil || !strings.Contains(g.Frozen.Why, "in place of a rollback, which is impossible: the point of no return is signed: "+text) {
		t.Errorf("frozen: %+v", g.Frozen)
	}
	d.done(cutover.Full, 10000)(d.Release(ctx, d.by("ada")))
	if err := d.kill.Pull(); err != nil {
		t.Fatal(err)
	}
	again := open(t, d.store, cutover.Options{Seeds: map[string]cutover.Seed{"donate": free}, Kill: d.kill})
	if g := again.Now().Group("donate"); g.Killed || g.Frozen == nil || g.Frozen.Who != "the kill switch" || g.ReadAuthority() != "new" {
		t.Errorf("killed: %+v", g)
	}
	if _, err := again.Set(ctx, cutover.Change{Group: "donate", Weight: 10000, Who: "ada", Why: "x"}); err != nil {
		t.Error(err)
	}
	if stored, err := cutover.Peek(ctx, d.store); err != nil || stored.Group("donate").Frozen != nil {
		t.Errorf("one replica's kill switch froze the group for all: %v", err)
	}
}

// A person who works while the kill switch is on is told; nothing goes to the new side behind it.
func TestNoRaiseBehindTheKillSwitch(t *testing.T) {
	t.Parallel()
	d := sit(t, free)
	if err := d.kill.Pull(); err != nil {
		t.Fatal(err)
	}
	d.refused("killed")(d.Set(ctx, d.to("ada", 100)))
}

// T-3: the rehearsal makes a revision that every replica must follow, moves nobody, and its age is known from then on.
func TestADrillIsKept(t *testing.T) {
	t.Parallel()
	d := sit(t, free)
	d.done(cutover.Canary, 5000)(d.Set(ctx, d.to("ada", 5000)))
	followed := int64(0)
	g, took, err := d.Drill(ctx, d.by("grace"), func(_ context.Context, revision int64) error {
		followed = revision
		d.pass(200 * time.Millisecond)
		return nil
	})
	if err != nil || took != 200*time.Millisecond || g.Weight != 5000 || g.Drilled != d.clock() || followed != 3 || g.Revision != 4 || g.Since != noon {
		t.Errorf("%+v took %s at %d, %v", g, took, followed, err)
	}
	if r, err := d.Ready("donate"); err != nil || r.Drill != "a rollback was rehearsed 0s ago" {
		t.Errorf("%+v %v", r, err)
	}
	_, _, err = d.Drill(ctx, d.by("grace"), func(context.Context, int64) error { return errors.New("gw-2 is at revision 3") })
	if predicate(err) != "replicas" || !strings.Contains(err.Error(), "gw-2 is at revision 3") {
		t.Errorf("a replica that does not follow: %v", err)
	}
	unsafe := sit(t, measured)
	unsafe.facts.Known = false
	if _, _, err := unsafe.Drill(ctx, unsafe.by("grace"), nil); predicate(err) != "readiness" {
		t.Errorf("a drill of what would not hold: %v", err)
	}
}

// What was guarded by nothing is in the journal: nobody later wonders why nothing refused it.
func TestWarningsAreInTheJournal(t *testing.T) {
	t.Parallel()
	seed := measured
	seed.Data = false
	d := sit(t, seed)
	d.facts = cutover.Facts{}
	d.done(cutover.Canary, 100)(d.Set(ctx, d.to("ada", 100)))
	all, err := d.History(ctx, 0, 100)
	if err != nil || len(all[1].Warnings) != 1 || !strings.HasPrefix(all[1].Warnings[0], "measured: nothing measures") {
		t.Errorf("%+v %v", all[1], err)
	}
	d.done(cutover.Canary, 100)(d.Approve(ctx, d.by("ada"), []judge.Step{{Weight: 200}}))
	d.refused("measured")(d.Step(ctx, d.verdict()))
	if err := d.Guard("donate", 200); predicate(err) != "measured" {
		t.Errorf("the judge is not told beforehand: %v", err)
	}
}

// Who went on in spite of a check hears so at once, with J-9's sample among them: it has nothing to do with what data: says.
func TestWarningsComeBackWithTheChange(t *testing.T) {
	t.Parallel()
	seed := measured
	seed.Data = false
	d := sit(t, seed)
	d.facts, d.last = cutover.Facts{}, judge.Record{}
	want := "measured: nothing measures whether the data behind the group is there"
	g, err := d.Enter(ctx, d.into(cutover.Shadow))
	if err != nil || !slices.Equal(g.Warnings, []string{want}) {
		t.Errorf("enter: %q %v", g.Warnings, err)
	}
	g, err = d.Set(ctx, d.to("ada", 10000))
	if err != nil || !slices.Equal(g.Warnings, []string{want, "sample: 0 of 1,827 visitors an arm have been seen (J-9)"}) {
		t.Errorf("set: %q %v", g.Warnings, err)
	}
	if at := d.at(); at.Warnings != nil {
		t.Errorf("the plan keeps what belongs to a change: %q", at.Warnings)
	}
	c := d.to("ada", 5000)
	c.Lose = true
	if g, err = d.Set(ctx, c); err != nil || g.Warnings != nil || !strings.Contains(g.Lost, "unknown") {
		t.Errorf("down: %q, lost %q, %v", g.Warnings, g.Lost, err)
	}
	if g, err = d.Promote(ctx, d.by("ada")); err != nil || len(g.Warnings) != 2 {
		t.Errorf("promote: %q %v", g.Warnings, err)
	}
	if _, err := d.Verify(ctx); err != nil {
		t.Error(err)
	}
}

// T-2: a group whose tables another one writes too gets no weight that the other has not, unless a conflict rule is named.
func TestSharedTables(t *testing.T) {
	t.Parallel()
	seeds := map[string]cutover.Seed{
		"donate": {Phase: cutover.Off, Writes: true, AppendOnly: true, Tables: []string{"node 2", "service donate"}},
		"late":   {Phase: cutover.Off, Writes: true, AppendOnly: true, Tables: []string{"service donate"}},
		"other":  {Phase: cutover.Off, Writes: true, AppendOnly: true, Tables: []string{"service giftaid"}},
	}
	p := open(t, kv.NewMem(), cutover.Options{Seeds: seeds})
	raise := cutover.Change{Group: "donate", Weight: 100, If: 1, Who: "ada", Why: "x"}
	if _, err := p.Set(ctx, raise); predicate(err) != "tables" || !strings.Contains(err.Error(), "late writes the same tables") {
		t.Errorf("%v", err)
	}
	with := seeds["donate"]
	with.Conflict = "new"
	seeds["donate"] = with
	if err := p.Seed(ctx, seeds); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Set(ctx, raise); err != nil {
		t.Error(err)
	}
	set(t, p, "other", 100)
}
