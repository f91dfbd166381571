package local

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/banyan-migration/banyan/infra/cost"
	"github.com/banyan-migration/banyan/infra/fakes/psp"
	"github.com/banyan-migration/banyan/loadtest"
	"github.com/banyan-migration/banyan/services/payments"
)

// settle waits until nothing is on its way between the services.
func (d *demo) settle(ctx context.Context) (string, error) {
	patience, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	began := time.Now()
	if err := d.world.desk.Settle(patience); err != nil {
		return "", err
	}
	took := time.Since(began)
	if d.settled != nil {
		if err := d.settled(ctx, d); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%d ms after the last donor", took.Milliseconds()), nil
}

// books compares what the donors were told with what donate stored, what the acquirers charged, and the ledger.
func (d *demo) books(ctx context.Context) (string, error) {
	l := d.report.Load
	if err := l.Fetch(ctx, d.world.Services+"/reconcile"); err != nil {
		return "", err
	}
	rec := l.Reconciled
	ids, err := d.stored(ctx)
	if err != nil {
		return "", err
	}
	n := &d.report.Donations
	n.Accepted, n.AcceptedByServices = l.Accepted(), l.Services.Accepted
	n.Stored = n.Accepted - int64(len(rec.Missing))
	n.Missing, n.Doubled, n.Unconfirmed = int64(len(rec.Missing)), int64(len(rec.Doubled)), int64(len(rec.Unconfirmed))
	d.check(n.Accepted > 0 && len(rec.Missing) == 0, "no donation that anybody was thanked for is lost", "%d of %d stored%s", n.Stored, n.Accepted, named(rec.Missing))
	d.check(len(rec.Doubled)+len(rec.Unexpected) == 0, "none is stored twice, or though its form came back", "%d doubled, %d unexpected%s",
		len(rec.Doubled), len(rec.Unexpected), named(append(rec.Doubled, rec.Unexpected...)))
	d.check(len(rec.WrongAmount) == 0, "each has the amount that was typed", "%d wrong%s", len(rec.WrongAmount), named(rec.WrongAmount))
	if err := d.charged(ids); err != nil {
		return "", err
	}
	if err := d.ledger(ctx, ids); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d accepted, %d stored; %d by the services, %d charged", n.Accepted, n.Stored, n.AcceptedByServices, n.Charged), nil
}

func named(refs []string) string {
	if len(refs) == 0 {
		return ""
	}
	return ": " + strings.Join(refs[:min(5, len(refs))], ", ")
}

// stored gives the gift's id of each ref.
func (d *demo) stored(ctx context.Context) (map[string]string, error) {
	var lines bytes.Buffer
	if err := d.world.desk.reconcile(ctx, &lines); err != nil {
		return nil, err
	}
	ids := map[string]string{}
	for dec := json.NewDecoder(&lines); dec.More(); {
		var s loadtest.Stored
		if err := dec.Decode(&s); err != nil {
			return nil, err
		}
		ids[s.Ref] = s.ID
	}
	return ids, nil
}

// byServices are the donations that the services were thanked for, with their gifts' ids.
func (d *demo) byServices(ids map[string]string, each func(g loadtest.Donation, id string)) {
	for _, g := range d.report.Load.Donations {
		if g.Side == loadtest.Services {
			each(g, ids[g.Ref])
		}
	}
}

// charged checks the acquirers' own list: each gift once, at its amount, and nobody else.
func (d *demo) charged(ids map[string]string) error {
	list, err := d.world.psp.Charges()
	if err != nil {
		return err
	}
	times, total := map[string][]psp.Charge{}, 0
	for _, c := range list {
		if c.State == "charged" {
			times[c.Gift] = append(times[c.Gift], c)
			total++
		}
	}
	var not, twice, wrong []string
	d.byServices(ids, func(g loadtest.Donation, id string) {
		switch got := times[id]; {
		case id == "" || len(got) == 0:
			not = append(not, g.Ref)
		case len(got) > 1:
			twice = append(twice, g.Ref)
		case got[0].Amount.Decimal() != g.Amount:
			wrong = append(wrong, g.Ref)
		}
		delete(times, id)
	})
	n := &d.report.Donations
	n.ChargedTwice = int64(len(twice))
	n.Charged = n.AcceptedByServices - int64(len(not))
	d.check(len(not)+len(twice)+len(wrong) == 0, "each donation that the services accepted is charged once, at its amount",
		"%d charged, %d not, %d twice, %d at another amount%s", n.Charged, len(not), len(twice), len(wrong), named(append(append(not, twice...), wrong...)))
	// Who saw no answer may still have given; that gift is stored, and may be charged, once.
	known := map[string]bool{}
	for _, ref := range d.report.Load.Reconciled.Unconfirmed {
		known[ids[ref]] = true
	}
	var strangers []string
	for id, got := range times {
		if !known[id] || len(got) > 1 {
			strangers = append(strangers, id)
		}
	}
	d.check(len(strangers) == 0, "nobody else is charged, imported donations least of all", "%d charges in all, %d unexplained%s", total, len(strangers), named(strangers))
	return nil
}

// ledger checks our own books: a capture for each gift, and sums of nothing.
func (d *demo) ledger(ctx context.Context, ids map[string]string) error {
	store := d.world.desk.raw("payments")
	captured := map[string]int{}
	err := payments.Ledger(ctx, store, liveBook, func(e payments.Entry) error {
		if e.Kind == "capture" {
			captured[e.For.ID]++
		}
		return nil
	})
	if err != nil {
		return err
	}
	var not []string
	d.byServices(ids, func(g loadtest.Donation, id string) {
		if captured[id] != 1 {
			not = append(not, g.Ref)
		}
	})
	d.check(len(not) == 0, "each is in the ledger once", "%d captures, %d missing or doubled%s", len(captured), len(not), named(not))
	balances, err := payments.Balances(ctx, store, liveBook)
	if err != nil {
		return err
	}
	sums := map[string]int64{}
	for _, account := range balances {
		for currency, minor := range account {
			sums[currency] += minor
		}
	}
	zero := true
	for _, minor := range sums {
		zero = zero && minor == 0
	}
	d.check(zero && len(balances) > 0, "the ledger sums to nothing", "%d accounts", len(balances))
	return nil
}

// liveBook is the ledger of donors; load tests that say so have their own.
const liveBook = "live"

// month is how many donations a month the estimate is for: the case's own scale on its busiest.
const month = 600_000

func (d *demo) reckon(context.Context) (string, error) {
	book, err := cost.Prices(cost.Region)
	if err != nil {
		return "", err
	}
	bill, err := cost.Estimate(book, d.meter.measured(max(1, d.report.Donations.AcceptedByServices)), month)
	if err != nil {
		return "", err
	}
	d.report.Estimate = bill
	return fmt.Sprintf("the measured traffic at %d donations a month", month), nil
}
