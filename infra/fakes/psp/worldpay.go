package psp

import (
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"time"

	"github.com/banyan-migration/banyan/shared/money"
)

// worldpayVersion is the API version that WP-Api-Version must name (PAY-15).
const worldpayVersion = "2024-06-01"

func (p *PSP) worldpayRoutes(m *http.ServeMux) {
	for pattern, do := range map[string]func(*http.Request, []byte, *tx) (answer, error){
		"POST /api/payments":                  p.wpPay,
		"GET /api/payments/{id}":              p.wpGet,
		"POST /api/payments/{id}/settlements": p.wpSettle,
		"POST /api/payments/{id}/refunds":     p.wpRefund,
		"POST /api/payments/{id}/cancel":      p.wpCancel,
		"GET /paymentQueries/payments":        p.wpQuery,
		"POST /payment_pages":                 p.wpPage,
	} {
		m.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { p.worldpay(w, r, do) })
	}
}

// worldpay answers one call. Access Worldpay documents no idempotency key: a second post is a second charge.
func (p *PSP) worldpay(w http.ResponseWriter, r *http.Request, do func(*http.Request, []byte, *tx) (answer, error)) {
	raw, err := body(r)
	if err != nil {
		return // the caller has gone
	}
	user, password, _ := r.BasicAuth()
	s := p.o.Secrets
	if subtle.ConstantTimeCompare([]byte(user+"\x00"+password), []byte(s.WorldpayUser+"\x00"+s.WorldpayPassword)) != 1 {
		write(w, wrong(401, "accessDenied", "Access to the requested resource has been denied"))
		return
	}
	if r.URL.Path == "/api/payments" && r.Header.Get("WP-Api-Version") != worldpayVersion {
		write(w, wrong(400, "headerHasInvalidValue", "WP-Api-Version must be "+worldpayVersion))
		return
	}
	p.serve(w, r, Worldpay, func(r *http.Request) (out answer, err error) {
		err = p.store.do(func(t *tx) (err error) { out, err = do(r, raw, t); return err })
		return out, err
	})
}

func wrong(status int, name, message string) answer {
	return answer{status, map[string]string{"errorName": name, "message": message}}
}

type wpValue struct {
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
}

// wpOrder is what a merchant posts, to /api/payments or to /payment_pages.
type wpOrder struct {
	TransactionReference string `json:"transactionReference"`
	Merchant             struct {
		Entity string `json:"entity"`
	} `json:"merchant"`
	Instruction struct {
		Method            string            `json:"method"`
		PaymentInstrument wpInstrument      `json:"paymentInstrument"`
		Value             wpValue           `json:"value"`
		Narrative         map[string]string `json:"narrative"`
		Settlement        struct {
			Auto bool `json:"auto"`
		} `json:"settlement"`
	} `json:"instruction"`
	Value      wpValue           `json:"value"`     // a page's
	Narrative  map[string]string `json:"narrative"` // a page's
	ResultURLs struct {
		Success string `json:"successURL"`
		Cancel  string `json:"cancelURL"`
	} `json:"resultURLs"`
	Expiry string `json:"expiry"` // a page's, in seconds
}

type wpInstrument struct {
	Type string `json:"type"`
	Href string `json:"href"`
}

func (p *PSP) wpRead(raw []byte) (o wpOrder, bad *answer) {
	refuse := func(name, message string) (wpOrder, *answer) {
		a := wrong(400, name, message)
		return o, &a
	}
	if err := json.Unmarshal(raw, &o); err != nil {
		return refuse("bodyIsNotJson", err.Error())
	}
	if n := len(o.TransactionReference); n < 1 || n > 64 {
		return refuse("fieldHasInvalidValue", "transactionReference must be 1 to 64 characters")
	}
	if o.Merchant.Entity != p.o.Secrets.WorldpayEntity {
		return refuse("fieldHasInvalidValue", "merchant.entity is not known: "+o.Merchant.Entity)
	}
	if v := o.Instruction.Value; v.Amount != 0 {
		o.Value = v
	}
	if _, err := money.New(o.Value.Amount, o.Value.Currency); err != nil || o.Value.Amount <= 0 {
		return refuse("fieldHasInvalidValue", "value must have an amount in minor units and a currency")
	}
	return o, nil
}

func (p *PSP) wpPay(r *http.Request, raw []byte, t *tx) (answer, error) {
	o, refused := p.wpRead(raw)
	if refused != nil {
		return *refused, nil
	}
	c := &charge{ID: t.id("wp"), PSP: Worldpay, Ref: o.TransactionReference, Amount: o.Value.Amount, Currency: o.Value.Currency,
		State: open, Manual: !o.Instruction.Settlement.Auto, Created: p.unix()}
	if !c.pay(o.Instruction.PaymentInstrument.Href) {
		return wrong(400, "fieldHasInvalidValue", "instruction.paymentInstrument.href is no token of ours"), nil
	}
	if c.State == action { // 3-D Secure is another API of theirs; a card that insists is refused here
		c.State, c.Code = open, "authentication_required"
	}
	return answer{201, p.wpPayment(c, p.base(r))}, p.keep(t, c)
}

func (p *PSP) wpPage(r *http.Request, raw []byte, t *tx) (answer, error) {
	o, refused := p.wpRead(raw)
	if refused != nil {
		return *refused, nil
	}
	now := p.o.Now()
	s := &page{ID: t.id("hpp"), PSP: Worldpay, Ref: o.TransactionReference, Amount: o.Value.Amount, Currency: o.Value.Currency, Name: o.Narrative["line1"],
		Success: o.ResultURLs.Success, Cancel: o.ResultURLs.Cancel, State: "open", Created: now.Unix(), Expires: now.Add(lives).Unix(), Secret: secret()}
	if d, err := time.ParseDuration(o.Expiry + "s"); err == nil && d > 0 {
		s.Expires = now.Add(d).Unix()
	}
	return answer{200, map[string]string{"url": p.base(r) + "/pay/" + s.ID + "/" + s.Secret}}, t.put(s.ID, "", s)
}

// wpNamed does something with the charge of the path's id.
func (p *PSP) wpNamed(r *http.Request, t *tx, do func(*charge) (answer, error)) (answer, error) {
	var c charge
	found, err := t.get(r.PathValue("id"), &c)
	if err != nil || !found || c.PSP != Worldpay {
		return wrong(404, "resourceNotFound", "no payment "+r.PathValue("id")), err
	}
	return do(&c)
}

func (p *PSP) wpGet(r *http.Request, _ []byte, t *tx) (answer, error) {
	return p.wpNamed(r, t, func(c *charge) (answer, error) { return answer{200, p.wpPayment(c, p.base(r))}, nil })
}

func (p *PSP) wpSettle(r *http.Request, _ []byte, t *tx) (answer, error) {
	return p.wpNamed(r, t, func(c *charge) (answer, error) {
		if c.State != held {
			return wrong(409, "actionNotAllowed", "only an authorized payment is settled; this one is "+worldpayState(c)), nil
		}
		c.State = succeeded
		return answer{202, p.wpPayment(c, p.base(r))}, p.keep(t, c)
	})
}

func (p *PSP) wpCancel(r *http.Request, _ []byte, t *tx) (answer, error) {
	return p.wpNamed(r, t, func(c *charge) (answer, error) {
		if c.State != held {
			return wrong(409, "actionNotAllowed", "only an authorized payment is cancelled; this one is "+worldpayState(c)), nil
		}
		c.State = canceled
		return answer{202, p.wpPayment(c, p.base(r))}, p.keep(t, c)
	})
}

// wpRefund gives back part of a payment, or with an empty body all that is left. The reference makes it once.
func (p *PSP) wpRefund(r *http.Request, raw []byte, t *tx) (answer, error) {
	var in struct {
		Reference string  `json:"reference"`
		Value     wpValue `json:"value"`
	}
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &in); err != nil {
			return wrong(400, "bodyIsNotJson", err.Error()), nil
		}
	}
	return p.wpNamed(r, t, func(c *charge) (answer, error) {
		_, ok, err := p.giveBack(t, c, in.Value.Amount, map[string]string{"reference": in.Reference})
		if err != nil || !ok {
			return wrong(409, "actionNotAllowed", "not as much is left to refund"), err
		}
		return answer{202, p.wpPayment(c, p.base(r))}, nil
	})
}

// wpQuery finds payments by transactionReference (PAY-16).
func (p *PSP) wpQuery(r *http.Request, _ []byte, t *tx) (answer, error) {
	found := []any{}
	err := t.each(`SELECT body FROM doc WHERE ref = ? AND kind = 'wp' ORDER BY n DESC LIMIT 10`,
		[]any{Worldpay + ":" + r.URL.Query().Get("transactionReference")}, func(c *charge) { found = append(found, p.wpPayment(c, p.base(r))) })
	return answer{200, map[string]any{"_embedded": map[string]any{"payments": found}}}, err
}

// worldpayState is the outcome and the last event of a charge, in Worldpay's words.
func worldpayState(c *charge) string {
	switch {
	case c.State == succeeded && c.Refunded == c.Amount:
		return "sentForRefund"
	case c.State == succeeded:
		return "sentForSettlement"
	case c.State == held:
		return "authorized"
	case c.State == canceled:
		return "cancelled"
	}
	return "refused"
}

// wpPayment is a charge as Worldpay writes it, with what may be done next.
func (p *PSP) wpPayment(c *charge, base string) any {
	self := base + "/api/payments/" + c.ID
	links := map[string]any{"self": map[string]string{"href": self}}
	switch c.State {
	case held:
		links["cardPayments:settle"] = map[string]string{"href": self + "/settlements"}
		links["cardPayments:cancel"] = map[string]string{"href": self + "/cancel"}
	case succeeded:
		links["cardPayments:refund"] = map[string]string{"href": self + "/refunds"}
		links["cardPayments:partialRefund"] = map[string]string{"href": self + "/refunds"}
	}
	out := map[string]any{"outcome": worldpayState(c), "lastEvent": worldpayState(c), "paymentId": c.ID, "transactionReference": c.Ref,
		"value": wpValue{c.Amount, c.Currency}, "timestamp": time.Unix(c.Created, 0).UTC().Format(time.RFC3339), "_links": links}
	if c.Code != "" {
		out["refusalCode"], out["refusalDescription"] = "5", c.Code
	}
	return out
}

// tellWorldpay emits an event of Worldpay's, which carries no signature.
func (p *PSP) tellWorldpay(t *tx, c *charge, kind string) error {
	id := t.id("wpe")
	b, err := json.Marshal(map[string]any{"eventId": id, "eventTimestamp": p.o.Now().UTC().Format("2006-01-02T15:04:05.000"),
		"eventDetails": map[string]any{"classification": "payment", "type": kind, "transactionReference": c.Ref,
			"amount": map[string]any{"value": c.Amount, "currencyCode": c.Currency}}})
	if err != nil {
		return err
	}
	return t.emit(Worldpay, id, string(b), p.o.Now())
}
