package verify

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/migration/drupal/drupaltest"
	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/kv"
)

// acting is a site where something happens at a moment of the comparison.
type acting struct {
	*drupaltest.Site
	marked func() // once the watermark is taken
	read   func() // once the rows were read
}

func (a acting) Last(ctx context.Context, name string) (int64, error) {
	sid, err := a.Site.Last(ctx, name)
	if a.marked != nil {
		a.marked()
	}
	return sid, err
}

func (a acting) Records(ctx context.Context, name string, within drupal.Span, yield func(form.Record) error) (int64, error) {
	n, err := a.Site.Records(ctx, name, within, yield)
	if a.read != nil && within.After == 0 {
		a.read()
	}
	return n, err
}

// While both sides live, what moves is not called lost, and what is lost is not called moving.
func TestRowsInFlight(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before, marked, read func(t *testing.T, p pair)
		later                func(t *testing.T, p pair) // in the third second
		flying, settled      int64
		differ               []string
	}{
		"a row that came after the watermark": {
			marked: func(t *testing.T, p pair) { p.site.Put(fresh(9001)) }, flying: 1},
		"such a row, moved already": {
			marked: func(t *testing.T, p pair) { p.site.Put(fresh(9001)); p.put(t, fresh(9001)) }, flying: 1},
		"a record beyond the watermark that no row stands for": {
			before: func(t *testing.T, p pair) { p.put(t, fresh(9001)) }, differ: []string{"9001 row missing there"}},
		"a new row that is moved in the third second": {
			before: func(t *testing.T, p pair) { p.site.Put(fresh(9001)) },
			later:  func(t *testing.T, p pair) { p.put(t, fresh(9001)) }, settled: 1},
		"a new row that is never moved": {
			before: func(t *testing.T, p pair) { p.site.Put(fresh(9001)) }, differ: []string{"9001 row there missing"}},
		"an edit that arrives": {
			before: func(t *testing.T, p pair) { p.site.Put(changed(p.row(0), "town", "Leeds")) },
			later:  func(t *testing.T, p pair) { p.put(t, changed(p.row(0), "town", "Leeds")) }, settled: 1},
		"an edit that does not": {
			before: func(t *testing.T, p pair) { p.site.Put(changed(p.row(0), "town", "Leeds")) }, differ: []string{"1 town Leeds "}},
		"a delete that arrives": {
			before: func(t *testing.T, p pair) { p.site.Delete(1) },
			later:  func(t *testing.T, p pair) { p.remove(t, gift(1, "5")) }, settled: 1},
		"a delete that does not": {
			before: func(t *testing.T, p pair) { p.site.Delete(1) }, differ: []string{"1 row missing there"}},
		"a submission that was half written when it was read": {
			before: func(t *testing.T, p pair) {
				half := p.row(0)
				half.Values = map[string][]string{"amount": half.Values["amount"]}
				p.site.Put(half)
			},
			read: func(t *testing.T, p pair) { p.site.Put(p.whole(0)) }, settled: 1},
		"a row committed late, below the watermark": {
			before: func(t *testing.T, p pair) { p.site.Delete(1) },
			read:   func(t *testing.T, p pair) { p.site.Put(p.whole(0)) }, settled: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := gifts(t, 100)
				act := func(do func(*testing.T, pair)) func() {
					if do == nil {
						return nil
					}
					return func() { do(t, p) }
				}
				if c.before != nil {
					c.before(t, p)
				}
				if c.later != nil {
					time.AfterFunc(3*time.Second, act(c.later))
				}
				p.job.Source, p.job.Patience = acting{p.site, act(c.marked), act(c.read)}, 10*time.Second
				began := time.Now()
				got := p.run(t)
				if fmt.Sprint(said(got)) != fmt.Sprint(c.differ) || got.InFlight != c.flying || got.Settled != c.settled || got.Clean() != (c.differ == nil) {
					t.Errorf("%v, %d in flight %v, %d settled, clean %v", said(got), got.InFlight, got.Moving, got.Settled, got.Clean())
				}
				if took := time.Since(began); took > 10*time.Second {
					t.Errorf("it took %s", took)
				}
			})
		})
	}
}

// row is one of the site's donations as it stands, whole as the sample has it.
func (p pair) row(n int) form.Record { return p.site.All("donate", drupal.Span{})[n] }

func (p pair) whole(n int) form.Record {
	whole, _ := sample() // gifts has read it
	return whole.All("donate", drupal.Span{})[n]
}

// said are the differences in words.
func said(r Result) (all []string) {
	for _, d := range r.Differences {
		all = append(all, fmt.Sprintf("%s %s %s %s", d.ID, d.Field, d.Source, d.Target))
	}
	return all
}

// A row that never comes to rest is in flight to the end; with its neighbours the digests are still equal.
func TestARowThatKeepsChanging(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := gifts(t, 100)
		p.job.Patience = 10 * time.Second
		stop := make(chan struct{})
		defer close(stop)
		p.site.Put(changed(p.row(0), "town", "0"))
		go func() {
			for n := 1; ; n++ {
				select {
				case <-stop:
					return
				case <-time.After(time.Second):
					p.site.Put(changed(p.row(0), "town", fmt.Sprint(n)))
				}
			}
		}()
		got := p.run(t)
		if !got.Clean() || got.InFlight != 1 || len(got.Moving) != 1 || got.Moving[0] != (Moving{"1", "changing"}) {
			t.Errorf("%v, in flight %v, clean %v", said(got), got.Moving, got.Clean())
		}
		if got.RowsSource != got.RowsTarget+got.Rejections()+got.InFlight {
			t.Errorf("%d rows are %d moved, %d rejected, %d in flight", got.RowsSource, got.RowsTarget, got.Rejections(), got.InFlight)
		}
	})
}

// Reached is where a sync that goes on has come to: later rows are not expected yet.
func TestRowsThatNoSyncHasReached(t *testing.T) {
	t.Parallel()
	p := gifts(t, 100)
	p.job.Reached = p.row(99).SID
	p.site.Put(fresh(9001))
	if got := p.run(t); !got.Clean() || got.InFlight != 1 || got.Watermark.SID != p.job.Reached {
		t.Errorf("%v, in flight %v, watermark %+v", said(got), got.Moving, got.Watermark)
	}
}

// gone is a store that fails after some reads.
type gone struct {
	kv.Store
	after *int
}

func (g gone) List(ctx context.Context, part, prefix, after string, limit int) ([]kv.Item, error) {
	if *g.after--; *g.after < 0 {
		return nil, fmt.Errorf("the network is gone")
	}
	return g.Store.List(ctx, part, prefix, after, min(limit, 10))
}

func TestEitherSideMayDie(t *testing.T) {
	t.Parallel()
	for _, after := range []int{0, 1, 5} {
		p := gifts(t, 100)
		p.job.Store = gone{p.store, &after}
		if _, err := p.job.Run(t.Context()); err == nil || err.Error() != "verify: donate: the network is gone" {
			t.Errorf("%v", err)
		}
	}
	p := gifts(t, 100)
	ctx, stop := context.WithCancel(t.Context())
	p.job.Source = acting{p.site, stop, nil}
	if _, err := p.job.Run(ctx); err == nil {
		t.Error("a comparison that was stopped came to an end")
	}
}
