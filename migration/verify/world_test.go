package verify

import (
	"testing"
	"time"

	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/migration/drupal/drupaltest"
	"github.com/banyan-migration/banyan/services/all"
	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/kv"
)

// pair is an old site and the donate service's store, as a faultless move left them.
type pair struct {
	site  *drupaltest.Site
	store *kv.Mem
	job   Job
}

// gifts is a pair with some hundred of the sample's donations.
func gifts(t *testing.T, rows int) pair {
	t.Helper()
	whole, err := sample()
	if err != nil {
		t.Fatal(err)
	}
	p := pair{site: drupaltest.New(whole.All("donate", drupal.Span{})[:rows]...), store: kv.NewMem()}
	e, _ := all.Named("donate")
	f, _ := form.ByAlias("donate")
	p.job = Job{Source: p.site, Form: f, Store: p.store, Import: e.Import, Records: e.Records}
	p.move(t, drupal.Span{})
	return p
}

// move does what a mover does with the rows of a span.
func (p pair) move(t *testing.T, within drupal.Span) {
	t.Helper()
	seen := newDuplicates(newCanon(p.job.Form))
	for _, r := range p.site.All("donate", within) {
		writes, err := p.job.Import(r)
		if r.Draft || r.Origin != "" || err != nil || seen.again(&r) {
			continue
		}
		for i := range writes {
			writes[i].If = kv.Always
		}
		if err := p.store.Commit(t.Context(), writes...); err != nil {
			t.Fatal(err)
		}
	}
}

func (p pair) run(t *testing.T) Result {
	t.Helper()
	r, err := p.job.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// changed is a row with other values.
func changed(r form.Record, values ...string) form.Record {
	was := r.Values
	r.Values = map[string][]string{}
	for key, v := range was {
		r.Values[key] = v
	}
	for i := 0; i < len(values); i += 2 {
		r.Values[values[i]] = []string{values[i+1]}
	}
	return r
}

// put stores a record as the service would store a row that says so.
func (p pair) put(t *testing.T, r form.Record) {
	t.Helper()
	writes, err := p.job.Import(r)
	if err == nil {
		writes[0].If = kv.Always
		err = p.store.Commit(t.Context(), writes...)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// remove takes a row's record out of the store.
func (p pair) remove(t *testing.T, r form.Record) {
	t.Helper()
	writes, err := p.job.Import(r)
	if err == nil {
		err = p.store.Commit(t.Context(), kv.Write{Key: writes[0].Key, Delete: true})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// fresh is a row that a donor just sent.
func fresh(sid int64) form.Record {
	r := gift(sid, "12.50")
	r.At = time.Unix(1552700000, 0).UTC()
	return r
}
