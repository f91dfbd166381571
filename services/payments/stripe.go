package payments

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v82"

	"github.com/banyan-migration/banyan/shared/money"
)

// stripeAPI is Stripe behind the port. The same key sent again is the same charge (PAY-1), for a day (PAY-2).
type stripeAPI struct {
	api stripe.Backend
	key string
	now func() time.Time
}

// keyLife is how long Stripe is trusted to know a key: the day of PAY-2, less an hour for the call and the clocks.
const keyLife = 23 * time.Hour

func newStripe(base, key string, client *http.Client, now func() time.Time) *stripeAPI {
	return &stripeAPI{key: key, now: now, api: stripe.GetBackendWithConfig(stripe.APIBackend, &stripe.BackendConfig{
		URL: stripe.String(base), HTTPClient: client, EnableTelemetry: stripe.Bool(false), LeveledLogger: &stripe.LeveledLogger{},
		MaxNetworkRetries: stripe.Int64(0), // we decide what is asked again (PAY-26)
	})}
}

// call makes one request and says what became of it where Stripe did not answer with the object.
func (s *stripeAPI) call(ctx context.Context, method, path, key string, params stripe.ParamsContainer, into stripe.LastResponseSetter) (result, bool) {
	ctx, sent, stop := watch(ctx)
	defer stop()
	common := params.GetParams()
	common.Context = ctx
	if key != "" {
		common.IdempotencyKey = stripe.String(key)
	}
	err := s.api.Call(method, path, s.key, params, into)
	if err == nil {
		return result{}, true
	}
	var e *stripe.Error
	if !errors.As(err, &e) {
		return lost(sent, loggable(err)), false
	}
	return judge(e), false
}

// loggable is how the network failed. An answer that it cannot read stripe-go repeats whole, and what is in it is for no log.
func loggable(err error) error {
	var network net.Error
	if errors.As(err, &network) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, context.Canceled) {
		return err
	}
	return errors.New("stripe: the answer is not what its documents say")
}

// judge is what an error answer of Stripe's means for the attempt.
func judge(e *stripe.Error) result {
	r := result{State: unknown, Code: string(e.Code), Err: fmt.Errorf("stripe: status %d, %s %s %s (request %s)", e.HTTPStatusCode, e.Type, e.Code, e.Msg, e.RequestID)}
	switch {
	case e.Type == stripe.ErrorTypeCard && e.HTTPStatusCode == http.StatusPaymentRequired:
		r.State, r.Err = declined, nil
		if e.DeclineCode != "" {
			r.Code = string(e.DeclineCode)
		}
		if e.PaymentIntent != nil {
			r.Ref = e.PaymentIntent.ID
		}
	case e.HTTPStatusCode >= 500:
		r.Down = true
	case e.Type == stripe.ErrorTypeInvalidRequest && (e.HTTPStatusCode == http.StatusBadRequest || e.HTTPStatusCode == http.StatusNotFound):
		r.State = declined // it refused to begin: asking again would say the same
	}
	return r // 401, 403, 409 and 429 did nothing either, and the same key may succeed later
}

func (s *stripeAPI) Charge(ctx context.Context, o order) result {
	if o.Method == "" {
		return s.open(ctx, o)
	}
	method := o.Method
	if method == testMethod {
		method = "pm_card_visa"
	}
	p := &stripe.PaymentIntentCreateParams{
		Amount: stripe.Int64(o.Amount.Minor()), Currency: stripe.String(strings.ToLower(o.Amount.Currency())),
		Confirm: stripe.Bool(true), PaymentMethod: stripe.String(method), PaymentMethodTypes: []*string{stripe.String("card")},
		ReturnURL: stripe.String(o.Return), Metadata: names(o),
	}
	var in stripe.PaymentIntent
	if r, ok := s.call(ctx, http.MethodPost, "/v1/payment_intents", o.Key, p, &in); !ok {
		return r
	}
	return ofIntent(&in)
}

// names lets every object and event of Stripe's lead back to ours.
func names(o order) map[string]string {
	return map[string]string{"payment": o.Payment, "attempt": o.Key, "gift": o.Gift}
}

// open makes a page of Stripe's on which the donor pays (PCI-1).
func (s *stripeAPI) open(ctx context.Context, o order) result {
	p := &stripe.CheckoutSessionCreateParams{
		Mode: stripe.String("payment"), SuccessURL: stripe.String(o.Return), CancelURL: stripe.String(o.Return), ClientReferenceID: stripe.String(o.Payment),
		LineItems: []*stripe.CheckoutSessionCreateLineItemParams{{Quantity: stripe.Int64(1), PriceData: &stripe.CheckoutSessionCreateLineItemPriceDataParams{
			Currency: stripe.String(strings.ToLower(o.Amount.Currency())), UnitAmount: stripe.Int64(o.Amount.Minor()),
			ProductData: &stripe.CheckoutSessionCreateLineItemPriceDataProductDataParams{Name: stripe.String("Donation")},
		}}},
		Metadata:          names(o),
		PaymentIntentData: &stripe.CheckoutSessionCreatePaymentIntentDataParams{Metadata: names(o)},
	}
	var page stripe.CheckoutSession
	if r, ok := s.call(ctx, http.MethodPost, "/v1/checkout/sessions", o.Key, p, &page); !ok {
		return r
	}
	return ofSession(&page)
}

// Ask looks up what is known by an id, and says the same order again where none is: within a key's life that is the
// same charge; after it, or where Stripe repeats a stored 500, it searches by our metadata.
func (s *stripeAPI) Ask(ctx context.Context, o order) result {
	switch {
	case o.Page != "":
		return s.page(ctx, o.Page)
	case o.Ref != "":
		r := s.intent(ctx, o.Ref)
		if r.State == needsAction && s.now().Sub(o.At) > unclicked {
			return s.cancel(ctx, o.Ref)
		}
		return r
	}
	fresh := s.now().Sub(o.At) < keyLife
	if fresh {
		if r := s.Charge(ctx, o); r.State != unknown || !r.Down {
			return unsent(r)
		}
	}
	return s.search(ctx, o, fresh)
}

// unclicked is how long a donor has for 3-D Secure: as long as for a page.
const unclicked = 24 * time.Hour

// cancel closes an intent that its donor has left, so that a late click charges nobody who was told otherwise.
func (s *stripeAPI) cancel(ctx context.Context, id string) result {
	var in stripe.PaymentIntent
	if r, ok := s.call(ctx, http.MethodPost, "/v1/payment_intents/"+url.PathEscape(id)+"/cancel", "", &stripe.PaymentIntentCancelParams{}, &in); !ok {
		return unsure(r) // perhaps the click came first: the next look says
	}
	return ofIntent(&in)
}

// page looks up a page, and the charge that was made on it.
func (s *stripeAPI) page(ctx context.Context, id string) result {
	var page stripe.CheckoutSession
	if r, ok := s.call(ctx, http.MethodGet, "/v1/checkout/sessions/"+url.PathEscape(id), "", &stripe.CheckoutSessionRetrieveParams{}, &page); !ok {
		return unsure(r)
	}
	if page.PaymentIntent == nil {
		return ofSession(&page)
	}
	r := s.intent(ctx, page.PaymentIntent.ID)
	if r.State == declined && page.Status == stripe.CheckoutSessionStatusOpen {
		return ofSession(&page) // the donor may try another card there
	}
	return r
}

// unsure is the result of a question that was not answered: it says nothing of the attempt itself.
func unsure(r result) result {
	r.State = unknown
	return r
}

// unsent keeps a repetition that could not be sent from being taken for the first sending.
func unsent(r result) result {
	if r.State == failedUnsent {
		r.State = unknown
	}
	return r
}

func (s *stripeAPI) intent(ctx context.Context, id string) result {
	var in stripe.PaymentIntent
	if r, ok := s.call(ctx, http.MethodGet, "/v1/payment_intents/"+url.PathEscape(id), "", &stripe.PaymentIntentRetrieveParams{}, &in); !ok {
		return unsure(r)
	}
	return ofIntent(&in)
}

// search finds the attempt by our metadata. Stripe's index may lag, so that nothing found is proof only when the key's
// life is over, which is far more than the lag.
func (s *stripeAPI) search(ctx context.Context, o order, fresh bool) result {
	var found stripe.PaymentIntentSearchResult
	query := url.QueryEscape(fmt.Sprintf("metadata['payment']:'%s'", o.Payment))
	if r, ok := s.call(ctx, http.MethodGet, "/v1/payment_intents/search?query="+query, "", &stripe.PaymentIntentRetrieveParams{}, &found); !ok {
		return unsure(r)
	}
	for _, in := range found.Data {
		if in.Metadata["attempt"] == o.Key {
			return ofIntent(in)
		}
	}
	if fresh {
		return result{State: unknown}
	}
	return result{State: failedUnsent, Code: "never_arrived"}
}

func ofIntent(in *stripe.PaymentIntent) result {
	r := result{Ref: in.ID, State: processing}
	switch in.Status {
	case stripe.PaymentIntentStatusSucceeded:
		r.State = succeeded
		r.Amount, _ = money.New(in.AmountReceived, strings.ToUpper(string(in.Currency))) // zero: the payment's own
	case stripe.PaymentIntentStatusRequiresAction:
		r.State = needsAction
		if in.NextAction != nil && in.NextAction.RedirectToURL != nil {
			r.Next = in.NextAction.RedirectToURL.URL
		}
	case stripe.PaymentIntentStatusRequiresPaymentMethod:
		r.State = declined
		if e := in.LastPaymentError; e != nil {
			r.Code = string(e.Code)
			if e.DeclineCode != "" {
				r.Code = string(e.DeclineCode)
			}
		}
	case stripe.PaymentIntentStatusCanceled:
		r.State = canceled
	}
	return r
}

func ofSession(page *stripe.CheckoutSession) result {
	r := result{Page: page.ID, State: needsAction, Next: page.URL}
	switch page.Status {
	case stripe.CheckoutSessionStatusExpired:
		r.State, r.Next = canceled, ""
	case stripe.CheckoutSessionStatusComplete:
		r.State, r.Next = processing, ""
	}
	return r
}

// Refund asks with the refund's id as key; once Stripe has named it, or a key's life is over, it is looked up.
func (s *stripeAPI) Refund(ctx context.Context, o refundOrder) result {
	var back stripe.Refund
	switch {
	case o.Ref != "":
		if r, ok := s.call(ctx, http.MethodGet, "/v1/refunds/"+url.PathEscape(o.Ref), "", &stripe.RefundRetrieveParams{}, &back); !ok {
			return unsure(r)
		}
		return ofRefund(&back)
	case s.now().Sub(o.At) >= keyLife:
		return s.findRefund(ctx, o)
	}
	p := &stripe.RefundCreateParams{Amount: stripe.Int64(o.Amount.Minor()), PaymentIntent: stripe.String(o.Charge),
		Metadata: map[string]string{"payment": o.Payment, "attempt": o.Order, "refund": o.Key}}
	if r, ok := s.call(ctx, http.MethodPost, "/v1/refunds", o.Key, p, &back); !ok {
		return unsent(r)
	}
	return ofRefund(&back)
}

// findRefund looks through a charge's refunds for ours: none there after a key's life means that it never arrived.
func (s *stripeAPI) findRefund(ctx context.Context, o refundOrder) result {
	var list stripe.RefundList
	if r, ok := s.call(ctx, http.MethodGet, "/v1/refunds?limit=100&payment_intent="+url.QueryEscape(o.Charge), "", &stripe.RefundRetrieveParams{}, &list); !ok {
		return unsure(r)
	}
	for _, back := range list.Data {
		if back.Metadata["refund"] == o.Key {
			return ofRefund(back)
		}
	}
	return result{State: declined, Code: "never_arrived"}
}

func ofRefund(back *stripe.Refund) result {
	r := result{Ref: back.ID, State: processing}
	r.Amount, _ = money.New(back.Amount, strings.ToUpper(string(back.Currency))) // zero: ours stands
	switch back.Status {
	case stripe.RefundStatusSucceeded:
		r.State = succeeded
	case stripe.RefundStatusFailed, stripe.RefundStatusCanceled:
		r.State = declined
	}
	return r
}
