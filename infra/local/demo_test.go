package local

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/banyan-migration/banyan/infra/local/report"
	"github.com/banyan-migration/banyan/loadtest"
	"github.com/banyan-migration/banyan/services/donate"
	"github.com/banyan-migration/banyan/shared/kv"
	"github.com/banyan-migration/banyan/shared/money"
)

// shortDemo is the whole demo on a minute of the night.
func shortDemo(t *testing.T) DemoOptions {
	return DemoOptions{Config: repository(t), Out: t.TempDir(), Tell: io.Discard, short: true}
}

// once is what a short demo reports that nobody has damaged, played once for all tests that look at it.
var once = sync.OnceValues(func() (*report.Report, error) {
	config, err := os.ReadFile(yaml)
	if err != nil {
		return nil, err
	}
	out, err := os.MkdirTemp("", "banyan-report-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(out)
	return Demo(context.Background(), DemoOptions{Config: config, Out: out, Tell: io.Discard, short: true})
})

func TestDemoHolds(t *testing.T) {
	t.Parallel()
	r, err := once()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range unheld(r) {
		t.Errorf("%s: %s", c.Name, c.Figure)
	}
	if !r.Held() || len(r.Checks) < 13 || r.Load.Legacy.Accepted == 0 || r.Load.Services.Accepted == 0 || r.Estimate == nil {
		t.Errorf("%d checks, %d donations by Drupal, %d by the services, estimate %v", len(r.Checks), r.Load.Legacy.Accepted, r.Load.Services.Accepted, r.Estimate)
	}
}

func unheld(r *report.Report) (bad []report.Check) {
	for _, c := range r.Checks {
		if !c.Held {
			bad = append(bad, c)
		}
	}
	return bad
}

// damage is done to a night's books when it is over. do says whom it hit, as the demo names him, and how to undo it.
type damage struct {
	name  string
	check string                                       // the one that must see it
	seen  func(*demo, context.Context) (string, error) // the comparison that makes this check
	do    func(ctx context.Context, d *demo) (named string, undo func() error, err error)
}

var damages = []damage{
	{"a donation that the services took is lost", "no donation that anybody was thanked for is lost", (*demo).books, func(ctx context.Context, d *demo) (string, func() error, error) {
		return lose[donate.Gift](ctx, d, loadtest.Services, "gift", 16)
	}},
	{"a donation that Drupal took is lost", "no donation that anybody was thanked for is lost", (*demo).books, func(ctx context.Context, d *demo) (string, func() error, error) {
		return lose[donate.Imported](ctx, d, loadtest.Legacy, "imported", 1)
	}},
	{"a penny too much of the services' is stored", "each has the amount that was typed", (*demo).books, func(ctx context.Context, d *demo) (string, func() error, error) {
		ref, id, err := somebody(ctx, d, loadtest.Services)
		undo, err := change(ctx, d, err, "gift", 16, id, func(g *donate.Gift) { g.Amount = money.GBP(g.Amount.Minor() + 1) })
		return ref, undo, err
	}},
	{"a penny too much of Drupal's is stored", "after the night, every donation in Drupal equals its gift in the services", (*demo).verifyAgain, func(ctx context.Context, d *demo) (string, func() error, error) {
		const sid = 100 // one of the dump's, long before the night
		undo, err := change(ctx, d, nil, "imported", 1, fmt.Sprintf("d7-2-%012d", sid), func(g *donate.Imported) { g.Amount = money.GBP(g.Amount.Minor() + 1) })
		return fmt.Sprintf("row %d,", sid), undo, err
	}},
	{"somebody is charged twice", "each donation that the services accepted is charged once, at its amount", (*demo).books, chargeAgain},
}

// TestDemoNamesWhatIsWrong plants a lost donation, a wrong total and a double charge, one after the other, in a night that
// is over; the demo's own comparison must name each, and find nothing else. The last is left for its report.
func TestDemoNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	var named string
	o := shortDemo(t)
	o.settled = func(ctx context.Context, d *demo) error {
		for i, x := range damages {
			who, undo, err := x.do(ctx, d)
			if err != nil {
				return fmt.Errorf("%s: %w", x.name, err)
			}
			r, err := judged(ctx, d, x.seen)
			if err != nil {
				return err
			}
			if r.Held() || !names(r, x.check, who) {
				t.Errorf("%s (%s): the demo finds %+v", x.name, who, unheld(r))
			}
			if named = who; i < len(damages)-1 {
				if err := undo(); err != nil {
					return err
				}
			}
		}
		return nil
	}
	r, err := Demo(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if last := damages[len(damages)-1]; r.Held() || len(unheld(r)) != 1 || !names(r, last.check, named) {
		t.Errorf("the report of a demo with a double charge finds %+v", unheld(r))
	}
}

// judged makes one of the demo's comparisons, in a report of its own.
func judged(ctx context.Context, d *demo, compare func(*demo, context.Context) (string, error)) (*report.Report, error) {
	own, r := *d, *d.report
	r.Checks = slices.Clone(r.Checks)
	own.report = &r
	_, err := compare(&own, ctx)
	return &r, err
}

func names(r *report.Report, check, who string) bool {
	return slices.ContainsFunc(unheld(r), func(c report.Check) bool { return c.Name == check && strings.Contains(c.Figure, who) })
}

// somebody is a donor of the night whom a side thanked, and the gift's id.
func somebody(ctx context.Context, d *demo, side string) (ref, id string, err error) {
	ids, err := d.stored(ctx)
	for _, g := range d.report.Load.Donations {
		if g.Side == side {
			return g.Ref, ids[g.Ref], err
		}
	}
	return "", "", fmt.Errorf("nobody gave by way of %s: %w", side, err)
}

func lose[T any](ctx context.Context, d *demo, side, table string, parts int) (string, func() error, error) {
	ref, id, err := somebody(ctx, d, side)
	if err != nil {
		return "", nil, err
	}
	records := kv.Table[T]{Store: d.world.desk.raw("donate"), Name: table, Parts: parts}
	was, _, err := records.Get(ctx, id)
	if err == nil {
		err = records.Store.Commit(ctx, kv.Write{Key: records.Key(id), Delete: true})
	}
	return ref, func() error { return records.Store.Commit(ctx, records.Put(id, was, kv.Absent)) }, err
}

func change[T any](ctx context.Context, d *demo, err error, table string, parts int, id string, how func(*T)) (func() error, error) {
	if err != nil {
		return nil, err
	}
	records := kv.Table[T]{Store: d.world.desk.raw("donate"), Name: table, Parts: parts}
	was, _, err := records.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	changed := was
	how(&changed)
	return func() error { return records.Store.Commit(ctx, records.Put(id, was, kv.Always)) },
		records.Store.Commit(ctx, records.Put(id, changed, kv.Always))
}

// chargeAgain takes the money of a gift once more, as a client without idempotency would. An acquirer forgets nothing: there
// is no undoing it.
func chargeAgain(ctx context.Context, d *demo) (string, func() error, error) {
	ref, id, err := somebody(ctx, d, loadtest.Services)
	if err != nil {
		return "", nil, err
	}
	form := url.Values{"amount": {"1000"}, "currency": {"gbp"}, "confirm": {"true"}, "payment_method": {"pm_card_visa"}, "metadata[gift]": {id}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, d.world.PSP+"/v1/payment_intents", strings.NewReader(form.Encode()))
	if err != nil {
		return "", nil, err
	}
	r.Header.Set("Authorization", "Bearer "+secrets.StripeKey)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return "", nil, fmt.Errorf("the acquirer answered %s", res.Status)
	}
	return ref, nil, nil
}
