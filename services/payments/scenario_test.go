package payments_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/infra/fakes/psp"
	"github.com/banyan-migration/banyan/services/all"
	"github.com/banyan-migration/banyan/services/payments"
	"github.com/banyan-migration/banyan/shared/host/hosttest"
	"github.com/banyan-migration/banyan/shared/mark"
	"github.com/banyan-migration/banyan/shared/money"
)

// The scenarios play in every world (hosttest.WorldFile): a gift given to donate, its message, the charge, the webhook, and
// what donate then says of the gift.

// play is donate, payments and the acquirers, wherever they are.
type play struct {
	*hosttest.World
	t         *testing.T
	give, pay *hosttest.Service
	psp       string // the acquirers' address
}

func begin(t *testing.T) *play {
	t.Helper()
	p := &play{World: hosttest.NewWorld(t), t: t}
	p.psp = p.PSP()
	if p.psp == "" {
		p.psp = p.acquirers()
	}
	p.give = p.StartAs(t, "donate", all.News()["donate"])
	p.pay = p.Start(t, payments.New)
	return p
}

// acquirers are this world's own, in memory.
func (p *play) acquirers() string {
	at, server := p.Address(), httptest.NewUnstartedServer(nil)
	base := "http://" + server.Listener.Addr().String()
	fake, err := psp.Open(psp.Options{Latency: psp.Constant(0), Settle: time.Nanosecond, Now: p.Now, Base: base,
		Hooks: psp.Hooks{Stripe: at + "/payments/webhooks/stripe", Worldpay: at + "/payments/webhooks/worldpay"}})
	if err != nil {
		p.t.Fatal(err)
	}
	server.Config.Handler = fake.Handler()
	server.Start()
	p.t.Cleanup(func() {
		p.Client.CloseIdleConnections()
		server.Close()
		if err := fake.Close(); err != nil {
			p.t.Error(err)
		}
	})
	p.Client = &http.Client{Transport: &http.Transport{}}
	for name, value := range map[string]string{
		"PAYMENTS_PROVIDERS": "stripe=100 worldpay=0", "PAYMENTS_RETURN_URL": "https://charity.example/thanks?gift={id}", "SERVICES_URL": at,
		"STRIPE_URL": base, "STRIPE_KEY": "sk_test_banyan", "STRIPE_WEBHOOK_SECRET": webhookSecret,
		"STRIPE_TEST_URL": base, "STRIPE_TEST_KEY": "sk_test_banyan", "STRIPE_TEST_WEBHOOK_SECRET": webhookSecret,
		"WORLDPAY_URL": base, "WORLDPAY_USER": "banyan", "WORLDPAY_PASSWORD": "banyan", "WORLDPAY_ENTITY": "default",
	} {
		p.Setenv(name, value)
	}
	return base
}

// webhookSecret is the acquirers' fake's own, which every world leaves as it is.
const webhookSecret = "whsec_banyan"

// gift gives and returns the gift's id. method: empty asks for no payment.
func (p *play) gift(method string, marks ...string) string {
	p.t.Helper()
	body := fmt.Sprintf(`{"amount":"25.00","first_name":"Ann","last_name":"Lee","email":"%s@example.org","payment":{"method":%q}}`, p.Fresh(), method)
	if method == "" {
		body = strings.Replace(body, `,"payment":{"method":""}`, "", 1)
	}
	if len(marks) > 0 {
		marks = p.Marked(marks[0], "POST", "/donations", body)
	}
	a := p.give.Do("POST", "/donations", body, marks...)
	if a.Status != 201 {
		p.t.Fatalf("%d %s", a.Status, a.Body)
	}
	var v struct{ ID string }
	a.Data(p.t, &v)
	return v.ID
}

// told is what donate says of a gift.
type told struct {
	State string
	Kept  *money.Amount
	Text  string
	Retry bool
}

func (p *play) becomes(gift, state string) (v told) {
	p.t.Helper()
	p.Until("gift "+gift+" becomes "+state, func() bool {
		v = told{}
		p.give.Do("GET", "/donations/"+gift, "").Data(p.t, &v)
		return v.State == state
	})
	return v
}

// charges are those of a gift, however they ended.
func (p *play) charges(gift string) (all []psp.Charge) {
	p.t.Helper()
	res, err := http.Get(p.psp + "/_/charges")
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	for lines := json.NewDecoder(res.Body); ; {
		var c psp.Charge
		if err := lines.Decode(&c); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			p.t.Fatal(err)
		}
		if c.Gift == gift {
			all = append(all, c)
		}
	}
}

// charge is the only one of a gift, and the id of the payment that it is for.
func (p *play) charge(gift string) (c psp.Charge, payment string) {
	p.t.Helper()
	all := p.charges(gift)
	if len(all) != 1 {
		p.t.Fatalf("charges: %+v, want one", all)
	}
	return all[0], all[0].Reference[:36]
}

// acquirer does something at the acquirers' own desk.
func (p *play) acquirer(path, body string) {
	p.t.Helper()
	res, err := http.Post(p.psp+path, "application/json", strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusNoContent {
		p.t.Fatalf("%s: %s", path, res.Status)
	}
}

// click posts a form of the acquirer's page.
func (p *play) click(page string, form url.Values) {
	p.t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.PostForm(page, form)
	if err != nil {
		p.t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode >= 400 {
		p.t.Fatalf("%s: %s", page, res.Status)
	}
}

func (p *play) view(payment string) (v payments.View) {
	p.t.Helper()
	p.pay.Do("GET", "/payments/"+payment, "", p.Operator()...).Data(p.t, &v)
	return v
}

func TestScenarioGiftIsChargedOnceAndSettles(t *testing.T) {
	t.Parallel()
	p := begin(t)
	gift := p.gift("pm_card_visa")
	if v := p.becomes(gift, "settled"); v.Kept == nil || *v.Kept != money.GBP(2500) {
		t.Errorf("%+v", v)
	}
	c, id := p.charge(gift)
	if c.State != "charged" || c.Amount != money.GBP(2500) {
		t.Errorf("%+v", c)
	}
	if v := p.view(id); v.State != "settled" || v.Amount != money.GBP(2500) || len(v.Attempts) != 1 {
		t.Errorf("%+v", v)
	}
	if a := p.pay.Do("GET", "/payments/"+id, ""); a.Status != 401 {
		t.Errorf("a stranger: %d %s", a.Status, a.Body)
	}
	if a := p.pay.Do("GET", "/payments/"+p.Fresh(), "", p.Operator()...); a.Status != 404 {
		t.Errorf("no payment: %d %s", a.Status, a.Body)
	}
}

func TestScenarioRefusedCardSaysSo(t *testing.T) {
	t.Parallel()
	p := begin(t)
	gift := p.gift("pm_card_chargeDeclined")
	if v := p.becomes(gift, "refused"); v.Text == "" || !v.Retry || v.Kept != nil {
		t.Errorf("%+v", v)
	}
	if c, _ := p.charge(gift); c.State != "declined" {
		t.Errorf("%+v", c)
	}
}

func TestScenarioTestGiftGoesAllTheWay(t *testing.T) {
	t.Parallel()
	p := begin(t)
	gift := p.gift("pm_card_visa", mark.Test)
	p.becomes(gift, "settled")
	if c, _ := p.charge(gift); c.State != "charged" {
		t.Errorf("%+v", c)
	}
}

func TestScenarioRefundByAnOperator(t *testing.T) {
	t.Parallel()
	p := begin(t)
	gift := p.gift("pm_card_visa")
	p.becomes(gift, "settled")
	_, id := p.charge(gift)
	back := func(body string, headers ...string) hosttest.Answer {
		return p.pay.Do("POST", "/payments/"+id+"/refunds", body, headers...)
	}
	if a := back(`{"amount":"4","reason":"asked for"}`); a.Status != 401 {
		t.Errorf("a stranger: %d %s", a.Status, a.Body)
	}
	for range 2 { // a double click gives back once
		if a := back(`{"amount":"4","reason":"asked for"}`, p.Operator()...); a.Status != 200 || !strings.Contains(a.Body, `"refunded":{"minor":400`) {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
	}
	if a := back(`{"amount":"21.01","reason":"too much"}`, p.Operator()...); a.Status != 400 || !strings.Contains(a.Body, "£21.00") {
		t.Errorf("more than is left: %d %s", a.Status, a.Body)
	}
	if v := p.becomes(gift, "partly_refunded"); *v.Kept != money.GBP(2100) {
		t.Errorf("%+v", v)
	}
	if c, _ := p.charge(gift); c.Refunded != money.GBP(400) {
		t.Errorf("%+v", c)
	}
	if a := back(`{"reason":"the rest"}`, p.Operator()...); a.Status != 200 {
		t.Errorf("the rest: %d %s", a.Status, a.Body)
	}
	p.becomes(gift, "refunded")
}

// PAY-7: what only a webhook tells, told twice.
func TestScenarioThreeDSecureByWebhookTwice(t *testing.T) {
	t.Parallel()
	p := begin(t)
	gift := p.gift("pm_card_threeDSecure2Required")
	p.Until("the acquirer waits for the donor", func() bool {
		all := p.charges(gift)
		return len(all) == 1 && all[0].State == "requires_action" && p.view(all[0].Reference[:36]).Next != ""
	})
	c, id := p.charge(gift)
	p.click(p.view(id).Next, url.Values{"do": {"yes"}})
	p.becomes(gift, "settled")
	event := fmt.Sprintf(`{"id":"evt_%s","type":"payment_intent.succeeded","data":{"object":{"id":%q,"object":"payment_intent","status":"succeeded",
		"amount_received":2500,"currency":"gbp","metadata":{"payment":%q,"attempt":%q}}}}`, p.Fresh(), c.ID, id, id+"-1")
	for range 2 {
		if a := p.pay.Do("POST", "/payments/webhooks/stripe", event, "Stripe-Signature", signed(webhookSecret, p.Now(), event)); a.Status != 200 {
			t.Errorf("%d %s", a.Status, a.Body)
		}
	}
	if v := p.view(id); v.State != "settled" || len(v.Attempts) != 1 {
		t.Errorf("%+v", v)
	}
	if v := p.becomes(gift, "settled"); *v.Kept != money.GBP(2500) {
		t.Errorf("%+v", v)
	}
}

// PAY-8: a dispute comes by webhook alone; won, the money is back.
func TestScenarioDispute(t *testing.T) {
	t.Parallel()
	p := begin(t)
	gift := p.gift("pm_card_visa")
	p.becomes(gift, "settled")
	c, _ := p.charge(gift)
	p.acquirer("/_/disputes", fmt.Sprintf(`{"charge":%q}`, c.ID))
	p.becomes(gift, "disputed")
	p.acquirer("/_/disputes/close", fmt.Sprintf(`{"charge":%q,"won":true}`, c.ID))
	p.becomes(gift, "settled")
}

// PAY-5, PAY-6: a webhook that nobody signed changes nothing.
func TestScenarioForgedWebhookIsRefused(t *testing.T) {
	t.Parallel()
	p := begin(t)
	gift := p.gift("pm_card_threeDSecure2Required")
	p.Until("the charge is asked for", func() bool { return len(p.charges(gift)) == 1 })
	c, id := p.charge(gift)
	event := fmt.Sprintf(`{"id":"evt_1","type":"payment_intent.succeeded","data":{"object":{"id":%q,"status":"succeeded","amount_received":2500,"currency":"gbp",
		"metadata":{"payment":%q,"attempt":%q}}}}`, c.ID, id, id+"-1")
	now := p.Now()
	for header, says := range map[string]string{"": "Stripe-Signature", signed("whsec_other", now, event): "secret", signed(webhookSecret, now, event+" "): "secret",
		signed(webhookSecret, now.Add(-time.Hour), event): "clock"} {
		a := p.pay.Do("POST", "/payments/webhooks/stripe", event, "Stripe-Signature", header)
		if a.Status != 400 || !strings.Contains(a.Body, says) || !strings.Contains(a.Body, "Nothing was changed") {
			t.Errorf("%q: %d %s, want 400 with %q", header, a.Status, a.Body, says)
		}
	}
	if a := p.pay.Do("POST", "/payments/webhooks/nobody", event); a.Status != 404 {
		t.Errorf("an acquirer that is not configured: %d %s", a.Status, a.Body)
	}
	if v := p.view(id); v.State != "pending" {
		t.Errorf("%+v", v)
	}
}

// PAY-23: without a method the donor pays on the acquirer's page; a declined card may be tried again there.
func TestScenarioPageOfTheAcquirer(t *testing.T) {
	t.Parallel()
	p := begin(t)
	gift := p.gift("")
	wish := fmt.Sprintf(`{"for":{"service":"donate","id":%q}}`, gift)
	var v, again payments.View
	a := p.pay.Do("POST", "/payments", wish)
	if a.Status != 201 {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	a.Data(t, &v)
	p.pay.Do("POST", "/payments", wish).Data(t, &again)
	if v.Next == "" || v.State != "pending" || again.ID != v.ID || again.Next != v.Next {
		t.Fatalf("%+v, asked again %+v", v, again)
	}
	p.click(v.Next, url.Values{"card": {"4000 0000 0000 0002"}, "do": {"pay"}})
	p.click(v.Next, url.Values{"card": {"4242 4242 4242 4242"}, "do": {"pay"}})
	p.becomes(gift, "settled")
	for body, want := range map[string]int{wish: 201, `{"for":{"service":"donate","id":"` + p.Fresh() + `"}}`: 404, `{"for":{"service":"payin","id":"x"}}`: 400, `{}`: 400} {
		if a := p.pay.Do("POST", "/payments", body); a.Status != want {
			t.Errorf("%s: %d %s, want %d", body, a.Status, a.Body, want)
		}
	}
}

func TestScenarioPayoutOnce(t *testing.T) {
	t.Parallel()
	p := begin(t)
	body := fmt.Sprintf(`{"acquirer":"stripe","reference":"po_%s","amount":{"minor":900,"currency":"GBP"}}`, p.Fresh())
	if a := p.pay.Do("POST", "/payments/payouts", body); a.Status != 401 {
		t.Errorf("a stranger: %d %s", a.Status, a.Body)
	}
	for range 2 {
		if a := p.pay.Do("POST", "/payments/payouts", body, p.Operator()...); a.Status != 200 || !strings.Contains(a.Body, `"owed":{"GBP":`) {
			t.Errorf("%d %s", a.Status, a.Body)
		}
	}
	if a := p.pay.Do("POST", "/payments/payouts", strings.Replace(body, "900", "901", 1), p.Operator()...); a.Status != 409 {
		t.Errorf("another amount: %d %s", a.Status, a.Body)
	}
}

func TestScenarioSaysHowItIsAndWhatItTakes(t *testing.T) {
	t.Parallel()
	p := begin(t)
	if a := p.pay.Do("GET", "/payments/health", ""); a.Status != 200 || !strings.Contains(a.Body, `"OK"`) {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	var doc struct{ OpenAPI string }
	if a := p.pay.Do("GET", "/payments/openapi.json", ""); a.Status != 200 || json.Unmarshal([]byte(a.Body), &doc) != nil || doc.OpenAPI == "" {
		t.Errorf("%d %.80s", a.Status, a.Body)
	}
}

func TestScenarioPausedByAnOperatorAndBack(t *testing.T) {
	p := begin(t)
	p.pay.Pauses(t, "GET", "/payments/none", "", 401)
}
