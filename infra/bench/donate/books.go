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

// settle looks again and again until every accepted donation of a run has settled and is charged, or the aim is over.
func (w *world) settle(ctx context.Context, m *measured) (took time.Duration, settled bool, err error) {
	began := time.Now()
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for {
		took = time.Since(began)
		open, err := w.open(ctx, m)
		if err != nil || open == 0 {
			return took, err == nil, err
		}
		if took > aimSettle {
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

// books compares what the donors of all runs were told with what donate stored, what the acquirers charged, and, once
// the world is closed, with the ledger in its file. The error names each kind of difference.
func (w *world) books(ctx context.Context, runs []*measured) error {
	var lost, doubled, wrong, uncharged, twice, strangers, unposted int
	charged, err := w.charges(ctx)
	if err != nil {
		return err
	}
	ids := map[string]string{}
	if err := lines(ctx, w.Services+"/reconcile", func(g gift) { ids[g.Ref] = g.ID }); err != nil {
		return err
	}
	known, accepted := map[string]bool{}, map[string]bool{}
	for _, m := range runs {
		if err := m.Fetch(ctx, w.Services+"/reconcile"); err != nil {
			return err
		}
		r := m.Reconciled
		lost, doubled, wrong = lost+len(r.Missing), doubled+len(r.Doubled)+len(r.Unexpected), wrong+len(r.WrongAmount)
		for _, d := range m.Donations {
			id := ids[d.Ref]
			known[id], accepted[id] = true, true
			switch got := charged[id]; {
			case len(got) == 0:
				uncharged++
			case len(got) > 1:
				twice++
			case got[0].Amount.Decimal() != d.Amount:
				wrong++
			}
		}
		for _, ref := range r.Unconfirmed { // its donor saw no answer, and it is charged all the same, once
			known[ids[ref]] = true
		}
	}
	for id := range charged {
		if !known[id] {
			strangers++
		}
	}
	if err := w.end(); err != nil {
		return err
	}
	captured, sum, err := w.ledger(ctx)
	if err != nil {
		return err
	}
	for id := range accepted {
		if captured[id] != 1 {
			unposted++
		}
	}
	fmt.Printf("  books        %d accepted: %d lost, %d doubled, %d at a wrong amount, %d not charged, %d charged twice, %d strangers charged; ledger: %d not posted once, sum %d\n",
		len(accepted), lost, doubled, wrong, uncharged, twice, strangers, unposted, sum)
	if lost+doubled+wrong+uncharged+twice+strangers+unposted != 0 || sum != 0 {
		return errors.New("the books differ")
	}
	return nil
}

// ledger reads the closed world's own: how often each gift was captured, and what all postings sum to.
func (w *world) ledger(ctx context.Context) (captured map[string]int, sum int64, err error) {
	db, err := sqlite.Open(filepath.Join(w.dir, "services.db"))
	if err != nil {
		return nil, 0, err
	}
	defer db.Close()
	captured = map[string]int{}
	err = payments.Ledger(ctx, db.Store("payments"), "live", func(e payments.Entry) error {
		if e.Kind == "capture" {
			captured[e.For.ID]++
		}
		for _, p := range e.Postings { // all in pounds here
			sum += p.Amount.Minor()
		}
		return nil
	})
	return captured, sum, err
}
