package move

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/migration/drupal/drupaltest"
	"github.com/banyan-migration/banyan/shared/kv"
)

// At 350 submissions a second a row is there within a second; what is edited or deleted follows by the next sweep; and the
// standing says how old each of the three may be.
func TestFollow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		site, store := many(), memory()
		j := job(site, store)
		j.Now = time.Now
		store.Now = time.Now
		must(t, j.Backfill)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		var rows int64
		go func() { ended <- j.Follow(ctx, 250*time.Millisecond, func(r Result) { rows += r.Rows }) }()
		sid := int64(400 * 40)
		for second := range 20 {
			for range 10 { // 35 at a time
				for range 35 {
					sid++
					r := gift(sid, "5.00")
					r.At = time.Now()
					site.Put(r)
				}
				time.Sleep(100 * time.Millisecond)
			}
			if lag, err := Lag(t.Context(), site, store, donate(), time.Now()); err != nil || lag >= time.Second {
				t.Errorf("after %d s: behind by %v, %v", second, lag, err)
			}
		}
		late := gift(sid-2*width, "6.00") // an edit
		site.Put(late)
		site.Delete(1)
		edited := time.Now()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		stands(t, "followed", site, store)
		s, err := StandingOf(t.Context(), store, donate())
		if err != nil || time.Since(s.Synced) > 2*time.Second || s.Swept.Before(edited) || s.Deleted.Before(edited) {
			t.Errorf("%+v at %v, %v", s, time.Now(), err)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if rows < 7001 {
			t.Errorf("told of %d rows", rows)
		}
	})
}

// What fails for a while is tried again; what nobody may have meant ends it; and a dump cannot be followed.
func TestFollowThroughFaults(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		site, store := many(), memory()
		must(t, job(site, store).Backfill)
		source := &sick{Site: site, until: time.Now().Add(20 * time.Second)}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		site.Put(gift(17000, "5.00"))
		if err := job(source, store).Follow(ctx, time.Second, nil); err != nil {
			t.Error(err)
		}
		stands(t, "well again", site, store)
		source.until = time.Now().Add(time.Hour)
		if err := job(source, store).Follow(t.Context(), time.Second, nil); err == nil || !strings.Contains(err.Error(), "gone away") {
			t.Error(err)
		}
		for i := range int64(200) {
			site.Delete(40*i + 1)
		}
		if err := job(site, store).Follow(t.Context(), time.Second, nil); err == nil || !strings.Contains(err.Error(), "--deletes 200") {
			t.Error(err)
		}
		if err := job(still{site}, store).Follow(t.Context(), time.Second, nil); err == nil || !strings.Contains(err.Error(), "a dump does not change") {
			t.Error(err)
		}
	})
}

// sick is a source that cannot be reached until a moment.
type sick struct {
	*drupaltest.Site
	until time.Time
}

func (s *sick) Last(ctx context.Context, name string) (int64, error) {
	if time.Now().Before(s.until) {
		return 0, fmt.Errorf("asked for %s: %w", name, errGone)
	}
	return s.Site.Last(ctx, name)
}

// summed is a source whose sums are a server's own, and no rows' here.
type summed struct{ *drupaltest.Site }

func (s summed) Sweep(ctx context.Context, name string, within drupal.Span, width int64, yield func(drupal.Chunk) error) error {
	return s.Site.Sweep(ctx, name, within, width, func(c drupal.Chunk) error {
		c.Sum ^= 0x5555
		return yield(c)
	})
}

// Sweeps learn a server's sums, and then neither read nor write what has not changed.
func TestSumsOfAServerAreLearned(t *testing.T) {
	t.Parallel()
	site, store := many(), memory()
	source := summed{site}
	must(t, job(source, store).Backfill)
	for i := range 3 {
		if got := must(t, job(source, store).Sync); got.Rows != 0 {
			t.Errorf("sync %d: %+v", i, got)
		}
	}
	before := revisions(t, store)
	must(t, job(source, store).Sync)
	if after := revisions(t, store); after != before {
		t.Error("a sync that finds nothing writes pages")
	}
	site.Put(gift(1, "6.00"))
	if got := must(t, job(source, store).Sync); got.Edited != 1 {
		t.Errorf("%+v", got)
	}
	stands(t, "edited", site, store)
}

func revisions(t *testing.T, store kv.Store) (text string) {
	all, err := store.List(t.Context(), pagesPart(donate()), "", "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range all {
		text += fmt.Sprint(item.Key.Sort, item.Rev, " ")
	}
	return text
}

// endingSource is a source during whose sweep the follower is told to end.
type endingSource struct {
	*drupaltest.Site
	end context.CancelFunc
}

func (s endingSource) Sweep(ctx context.Context, _ string, _ drupal.Span, _ int64, _ func(drupal.Chunk) error) error {
	s.end()
	return ctx.Err()
}

// What a round had stored before it was broken off is told.
func TestAFollowerThatEndsTellsWhatItMoved(t *testing.T) {
	t.Parallel()
	ctx, end := context.WithCancel(t.Context())
	defer end()
	var told int64
	j := job(endingSource{drupaltest.New(gift(1, "5.00"), gift(2, "6.00")), end}, memory())
	if err := j.Follow(ctx, time.Millisecond, func(r Result) { told += r.Moved }); err != nil || told != 2 {
		t.Errorf("%d told: %v", told, err)
	}
}
