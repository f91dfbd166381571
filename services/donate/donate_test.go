package donate_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/services/donate"
	"github.com/banyan-migration/banyan/shared/event"
	"github.com/banyan-migration/banyan/shared/fault"
	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/host/hosttest"
	"github.com/banyan-migration/banyan/shared/kv"
	"github.com/banyan-migration/banyan/shared/mark"
	"github.com/banyan-migration/banyan/shared/money"
)

const sian = `{"amount":"25.00","currency":"GBP","giving":"single","title":"Ms","first_name":"Siân","last_name":"O'Neill","email":"sian@example.org",` +
	`"phone":"07700 900123","address1":"1 Heol y Bont","town":"Caerdydd","postcode":"cf10 1aa","country":"GB","gift_aid":true,"email_consent":null,` +
	`"message":"Good luck & thank you","reference":"CR-1","payment":{"method":"test"}}`

func start(t *testing.T) (*hosttest.World, *hosttest.Service) {
	w := hosttest.NewWorld(t)
	return w, w.Start(t, donate.New)
}

// with is sian's request with some fields changed; a nil value takes the field away.
func with(t *testing.T, changes map[string]any) string {
	t.Helper()
	fields := map[string]any{}
	if err := json.Unmarshal([]byte(sian), &fields); err != nil {
		t.Fatal(err)
	}
	for name, value := range changes {
		fields[name] = value
		if value == nil {
			delete(fields, name)
		}
	}
	raw, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func give(t *testing.T, s *hosttest.Service, body string, headers ...string) donate.View {
	t.Helper()
	a := s.Do("POST", "/donations", body, headers...)
	if a.Status != 201 {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	var v donate.View
	a.Data(t, &v)
	return v
}

func state(t *testing.T, s *hosttest.Service, id string) donate.View {
	t.Helper()
	a := s.Do("GET", "/donations/"+id, "")
	if a.Status != 200 {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	var v donate.View
	a.Data(t, &v)
	return v
}

func lines(t *testing.T, s *hosttest.Service) []string {
	t.Helper()
	var b strings.Builder
	if err := donate.Reconcile(t.Context(), s.Store, &b); err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
}

func TestGiftAndItsPaymentAreOneCommit(t *testing.T) {
	t.Parallel()
	_, s := start(t)
	v := give(t, s, sian)
	if v.State != "pending" || v.Amount != money.GBP(2500) || v.Kept != nil || len(v.ID) != 32 {
		t.Errorf("%+v", v)
	}
	sent := s.Unsent()
	var wish event.Requested
	if len(sent) != 1 || sent[0].Type != event.PaymentsRequested || sent[0].For != (event.For{Service: "donate", ID: v.ID}) ||
		json.Unmarshal(sent[0].Data, &wish) != nil || wish != (event.Requested{Sequence: 1, Amount: money.GBP(2500), Method: "test"}) {
		t.Errorf("sent %+v", sent)
	}
	if got := lines(t, s); len(got) != 1 || got[0] != `{"ref":"CR-1","id":"`+v.ID+`","amount":"25.00","state":"pending"}` {
		t.Errorf("%q", got)
	}
	if a := s.Do("GET", "/donations/"+v.ID, ""); strings.Contains(a.Body, "Neill") || strings.Contains(a.Body, "example.org") {
		t.Errorf("the public answer names the donor: %s", a.Body)
	}
	if len(s.Do("GET", "/donations/nobody", "").Body) == 0 || s.Do("GET", "/donations/nobody", "").Status != 404 {
		t.Error("an unknown gift is found")
	}
}

func TestGiftWithoutAMethodSendsNothing(t *testing.T) {
	t.Parallel()
	_, s := start(t)
	give(t, s, with(t, map[string]any{"payment": nil}))
	if sent := s.Unsent(); len(sent) != 0 {
		t.Errorf("sent %v", sent)
	}
}

func TestDoubleClickGivesOnce(t *testing.T) {
	t.Parallel()
	w, s := start(t)
	first := give(t, s, sian)
	w.Advance(9*time.Minute + 59*time.Second) // into the next window of ten minutes
	if again := give(t, s, sian); again != first {
		t.Errorf("%+v, want %+v", again, first)
	}
	if n := len(s.Unsent()); n != 1 {
		t.Errorf("%d payments were asked for", n)
	}
	if other := give(t, s, with(t, map[string]any{"amount": "25.01"})); other.ID == first.ID {
		t.Error("another gift was taken for the same")
	}
	w.Advance(time.Second)
	if later := give(t, s, sian); later.ID == first.ID {
		t.Error("the same gift ten minutes later is another gift")
	}
	if n := len(lines(t, s)); n != 3 {
		t.Errorf("%d gifts, want 3", n)
	}
}

func TestSameKeyIsTheSameGiftAndAnotherBodyAConflict(t *testing.T) {
	t.Parallel()
	w, s := start(t)
	first := give(t, s, sian, "Idempotency-Key", "form-1")
	w.Advance(23 * time.Hour)
	if again := give(t, s, sian, "Idempotency-Key", "form-1"); again.ID != first.ID {
		t.Errorf("%+v, want %+v", again, first)
	}
	if a := s.Do("POST", "/donations", with(t, map[string]any{"amount": "30"}), "Idempotency-Key", "form-1"); a.Status != 409 {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	if other := give(t, s, sian, "Idempotency-Key", "form-2"); other.ID == first.ID {
		t.Error("another key, the same gift")
	}
	if n := len(s.Unsent()); n != 2 {
		t.Errorf("%d payments were asked for, want 2", n)
	}
}

func TestIdsAreSecretAndStayAcrossARestart(t *testing.T) {
	t.Parallel()
	w, s := start(t)
	first := give(t, s, sian, "Idempotency-Key", "k")
	if again := give(t, w.Start(t, donate.New), sian, "Idempotency-Key", "k"); again.ID != first.ID {
		t.Error("the id changed over a restart")
	}
	other := hosttest.NewWorld(t)
	other.Setenv("BANYAN_KEY", "another-secret-of-16")
	if v := give(t, other.Start(t, donate.New), sian, "Idempotency-Key", "k"); v.ID == first.ID {
		t.Error("the id can be computed without our secret")
	}
}

func TestEveryWrongFieldIsNamedInTheDonorsWords(t *testing.T) { // DON-3, PCI-2, PCI-3, GA-1
	t.Parallel()
	_, s := start(t)
	for _, c := range []struct {
		change map[string]any
		wrong  map[string]string
	}{
		{map[string]any{"amount": "", "first_name": " ", "last_name": "", "email": "not an email"}, map[string]string{
			"amount": "Please enter an amount", "first_name": "Please enter your first name", "last_name": "Please enter your last name",
			"email": "Please enter a valid email address, as name@example.org"}},
		{map[string]any{"amount": "0.99"}, map[string]string{"amount": "Please enter an amount of at least £1"}},
		{map[string]any{"amount": "0"}, map[string]string{"amount": "Please enter an amount of at least £1"}},
		{map[string]any{"amount": "25000.01"}, map[string]string{"amount": "Please enter an amount of at most £25,000. For a larger gift, please get in touch with us"}},
		{map[string]any{"amount": 1000000}, map[string]string{"amount": "Please enter an amount of at most £25,000. For a larger gift, please get in touch with us"}},
		{map[string]any{"amount": "£1O"}, map[string]string{"amount": "Please enter an amount in pounds and pence, as 10 or 10.50"}},
		{map[string]any{"amount": json.RawMessage("1e3")}, map[string]string{"amount": "Please enter an amount in pounds and pence, as 10 or 10.50"}},
		{map[string]any{"amount": "-5"}, map[string]string{"amount": "Please enter an amount in pounds and pence, as 10 or 10.50"}},
		{map[string]any{"amount": "10.505"}, map[string]string{"amount": "Please enter an amount in pounds and pence, as 10 or 10.50"}},
		{map[string]any{"currency": "EUR"}, map[string]string{"currency": "We take gifts in pounds (GBP)"}},
		{map[string]any{"giving": "yearly"}, map[string]string{"giving": "Please choose to give once (single) or every month (monthly)"}},
		{map[string]any{"first_name": "4242 4242"}, map[string]string{"first_name": "Please enter a name without numbers"}},
		{map[string]any{"message": "card 4242 4242 4242 4242"}, map[string]string{"message": "Please do not write a card number here"}},
		{map[string]any{"message": strings.Repeat("a", 2001)}, map[string]string{"message": "Please make this shorter"}},
		{map[string]any{"postcode": "ZZ99 9ZZZ"}, map[string]string{"postcode": "Please enter a valid UK postcode, as SW1A 1AA"}},
		{map[string]any{"postcode": "", "address1": ""}, map[string]string{
			"address1": "Please enter your home address: Gift Aid needs it", "postcode": "Please enter your postcode: Gift Aid needs it"}},
		{map[string]any{"payment": map[string]any{"method": ""}}, map[string]string{"payment": "Please choose how to pay"}},
		{map[string]any{"payment": map[string]any{"card": "4242424242424242"}}, map[string]string{"payment": "is not in the expected form"}},
		{map[string]any{"cvv": "123"}, map[string]string{"cvv": "is not a field of this request"}},
		{map[string]any{"gift_aid": "perhaps"}, map[string]string{"gift_aid": "must be yes or no"}},
	} {
		a := s.Do("POST", "/donations", with(t, c.change))
		var refused struct {
			Data  map[string]any      `json:"data"`
			Wrong map[string][]string `json:"validation_errors"`
		}
		if err := json.Unmarshal([]byte(a.Body), &refused); err != nil {
			t.Fatal(a.Body, err)
		}
		want := map[string][]string{}
		for field, text := range c.wrong {
			want[field] = []string{text}
		}
		if a.Status != 400 || !reflect.DeepEqual(refused.Wrong, want) {
			t.Errorf("%v: %d %v\nwant %v", c.change, a.Status, refused.Wrong, want)
		}
	}
	if got := lines(t, s); got[0] != "" || len(s.Unsent()) != 0 {
		t.Errorf("a refused gift was kept: %q", got)
	}
}

func TestManyGiftsAreTakenThatALaxerOrStricterFormWouldNot(t *testing.T) {
	t.Parallel()
	_, s := start(t)
	for _, change := range []map[string]any{
		{"amount": 10}, {"amount": "1"}, {"amount": "25000"}, {"amount": map[string]any{"minor": 1000, "currency": "GBP"}}, {"giving": "SINGLE"}, {"currency": nil, "giving": nil},
		{"phone": "ask my mum"}, {"postcode": "", "address1": "", "gift_aid": false}, {"postcode": "75001", "country": "France"}, {"country": "United Kingdom"}, {"title": nil, "message": nil},
		{"gift_aid": nil}, {"first_name": "李", "last_name": "Łukasz"},
	} {
		give(t, s, with(t, change))
	}
}

func TestLimitsAreTheCharitys(t *testing.T) { // DON-3
	t.Parallel()
	w := hosttest.NewWorld(t)
	w.Setenv("DONATE_MIN", "5")
	w.Setenv("DONATE_MAX", "5000")
	s := w.Start(t, donate.New)
	for amount, status := range map[string]int{"4.99": 400, "5": 201, "5000": 201, "5000.01": 400} {
		if a := s.Do("POST", "/donations", with(t, map[string]any{"amount": amount})); a.Status != status {
			t.Errorf("%s: %d %s", amount, a.Status, a.Body)
		}
	}
}

// told is a message of payments about a gift.
func told(t *testing.T, s *hosttest.Service, id, kind string, data any) {
	t.Helper()
	if err := s.Take(event.New("m-"+kind, kind, hosttest.Noon, event.For{Service: "donate", ID: id}, data)); err != nil {
		t.Fatal(err)
	}
}

var all = money.GBP(2500)

// facts are what payments may tell of one gift, and what the gift is when all have come, in any order.
var facts = map[string]struct {
	says  []event.Message
	state string
	kept  int64
}{
	"settled":                {says(event.PaymentsSettled, taken), "settled", 2500},
	"refused":                {says(event.PaymentsRefused, event.Refused{Text: "No", Retry: true}), "refused", 0},
	"refused, tried again":   {says(event.PaymentsRefused, event.Refused{Text: "No"}, event.PaymentsSettled, taken), "settled", 2500},
	"refunded in part":       {says(event.PaymentsSettled, taken, event.PaymentsRefunded, back("r1", 1000)), "partly_refunded", 1500},
	"refunded in two":        {says(event.PaymentsSettled, taken, event.PaymentsRefunded, back("r1", 1000), event.PaymentsRefunded, back("r2", 1500)), "refunded", 0},
	"refund failed (PAY-9)":  {says(event.PaymentsSettled, taken, event.PaymentsRefunded, back("r1", 1000), event.PaymentsRefundFailed, event.RefundFailed{Refund: "r1", Amount: money.GBP(1000)}), "settled", 2500},
	"disputed":               {says(event.PaymentsSettled, taken, event.PaymentsDisputed, event.Disputed{Dispute: "d1", Amount: all}), "disputed", 2500},
	"dispute won":            {says(event.PaymentsSettled, taken, event.PaymentsDisputed, event.Disputed{Dispute: "d1", Amount: all}, event.PaymentsDisputeClosed, event.DisputeClosed{Dispute: "d1", Amount: all, Won: true}), "settled", 2500},
	"dispute lost (PAY-8)":   {says(event.PaymentsSettled, taken, event.PaymentsDisputed, event.Disputed{Dispute: "d1", Amount: all}, event.PaymentsDisputeClosed, event.DisputeClosed{Dispute: "d1", Amount: all}), "lost", 0},
	"an unheard-of new type": {says(event.PaymentsSettled, taken, "payments.celebrated", "hooray"), "settled", 2500},
}

var taken = event.Settled{Sequence: 1, Payment: "p1", Acquirer: "stripe", Amount: all, At: hosttest.Noon}

func back(id string, pence int64) event.Refunded {
	return event.Refunded{Refund: id, Amount: money.GBP(pence)}
}

func says(kindsAndData ...any) []event.Message {
	var all []event.Message
	for i := 0; i < len(kindsAndData); i += 2 {
		all = append(all, event.New(fmt.Sprint("m", i), kindsAndData[i].(string), hosttest.Noon, event.For{Service: "donate"}, kindsAndData[i+1]))
	}
	return all
}

// orders are all orders of n things.
func orders(n int) [][]int {
	if n == 0 {
		return [][]int{{}}
	}
	var all [][]int
	for _, shorter := range orders(n - 1) {
		for at := range n {
			order := append(append(append([]int{}, shorter[:at]...), n-1), shorter[at:]...)
			all = append(all, order)
		}
	}
	return all
}

func TestStateFollowsFromTheFactsInAnyOrderAndTwice(t *testing.T) { // PAY-7
	t.Parallel()
	for name, c := range facts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, s := start(t)
			for n, order := range orders(len(c.says)) {
				id := give(t, s, sian, "Idempotency-Key", fmt.Sprint(n)).ID
				for _, i := range append(order, order...) {
					m := c.says[i]
					m.For.ID = id
					if err := s.Take(m); err != nil {
						t.Fatal(err)
					}
				}
				v := state(t, s, id)
				if v.State != c.state || c.kept > 0 && *v.Kept != money.GBP(c.kept) {
					t.Errorf("in the order %v: %+v, want %s with %d kept", order, v, c.state, c.kept)
				}
			}
		})
	}
}

func TestMoneyWithoutAGiftIsNotForgotten(t *testing.T) {
	t.Parallel()
	_, s := start(t)
	m := event.New("m1", event.PaymentsSettled, hosttest.Noon, event.For{Service: "donate", ID: "nobody"}, taken)
	if err := s.Take(m); !errors.Is(err, kv.ErrNotFound) || !strings.Contains(err.Error(), "nobody") {
		t.Errorf("%v: want an error, so that the message comes again and is at last a dead letter", err)
	}
	m.Data = json.RawMessage(`{"amount":`)
	if err := s.Take(m); err == nil {
		t.Error("a message that cannot be read was swallowed")
	}
}

func TestRefusedGiftSaysWhyAndThatItMayBeTriedAgain(t *testing.T) {
	t.Parallel()
	_, s := start(t)
	id := give(t, s, sian).ID
	told(t, s, id, event.PaymentsRefused, event.Refused{Text: "Your card was not accepted", Retry: true})
	if v := state(t, s, id); v.Text != "Your card was not accepted" || !v.Retry {
		t.Errorf("%+v", v)
	}
}

func TestMonthlyGiftIsCollectedEveryMonthOnce(t *testing.T) {
	t.Parallel()
	w, s := start(t)
	w.Advance(18 * 24 * time.Hour) // the 31st of March: the next month is shorter
	first := give(t, s, with(t, map[string]any{"giving": "Monthly"}))
	var wish event.Requested
	if err := json.Unmarshal(s.Unsent()[0].Data, &wish); err != nil || wish.Mandate == "" {
		t.Fatalf("%+v, %v: the first collection says no mandate", wish, err)
	}
	tick := func(want int, when string) {
		t.Helper()
		for range 2 {
			if err := s.Tick(t.Context(), w.Now()); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(lines(t, s)); n != want {
			t.Errorf("%s: %d gifts, want %d", when, n, want)
		}
	}
	w.Advance(30 * 24 * time.Hour)
	tick(1, "while the mandate is not active")
	changed := func(revision int64, state string) {
		told(t, s, first.ID, event.PaymentsMandateChanged, event.MandateChanged{Mandate: wish.Mandate, Revision: revision, State: state})
	}
	changed(2, "active")
	changed(1, "failing") // late
	tick(2, "on 30 April")
	w.Advance(20 * 24 * time.Hour)
	tick(2, "on 20 May")
	w.Advance(11 * 24 * time.Hour)
	tick(3, "on 31 May")
	changed(3, "cancelled")
	w.Advance(90 * 24 * time.Hour)
	tick(3, "after it was cancelled")
	seen := map[int]bool{}
	for _, m := range s.Unsent() {
		if err := json.Unmarshal(m.Data, &wish); err != nil || seen[wish.Sequence] {
			t.Errorf("%+v, %v", wish, err)
		}
		seen[wish.Sequence] = true
	}
	if len(seen) != 3 {
		t.Errorf("collections %v", seen)
	}
}

func TestTestGiftsCarryTheirMark(t *testing.T) {
	t.Parallel()
	_, s := start(t)
	give(t, s, sian, mark.Header, hosttest.Keys.Sign("k1", mark.Test, hosttest.Noon, "POST", "/donations", []byte(sian)))
	if sent := s.Unsent(); len(sent) != 1 || sent[0].Mark != mark.Test {
		t.Errorf("%+v", sent)
	}
	if live := give(t, s, sian); len(lines(t, s)) != 2 {
		t.Errorf("a test gift stands for the live one %+v", live)
	}
}

var row = form.Record{Form: "donate", NID: 2, SID: 7, At: time.Date(2019, 3, 15, 21, 4, 5, 0, time.UTC), Values: map[string][]string{
	"amount": {" £1,250.00 "}, "title": {""}, "first_name": {"Zoë"}, "last_name": {"Li"}, "email": {"zoë@example.org"}, "phone": {"ask"}, "country": {"UK"},
	"gift_aid": {"1"}, "message": {"line\r\nbreak \"<b>\""}, "transaction_id": {"CR-7"},
}}

func TestImportedRowComesBackAsItWas(t *testing.T) {
	t.Parallel()
	_, s := start(t)
	writes, err := donate.Import(row)
	if err != nil || len(writes) != 1 || writes[0].If != kv.Absent || len(writes[0].Messages) != 0 {
		t.Fatalf("%+v, %v", writes, err)
	}
	if err := s.Store.Commit(t.Context(), writes...); err != nil {
		t.Fatal(err)
	}
	own := give(t, s, sian)
	var back []form.Record
	for after := ""; ; {
		records, next, err := donate.Records(t.Context(), s.Store, after, 1)
		if err != nil {
			t.Fatal(err)
		}
		back = append(back, records...)
		if after = next; next == "" {
			break
		}
	}
	if len(back) != 2 || !reflect.DeepEqual(back[0], row) {
		t.Fatalf("%+v\nwant first %+v", back, row)
	}
	if back[1].SID != 0 || back[1].Value("amount") != "25.00" || back[1].Value("gift_aid") != "1" || back[1].Value("postcode") != "CF10 1AA" {
		t.Errorf("our own gift: %+v", back[1])
	}
	if got := lines(t, s); got[0] != `{"ref":"CR-7","id":"d7-2-000000000007","amount":"1250.00","state":"settled_elsewhere"}` || !strings.Contains(got[1], own.ID) {
		t.Errorf("%q", got)
	}
	if a := s.Do("GET", "/donations/d7-2-000000000007", ""); a.Status != 404 {
		t.Errorf("an imported gift, whose id is no secret, is public: %d %s", a.Status, a.Body)
	}
}

func TestRowsThatAreNoGiftsSayWhy(t *testing.T) { // legacy rules 2 to 4
	t.Parallel()
	for reason, changes := range map[string][]map[string]string{
		"amount":     {{"amount": ""}, {"amount": "-5"}, {"amount": "0"}, {"amount": "£1O"}, {"amount": "1e3"}, {"amount": "9", "email": "x"}, {"amount": "5.005"}},
		"email":      {{"email": "x"}, {"email": "a b@example.org", "first_name": ""}},
		"first_name": {{"first_name": " "}},
	} {
		for _, change := range changes {
			r := row
			r.Values = maps.Clone(row.Values)
			for key, value := range change {
				r.Values[key] = []string{value}
			}
			if change["amount"] == "9" {
				delete(r.Values, "amount")
			}
			_, err := donate.Import(r)
			var f *fault.Error
			if !errors.As(err, &f) || f.Field != reason {
				t.Errorf("%v: %v, want the reason %s", change, err, reason)
			}
		}
	}
}

func TestCartsAreKeptForTheCharitysOwnPages(t *testing.T) { // DON-2
	t.Parallel()
	_, s := start(t)
	key := []string{"X-Api-Key", hosttest.OperatorKey}
	cart := `{"cartId":"rnd26","singleGiving":{"moneybuys":[{"value":5,"description":"a nose"},{"value":"10.50","description":"two"}]},"regularGiving":null}`
	if a := s.Do("PUT", "/carts/rnd26", cart); a.Status != 401 {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	for range 2 {
		if a := s.Do("PUT", "/carts/rnd26", cart, key...); a.Status != 200 {
			t.Errorf("%d %s", a.Status, a.Body)
		}
	}
	if a := s.Do("GET", "/carts/rnd26", "", key...); !strings.Contains(a.Body, `{"value":"10.50","description":"two"}`) || a.Status != 200 {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	for _, bad := range []string{`{"cartId":"other","singleGiving":null}`, `{}`, `{"singleGiving":{"moneybuys":[]}}`, `{"singleGiving":{"moneybuys":[{"value":"0"}]}}`} {
		if a := s.Do("PUT", "/carts/rnd26", bad, key...); a.Status != 400 {
			t.Errorf("%s: %d %s", bad, a.Status, a.Body)
		}
	}
	if a := s.Do("GET", "/carts/none", "", key...); a.Status != 404 {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	a := s.Do("GET", "/donate?amount=10.5&currency=GBP&givingType=MONTHLY&cartId=rnd26&siteurl=https%3A%2F%2Fwww.example.org%2Fa&affiliate=generic", "")
	var h donate.HandOver
	a.Data(t, &h)
	if h.Amount == nil || *h.Amount != money.GBP(1050) || h.Giving != "monthly" || h.Cart == nil || h.SiteURL != "https://www.example.org/a" || h.Affiliate != "generic" {
		t.Errorf("%s", a.Body)
	}
	if a := s.Do("GET", "/donate?amount=1e9&moneybuy=none&siteurl=javascript:x&givingType=weird", ""); a.Status != 200 || !strings.Contains(a.Body, `"amount":null,"giving":"single"`) || strings.Contains(a.Body, "javascript") {
		t.Errorf("%d %s", a.Status, a.Body)
	}
}

func TestWrongEnvironmentIsNamedAtOnce(t *testing.T) {
	t.Parallel()
	w := hosttest.NewWorld(t)
	for name, value := range map[string]string{"BANYAN_KEY": "", "DONATE_MIN": "one", "DONATE_MAX": "1e3"} {
		w.Setenv(name, value)
	}
	_, err := donate.New(w.Env("donate"))
	for _, name := range []string{"BANYAN_KEY is not set", "DONATE_MIN", "DONATE_MAX"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v: does not name %s", err, name)
		}
	}
}
