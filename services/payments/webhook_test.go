package payments_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/infra/fakes/psp"
	"github.com/banyan-migration/banyan/services/payments"
	"github.com/banyan-migration/banyan/shared/host/hosttest"
	"github.com/banyan-migration/banyan/shared/money"
)

// deliver posts the held webhooks whose type contains a word; every answer must be 2xx.
func (s *stage) deliver(word string) {
	s.t.Helper()
	n := 0
	for _, e := range s.psp.Held() {
		if !strings.Contains(e.Type, word) {
			continue
		}
		n++
		if status, err := s.psp.Deliver(s.t.Context(), e.ID); err != nil || status != 200 {
			s.t.Errorf("%s: %d %v", e.Type, status, err)
		}
	}
	if n == 0 {
		s.t.Errorf("no webhook of type …%s… is held: %+v", word, s.psp.Held())
	}
}

// PAY-7: the webhook may be there before our own write of the answer that it tells of.
func TestWebhookBeforeOurOwnWrite(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.die(ask("g1", "pm_card_visa", 1000)) // charged; our write is lost
	s.deliver("succeeded")
	s.deliver("succeeded") // doubled
	s.take(ask("g1", "pm_card_visa", 1000))
	if n := len(s.charged()); n != 1 || s.said() != "settled" {
		t.Errorf("%d charges, said %q", n, s.said())
	}
	if b := s.balances(); b["donations:general"] != -1000 {
		t.Errorf("balances: %v", b)
	}
}

// The webhook of a charge that we know is answered after a read: nothing is written.
func TestWebhookOfSettledAttemptWritesNothing(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.take(ask("g1", "pm_card_visa", 1000))
	id := s.paymentOf("g1")
	before := s.stored(id)
	s.deliver("succeeded")
	if after := s.stored(id); after != before {
		t.Errorf("revision %d became %d", before, after)
	}
}

func TestThreeDSecure(t *testing.T) {
	t.Parallel()
	for click, want := range map[string]string{"yes": "settled", "no": "refused"} {
		s := open(t)
		s.take(ask("g1", "pm_card_threeDSecure2Required", 1000))
		id := s.paymentOf("g1")
		v := s.view(id)
		if v.State != "pending" || v.Next == "" || s.said() != "" {
			t.Fatalf("view %+v, said %q", v, s.said())
		}
		s.click(v.Next, url.Values{"do": {click}})
		s.deliver("payment_intent")
		s.deliver("requires_action") // late and doubled
		if v := s.view(id); v.State != want || v.Next != "" || s.said() != want {
			t.Errorf("%s: view %+v, said %q", click, v, s.said())
		}
	}
}

// The donor who never clicks is asked about, and the click that no webhook told of is found.
func TestSweeperFindsTheClick(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.take(ask("g1", "pm_card_threeDSecure2Required", 1000))
	s.tick(20 * time.Minute)
	v := s.view(s.paymentOf("g1"))
	if v.State != "pending" {
		t.Fatalf("view %+v", v)
	}
	s.click(v.Next, url.Values{"do": {"yes"}})
	s.tick(40 * time.Minute)
	if s.said() != "settled" {
		t.Errorf("said %q", s.said())
	}
}

// Whoever never clicks is let go after a day, at the acquirer too: a late click then charges nobody.
func TestDonorNeverClicks(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.take(ask("g1", "pm_card_threeDSecure2Required", 1000))
	bank := s.view(s.paymentOf("g1")).Next
	s.tick(23 * time.Hour)
	if s.said() != "" {
		t.Fatalf("said %q", s.said())
	}
	s.tick(3 * time.Hour)
	s.click(bank, url.Values{"do": {"yes"}})
	if s.said() != "refused" || len(s.charged()) != 0 {
		t.Errorf("said %q, charges %+v", s.said(), s.charged())
	}
}

// click posts a form of the acquirer's page and returns where it leads.
func (s *stage) click(page string, form url.Values) string {
	s.t.Helper()
	client := &http.Client{Transport: s.Client.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.PostForm(page, form)
	if err != nil {
		s.t.Fatal(err)
	}
	res.Body.Close()
	return res.Header.Get("Location")
}

// PAY-23: without a method the donor pays on the acquirer's page; a declined card may be tried again there.
func TestPage(t *testing.T) {
	t.Parallel()
	for _, providers := range []string{"stripe=1", "worldpay=1"} {
		s := open(t, with("PAYMENTS_PROVIDERS", providers))
		s.gift["g1"] = `{"data":{"id":"g1","state":"pending","amount":{"minor":2500,"currency":"GBP"}},"message":"success"}`
		a := s.pay.Do("POST", "/payments", `{"for":{"service":"donate","id":"g1"}}`)
		var v payments.View
		a.Data(t, &v)
		if a.Status != 201 || v.Next == "" || v.State != "pending" {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		var again payments.View
		s.pay.Do("POST", "/payments", `{"for":{"service":"donate","id":"g1"}}`).Data(t, &again)
		if again.ID != v.ID || again.Next != v.Next {
			t.Errorf("asked again: %+v, want the same page", again)
		}
		s.click(v.Next, url.Values{"card": {"4000 0000 0000 0002"}, "do": {"pay"}})
		if providers == "stripe=1" {
			s.deliver("payment_failed")
		}
		if v := s.view(v.ID); v.State != "pending" {
			t.Fatalf("after a declined card: %+v", v)
		}
		if to := s.click(v.Next, url.Values{"card": {"4242 4242 4242 4242"}, "do": {"pay"}}); to != "https://charity.example/thanks?gift=g1" {
			t.Errorf("the donor goes to %q", to)
		}
		for _, e := range s.psp.Held() {
			if _, err := s.psp.Deliver(t.Context(), e.ID); err != nil {
				t.Error(err)
			}
		}
		if v := s.view(v.ID); v.State != "settled" || s.said() != "settled" {
			t.Errorf("%s: view %+v, said %q", providers, v, s.said())
		}
		if got := s.charged(); len(got) != 1 || got[0].Amount != money.GBP(2500) {
			t.Errorf("charges: %+v", got)
		}
		s.balances()
	}
}

func TestPageOfNoGift(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.gift["paid"] = `{"data":{"state":"settled","amount":{"minor":2500,"currency":"GBP"}}}`
	for body, want := range map[string]int{
		`{"for":{"service":"donate","id":"nobody"}}`: 404, `{"for":{"service":"donate","id":"paid"}}`: 409,
		`{"for":{"service":"payin","id":"x"}}`: 400, `{}`: 400, `{"for":{"service":"donate","id":"x"},"amount":1}`: 400,
	} {
		if a := s.pay.Do("POST", "/payments", body); a.Status != want {
			t.Errorf("%s: %d %s, want %d", body, a.Status, a.Body, want)
		}
	}
	if a := s.pay.Do("GET", "/payments/nothing", ""); a.Status != 401 {
		t.Errorf("a stranger: %d", a.Status)
	}
	if a := s.pay.Do("GET", "/payments/nothing", "", operator...); a.Status != 404 {
		t.Errorf("an unknown payment: %d", a.Status)
	}
}

// A page that nobody pays on closes after a day, and the donor is told; a new one may then be asked for.
func TestPageExpires(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.gift["g1"] = `{"data":{"state":"pending","amount":{"minor":2500,"currency":"GBP"}}}`
	var first, second payments.View
	s.pay.Do("POST", "/payments", `{"for":{"service":"donate","id":"g1"}}`).Data(t, &first)
	s.tick(25 * time.Hour)
	if s.said() != "refused" {
		t.Fatalf("said %q", s.said())
	}
	s.pay.Do("POST", "/payments", `{"for":{"service":"donate","id":"g1"}}`).Data(t, &second)
	if second.ID != first.ID || second.Next == first.Next || second.Next == "" {
		t.Errorf("second page: %+v", second)
	}
}

// signed is a webhook as Stripe would send it.
func signed(secret string, at time.Time, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%d.%s", at.Unix(), body)
	return fmt.Sprintf("t=%d,v1=%s", at.Unix(), hex.EncodeToString(mac.Sum(nil)))
}

// PAY-5, PAY-6: a wrong signature is 400, says what to check, and changes nothing.
func TestWrongSignature(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.take(ask("g1", "pm_card_threeDSecure2Required", 1000))
	id := s.paymentOf("g1")
	body := fmt.Sprintf(`{"id":"evt_1","type":"payment_intent.succeeded","data":{"object":{"id":"pi_1","object":"payment_intent","status":"succeeded",
		"amount_received":1000,"currency":"gbp","metadata":{"payment":%q,"attempt":%q}}}}`, id, id+"-1")
	now := hosttest.Noon
	good := signed("whsec_banyan", now, body)
	for header, says := range map[string]string{
		"":              "Stripe-Signature",
		"t=1,t=2,v1=00": "Stripe-Signature",
		"v0=" + good[strings.Index(good, "v1=")+3:]:             "Stripe-Signature",
		signed("whsec_other", now, body):                        "secret",
		signed("whsec_banyan", now, body+" "):                   "secret",
		signed("whsec_banyan", now.Add(-301*time.Second), body): "clock",
		signed("whsec_banyan", now.Add(301*time.Second), body):  "clock",
		strings.Replace(good, "v1=", "v2=", 1):                  "Stripe-Signature",
	} {
		a := s.pay.Do("POST", "/payments/webhooks/stripe", body, "Stripe-Signature", header)
		if a.Status != 400 || !strings.Contains(a.Body, says) || !strings.Contains(a.Body, "Nothing was changed") {
			t.Errorf("%q: %d %s, want 400 with %q", header, a.Status, a.Body, says)
		}
	}
	if v := s.view(id); v.State != "pending" {
		t.Errorf("view: %+v", v)
	}
	if a := s.pay.Do("POST", "/payments/webhooks/stripe", "no event", "Stripe-Signature", signed("whsec_banyan", now, "no event")); a.Status != 400 {
		t.Errorf("no event: %d", a.Status)
	}
	if a := s.pay.Do("POST", "/payments/webhooks/paypal", body); a.Status != 404 {
		t.Errorf("an acquirer that is not configured: %d", a.Status)
	}
	// Any v1 of several may fit, as while a secret is rotated; v0 is ignored.
	rotated := strings.Replace(good, ",", ",v1=00ff,v1=zz,v0=11,", 1)
	if a := s.pay.Do("POST", "/payments/webhooks/stripe", body, "Stripe-Signature", rotated); a.Status != 200 {
		t.Errorf("rotated: %d %s", a.Status, a.Body)
	}
	if v := s.view(id); v.State != "settled" {
		t.Errorf("view: %+v", v)
	}
}

// PAY-5's vector.
func TestSignatureVector(t *testing.T) {
	t.Parallel()
	if got := signed("whsec_example", time.Unix(1700000000, 0), `{"id":"evt_1","type":"charge.succeeded"}`); got !=
		"t=1700000000,v1=61ebaca92a6d45cb4ec68cfa7d02f4624696d7a8b13e8f9d4694556cf941e972" {
		t.Fatal(got)
	}
	s := open(t, with("STRIPE_WEBHOOK_SECRET", "whsec_example"))
	s.Advance(time.Unix(1700000000, 0).Sub(s.Now()))
	if a := s.pay.Do("POST", "/payments/webhooks/stripe", `{"id":"evt_1","type":"charge.succeeded"}`, "Stripe-Signature",
		"t=1700000000,v1=61ebaca92a6d45cb4ec68cfa7d02f4624696d7a8b13e8f9d4694556cf941e972"); a.Status != 200 {
		t.Errorf("%d %s", a.Status, a.Body)
	}
}

// PAY-16: anybody can post a Worldpay event, so that it is believed only as far as a query confirms it.
func TestForgedWorldpayEvent(t *testing.T) {
	t.Parallel()
	s := open(t, impatient, with("PAYMENTS_PROVIDERS", "worldpay=1"))
	if err := s.psp.Plan(psp.Fault{Kind: psp.Hang, Times: 1}); err != nil {
		t.Fatal(err)
	}
	s.take(ask("g1", "vault:t1", 1000))
	id := s.paymentOf("g1")
	forged := fmt.Sprintf(`{"eventId":"e1","eventDetails":{"type":"settled","transactionReference":"%s-1","amount":{"value":1000,"currencyCode":"GBP"}}}`, id)
	if a := s.pay.Do("POST", "/payments/webhooks/worldpay", forged); a.Status != 503 {
		t.Errorf("%d %s, want 503: not confirmed", a.Status, a.Body)
	}
	if v := s.view(id); v.State != "pending" {
		t.Errorf("view: %+v", v)
	}
	for body, want := range map[string]int{`{"eventId":"e1","eventDetails":{"type":"settled","transactionReference":"another-shop-1"}}`: 200, `{}`: 400, `nonsense`: 400} {
		if a := s.pay.Do("POST", "/payments/webhooks/worldpay", body); a.Status != want {
			t.Errorf("%s: %d, want %d", body, a.Status, want)
		}
	}
}
