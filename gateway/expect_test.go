package gateway

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// W-52: only 100-continue is known, of HTTP/1.1 with a body.
func TestOtherExpectations(t *testing.T) {
	t.Parallel()
	o := answering(t, ok)
	w := start(t, site(o, ""))
	refused(t, w, o, "417", post("/", "x", "Expect: tea"), post("/", "x", "Expect: 100-continue, tea"))
	for _, raw := range []string{get("/", "Expect: 100-continue"), strings.Replace(post("/", "x", "Expect: 100-continue"), "1.1", "1.0", 1)} {
		if answer := w.ask(raw); status(answer) != "200" {
			t.Errorf("%q: %q, want no 100 before the 200", raw, answer)
		}
	}
}

// W-53: net/http answers 100 and forwards Expect too. Ours asks the route first, sends one 100, and none when it refuses.
func TestContinueIsOurs(t *testing.T) {
	t.Parallel()
	o := newOrigin(t, func(o *origin, r *bufio.Reader, c net.Conn) {
		for o.hear(r) {
			io.WriteString(c, "HTTP/1.1 100 Continue\r\n\r\n"+ok) // the origin's own is swallowed
		}
	})
	w := start(t, site(o, "limits: {body: 100}\n"))
	c := w.dial().send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-Continue\r\n\r\n")
	if got := c.head(); got != "HTTP/1.1 100 Continue\r\n\r\n" {
		t.Fatalf("first %q", got)
	}
	if got := c.send("hello").receive(); status(got) != "200" {
		t.Errorf("then %q", got)
	}
	if heard := o.last(t, 1); value(heard, "Expect") != "" || content(heard) != "hello" {
		t.Errorf("the origin heard %q", heard)
	}
	if got := w.dial().send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 500\r\nExpect: 100-continue\r\n\r\n").rest(); status(got) != "413" || value(got, "Connection") != "close" {
		t.Errorf("too large: %q, want 413 at once and the connection closed", got)
	}
	down := start(t, site(&origin{addr: "127.0.0.1:1"}, ""))
	if got := down.dial().send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n").rest(); status(got) != "502" {
		t.Errorf("no upstream: %q, want no 100", got)
	}
}

const hinted = "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nConnection: x-hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\n\r\n" + ok

// W-54: net/http puts the gateway's cookie on the 103 and hop-by-hop lines with it.
func TestInterimAnswers(t *testing.T) {
	t.Parallel()
	o := answering(t, hinted)
	w := start(t, site(o, ""))
	if got := w.ask(get("/")); status(got) != "200" || strings.Contains(got, "Link") {
		t.Errorf("by default: %q", got)
	}
	if got := w.metric("banyan_gateway_upstream_oddities_total", "interim_dropped"); got != 2 {
		t.Errorf("%v were counted", got)
	}
	relays := start(t, strings.Replace(site(o, ""), "kind: drupal7", "kind: drupal7, relay_103: true", 1))
	if got, want := relays.ask(get("/")), "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\n"; !strings.HasPrefix(got, want) {
		t.Errorf("relayed: %q", got)
	}
	o = answering(t, "HTTP/1.1 103 Early Hints\r\nX-Tags: a\r\nLink: <http://10.0.0.1/a.css>\r\n\r\n"+ok)
	public := strings.Replace(site(o, "strip: [x-tags]\norigins: [http://10.0.0.1]\n"), "kind: drupal7", "kind: drupal7, relay_103: true", 1)
	if got, want := start(t, public).ask(get("/")), "HTTP/1.1 103 Early Hints\r\nLink: <http://h/a.css>\r\n\r\n"; !strings.HasPrefix(got, want) {
		t.Errorf("W-34, W-60: relayed: %q", got)
	}
	for _, bad := range []string{"HTTP/1.1 103\r\nbroken", strings.Repeat("HTTP/1.1 102 P\r\n\r\n", 40) + ok} { // it must not hang
		if got := start(t, site(once(t, bad), "")).ask(get("/")); status(got) != "502" {
			t.Errorf("%.40q: %q", bad, got)
		}
	}
}

// W-55: nor has our own answer to HEAD a body, however early the request was refused.
func TestRefusedHEADHasNoBody(t *testing.T) {
	t.Parallel()
	o := answering(t, ok)
	w := start(t, site(o, ""))
	for _, rest := range []string{" / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", " / HTTP/1.1\r\nHost: h\r\nA : b\r\n\r\n", " / HTTP/1.1\nHost: h\n\n", " * HTTP/1.1\r\nHost: h\r\n\r\n"} {
		if got := w.ask("HEAD" + rest); status(got) != "400" || content(got) != "" {
			t.Errorf("%q: %q", rest, got)
		}
	}
	o.last(t, 0)
}

// W-55: an answer to HEAD passes as given, without a body; what follows it is nobody's answer. W-56: so does a 304.
func TestBodilessAnswers(t *testing.T) {
	t.Parallel()
	head := strings.Replace(get("/"), "GET", "HEAD", 1)
	for answer, want := range map[string]string{
		"HTTP/1.1 200 OK\r\nServer: nginx\r\n\r\n":                        "HTTP/1.1 200 OK\nServer: nginx",
		"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n":                  "HTTP/1.1 200 OK\nContent-Length: 500",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nA: b\r\n\r\n":   "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nA: b",
		"HTTP/1.1 304 Not Modified\r\nEtag: x\r\n\r\n":                    "HTTP/1.1 304 Not Modified\nEtag: x",
		"HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\nA: b\r\n\r\n": "HTTP/1.1 304 Not Modified\nContent-Length: 77\nA: b",
	} {
		o := answering(t, answer)
		w := start(t, site(o, ""))
		for range 2 {
			if got := w.ask(head); lines(got, "Connection") != want || content(got) != "" {
				t.Errorf("got %q, want %q", got, want)
			}
		}
		if o.dials() != 1 {
			t.Errorf("%d connections for %q", o.dialed, want)
		}
	}
	stray := answering(t, ok)
	w := start(t, site(stray, ""))
	for range 2 {
		if got := w.ask(head); status(got) != "200" || content(got) != "" {
			t.Errorf("got %q", got)
		}
	}
	if stray.dials() != 2 {
		t.Errorf("%d connections: the one with the stray bytes was used again", stray.dials())
	}
}

const wantsSocket = "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Key: x\r\n\r\n"

// switching is an origin that accepts any upgrade and then shouts back.
func switching(t *testing.T) *origin {
	return newOrigin(t, func(o *origin, r *bufio.Reader, c net.Conn) {
		for o.hear(r) {
			all := o.requests()
			if value(all[len(all)-1], "Upgrade") == "" {
				io.WriteString(c, ok)
				continue
			}
			io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: y\r\n\r\nhello")
			for {
				line, err := r.ReadString('\n')
				if err != nil {
					io.WriteString(c, "bye")
					return
				}
				io.WriteString(c, strings.ToUpper(line))
			}
		}
	})
}

// W-57, W-58: a websocket passes where the route says so, and closes by halves.
func TestWebsocket(t *testing.T) {
	t.Parallel()
	o := switching(t)
	w := start(t, strings.Replace(site(o, ""), "kind: drupal7", "kind: drupal7, upgrade: true", 1))
	c := w.dial().send(wantsSocket)
	if got, want := c.head(), "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: y\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"; got != want {
		t.Fatalf("got %q", got)
	}
	c.send("one\ntwo\n")
	c.Conn.(*net.TCPConn).CloseWrite()
	if got := c.rest(); got != "helloONE\nTWO\nbye" {
		t.Errorf("through the tunnel: %q", got)
	}
	if log := w.stop(); !strings.Contains(log, `"status":101`) || !strings.Contains(log, `"bytes_in":8,"bytes_out":`) {
		t.Errorf("log: %s", log)
	}
	if got := w.metric("banyan_gateway_request_seconds", "false,,legacy"); got != 0 {
		t.Errorf("a tunnel counts %v times in the latencies", got)
	}
}

// W-57: elsewhere, and for anything but a proper websocket, it is a plain request; W-58: a 101 that nobody asked for is a 502.
func TestUpgradesThatDoNotPass(t *testing.T) {
	t.Parallel()
	o := switching(t)
	closed := start(t, site(o, ""))
	open := start(t, strings.Replace(site(o, ""), "kind: drupal7", "kind: drupal7, upgrade: true", 1))
	c := closed.dial().send(wantsSocket)
	if got := c.receive(); status(got) != "200" {
		t.Errorf("on a closed route: %q", got)
	}
	for _, raw := range []string{strings.Replace(wantsSocket, "WebSocket", "h2c", 1), strings.Replace(wantsSocket, "GET", "POST", 1),
		strings.Replace(wantsSocket, "HTTP/1.1", "HTTP/1.0", 1), strings.Replace(wantsSocket, "Connection: Upgrade\r\n", "", 1)} {
		if got := open.dial().send(raw).receive(); status(got) != "200" {
			t.Errorf("%q: %q", raw, got)
		}
	}
	unasked := answering(t, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n")
	if got := start(t, site(unasked, "")).ask(get("/")); status(got) != "502" {
		t.Errorf("unasked: %q", got)
	}
}

// W-58: a tunnel in which nothing moves ends by the idle limit, and a draining gateway does not wait for ever.
func TestTunnelsEnd(t *testing.T) {
	t.Parallel()
	o := switching(t)
	yaml := strings.Replace(site(o, "timeouts: {idle: 50ms}\n"), "kind: drupal7", "kind: drupal7, upgrade: true", 1)
	c := start(t, yaml).dial().send(wantsSocket)
	c.head()
	began := time.Now()
	io.ReadAll(c.r)
	if took := time.Since(began); took < 40*time.Millisecond || took > 2*time.Second {
		t.Errorf("the idle tunnel ended after %v", took)
	}
	w := start(t, strings.Replace(site(o, ""), "kind: drupal7", "kind: drupal7, upgrade: true", 1))
	c = w.dial().send(wantsSocket)
	c.head()
	began = time.Now()
	w.stop()
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("the drain took %v", took)
	}
}
