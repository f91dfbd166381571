package psp

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/banyan-migration/banyan/shared/money"
)

// known are the parameters of a new PaymentIntent that we understand; another is an error, as at Stripe.
var known = []string{"amount", "automatic_payment_methods", "capture_method", "confirm", "currency", "description", "error_on_requires_action",
	"expand", "metadata", "off_session", "payment_method", "payment_method_types", "receipt_email", "return_url", "statement_descriptor_suffix"}

func unknown(f url.Values, known []string) string {
	for k := range f {
		if name, _, _ := strings.Cut(k, "["); !slices.Contains(known, name) {
			return k
		}
	}
	return ""
}

func (c *call) create(t *tx) (answer, error) {
	f := c.form
	if k := unknown(f, known); k != "" {
		return bad(400, k, "Received unknown parameter: "+k), nil
	}
	amount, ok := positive(f, "amount")
	if !ok {
		return bad(400, "amount", "Invalid positive integer: amount"), nil
	}
	currency := strings.ToUpper(f.Get("currency"))
	if _, err := money.New(amount, currency); err != nil {
		return bad(400, "currency", "Invalid currency: "+f.Get("currency")), nil
	}
	meta := metadata(f, "metadata")
	in := &charge{ID: t.id("pi"), PSP: Stripe, Ref: meta["payment"], Meta: meta, Amount: amount, Currency: currency,
		State: open, Return: f.Get("return_url"), Manual: f.Get("capture_method") == "manual", Created: c.p.unix()}
	if f.Get("confirm") != "true" {
		in.Method = f.Get("payment_method")
		return answer{200, c.p.intent(in, c.base())}, c.p.keep(t, in)
	}
	return c.charge(t, in, f.Get("payment_method"))
}

// charge pays with a method and answers as Stripe does: the intent, or 402 with the decline.
func (c *call) charge(t *tx, in *charge, method string) (answer, error) {
	if !in.pay(method) {
		return bad(404, "payment_method", "No such PaymentMethod: '"+method+"'"), nil
	}
	if err := c.p.keep(t, in); err != nil {
		return answer{}, err
	}
	body := c.p.intent(in, c.base())
	if in.Code == "" {
		return answer{200, body}, nil
	}
	return answer{402, failure("card_error", "card_declined", declined[in.Code], map[string]any{"decline_code": in.Code, "payment_intent": body})}, nil
}

// named finds the charge of the path's id.
func (c *call) named(t *tx) (*charge, answer, error) {
	var in charge
	found, err := t.get(c.r.PathValue("id"), &in)
	if err == nil && !found {
		return nil, bad(404, "intent", "No such payment_intent: '"+c.r.PathValue("id")+"'"), nil
	}
	return &in, answer{200, c.p.intent(&in, c.base())}, err
}

func (c *call) retrieve(t *tx) (answer, error) {
	_, out, err := c.named(t)
	return out, err
}

func (c *call) confirm(t *tx) (answer, error) {
	in, out, err := c.named(t)
	if err != nil || out.status != 200 {
		return out, err
	}
	if in.State != open {
		return bad(400, "", "You cannot confirm this PaymentIntent because it has a status of "+in.State+"."), nil
	}
	if m := c.form.Get("payment_method"); m != "" {
		in.Method = m
	}
	if u := c.form.Get("return_url"); u != "" {
		in.Return = u
	}
	return c.charge(t, in, in.Method)
}

// cancel is possible until the money is taken (PAY-4).
func (c *call) cancel(t *tx) (answer, error) {
	in, out, err := c.named(t)
	if err != nil || out.status != 200 {
		return out, err
	}
	if in.State == succeeded || in.State == canceled {
		return bad(400, "", "You cannot cancel this PaymentIntent because it has a status of "+in.State+"."), nil
	}
	in.State = canceled
	return answer{200, c.p.intent(in, c.base())}, c.p.keep(t, in)
}

var byMetadata = regexp.MustCompile(`^metadata\[['"]payment['"]\]:['"]([^'"]+)['"]$`)

// search understands the one question that is asked of it: metadata['payment']:'…'.
func (c *call) search(t *tx) (answer, error) {
	m := byMetadata.FindStringSubmatch(c.form.Get("query"))
	if m == nil {
		return bad(400, "query", "This stand-in searches by metadata['payment']:'…' only."), nil
	}
	return c.listed(t, "search_result", `SELECT body FROM doc WHERE ref = ? AND kind = 'pi' ORDER BY n DESC LIMIT 10`, Stripe+":"+m[1])
}

func (c *call) list(t *tx) (answer, error) {
	return c.listed(t, "list", `SELECT body FROM doc WHERE kind = 'pi' ORDER BY n DESC LIMIT 100`)
}

func (c *call) listed(t *tx, object, query string, args ...any) (answer, error) {
	data := []any{}
	err := t.each(query, args, func(in *charge) { data = append(data, c.p.intent(in, c.base())) })
	return answer{200, map[string]any{"object": object, "url": c.r.URL.Path, "has_more": false, "data": data}}, err
}

func (c *call) refund(t *tx) (answer, error) {
	var in charge
	found, err := t.get(c.form.Get("payment_intent"), &in)
	if err != nil || !found {
		return bad(404, "payment_intent", "No such payment_intent: '"+c.form.Get("payment_intent")+"'"), err
	}
	amount, ok := positive(c.form, "amount")
	if !ok && c.form.Has("amount") {
		return bad(400, "amount", "Invalid positive integer: amount"), nil
	}
	r, ok, err := c.p.giveBack(t, &in, amount, metadata(c.form, "metadata"))
	if err != nil || !ok {
		return bad(400, "amount", "Refund amount is greater than the unrefunded amount on the charge, or the charge has not succeeded."), err
	}
	return answer{200, stripeRefund(r)}, nil
}

func (c *call) retrieveRefund(t *tx) (answer, error) {
	var r refund
	found, err := t.get(c.r.PathValue("id"), &r)
	if err != nil || !found {
		return bad(404, "id", "No such refund: '"+c.r.PathValue("id")+"'"), err
	}
	return answer{200, stripeRefund(&r)}, nil
}

// base is our address as the donor's browser will use it.
func (c *call) base() string { return c.p.base(c.r) }

// intent is a charge as Stripe writes it.
func (p *PSP) intent(c *charge, base string) any {
	out := map[string]any{
		"id": c.ID, "object": "payment_intent", "amount": c.Amount, "amount_received": 0, "currency": strings.ToLower(c.Currency),
		"status": c.State, "created": c.Created, "livemode": false, "metadata": c.Meta, "client_secret": c.ID + "_secret",
		"payment_method": nil, "last_payment_error": nil, "next_action": nil, "latest_charge": nil, "capture_method": "automatic",
	}
	if c.Method != "" {
		out["payment_method"] = c.Method
	}
	switch {
	case c.State == succeeded:
		out["amount_received"], out["latest_charge"] = c.Amount, chargeID(c)
	case c.State == action:
		out["next_action"] = map[string]any{"type": "redirect_to_url", "redirect_to_url": map[string]any{
			"url": base + "/pay/3ds/" + c.ID + "/" + c.Secret, "return_url": c.Return}}
	case c.Code != "":
		out["payment_method"] = nil
		out["last_payment_error"] = map[string]any{"type": "card_error", "code": "card_declined", "decline_code": c.Code, "message": declined[c.Code]}
	}
	return out
}

// chargeID is the Charge under a PaymentIntent, which Stripe numbers apart.
func chargeID(c *charge) string { return "ch" + strings.TrimPrefix(c.ID, "pi") }

func stripeRefund(r *refund) any {
	return map[string]any{"id": r.ID, "object": "refund", "amount": r.Amount, "currency": strings.ToLower(r.Currency), "status": r.State,
		"payment_intent": r.Charge, "charge": "ch" + strings.TrimPrefix(r.Charge, "pi"), "metadata": r.Meta, "created": r.Created}
}
