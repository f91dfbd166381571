package gateway

import (
	"strings"
	"testing"
)

// W-15, W-16: one lawful Host line, and one of this site's.
func TestHostLine(t *testing.T) {
	t.Parallel()
	o := answering(t, ok)
	w := start(t, site(o, ""))
	refused(t, w, o, "400", "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", "GET / HTTP/1.1\r\nHost: \r\n\r\n",
		"GET / HTTP/1.1\r\nHost: h/x\r\n\r\n", "GET / HTTP/1.1\r\nHost: u@h\r\n\r\n", "GET / HTTP/1.1\r\nHost: h h\r\n\r\n", "GET / HTTP/1.1\r\nHost: h:80x\r\n\r\n",
		"GET / HTTP/1.0\r\nHost: h\r\nHost: h\r\n\r\n")
	for _, host := range []string{"evil.test", "h.evil.test", "[::1]", "127.0.0.1"} {
		if answer := w.ask("GET / HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n"); status(answer) != "421" || !strings.Contains(content(answer), "the configuration's hosts") {
			t.Errorf("W-16: Host %s: %q", host, answer)
		}
	}
	o.last(t, 0)
}

// W-17: Host goes upstream as received, whatever the backend's address. net/http SetURL sends the backend's.
func TestHostPassesAsReceived(t *testing.T) {
	t.Parallel()
	o := answering(t, ok)
	w := start(t, site(o, ""))
	for i, host := range []string{"h", "H", "h:8080", "Other.Example:80"} {
		w.ask("GET / HTTP/1.1\r\nhOST:  " + host + " \r\nConnection: close\r\n\r\n")
		if got := o.last(t, i+1); !strings.Contains(got, "\r\nhOST:  "+host+" \r\n") {
			t.Errorf("Host %s went on as %q", host, value(got, "Host"))
		}
	}
}

// W-18: HTTP/1.0 without Host gets the configured one, never the backend's address, or is refused.
func TestHostOfHTTP10(t *testing.T) {
	t.Parallel()
	o := answering(t, ok)
	w := start(t, site(o, ""))
	w.ask("GET /a HTTP/1.0\r\n\r\n")
	if got := value(o.last(t, 1), "Host"); got != "h" {
		t.Errorf("Host is %q", got)
	}
	refused(t, w, o, "400", "GET http://evil.test/ HTTP/1.0\r\n\r\n")
	none := start(t, strings.Replace(site(o, ""), "default_host: h\n", "", 1))
	refused(t, none, o, "400", "GET / HTTP/1.0\r\n\r\n")
}
