package gateway

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

const chunked = "POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"

func TestRefusedFraming(t *testing.T) {
	t.Parallel()
	o := answering(t, ok)
	w := start(t, site(o, ""))
	body := func(lines string) string {
		return "POST / HTTP/1.1\r\nHost: h\r\n" + lines + "\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"
	}
	refused(t, w, o, "400",
		body("Content-Length: 5\r\nTransfer-Encoding: chunked"), // W-35. net/http: 200
		body("Transfer-Encoding: chunked\r\nContent-Length: 5"), // in either order
		body("Content-Length: 5\r\nContent-Length: 6"),          // W-36
		body("Content-Length: 5\r\nContent-Length: 5"),          // net/http: 200
		body("Content-Length: 5, 5"),                            // W-36
		body("Content-Length: +5"), body("Content-Length: -5"),  // W-37
		body("Content-Length: 0x5"), body("Content-Length: 5 5"), // W-37
		body("Content-Length: "), body("Content-Length: 1234567890123456789"), // W-37
		body("Transfer-Encoding: xchunked"), body("Transfer-Encoding: identity"), // W-38
		body("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), body("Transfer-Encoding: chunked, identity"),
		body("Transfer-Encoding: \"chunked\""), body("Transfer-Encoding: chunked,"), body("Transfer-Encoding:\x0bchunked"),
		"POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n") // W-39. net/http: 200 with the body lost
	refused(t, w, o, "501", body("Transfer-Encoding: gzip, chunked")) // W-38
}

// W-40: net/http makes a 502 of a bare LF in a chunk line; ours is 400 and the client's fault. W-49: the upstream connection
// that has seen half a body is not used again.
func TestRefusedChunks(t *testing.T) {
	t.Parallel()
	o := newOrigin(t, func(o *origin, r *bufio.Reader, c net.Conn) {
		for o.hear(r) {
			io.WriteString(c, ok)
		}
	})
	w := start(t, site(o, ""))
	bodies := []string{"5\nhello\r\n0\r\n\r\n", "+5\r\nhello\r\n0\r\n\r\n", "0x5\r\nhello\r\n0\r\n\r\n", "5 \r\nhello\r\n0\r\n\r\n", "5;\r\nhello\r\n0\r\n\r\n",
		"-1\r\n", "1234567890abcdef0\r\n", "5\r\nhelloX\r\n0\r\n\r\n", "5\r\nhello\n0\r\n\r\n", "5\r\nhello\r\n0\r\nX : y\r\n\r\n", "5;a=" + strings.Repeat("b", 300) + "\r\n",
		"5\r\nhello\r\n0\n\n", "5;a\nhello\r\n0\r\n\r\n",
		"5\r\nhello\r\n0\r\nContent-Length: 3\r\n\r\n", "5\r\nhello\r\n0\r\nAuthorization: x\r\n\r\n", "5\r\nhello\r\n0\r\nHost: x\r\n\r\n", // W-41
		"5\r\nhello\r\n0\r\nWWW-Authenticate: x\r\n\r\n", "5\r\nhello\r\n0\r\nMax-Forwards: 1\r\n\r\n"}
	for _, b := range bodies {
		if answer := w.ask(chunked + b + get("/smuggled")); status(answer) != "400" || strings.Count(answer, "\r\n\r\n") != 1 {
			t.Errorf("%.40q: %q, want one 400", b, answer)
		}
	}
	if all := o.requests(); len(all) > 0 {
		t.Errorf("the origin took %q for whole requests", all)
	}
	log := w.stop()
	if n := strings.Count(log, `"class":"client_malformed"`); n != len(bodies) || strings.Contains(log, "upstream_") && strings.Contains(log, `"class":"upstream`) {
		t.Errorf("%d of %d were blamed on the client:\n%s", n, len(bodies), log)
	}
}

// W-40, W-41, W-51: chunks pass in our own framing; extensions and trailers do not, unless the route forwards trailers; an empty chunked body
// stays chunked.
func TestChunkedBodiesPass(t *testing.T) {
	t.Parallel()
	o := answering(t, ok)
	w := start(t, strings.Replace(site(o, ""), "kind: drupal7", "kind: drupal7, trailers: true", 1))
	plain := start(t, site(o, ""))
	sent := chunked + "5;a=b\r\nhello\r\n00b\r\n, old world\r\n0\r\nX-Sum: 1\r\n\r\n"
	for i, c := range []struct {
		w    *world
		want string
	}{{plain, ""}, {w, "X-Sum: 1\r\n"}} {
		if answer := c.w.ask(sent); status(answer) != "200" {
			t.Fatalf("got %q", answer)
		}
		heard := o.last(t, i+1)
		body, framing := content(heard), value(heard, "Transfer-Encoding")
		if dechunked(t, body) != "hello, old world" || framing != "chunked" || strings.Contains(body, "a=b") || !strings.HasSuffix(body, "\r\n0\r\n"+c.want+"\r\n") {
			t.Errorf("the origin heard %q", heard)
		}
	}
	plain.ask(chunked + "0\r\n\r\n")
	if heard := o.last(t, 3); content(heard) != "0\r\n\r\n" || value(heard, "Content-Length") != "" {
		t.Errorf("W-51: an empty chunked body went on as %q", heard)
	}
}

// dechunked takes a chunked body out of its framing.
func dechunked(t *testing.T, body string) string {
	t.Helper()
	var out strings.Builder
	r := bufio.NewReader(strings.NewReader(body))
	for {
		line, err := r.ReadString('\n')
		var n int
		for _, c := range strings.TrimSpace(line) {
			n = n<<4 | strings.IndexRune("0123456789abcdef", c)
		}
		if err != nil || n == 0 {
			return out.String()
		}
		io.CopyN(&out, r, int64(n))
		r.Discard(2)
	}
}

// A body with a length passes whole, in one piece or in many.
func TestBodiesWithALengthPass(t *testing.T) {
	t.Parallel()
	o := answering(t, ok)
	w := start(t, site(o, ""))
	for i, n := range []int{0, 1, 5000, 20_000, 500_000} {
		body := strings.Repeat("b", n)
		c := w.dial()
		head, _, _ := strings.Cut(post("/", body), "\r\n\r\n")
		c.send(head + "\r\n\r\n" + body[:n/2])
		time.Sleep(time.Millisecond) // two packets
		c.send(body[n/2:])
		if answer := c.rest(); status(answer) != "200" {
			t.Fatalf("%d bytes: %q", n, answer)
		}
		if heard := o.last(t, i+1); content(heard) != body {
			t.Errorf("%d bytes became %d", n, len(content(heard)))
		}
	}
}

// W-43: a body on a method that has none by custom is legacy's, and keeps its framing.
func TestOddBodiesAreLegacys(t *testing.T) {
	t.Parallel()
	legacy, fresh := answering(t, ok), answering(t, ok)
	w := start(t, twoSidesOf(legacy, fresh, "    - {match: /x}\n"), full())
	for i, method := range []string{"GET", "DELETE", "OPTIONS"} {
		w.ask(strings.Replace(post("/x", "abc"), "POST", method, 1))
		if heard := legacy.last(t, i+1); content(heard) != "abc" || value(heard, "Content-Length") != "3" {
			t.Errorf("%s went on as %q", method, heard)
		}
	}
	w.ask(post("/x", "abc"))
	fresh.last(t, 1)
}

// W-44: PHP wants a length: a chunked body is spooled for it, or refused for want of one.
func TestBufferedBodies(t *testing.T) {
	t.Parallel()
	o := answering(t, ok)
	w := start(t, strings.Replace(site(o, "limits: {body: 1000}\n"), "kind: drupal7", "kind: drupal7, buffer_body: true", 1))
	w.ask(chunked + "5\r\nhello\r\n3\r\nyou\r\n0\r\n\r\n")
	if heard := o.last(t, 1); content(heard) != "helloyou" || value(heard, "Content-Length") != "8" || value(heard, "Transfer-Encoding") != "" {
		t.Errorf("heard %q", heard)
	}
	if answer := w.ask(chunked + "400\r\n" + strings.Repeat("x", 1024) + "\r\n0\r\n\r\n"); status(answer) != "413" {
		t.Errorf("over the limit: %q", answer)
	}
	strict := start(t, strings.Replace(site(o, ""), "kind: drupal7", "kind: drupal7, require_length: true", 1))
	if answer := strict.ask(chunked + "0\r\n\r\n"); status(answer) != "411" {
		t.Errorf("without a length: %q", answer)
	}
	o.last(t, 1)
}

// W-45 to W-48: how an answer's end is found, and how it is told to clients of 1.1 and 1.0.
func TestAnswerFraming(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ from, want, old string }{
		"length":            {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "Content-Length: 2\n|ok", "Content-Length: 2\n|ok"},
		"equal lengths":     {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok", "Content-Length: 2\n|ok", "Content-Length: 2\n|ok"},
		"chunks":            {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nA: b\r\n\r\n1\r\no\r\n1;x\r\nk\r\n0\r\n\r\n", "Transfer-Encoding: chunked\nA: b\n|2\r\nok\r\n0\r\n\r\n", "A: b\n|ok"},
		"no chunks":         {"HTTP/1.1 302 Found\r\nTransfer-Encoding: chunked\r\nLocation: /x\r\n\r\n0\r\n\r\n", "Transfer-Encoding: chunked\nLocation: /x\n|0\r\n\r\n", "Location: /x\n|"}, // W-51
		"until close":       {"HTTP/1.1 200 OK\r\nA: b\r\n\r\nok", "A: b\nTransfer-Encoding: chunked\n|2\r\nok\r\n0\r\n\r\n", "A: b\n|ok"},                                                    // W-47
		"1.0":               {"HTTP/1.0 200 OK\r\nA: b\r\n\r\nok", "A: b\nTransfer-Encoding: chunked\n|2\r\nok\r\n0\r\n\r\n", "A: b\n|ok"},
		"both":              {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "Transfer-Encoding: chunked\n|2\r\nok\r\n0\r\n\r\n", "|ok"}, // W-46
		"differing lengths": {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok", "502", "502"},
		"bad length":        {"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok", "502", "502"},
		"other coding":      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok", "502", "502"},
		"bad chunk":         {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n0\r\n\r\n", "502", "502"},
		"bare LF":           {"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", "502", "502"},
		"HTTP/2":            {"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok", "502", "502"},
		"204":               {"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\nA: b\r\n\r\n", "A: b\n|", "A: b\n|"}, // W-56
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := once(t, c.from)
			w := start(t, site(o, ""))
			for version, want := range map[string]string{"1.1": c.want, "1.0": c.old} {
				answer := w.ask(strings.Replace(get("/"), "1.1", version, 1))
				o.hungUp(t)
				if want == "502" {
					if status(answer) != "502" {
						t.Errorf("to 1.%s: %q, want 502", version, answer)
					}
					continue
				}
				head := lines(answer, "Connection")
				_, head, _ = strings.Cut(head+"\n", "\n")
				if got := head + "|" + content(answer); got != want {
					t.Errorf("to %s: %q, want %q", version, got, want)
				}
				if value(answer, "Connection") != "close" {
					t.Errorf("to %s: the connection was not said to close: %q", version, answer)
				}
			}
		})
	}
}

// W-46: the suspect connection is not used again, and the strict option refuses.
func TestBothFramingsAreSuspect(t *testing.T) {
	t.Parallel()
	o := answering(t, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")
	w := start(t, site(o, ""))
	w.ask(get("/"))
	w.ask(get("/"))
	if o.dials() != 2 {
		t.Errorf("%d connections, want a new one each time", o.dials())
	}
	if got := w.metric("banyan_gateway_upstream_oddities_total", "framing_suspect"); got != 2 {
		t.Errorf("counted %v times", got)
	}
	strict := start(t, site(o, "strict_framing: true\n"))
	if answer := strict.ask(get("/")); status(answer) != "502" {
		t.Errorf("strict: %q", answer)
	}
}

// W-42: response trailers pass to who sent TE: trailers, the forbidden ones do not.
func TestResponseTrailers(t *testing.T) {
	t.Parallel()
	o := answering(t, "HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 7\r\nContent-Length: 3\r\n"+
		"WWW-Authenticate: Basic\r\nVary: x\r\nAge: 1\r\nSet-Cookie: a=b\r\n\r\n")
	w := start(t, site(o, ""))
	if got := content(w.ask(get("/"))); got != "2\r\nok\r\n0\r\n\r\n" {
		t.Errorf("unasked: %q", got)
	}
	answer := w.ask("GET / HTTP/1.1\r\nHost: h\r\nTE: trailers\r\nConnection: close, TE\r\n\r\n")
	if got := content(answer); got != "2\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n" || value(answer, "Trailer") != "X-Sum" {
		t.Errorf("asked: %q", answer)
	}
}

// W-48: keep-alive of a client of 1.0 is honoured when a length is known, and only then.
func TestKeepAliveOfHTTP10(t *testing.T) {
	t.Parallel()
	w := start(t, site(answering(t, ok), ""))
	c := w.dial()
	for range 2 {
		if got := c.send("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").receive(); value(got, "Connection") != "keep-alive" || content(got) != "ok" {
			t.Errorf("got %q", got)
		}
	}
	if got := c.send("GET / HTTP/1.0\r\n\r\n").rest(); value(got, "Connection") != "close" {
		t.Errorf("without keep-alive: %q", got)
	}
	unknown := start(t, site(answering(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"), ""))
	if got := unknown.dial().send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").rest(); value(got, "Connection") != "close" || content(got) != "ok" {
		t.Errorf("without a length: %q", got)
	}
}
