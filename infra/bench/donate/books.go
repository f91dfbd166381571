package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"time"

	"github.com/banyan-migration/banyan/infra/fakes/psp"
	"github.com/banyan-migration/banyan/loadtest"
	"github.com/banyan-migration/banyan/services/payments"
	"github.com/banyan-migration/banyan/shared/kv/sqlite"
)

// gift is one line of what donate has stored.
type gift struct {
	loadtest.Stored
	State string `json:"state"`
}

// settle looks again and again until every accepted donation of a run has settled and is charged, or patience is over.
func (w *world) settle(ctx context.Context, m *measured, patience time.Duration) (took time.Duration, settled bool, err error) {
	began := time.Now()
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for {
		took = time.Since(began)
		open, err := w.open(ctx, m)
		if err != nil || open == 0 {
			return took, err == nil, err
		}
		if took > patience {
			return took, false, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return took, false, ctx.Err()
		}
	}
}

// open counts a run's accepted donations that have not settled, or are not charged.
func (w *world) open(ctx context.Context, m *measured) (int, error) {
	done := map[string]bool{}
	charged, err := w.charges(ctx)
	if err != nil {
		return 0, err
	}
	err = lines(ctx, w.Services+"/reconcile", func(g gift) { done[g.Ref] = g.State == "settled" && len(charged[g.ID]) > 0 })
	open := 0
	for _, d := range m.Donations {
		if !done[d.Ref] {
			open++
		}
	}
	return open, err
}

// charges are the acquirers' own, those that took money, by gift.
func (w *world) charges(ctx context.Context) (map[string][]psp.Charge, error) {
	all := map[string][]psp.Charge{}
	err := lines(ctx, w.PSP+"/_/charges", func(c psp.Charge) {
		if c.State == "charged" {
			all[c.Gift] = append(all[c.Gift], c)
		}
	})
	return all, err
}

// lines reads an address that answers a line of JSON a thing.
func lines[T any](ctx context.Context, address string, each func(T)) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", address, res.Status)
	}
	for dec := json.NewDecoder(res.Body); ; {
		var v T
		switch err := dec.Decode(&v); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("%s: %w", address, err)
		}
		each(v)
	}
}

// difference counts what the books disagree about.
type difference struct {
	accepted                                                             int
	lost, doubled, wrong, uncharged, twice, strangers, unposted, pennies int
}

// twoTicks is long enough for what a run over the ceiling has left: a payment that found its acquirer overwhelmed waits for
// the services' next tick but one.
const twoTicks = 2 * time.Minute

// books compares what the donors of all runs were told with what donate stored, what the acquirers charged, and, once
// the world is closed, with the ledger in its file. Any difference is an error.
func (w *world) books(ctx context.Context, runs []*measured) error {
	for _, m := range runs {
		if _, _, err := w.settle(ctx, m, twoTicks); err != nil {
			return err
		}
	}
	d, err := w.compare(ctx, runs)
	if err != nil {
		return err
	}
	if err := w.end(); err != nil {
		return err
	}
	if err := w.ledger(ctx, runs, &d); err != nil {
		return err
	}
	fmt.Printf("  books        %d accepted: %d lost, %d doubled, %d at a wrong amount, %d not charged, %d charged twice, %d strangers charged; "+
		"%d not in the ledger once, which sums to %d\n", d.accepted, d.lost, d.doubled, d.wrong, d.uncharged, d.twice, d.strangers, d.unposted, d.pennies)
	if d != (difference{accepted: d.accepted}) {
		return errors.New("the books differ")
	}
	return nil
}

// compare asks donate and the acquirers.
func (w *world) compare(ctx context.Context, runs []*measured) (d difference, err error) {
	charged, err := w.charges(ctx)
	if err != nil {
		return d, err
	}
	ids := map[string]string{}
	if err := lines(ctx, w.Services+"/reconcile", func(g gift) { ids[g.Ref] = g.ID }); err != nil {
		return d, err
	}
	for _, m := range runs {
		if err := m.Fetch(ctx, w.Services+"/reconcile"); err != nil {
			return d, err
		}
		r := m.Reconciled
		d.lost, d.doubled, d.wrong = d.lost+len(r.Missing), d.doubled+len(r.Doubled)+len(r.Unexpected), d.wrong+len(r.WrongAmount)
		for _, g := range m.Donations {
			d.accepted++
			id := ids[g.Ref]
			switch got := charged[id]; {
			case len(got) == 0:
				d.uncharged++
			case len(got) > 1:
				d.twice++
			case got[0].Amount.Decimal() != g.Amount:
				d.wrong++
			}
			delete(charged, id)
		}
		for _, ref := range r.Unconfirmed { // its donor saw no answer, and it is charged all the same, once
			if len(charged[ids[ref]]) == 1 {
				delete(charged, ids[ref])
			}
		}
		m.ids = ids
	}
	d.strangers = len(charged)
	return d, nil
}

// ledger reads the closed world's own: each accepted gift is captured once, and all postings together are nothing.
func (w *world) ledger(ctx context.Context, runs []*measured, d *difference) error {
	db, err := sqlite.Open(filepath.Join(w.dir, "services.db"))
	if err != nil {
		return err
	}
	defer db.Close()
	captured := map[string]int{}
	err = payments.Ledger(ctx, db.Store("payments"), "live", func(e payments.Entry) error {
		if e.Kind == "capture" {
			captured[e.For.ID]++
		}
		for _, p := range e.Postings { // all in pounds here
			d.pennies += int(p.Amount.Minor())
		}
		return nil
	})
	for _, m := range runs {
		for _, g := range m.Donations {
			if captured[m.ids[g.Ref]] != 1 {
				d.unposted++
			}
		}
	}
	return err
}
