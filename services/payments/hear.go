package payments

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v82"

	"github.com/banyan-migration/banyan/shared/fault"
	"github.com/banyan-migration/banyan/shared/money"
)

// notice is what an acquirer's event says, once it is known to be genuine. The zero notice concerns nothing of ours.
type notice struct {
	Event   string // the acquirer's id of it, unique with the acquirer's name
	Payment string
	Attempt string
	Kind    string // "charge", "refund", "dispute"
	Result  result // of the charge or the refund
	Refund  string // our id of the refund; empty: made in the acquirer's dashboard
	Amount  money.Amount
	Dispute dispute
}

// hear reads an acquirer's webhook. An Invalid fault says that it is not genuine or cannot be read; Unavailable that it
// could not be confirmed now, so that it must come again.
type hear func(ctx context.Context, header http.Header, body []byte) (notice, error)

func notGenuine(err error) error {
	return &fault.Error{Kind: fault.Invalid, Text: "This webhook is not accepted: " + err.Error() + ". Nothing was changed; it may be sent again", Err: err}
}

// stripeEar hears one account's events, which are signed with its secret.
type stripeEar struct {
	secret string
	api    *stripeAPI
}

// hearStripe tries each account's secret: the live one's and the test one's.
func hearStripe(ears []stripeEar, now func() time.Time) hear {
	return func(ctx context.Context, header http.Header, body []byte) (notice, error) {
		var err error
		for _, ear := range ears {
			if err = verify(header.Get("Stripe-Signature"), body, ear.secret, now()); err == nil {
				return ear.read(ctx, body)
			}
		}
		return notice{}, notGenuine(err)
	}
}

func (ear stripeEar) read(ctx context.Context, body []byte) (notice, error) {
	var e struct {
		ID   string
		Type string
		Data struct{ Object json.RawMessage }
	}
	if err := json.Unmarshal(body, &e); err != nil || e.ID == "" {
		return notice{}, notGenuine(errors.New("it is signed, but no event of Stripe's"))
	}
	n, err := notice{}, error(nil)
	switch {
	case strings.HasPrefix(e.Type, "payment_intent."):
		n, err = ear.intent(e.Data.Object)
	case strings.HasPrefix(e.Type, "checkout.session."):
		n, err = ear.session(e.Data.Object)
	case strings.HasPrefix(e.Type, "refund."):
		n, err = ear.refund(ctx, e.Data.Object)
	case e.Type == "charge.dispute.created", e.Type == "charge.dispute.closed":
		n, err = ear.dispute(ctx, e.Data.Object)
	}
	n.Event = e.ID
	return n, err
}

func unreadable(err error) error {
	return notGenuine(errors.New("its object cannot be read: " + err.Error()))
}

func (ear stripeEar) intent(raw []byte) (notice, error) {
	var in stripe.PaymentIntent
	if err := json.Unmarshal(raw, &in); err != nil {
		return notice{}, unreadable(err)
	}
	r := ofIntent(&in)
	if in.Status == stripe.PaymentIntentStatusRequiresPaymentMethod && in.LastPaymentError == nil {
		return notice{}, nil // new, not declined
	}
	return notice{Kind: "charge", Payment: in.Metadata["payment"], Attempt: in.Metadata["attempt"], Result: r}, nil
}

func (ear stripeEar) session(raw []byte) (notice, error) {
	var page stripe.CheckoutSession
	if err := json.Unmarshal(raw, &page); err != nil {
		return notice{}, unreadable(err)
	}
	r := ofSession(&page)
	if page.PaymentIntent != nil {
		r.Ref = page.PaymentIntent.ID
	}
	if page.Status == stripe.CheckoutSessionStatusComplete && page.PaymentStatus == stripe.CheckoutSessionPaymentStatusPaid {
		r.State = succeeded
		r.Amount, _ = money.New(page.AmountTotal, strings.ToUpper(string(page.Currency))) // zero: the payment's own
	}
	return notice{Kind: "charge", Payment: page.Metadata["payment"], Attempt: page.Metadata["attempt"], Result: r}, nil
}

func (ear stripeEar) refund(ctx context.Context, raw []byte) (notice, error) {
	var back stripe.Refund
	if err := json.Unmarshal(raw, &back); err != nil {
		return notice{}, unreadable(err)
	}
	r := ofRefund(&back)
	n := notice{Kind: "refund", Payment: back.Metadata["payment"], Attempt: back.Metadata["attempt"], Refund: back.Metadata["refund"], Result: r, Amount: r.Amount}
	if n.Payment == "" {
		return ear.owned(ctx, n, back.PaymentIntent)
	}
	return n, nil
}

func (ear stripeEar) dispute(ctx context.Context, raw []byte) (notice, error) {
	var d stripe.Dispute
	if err := json.Unmarshal(raw, &d); err != nil {
		return notice{}, unreadable(err)
	}
	amount, err := money.New(d.Amount, strings.ToUpper(string(d.Currency)))
	if err != nil {
		return notice{}, unreadable(err)
	}
	n := notice{Kind: "dispute", Dispute: dispute{ID: d.ID, Amount: amount, State: "open"}}
	switch d.Status {
	case stripe.DisputeStatusWon:
		n.Dispute.State = "won"
	case stripe.DisputeStatusLost:
		n.Dispute.State = "lost"
	case stripe.DisputeStatusWarningNeedsResponse, stripe.DisputeStatusWarningUnderReview, stripe.DisputeStatusWarningClosed, stripe.DisputeStatusPrevented:
		return notice{}, nil // an inquiry: no money has moved (PAY-8)
	}
	return ear.owned(ctx, n, d.PaymentIntent)
}

// owned finds whose charge an object without our metadata is about, by asking Stripe.
func (ear stripeEar) owned(ctx context.Context, n notice, in *stripe.PaymentIntent) (notice, error) {
	if in == nil {
		return notice{}, nil // a charge that we did not make
	}
	var whole stripe.PaymentIntent
	if r, ok := ear.api.call(ctx, http.MethodGet, "/v1/payment_intents/"+in.ID, "", &stripe.PaymentIntentRetrieveParams{}, &whole); !ok {
		return notice{}, &fault.Error{Kind: fault.Unavailable, Text: "The event's charge could not be looked up: please send it again", Err: r.Err}
	}
	n.Payment, n.Attempt = whole.Metadata["payment"], whole.Metadata["attempt"]
	return n, nil
}

// hearWorldpay reads Worldpay's events, which carry no signature: what they say is only a reason to ask (PAY-16). The
// notice says nothing but which attempt to ask about.
func hearWorldpay(_ context.Context, _ http.Header, body []byte) (notice, error) {
	var e struct {
		EventID      string `json:"eventId"`
		EventDetails struct {
			Type      string `json:"type"`
			Reference string `json:"transactionReference"`
		} `json:"eventDetails"`
	}
	if err := json.Unmarshal(body, &e); err != nil || e.EventID == "" || len(e.EventDetails.Reference) > 64 {
		return notice{}, notGenuine(errors.New("it is no event of Access Worldpay's"))
	}
	i := strings.LastIndexByte(e.EventDetails.Reference, '-')
	if i < 0 {
		return notice{Event: e.EventID}, nil
	}
	s, known := words[plainWord(e.EventDetails.Type)]
	if !known {
		return notice{Event: e.EventID}, nil
	}
	return notice{Event: e.EventID, Kind: "ask", Payment: e.EventDetails.Reference[:i], Attempt: e.EventDetails.Reference, Result: result{State: s, Code: plainWord(e.EventDetails.Type)}}, nil
}
