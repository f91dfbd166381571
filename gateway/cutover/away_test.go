package cutover_test

import (
	"context"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/shared/fault"
	"github.com/banyan-migration/banyan/shared/kv"
)

// stuck is a store that answers nobody while it is told so, whether the caller has given up or not, as a locked file does.
type stuck struct {
	kv.Store
	gate atomic.Pointer[chan struct{}]
}

func (s *stuck) hang() { c := make(chan struct{}); s.gate.Store(&c) }

func (s *stuck) freed() {
	if c := s.gate.Swap(nil); c != nil {
		close(*c)
	}
}

func (s *stuck) wait() {
	if c := s.gate.Load(); c != nil {
		<-*c
	}
}

func (s *stuck) Get(ctx context.Context, k kv.Key) (kv.Item, error) {
	s.wait()
	return s.Store.Get(ctx, k)
}

func (s *stuck) Commit(ctx context.Context, w ...kv.Write) error {
	s.wait()
	return s.Store.Commit(ctx, w...)
}

var back = cutover.Change{Group: "donate", Who: "ada", Why: "declines doubled"}

// G19, T-8: a rollback is in force here within a second though the store answers nobody, and is in the plan and its journal, with who
// asked for it and when, as soon as the store is back.
func TestARollbackWaitsForNoStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &stuck{Store: kv.NewMem()}
		p := open(t, store, cutover.Options{})
		set(t, p, "donate", 2500)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go p.Run(ctx)
		store.hang()
		began := time.Now()
		g, err := p.Rollback(ctx, back)
		if took := time.Since(began); err != nil || g.Weight != 0 || g.Phase != cutover.Off || g.Pending == nil || took > time.Second {
			t.Fatalf("%+v %v after %s", g, err, took)
		}
		if g := p.Now().Group("donate"); g.Weight != 0 || g.Who != "ada" || g.Why != back.Why || g.ReadAuthority() != "legacy" {
			t.Errorf("in force: %+v", g)
		}
		time.Sleep(time.Second)
		if !p.Now().Stale {
			t.Error("a store that hangs for a second and a half is told by nobody")
		}
		if again, err := p.Rollback(ctx, cutover.Change{Group: "donate", Who: "grace", Why: "me too"}); err != nil || again.Who != "ada" {
			t.Errorf("a second one: %+v %v", again, err)
		}
		store.freed()
		time.Sleep(time.Second)
		g = p.Now().Group("donate")
		if s := p.Now(); s.Stale || g.Pending != nil || g.Weight != 0 || g.Revision != 3 || s.Revision != 3 {
			t.Errorf("with the store back: %+v of %d, stale %v", g, s.Revision, s.Stale)
		}
		last := entries(t, p, 2)[0]
		for _, want := range []string{back.Why, "the store was away", "asked at " + began.UTC().Format("2006-01-02 15:04:05")} {
			if last.Who != "ada" || last.Action != "rollback" || !strings.Contains(last.Why, want) {
				t.Errorf("the journal says %q by %s, want %q in it", last.Why, last.Who, want)
			}
		}
		if n, err := p.Verify(ctx); n != 3 || err != nil {
			t.Errorf("%d entries hold: %v", n, err)
		}
	})
}

func entries(t *testing.T, p *cutover.Plan, after int64) []cutover.Entry {
	t.Helper()
	all, err := p.History(t.Context(), after, 10)
	if err != nil || len(all) == 0 {
		t.Fatalf("%v %v", all, err)
	}
	return all
}

// A person who raised the group after the rollback was asked for decides; the judge, or whoever knew nothing of it before, does not.
func TestWhatOthersDidWhileTheStoreWasAwayFromOne(t *testing.T) {
	t.Parallel()
	raise := cutover.Change{Group: "donate", Weight: 5000, Who: "grace", Why: "the declines were a test card"}
	for name, c := range map[string]struct {
		meanwhile func(far *cutover.Plan) error
		weight    int
		says      string
	}{
		"a raise after": {func(far *cutover.Plan) error { _, err := far.Set(ctx, newest(far, raise)); return err }, 5000, "raised it to 50 % after that"},
		"a hold after":  {func(far *cutover.Plan) error { _, err := far.Hold(ctx, newest(far, raise)); return err }, 0, "the store was away"},
		"a rollback after": {func(far *cutover.Plan) error { _, err := far.Rollback(ctx, newest(far, raise)); return err }, 0,
			"others had done so already"},
		"a raise before": {func(far *cutover.Plan) error { _, err := far.Set(ctx, newest(far, raise)); return err }, 0, "the store was away"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				shared := kv.NewMem()
				cable := &away{Store: shared}
				near, far := open(t, cable, cutover.Options{}), open(t, shared, cutover.Options{})
				set(t, near, "donate", 2500)
				cable.set(true)
				act := func() {
					time.Sleep(time.Second)
					if err := far.Seed(ctx, seeds); err != nil {
						t.Fatal(err)
					}
					if err := c.meanwhile(far); err != nil {
						t.Fatal(err)
					}
				}
				if name == "a raise before" {
					act()
					time.Sleep(time.Second)
				}
				if g, err := near.Rollback(ctx, back); err != nil || g.Pending == nil {
					t.Fatalf("%+v %v", g, err)
				}
				if name != "a raise before" {
					act()
				}
				cable.set(false)
				run, cancel := context.WithCancel(t.Context())
				defer cancel()
				go near.Run(run)
				time.Sleep(time.Second)
				if g := near.Now().Group("donate"); g.Weight != c.weight || g.Pending != nil {
					t.Errorf("%+v, want weight %d", g, c.weight)
				}
				all := entries(t, near, 2)
				if last := all[len(all)-1]; !strings.Contains(last.Why, c.says) || last.Who != "ada" {
					t.Errorf("the journal says %q by %s, want %q", last.Why, last.Who, c.says)
				}
			})
		})
	}
}

func newest(p *cutover.Plan, c cutover.Change) cutover.Change {
	c.If = p.Now().Group(c.Group).Revision
	return c
}

// Two gateways that were both asked while neither had the store roll back once.
func TestTwoGatewaysAskedWhileTheStoreWasAway(t *testing.T) {
	t.Parallel()
	store := &away{Store: kv.NewMem()}
	one, two := open(t, store, cutover.Options{}), open(t, store, cutover.Options{})
	set(t, one, "donate", 2500)
	if err := two.Seed(ctx, seeds); err != nil {
		t.Fatal(err)
	}
	store.set(true)
	for _, p := range []*cutover.Plan{one, two} {
		if g, err := p.Rollback(ctx, back); err != nil || g.Pending == nil {
			t.Fatalf("%+v %v", g, err)
		}
	}
	store.set(false)
	for _, p := range []*cutover.Plan{one, two} {
		// Whoever changes anything else first brings it in.
		if _, err := p.Hold(ctx, cutover.Change{Group: "postcode", Who: "ada", Why: "x"}); err != nil {
			t.Fatal(err)
		}
		if g := p.Now().Group("donate"); g.Weight != 0 || g.Pending != nil {
			t.Errorf("%+v", g)
		}
	}
	if n, err := one.Verify(ctx); n != 4 || err != nil {
		t.Errorf("%d entries, %v: want the seeds, the raise, one rollback and the hold", n, err)
	}
}

// A gateway that was killed with a rollback that the store has not got starts with it, with the store away and with it back.
func TestARollbackThatTheStoreHasNotGotSurvivesARestart(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "plan.json")
	store := &away{Store: kv.NewMem()}
	p := open(t, store, cutover.Options{File: file})
	set(t, p, "donate", 2500)
	store.set(true)
	if g, err := p.Rollback(ctx, back); err != nil || g.Pending == nil {
		t.Fatalf("%+v %v", g, err)
	}
	again := open(t, store, cutover.Options{File: file})
	if g := again.Now().Group("donate"); g.Weight != 0 || g.Pending == nil || g.Who != "ada" || !again.Now().Stale {
		t.Errorf("without the store: %+v", g)
	}
	store.set(false)
	third := open(t, store, cutover.Options{File: file})
	if g := third.Now().Group("donate"); g.Weight != 0 || g.Pending != nil || g.Revision != 3 {
		t.Errorf("with the store back: %+v", g)
	}
	set(t, third, "donate", 100)
	if g := open(t, store, cutover.Options{File: file}).Now().Group("donate"); g.Weight != 100 {
		t.Errorf("it was rolled back twice: %+v", g)
	}
}

// T-3, T-4: what a rollback loses must be said with the store away too, and past the point of no return it is a freeze.
func TestARollbackWithoutTheStoreAsksWhatItLoses(t *testing.T) {
	t.Parallel()
	cable := &away{Store: kv.NewMem()}
	p := open(t, cable, cutover.Options{Seeds: map[string]cutover.Seed{"donate": {Writes: true, Weight: 10000, Phase: cutover.Full}}})
	cable.set(true)
	if _, err := p.Rollback(ctx, back); predicate(err) != "readiness" || p.Now().Group("donate").Weight != 10000 {
		t.Errorf("what is lost was not asked: %v", err)
	}
	lose := back
	lose.Lose = true
	if g, err := p.Rollback(ctx, lose); err != nil || g.Weight != 0 {
		t.Errorf("%+v %v", g, err)
	}
	if _, err := p.Rollback(ctx, cutover.Change{Group: "nobody", Who: "ada", Why: "x"}); fault.KindOf(err) != fault.NotFound {
		t.Error(err)
	}
	cable.set(false)
	past := open(t, cable, cutover.Options{Seeds: map[string]cutover.Seed{"past": {Weight: 10000, Phase: cutover.Full}}})
	for _, who := range []string{"ada", "grace"} {
		c := newest(past, cutover.Change{Group: "past", Who: who, Why: "x"})
		if _, err := past.NoReturn(ctx, c, "everything since May"); err != nil {
			t.Fatal(err)
		}
	}
	cable.set(true)
	if g, err := past.Rollback(ctx, cutover.Change{Group: "past", Who: "ada", Why: "x"}); err != nil || g.Weight != 10000 || g.Frozen == nil || g.Pending == nil {
		t.Errorf("past the point of no return: %+v %v", g, err)
	}
}

// What the operator reads of a store is what went wrong in it, not the sentence that a service has for donors.
func TestTheStoreSpeaksToOperators(t *testing.T) {
	t.Parallel()
	shut := func() (kv.Store, error) {
		return nil, &fault.Error{Kind: fault.Unavailable, Text: "We cannot keep anything just now", Err: errCut}
	}
	_, err := cutover.Open(t.Context(), cutover.Options{Open: shut, Seeds: seeds})
	if err == nil || strings.Contains(err.Error(), "We ") || !strings.Contains(err.Error(), errCut.Error()) {
		t.Error(err)
	}
}
