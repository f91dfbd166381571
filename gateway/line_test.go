package gateway

import (
	"fmt"
	"strings"
	"testing"
)

// refused asks the gateway for each and wants the status, the end of the connection, and an origin that never hears of it.
func refused(t *testing.T, w *world, o *origin, want string, requests ...string) {
	t.Helper()
	before := len(o.requests())
	for _, raw := range requests {
		answer := w.ask(raw)
		if status(answer) != want {
			t.Errorf("%.100q\n got %.100q\nwant %s", raw, answer, want)
		}
		if n := strings.Count(answer, "\r\n\r\n"); n != 1 {
			t.Errorf("%.100q was answered %d times: what follows a refused request is not read (W-49)", raw, n)
		}
	}
	if n := len(o.requests()); n != before {
		t.Errorf("the origin heard %d of the refused requests", n-before)
	}
}

func TestRequestLine(t *testing.T) {
	t.Parallel()
	o := answering(t, ok)
	w := start(t, site(o, ""))
	smuggled := "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"
	refused(t, w, o, "400",
		// W-1. net/http: bare LF in headers -> 200.
		"GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n"+smuggled, "GET / HTTP/1.1\nHost: h\n\n", "GET / HTTP/1.1\rHost: h\r\r", "\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
		"\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
		// W-2
		"GET /\r\n", "GET / HTTP/0.9\r\n\r\n", "GET  / HTTP/1.1\r\nHost: h\r\n\r\n", " GET / HTTP/1.1\r\nHost: h\r\n\r\n", "GET / HTTP/1.1 \r\nHost: h\r\n\r\n",
		"\x16\x03\x01\x00\xa5\x01\x00\x00",
		// W-4, W-5, W-6, W-7. net/http: GET http://evil.test/p with Host: h -> host evil.test.
		"GET * HTTP/1.1\r\nHost: h\r\n\r\n", "GET http://evil.test/p HTTP/1.1\r\nHost: h\r\n\r\n", "GET h:80 HTTP/1.1\r\nHost: h\r\n\r\n",
		"GET http://u:p@h/ HTTP/1.1\r\nHost: h\r\n\r\n", get("/a#b"), get("/a\x7f"), get("/a\x00"))
	refused(t, w, o, "505", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")   // W-2
	refused(t, w, o, "501", "BREW / HTTP/1.1\r\nHost: h\r\n\r\n", "get / HTTP/1.1\r\nHost: h\r\n\r\n") // W-3. net/http passes unknown methods
	refused(t, w, o, "405", "TRACE / HTTP/1.1\r\nHost: h\r\n\r\n", "CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n")
	if got := value(w.ask("TRACE / HTTP/1.1\r\nHost: h\r\n\r\n"), "Allow"); got != "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS" {
		t.Errorf("W-3: Allow is %q", got)
	}
}

func TestAcceptedRequestLines(t *testing.T) {
	t.Parallel()
	o := answering(t, ok)
	w := start(t, site(o, ""))
	for i, c := range []struct{ sent, heard string }{
		{"\r\n" + get("/"), "GET / HTTP/1.1"},                          // W-1
		{strings.Replace(get("/"), "1.1", "1.7", 1), "GET / HTTP/1.1"}, // W-2
		{get("http://H:80/p?q"), "GET /p?q HTTP/1.1"},                  // W-5: origin-form goes on
		{get("http://h?q"), "GET /?q HTTP/1.1"},
		{strings.Replace(get("/p"), "GET", "OPTIONS", 1), "OPTIONS /p HTTP/1.1"}, // W-4
		{get("/a|b"), "GET /a|b HTTP/1.1"},                                       // W-7. net/http: /a%7Cb
		{get("/caf\xc3\xa9"), "GET /caf\xc3\xa9 HTTP/1.1"},
	} {
		if answer := w.ask(c.sent); status(answer) != "200" {
			t.Errorf("%q: %q", c.sent, answer)
		}
		if got, _, _ := strings.Cut(o.last(t, i+1), "\r\n"); got != c.heard {
			t.Errorf("%q went on as %q, want %q", c.sent, got, c.heard)
		}
	}
}

// W-4: OPTIONS * is the gateway's own. net/http answers 200.
func TestOptionsAsterisk(t *testing.T) {
	t.Parallel()
	o := answering(t, ok)
	w := start(t, site(o, ""))
	c := w.dial()
	for range 2 { // the connection goes on
		c.send("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n")
		if got := c.receive(); status(got) != "204" || !strings.Contains(got, "\r\nAllow: GET, HEAD") {
			t.Errorf("got %q", got)
		}
	}
	o.last(t, 0)
}

// W-50: two requests in one packet are answered in order, one at a time; W-49: after an error nothing more is.
func TestPipelining(t *testing.T) {
	t.Parallel()
	o := newOrigin(t, echoPath)
	w := start(t, site(o, ""))
	answer := w.ask("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nPOST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc" +
		"POST /3 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n" + get("/4"))
	var got []string
	for _, part := range strings.SplitAfter(answer, "path") {
		if _, body, ok := strings.Cut(part, "\r\n\r\n"); ok {
			got = append(got, body)
		}
	}
	if fmt.Sprint(got) != "[/1path /2path /3path /4path]" {
		t.Errorf("answers %q", got)
	}
	answer = w.ask("GET /5 HTTP/1.1\r\nHost: h\r\n\r\nGET /6 HTTP/1.1\r\n\r\n" + get("/7"))
	if n := strings.Count(answer, "HTTP/1.1 "); n != 2 || !strings.Contains(answer, "HTTP/1.1 400") {
		t.Errorf("W-49: %d answers: %q", n, answer)
	}
}

// W-50, W-85: a request's line is its own, also where the next one came in the same packet as the end of its body.
func TestALineIsOfItsOwnRequest(t *testing.T) {
	t.Parallel()
	w := start(t, site(answering(t, ok), ""))
	body := strings.Repeat("a", 100_000)
	next := get("/second" + strings.Repeat("b", 200))
	w.ask("POST /first?of=two HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n186a0\r\n" + body + "\r\n0\r\n\r\n" + next)
	if log := w.stop(); !strings.Contains(log, `"method":"POST","target":"/first?of=two"`) {
		t.Errorf("the log says %s", log)
	}
}
