package move

import (
	"context"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/migration/drupal/drupaltest"
)

// dayed is a source that says when it was made; the zero time: it does not say.
type dayed struct {
	still
	made time.Time
}

func (d dayed) Made(context.Context) (time.Time, error) { return d.made, nil }

// dumped is a dump with one gift of an amount.
func dumped(made time.Time, amount string) dayed {
	return dayed{still{drupaltest.New(gift(1, amount))}, made}
}

// An older dump undoes nothing that a newer source brought. The second run comes an hour after the first.
func TestAnOlderDumpIsRefused(t *testing.T) {
	t.Parallel()
	day := 24 * time.Hour
	sync, fill := Job.Sync, Job.Backfill
	live := func() drupal.Source { return drupaltest.New(gift(1, "99.99")) }
	const undone = "would undo"
	for _, c := range []struct {
		name          string
		first, second drupal.Source
		run, again    func(Job, context.Context) (Result, error)
		refused       string // what the refusal says; "": there is none
	}{
		{"an older one", dumped(noon, "99.99"), dumped(noon.Add(-time.Second), "5.00"), sync, sync, "made on 2026-03-01 11:59:59"},
		{"an older one, by backfills", dumped(noon, "99.99"), dumped(noon.Add(-time.Second), "5.00"), fill, fill, undone},
		{"an older one, after a backfill", dumped(noon, "99.99"), dumped(noon.Add(-time.Second), "5.00"), fill, sync, undone},
		{"one of the same second", dumped(noon, "99.99"), dumped(noon, "5.00"), sync, sync, ""},
		{"a newer one", dumped(noon.Add(-day), "99.99"), dumped(noon, "5.00"), sync, sync, ""},
		{"older than a live sync", live(), dumped(noon.Add(-14*time.Hour-time.Second), "5.00"), sync, sync, "live site on 2026-03-01 12:00:00 UTC"},
		{"older than a live backfill", live(), dumped(noon.Add(-day), "5.00"), fill, sync, undone},
		{"perhaps newer than a live sync", live(), dumped(noon.Add(-14*time.Hour), "5.00"), sync, sync, ""},
		{"a live one after a dump", dumped(noon, "5.00"), live(), sync, sync, ""},
		{"one without a date is taken as now", dumped(noon, "99.99"), dumped(time.Time{}, "5.00"), sync, sync, ""},
		{"older than one without a date", dumped(time.Time{}, "99.99"), dumped(noon.Add(-day), "5.00"), sync, sync, undone},
		{"after one of a clock that is wrong", dumped(noon.Add(300*day), "99.99"), dumped(noon, "5.00"), sync, sync, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			store := memory()
			if _, err := c.run(job(c.first, store), t.Context()); err != nil {
				t.Fatal(err)
			}
			later := job(c.second, store)
			later.Now = func() time.Time { return noon.Add(time.Hour) }
			stood := items(t, store, "gift")
			dry := later
			dry.DryRun = true
			for _, j := range []Job{dry, later} {
				_, err := c.again(j, t.Context())
				if (err != nil) != (c.refused != "") || err != nil && (!errors.Is(err, ErrOlder) || !strings.Contains(err.Error(), c.refused) || !strings.HasSuffix(err.Error(), "Nothing of this form was changed")) {
					t.Errorf("%v; want %q", err, c.refused)
				}
			}
			if now := items(t, store, "gift"); (c.refused != "") != maps.Equal(now, stood) {
				t.Errorf("from %v to %v", stood, now)
			}
		})
	}
}

// Whoever follows a live site notes it without coming to an end.
func TestAnOlderDumpIsRefusedAfterFollowing(t *testing.T) {
	t.Parallel()
	store := memory()
	ctx, stop := context.WithCancel(t.Context())
	followed := job(drupaltest.New(gift(1, "99.99")), store)
	if err := followed.Follow(ctx, time.Millisecond, func(Result) { stop() }); err != nil {
		t.Fatal(err)
	}
	if _, err := job(dumped(noon.Add(-24*time.Hour), "5.00"), store).Sync(t.Context()); !errors.Is(err, ErrOlder) {
		t.Error(err)
	}
}

// A dump whose end cannot be read is not taken for one without a date.
func TestADumpWithoutAnEndIsRefused(t *testing.T) {
	t.Parallel()
	store := memory()
	must(t, job(dumped(noon, "99.99"), store).Sync)
	broken := errors.New("gzip: invalid checksum")
	if _, err := job(cutDump{dumped(noon, "5.00"), broken}, store).Sync(t.Context()); !errors.Is(err, broken) {
		t.Error(err)
	}
	if got := items(t, store, "gift")["0000000000000000001"]; !strings.Contains(got, "99.99") {
		t.Error(got)
	}
}

type cutDump struct {
	dayed
	err error
}

func (d cutDump) Made(context.Context) (time.Time, error) { return time.Time{}, d.err }
