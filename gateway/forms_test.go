package gateway

import (
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/gateway/cutover"
)

// When the services have another key, donors are told that nothing was taken; the operator is told why, once and not for
// each gift.
func TestForeignKeyIsSaidOnce(t *testing.T) {
	t.Parallel()
	const refusal = `{"data":{},"message":"The gateway's signature does not hold"}`
	service := answering(t, fmt.Sprintf("HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(refusal), refusal))
	told := new(safeBuffer)
	all := map[string]cutover.Group{"donate": {Weight: 10000, Phase: cutover.Full}}
	w := startWith(t, fmt.Sprintf(donation, answering(t, ok).addr, service.addr), func(g *Gateway) { g.o.Log = slog.New(slog.NewTextHandler(told, nil)) }, all)
	gift := url.Values{"form_id": {"webform_client_form_2"}, "form_build_id": {"form-x"}, "submitted[amount]": {"10"}, "submitted[first_name]": {"Ann"},
		"submitted[last_name]": {"Bee"}, "submitted[email]": {"ann@example.org"}, "op": {"Donate"}}.Encode()
	for range 3 {
		if got := w.ask(post("/donate", gift, "Content-Type: application/x-www-form-urlencoded")); status(got) != "502" || !strings.Contains(got, "nothing was taken") {
			t.Errorf("the donor is told %.300q", got)
		}
	}
	got := told.String()
	if strings.Count(got, "\n") != 1 || !strings.Contains(got, "the same BANYAN_KEY must be on both sides") || !strings.Contains(got, "key=k1") || !strings.Contains(got, "backend=services") {
		t.Errorf("the operator is told %q", got)
	}
	if strings.Contains(got, "Ann") || strings.Contains(got, "ann@") {
		t.Errorf("a donor is in %q", got)
	}
}

func TestSeldomIsOnceAMinute(t *testing.T) {
	t.Parallel()
	var s seldom
	began := time.Now()
	for _, c := range []struct {
		after time.Duration
		want  bool
	}{{0, true}, {time.Second, false}, {time.Minute - 1, false}, {time.Minute, true}, {time.Minute + time.Second, false}} {
		if got := s.due(began.Add(c.after)); got != c.want {
			t.Errorf("after %s: %v", c.after, got)
		}
	}
}
