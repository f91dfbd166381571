package cutover_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/shared/fault"
	"github.com/banyan-migration/banyan/shared/kv"
)

// Two people who edit one group at once: one is in the plan, the other is told to look again, and a rollback meets neither.
func TestTwoPeopleAtOnce(t *testing.T) {
	t.Parallel()
	store := kv.NewMem()
	one, two := open(t, store, cutover.Options{}), open(t, store, cutover.Options{})
	var wg sync.WaitGroup
	var errs [2]error
	for i, p := range []*cutover.Plan{one, two} {
		wg.Go(func() {
			_, errs[i] = p.Set(t.Context(), cutover.Change{Group: "donate", Weight: 100 * (i + 1), If: 1, Who: []string{"ada", "grace"}[i], Why: "x"})
		})
	}
	wg.Wait()
	if (errs[0] == nil) == (errs[1] == nil) || !errors.Is(errors.Join(errs[0], errs[1]), cutover.ErrStale) {
		t.Fatalf("%v; %v: want one of them stale", errs[0], errs[1])
	}
	if g, err := two.Rollback(t.Context(), cutover.Change{Group: "donate", If: 1, Who: "grace", Why: "declines"}); err != nil || g.Weight != 0 {
		t.Errorf("a rollback met a stale revision: %+v %v", g, err)
	}
}

// A weight of 10001 is refused in words, and so is a phase that is none.
func TestAWeightOf10001(t *testing.T) {
	t.Parallel()
	p := open(t, kv.NewMem(), cutover.Options{})
	_, err := p.Set(t.Context(), cutover.Change{Group: "donate", Weight: 10001, If: 1, Who: "ada", Why: "x"})
	if want := "weight: 10001 is no weight: 0 to 10000 basis points; nothing was changed"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	for phase, want := range map[string]string{"canary": "entered by its weight", "on": "off, backfill, shadow, canary, full, drain, retired"} {
		if _, err := p.Enter(t.Context(), cutover.Change{Group: "donate", Phase: phase, If: 1, Who: "ada", Why: "x"}); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", phase, err)
		}
	}
}

// A replica with an old plan, cut off since, changes nothing by it: what it is asked for meets the plan that is in the store.
func TestAReplicaWithAnOldPlan(t *testing.T) {
	t.Parallel()
	store := kv.NewMem()
	cable := &away{Store: store}
	near, far := open(t, store, cutover.Options{}), open(t, cable, cutover.Options{})
	seen := far.Now().Group("donate").Revision
	cable.set(true)
	set(t, near, "donate", 700)
	raise := cutover.Change{Group: "donate", Weight: 9000, If: seen, Who: "ada", Why: "x"}
	if _, err := far.Set(t.Context(), raise); fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "nothing was changed; a rollback and the kill switch work without it") {
		t.Errorf("cut off: %v", err)
	}
	cable.set(false)
	if g, err := far.Set(t.Context(), raise); !errors.Is(err, cutover.ErrStale) || g.Weight != 700 {
		t.Errorf("back, with an old plan: %+v %v", g, err)
	}
}

// A store that was brought back from an old copy is not followed: it would undo every change since, in silence.
func TestAStoreFromAnOldCopyIsNotFollowed(t *testing.T) {
	t.Parallel()
	store := kv.NewMem()
	p := open(t, store, cutover.Options{})
	key := kv.Key{Part: "plan", Sort: "current"}
	old, err := store.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	set(t, p, "donate", 10000)
	if err := store.Commit(t.Context(), kv.Write{Key: key, Data: old.Data}); err != nil {
		t.Fatal(err)
	}
	if err := p.Seed(t.Context(), seeds); err == nil || !strings.Contains(err.Error(), "it is at revision 1 and this gateway has seen 2") {
		t.Errorf("%v", err)
	}
	if _, err := p.Set(t.Context(), cutover.Change{Group: "donate", Weight: 1, Who: "ada", Why: "x"}); fault.KindOf(err) != fault.Unavailable || p.Now().Group("donate").Weight != 10000 {
		t.Errorf("%v, at %d", err, p.Now().Group("donate").Weight)
	}
}

// T-7: the kill switch acts in under a second while the store hangs, and while somebody's change hangs in it.
func TestTheKillSwitchWaitsForNoStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := kv.NewMem()
		hangs := false
		kill := cutover.NewSwitch("", "")
		p, err := cutover.Open(t.Context(), cutover.Options{Seeds: seeds, Kill: kill, Open: func() (kv.Store, error) { return hanging{store, &hangs}, nil }})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		hangs = true
		go p.Run(ctx)
		var wg sync.WaitGroup
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
			defer cancel()
			if _, err := p.Set(ctx, cutover.Change{Group: "donate", Weight: 0, Who: "ada", Why: "x"}); fault.KindOf(err) != fault.Unavailable {
				t.Error(err)
			}
		})
		time.Sleep(3 * time.Second)
		if err := kill.Pull(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(300 * time.Millisecond)
		if !p.Now().Group("donate").Killed {
			t.Error("the switch waits for the store")
		}
		wg.Wait()
	})
}

// hanging is a store that answers nobody, once it is told so, until the caller gives up.
type hanging struct {
	kv.Store
	now *bool
}

func (h hanging) Get(ctx context.Context, k kv.Key) (kv.Item, error) {
	if *h.now {
		<-ctx.Done()
		return kv.Item{}, ctx.Err()
	}
	return h.Store.Get(ctx, k)
}

// T-8, J-12: clocks that differ between replicas change no order: revisions do, and the journal holds.
func TestClocksThatJump(t *testing.T) {
	t.Parallel()
	store := kv.NewMem()
	clock := func(by time.Duration) func() time.Time { return func() time.Time { return noon.Add(by) } }
	ahead, behind := open(t, store, cutover.Options{Now: clock(48 * time.Hour)}), open(t, store, cutover.Options{Now: clock(-48 * time.Hour)})
	set(t, ahead, "donate", 100)
	if err := behind.Seed(t.Context(), seeds); err != nil {
		t.Fatal(err)
	}
	set(t, behind, "donate", 200)
	if n, err := ahead.Verify(t.Context()); n != 3 || err != nil {
		t.Errorf("%d entries hold: %v", n, err)
	}
	if g := behind.Now().Group("donate"); g.Weight != 200 || g.Since != noon.Add(-48*time.Hour) {
		t.Errorf("%+v", g)
	}
}
