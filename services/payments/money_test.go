package payments_test

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/infra/fakes/psp"
	"github.com/banyan-migration/banyan/services/payments"
	"github.com/banyan-migration/banyan/shared/event"
	"github.com/banyan-migration/banyan/shared/host/hosttest"
	"github.com/banyan-migration/banyan/shared/money"
)

// PAY-9: a refund goes out, is told with its sum, and what fails later comes back, in any order of events.
func TestRefundThatFailsLater(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.take(ask("g1", "pm_card_visa", 1000))
	id := s.paymentOf("g1")
	if a := s.pay.Do("POST", "/payments/"+id+"/refunds", `{"amount":"4","reason":"asked for"}`); a.Status != 401 {
		t.Errorf("a stranger's refund: %d", a.Status)
	}
	for range 2 { // a double click gives back once
		if a := s.pay.Do("POST", "/payments/"+id+"/refunds", `{"amount":"4","reason":"asked for"}`, operator...); a.Status != 200 || !strings.Contains(a.Body, `"refunded":{"minor":400`) {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
	}
	if a := s.pay.Do("POST", "/payments/"+id+"/refunds", `{"amount":"6.01","reason":"too much"}`, operator...); a.Status != 400 || !strings.Contains(a.Body, "£6.00") {
		t.Errorf("more than is left: %d %s", a.Status, a.Body)
	}
	if b := s.balances(); b["donations:general"] != -600 || s.charged()[0].Refunded != money.GBP(400) {
		t.Errorf("balances: %v, charge %+v", b, s.charged())
	}
	if err := s.psp.FailRefund(s.charged()[0].ID); err != nil {
		t.Fatal(err)
	}
	s.deliver("refund.failed")
	s.deliver("refund") // the first, late, and the last again
	if b := s.balances(); b["donations:general"] != -1000 || s.said() != "settled refunded refund_failed" && !sameWords(s.said(), "settled refunded refund_failed") {
		t.Errorf("balances: %v, said %q", b, s.said())
	}
}

func sameWords(a, b string) bool {
	count := map[string]int{}
	for _, w := range strings.Fields(a) {
		count[w]++
	}
	for _, w := range strings.Fields(b) {
		count[w]--
	}
	for _, n := range count {
		if n != 0 {
			return false
		}
	}
	return true
}

// Money out above the limit needs a second operator, who asks for the same.
func TestLargeRefundNeedsASecondOperator(t *testing.T) {
	t.Parallel()
	s := open(t, with("PAYMENTS_REFUND_LIMIT", "5"))
	s.take(ask("g1", "pm_card_visa", 1000))
	id := s.paymentOf("g1")
	for range 2 {
		a := s.pay.Do("POST", "/payments/"+id+"/refunds", `{"reason":"asked for"}`, operator...)
		if a.Status != 200 || !strings.Contains(a.Body, `"state":"created"`) {
			t.Errorf("%d %s", a.Status, a.Body)
		}
	}
	s.tick(time.Hour)
	if got := s.charged()[0].Refunded; !got.IsZero() {
		t.Errorf("one operator alone gave back %v", got)
	}
}

// PAY-8: a dispute takes the money; won it comes back, lost it is the fund's loss; its close may come first.
func TestDispute(t *testing.T) {
	t.Parallel()
	for _, won := range []bool{true, false} {
		s := open(t)
		s.take(ask("g1", "pm_card_visa", 1000))
		charge := s.charged()[0].ID
		if err := s.psp.Dispute(charge); err != nil {
			t.Fatal(err)
		}
		if err := s.psp.CloseDispute(charge, won); err != nil {
			t.Fatal(err)
		}
		s.deliver("dispute.closed")
		s.deliver("dispute")
		want := map[bool]int64{true: -1000, false: 0}[won]
		if b := s.balances(); b["donations:general"] != want || b["disputes"] != 0 || !sameWords(s.said(), "settled disputed dispute_closed") {
			t.Errorf("won %v: balances %v, said %q", won, b, s.said())
		}
	}
}

// PAY-27: a success on an attempt that was given up is posted, flagged, and given back.
func TestLateSuccessIsGivenBack(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.take(ask("g1", "pm_card_threeDSecure2Required", 1000))
	id := s.paymentOf("g1")
	bank := s.view(id).Next
	failed := fmt.Sprintf(`{"id":"evt_x","type":"payment_intent.canceled","data":{"object":{"id":%q,"status":"canceled","currency":"gbp","metadata":{"payment":%q,"attempt":%q}}}}`,
		s.allCharges()[0].ID, id, id+"-1")
	if a := s.pay.Do("POST", "/payments/webhooks/stripe", failed, "Stripe-Signature", signed("whsec_banyan", hosttest.Noon, failed)); a.Status != 200 {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	s.take(ask("g1", "pm_card_visa", 1000)) // the donor's other card
	s.click(bank, url.Values{"do": {"yes"}})
	s.deliver("succeeded")
	s.tick(time.Minute)
	var back money.Amount
	for _, c := range s.charged() {
		back, _ = back.Add(c.Refunded)
	}
	if n := len(s.charged()); n != 2 || back != money.GBP(1000) {
		t.Errorf("charges: %+v", s.charged())
	}
	if b := s.balances(); b["donations:general"] != -1000 || !sameWords(s.said(), "refused settled") {
		t.Errorf("balances %v, said %q", b, s.said())
	}
}

func (s *stage) allCharges() []psp.Charge {
	s.t.Helper()
	all, err := s.psp.Charges()
	if err != nil {
		s.t.Fatal(err)
	}
	return all
}

func (s *stage) stored(id string) int64 {
	s.t.Helper()
	for part := range 16 {
		items, err := s.pay.Store.List(s.t.Context(), fmt.Sprintf("payment/%d", part), id, "", 1)
		if err != nil {
			s.t.Fatal(err)
		}
		if len(items) == 1 {
			return items[0].Rev
		}
	}
	return 0
}

// LED-4: whatever comes, in whatever order and however often, every book sums to nothing, and the fund has what was
// charged, less what went back and what was lost.
func TestLedgerSumsToNothingInAnyOrder(t *testing.T) {
	t.Parallel()
	methods := []string{"pm_card_visa", "pm_card_createDispute", "pm_card_refundFail", "pm_card_chargeDeclined", "vault:t1"}
	for seed := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, 7))
		s := open(t)
		for i := range 8 {
			method := methods[r.IntN(len(methods))]
			m := ask(fmt.Sprintf("g%d", i), method, int64(1+r.IntN(100000)))
			if r.IntN(4) == 0 {
				s.die(m)
			} else {
				s.take(m)
			}
			if all := s.allCharges(); r.IntN(2) == 0 && all[len(all)-1].State == "charged" {
				s.pay.Do("POST", "/payments/"+s.id()+"/refunds", fmt.Sprintf(`{"reason":"r","amount":{"minor":%d,"currency":"GBP"}}`, 1+r.Int64N(40000)),
					operator...)
			}
		}
		for range 3 {
			held := s.psp.Held()
			r.Shuffle(len(held), func(i, j int) { held[i], held[j] = held[j], held[i] })
			for _, e := range held {
				if status, err := s.psp.Deliver(t.Context(), e.ID); err != nil || status != 200 {
					t.Errorf("seed %d: %s: %d %v", seed, e.Type, status, err)
				}
				s.balances()
			}
			s.tick(time.Hour)
		}
		want := int64(0)
		disputed := int64(0)
		for _, c := range s.charged() {
			want += c.Amount.Minor() - c.Refunded.Minor()
		}
		err := payments.Ledger(t.Context(), s.pay.Store, "live", func(e payments.Entry) error {
			if e.Kind == "dispute" {
				disputed += e.Postings[0].Amount.Minor()
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if b := s.balances(); b["donations:general"] != -want || b["disputes"] != disputed {
			t.Errorf("seed %d: the fund has %d, want %d; disputes %d, want %d", seed, -b["donations:general"], want, b["disputes"], disputed)
		}
	}
}

// What came another way is posted once, and a payout moves what the acquirer owed to the bank.
func TestRecordedAndPaidOut(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.take(ask("g1", "pm_card_visa", 1000))
	for range 2 {
		s.take(event.New("m-r", event.PaymentsRecorded, hosttest.Noon, event.For{Service: "payin", ID: "p1"},
			event.Recorded{Sequence: 1, Amount: money.GBP(500), Way: "cheque", Reference: "C-1", At: hosttest.Noon}))
		a := s.pay.Do("POST", "/payments/payouts", `{"acquirer":"stripe","reference":"po_1","amount":{"minor":900,"currency":"GBP"}}`, operator...)
		if a.Status != 200 || !strings.Contains(a.Body, `"owed":{"GBP":59}`) {
			t.Errorf("%d %s", a.Status, a.Body)
		}
	}
	if a := s.pay.Do("POST", "/payments/payouts", `{"acquirer":"stripe","reference":"po_1","amount":{"minor":901,"currency":"GBP"}}`, operator...); a.Status != 409 {
		t.Errorf("another amount under the reference: %d", a.Status)
	}
	if b := s.balances(); b["bank"] != 1400 || b["donations:general"] != -1500 {
		t.Errorf("balances: %v", b)
	}
}
