package payments

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/banyan-migration/banyan/shared/money"
)

// worldpayAPI is Access Worldpay behind the port (PAY-15). It documents no idempotency key, so that an order is sent
// once and afterwards only asked about, by its transactionReference.
type worldpayAPI struct {
	base, user, password, entity string
	client                       *http.Client
	now                          func() time.Time
}

// lag is how far Worldpay's queries may be behind (its documents say 15 minutes), and as much again for us: an order
// that they still do not know then never arrived.
const lag = 30 * time.Minute

type wpAmount struct {
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
}

func wpOf(a money.Amount) wpAmount { return wpAmount{a.Minor(), a.Currency()} }

// wpPayment is a payment as Worldpay answers it, from a charge or a query.
type wpPayment struct {
	Outcome     string          `json:"outcome"`
	LastEvent   string          `json:"lastEvent"`
	Reference   string          `json:"transactionReference"`
	Value       wpAmount        `json:"value"`
	RefusalCode string          `json:"refusalCode"`
	Refusal     string          `json:"refusalDescription"`
	Links       map[string]href `json:"_links"`
}

type wpError struct {
	Name    string `json:"errorName"`
	Message string `json:"message"`
}

type href struct {
	Href string `json:"href"`
}

// call makes one request. Where Worldpay gave no usable answer, ok is false and the result says what that means.
func (w *worldpayAPI) call(ctx context.Context, method, address string, in, out any) (r result, ok bool) {
	ctx, sent, stop := watch(ctx)
	defer stop()
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return result{State: failedUnsent, Err: err}, false
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return result{State: failedUnsent, Err: err}, false
	}
	req.SetBasicAuth(w.user, w.password)
	req.Header.Set("WP-Api-Version", "2024-06-01")
	req.Header.Set("Content-Type", "application/json")
	res, err := w.client.Do(req)
	if err != nil {
		return lost(sent, err), false
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return lost(sent, err), false
	}
	if res.StatusCode/100 == 2 {
		if err := json.Unmarshal(raw, out); err != nil {
			return result{State: unknown, Err: fmt.Errorf("worldpay: the answer to %s is not what its documents say: %w", method, err)}, false
		}
		return result{}, true
	}
	var why wpError // what else its answer holds may be our own request, with a token in it, and is for no log
	if json.Unmarshal(raw, &why) != nil {
		why = wpError{Message: "no error as its documents say"}
	}
	r = result{State: unknown, Down: res.StatusCode >= 500, Err: fmt.Errorf("worldpay: status %d, %s %s", res.StatusCode, why.Name, why.Message)}
	switch res.StatusCode {
	case http.StatusBadRequest, http.StatusConflict, http.StatusNotFound, http.StatusUnprocessableEntity:
		r.State, r.Code = declined, "refused_request"
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests:
		r.State, r.Code = failedUnsent, "not_admitted" // it did not begin
	}
	return r, false
}

func (w *worldpayAPI) Charge(ctx context.Context, o order) result {
	type object = map[string]any
	if o.Method == "" {
		var page struct {
			URL string `json:"url"`
		}
		if r, ok := w.call(ctx, http.MethodPost, w.base+"/payment_pages", object{
			"transactionReference": o.Key, "merchant": object{"entity": w.entity}, "narrative": object{"line1": "Donation"}, "value": wpOf(o.Amount),
			"resultURLs": object{"successURL": o.Return, "cancelURL": o.Return, "failureURL": o.Return, "pendingURL": o.Return},
		}, &page); !ok {
			return r
		}
		return result{State: needsAction, Next: page.URL}
	}
	var p wpPayment
	if r, ok := w.call(ctx, http.MethodPost, w.base+"/api/payments", object{
		"transactionReference": o.Key, "merchant": object{"entity": w.entity},
		"instruction": object{"method": "card", "paymentInstrument": object{"type": "token", "href": o.Method}, "value": wpOf(o.Amount),
			"narrative": object{"line1": "Donation"}, "settlement": object{"auto": true}},
	}, &p); !ok {
		return r
	}
	return p.result(p.Outcome)
}

// words are Worldpay's outcomes and last events, without case and spaces.
var words = map[string]state{
	"sentforsettlement": succeeded, "settled": succeeded, "sentforrefund": succeeded, "refunded": succeeded, "refundfailed": succeeded,
	"sentforauthorization": processing, "authorized": processing,
	"refused": declined, "error": declined, "cancelled": canceled, "sentforcancellation": canceled, "expired": canceled,
}

func plainWord(s string) string { return strings.ToLower(strings.ReplaceAll(s, " ", "")) }

func (p *wpPayment) result(word string) result {
	s, known := words[plainWord(word)]
	if !known {
		return result{State: unknown, Err: fmt.Errorf("worldpay: %q is no outcome that its documents name", word)}
	}
	r := result{State: s, Ref: p.Links["self"].Href, Code: p.Refusal}
	if s == succeeded {
		r.Amount, _ = money.New(p.Value.Amount, p.Value.Currency) // zero: the payment's own
	}
	return r
}

// Ask queries by transactionReference (PAY-16). Of several payments under it, one that took money speaks.
func (w *worldpayAPI) Ask(ctx context.Context, o order) result {
	found, r := w.query(ctx, o.Key)
	if r.State != "" {
		return r
	}
	for _, p := range found {
		if a := p.result(p.LastEvent); a.State == succeeded {
			return a
		}
	}
	switch {
	case len(found) > 0:
		return found[0].result(found[0].LastEvent)
	case w.now().Sub(o.At) < lag:
		return result{State: unknown}
	case o.Method == "" && w.now().Sub(o.At) < 25*time.Hour:
		return result{State: unknown} // the donor may still pay on the page
	}
	return result{State: failedUnsent, Code: "never_arrived"}
}

func (w *worldpayAPI) query(ctx context.Context, reference string) ([]wpPayment, result) {
	var found struct {
		Embedded struct {
			Payments []wpPayment `json:"payments"`
		} `json:"_embedded"`
	}
	if r, ok := w.call(ctx, http.MethodGet, w.base+"/paymentQueries/payments?transactionReference="+url.QueryEscape(reference), nil, &found); !ok {
		return nil, unsure(r)
	}
	return slices.DeleteFunc(found.Embedded.Payments, func(p wpPayment) bool { return p.Reference != "" && p.Reference != reference }), result{}
}

// Refund follows the payment's own link, once; asked again, it reads what the payment says of itself.
func (w *worldpayAPI) Refund(ctx context.Context, o refundOrder) result {
	found, r := w.query(ctx, o.Order)
	if r.State != "" {
		return r
	}
	if len(found) == 0 {
		return result{State: unknown, Err: errors.New("worldpay: the payment is not known to its queries yet")}
	}
	p := found[0]
	switch plainWord(p.LastEvent) {
	case "refundfailed":
		return result{State: declined, Ref: o.Key, Code: "refund_failed"}
	case "sentforrefund", "refunded":
		if o.Asked {
			return result{State: succeeded, Ref: o.Key}
		}
	}
	if o.Asked && w.now().Sub(o.At) > lag {
		return result{State: declined, Code: "never_arrived"}
	}
	link, ok := p.Links["cardPayments:partialRefund"]
	if !ok || o.Asked {
		return result{State: unknown, Err: errors.New("worldpay: the payment offers no refund now, or has not said what became of one")}
	}
	if r, ok := w.call(ctx, http.MethodPost, link.Href, map[string]any{"reference": o.Key, "value": wpOf(o.Amount)}, &p); !ok {
		return r
	}
	return result{State: processing, Ref: o.Key}
}
