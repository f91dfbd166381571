package psp

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/banyan-migration/banyan/shared/money"
)

// Charge is money that an acquirer was asked for, as a test counts it.
type Charge struct {
	PSP       string       `json:"psp"`
	ID        string       `json:"id"`
	Reference string       `json:"reference"`      // the merchant's: metadata "payment", or transactionReference
	Gift      string       `json:"gift,omitempty"` // metadata "gift"; Worldpay takes no metadata
	Amount    money.Amount `json:"amount"`
	Refunded  money.Amount `json:"refunded"`
	State     string       `json:"state"` // charged, declined, open (not tried yet), requires_action, authorized, canceled
}

// Charges lists every charge ever asked for, oldest first. Money has moved only where State is "charged".
func (p *PSP) Charges() ([]Charge, error) {
	var out []Charge
	err := p.store.do(func(t *tx) error {
		out = nil
		return t.each(`SELECT body FROM doc WHERE kind IN ('pi', 'wp') ORDER BY n`, nil, func(c *charge) {
			out = append(out, Charge{PSP: c.PSP, ID: c.ID, Reference: c.Ref, Gift: c.Meta["gift"], Amount: sum(c.Amount, c.Currency),
				Refunded: sum(c.Refunded, c.Currency), State: plain(c)})
		})
	})
	return out, err
}

func plain(c *charge) string {
	switch c.State {
	case succeeded:
		return "charged"
	case held:
		return "authorized"
	case open:
		if c.Code == "" {
			return "open"
		}
		return "declined"
	}
	return c.State
}

// sum is an amount of a currency that was checked when it came in.
func sum(minor int64, currency string) money.Amount {
	a, err := money.New(minor, currency)
	if err != nil {
		panic(err)
	}
	return a
}

// dispute takes a charge's money back on the cardholder's word.
func (p *PSP) dispute(t *tx, c *charge) error { return p.disputed(t, c, "needs_response", "created") }

func (p *PSP) disputed(t *tx, c *charge, state, kind string) error {
	c.Dispute = state
	if err := t.put(c.ID, "", c); err != nil {
		return err
	}
	if c.PSP == Worldpay {
		return nil // Access Worldpay tells of chargebacks in another product
	}
	return p.tellStripe(t, "charge.dispute."+kind, map[string]any{"id": "dp" + c.ID[2:], "object": "dispute", "amount": c.Amount,
		"currency": strings.ToLower(c.Currency), "status": state, "payment_intent": c.ID, "charge": chargeID(c), "reason": "fraudulent", "metadata": map[string]string{}})
}

// of runs work on a charge that must exist.
func (p *PSP) of(id string, work func(*tx, *charge) error) error {
	return p.store.do(func(t *tx) error {
		var c charge
		found, err := t.get(id, &c)
		if err != nil {
			return err
		}
		if !found {
			return fmt.Errorf("psp: no charge %q", id)
		}
		return work(t, &c)
	})
}

// Dispute opens a dispute about a charge.
func (p *PSP) Dispute(id string) error { return p.of(id, p.dispute) }

// CloseDispute ends it, won or lost by the merchant.
func (p *PSP) CloseDispute(id string, won bool) error {
	return p.of(id, func(t *tx, c *charge) error {
		if won {
			return p.disputed(t, c, "won", "closed")
		}
		return p.disputed(t, c, "lost", "closed")
	})
}

// FailRefund lets the newest refund of a charge fail at the donor's bank (PAY-9).
func (p *PSP) FailRefund(id string) error {
	return p.of(id, func(t *tx, c *charge) error {
		var r refund
		found, err := t.find("refund:"+id, &r)
		if err != nil {
			return err
		}
		if !found || r.State != succeeded {
			return fmt.Errorf("psp: charge %q has no refund that could fail", id)
		}
		return p.refundFails(t, c, &r)
	})
}

// routes is the whole program.
func (p *PSP) routes() http.Handler {
	m := http.NewServeMux()
	p.stripeRoutes(m)
	p.worldpayRoutes(m)
	p.pageRoutes(m)
	m.HandleFunc("GET /_/charges", p.listCharges)
	m.HandleFunc("POST /_/faults", control(func(f Fault) error { return p.Plan(f) }))
	m.HandleFunc("DELETE /_/faults", func(w http.ResponseWriter, _ *http.Request) { p.Mend(); w.WriteHeader(http.StatusNoContent) })
	m.HandleFunc("POST /_/webhooks", control(func(how Webhooks) error { p.SetWebhooks(how); return nil }))
	m.HandleFunc("POST /_/disputes", control(func(d struct{ Charge string }) error { return p.Dispute(d.Charge) }))
	m.HandleFunc("POST /_/disputes/close", control(func(d struct {
		Charge string
		Won    bool
	}) error {
		return p.CloseDispute(d.Charge, d.Won)
	}))
	m.HandleFunc("POST /_/refunds/fail", control(func(d struct{ Charge string }) error { return p.FailRefund(d.Charge) }))
	return m
}

// control is a post of the test's own: JSON in, nothing out.
func control[T any](do func(T) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in T
		raw, err := body(r)
		if err == nil {
			err = json.Unmarshal(raw, &in)
		}
		if err == nil {
			err = do(in)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}
}

// listCharges answers a line of JSON a charge.
func (p *PSP) listCharges(w http.ResponseWriter, _ *http.Request) {
	charges, err := p.Charges()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/jsonl")
	enc := json.NewEncoder(w)
	for _, c := range charges {
		err = errors.Join(err, enc.Encode(c))
	}
	if err != nil {
		panic(http.ErrAbortHandler) // a list cut short must not look whole
	}
}
