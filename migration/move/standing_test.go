package move

import (
	"testing"
	"time"

	"github.com/banyan-migration/banyan/migration/drupal/drupaltest"
	"github.com/banyan-migration/banyan/shared/kv"
)

// T-3, section 8: how old the oldest row is that the services lack, and whether a backfill has ever come to its end, are known from
// the store alone.
func TestWhereAFormStands(t *testing.T) {
	t.Parallel()
	store := kv.NewMem()
	source := drupaltest.New(gift(1, "5.00"), gift(2, "5.00"), gift(3, "5.00"))
	last := gift(3, "5.00")
	expect := func(what string, want Standing, lag time.Duration) {
		t.Helper()
		got, err := StandingOf(t.Context(), store, donate())
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v", what, got, err)
		}
		if behind, err := Lag(t.Context(), source, store, donate(), last.At.Add(time.Hour)); err != nil || behind != lag {
			t.Errorf("%s: behind by %s, %v; want %s", what, behind, err, lag)
		}
	}
	expect("before anything", Standing{}, time.Hour+2*time.Second)
	dry := job(source, store)
	dry.DryRun = true
	must(t, dry.Backfill)
	expect("after a dry run", Standing{}, time.Hour+2*time.Second)
	must(t, job(source, store).Backfill)
	expect("after the backfill", Standing{Backfilled: noon, Synced: noon, Live: noon}, 0)
	last = gift(4, "5.00")
	source.Put(last)
	expect("with a new row", Standing{Backfilled: noon, Synced: noon, Live: noon}, time.Hour)
	later := job(source, store)
	later.Now = func() time.Time { return noon.Add(time.Minute) }
	must(t, later.Sync)
	soon := noon.Add(time.Minute)
	expect("after a sync", Standing{Backfilled: noon, Synced: soon, Swept: soon, Deleted: soon, Live: soon}, 0)
}
