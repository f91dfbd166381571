package psp_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v82"

	"github.com/banyan-migration/banyan/infra/fakes/psp"
	"github.com/banyan-migration/banyan/shared/money"
)

var noon = time.Date(2026, 3, 13, 12, 0, 0, 0, time.UTC)

// clock is a time that tests move.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func start(t testing.TB, o psp.Options) (*psp.PSP, string) {
	t.Helper()
	if o.Latency == nil {
		o.Latency = psp.Constant(0)
	}
	if o.Settle == 0 {
		o.Settle = time.Nanosecond
	}
	p, err := psp.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(p.Handler())
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		s.CloseClientConnections()
		s.Close()
	})
	return p, s.URL
}

// merchant is stripe-go against the stand-in, retrying nothing by itself.
type merchant struct{ api stripe.Backend }

func dial(base string) merchant {
	return merchant{stripe.GetBackendWithConfig(stripe.APIBackend, &stripe.BackendConfig{URL: stripe.String(base), MaxNetworkRetries: stripe.Int64(0),
		EnableTelemetry: stripe.Bool(false), LeveledLogger: &stripe.LeveledLogger{}, HTTPClient: &http.Client{Timeout: 5 * time.Second}})}
}

func (m merchant) pay(key, method string, pence int64) (*stripe.PaymentIntent, error) {
	p := &stripe.PaymentIntentCreateParams{Amount: stripe.Int64(pence), Currency: stripe.String("gbp"), Confirm: stripe.Bool(true),
		PaymentMethod: stripe.String(method), ReturnURL: stripe.String("https://charity.example/back"), Metadata: map[string]string{"payment": "p-" + key, "gift": "g-" + key}}
	p.SetIdempotencyKey(key)
	pi := &stripe.PaymentIntent{}
	return pi, m.api.Call(http.MethodPost, "/v1/payment_intents", "sk_test_banyan", p, pi)
}

func charges(t testing.TB, p *psp.PSP) []psp.Charge {
	t.Helper()
	list, err := p.Charges()
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func stripeError(t *testing.T, err error) *stripe.Error {
	t.Helper()
	var e *stripe.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want an error of Stripe's", err)
	}
	return e
}

func TestChargeIsListed(t *testing.T) {
	t.Parallel()
	p, base := start(t, psp.Options{})
	pi, err := dial(base).pay("k1", "pm_card_visa", 1250)
	if err != nil || pi.Status != stripe.PaymentIntentStatusSucceeded || pi.AmountReceived != 1250 {
		t.Fatalf("%+v %v", pi, err)
	}
	want := psp.Charge{PSP: "stripe", ID: pi.ID, Reference: "p-k1", Gift: "g-k1", Amount: money.GBP(1250), Refunded: money.GBP(0), State: "charged"}
	if got := charges(t, p); len(got) != 1 || got[0] != want {
		t.Errorf("charges: %+v, want %+v", got, want)
	}
}

// PAY-1, PAY-3: one key, one charge, and the same answer; other parameters under it are an error.
func TestKeySaysTheSameAgain(t *testing.T) {
	t.Parallel()
	c := &clock{at: noon}
	p, base := start(t, psp.Options{Now: c.now})
	m := dial(base)
	first, _ := m.pay("k1", "pm_card_visa", 1000)
	again, err := m.pay("k1", "pm_card_visa", 1000)
	if err != nil || again.ID != first.ID {
		t.Errorf("asked again: %v %v, want %v", again.ID, err, first.ID)
	}
	_, err = m.pay("k1", "pm_card_visa", 2000)
	if e := stripeError(t, err); e.Type != stripe.ErrorTypeIdempotency {
		t.Errorf("another amount under the key: %v", e.Type)
	}
	c.pass(25 * time.Hour) // PAY-2: a key is good for a day
	if later, err := m.pay("k1", "pm_card_visa", 1000); err != nil || later.ID == first.ID {
		t.Errorf("after a day: %v %v, want another charge than %v", later.ID, err, first.ID)
	}
	if n := len(charges(t, p)); n != 2 {
		t.Errorf("%d charges, want 2", n)
	}
}

// PAY-1: the 500 that followed a charge is said again, and the charge is there.
func TestBrokenAnswerIsKept(t *testing.T) {
	t.Parallel()
	p, base := start(t, psp.Options{})
	m := dial(base)
	if err := p.Plan(psp.Fault{Kind: psp.After, Times: 1}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_, err := m.pay("k1", "pm_card_visa", 1000)
		if e := stripeError(t, err); e.HTTPStatusCode != 500 {
			t.Errorf("status %d, want 500", e.HTTPStatusCode)
		}
	}
	if got := charges(t, p); len(got) != 1 || got[0].State != "charged" {
		t.Errorf("charges: %+v", got)
	}
	params := &stripe.PaymentIntentSearchParams{SearchParams: stripe.SearchParams{Query: "metadata['payment']:'p-k1'"}}
	found := &stripe.PaymentIntentSearchResult{}
	if err := m.api.Call(http.MethodGet, "/v1/payment_intents/search?query="+url.QueryEscape(params.Query), "sk_test_banyan", nil, found); err != nil || len(found.Data) != 1 {
		t.Errorf("search: %+v %v", found, err)
	}
}

func TestTwoAtOnceUnderAKey(t *testing.T) {
	t.Parallel()
	gate, entered := make(chan struct{}), make(chan struct{}, 2)
	_, base := start(t, psp.Options{Latency: func() time.Duration { entered <- struct{}{}; <-gate; return 0 }})
	m := dial(base)
	done := make(chan error)
	go func() { _, err := m.pay("k1", "pm_card_visa", 1000); done <- err }()
	<-entered
	_, err := m.pay("k1", "pm_card_visa", 1000)
	if e := stripeError(t, err); e.HTTPStatusCode != 409 || e.Code != stripe.ErrorCodeIdempotencyKeyInUse {
		t.Errorf("the second: %d %s, want 409", e.HTTPStatusCode, e.Code)
	}
	close(gate)
	if err := <-done; err != nil {
		t.Errorf("the first: %v", err)
	}
}

func TestDeclines(t *testing.T) {
	t.Parallel()
	p, base := start(t, psp.Options{})
	for method, code := range map[string]stripe.DeclineCode{
		"pm_card_chargeDeclined": "generic_decline", "pm_card_chargeDeclinedInsufficientFunds": "insufficient_funds", "vault:pm_card_chargeDeclined": "generic_decline",
	} {
		_, err := dial(base).pay(method, method, 1000)
		if e := stripeError(t, err); e.HTTPStatusCode != 402 || e.DeclineCode != code || e.PaymentIntent.Status != stripe.PaymentIntentStatusRequiresPaymentMethod {
			t.Errorf("%s: %d %s", method, e.HTTPStatusCode, e.DeclineCode)
		}
	}
	for _, c := range charges(t, p) {
		if c.State != "declined" {
			t.Errorf("%+v", c)
		}
	}
	_, err := dial(base).pay("none", "pm_nothing", 1000)
	if e := stripeError(t, err); e.HTTPStatusCode != 404 {
		t.Errorf("an unknown method: %d, want 404", e.HTTPStatusCode)
	}
}

func TestDonorClicksFor3DSecure(t *testing.T) {
	t.Parallel()
	p, base := start(t, psp.Options{})
	pi, err := dial(base).pay("k1", "pm_card_threeDSecure2Required", 1000)
	if err != nil || pi.Status != stripe.PaymentIntentStatusRequiresAction || pi.NextAction.RedirectToURL == nil {
		t.Fatalf("%+v %v", pi, err)
	}
	bank := pi.NextAction.RedirectToURL.URL
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.PostForm(bank, url.Values{"do": {"yes"}})
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if to := res.Header.Get("Location"); to != "https://charity.example/back" {
		t.Errorf("%d to %q", res.StatusCode, to)
	}
	if got := charges(t, p)[0].State; got != "charged" {
		t.Errorf("state %s", got)
	}
	res, err = client.PostForm(bank, url.Values{"do": {"yes"}}) // the page is good for one click
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusGone {
		t.Errorf("clicked again: %d, want 410", res.StatusCode)
	}
}

// A webhook is posted until somebody takes it, and a program that starts again goes on with those that nobody took.
func TestWebhooksOutliveTheProgram(t *testing.T) {
	t.Parallel()
	file := t.TempDir() + "/psp.db"
	o := psp.Options{File: file, Latency: psp.Constant(0), Settle: time.Nanosecond}
	p, err := psp.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(p.Handler())
	if _, err := dial(s.URL).pay("k1", "pm_card_visa", 1000); err != nil {
		t.Fatal(err)
	}
	if held := p.Held(); len(held) != 1 || held[0].Type != "payment_intent.succeeded" {
		t.Fatalf("held: %+v", held)
	}
	s.Close()
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(file)
	left, err2 := filepath.Glob(file + "*")
	if err = errors.Join(err, err2); err != nil || len(left) != 1 || info.Mode() != 0o600 {
		t.Errorf("%q are left, %v; want one file that its owner alone can read (%v)", left, info, err)
	}

	got := make(chan string, 4)
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { got <- r.Header.Get("Stripe-Signature") }))
	defer hook.Close()
	o.Hooks.Stripe = hook.URL
	p, err = psp.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if signed := <-got; !strings.Contains(signed, "v1=") {
		t.Errorf("signature %q", signed)
	}
	if n := len(charges(t, p)); n != 1 {
		t.Errorf("%d charges after the restart", n)
	}
}

func TestFaultsOnTheConnection(t *testing.T) {
	t.Parallel()
	for kind, charged := range map[string]int{psp.Before: 0, psp.After: 1, psp.Hang: 0, psp.HangAfter: 1, psp.Reset: 0, psp.ResetAfter: 1, psp.TooMany: 0} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			p, base := start(t, psp.Options{})
			if err := p.Plan(psp.Fault{PSP: psp.Stripe, Kind: kind, Times: 1}); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
			defer cancel()
			req, _ := http.NewRequestWithContext(ctx, http.MethodPost, base+"/v1/payment_intents",
				strings.NewReader("amount=1000&currency=gbp&confirm=true&payment_method=pm_card_visa"))
			req.Header.Set("Authorization", "Bearer sk_test_banyan")
			res, err := http.DefaultClient.Do(req)
			if err == nil {
				res.Body.Close()
			}
			if answered := err == nil; answered != (kind == psp.Before || kind == psp.After || kind == psp.TooMany) {
				t.Errorf("answered: %v %v", answered, err)
			}
			if n := len(charges(t, p)); n != charged {
				t.Errorf("%d charges, want %d", n, charged)
			}
		})
	}
	p, _ := start(t, psp.Options{})
	if err := p.Plan(psp.Fault{Kind: "explode"}); err == nil || !strings.Contains(err.Error(), "hang_after") {
		t.Errorf("an unknown fault: %v", err)
	}
}

// BenchmarkCharge is what a charge costs with its webhook: no latency, 64 merchants at once.
func BenchmarkCharge(b *testing.B) {
	hook := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer hook.Close()
	_, base := start(b, psp.Options{File: b.TempDir() + "/psp.db", Hooks: psp.Hooks{Stripe: hook.URL}})
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			req, _ := http.NewRequest(http.MethodPost, base+"/v1/payment_intents", strings.NewReader(
				"amount=1000&currency=gbp&confirm=true&payment_method=pm_card_visa&metadata[payment]=p&metadata[gift]=g"))
			req.Header.Set("Authorization", "Bearer sk_test_banyan")
			req.Header.Set("Idempotency-Key", stripe.NewIdempotencyKey())
			res, err := client.Do(req)
			if err != nil || res.StatusCode != 200 {
				b.Error(res, err)
				return
			}
			res.Body.Close()
		}
	})
}
