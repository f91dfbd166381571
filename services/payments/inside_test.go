package payments

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/shared/fault"
	"github.com/banyan-migration/banyan/shared/money"
)

// PAY-5: whatever the header says, verify answers, and believes only what the secret has signed.
func FuzzSignature(f *testing.F) {
	f.Add("t=1700000000,v1=61ebaca92a6d45cb4ec68cfa7d02f4624696d7a8b13e8f9d4694556cf941e972", `{"id":"evt_1","type":"charge.succeeded"}`)
	f.Add("t=,v1=", "")
	f.Add("v1=00,t=1,v1=zz,v0=11", "x")
	f.Fuzz(func(t *testing.T, header, body string) {
		at := time.Unix(1700000000, 0)
		if verify(header, []byte(body), "whsec_fuzz", at) == nil {
			t.Errorf("%q was believed of %q", header, body)
		}
	})
}

// What is signed may still be anything: it is refused as Invalid or ignored, and nothing of it panics.
func FuzzWebhookBodies(f *testing.F) {
	f.Add(`{"id":"e","type":"payment_intent.succeeded","data":{"object":{"id":"pi_1","status":"succeeded","amount_received":1,"currency":"gbp","metadata":{"payment":"p","attempt":"p-1"}}}}`)
	f.Add(`{"id":"e","type":"checkout.session.completed","data":{"object":{"id":"cs_1","payment_intent":"pi_1","payment_status":"paid","status":"complete"}}}`)
	f.Add(`{"id":"e","type":"refund.failed","data":{"object":{"id":"re_1","status":"failed","amount":1,"currency":"gbp","metadata":{"payment":"p"}}}}`)
	f.Add(`{"id":"e","type":"charge.dispute.closed","data":{"object":{"id":"dp_1","status":"lost","amount":1,"currency":"gbp"}}}`)
	f.Add(`{"eventId":"e","eventDetails":{"type":"settled","transactionReference":"p-1"}}`)
	f.Fuzz(func(t *testing.T, body string) {
		for _, hear := range []hear{hearWorldpay, func(ctx context.Context, _ http.Header, b []byte) (notice, error) { return stripeEar{}.read(ctx, b) }} {
			if strings.Contains(body, "dispute") || strings.Contains(body, "refund") {
				continue // these ask Stripe whose they are
			}
			if _, err := hear(t.Context(), nil, []byte(body)); err != nil && fault.KindOf(err) != fault.Invalid {
				t.Errorf("%q: %v", body, err)
			}
		}
	})
}

// LED-7: what is read is a fee that never loses or makes a penny for nothing.
func FuzzFees(f *testing.F) {
	f.Add("stripe GBP 2026-01-01 1.4% 20 20%; worldpay GBP 2026-01-01 1% 0 0%", int64(1000))
	f.Add(";;", int64(1))
	f.Fuzz(func(t *testing.T, text string, pence int64) {
		all, err := readFees(text)
		if err != nil || pence < 1 || pence > 99_999_999 {
			return
		}
		for _, x := range all {
			if x.currency != "GBP" || x.basis > 10000 || x.vat > 10000 || x.fixed > 1000 {
				continue
			}
			if got := all.of(x.psp, money.GBP(pence), x.from); got.Minor() < 0 {
				t.Errorf("%q of %d: %v", text, pence, got)
			}
		}
	})
}

func TestFeesCountFromTheirDay(t *testing.T) {
	t.Parallel()
	all, err := readFees("stripe GBP 2026-02-01 2% 30 20%; stripe GBP 2026-01-01 1.4% 20 20%")
	if err != nil {
		t.Fatal(err)
	}
	for day, want := range map[string]int64{"2025-12-31": 0, "2026-01-01": 41, "2026-01-31": 41, "2026-02-01": 60} {
		at, _ := time.Parse(time.DateOnly, day)
		if got := all.of("stripe", money.GBP(1000), at).Minor(); got != want {
			t.Errorf("%s: %d pence, want %d", day, got, want)
		}
	}
}

// The state machine's law: news in any order ends in the same state, and a second success is a duplicate (PAY-25, PAY-27).
func TestNewsInAnyOrderEndsTheSame(t *testing.T) {
	t.Parallel()
	news := []state{unknown, needsAction, processing, succeeded, declined}
	var orders func(done, left []state)
	orders = func(done, left []state) {
		if len(left) == 0 {
			p := &payment{ID: "p", Amount: money.GBP(100)}
			p.try("stripe", false, time.Unix(0, 0))
			settled := 0
			for _, s := range append(done, done...) {
				c, _ := p.learn("p-1", result{State: s}, func() *provider { return nil }, nil, time.Unix(0, 0))
				for _, say := range c.says {
					if say.kind == "payments.settled" {
						settled++
					}
				}
			}
			if p.state() != "settled" || settled != 1 || p.Attempts[0].Duplicate {
				t.Errorf("%v: %s, settled said %d times", done, p.state(), settled)
			}
		}
		for i := range left {
			rest := append(append([]state{}, left[:i]...), left[i+1:]...)
			orders(append(append([]state{}, done...), left[i]), rest)
		}
	}
	orders(nil, news)
}

func TestEntryThatDoesNotSumIsRefused(t *testing.T) {
	t.Parallel()
	for _, e := range []Entry{
		{Ref: "r", Postings: []Posting{{bank, money.GBP(1)}, {fund, money.GBP(1)}}},
		{Ref: "r", Postings: []Posting{{bank, money.GBP(0)}}},
		{Postings: move(money.GBP(1), bank, fund)},
	} {
		if e.check() == nil {
			t.Errorf("%+v was taken", e)
		}
	}
}
