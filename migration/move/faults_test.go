package move

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/migration/drupal/drupaltest"
	"github.com/banyan-migration/banyan/shared/fault"
	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/kv"
)

// many is a site whose rows make several partitions.
func many() *drupaltest.Site {
	site := drupaltest.New()
	for i := range int64(400) {
		site.Put(gift(40*i+1, "5.00"))
	}
	return site
}

// Wherever a mover of several workers stops, before or after the commit, the next one ends what it began, and the counts
// are those of one whole run.
func TestStoppedAnywhere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		site := many()
		whole := must(t, job(site, memory()).Backfill)
		stopped := true
		for n := 1; stopped; n++ {
			for _, late := range []bool{false, true} {
				store := memory()
				j := job(site, &weak{Store: store, most: 1 << 20, left: n, late: late})
				j.Workers = 3
				_, err := j.Backfill(t.Context())
				if stopped = err != nil; stopped && !errors.Is(err, errFull) {
					t.Fatal(err)
				}
				again := job(site, store)
				again.Workers = 2
				got := must(t, again.Backfill)
				if got.Unchanged == whole.Moved { // the run before was whole, its answer perhaps lost: this is another
					got.Moved, got.Unchanged = got.Unchanged, 0
				}
				if !reflect.DeepEqual(got, whole) {
					t.Errorf("stopped at commit %d (late: %v): %+v, want %+v", n, late, got, whole)
				}
				stands(t, fmt.Sprint("commit ", n), site, store)
			}
		}
	})
}

// A mover that is killed says nothing any more: another waits out its lease by its own watch, whatever the clocks say, and
// the killed one, if it was only slow, finds that it has lost.
func TestTakenOver(t *testing.T) {
	t.Parallel()
	for _, wrong := range []time.Duration{0, -7 * time.Hour, 7 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			site, store := many(), memory()
			m, err := job(site, store).mover(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			p, err := m.plan(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			slow, _, err := m.take(t.Context(), p, silence{})
			if err != nil {
				t.Fatal(err)
			}
			other := job(site, store)
			other.Now = func() time.Time { return noon.Add(wrong) }
			began := time.Now()
			if got := must(t, other.Backfill); got.Moved != 400 {
				t.Errorf("%+v", got)
			}
			if waited := time.Since(began); waited < lease || waited > 2*lease {
				t.Errorf("waited for %v", waited)
			}
			if err := slow.run(t.Context()); !errors.Is(err, errLost) {
				t.Errorf("the slow one says %v", err)
			}
			stands(t, "taken over", site, store)
		})
	}
}

// busy is a store that refuses, for a while, in the words of an adapter.
type busy struct {
	kv.Store
	kind  fault.Kind
	calls atomic.Int64
	upto  int64 // calls that are refused
	every int64 // else each so many; 0: none
}

func (s *busy) Commit(ctx context.Context, writes ...kv.Write) error {
	n := s.calls.Add(1)
	if n <= s.upto || s.every > 0 && n%s.every == 0 {
		return &fault.Error{Kind: s.kind, Text: "throttled"}
	}
	return s.Store.Commit(ctx, writes...)
}

// A store that throttles is waited for; one that stays away ends the run with a message that says how to go on.
func TestThrottled(t *testing.T) {
	t.Parallel()
	for _, kind := range []fault.Kind{fault.TooMany, fault.Unavailable} {
		synctest.Test(t, func(t *testing.T) {
			site, store := many(), memory()
			if got := must(t, job(site, &busy{Store: store, kind: kind, upto: 4, every: 3}).Backfill); got.Moved != 400 {
				t.Errorf("%v: %+v", kind, got)
			}
			stands(t, kind.String(), site, store)
			_, err := job(site, &busy{Store: memory(), kind: kind, upto: 1 << 40}).Backfill(t.Context())
			if err == nil || fault.KindOf(err) != kind || !strings.Contains(err.Error(), "the same command goes on from here") {
				t.Errorf("%v: %v", kind, err)
			}
		})
	}
}

// crowd is a store in which somebody else always comes first, for a while.
type crowd struct {
	kv.Store
	left atomic.Int64
}

func (s *crowd) Commit(ctx context.Context, writes ...kv.Write) error {
	for _, w := range writes {
		if strings.HasSuffix(w.Key.Part, "/pages") && s.left.Add(-1) >= 0 {
			return kv.ErrConflict
		}
	}
	return s.Store.Commit(ctx, writes...)
}

func TestStormOfConflicts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		site, store := many(), memory()
		weather := &crowd{Store: store}
		weather.left.Store(patience - 2)
		if got := must(t, job(site, weather).Backfill); got.Moved != 400 {
			t.Errorf("%+v", got)
		}
		stands(t, "after the storm", site, store)
		weather = &crowd{Store: memory()}
		weather.left.Store(1 << 40)
		if _, err := job(site, weather).Backfill(t.Context()); !errors.Is(err, kv.ErrConflict) || !strings.Contains(err.Error(), "somebody else keeps writing") {
			t.Errorf("%v", err)
		}
	})
}

// mortal is a source that dies after so many rows, each time it is read.
type mortal struct {
	*drupaltest.Site
	rows int
}

var errGone = errors.New("the server has gone away")

func (m mortal) Records(ctx context.Context, name string, within drupal.Span, yield func(form.Record) error) (int64, error) {
	n := 0
	return m.Site.Records(ctx, name, within, func(r form.Record) error {
		if n++; n > m.rows {
			return errGone
		}
		return yield(r)
	})
}

// A source that dies takes nothing with it: what was moved stays, nothing is taken for deleted, and the rest follows.
func TestTheSourceDies(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		site, store := many(), memory()
		for _, run := range []func(Job, context.Context) (Result, error){Job.Backfill, Job.Sync} {
			for _, rows := range []int{0, 1, 60} {
				if _, err := run(job(mortal{site, rows}, store), t.Context()); !errors.Is(err, errGone) {
					t.Fatalf("%d rows: %v", rows, err)
				}
			}
			if _, err := run(job(site, store), t.Context()); err != nil {
				t.Fatal(err)
			}
			stands(t, "alive again", site, store)
			for i := range int64(400) { // for the sync to read
				site.Put(gift(40*i+1, "6.00"))
			}
		}
	})
}

// Backfill, sync and edits of a living site, all at once, come out as if read in order once it stands still.
func TestAllAtOnce(t *testing.T) {
	t.Parallel()
	site, store := many(), memory()
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			run := Job.Backfill
			if i%2 == 1 {
				run = Job.Sync
			}
			if _, err := run(job(site, store), t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Go(func() {
		for i := range int64(200) {
			site.Put(gift(80*i+1, "6.00"))
			site.Put(gift(80*i+5, "7.00", "transaction_id", "CR-1"))
		}
	})
	wg.Wait()
	must(t, job(site, store).Sync)
	stands(t, "at rest", site, store)
}

// Two movers that each see one of two equal submissions both let theirs count; whoever comes next lets one.
func TestTwoFirsts(t *testing.T) {
	t.Parallel()
	site, store := drupaltest.New(), memory()
	movers := [2]*mover{begun(t, site, store), begun(t, site, store)}
	for i, m := range movers {
		site.Put(gift(5+int64(i)*1200, "7.00", "transaction_id", "CR-1"))
		if err := m.tail(t.Context(), &hand{m: m, counts: newResult()}, int64(i)*1000); err != nil {
			t.Fatal(err)
		}
	}
	if len(stored(t, store)) != 2 {
		t.Fatal("one of them saw the other's row: this proves nothing")
	}
	if got := must(t, job(site, store).Sync); got.Rejected["duplicate"] != 1 {
		t.Errorf("%+v", got)
	}
	stands(t, "two firsts", site, store)
}

// What a long-lived mover takes for a duplicate counts, if another mover has taken the first away meanwhile.
func TestTheFirstWentElsewhere(t *testing.T) {
	t.Parallel()
	site, store := drupaltest.New(gift(5, "7.00", "transaction_id", "CR-1"), gift(6, "1.00")), memory()
	must(t, job(site, store).Backfill)
	old := begun(t, site, store)
	site.Delete(5)
	must(t, job(site, store).Sync)
	site.Put(gift(1205, "7.00", "transaction_id", "CR-1"))
	h := &hand{m: old, counts: newResult()}
	if err := errors.Join(old.tail(t.Context(), h, 1000), old.settled(t.Context(), h)); err != nil {
		t.Fatal(err)
	}
	stands(t, "the first went elsewhere", site, store)
}

func begun(t *testing.T, source drupal.Source, store kv.Store) *mover {
	t.Helper()
	m, err := job(source, store).mover(t.Context())
	if err == nil {
		_, err = m.start(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}
