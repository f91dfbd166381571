package verify

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/migration/drupal/drupaltest"
	"github.com/banyan-migration/banyan/services/all"
	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/kv"
)

// A service whose own rules lie is found, since what its Records says is held against the old row and not against what
// its Import made of it. Both sides of each pair agree with each other.
func TestLyingServices(t *testing.T) {
	t.Parallel()
	e, _ := all.Named("donate")
	alter := func(change func(form.Record) form.Record) func(form.Record) ([]kv.Write, error) {
		return func(r form.Record) ([]kv.Write, error) { return e.Import(change(r)) }
	}
	for name, c := range map[string]struct {
		imports func(form.Record) ([]kv.Write, error)
		records func(context.Context, kv.Store, string, int) ([]form.Record, string, error)
		want    string // of the first difference
		rows    int64  // that differ
	}{
		"one that rounds": {imports: alter(func(r form.Record) form.Record {
			whole, _, _ := strings.Cut(form.DonationOf(r.Values).Amount, ".")
			return changed(r, "amount", whole+".00")
		}), want: "amount", rows: 100},
		"one that cuts short": {imports: alter(func(r form.Record) form.Record {
			return changed(r, "message", r.Value("message")[:4])
		}), want: "message", rows: 100},
		"one that ticks consent": {imports: alter(func(r form.Record) form.Record { return changed(r, "email_consent", "1") }), want: "email_consent", rows: 100},
		"one that skips": {records: func(ctx context.Context, s kv.Store, after string, limit int) ([]form.Record, string, error) {
			page, next, err := e.Records(ctx, s, after, limit)
			return slices.DeleteFunc(page, func(r form.Record) bool { return r.SID == 7 }), next, err
		}, want: "row", rows: 1},
		"one that doubles": {records: func(ctx context.Context, s kv.Store, after string, limit int) ([]form.Record, string, error) {
			page, next, err := e.Records(ctx, s, after, limit)
			if len(page) > 0 {
				page = append(page, page[0])
			}
			return page, next, err
		}, want: "row", rows: 1},
		"one that shows rows which it does not store": {imports: func(r form.Record) ([]kv.Write, error) {
			writes, err := e.Import(r)
			if err == nil {
				writes[0].Key.Part = "nowhere"
			}
			return writes, err
		}, want: "stored", rows: 100},
	} {
		p := pair{site: drupaltest.New(), store: kv.NewMem()}
		for n := range int64(100) {
			r := changed(gift(n+1, fmt.Sprintf("%d.01", n+1)), "message", "for the children", "email_consent", "0")
			p.site.Put(r)
		}
		p.job = Job{Source: p.site, Store: p.store, Import: e.Import, Records: e.Records}
		p.job.Form, _ = form.ByAlias("donate")
		if c.imports != nil && c.want != "stored" {
			p.job.Import = c.imports
		}
		p.move(t, drupal.Span{})
		if c.imports != nil {
			p.job.Import = c.imports
		}
		if c.records != nil {
			p.job.Records = c.records
		}
		got := p.run(t)
		if got.Clean() || len(got.Differences) == 0 || got.Differences[0].Field != c.want || got.Mismatches() != c.rows {
			t.Errorf("%s: %d rows differ, %q", name, got.Mismatches(), said(got)[:min(3, len(got.Differences))])
		}
	}
}

// mangled are twenty ways in which a row may be strange, and why it then is not moved.
var mangled = []struct {
	why string
	do  func(*form.Record)
}{
	{"amount", with("amount", "ten pounds")}, {"amount", with("amount", "")}, {"amount", with("amount", "-5")}, {"amount", with("amount", "0.00")},
	{"amount", with("amount", "1e3")}, {"amount", with("amount", "5.005")}, {"amount", with("amount", "£")}, {"amount", with("amount", "NaN")},
	{"amount", with("amount", "٣")}, {"amount", func(r *form.Record) { delete(r.Values, "amount") }},
	{"amount", with("amount", "99999999999999999999")},
	{"email", with("email", "nobody")}, {"email", with("email", "a@b@c.example")}, {"email", with("email", "a b@c.example")},
	{"first_name", with("first_name", "  ")},
	{"draft", func(r *form.Record) { r.Draft = true }},
	{"", with("message", "\x00\x01 \U0001F534 \u202e"+strings.Repeat("long ", 20_000))},
	{"", func(r *form.Record) { r.Values["component 99"] = []string{"of a component that is gone", "twice"} }},
	{"", func(r *form.Record) { r.Values = changed(*r, "amount", " GBP 1,234 ").Values; r.Values["title"] = nil }},
	{"", func(r *form.Record) {
		r.At = r.At.AddDate(-2000, 0, 0)
		delete(r.Values, "country")
		delete(r.Values, "gift_aid")
	}},
}

func with(key, value string) func(*form.Record) {
	return func(r *form.Record) { r.Values[key] = []string{value} }
}

// One row in twenty is mangled: what both sides come to is what was counted when it was done.
func TestMangledRows(t *testing.T) {
	t.Parallel()
	e, _ := all.Named("donate")
	p := pair{site: drupaltest.New(), store: kv.NewMem()}
	p.job = Job{Source: p.site, Store: p.store, Import: e.Import, Records: e.Records}
	p.job.Form, _ = form.ByAlias("donate")
	const rows = 2000
	moved, pence, rejected := int64(0), int64(0), map[string]int64{}
	for n := range int64(rows) {
		r, why, worth := gift(n+1, "5.01"), "", int64(501)
		if n%20 == 0 {
			way := mangled[n/20%int64(len(mangled))]
			way.do(&r)
			if why = way.why; r.Value("amount") == " GBP 1,234 " {
				worth = 123400
			}
		}
		p.site.Put(r)
		if why != "" {
			rejected[why]++
			continue
		}
		moved++
		pence += worth
	}
	p.move(t, drupal.Span{})
	got := p.run(t)
	if !got.Clean() || got.RowsSource != rows || got.RowsTarget != moved || got.SumPenceSource != pence || got.SumPenceTarget != pence || fmt.Sprint(got.Rejected) != fmt.Sprint(rejected) {
		t.Errorf("%d rows, %d moved, %d and %d pence, %v; counted were %d, %d, %v; %.300q", got.RowsSource, got.RowsTarget, got.SumPenceSource, got.SumPenceTarget, got.Rejected, moved, pence, rejected, said(got))
	}
	// Each strange value that was moved is still seen to change.
	for _, n := range []int64{16*20 + 1, 17*20 + 1, 18*20 + 1, 19*20 + 1} {
		r := p.row(int(n - 1))
		p.put(t, changed(r, "last_name", "Other"))
		if got := p.run(t); len(got.Differences) != 1 || got.Differences[0].Field != "last_name" {
			t.Errorf("row %d: %.200q", n, said(got))
		}
		p.put(t, r)
	}
}
