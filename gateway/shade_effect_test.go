package gateway

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"testing"

	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/diff"
	"github.com/banyan-migration/banyan/gateway/shadow"
	"github.com/banyan-migration/banyan/shared/form"
)

// effectPorts are ports to an old site that has stored a gift and a service that would.
func effectPorts(log *slog.Logger) shadow.Options {
	row := form.Record{Form: "donate", NID: 2, SID: 7, Values: map[string][]string{"amount": {"10"}}}
	return shadow.Options{Log: log, Stored: func(context.Context, int64, int64) (form.Record, error) { return row, nil },
		Wrote: func(context.Context, string, json.RawMessage) (form.Record, error) { return row, nil }}
}

var gift = url.Values{"form_id": {"webform_client_form_2"}, "form_build_id": {"form-x"}, "submitted[amount]": {"10"}, "submitted[first_name]": {"Ann"},
	"submitted[last_name]": {"Bee"}, "submitted[email]": {"ann@example.org"}, "op": {"Donate"}}.Encode()

// H-10: a side that has not acknowledged a shadow gets no write; its operator is told once, and the status says it.
func TestNoWriteGoesToASideThatDoesNotKnowShadows(t *testing.T) {
	t.Parallel()
	services := newOrigin(t, func(o *origin, r *bufio.Reader, c net.Conn) {
		for o.hear(r) {
			io.WriteString(c, ok)
		}
	})
	told := new(safeBuffer)
	drupal := answering(t, "HTTP/1.1 302 Found\r\nLocation: http://h/node/2/done?sid=7\r\nContent-Length: 0\r\n\r\n")
	w, c, _ := shadowed(t, fmt.Sprintf(donation, drupal.addr, services.addr), 10000, effectPorts(slog.New(slog.NewTextHandler(told, nil))), cutover.Group{Phase: cutover.Shadow})
	for range 3 {
		if got := w.ask(post("/donate", gift, "Content-Type: application/x-www-form-urlencoded")); status(got) != "302" {
			t.Fatalf("the donor got %q", got)
		}
	}
	eventually(t, "three are dropped", func() bool { return collected(t, c, "banyan_shadow_dropped_total", "donate,unproven") == 3 })
	for _, r := range services.requests() {
		if !strings.HasPrefix(r, "GET /donate/health ") {
			t.Errorf("the services got %.80q", r)
		}
	}
	if n := strings.Count(told.String(), "does not acknowledge shadow requests"); n != 1 {
		t.Errorf("it is said %d times: %s", n, told)
	}
	if s := c.Status()[0].Writes; !strings.HasPrefix(s, "not sent: ") {
		t.Errorf("the status says %q", s)
	}
}

// services acknowledge shadows in their health, and in what they answer to a gift if they are asked so often.
func services(t testing.TB, acknowledged int) *origin {
	return newOrigin(t, func(o *origin, r *bufio.Reader, c net.Conn) {
		for o.hear(r) {
			all := o.requests()
			id := value(all[len(all)-1], "X-Request-Id")
			if strings.HasPrefix(all[len(all)-1], "POST") {
				if acknowledged--; acknowledged < 0 {
					id = ""
				}
			}
			body := `{"data":{"id":"g"},"shadow":{"writes":[],"messages":[{"type":"payments.requested"}]}}`
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nX-Banyan-Shadow-Ack: %s\r\nContent-Length: %d\r\n\r\n%s", id, len(body), body)
		}
	})
}

// H-9: a gift that Drupal has stored goes to the service as the adapter sends gifts, marked, and once.
func TestAGiftIsPutToTheServiceAsAShadow(t *testing.T) {
	t.Parallel()
	side := services(t, 1)
	drupal := answering(t, "HTTP/1.1 302 Found\r\nLocation: http://h/node/2/done?sid=7\r\nContent-Length: 0\r\n\r\n")
	told := new(safeBuffer)
	w, c, heard := shadowed(t, fmt.Sprintf(donation, drupal.addr, side.addr), 10000, effectPorts(slog.New(slog.NewTextHandler(told, nil))), cutover.Group{Phase: cutover.Shadow})
	give := func() { w.ask(post("/donate", gift, "Content-Type: application/x-www-form-urlencoded")) }
	give()
	p := heard.of(t, 1)[0]
	if !p.Effect || p.Class != diff.EqualEffect || p.Result.Outcome != diff.Equal || p.New.Status != 302 {
		t.Errorf("the pair is %+v", p)
	}
	all := side.requests()
	if len(all) != 2 || !strings.HasPrefix(all[1], "POST /donations HTTP/1.1") || !strings.Contains(all[1], `"amount":"10.00"`) || value(all[1], "Host") != "h" {
		t.Errorf("the service got %q", all)
	}
	if c.Status()[0].Writes != "sent" {
		t.Errorf("%+v", c.Status())
	}
	// The second gift is not acknowledged: whoever answered may have kept it. No third one goes there.
	give()
	heard.of(t, 2)
	give()
	eventually(t, "the third is dropped", func() bool { return collected(t, c, "banyan_shadow_dropped_total", "donate,unproven") == 1 })
	if n := len(side.requests()); n != 3 || !strings.Contains(told.String(), "it may be live there") {
		t.Errorf("%d requests; told: %s", n, told)
	}
}

// H-3: what is longer than 64 KB, and what is not the form, is legacy's alone.
func TestWhatTheAdapterWouldNotTakeIsNotCopied(t *testing.T) {
	t.Parallel()
	for reason, body := range map[string]string{
		"body":    gift + "&submitted%5Bmessage%5D=" + strings.Repeat("x", 64<<10),
		"foreign": strings.Replace(gift, "webform_client_form_2", "user_login_block", 1),
	} {
		side := services(t, 0)
		w, c, _ := shadowed(t, fmt.Sprintf(donation, answering(t, ok).addr, side.addr), 10000, effectPorts(nil), cutover.Group{Phase: cutover.Shadow})
		if got := w.ask(post("/donate", body, "Content-Type: application/x-www-form-urlencoded")); content(got) != "ok" {
			t.Errorf("%s: the donor got %q", reason, got)
		}
		eventually(t, reason, func() bool { return collected(t, c, "banyan_shadow_dropped_total", "donate,"+reason) == 1 })
		if n := len(side.requests()); n != 0 {
			t.Errorf("%s: the service got %d requests", reason, n)
		}
	}
}
