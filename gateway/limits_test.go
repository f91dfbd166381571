package gateway

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/upstream"
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

// W-80, L-6: a reload loses nothing, a request ends with the configuration that it began with, a bad one changes nothing.
func TestReload(t *testing.T) {
	t.Parallel()
	hold := make(chan bool)
	before := newOrigin(t, func(o *origin, r *bufio.Reader, c net.Conn) {
		for o.hear(r) {
			<-hold
			io.WriteString(c, ok)
		}
	})
	after := answering(t, ok)
	w := start(t, site(before, ""))
	c := w.dial().send("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n")
	eventually(t, "the first is under way", func() bool { return len(before.requests()) == 1 })
	next := start(t, site(after, "")).g.Config()
	if err := w.g.Reload(next); err != nil {
		t.Fatal(err)
	}
	c.send("GET /2 HTTP/1.1\r\nHost: h\r\n\r\n")
	hold <- true
	if got := c.receive(); status(got) != "200" {
		t.Errorf("the one under way: %q", got)
	}
	if got := c.receive(); status(got) != "200" {
		t.Errorf("the next: %q", got)
	}
	after.last(t, 1)
	broken := *next
	broken.TLS.Cert, broken.TLS.Key = "nowhere", "nowhere"
	if err := w.g.Reload(&broken); err == nil || w.g.Config() != next {
		t.Errorf("a broken configuration was taken: %v", err)
	}
}

// W-80: a drain lets what is in flight finish and closes the rest.
func TestDrain(t *testing.T) {
	t.Parallel()
	hold := make(chan bool)
	o := newOrigin(t, func(o *origin, r *bufio.Reader, c net.Conn) {
		for o.hear(r) {
			<-hold
			io.WriteString(c, ok)
		}
	})
	w := start(t, site(o, ""))
	idle := w.dial()
	busy := w.dial().send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	eventually(t, "it is under way", func() bool { return len(o.requests()) == 1 })
	var drained sync.WaitGroup
	drained.Go(func() {
		if err := w.g.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if got := idle.rest(); got != "" {
		t.Errorf("the idle connection was told %q", got)
	}
	hold <- true
	if got := busy.rest(); status(got) != "200" || value(got, "Connection") != "close" {
		t.Errorf("the one in flight: %q", got)
	}
	drained.Wait()
	if _, err := net.Dial("tcp", w.addr); err == nil {
		t.Error("the listener still takes connections")
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
