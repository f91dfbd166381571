package gateway

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/gateway/cutover"
)

func TestHeadLimits(t *testing.T) {
	t.Parallel()
	o := answering(t, ok)
	w := start(t, site(o, ""))
	long := strings.Repeat("a", 8200)
	refused(t, w, o, "414", get("/"+long), "GET /"+long+long) // W-66, the second before its line has ended
	many := make([]string, 101)
	for i := range many {
		many[i] = fmt.Sprintf("X-%d: 1", i)
	}
	refused(t, w, o, "431", get("/", "X: "+long), get("/", many...), get("/", "A: "+long[:8000], "B: "+long[:8000], "C: "+long[:8000], "D: "+long[:8000], "E: "+long[:8000])) // W-67
	for _, raw := range []string{get("/" + long[:8170]), get("/", "X: "+long[:8180]), get("/", many[:95]...), get("/", "A: "+long[:8000], "B: "+long[:8000], "C: "+long[:8000])} {
		if answer := w.ask(raw); status(answer) != "200" {
			t.Errorf("%d bytes are within the limits: %q", len(raw), answer)
		}
	}
	for says, raw := range map[string]string{"line is too long: at most 8190 bytes": get("/" + long), "a header line is too long: at most 8190 bytes": get("/", "X: "+long), "at most 100 lines": get("/", many...)} {
		if answer := w.ask(raw); !strings.Contains(content(answer), says) {
			t.Errorf("%q does not say %q", answer, says)
		}
	}
	small := start(t, site(o, "limits: {head: 1024}\n"))
	if answer := small.ask(get("/", "A: "+long[:1020])); status(answer) != "431" {
		t.Errorf("the configured limit: %q", answer)
	} else if !strings.Contains(content(answer), "at most 1024 bytes") {
		t.Errorf("the configured limit is not said: %q", answer)
	}
}

// W-68: Drupal's cache tags grow long: 40 KB pass, more than 64 KB do not.
func TestAnswerHeadLimit(t *testing.T) {
	t.Parallel()
	head := func(n int) string {
		return "HTTP/1.1 200 OK\r\nX-Drupal-Cache-Tags: " + strings.Repeat("t", n) + "\r\nContent-Length: 2\r\n\r\nok"
	}
	if got := start(t, site(answering(t, head(40<<10)), "")).ask(get("/")); status(got) != "200" || content(got) != "ok" {
		t.Errorf("40 KB: %.60q", got)
	}
	if got := start(t, site(answering(t, head(70<<10)), "")).ask(get("/")); status(got) != "502" {
		t.Errorf("70 KB: %.60q", got)
	}
}

// W-69: a body over the limit is refused before anything of it goes on, or as soon as it is known.
func TestBodyLimit(t *testing.T) {
	t.Parallel()
	o := newOrigin(t, func(o *origin, r *bufio.Reader, c net.Conn) {
		for o.hear(r) {
			io.WriteString(c, ok)
		}
	})
	w := start(t, site(o, "limits: {body: 1000}\n"))
	for _, raw := range []string{post("/", strings.Repeat("x", 1001)), chunked + "3e9\r\n" + strings.Repeat("x", 1001) + "\r\n0\r\n\r\n"} {
		if got := w.ask(raw); status(got) != "413" || value(got, "Connection") != "close" || !strings.Contains(content(got), "at most 1000 bytes, nothing was taken") {
			t.Errorf("got %q", got)
		}
	}
	o.last(t, 0)
	for _, c := range []struct{ more, length, says string }{{"", "10485761", "at most 10 MB"}, {"limits: {body: 2048}\n", "2049", "at most 2 KB"}} {
		if got := start(t, site(o, c.more)).ask("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: " + c.length + "\r\n\r\n"); status(got) != "413" || !strings.Contains(content(got), c.says) {
			t.Errorf("%q: %q", c.more, got)
		}
	}
	if got := w.ask(post("/", strings.Repeat("x", 1000))); status(got) != "200" {
		t.Errorf("at the limit: %q", got)
	}
}

// W-70: a head or a body that does not come is a 408; a connection that never said anything closes silently.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	o := answering(t, ok)
	w := startWith(t, site(o, "timeouts: {head: 40ms, body: 40ms, idle: 60ms}\n"), func(g *Gateway) { g.pace.window = 100 * time.Millisecond })
	const head, body = "must come within 40ms", "no pause may be over 40ms, and in each 100ms 1 KB must come; nothing was taken"
	for raw, says := range map[string]string{"G": head, "GET / HTT": head, "GET / HTTP/1.1\r\nHost: h\r\n": head,
		"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhel": body, chunked + "5\r\nhe": body} {
		if got := w.ask(raw); status(got) != "408" || value(got, "Connection") != "close" || !strings.Contains(content(got), says) {
			t.Errorf("%q: %q", raw, got)
		}
	}
	if got := w.ask(""); got != "" {
		t.Errorf("W-71: an idle connection was told %q", got)
	}
	c := w.dial().send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	c.receive()
	if got := c.rest(); got != "" {
		t.Errorf("W-71: an idle connection was told %q", got)
	}
	// Each byte comes in time, but a kilobyte in each window does not.
	slow := w.dial().send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 500\r\n\r\n")
	go func() {
		for range 400 {
			if _, err := io.WriteString(slow, "x"); err != nil {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	began := time.Now()
	if got := slow.receive(); status(got) != "408" || time.Since(began) > 2*time.Second {
		t.Errorf("a trickle: %q after %v", got, time.Since(began))
	}
	if log := w.stop(); strings.Count(log, `"class":"client_timeout"`) != 6 {
		t.Errorf("log: %s", log)
	}
}

// A rate limit on posts that have moved: so many a minute from an address, then 429 with the time to wait.
func TestRateOfMovedPosts(t *testing.T) {
	t.Parallel()
	legacy, fresh := answering(t, ok), answering(t, ok)
	w := start(t, twoSidesOf(legacy, fresh, "    - {match: /x, max_rate: 2}\n", "trusted: [127.0.0.1/32]\n"), full())
	from := func(address, raw string) string {
		return w.ask(strings.Replace(raw, "Host: h\r\n", "Host: h\r\nX-Forwarded-For: "+address+"\r\n", 1))
	}
	for i, c := range []struct{ address, want string }{{"192.0.2.1", "200"}, {"192.0.2.1", "200"}, {"192.0.2.1", "429"}, {"192.0.2.2", "200"},
		{"2001:db8::1", "200"}, {"2001:db8::2", "200"}, {"2001:db8::3", "429"}} { // a household of IPv6 is one
		got := from(c.address, post("/x", "gift"))
		if status(got) != c.want || (c.want == "429") != (value(got, "Retry-After") != "" && strings.Contains(content(got), "at most 2 a minute, nothing was taken")) {
			t.Errorf("%d, %s: %q, want %s", i, c.address, got, c.want)
		}
	}
	if got := from("192.0.2.1", get("/x")); status(got) != "200" {
		t.Errorf("a page: %q", got)
	}
	w.weigh(map[string]cutover.Group{})
	if got := from("192.0.2.1", post("/x", "gift")); status(got) != "200" {
		t.Errorf("legacy's posts are its own affair: %q", got)
	}
}

// All names of a form are one limit, and a reload forgets nobody.
func TestRateIsOfTheForm(t *testing.T) {
	t.Parallel()
	legacy, service := answering(t, ok), answering(t, ok)
	limited := strings.Replace(fmt.Sprintf(donation, legacy.addr, service.addr), "pay: test}}", "pay: test}, max_rate: 1}", 1)
	w := start(t, limited, map[string]cutover.Group{"donate": {Weight: 10000, Phase: cutover.Full}})
	login := func(target string) string {
		return status(w.ask(post(target, "form_id=user_login_block", "Content-Type: application/x-www-form-urlencoded")))
	}
	if first, second := login("/donate"), login("/node/2"); first != "200" || second != "429" {
		t.Errorf("the form by one name %s, by another %s", first, second)
	}
	if err := w.g.Reload(w.g.Config()); err != nil {
		t.Fatal(err)
	}
	if third := login("/donate"); third != "429" {
		t.Errorf("after a reload %s", third)
	}
}

// The listener's own TLS: the visitor's scheme is https then (W-31).
func TestListenerTLS(t *testing.T) {
	t.Parallel()
	o := answering(t, ok)
	dir := t.TempDir()
	cert := selfSigned(t, dir)
	w := start(t, site(o, "tls: {cert: "+dir+"/cert.pem, key: "+dir+"/key.pem}\n"))
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	for range 2 {
		c, err := tls.Dial("tcp", w.addr, &tls.Config{RootCAs: roots, ServerName: "h"})
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(c, get("/"))
		if got, _ := io.ReadAll(c); status(string(got)) != "200" {
			t.Errorf("got %q", got)
		}
	}
	if got := value(o.last(t, 2), "X-Forwarded-Proto"); got != "https" {
		t.Errorf("the scheme was told as %q", got)
	}
	if got, _ := io.ReadAll(w.dial().send(get("/")).r); strings.Contains(string(got), "200") {
		t.Errorf("plain text was answered: %q", got)
	}
}

// The health path is answered by the gateway, for any Host.
func TestHealth(t *testing.T) {
	t.Parallel()
	o := answering(t, ok)
	w := start(t, site(o, ""))
	if got := w.ask("GET /.banyan/health HTTP/1.1\r\nHost: 10.0.0.1\r\nConnection: close\r\n\r\n"); status(got) != "200" || content(got) != "ok\n" {
		t.Errorf("got %q", got)
	}
	begun := w.dial().send("GET /.banyan/health HTTP/1.1\r\n")
	eventually(t, "the head has begun", func() bool { return w.count(func(c *conn) bool { return c.begun.Load() }) == 1 })
	var drained sync.WaitGroup
	drained.Go(func() { w.stop() })
	eventually(t, "the drain begins", w.g.draining.Load)
	if got := begun.send("Host: h\r\n\r\n").rest(); status(got) != "503" {
		t.Errorf("while draining: %q", got)
	}
	drained.Wait()
	o.last(t, 0)
}

// Before it drains a gateway that leaves says so to the load balancer alone: what is asked is answered, and each connection ends with its answer.
func TestLeaving(t *testing.T) {
	t.Parallel()
	o := answering(t, ok)
	w := start(t, site(o, ""))
	w.g.Leave()
	if got := w.dial().send(get("/.banyan/health")).rest(); status(got) != "503" {
		t.Errorf("the health path: %q", got)
	}
	for range 2 {
		if got := w.dial().send(get("/x")).rest(); status(got) != "200" || !strings.Contains(got, "Connection: close\r\n") {
			t.Errorf("a visitor: %q", got)
		}
	}
	o.last(t, 2)
}
