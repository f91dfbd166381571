package payments

import (
	"context"
	_ "embed" // the description of the service
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/google/uuid"
	"github.com/gorilla/mux"

	"github.com/banyan-migration/banyan/shared/event"
	"github.com/banyan-migration/banyan/shared/fault"
	"github.com/banyan-migration/banyan/shared/kv"
	"github.com/banyan-migration/banyan/shared/money"
	"github.com/banyan-migration/banyan/shared/web"
)

//go:embed openapi.json
var openapi []byte

func (s *service) routes() http.Handler {
	r := mux.NewRouter()
	r.Handle("/payments", web.JSON(http.StatusCreated, s.checkout)).Methods("POST")
	r.Handle("/payments/openapi.json", web.File("application/json", openapi)).Methods("GET")
	r.Handle("/payments/payouts", web.JSON(http.StatusOK, s.payout)).Methods("POST")
	r.Handle("/payments/webhooks/{psp}", web.Func(s.webhook)).Methods("POST")
	r.Handle("/payments/{id}", web.Func(s.get)).Methods("GET")
	r.Handle("/payments/{id}/refunds", web.Func(s.askRefund)).Methods("POST")
	return r
}

// View is a payment as its caller sees it: nothing of the donor, nothing of a card.
type View struct {
	ID       string       `json:"id"`
	State    string       `json:"state"` // pending, settled, refused
	Amount   money.Amount `json:"amount"`
	Refunded money.Amount `json:"refunded"`
	Next     string       `json:"next,omitempty"` // where the donor must go now
	Text     string       `json:"text,omitempty"` // for the donor, where it was refused
	Attempts []Try        `json:"attempts"`
	Refunds  []Back       `json:"refunds,omitempty"`
}

// Try is an attempt as its caller sees it.
type Try struct {
	Acquirer string `json:"acquirer"`
	State    string `json:"state"`
}

// Back is a refund as its caller sees it.
type Back struct {
	ID     string       `json:"id"`
	Amount money.Amount `json:"amount"`
	State  string       `json:"state"` // created: a second operator must ask for the same
}

func (p *payment) view() View {
	v := View{ID: p.ID, State: p.state(), Amount: p.Amount, Attempts: []Try{}}
	v.Refunded, _ = money.New(0, p.Amount.Currency())
	if a := p.captured(); a != nil {
		v.Refunded, _ = p.given(a.ID)
	}
	for _, a := range p.Attempts {
		v.Attempts = append(v.Attempts, Try{a.PSP, string(a.State)})
		if a.State == needsAction {
			v.Next = a.Next
		}
	}
	if n := len(p.Attempts); n > 0 && v.State == refused {
		v.Text = refusal(&p.Attempts[n-1])
	}
	for _, r := range p.Refunds {
		v.Refunds = append(v.Refunds, Back{r.ID, r.Amount, string(r.State)})
	}
	return v
}

type checkoutRequest struct {
	For event.For `json:"for"`
}

func (r checkoutRequest) Validate() error {
	switch {
	case r.For.Service == "" || r.For.ID == "":
		return fault.Wrong("for", web.Missing)
	case r.For.Service != "donate":
		return fault.Wrong("for", "must name a gift of donate")
	}
	return nil
}

// checkout opens an acquirer's page for a gift, by the gift's secret id: the provider is chosen here, before any card is
// typed (PAY-23). Asked again it answers with the same page; after a refusal, with a new one.
func (s *service) checkout(ctx context.Context, in checkoutRequest) (View, error) {
	p, _, err := s.load(ctx, idOf(in.For, 1))
	if errors.Is(err, kv.ErrNotFound) || err == nil && p.state() == refused {
		if p, err = s.wish(ctx, in.For); err != nil {
			return View{}, err
		}
		var rev kv.Condition
		var fresh bool
		if p, rev, fresh, err = s.begin(ctx, p, ""); err == nil && fresh {
			p, err = s.collect(ctx, p, rev, false)
		}
	}
	return p.view(), err
}

// wish is the payment that a gift would have: its amount is the gift's own, asked of the service that keeps it.
func (s *service) wish(ctx context.Context, about event.For) (payment, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.gifts+"/donations/"+url.PathEscape(about.ID), nil)
	if err != nil {
		return payment{}, err
	}
	res, err := s.client.Do(req)
	if err != nil {
		return payment{}, &fault.Error{Kind: fault.Unavailable, Text: "Your gift could not be looked up: please try again in a minute", Err: err}
	}
	defer res.Body.Close()
	var gift struct {
		Data struct {
			Amount money.Amount `json:"amount"`
			State  string       `json:"state"`
		} `json:"data"`
	}
	switch raw, err := io.ReadAll(io.LimitReader(res.Body, web.Limit)); {
	case res.StatusCode == http.StatusNotFound:
		return payment{}, &fault.Error{Kind: fault.NotFound, Text: "There is no such gift"}
	case res.StatusCode != http.StatusOK || err != nil:
		return payment{}, &fault.Error{Kind: fault.Unavailable, Text: "Your gift could not be looked up: please try again in a minute",
			Err: errors.Join(fmt.Errorf("payments: donate answered %d", res.StatusCode), err)}
	default:
		err = json.Unmarshal(raw, &gift)
		if err != nil || gift.Data.Amount.Minor() <= 0 {
			return payment{}, errors.Join(errors.New("payments: donate's answer has no amount above nothing"), err) // not the answer: logs are read by many
		}
	}
	if gift.Data.State != "" && gift.Data.State != "pending" && gift.Data.State != refused {
		return payment{}, &fault.Error{Kind: fault.Conflict, Text: "This gift is already " + gift.Data.State}
	}
	return payment{ID: idOf(about, 1), For: about, Sequence: 1, Amount: gift.Data.Amount, Book: bookOf(ctx), At: s.now().UTC(), Trace: web.From(ctx).Trace}, nil
}

func (s *service) get(w http.ResponseWriter, r *http.Request) error {
	if err := web.From(r.Context()).May("client"); err != nil {
		return err
	}
	p, _, err := s.load(r.Context(), mux.Vars(r)["id"])
	if err != nil {
		return err
	}
	web.Answer(w, http.StatusOK, p.view())
	return nil
}

type refundRequest struct {
	Amount money.Typed `json:"amount"` // not given: all that is left
	Reason string      `json:"reason"`
}

func (r refundRequest) Validate() error {
	if r.Reason == "" {
		return fault.Wrong("reason", web.Missing)
	}
	return nil
}

// askRefund gives money back. The Idempotency-Key, or else the request itself, makes it once; above the limit the same
// request of a second operator is what agrees to it.
func (s *service) askRefund(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	if err := web.From(ctx).May("finance"); err != nil {
		return err
	}
	var in refundRequest
	attempt, err := web.Read(w, r, &in)
	if err != nil {
		return err
	}
	p, rev, err := s.load(ctx, mux.Vars(r)["id"])
	if err != nil {
		return err
	}
	key := attempt.Key
	if key == "" {
		key = string(attempt.Body[:])
	}
	id := uuid.NewSHA1(space, []byte(p.ID+"\x00"+key)).String()
	p, rev, err = s.revise(ctx, p, rev, func(p *payment) (change, bool, error) {
		changed, err := p.want(id, in, web.From(ctx).Operator, s.limit, s.now())
		return change{}, changed, err
	})
	if err != nil {
		return err
	}
	if p, err = s.refund(ctx, p, rev); err != nil {
		return err
	}
	web.Answer(w, http.StatusOK, p.view())
	return nil
}

type payoutRequest struct {
	Acquirer  string       `json:"acquirer"`
	Reference string       `json:"reference"` // the acquirer's id of the payout
	Amount    money.Amount `json:"amount"`
}

func (r payoutRequest) Validate() error {
	var wrong fault.List
	if r.Acquirer != "stripe" && r.Acquirer != "worldpay" {
		wrong = append(wrong, fault.Wrong("acquirer", "must be stripe or worldpay"))
	}
	if r.Reference == "" {
		wrong = append(wrong, fault.Wrong("reference", web.Missing))
	}
	if r.Amount.Minor() <= 0 {
		wrong = append(wrong, fault.Wrong("amount", "must be above nothing"))
	}
	return wrong.Err()
}

// payout posts what an acquirer paid to the bank (LED-6), and answers what it still owes by our books. The same payout
// told twice is one; another amount under its reference is a conflict.
func (s *service) payout(ctx context.Context, in payoutRequest) (map[string]map[string]int64, error) {
	if err := web.From(ctx).May("finance"); err != nil {
		return nil, err
	}
	e := Entry{Ref: in.Acquirer + ":" + in.Reference + ":payout", Kind: "payout", At: s.now().UTC(), Postings: move(in.Amount, bank, clearing(in.Acquirer))}
	err := s.write(ctx, change{entries: []Entry{e}}, bookOf(ctx))
	if errors.Is(err, kv.ErrConflict) {
		kept, _, err := ledger(s.store, bookOf(ctx)).Get(ctx, e.Ref)
		if err != nil {
			return nil, err
		}
		if kept.Postings[0] != e.Postings[0] {
			return nil, &fault.Error{Kind: fault.Conflict, Text: "This payout is already in the ledger with " + kept.Postings[0].Amount.String()}
		}
	} else if err != nil {
		return nil, err
	}
	balances, err := Balances(ctx, s.store, bookOf(ctx))
	return map[string]map[string]int64{"owed": balances[clearing(in.Acquirer)]}, err
}
