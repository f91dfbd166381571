package psp

import (
	"strconv"
	"strings"
	"time"

	"github.com/banyan-migration/banyan/shared/money"
)

// createSession opens Stripe's hosted page for one line of price_data.
func (c *call) createSession(t *tx) (answer, error) {
	f := c.form
	amount, ok := positive(f, "line_items[0][price_data][unit_amount]")
	if !ok || f.Get("mode") != "payment" {
		return bad(400, "line_items", "This stand-in opens sessions in mode payment with line_items[0][price_data][unit_amount]."), nil
	}
	currency := strings.ToUpper(f.Get("line_items[0][price_data][currency]"))
	if _, err := money.New(amount, currency); err != nil {
		return bad(400, "currency", "Invalid currency: "+currency), nil
	}
	if f.Get("success_url") == "" {
		return bad(400, "success_url", "Missing required param: success_url."), nil
	}
	now := c.p.o.Now()
	s := &page{ID: t.id("cs"), PSP: Stripe, Meta: metadata(f, "payment_intent_data[metadata]"), Amount: amount,
		Currency: currency, Name: f.Get("line_items[0][price_data][product_data][name]"),
		Success: f.Get("success_url"), Cancel: f.Get("cancel_url"), State: "open", Created: now.Unix(), Expires: now.Add(lives).Unix(), Secret: secret()}
	s.Ref = s.Meta["payment"]
	if at, err := strconv.ParseInt(f.Get("expires_at"), 10, 64); err == nil {
		if wait := time.Unix(at, 0).Sub(now); wait < 30*time.Minute || wait > lives {
			return bad(400, "expires_at", "expires_at must be between 30 minutes and 24 hours from now."), nil
		}
		s.Expires = at
	}
	return answer{200, session(s, c.base())}, t.put(s.ID, "", s)
}

// page finds the session of the path's id; its time may have run out since it was looked at.
func (c *call) page(t *tx) (*page, answer, error) {
	var s page
	found, err := t.get(c.r.PathValue("id"), &s)
	if err != nil || !found {
		return nil, bad(404, "session", "No such checkout.session: "+c.r.PathValue("id")), err
	}
	err = c.p.expire(t, &s, s.Expires <= c.p.unix())
	return &s, answer{200, session(&s, c.base())}, err
}

func (c *call) retrieveSession(t *tx) (answer, error) {
	_, out, err := c.page(t)
	return out, err
}

func (c *call) expireSession(t *tx) (answer, error) {
	s, out, err := c.page(t)
	if err != nil || out.status != 200 {
		return out, err
	}
	if s.State != "open" {
		return bad(400, "", "Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session has a status of "+s.State+"."), nil
	}
	err = c.p.expire(t, s, true)
	return answer{200, session(s, c.base())}, err
}

// expire closes an open page, with its event, if so.
func (p *PSP) expire(t *tx, s *page, so bool) error {
	if !so || s.State != "open" {
		return nil
	}
	s.State = "expired"
	if err := t.put(s.ID, "", s); err != nil {
		return err
	}
	if s.PSP == Worldpay {
		return p.tellWorldpay(t, &charge{PSP: Worldpay, Ref: s.Ref, Amount: s.Amount, Currency: s.Currency}, "expired")
	}
	return p.tellStripe(t, "checkout.session.expired", session(s, p.o.Base))
}

// session is a page as Stripe writes it.
func session(s *page, base string) any {
	paid := "unpaid"
	if s.State == "complete" {
		paid = "paid"
	}
	out := map[string]any{"id": s.ID, "object": "checkout.session", "mode": "payment", "status": s.State, "payment_status": paid,
		"amount_total": s.Amount, "currency": strings.ToLower(s.Currency), "metadata": s.Meta, "success_url": s.Success, "cancel_url": s.Cancel,
		"created": s.Created, "expires_at": s.Expires, "livemode": false, "payment_intent": nil, "url": nil}
	if s.Charge != "" {
		out["payment_intent"] = s.Charge
	}
	if s.State == "open" {
		out["url"] = base + "/pay/" + s.ID + "/" + s.Secret
	}
	return out
}
