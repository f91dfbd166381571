package cutover_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/shared/fault"
	"github.com/banyan-migration/banyan/shared/kv"
)

// away is a store that can be cut off.
type away struct {
	kv.Store
	mu  sync.Mutex
	cut bool
}

var errCut = errors.New("the cable is out")

func (a *away) set(cut bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.cut = cut
}

func (a *away) err() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.cut {
		return errCut
	}
	return nil
}

func (a *away) Get(ctx context.Context, k kv.Key) (kv.Item, error) {
	if err := a.err(); err != nil {
		return kv.Item{}, err
	}
	return a.Store.Get(ctx, k)
}

func (a *away) Commit(ctx context.Context, w ...kv.Write) error {
	if err := a.err(); err != nil {
		return err
	}
	return a.Store.Commit(ctx, w...)
}

var seeds = map[string]cutover.Seed{"donate": {Weight: 0, Phase: cutover.Off}, "postcode": {Weight: 500, Phase: cutover.Canary}}

func open(t *testing.T, store kv.Store, o cutover.Options) *cutover.Plan {
	t.Helper()
	if o.Seeds == nil {
		o.Seeds = seeds
	}
	o.Open = func() (kv.Store, error) { return store, nil }
	p, err := cutover.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func set(t *testing.T, p *cutover.Plan, group string, weight int) cutover.Group {
	t.Helper()
	g, err := p.Set(t.Context(), cutover.Change{Group: group, Weight: weight, If: p.Now().Group(group).Revision, Who: "ada", Why: "CHG-1"})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// House 7: the file seeds a group that the store does not know; afterwards the store wins.
func TestTheStoreWinsOverTheSeeds(t *testing.T) {
	t.Parallel()
	store := kv.NewMem()
	p := open(t, store, cutover.Options{})
	if g := p.Now().Group("postcode"); g.Weight != 500 || g.Phase != cutover.Canary || p.Now().Revision != 1 {
		t.Fatalf("seeded as %+v at revision %d", g, p.Now().Revision)
	}
	set(t, p, "postcode", 10000)
	again := open(t, store, cutover.Options{Seeds: map[string]cutover.Seed{"postcode": {Weight: 1, Phase: cutover.Canary}, "new": {Weight: 7, Phase: cutover.Canary}}})
	if g := again.Now().Group("postcode"); g.Weight != 10000 || g.Phase != cutover.Full {
		t.Errorf("a restart changed a weight: %+v", g)
	}
	if g := again.Now().Group("new"); g.Weight != 7 {
		t.Errorf("a new group is not seeded: %+v", g)
	}
	if err := again.Seed(t.Context(), map[string]cutover.Seed{"postcode": {Weight: 2, Phase: cutover.Canary}}); err != nil || again.Now().Group("postcode").Weight != 10000 {
		t.Errorf("a reload changed a weight: %v %+v", err, again.Now().Group("postcode"))
	}
}

func TestRaiseNamesWhatItIsBasedOn(t *testing.T) {
	t.Parallel()
	p := open(t, kv.NewMem(), cutover.Options{})
	ctx := t.Context()
	raise := cutover.Change{Group: "donate", Weight: 100, Who: "ada", Why: "first hundredth"}
	if _, err := p.Set(ctx, raise); !errors.Is(err, cutover.ErrNoRevision) {
		t.Errorf("a raise without a revision: %v", err)
	}
	seen := p.Now().Group("donate").Revision
	set(t, p, "postcode", 600) // another group's change makes nothing of this one stale
	raise.If = seen
	g, err := p.Set(ctx, raise)
	if err != nil || g.Weight != 100 || g.Phase != cutover.Canary || g.Who != "ada" || g.Why != "first hundredth" {
		t.Fatalf("%+v %v", g, err)
	}
	raise.Weight = 5000
	if _, err := p.Set(ctx, raise); !errors.Is(err, cutover.ErrStale) {
		t.Errorf("a raise on what was seen before: %v", err)
	}
	lower := cutover.Change{Group: "donate", Weight: 50, Who: "ada", Why: "careful"}
	if g, err := p.Set(ctx, lower); err != nil || g.Weight != 50 {
		t.Errorf("lowering without a revision: %+v %v", g, err)
	}
	if g, err := p.Rollback(ctx, cutover.Change{Group: "donate", Who: "grace", Why: "declines doubled"}); err != nil || g.Weight != 0 || g.Phase != cutover.Off {
		t.Errorf("rollback: %+v %v", g, err)
	}
	revision := p.Now().Revision
	if _, err := p.Rollback(ctx, cutover.Change{Group: "donate", Who: "grace", Why: "once more"}); err != nil || p.Now().Revision != revision {
		t.Errorf("a second rollback is not as the first: %v, revision %d", err, p.Now().Revision)
	}
}

func TestChangeWithoutNameOrReasonIsRefused(t *testing.T) {
	t.Parallel()
	p := open(t, kv.NewMem(), cutover.Options{})
	for _, c := range []cutover.Change{
		{Group: "donate", Weight: 0, Who: "", Why: "x"},
		{Group: "donate", Weight: 0, Who: "x", Why: " "},
		{Group: "donate", Weight: 0, Who: "x", Why: "two\nlines"},
		{Group: "donate", Weight: 10001, Who: "x", Why: "x"},
		{Group: "donate", Weight: -1, Who: "x", Why: "x"},
	} {
		if _, err := p.Set(t.Context(), c); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if _, err := p.Rollback(t.Context(), cutover.Change{Group: "gone", Who: "ada", Why: "x"}); fault.KindOf(err) != fault.NotFound {
		t.Errorf("an unknown group: %v", err)
	}
	if p.Now().Revision != 1 {
		t.Errorf("revision %d: something was changed", p.Now().Revision)
	}
}

// G20: nobody alters the journal unseen, and every change is in it.
func TestJournalIsAChain(t *testing.T) {
	t.Parallel()
	store := kv.NewMem()
	p := open(t, store, cutover.Options{})
	for i := 1; i <= 5; i++ {
		set(t, p, "donate", i*100)
	}
	if err := p.Note(t.Context(), "override", "ada", "for the walk-through"); err != nil {
		t.Fatal(err)
	}
	if n, err := p.Verify(t.Context()); err != nil || n != 7 {
		t.Fatalf("%d entries hold, %v", n, err)
	}
	all, err := p.History(t.Context(), 0, 100)
	if err != nil || len(all) != 7 || all[1].Changes[0].To != 100 || all[1].Changes[0].Was != cutover.Off || all[1].Changes[0].After.Phase != cutover.Canary {
		t.Fatalf("%+v %v", all, err)
	}
	items, err := store.List(t.Context(), "journal", "", "", 100)
	if err != nil {
		t.Fatal(err)
	}
	for i, tamper := range []func(*cutover.Entry){
		func(e *cutover.Entry) { e.Why = "something else" },
		func(e *cutover.Entry) { e.Previous = "" },
		func(e *cutover.Entry) { e.Sequence++ },
		func(e *cutover.Entry) { e.Changes[0].To = 1 },
	} {
		e := all[3]
		e.Changes = slices.Clone(e.Changes)
		tamper(&e)
		raw, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		put := func(data []byte) {
			if err := store.Commit(t.Context(), kv.Write{Key: items[3].Key, Data: data}); err != nil {
				t.Fatal(err)
			}
		}
		put(raw)
		if n, err := p.Verify(t.Context()); err == nil || n != 3 {
			t.Errorf("tampering %d is not seen: %d entries hold, %v", i, n, err)
		}
		put(items[3].Data)
	}
}

// T-8: the last good plan is on disk; a gateway starts with it while the store is away, and says that it is stale.
func TestStartWithoutTheStore(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "plan.json")
	store := &away{Store: kv.NewMem()}
	p := open(t, store, cutover.Options{File: file})
	set(t, p, "donate", 2500)
	store.set(true)
	again := open(t, store, cutover.Options{File: file})
	if s := again.Now(); !s.Stale || s.Group("donate").Weight != 2500 || s.Revision != 2 {
		t.Fatalf("%+v %+v", s, s.Group("donate"))
	}
	lower := cutover.Change{Group: "donate", Weight: 100, Who: "ada", Why: "x"}
	if _, err := again.Set(t.Context(), lower); fault.KindOf(err) != fault.Unavailable || again.Now().Group("donate").Weight != 2500 {
		t.Errorf("a change that nobody could keep: %v", err)
	}
	store.set(false)
	if _, err := again.Rollback(t.Context(), cutover.Change{Group: "donate", Who: "ada", Why: "x"}); err != nil || again.Now().Stale {
		t.Errorf("with the store back: %v, stale %v", err, again.Now().Stale)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	store.set(true)
	for name, bad := range map[string][]byte{
		"cut":     raw[:len(raw)/2],
		"altered": []byte(strings.Replace(string(raw), `"weight":500`, `"weight":501`, 1)),
		"gone":    nil,
	} {
		if err := os.WriteFile(file, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := cutover.Open(t.Context(), cutover.Options{Open: func() (kv.Store, error) { return store, nil }, File: file, Seeds: seeds})
		if !errors.Is(err, errCut) || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A lost plan is not seeded over: every change since would be undone.
func TestAnEmptiedStoreIsNotSeededAnew(t *testing.T) {
	t.Parallel()
	store := kv.NewMem()
	p := open(t, store, cutover.Options{})
	set(t, p, "donate", 10000)
	if err := store.Commit(t.Context(), kv.Write{Key: kv.Key{Part: "plan", Sort: "current"}, Delete: true}); err != nil {
		t.Fatal(err)
	}
	if err := p.Seed(t.Context(), seeds); err == nil || p.Now().Group("donate").Weight != 10000 {
		t.Errorf("%v, donate at %d", err, p.Now().Group("donate").Weight)
	}
}

// Several gateways over one store agree within a third of a second, and a store that goes and comes is told.
func TestReplicasAgree(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shared := kv.NewMem()
		cable := &away{Store: shared}
		one, two := open(t, shared, cutover.Options{}), open(t, cable, cutover.Options{})
		var seen []int64
		stop := two.Watch(func(s *cutover.Snapshot) { seen = append(seen, s.Revision) })
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go two.Run(ctx)
		set(t, one, "donate", 100)
		time.Sleep(300 * time.Millisecond)
		if s := two.Now(); s.Revision != 2 || s.Group("donate").Weight != 100 {
			t.Errorf("the other replica is at revision %d", s.Revision)
		}
		cable.set(true)
		set(t, one, "donate", 200)
		time.Sleep(3 * time.Second)
		if s := two.Now(); !s.Stale || s.Group("donate").Weight != 100 {
			t.Errorf("cut off: %+v", s)
		}
		cable.set(false)
		time.Sleep(300 * time.Millisecond)
		stop()
		if s := two.Now(); s.Stale || s.Group("donate").Weight != 200 {
			t.Errorf("back: %+v", s)
		}
		if want := []int64{2, 2, 3}; !slices.Equal(seen, want) {
			t.Errorf("watched revisions %v, want %v: new, stale, new", seen, want)
		}
	})
}

// Many who change at once: every change is in the plan and in the journal once.
func TestChangesAtTheSameMoment(t *testing.T) {
	t.Parallel()
	store := kv.NewMem()
	many := map[string]cutover.Seed{}
	for i := range 8 {
		many[fmt.Sprint("g", i)] = cutover.Seed{Phase: cutover.Off}
	}
	var wg sync.WaitGroup
	for name := range many {
		p := open(t, store, cutover.Options{Seeds: many})
		wg.Go(func() {
			if _, err := p.Set(t.Context(), cutover.Change{Group: name, Weight: 100, If: 1, Who: name, Why: "at once"}); err != nil {
				t.Error(name, err)
			}
		})
	}
	wg.Wait()
	p := open(t, store, cutover.Options{Seeds: many})
	for name := range many {
		if p.Now().Group(name).Weight != 100 {
			t.Errorf("%s: %+v", name, p.Now().Group(name))
		}
	}
	if n, err := p.Verify(t.Context()); n != 9 || err != nil {
		t.Errorf("%d entries, %v", n, err)
	}
}

// T-7: the kill switch works by file, environment and signal, in under a second, without the store, and survives a
// restart.
func TestKillSwitch(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "kill")
	synctest.Test(t, func(t *testing.T) {
		store := &away{Store: kv.NewMem()}
		kill := cutover.NewSwitch(file, "")
		p := open(t, store, cutover.Options{Kill: kill})
		store.set(true)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go p.Run(ctx)
		expect := func(what string, donate, postcode, other bool) {
			t.Helper()
			time.Sleep(300 * time.Millisecond)
			s := p.Now()
			if s.Group("donate").Killed != donate || s.Group("postcode").Killed != postcode || s.Group("other").Killed != other {
				t.Errorf("%s: killed %s", what, kill)
			}
		}
		write := func(text string) {
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		expect("no file", false, false, false)
		write("postcode")
		expect("one group", false, true, false)
		if g := p.Now().Group("postcode"); g.ReadAuthority() != "legacy" || g.Weight != 500 {
			t.Errorf("killed: %+v", g)
		}
		write("")
		expect("an empty file", true, true, true)
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		expect("removed", false, false, false)
		if err := kill.Pull(); err != nil {
			t.Fatal(err)
		}
		expect("signal", true, true, true)
	})
	if s := cutover.NewSwitch(file, ""); !s.Kills("donate") {
		t.Error("a pulled switch does not survive a restart")
	}
	env := cutover.NewSwitch("", "donate, gift-aid")
	if !env.Kills("donate") || !env.Kills("gift-aid") || env.Kills("postcode") {
		t.Errorf("BANYAN_KILL: %s", env)
	}
	if cutover.NewSwitch("", "all").Kills("x") != true {
		t.Error("BANYAN_KILL=all does not kill all")
	}
}

// T-1: a phase fixes who reads and who writes; weight and phase go together.
func TestPhaseFixesTheAuthorities(t *testing.T) {
	t.Parallel()
	for weight, want := range map[int][3]string{
		0: {"off", "legacy", "legacy"}, 1: {"canary", "bucket", "legacy"}, 9999: {"canary", "bucket", "legacy"}, 10000: {"full", "new", "new"},
	} {
		g := cutover.Group{Weight: weight, Phase: cutover.PhaseOf(weight)}
		if got := [3]string{g.Phase, g.ReadAuthority(), g.WriteAuthority()}; got != want {
			t.Errorf("%d: %v, want %v", weight, got, want)
		}
	}
}
