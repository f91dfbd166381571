package payments_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/infra/fakes/psp"
	"github.com/banyan-migration/banyan/services/payments"
	"github.com/banyan-migration/banyan/shared/event"
	"github.com/banyan-migration/banyan/shared/host"
	"github.com/banyan-migration/banyan/shared/host/hosttest"
	"github.com/banyan-migration/banyan/shared/kv"
	"github.com/banyan-migration/banyan/shared/money"
)

// stage is payments with both acquirers standing in, and donate's gifts as far as payments asks for them.
type stage struct {
	*hosttest.World
	t    *testing.T
	psp  *psp.PSP
	door *psp.Door // to the acquirers
	at   string    // their address
	pay  *hosttest.Service
	gift map[string]string // donate's answer by the gift's id
	env  map[string]string
}

// setting changes a stage before it starts.
type setting func(*stage, *psp.Options)

func with(name, value string) setting {
	return func(s *stage, _ *psp.Options) { s.env[name] = value }
}

// open starts the stage. Webhooks are held until a test delivers them.
func open(t *testing.T, settings ...setting) *stage {
	t.Helper()
	s := &stage{World: hosttest.NewWorld(t), t: t, gift: map[string]string{}}
	o := psp.Options{Latency: psp.Constant(0), Settle: time.Nanosecond, Now: s.Now}
	var err error
	if s.door, err = psp.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	s.at = "http://" + s.door.Addr().String()
	donate := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		gift, ok := s.gift[strings.TrimPrefix(r.URL.Path, "/donations/")]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Write([]byte(gift))
	}))
	t.Cleanup(donate.Close)
	s.Client = &http.Client{Transport: &http.Transport{}}
	s.env = map[string]string{
		"PAYMENTS_PROVIDERS": "stripe=100 worldpay=0", "PAYMENTS_RETURN_URL": "https://charity.example/thanks?gift={id}", "SERVICES_URL": donate.URL,
		"PAYMENTS_FEES": "stripe GBP 2026-01-01 1.4% 20 20%",
		"STRIPE_URL":    s.at, "STRIPE_KEY": "sk_test_banyan", "STRIPE_WEBHOOK_SECRET": "whsec_banyan",
		"WORLDPAY_URL": s.at, "WORLDPAY_USER": "banyan", "WORLDPAY_PASSWORD": "banyan", "WORLDPAY_ENTITY": "default",
	}
	for _, set := range settings {
		set(s, &o)
	}
	for name, value := range s.env {
		s.Setenv(name, value)
	}
	if s.psp, err = psp.Open(o); err != nil {
		t.Fatal(err)
	}
	s.psp.SetWebhooks(psp.Webhooks{Hold: true})
	server := &http.Server{Handler: s.psp.Handler()}
	go server.Serve(s.door) // ends with the server
	s.pay = s.Start(t, payments.New)
	hooks := httptest.NewServer(s.pay)
	s.psp.Notify(psp.Hooks{Stripe: hooks.URL + "/payments/webhooks/stripe", Worldpay: hooks.URL + "/payments/webhooks/worldpay"})
	t.Cleanup(func() {
		s.Client.CloseIdleConnections()
		if err := s.psp.Close(); err != nil {
			t.Error(err)
		}
		server.Close()
		hooks.Close()
	})
	return s
}

// operator is the header of somebody of the charity's staff.
var operator = []string{"Authorization", "Bearer " + hosttest.OperatorKey}

// ask is donate's message.
func ask(gift, method string, pence int64) event.Message {
	return event.New("m-"+gift+method, event.PaymentsRequested, hosttest.Noon, event.For{Service: "donate", ID: gift},
		event.Requested{Sequence: 1, Amount: money.GBP(pence), Method: method})
}

func (s *stage) take(m event.Message) {
	s.t.Helper()
	if err := s.pay.Take(m); err != nil {
		s.t.Fatal(err)
	}
}

// charged are the charges that took money, as "psp gift pence" or, where the acquirer takes no metadata, without it.
func (s *stage) charged() []psp.Charge {
	s.t.Helper()
	all, err := s.psp.Charges()
	if err != nil {
		s.t.Fatal(err)
	}
	var taken []psp.Charge
	for _, c := range all {
		if c.State == "charged" {
			taken = append(taken, c)
		}
	}
	return taken
}

// said are the types of the messages so far, in order.
func (s *stage) said() string {
	var kinds []string
	for _, m := range s.pay.Unsent() {
		kinds = append(kinds, strings.TrimPrefix(m.Type, "payments."))
	}
	return strings.Join(kinds, " ")
}

// balances are the live book's, checked to sum to nothing (LED-4).
func (s *stage) balances() map[string]int64 {
	s.t.Helper()
	sums, err := payments.Balances(s.t.Context(), s.pay.Store, "live")
	if err != nil {
		s.t.Fatal(err)
	}
	total, out := int64(0), map[string]int64{}
	for account, by := range sums {
		total += by["GBP"]
		out[account] = by["GBP"]
	}
	if total != 0 {
		s.t.Errorf("the ledger sums to %d pence: %v", total, sums)
	}
	return out
}

// id is the payment's, as the acquirer was told it.
func (s *stage) id() string {
	s.t.Helper()
	all, err := s.psp.Charges()
	if err != nil || len(all) == 0 {
		s.t.Fatalf("no charge was asked for: %v", err)
	}
	return all[len(all)-1].Reference[:36]
}

func (s *stage) view(id string) payments.View {
	s.t.Helper()
	var v payments.View
	s.pay.Do("GET", "/payments/"+id, "", operator...).Data(s.t, &v)
	return v
}

// tick lets time pass and the sweeper come.
func (s *stage) tick(d time.Duration) {
	s.t.Helper()
	s.Advance(d)
	if err := s.pay.Tick(s.t.Context(), s.Now()); err != nil {
		s.t.Error(err)
	}
}

func TestSettles(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.take(ask("g1", "test", 1000))
	got := s.charged()
	if len(got) != 1 || got[0].Gift != "g1" || got[0].Amount != money.GBP(1000) || got[0].PSP != "stripe" {
		t.Fatalf("charges: %+v", got)
	}
	messages := s.pay.Unsent()
	if len(messages) != 1 {
		t.Fatalf("said: %s", s.said())
	}
	want := event.New(messages[0].ID, event.PaymentsSettled, hosttest.Noon, event.For{Service: "donate", ID: "g1"},
		event.Settled{Sequence: 1, Payment: s.id(), Amount: money.GBP(1000), Acquirer: "stripe", At: hosttest.Noon})
	if m := messages[0]; m.Type != want.Type || m.For != want.For || string(m.Data) != string(want.Data) {
		t.Errorf("said %s %s, want %s", m.Type, m.Data, want.Data)
	}
	// LED-6, LED-7: 1.4 % of £10 and 20p are 34p, and VAT on it 7p.
	if b := s.balances(); b["psp_clearing:stripe"] != 959 || b["donations:general"] != -1000 || b["fees:stripe"] != 41 {
		t.Errorf("balances: %v", b)
	}
	if v := s.view(s.id()); v.State != "settled" || v.Amount != money.GBP(1000) {
		t.Errorf("view: %+v", v)
	}
}

func TestChargedOnceWhenMessageComesTwice(t *testing.T) {
	t.Parallel()
	s := open(t)
	var group sync.WaitGroup
	for range 8 { // at once: the losers may have to come again, and nothing else
		group.Go(func() {
			for s.pay.Take(ask("g1", "test", 1000)) != nil {
			}
		})
	}
	group.Wait()
	s.take(ask("g1", "test", 1000))
	other := ask("g1", "test", 1000) // another message about the same gift, as two tabs would make
	other.ID = "m-other"
	s.take(other)
	s.tick(time.Minute)
	if n := len(s.charged()); n != 1 {
		t.Errorf("%d charges, want 1", n)
	}
	if got := s.said(); got != "settled" {
		t.Errorf("said %q, want settled once", got)
	}
	if b := s.balances(); b["donations:general"] != -1000 {
		t.Errorf("balances: %v", b)
	}
}

// paymentOf is the payment of a gift, found in the store.
func (s *stage) paymentOf(gift string) string {
	s.t.Helper()
	for part := range 16 {
		items, err := s.pay.Store.List(s.t.Context(), fmt.Sprintf("payment/%d", part), "", "", 100)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, item := range items {
			if strings.Contains(string(item.Data), `"id":"`+gift+`"`) {
				return item.Key.Sort
			}
		}
	}
	s.t.Fatalf("no payment for %s", gift)
	return ""
}

// die takes a message in a process that is killed while the acquirer is called: what it would write afterwards is lost.
func (s *stage) die(m event.Message) {
	s.t.Helper()
	env := host.Contained(host.Env{Store: &dying{Store: s.pay.Store}, Client: s.Client, Getenv: func(name string) string { return s.env[name] }, Now: s.Now, NewID: func() string { return "id-dead" }, Log: slog.New(slog.DiscardHandler)})
	service, err := payments.New(env)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := service.Queue(s.t.Context(), m); err == nil {
		s.t.Fatal("the dying process finished its work")
	}
}

// dying is a store whose process dies after its first commit.
type dying struct {
	kv.Store
	commits atomic.Int32
}

func (d *dying) Commit(ctx context.Context, writes ...kv.Write) error {
	if d.commits.Add(1) > 1 {
		return errors.New("killed")
	}
	return d.Store.Commit(ctx, writes...)
}
