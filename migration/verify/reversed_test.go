package verify

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/kv"
)

// taken gives a service's own records after the imported ones, as donate does.
type taken struct {
	mu  sync.Mutex
	own []form.Record
}

func (o *taken) take(r form.Record) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.own = append(o.own, r)
}

func (o *taken) beside(records func(context.Context, kv.Store, string, int) ([]form.Record, string, error)) func(context.Context, kv.Store, string, int) ([]form.Record, string, error) {
	return func(ctx context.Context, store kv.Store, after string, limit int) ([]form.Record, string, error) {
		if after == "mine" {
			o.mu.Lock()
			defer o.mu.Unlock()
			return slices.Clone(o.own), "", nil
		}
		page, next, err := records(ctx, store, after, limit)
		if next == "" && err == nil {
			next = "mine"
		}
		return page, next, err
	}
}

// gave is a donation that the service took.
func gave(n int) form.Record {
	r := gift(0, fmt.Sprintf("%d.50", n))
	r.Origin, r.Values["transaction_id"] = fmt.Sprintf("gift-%d", n), []string{fmt.Sprintf("new-%d", n)}
	return r
}

// wrote is the row that reverse made of it.
func wrote(n int) form.Record {
	r := gave(n)
	r.SID = int64(9000 + n)
	return r
}

func TestWrittenBack(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rows          []form.Record
		own           []form.Record
		later         func(pair, *taken)
		reversed, new int64
		settled       int64
		differ        []string
	}{
		"all of it":                       {[]form.Record{wrote(1), wrote(2)}, []form.Record{gave(2), gave(1)}, nil, 2, 0, 0, nil},
		"some of it":                      {[]form.Record{wrote(1)}, []form.Record{gave(1), gave(2), gave(3)}, nil, 1, 2, 0, nil},
		"a penny less":                    {[]form.Record{changed(wrote(1), "amount", "1.49")}, []form.Record{gave(1)}, nil, 1, 0, 0, []string{"9001 amount 1.49 1.50"}},
		"a lost consent":                  {[]form.Record{wrote(1)}, []form.Record{changed(gave(1), "email_consent", "1")}, nil, 1, 0, 0, []string{"9001 email_consent  1"}},
		"an emoji that utf8 lacks":        {[]form.Record{changed(wrote(1), "message", "Zoë \uFFFD!")}, []form.Record{changed(gave(1), "message", "Zoë 🎉!")}, nil, 1, 0, 0, nil},
		"another letter lost":             {[]form.Record{changed(wrote(1), "message", "Zo\uFFFD 🎉!")}, []form.Record{changed(gave(1), "message", "Zoë 🎉!")}, nil, 1, 0, 0, []string{"9001 message Zo\uFFFD 🎉! Zoë 🎉!"}},
		"an emoji and a penny":            {[]form.Record{changed(changed(wrote(1), "message", "\uFFFD"), "amount", "1.49")}, []form.Record{changed(gave(1), "message", "🎉")}, nil, 1, 0, 0, []string{"9001 amount 1.49 1.50", "9001 message \uFFFD 🎉"}},
		"a row of nothing":                {[]form.Record{wrote(1)}, nil, nil, 1, 0, 0, []string{"9001 row written back missing"}},
		"written twice":                   {[]form.Record{wrote(1), func() form.Record { r := wrote(1); r.SID = 9009; return r }()}, []form.Record{gave(1)}, nil, 2, 0, 0, []string{"9009 row written back twice once"}},
		"one that is changed and arrives": {[]form.Record{changed(wrote(1), "town", "Leeds")}, []form.Record{gave(1)}, func(p pair, _ *taken) { p.site.Put(wrote(1)) }, 1, 0, 1, nil},
		"one whose record comes late":     {[]form.Record{wrote(1)}, nil, func(_ pair, o *taken) { o.take(gave(1)) }, 1, 0, 1, nil},
		"one whose row is taken away":     {[]form.Record{changed(wrote(1), "town", "Leeds")}, []form.Record{gave(1)}, func(p pair, _ *taken) { p.site.Delete(9001) }, 0, 1, 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p, own := gifts(t, 100), &taken{own: c.own}
				p.job.Records, p.job.Patience = own.beside(p.job.Records), 10*time.Second
				for _, r := range c.rows {
					p.site.Put(r)
				}
				if c.later != nil {
					time.AfterFunc(3*time.Second, func() { c.later(p, own) })
				}
				got := p.run(t)
				if got.Reversed != c.reversed || got.Own != c.new || got.Settled != c.settled || (got.Narrowed > 0) != (name == "an emoji that utf8 lacks") || fmt.Sprint(said(got)) != fmt.Sprint(c.differ) || got.Clean() != (c.differ == nil) {
					t.Errorf("%d reversed, %d own, %d settled, %q, clean %v", got.Reversed, got.Own, got.Settled, said(got), got.Clean())
				}
				if want := int64(len(p.site.All("donate", drupal.Span{}))); got.RowsSource != want {
					t.Errorf("%d rows, want %d", got.RowsSource, want)
				}
			})
		})
	}
}

// A row that was written back and then imported is a loop: the gift would count twice.
func TestWrittenBackAndImported(t *testing.T) {
	t.Parallel()
	p := gifts(t, 100)
	own := &taken{own: []form.Record{gave(1)}}
	p.job.Records = own.beside(p.job.Records)
	p.site.Put(wrote(1))
	p.put(t, wrote(1))
	if got := p.run(t); len(got.Differences) != 1 || got.Differences[0] != (Difference{"9001", "row", "written back from the service", "imported", Refused}) {
		t.Errorf("%+v", got.Differences)
	}
}

// A dump of a site into which was written back is compared as well, though it cannot be asked for one row.
func TestWrittenBackIntoADump(t *testing.T) {
	t.Parallel()
	p := gifts(t, 100)
	own := &taken{own: []form.Record{gave(1), gave(2)}}
	p.job.Records = own.beside(p.job.Records)
	p.site.Put(wrote(1))
	p.site.Put(changed(wrote(2), "last_name", "Other"))
	p.job.Source = still{p.site}
	got := p.run(t)
	if got.Reversed != 2 || fmt.Sprint(said(got)) != "[9002 last_name Other ]" || got.Watermark.SID != 0 {
		t.Errorf("%+v", got)
	}
	var lines bytes.Buffer
	if err := WriteDifferences(&lines, got); err != nil || lines.String() != `{"form":"donate","id":"9002","field":"last_name","source":"Other","target":"","kind":"value"}`+"\n" {
		t.Errorf("%s %v", lines.String(), err)
	}
}

// still is a site that does not change, like a dump, and cannot be asked for one row.
type still struct{ drupal.Source }

func (still) Live() bool { return false }

func (still) Record(context.Context, int64, int64) (form.Record, error) {
	panic("a dump is asked for a row")
}
