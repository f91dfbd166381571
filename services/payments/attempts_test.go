package payments_test

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/infra/fakes/psp"
	"github.com/banyan-migration/banyan/services/payments"
	"github.com/banyan-migration/banyan/shared/money"
)

// impatient gives up on an acquirer soon, so that no test waits ten seconds.
func impatient(s *stage, _ *psp.Options) { s.Client.Timeout = 200 * time.Millisecond }

// deaf is an address where nobody listens.
func deaf(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String()
}

// PAY-26: whatever happens after the order was sent, nobody is charged twice and nobody is charged elsewhere; asking
// again with the same key finds out.
func TestTimeoutAfterChargeIsNotChargedAgain(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{psp.HangAfter, psp.ResetAfter, psp.After, psp.Hang, psp.Reset, psp.Before, psp.TooMany} {
		for _, method := range []string{"pm_card_visa", "vault:t1"} {
			t.Run(kind+" "+method, func(t *testing.T) {
				t.Parallel()
				s := open(t, impatient)
				if err := s.psp.Plan(psp.Fault{PSP: psp.Stripe, Kind: kind, Times: 1}); err != nil {
					t.Fatal(err)
				}
				s.take(ask("g1", method, 1000))
				if got := s.said(); got != "" {
					t.Errorf("said %q before anybody knew", got)
				}
				if v := s.view(s.paymentOf("g1")); v.State != "pending" || v.Attempts[0].State != "unknown" {
					t.Errorf("view: %+v", v)
				}
				s.tick(time.Minute)
				if got := s.charged(); len(got) != 1 || got[0].PSP != psp.Stripe {
					t.Errorf("charges: %+v", got)
				}
				if got := s.said(); got != "settled" {
					t.Errorf("said %q", got)
				}
				s.balances()
			})
		}
	}
}

// PAY-26, PAY-30: a token that both acquirers take makes no difference once something was sent.
func TestNoFailoverAfterSend(t *testing.T) {
	t.Parallel()
	s := open(t, impatient)
	if err := s.psp.Plan(psp.Fault{PSP: psp.Stripe, Kind: psp.Hang}); err != nil {
		t.Fatal(err)
	}
	s.take(ask("g1", "vault:t1", 1000))
	for range 3 {
		s.tick(time.Hour)
	}
	v := s.view(s.paymentOf("g1"))
	if len(v.Attempts) != 1 || v.Attempts[0].State != "unknown" {
		t.Errorf("attempts: %+v", v.Attempts)
	}
	s.psp.Mend()
	s.tick(time.Hour)
	if got := s.charged(); len(got) != 1 || got[0].PSP != psp.Stripe || s.said() != "settled" {
		t.Errorf("charges: %+v, said %q", got, s.said())
	}
}

func TestFailoverWhenRefusedConnection(t *testing.T) {
	t.Parallel()
	s := open(t, with("STRIPE_URL", deaf(t)), with("PAYMENTS_FEES", "worldpay GBP 2026-01-01 1% 0 0%"))
	s.take(ask("g1", "vault:t1", 1000))
	got := s.charged()
	if len(got) != 1 || got[0].PSP != psp.Worldpay || got[0].Amount != money.GBP(1000) {
		t.Fatalf("charges: %+v", got)
	}
	v := s.view(s.paymentOf("g1"))
	if len(v.Attempts) != 2 || v.Attempts[0].State != "failed_not_sent" || v.Attempts[1].State != "succeeded" || s.said() != "settled" {
		t.Errorf("view: %+v, said %q", v, s.said())
	}
	if b := s.balances(); b["psp_clearing:worldpay"] != 990 {
		t.Errorf("balances: %v", b)
	}
}

// PAY-23: a card's token belongs to one acquirer; where that cannot be reached the donor is asked again.
func TestOwnTokenIsRefusedWhenNotSent(t *testing.T) {
	t.Parallel()
	s := open(t)
	if err := s.door.Shut(); err != nil {
		t.Fatal(err)
	}
	s.take(ask("g1", "pm_card_visa", 1000))
	if len(s.charged()) != 0 || s.said() != "refused" {
		t.Fatalf("charges %+v, said %q", s.charged(), s.said())
	}
	if m := s.pay.Unsent()[0]; !strings.Contains(string(m.Data), `"retry":true`) || !strings.Contains(string(m.Data), "not been charged") {
		t.Errorf("said %s", m.Data)
	}
	if err := s.door.Open(); err != nil {
		t.Fatal(err)
	}
	again := ask("g1", "pm_card_visa", 1000)
	again.ID = "m-again" // the donor's second click, not the first message again
	s.take(again)
	if len(s.charged()) != 1 || !sameWords(s.said(), "refused settled") {
		t.Errorf("charges %+v, said %q", s.charged(), s.said())
	}
}

// With nobody to reach, each acquirer is tried once, and then the donor is told.
func TestNobodyCanBeReached(t *testing.T) {
	t.Parallel()
	s := open(t)
	if err := s.door.Shut(); err != nil {
		t.Fatal(err)
	}
	s.take(ask("g1", "vault:t1", 1000))
	if v := s.view(s.paymentOf("g1")); len(v.Attempts) != 2 || v.State != "refused" || s.said() != "refused" || !strings.Contains(v.Text, "not been charged") {
		t.Errorf("view %+v, said %q", v, s.said())
	}
}

// ABUSE-6: one gift is no place to try out cards.
func TestTooManyCards(t *testing.T) {
	t.Parallel()
	s := open(t)
	for i := range 12 {
		m := ask("g1", "pm_card_chargeDeclined", 1000)
		m.ID = fmt.Sprint("m-", i)
		s.take(m)
	}
	if n := len(s.view(s.paymentOf("g1")).Attempts); n != 10 {
		t.Errorf("%d attempts, want 10", n)
	}
	for _, m := range s.pay.Unsent() {
		if strings.Contains(string(m.Data), `"retry":false`) {
			return
		}
	}
	t.Errorf("the donor was never told to stop: %s", s.said())
}

// PAY-28: an acquirer that is down is left alone but for a probe, and the message waits.
func TestBreakerOpensAndProbes(t *testing.T) {
	t.Parallel()
	s := open(t)
	if err := s.psp.Plan(psp.Fault{PSP: psp.Stripe, Kind: psp.Before}); err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		s.take(ask("g"+string(rune('a'+i)), "pm_card_visa", 1000))
	}
	s.take(ask("gz", "pm_card_visa", 1000)) // the eleventh waits, and the message with it is done
	s.take(ask("gz", "pm_card_visa", 1000))
	if v := s.view(s.paymentOf("gz")); v.State != "pending" || len(v.Attempts) != 0 {
		t.Fatalf("the eleventh: %+v", v)
	}
	s.gift["gp"] = `{"data":{"state":"pending","amount":{"minor":2500,"currency":"GBP"}}}`
	if a := s.pay.Do("POST", "/payments", `{"for":{"service":"donate","id":"gp"}}`); a.Status != 201 { // worldpay's page
		t.Errorf("a page while one acquirer is down: %d %s", a.Status, a.Body)
	}
	s.take(ask("gv", "vault:t1", 1000)) // the other acquirer takes it
	if got := s.charged(); len(got) != 1 || got[0].PSP != psp.Worldpay {
		t.Errorf("charges: %+v", got)
	}
	s.psp.Mend()
	s.take(ask("gw", "vault:t1", 1000)) // no probe yet: again the other acquirer
	s.Advance(time.Minute)
	s.take(ask("gx", "vault:t1", 1000)) // the probe goes to the first, which is well again
	all := s.charged()
	if got := []string{all[0].PSP, all[1].PSP, all[2].PSP}; len(all) != 3 || strings.Join(got, " ") != "worldpay worldpay stripe" {
		t.Errorf("charges: %+v", all)
	}
	s.tick(0) // those who waited, and those whose end was unknown
	s.take(ask("gy", "pm_card_visa", 1000))
	s.tick(time.Minute)
	if n := len(s.charged()); n != 15 {
		t.Errorf("%d charges, want 15", n)
	}
}

func TestDeclined(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.take(ask("g1", "pm_card_chargeDeclinedInsufficientFunds", 1000))
	if len(s.charged()) != 0 || s.said() != "refused" {
		t.Errorf("charges %+v, said %q", s.charged(), s.said())
	}
	if m := s.pay.Unsent()[0]; strings.Contains(string(m.Data), "insufficient") { // ABUSE-6
		t.Errorf("the donor is told why: %s", m.Data)
	}
	s.take(ask("g1", "pm_card_visa", 1000)) // another card, for the same gift
	s.take(ask("g1", "pm_card_chargeDeclinedInsufficientFunds", 1000))
	if n := len(s.charged()); n != 1 || !strings.Contains(s.said(), "settled") {
		t.Errorf("%d charges, said %q", n, s.said())
	}
}

// PCI-1, PCI-2: a card number is no method, and nothing keeps it. A test method needs a test acquirer.
func TestMethodsThatNobodyTakes(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, method := range []string{"4242424242424242", "pm_4242 4242 4242 4242", "cash", "https://elsewhere.example/4000-0000-0000-0002"} {
		s.take(ask("g"+method[:4], method, 1000))
	}
	if len(s.charged()) != 0 || s.said() != "refused refused refused refused" {
		t.Errorf("charges %+v, said %q", s.charged(), s.said())
	}
	items, err := s.pay.Store.List(t.Context(), "payment/0", "", "", 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range items {
		if strings.Contains(string(item.Data), "4242") {
			t.Errorf("kept: %s", item.Data)
		}
	}
	live := open(t, with("STRIPE_KEY", "sk_live_x"), with("STRIPE_URL", "https://api.stripe.example"))
	live.take(ask("g1", "test", 1000))
	if live.said() != "refused" {
		t.Errorf("a live acquirer took the test method: said %q", live.said())
	}
}

// PAY-29: killed between the write and the call. The message comes again, to a new process, which asks with the same
// key: charged once, whether the call had been made or not.
func TestKilledBetweenWriteAndCall(t *testing.T) {
	t.Parallel()
	for _, made := range []bool{false, true} {
		s := open(t, impatient)
		kind := psp.Hang
		if made {
			kind = psp.HangAfter
		}
		if err := s.psp.Plan(psp.Fault{Kind: kind, Times: 1}); err != nil {
			t.Fatal(err)
		}
		before := s.pay.Store
		s.die(ask("g1", "pm_card_visa", 1000))
		s.pay = s.Start(t, payments.New)
		if s.pay.Store != before {
			t.Fatal("the restart lost the store")
		}
		s.take(ask("g1", "pm_card_visa", 1000))
		if n := len(s.charged()); n != 1 || s.said() != "settled" {
			t.Errorf("call made: %v: %d charges, said %q", made, n, s.said())
		}
	}
}

// Nothing of Stripe's is believed for ever: after a key's day a payment that Stripe does not know was never made.
func TestNeverArrived(t *testing.T) {
	t.Parallel()
	s := open(t, impatient)
	if err := s.psp.Plan(psp.Fault{Kind: psp.Before}); err != nil {
		t.Fatal(err)
	}
	s.take(ask("g1", "pm_card_visa", 1000))
	for range 3 {
		s.tick(6 * time.Hour)
	}
	if s.said() != "" {
		t.Errorf("said %q before the key's day was over", s.said())
	}
	s.tick(6 * time.Hour)
	if len(s.charged()) != 0 || s.said() != "refused" {
		t.Errorf("charges %+v, said %q", s.charged(), s.said())
	}
}

// Worldpay keeps no keys: it is only asked, by our reference, until its queries must know.
func TestWorldpayIsAskedAndNotSentAgain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind, said string
		charges    int
	}{{psp.HangAfter, "settled", 1}, {psp.Hang, "refused", 0}} {
		s := open(t, impatient, with("PAYMENTS_PROVIDERS", "worldpay=1"))
		if err := s.psp.Plan(psp.Fault{PSP: psp.Worldpay, Kind: c.kind, Times: 1}); err != nil {
			t.Fatal(err)
		}
		s.take(ask("g1", "vault:t1", 1000))
		s.tick(20 * time.Minute)
		s.tick(20 * time.Minute)
		if n := len(s.charged()); n != c.charges || s.said() != c.said {
			t.Errorf("%s: %d charges, said %q; want %d and %q", c.kind, n, s.said(), c.charges, c.said)
		}
	}
}
