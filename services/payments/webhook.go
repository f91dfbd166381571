package payments

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"

	"github.com/gorilla/mux"

	"github.com/banyan-migration/banyan/shared/fault"
	"github.com/banyan-migration/banyan/shared/kv"
	"github.com/banyan-migration/banyan/shared/web"
)

// webhook takes an acquirer's event. It may come twice, late, before its elders, before our own write of the answer
// that it tells of, and for payments that are not ours: what it changes is kept with its id in one commit (PAY-7), and
// what changes nothing is answered after one read.
func (s *service) webhook(w http.ResponseWriter, r *http.Request) error {
	x := s.provider(mux.Vars(r)["psp"])
	if x == nil {
		return &fault.Error{Kind: fault.NotFound, Text: "No such acquirer is configured: PAYMENTS_PROVIDERS names them"}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, web.Limit))
	if err != nil {
		return &fault.Error{Kind: fault.TooLarge, Text: "A webhook may be at most 1 MiB", Err: err}
	}
	n, err := x.hear(r.Context(), r.Header, body)
	if err != nil {
		return err
	}
	if err := s.heard(r.Context(), x, n); err != nil {
		return err
	}
	web.Answer(w, http.StatusOK, nil)
	return nil
}

// heard acts on an event that is genuine.
func (s *service) heard(ctx context.Context, x *provider, n notice) error {
	if n.Payment == "" {
		return nil
	}
	p, rev, err := s.load(ctx, n.Payment)
	if errors.Is(err, kv.ErrNotFound) {
		return nil // another system's, on the same account
	}
	a := p.attempt(n.Attempt)
	if err != nil || a == nil || a.PSP != x.name {
		return err
	}
	if n.Kind == "ask" {
		return s.confirm(ctx, x, p, rev, n)
	}
	_, _, err = s.revise(ctx, p, rev, func(p *payment) (change, bool, error) {
		c, changed := s.apply(p, n)
		if changed {
			p.saw(x.name + ":" + n.Event)
		}
		return c, changed, nil
	})
	return err
}

// apply believes one event, once.
func (s *service) apply(p *payment, n notice) (change, bool) {
	a := p.attempt(n.Attempt)
	if slices.Contains(p.Seen, a.PSP+":"+n.Event) {
		return change{}, false
	}
	switch n.Kind {
	case "refund":
		return p.learnRefund(a, n.Refund, n.Amount, n.Result, s.now())
	case "dispute":
		return p.learnDispute(a, n.Dispute, s.now())
	}
	if a.Hosted && n.Result.State == declined {
		n.Result.State = needsAction // the donor may try another card on the page
	}
	return p.learn(n.Attempt, n.Result, func() *provider { return nil }, s.fees, s.now())
}

// confirm asks the acquirer about an attempt whose event carries no signature (PAY-16), where it could be news.
func (s *service) confirm(ctx context.Context, x *provider, p payment, rev kv.Condition, n notice) error {
	a := p.attempt(n.Attempt)
	if slices.ContainsFunc(p.Refunds, func(r refund) bool { return r.Attempt == a.ID }) || n.Result.Code == "refunded" || n.Result.Code == "refundfailed" {
		_, err := s.refund(ctx, p, rev)
		return err
	}
	if rank[n.Result.State] <= rank[a.State] {
		return nil
	}
	r := x.at(p.Book).Ask(ctx, p.order(a, ""))
	if a.Hosted && r.State == declined {
		return nil // the donor may try another card on the page
	}
	if r.State == unknown {
		return &fault.Error{Kind: fault.Unavailable, Text: "The event could not be confirmed by a query yet: please send it again", Err: r.Err}
	}
	_, _, err := s.revise(ctx, p, rev, func(p *payment) (change, bool, error) {
		c, changed := p.learn(n.Attempt, r, func() *provider { return nil }, s.fees, s.now())
		if changed {
			p.saw(x.name + ":" + n.Event)
		}
		return c, changed, nil
	})
	return err
}

// saw remembers an event that changed something.
func (p *payment) saw(event string) { p.Seen = append(p.Seen, event) }
