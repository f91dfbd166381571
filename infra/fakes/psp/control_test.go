package psp_test

import (
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/infra/fakes/psp"
)

func TestControls(t *testing.T) {
	t.Parallel()
	p, base := start(t, psp.Options{})
	if _, err := dial(base).pay("k1", "pm_card_visa", 1000); err != nil {
		t.Fatal(err)
	}
	id := charges(t, p)[0].ID
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"POST", "/_/faults", `{"kind":"after","times":1}`, 204}, {"POST", "/_/faults", `{"kind":"explode"}`, 400}, {"DELETE", "/_/faults", "", 204},
		{"POST", "/_/webhooks", `{"hold":true}`, 204}, {"POST", "/_/disputes", `{"charge":"` + id + `"}`, 204}, {"POST", "/_/disputes", `{"charge":"pi_9"}`, 400},
		{"POST", "/_/disputes/close", `{"charge":"` + id + `","won":true}`, 204}, {"POST", "/_/refunds/fail", `{"charge":"` + id + `"}`, 400},
	} {
		if status, body := worldpay(t, c.method, base+c.path, c.body); status != c.status {
			t.Errorf("%s %s: %d %s, want %d", c.path, c.body, status, body, c.status)
		}
	}
	want := `{"psp":"stripe","id":"` + id + `","reference":"p-k1","gift":"g-k1","amount":{"minor":1000,"currency":"GBP"},"refunded":{"minor":0,"currency":"GBP"},"state":"charged"}` + "\n"
	if _, body := worldpay(t, "GET", base+"/_/charges", ""); body != want {
		t.Errorf("charges:\n%s want\n%s", body, want)
	}
	var kinds []string
	for _, e := range p.Held() {
		kinds = append(kinds, e.Type)
	}
	if got := strings.Join(kinds, " "); got != "payment_intent.succeeded charge.dispute.created charge.dispute.closed" {
		t.Errorf("webhooks: %s", got)
	}
}

// The table's shares come out as they stand, and the same seed draws the same delays.
func TestLatencyTable(t *testing.T) {
	t.Parallel()
	a, b := psp.Table(psp.First, 20, 1), psp.Table(psp.First, 20, 1)
	count := map[time.Duration]int{}
	for range 10000 {
		d := a()
		if d != b() {
			t.Fatal("the same seed draws other delays")
		}
		count[d*20]++
	}
	for _, w := range psp.First {
		if got := count[w.Delay]; got < w.Share*100-300 || got > w.Share*100+300 {
			t.Errorf("%v: %d of 10000, want about %d", w.Delay, got, w.Share*100)
		}
	}
}
