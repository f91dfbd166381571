package psp

import "time"

// The states of a charge, in Stripe's words; Worldpay's are made from them.
const (
	open      = "requires_payment_method" // nothing charged: new, or declined
	action    = "requires_action"         // the donor must click
	held      = "requires_capture"        // authorised, not settled
	succeeded = "succeeded"
	canceled  = "canceled"
)

// charge is one payment at one acquirer.
type charge struct {
	ID, PSP  string
	Ref      string            // Stripe: metadata "payment"; Worldpay: transactionReference
	Meta     map[string]string `json:",omitempty"`
	Amount   int64             // minor units
	Currency string            // ISO, upper case
	Method   string            `json:",omitempty"`
	State    string
	Code     string `json:",omitempty"` // the last decline
	Secret   string `json:",omitempty"` // of the page on which the donor clicks
	Return   string `json:",omitempty"` // where the donor goes from there
	Manual   bool   `json:",omitempty"` // authorise only; settle is another call
	Refunded int64  `json:",omitempty"`
	Dispute  string `json:",omitempty"` // "", "needs_response", "won", "lost"
	Created  int64  // unix seconds
}

// refund is money that goes back.
type refund struct {
	ID, Charge string
	Amount     int64
	Currency   string
	State      string // succeeded, failed
	Meta       map[string]string
	Created    int64
}

// page is a hosted payment page: Stripe's checkout session, Worldpay's payment page.
type page struct {
	ID, PSP  string
	Ref      string
	Meta     map[string]string
	Amount   int64
	Currency string
	Name     string // what the donor reads beside the amount
	Success  string // where the donor goes after paying
	Cancel   string // and after turning back
	State    string // open, complete, expired
	Charge   string // once there is one
	Created  int64
	Expires  int64
	Secret   string
}

func (p *PSP) unix() int64 { return p.o.Now().Unix() }

// pay charges a method: the one place where money is taken. It changes c and nothing else; the caller keeps it.
func (c *charge) pay(name string) (known bool) {
	what, known := method(name)
	if !known {
		return false
	}
	c.Method, c.Code = name, ""
	switch {
	case what.action:
		c.State, c.Secret = action, secret()
	case what.code != "":
		c.State, c.Code = open, what.code
	default:
		c.take()
	}
	return true
}

func (c *charge) take() {
	c.State = succeeded
	if c.Manual {
		c.State = held
	}
}

// clicked is the donor's answer to 3-D Secure.
func (c *charge) clicked(yes bool) {
	what, _ := method(c.Method)
	c.Secret = ""
	switch {
	case !yes:
		c.State, c.Code = open, "authentication_failed"
	case what.code != "":
		c.State, c.Code = open, what.code
	default:
		c.take()
	}
}

// keep stores c with the event that tells of its state, and whatever its card does afterwards.
func (p *PSP) keep(t *tx, c *charge) error {
	if err := t.put(c.ID, c.PSP+":"+c.Ref, c); err != nil {
		return err
	}
	if err := p.tell(t, c); err != nil {
		return err
	}
	if what, _ := method(c.Method); what.after == "dispute" && c.State == succeeded && c.Dispute == "" {
		return p.dispute(t, c)
	}
	return nil
}

// tell emits the webhooks of a charge's state.
func (p *PSP) tell(t *tx, c *charge) error {
	if c.PSP == Worldpay {
		return p.tellWorldpay(t, c, worldpayState(c))
	}
	kind := map[string]string{
		succeeded: "payment_intent.succeeded", action: "payment_intent.requires_action",
		canceled: "payment_intent.canceled", held: "payment_intent.amount_capturable_updated",
	}[c.State]
	if c.State == open && c.Code != "" {
		kind = "payment_intent.payment_failed"
	}
	if kind == "" {
		return nil // Stripe's payment_intent.created: nobody listens to it
	}
	return p.tellStripe(t, kind, p.intent(c, p.o.Base))
}

// giveBack refunds part of a charge. The answer is false when there is not as much left.
func (p *PSP) giveBack(t *tx, c *charge, amount int64, meta map[string]string) (*refund, bool, error) {
	if amount == 0 {
		amount = c.Amount - c.Refunded
	}
	if c.State != succeeded || amount <= 0 || amount > c.Amount-c.Refunded {
		return nil, false, nil
	}
	kind := "re"
	if c.PSP == Worldpay {
		kind = "wpr"
	}
	r := &refund{ID: t.id(kind), Charge: c.ID, Amount: amount, Currency: c.Currency, State: succeeded, Meta: meta, Created: p.unix()}
	c.Refunded += amount
	if err := t.put(r.ID, "refund:"+c.ID, r); err != nil {
		return nil, false, err
	}
	if err := t.put(c.ID, c.PSP+":"+c.Ref, c); err != nil {
		return nil, false, err
	}
	if err := p.tellRefund(t, c, r, "refund.created"); err != nil {
		return nil, false, err
	}
	if what, _ := method(c.Method); what.after == "refund_fails" {
		return r, true, p.refundFails(t, c, r)
	}
	return r, true, nil
}

// refundFails is the bank's no, days after the yes (PAY-9).
func (p *PSP) refundFails(t *tx, c *charge, r *refund) error {
	failed := *r
	failed.State = "failed"
	c.Refunded -= r.Amount
	if err := t.put(r.ID, "", &failed); err != nil {
		return err
	}
	if err := t.put(c.ID, "", c); err != nil {
		return err
	}
	return p.tellRefund(t, c, &failed, "refund.failed")
}

func (p *PSP) tellRefund(t *tx, c *charge, r *refund, kind string) error {
	if c.PSP == Stripe {
		return p.tellStripe(t, kind, stripeRefund(r))
	}
	if r.State == "failed" {
		return p.tellWorldpay(t, c, "refundFailed")
	}
	return p.tellWorldpay(t, c, "refunded")
}

// lives is how long an acquirer's page waits for its donor: Stripe's default.
const lives = 24 * time.Hour
