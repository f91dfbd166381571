package gateway

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/gateway/cutover"
)

// W-81: one id of 128 random bits for a request, other proxies' ids untouched, and a W3C trace passed on or begun.
func TestIdentityOfARequest(t *testing.T) {
	t.Parallel()
	o := answering(t, ok)
	w := start(t, site(o, ""))
	trace := "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	w.ask(get("/", "X-Amzn-Trace-Id: Root=1", "traceparent: "+trace))
	w.ask(get("/", "traceparent: 00-zz-1-01"))
	first, second := o.requests()[0], o.requests()[1]
	if value(first, "X-Amzn-Trace-Id") != "Root=1" || value(first, "traceparent") != trace {
		t.Errorf("heard %q", first)
	}
	a, b := value(first, "X-Request-Id"), value(second, "X-Request-Id")
	if len(a) != 32 || a == b {
		t.Errorf("ids %q and %q", a, b)
	}
	if got := value(second, "traceparent"); !validTrace([]byte(got)) || strings.Count(second, "traceparent") != 1 {
		t.Errorf("a trace was begun as %q", got)
	}
	if log := w.stop(); !strings.Contains(log, `"request_id":"`+a+`"`) {
		t.Errorf("the log does not know %s: %s", a, log)
	}
}

// W-82: net/http makes 502 of a bad chunk, of a client that hung up and of a dead backend alike. Each is its own class here, and only the
// upstream's feed the judge.
func TestBlame(t *testing.T) {
	t.Parallel()
	for class, c := range map[string]struct{ sent, answer, status string }{
		"client_malformed":   {"GET / HTTP/1.1\r\n\r\n", ok, "400"},
		"client_too_large":   {get("/" + strings.Repeat("a", 9000)), ok, "414"},
		"gateway_refused":    {"GET / HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n", ok, "421"},
		"upstream_closed":    {get("/"), "", "502"},
		"upstream_malformed": {get("/"), "nonsense\r\n\r\n", "502"},
		"upstream_5xx":       {get("/"), "HTTP/1.1 503 Slow\r\nContent-Length: 0\r\n\r\n", "503"},
		"ok":                 {get("/"), "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "404"},
	} {
		w := start(t, site(once(t, c.answer), ""))
		if got := w.ask(c.sent); status(got) != c.status {
			t.Errorf("%s: %q, want %s", class, got, c.status)
		}
		if log := w.stop(); !strings.Contains(log, `"class":"`+class+`"`) || !strings.Contains(log, `"status":`+c.status) {
			t.Errorf("%s: %s", class, log)
		}
	}
	w := start(t, site(answering(t, ok), ""))
	c := w.dial().send(chunked + "5\r\nhe")
	c.Close()
	eventually(t, "the client's leaving is noted", func() bool {
		return w.metric("banyan_gateway_requests_total", "client_abort,4xx,,legacy") == 1
	})
	w = start(t, site(answering(t, ok), ""))
	w.ask(post("/", "x", "Content-Length: 1"))
	if got := w.metric("banyan_gateway_parse_rejects_total", "400,W-36"); got != 1 {
		t.Errorf("the rule was counted %v times", got)
	}
}

// W-82: a fault of the gateway's own is a 500 for that request alone, and holds no connection.
func TestOwnFault(t *testing.T) {
	t.Parallel()
	o := answering(t, ok)
	w := startWith(t, site(o, ""), func(g *Gateway) {
		narrow(g)
		plan, n := g.o.Plan, 0
		g.o.Plan = func() *cutover.Snapshot {
			if n++; n == 2 {
				panic("a fault")
			}
			return plan()
		}
	})
	for i, want := range []string{"200", "500", "200"} {
		if got := w.ask(get("/")); status(got) != want {
			t.Errorf("%d: %q, want %s", i, got, want)
		}
	}
	if got := w.stop(); strings.Count(got, `"class":"gateway_internal"`) != 1 {
		t.Errorf("log: %s", got)
	}
}

// lazy is an origin that answers when it is told to, and says how the connection ended.
func lazy(t *testing.T) (o *origin, release chan bool, closed chan error) {
	release, closed = make(chan bool), make(chan error, 1)
	o = newOrigin(t, func(o *origin, r *bufio.Reader, c net.Conn) {
		o.hear(r)
		go func() {
			_, err := r.ReadByte()
			closed <- err
		}()
		if <-release {
			io.WriteString(c, ok)
			<-time.After(50 * time.Millisecond)
		}
	})
	t.Cleanup(func() { close(release) })
	return o, release, closed
}

// W-84: a client that leaves takes its GET with it, and leaves its gift behind: the outcome must be known. W-83: what it waited is
// a lower bound.
func TestClientsThatLeave(t *testing.T) {
	t.Parallel()
	o, _, closed := lazy(t)
	w := startWith(t, site(o, ""), func(g *Gateway) { g.pace.departure = time.Millisecond })
	c := w.dial().send("GET /page HTTP/1.1\r\nHost: h\r\n\r\n")
	eventually(t, "the origin hears", func() bool { return len(o.requests()) == 1 })
	c.Close()
	if err := <-closed; err == nil {
		t.Error("the upstream connection was not dropped")
	}
	eventually(t, "it is counted", func() bool { return w.metric("banyan_gateway_requests_total", "client_abort,4xx,,legacy") == 1 })
	if log := w.stop(); !strings.Contains(log, `"status":499`) || !strings.Contains(log, `"censored":true`) {
		t.Errorf("log: %s", log)
	}

	o, release, closed := lazy(t)
	w = startWith(t, site(o, ""), func(g *Gateway) { g.pace.departure = time.Millisecond })
	c = w.dial().send("POST /donate HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\ngift")
	eventually(t, "the origin hears", func() bool { return len(o.requests()) == 1 })
	c.Close()
	eventually(t, "the leaving is noticed", func() bool { return w.count(func(c *conn) bool { return c.left.Load() }) == 1 })
	select {
	case err := <-closed:
		t.Fatalf("the upstream connection of a write was dropped: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	release <- true
	eventually(t, "it is counted", func() bool { return w.metric("banyan_gateway_requests_total", "client_abort,4xx,,legacy") == 1 })
	if log := w.stop(); !strings.Contains(log, `"status":499,"upstream_status":200`) {
		t.Errorf("log: %s", log)
	}
}

// W-85: one line a request, with all that explains it, and nothing private.
func TestAccessLog(t *testing.T) {
	t.Parallel()
	legacy, fresh := answering(t, ok), answering(t, ok)
	w := start(t, twoSidesOf(legacy, fresh, "    - {match: POST /x}\n"), map[string]cutover.Group{"g": {Weight: 10000, Phase: cutover.Full}})
	w.ask(post("/x?email=a%40b.example&utm=1&x=\"\xff", "secret gift"))
	var line map[string]any
	text := w.stop()
	if err := json.Unmarshal([]byte(text), &line); err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	for key, want := range map[string]any{"revision": 7.0, "rule": "POST /x", "group": "g", "phase": "full", "side": "legacy", "reason": "noncanonical",
		"method": "POST", "target": "/x?email=~&utm=1&x=\"\u00ff", "host": "h", "client": "127.0.0.1", "status": 200.0, "upstream_status": 200.0, "class": "ok",
		"bytes_in": 11.0, "bytes_out": 2.0, "reused": false, "attempt": 1.0, "shadow": "", "cold": false} {
		if line[key] != want {
			t.Errorf("%s is %v, want %v", key, line[key], want)
		}
	}
	for _, key := range []string{"time", "request_id", "bucket", "queue_ms", "connect_ms", "head_ms", "total_ms"} {
		if _, ok := line[key]; !ok {
			t.Errorf("there is no %s", key)
		}
	}
	refused := start(t, site(legacy, ""))
	refused.ask(get("/", "X : y"))
	var short map[string]any
	if err := json.Unmarshal([]byte(refused.stop()), &short); err != nil {
		t.Fatal(err)
	}
	for key := range line {
		if _, ok := short[key]; !ok {
			t.Errorf("a refused request's line has no %s", key)
		}
	}
	if strings.Contains(text, "gift") {
		t.Error("the log holds the body")
	}
}

var combinedLine = regexp.MustCompile(`^127\.0\.0\.1 - - \[[^\]]+\] "GET /a\?name=~ HTTP/1\.1" 200 2 "http://h/" "a\\x22b" \d+\.\d{3}\n$`)

func TestCombinedLog(t *testing.T) {
	t.Parallel()
	w := start(t, site(answering(t, ok), "log: {access: '-', format: combined}\n"))
	w.ask(get("/a?name=x", "User-Agent: a\"b", "Referer: http://h/"))
	text := w.stop()
	if !combinedLine.MatchString(text) {
		t.Errorf("got %q", text)
	}
}
