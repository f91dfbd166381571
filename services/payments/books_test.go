package payments_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/infra/fakes/psp"
	"github.com/banyan-migration/banyan/services/payments"
	"github.com/banyan-migration/banyan/shared/event"
	"github.com/banyan-migration/banyan/shared/host"
	"github.com/banyan-migration/banyan/shared/host/hosttest"
	"github.com/banyan-migration/banyan/shared/mark"
	"github.com/banyan-migration/banyan/shared/money"
)

// What is marked as test goes to the test address, into its own book, and says so in its messages.
func TestMarkedAsTest(t *testing.T) {
	t.Parallel()
	s := open(t, func(s *stage, _ *psp.Options) {
		s.env["STRIPE_TEST_URL"], s.env["STRIPE_TEST_KEY"], s.env["STRIPE_TEST_WEBHOOK_SECRET"] = s.at, "sk_test_banyan", "whsec_test"
		s.env["STRIPE_URL"] = deaf(t)
	})
	m := ask("g1", "test", 1000)
	m.Mark = mark.Test
	s.take(m)
	if got := s.pay.Unsent(); len(got) != 1 || got[0].Mark != mark.Test || got[0].Type != event.PaymentsSettled {
		t.Errorf("said %+v", got)
	}
	if len(s.balances()) != 0 {
		t.Errorf("the live book has %v", s.balances())
	}
	test, err := payments.Balances(t.Context(), s.pay.Store, "test")
	if err != nil || test["donations:general"]["GBP"] != -1000 {
		t.Errorf("the test book has %v %v", test, err)
	}
}

// Without a test address nothing that is marked as test is charged anywhere.
func TestMarkedAsTestWithoutATestAddress(t *testing.T) {
	t.Parallel()
	s := open(t)
	m := ask("g1", "pm_card_visa", 1000)
	m.Mark = mark.Test
	s.take(m)
	if len(s.charged()) != 0 || s.said() != "refused" {
		t.Errorf("charges %+v, said %q", s.charged(), s.said())
	}
}

// tape keeps what is sent to the acquirers.
type tape struct {
	mu   sync.Mutex
	sent []string
}

func (p *tape) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		p.mu.Lock()
		p.sent = append(p.sent, r.URL.Path+" "+string(raw))
		p.mu.Unlock()
		r.Body = io.NopCloser(strings.NewReader(string(raw)))
	}
	return http.DefaultTransport.RoundTrip(r)
}

// An acquirer is told the amount, the token and our references, and nothing of the donor.
func TestNothingOfTheDonorOnTheWire(t *testing.T) {
	t.Parallel()
	rec := &tape{}
	s := open(t, func(s *stage, _ *psp.Options) { s.Client.Transport = rec }, with("PAYMENTS_PROVIDERS", "stripe=1 worldpay=1"))
	for i := range 6 { // by their ids, some go to each
		s.take(ask("g"+string(rune('a'+i)), "vault:t1", 1000))
	}
	seen := map[string]bool{}
	id := regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}(-1)?`)
	gift := regexp.MustCompile(`%5Bgift%5D=g[a-f]|\[gift\]=g[a-f]|gift%3Dg[a-f]`)
	for _, sent := range rec.sent {
		seen[gift.ReplaceAllString(id.ReplaceAllString(sent, "ID"), "GIFT")] = true
	}
	want := map[string]bool{
		`/api/payments {"instruction":{"method":"card","narrative":{"line1":"Donation"},"paymentInstrument":{"href":"vault:t1","type":"token"},"settlement":{"auto":true},"value":{"amount":1000,"currency":"GBP"}},"merchant":{"entity":"default"},"transactionReference":"ID"}`: true,
		`/v1/payment_intents amount=1000&confirm=true&currency=gbp&metadata[attempt]=ID&metadataGIFT&metadata[payment]=ID&payment_method=vault%3At1&payment_method_types[0]=card&return_url=https%3A%2F%2Fcharity.example%2Fthanks%3FGIFT`:                                        true,
	}
	for sent := range seen {
		if !want[sent] {
			t.Errorf("sent: %s", sent)
		}
	}
	if len(seen) != len(want) {
		t.Errorf("%d kinds of request, want %d", len(seen), len(want))
	}
}

// Above the limit one operator asks and another agrees, by asking for the same.
func TestSecondOperatorAgrees(t *testing.T) {
	t.Parallel()
	s := open(t, with("PAYMENTS_REFUND_LIMIT", "5"))
	s.take(ask("g1", "pm_card_visa", 1000))
	id := s.paymentOf("g1")
	env := host.Contained(host.Env{Store: s.pay.Store, Client: s.Client, Getenv: func(name string) string { return s.env[name] }, Now: s.Now,
		NewID: func() string { return "id-x" }, Log: slog.New(slog.DiscardHandler)})
	service, err := payments.New(env)
	if err != nil {
		t.Fatal(err)
	}
	staff := map[string]host.Operator{}
	for _, name := range []string{"ann", "bob"} {
		sum := sha256.Sum256([]byte(name))
		staff[hex.EncodeToString(sum[:])] = host.Operator{Name: name, Roles: []string{"finance"}}
	}
	front := host.Front{Name: "payments", Operators: staff}.Handler(env, service)
	for _, step := range []struct {
		who, state string
		back       int64
	}{{"ann", "created", 0}, {"ann", "created", 0}, {"bob", "succeeded", 1000}, {"bob", "succeeded", 1000}} {
		r := httptest.NewRequest("POST", "/payments/"+id+"/refunds", strings.NewReader(`{"reason":"asked for"}`))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+step.who)
		w := httptest.NewRecorder()
		front.ServeHTTP(w, r)
		var a struct{ Data payments.View }
		if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || len(a.Data.Refunds) != 1 || a.Data.Refunds[0].State != step.state {
			t.Errorf("%s: %d %s %v", step.who, w.Code, w.Body, err)
		}
		if got := s.charged()[0].Refunded; got != money.GBP(step.back) {
			t.Errorf("after %s: %v went back", step.who, got)
		}
	}
}

// A refund whose answer is lost is asked about and never given twice, at either acquirer.
func TestRefundIsGivenOnceWhenItsAnswerIsLost(t *testing.T) {
	t.Parallel()
	for _, providers := range []string{"stripe=1", "worldpay=1"} {
		for _, kind := range []string{psp.ResetAfter, psp.Reset} {
			s := open(t, with("PAYMENTS_PROVIDERS", providers))
			s.take(ask("g1", "vault:t1", 1000))
			if err := s.psp.Plan(psp.Fault{Kind: kind, Times: 1}); err != nil {
				t.Fatal(err)
			}
			if a := s.pay.Do("POST", "/payments/"+s.paymentOf("g1")+"/refunds", `{"reason":"asked for"}`, operator...); a.Status != 200 {
				t.Errorf("%d %s", a.Status, a.Body)
			}
			s.tick(20 * time.Minute)
			s.tick(20 * time.Minute)
			back, fund := int64(1000), int64(0)
			if providers == "worldpay=1" && kind == psp.Reset { // no key to ask again with: the operator may
				back, fund = 0, -1000
			}
			if got := s.charged()[0].Refunded.Minor(); got != back {
				t.Errorf("%s %s: %d pence went back, want %d", providers, kind, got, back)
			}
			if b := s.balances(); b["donations:general"] != fund {
				t.Errorf("%s %s: balances %v", providers, kind, b)
			}
		}
	}
}

// A refund made in Stripe's own dashboard carries no word of ours; it is found by its charge and posted.
func TestRefundMadeInTheDashboard(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.take(ask("g1", "pm_card_visa", 1000))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.at+"/v1/refunds", strings.NewReader("amount=300&payment_intent="+s.charged()[0].ID))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer sk_test_banyan")
	res, err := s.Client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	s.deliver("refund")
	s.deliver("refund")
	if b := s.balances(); b["donations:general"] != -700 || !sameWords(s.said(), "settled refunded") {
		t.Errorf("balances %v, said %q", b, s.said())
	}
}

// Messages that make no sense are refused whole, so that somebody looks at them; types of tomorrow are left alone.
func TestMessagesThatMakeNoSense(t *testing.T) {
	t.Parallel()
	s := open(t)
	about := event.For{Service: "donate", ID: "g1"}
	for _, data := range []any{event.Requested{Sequence: 1, Amount: money.GBP(0), Method: "test"}, event.Requested{Sequence: 1, Amount: money.GBP(100)}, "text"} {
		if err := s.pay.Take(event.New("m", event.PaymentsRequested, hosttest.Noon, about, data)); err == nil {
			t.Errorf("%+v was taken", data)
		}
	}
	s.take(event.New("m", "payments.of_tomorrow", hosttest.Noon, about, struct{}{}))
	if len(s.charged()) != 0 {
		t.Errorf("charges: %+v", s.charged())
	}
}
