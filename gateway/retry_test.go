package gateway

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/upstream"
)

// W-72: nobody there is a 502; a certificate that nobody vouches for is another class.
func TestUnreachableUpstreams(t *testing.T) {
	t.Parallel()
	w := start(t, site(&origin{addr: "127.0.0.1:1"}, ""))
	if got := w.metric("banyan_gateway_backend_up", "drupal"); got != 1 {
		t.Errorf("a backend that was never tried is down: %v", got)
	}
	if got := w.ask(get("/")); status(got) != "502" {
		t.Errorf("got %q", got)
	}
	if got := w.metric("banyan_gateway_backend_up", "drupal"); got != 0 {
		t.Errorf("a backend that cannot be reached is up: %v", got)
	}
	if log := w.stop(); !strings.Contains(log, `"class":"upstream_connect"`) {
		t.Errorf("log: %s", log)
	}
	secure := httptest.NewUnstartedServer(nil)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	yaml := strings.Replace(site(&origin{addr: strings.TrimPrefix(secure.URL, "https://")}, ""), "url: http:", "url: https:", 1)
	w = start(t, yaml)
	if got := w.ask(get("/")); status(got) != "502" {
		t.Errorf("got %q", got)
	}
	if log := w.stop(); !strings.Contains(log, `"class":"upstream_tls"`) {
		t.Errorf("log: %s", log)
	}
}

// W-72: a backend behind TLS, whose certificate is good.
func TestTLSBackend(t *testing.T) {
	t.Parallel()
	behind := answering(t, ok)
	secure := httptest.NewUnstartedServer(nil)
	secure.StartTLS()
	defer secure.Close()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: secure.TLS.Certificates})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			back, err := net.Dial("tcp", behind.addr)
			if err != nil {
				return
			}
			go io.Copy(back, c)
			go io.Copy(c, back)
		}
	}()
	roots := x509.NewCertPool()
	roots.AddCert(secure.Certificate())
	yaml := strings.Replace(site(&origin{addr: l.Addr().String()}, ""), "url: http:", "url: https:", 1)
	w := startWith(t, yaml, func(g *Gateway) {
		g.o.Roots = roots
		old := g.state.Load()
		g.state.Store(nil) // so that the pool is made anew
		if err := g.Reload(old.cfg); err != nil {
			t.Error(err)
		}
	})
	for range 3 {
		if got := w.ask(get("/")); status(got) != "200" {
			t.Fatalf("got %q", got)
		}
	}
	behind.last(t, 3)
	if behind.dials() != 1 {
		t.Errorf("%d connections, want one that is kept", behind.dials())
	}
}

// silent is an origin that hears and never answers.
func silent(t *testing.T) *origin {
	return newOrigin(t, func(o *origin, r *bufio.Reader, c net.Conn) {
		for o.hear(r) {
		}
	})
}

// W-73: an upstream that does not answer in its time is a 504, and was told how much time it had.
func TestSlowUpstreamHead(t *testing.T) {
	t.Parallel()
	o := silent(t)
	w := start(t, site(o, "timeouts: {first_byte: 60ms}\n"))
	began := time.Now()
	if got := w.ask(get("/")); status(got) != "504" || time.Since(began) < 60*time.Millisecond {
		t.Errorf("got %q after %v", got, time.Since(began))
	}
	if got := value(o.last(t, 1), "X-Banyan-Deadline"); got != "60" {
		t.Errorf("the deadline was told as %q", got)
	}
	if log := w.stop(); !strings.Contains(log, `"class":"upstream_timeout_head"`) {
		t.Errorf("log: %s", log)
	}
}

// W-74: an upstream that stops in the middle is cut, but not a stream of events.
func TestStalledUpstreamBody(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ head, want, class string }{
		{"Content-Length: 10\r\n", "504", "upstream_timeout_body"},
		{"Transfer-Encoding: chunked\r\n", "200", "upstream_timeout_body"},
		{"Content-Type: text/event-stream\r\n", "200", "ok"},
	} {
		o := newOrigin(t, func(o *origin, r *bufio.Reader, conn net.Conn) {
			o.hear(r)
			io.WriteString(conn, "HTTP/1.1 200 OK\r\n"+c.head+"\r\n")
			if c.class == "ok" {
				time.Sleep(150 * time.Millisecond)
				return
			}
			io.Copy(io.Discard, r)
		})
		w := startWith(t, site(o, ""), func(g *Gateway) { g.pace.stall = 20 * time.Millisecond })
		got, _ := io.ReadAll(w.dial().send(get("/")).r)
		if status(string(got)) != c.want {
			t.Errorf("%s: %q", c.head, got)
		}
		if log := w.stop(); !strings.Contains(log, `"class":"`+c.class+`"`) {
			t.Errorf("%s: %s", c.head, log)
		}
	}
}

// narrow gives every backend one connection and hardly any patience.
func narrow(g *Gateway) {
	for _, b := range g.state.Load().backends {
		b.pool = upstream.New(upstream.Options{Address: b.Address, Slots: 1, Waiting: 1, Queue: 50 * time.Millisecond, Sweeper: g.sweeper})
	}
}

// W-75: who waits too long for a connection is told to come back.
func TestQueueForAConnection(t *testing.T) {
	t.Parallel()
	release := make(chan bool)
	o := newOrigin(t, func(o *origin, r *bufio.Reader, c net.Conn) {
		for o.hear(r) {
			<-release
			io.WriteString(c, ok)
		}
	})
	w := startWith(t, site(o, ""), narrow)
	first := w.dial().send(get("/1"))
	eventually(t, "the origin hears", func() bool { return len(o.requests()) == 1 })
	if got := w.ask(get("/2")); status(got) != "503" || value(got, "Retry-After") == "" {
		t.Errorf("got %q", got)
	}
	waiting := w.dial().send(get("/3"))
	eventually(t, "one waits", func() bool { return w.metric("banyan_gateway_inflight", "legacy,active") == 2 })
	release <- true
	if got := first.rest(); status(got) != "200" {
		t.Errorf("first: %q", got)
	}
	release <- true
	if got := waiting.rest(); status(got) != "200" {
		t.Errorf("the one that waited: %q", got)
	}
}

// W-76: what an upstream says of its connection is heeded, and a dead one is noticed before it is used.
func TestReuseOfConnections(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer string
		dialed int
	}{
		"plain":     {ok, 1},
		"max":       {"HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5, max=1\r\nContent-Length: 2\r\n\r\nok", 4},
		"timeout":   {"HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 2\r\n\r\nok", 4},
		"close":     {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", 4},
		"1.0":       {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 4},
		"1.0 keeps": {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", 1},
		"stray":     {ok + "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen", 4},
	} {
		o := answering(t, c.answer)
		w := start(t, site(o, ""))
		for range 4 {
			if got := w.ask(get("/")); content(got) != "ok" {
				t.Errorf("%s: %q", name, got)
			}
		}
		if o.dials() != c.dialed {
			t.Errorf("%s: %d connections, want %d", name, o.dials(), c.dialed)
		}
	}
	dead := once(t, ok)
	w := start(t, site(dead, ""))
	for range 3 {
		if got := w.ask(get("/")); status(got) != "200" {
			t.Errorf("a connection closed meanwhile: %q", got)
		}
		dead.hungUp(t)
	}
}

// dying is an origin that answers the first request of a connection and closes it on the second without a word, having
// read it whole.
func dying(t *testing.T) *origin {
	return newOrigin(t, func(o *origin, r *bufio.Reader, c net.Conn) {
		if o.hear(r) {
			io.WriteString(c, ok)
			o.hear(r)
		}
	})
}

// W-77: net/http sends a GET again whose kept connection died, so that the origin has it twice. Nothing of ours goes out twice.
func TestNothingIsSentTwice(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{get("/"), post("/", "gift"), strings.Replace(get("/"), "GET", "HEAD", 1)} {
		o := dying(t)
		w := start(t, site(o, ""))
		w.ask(get("/first"))
		if got := w.ask(raw); status(got) != "502" {
			t.Errorf("%q: %q", raw, got)
		}
		o.last(t, 2)
		if log := w.stop(); !strings.Contains(log, `"class":"upstream_closed"`) {
			t.Errorf("log: %s", log)
		}
	}
}

// W-78: a route may have a GET asked again, once, and says so; never where a GET changes something.
func TestRetryByOption(t *testing.T) {
	t.Parallel()
	o := dying(t)
	w := start(t, strings.Replace(site(o, ""), "kind: drupal7", "kind: drupal7, retry_idle_close: true", 1))
	w.ask(get("/first"))
	if got := w.ask(get("/second")); status(got) != "200" {
		t.Errorf("got %q", got)
	}
	if heard := o.last(t, 3); value(heard, "X-Banyan-Attempt") != "2" {
		t.Errorf("the second attempt was %q", heard)
	}
	if got := w.metric("banyan_gateway_upstream_attempts_total", "idle_close,legacy"); got != 1 {
		t.Errorf("%v were counted", got)
	}
	for _, raw := range []string{post("/x", "gift"), get("/user/logout"), get("/%61dmin/x"), get("/?q=user/logout"), get("/x?token=1"), get("/node/2/done?sid=1"), get("/cron.php")} {
		o := dying(t)
		w := start(t, strings.Replace(site(o, ""), "kind: drupal7", "kind: drupal7, retry_idle_close: true", 1))
		w.ask(get("/first"))
		if got := w.ask(raw); status(got) != "502" {
			t.Errorf("%q: %q", raw, got)
		}
		o.last(t, 2)
	}
}

// W-79: a page that one side does not give may come from the other, where both may answer; a write never.
func TestFailover(t *testing.T) {
	t.Parallel()
	legacy := answering(t, ok)
	w := start(t, twoSidesOf(legacy, &origin{addr: "127.0.0.1:1"}, "    - {match: GET /x, failover: true}\n    - {match: POST /x, failover: true}\n    - {match: GET /y}\n"),
		map[string]cutover.Group{"g": {Weight: 9999, Phase: cutover.Canary}})
	if got := w.ask(get("/x")); status(got) != "200" {
		t.Errorf("got %q", got)
	}
	legacy.last(t, 1)
	for _, raw := range []string{post("/x", "gift"), get("/y")} {
		if got := w.ask(raw); status(got) != "502" {
			t.Errorf("%q: %q", raw, got)
		}
	}
	w.weigh(full()) // legacy is not the authority any more
	if got := w.ask(get("/x")); status(got) != "502" {
		t.Errorf("at full weight: %q", got)
	}
	if got := w.metric("banyan_gateway_requests_total", "upstream_connect,5xx,g,new"); got != 4 {
		t.Errorf("%v failures were counted on the new side, want 4", got)
	}
	if log := w.stop(); !strings.Contains(log, `"reason":"fallback"`) {
		t.Errorf("log: %s", log)
	}
}

// W-79 with W-11 and W-43: what only legacy may judge is not asked elsewhere when legacy fails, nor is a body sent twice.
func TestNoFailoverOfWhatLegacyAloneMayJudge(t *testing.T) {
	t.Parallel()
	fresh := answering(t, ok)
	w := start(t, twoSidesOf(&origin{addr: "127.0.0.1:1"}, fresh, "    - {match: GET /x/*, failover: true}\n"),
		map[string]cutover.Group{"g": {Weight: 1, Phase: cutover.Canary}})
	for _, raw := range []string{get("/x/a;b"), get("/x/a%2Fb"), strings.Replace(post("/x/a", "abc"), "POST", "GET", 1)} {
		if got := w.ask(raw); status(got) != "502" {
			t.Errorf("%q: %q", raw, got)
		}
	}
	fresh.last(t, 0)
}
