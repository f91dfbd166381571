package donate_test

import (
	"bytes"
	"encoding/json"
	"mime/multipart"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/banyan-migration/banyan/services/donate"
	"github.com/banyan-migration/banyan/shared/host"
	"github.com/banyan-migration/banyan/shared/host/hosttest"
	"github.com/banyan-migration/banyan/shared/mark"
	"github.com/banyan-migration/banyan/shared/money"
)

// The scenarios play in every world (hosttest.WorldFile).

// somebody is the gift of a donor whom no earlier run knows; it asks for no payment.
func somebody(t *testing.T, w *hosttest.World) (body, email string) {
	t.Helper()
	email = w.Fresh() + "@example.org"
	return with(t, map[string]any{"email": email, "payment": nil}), email
}

func TestScenarioGiftAsJSONFormAndMultipart(t *testing.T) {
	t.Parallel()
	w, s := start(t)
	body, _ := somebody(t, w)
	form := url.Values{"amount": {"25.00"}, "first_name": {"Siân"}, "last_name": {"O'Neill & Söhne"}, "email": {w.Fresh() + "@example.org"}, "gift_aid": {"0"}, "message": {"50 % + more"}}
	var parts bytes.Buffer
	m := multipart.NewWriter(&parts)
	for name, value := range map[string]string{"amount": "25", "giving": "monthly", "first_name": "Zoë", "last_name": "Li", "email": w.Fresh() + "@example.org"} {
		if err := m.WriteField(name, value); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for kind, c := range map[string]struct{ body, giving string }{
		"application/json":                                {body, "single"},
		"application/x-www-form-urlencoded":               {form.Encode(), "single"},
		"application/x-www-form-urlencoded;charset=utf-8": {strings.Replace(form.Encode(), "25.00", "25", 1), "single"},
		m.FormDataContentType():                           {parts.String(), "monthly"},
	} {
		v := give(t, s, c.body, "Content-Type", kind)
		if want := (donate.View{ID: v.ID, State: "pending", Amount: money.GBP(2500), Giving: c.giving}); v != want || len(v.ID) != 32 || seen[v.ID] {
			t.Errorf("%s: %+v, want %+v", kind, v, want)
		}
		seen[v.ID] = true
		if got := state(t, s, v.ID); got != v {
			t.Errorf("%s: asked by its id: %+v, want %+v", kind, got, v)
		}
	}
	for target, want := range map[string]int{"/donations/" + w.Fresh(): 404, "/donations/": 404} {
		if a := s.Do("GET", target, ""); a.Status != want {
			t.Errorf("%s: %d %s", target, a.Status, a.Body)
		}
	}
}

func TestScenarioAskedByItsIdTellsNothingOfTheDonor(t *testing.T) {
	t.Parallel()
	w, s := start(t)
	body, email := somebody(t, w)
	a := s.Do("GET", "/donations/"+give(t, s, body).ID, "")
	for _, word := range []string{"Neill", email, "Heol", "CF10"} {
		if strings.Contains(a.Body, word) {
			t.Errorf("the answer has %q in it: %s", word, a.Body)
		}
	}
	if a.Status != 200 || !strings.HasPrefix(a.Header.Get("Content-Type"), "application/json") {
		t.Errorf("%d %v", a.Status, a.Header)
	}
}

func TestScenarioSameKeyOnceAnotherBodyConflict(t *testing.T) {
	t.Parallel()
	w, s := start(t)
	body, _ := somebody(t, w)
	key := w.Fresh()
	first := give(t, s, body, "Idempotency-Key", key)
	if again := give(t, s, body, "Idempotency-Key", key); again != first {
		t.Errorf("%+v, want %+v", again, first)
	}
	if a := s.Do("POST", "/donations", strings.Replace(body, "25.00", "30.00", 1), "Idempotency-Key", key); a.Status != 409 {
		t.Errorf("another body: %d %s", a.Status, a.Body)
	}
	if other := give(t, s, body, "Idempotency-Key", w.Fresh()); other.ID == first.ID {
		t.Error("another key, the same gift")
	}
	unkeyed := give(t, s, body)
	if again := give(t, s, body); again != unkeyed || unkeyed.ID == first.ID {
		t.Errorf("a double click without a key: %+v, want %+v", again, unkeyed)
	}
}

func TestScenarioEveryWrongFieldIsNamed(t *testing.T) {
	t.Parallel()
	_, s := start(t)
	for _, c := range []struct {
		change map[string]any
		wrong  map[string][]string
	}{
		{map[string]any{"amount": "10.505", "first_name": " ", "email": "nobody", "postcode": "ZZ99 9ZZZ"}, map[string][]string{
			"amount": {"Please enter an amount in pounds and pence, as 10 or 10.50"}, "first_name": {"Please enter your first name"},
			"email": {"Please enter a valid email address, as name@example.org"}, "postcode": {"Please enter a valid UK postcode, as SW1A 1AA"}}},
		{map[string]any{"amount": "0.99"}, map[string][]string{"amount": {"Please enter an amount of at least £1"}}},
		{map[string]any{"message": "4242 4242 4242 4242", "giving": "yearly"}, map[string][]string{
			"message": {"Please do not write a card number here"}, "giving": {"Please choose to give once (single) or every month (monthly)"}}},
		{map[string]any{"cvv": "123"}, map[string][]string{"cvv": {"is not a field of this request"}}},
	} {
		a := s.Do("POST", "/donations", with(t, c.change))
		var refused struct {
			Wrong map[string][]string `json:"validation_errors"`
		}
		if err := json.Unmarshal([]byte(a.Body), &refused); err != nil || a.Status != 400 || !reflect.DeepEqual(refused.Wrong, c.wrong) {
			t.Errorf("%v: %d %s (%v)\nwant %v", c.change, a.Status, a.Body, err, c.wrong)
		}
	}
	if a := s.Do("POST", "/donations", `{"amount":`); a.Status != 400 {
		t.Errorf("half a body: %d %s", a.Status, a.Body)
	}
	if a := s.Do("DELETE", "/donations", ""); a.Status != 405 && a.Status != 404 { // an API in front may know only what there is
		t.Errorf("a method that is not there: %d %s", a.Status, a.Body)
	}
}

func TestScenarioCartsAndTheHandOver(t *testing.T) { // DON-2
	t.Parallel()
	w, s := start(t)
	id := w.Fresh()
	cart := `{"cartId":"` + id + `","singleGiving":{"moneybuys":[{"value":5,"description":"a nose"},{"value":"10.50","description":"two – ü"}]},"regularGiving":null}`
	if a := s.Do("PUT", "/carts/"+id, cart); a.Status != 401 {
		t.Errorf("a stranger: %d %s", a.Status, a.Body)
	}
	if a := s.Do("GET", "/carts/"+id, "", w.Operator()...); a.Status != 404 {
		t.Errorf("before it is there: %d %s", a.Status, a.Body)
	}
	for range 2 {
		if a := s.Do("PUT", "/carts/"+id, cart, w.Operator()...); a.Status != 200 {
			t.Errorf("%d %s", a.Status, a.Body)
		}
	}
	if a := s.Do("GET", "/carts/"+id, "", w.Operator()...); a.Status != 200 || !strings.Contains(a.Body, `{"value":"10.50","description":"two – ü"}`) {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	if a := s.Do("PUT", "/carts/"+id, `{"singleGiving":{"moneybuys":[{"value":"0"}]}}`, w.Operator()...); a.Status != 400 {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	var h donate.HandOver
	s.Do("GET", "/donate?amount=10.5&currency=GBP&givingType=MONTHLY&cartId="+id+"&siteurl=https%3A%2F%2Fwww.example.org%2Fa%3Fb%3D1%26c&affiliate=generic", "").Data(t, &h)
	if h.Amount == nil || *h.Amount != money.GBP(1050) || h.Giving != "monthly" || h.Cart == nil || h.SiteURL != "https://www.example.org/a?b=1&c" || h.Affiliate != "generic" {
		t.Errorf("%+v", h)
	}
	if a := s.Do("GET", "/donate", ""); a.Status != 200 || !strings.Contains(a.Body, `"amount":null,"giving":"single"`) {
		t.Errorf("with nothing: %d %s", a.Status, a.Body)
	}
}

func TestScenarioTestGiftIsAnother(t *testing.T) {
	t.Parallel()
	w, s := start(t)
	body, _ := somebody(t, w)
	test := give(t, s, body, w.Marked(mark.Test, "POST", "/donations", body)...)
	if live := give(t, s, body); live.ID == test.ID {
		t.Error("a test gift stands for the live one")
	}
	if v := state(t, s, test.ID); v.State != "pending" {
		t.Errorf("%+v", v)
	}
}

func TestScenarioWrongMarkIsRefused(t *testing.T) {
	t.Parallel()
	w, s := start(t)
	body, _ := somebody(t, w)
	good := w.Marked(mark.Test, "POST", "/donations", body)[1]
	for what, value := range map[string]string{
		"nonsense": "nonsense", "another body's": w.Marked(mark.Test, "POST", "/donations", body+" ")[1], "another address's": w.Marked(mark.Test, "POST", "/donations?a=1", body)[1],
		"one letter off": good[:len(good)-1] + string('0'+(good[len(good)-1]-'0'+1)%2), "another kind": "shadow" + strings.TrimPrefix(good, "test"),
	} {
		if a := s.Do("POST", "/donations", body, mark.Header, value); a.Status != 403 || !strings.Contains(a.Body, "signature does not hold") {
			t.Errorf("%s: %d %s", what, a.Status, a.Body)
		}
	}
	if a := s.Do("POST", "/donations", body, mark.ClientHeader, "192.0.2.7;r;1;k1;00"); a.Status != 403 {
		t.Errorf("a visitor whom nobody signed: %d %s", a.Status, a.Body)
	}
}

func TestScenarioShadowKeepsNothingAndTellsWhatItWould(t *testing.T) {
	t.Parallel()
	w, s := start(t)
	body, email := somebody(t, w)
	body = strings.Replace(body, `"amount"`, `"payment":{"method":"test"},"amount"`, 1)
	a := s.Do("POST", "/donations", body, w.Marked(mark.Shadow, "POST", "/donations", body)...)
	var told struct {
		Data   donate.View
		Shadow struct {
			Writes   []struct{ Data donate.Gift }
			Messages []struct{ Type, Mark string }
		}
	}
	if err := json.Unmarshal([]byte(a.Body), &told); err != nil || a.Status != 201 || a.Header.Get(host.AckHeader) == "" {
		t.Fatalf("%d %v %s", a.Status, a.Header, a.Body)
	}
	if len(told.Shadow.Writes) != 1 || told.Shadow.Writes[0].Data.Donor.Email != email || len(told.Shadow.Messages) != 1 || told.Shadow.Messages[0].Mark != mark.Shadow {
		t.Errorf("told %+v", told.Shadow)
	}
	if a := s.Do("GET", "/donations/"+told.Data.ID, ""); a.Status != 404 {
		t.Errorf("a shadow was kept: %d %s", a.Status, a.Body)
	}
}

func TestScenarioSaysHowItIsAndWhatItTakes(t *testing.T) {
	t.Parallel()
	_, s := start(t)
	if a := s.Do("GET", "/donate/health", ""); a.Status != 200 || !strings.Contains(a.Body, `"OK"`) {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	var doc struct{ OpenAPI string }
	if a := s.Do("GET", "/donate/openapi.json", ""); a.Status != 200 || json.Unmarshal([]byte(a.Body), &doc) != nil || doc.OpenAPI == "" {
		t.Errorf("%d %.80s", a.Status, a.Body)
	}
	a := s.Do("GET", "/donate/nowhere", "")
	if a.Status != http.StatusNotFound {
		t.Errorf("%d %s", a.Status, a.Body)
	}
}

func TestScenarioPausedByAnOperatorAndBack(t *testing.T) {
	w, s := start(t)
	body, _ := somebody(t, w)
	s.Pauses(t, "POST", "/donations", body, 201)
}
