package gateway

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/gateway/cutover"
)

// W-59: codings, ETags and bodies pass untouched. net/http asks for gzip by itself and unpacks it, keeping the gzip's ETag.
func TestContentCodingsPass(t *testing.T) {
	t.Parallel()
	o := answering(t, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nEtag: \"abc-gzip\"\r\nContent-Length: 5\r\n\r\n\x1f\x8b\x00\x01\x02")
	w := start(t, site(o, ""))
	answer := w.ask(get("/", "Accept-Encoding: gzip, br", "Range: bytes=0-4", "If-Range: \"abc\""))
	if lines(answer, "Connection") != "HTTP/1.1 200 OK\nContent-Encoding: gzip\nEtag: \"abc-gzip\"\nContent-Length: 5" || content(answer) != "\x1f\x8b\x00\x01\x02" {
		t.Errorf("got %q", answer)
	}
	w.ask(get("/"))
	if heard := o.last(t, 2); value(heard, "Accept-Encoding") != "" {
		t.Errorf("the gateway asked for a coding: %q", heard)
	}
}

// W-60: where an answer sends the visitor passes as it is, but for the configured internal origins.
func TestInternalOriginsAreRewritten(t *testing.T) {
	t.Parallel()
	o := answering(t, "HTTP/1.1 302 Found\r\nLocation: http://internal:9001/a?b\r\nRefresh: 5; url=http://internal:9001.evil/\r\n"+
		"Link: <http://internal:9001/x>, <http://internal:90010/>\r\nContent-Security-Policy: img-src http://internal:9001\r\nX-Other: http://internal:9001/\r\nContent-Length: 0\r\n\r\n")
	w := start(t, site(o, "origins: ['http://internal:9001']\n"))
	want := "HTTP/1.1 302 Found\nLocation: http://h/a?b\nRefresh: 5; url=http://internal:9001.evil/\n" +
		"Link: <http://h/x>, <http://internal:90010/>\nContent-Security-Policy: img-src http://h\nX-Other: http://internal:9001/\nContent-Length: 0"
	if got := lines(w.ask(get("/")), "Connection"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := w.metric("banyan_gateway_upstream_oddities_total", "origin_rewritten"); got != 3 {
		t.Errorf("%v were counted", got)
	}
	plain := start(t, site(o, ""))
	if got := value(plain.ask(get("/")), "Location"); got != "http://internal:9001/a?b" {
		t.Errorf("without the option: %q", got)
	}
}

// W-61: conditional requests pass, but not on a group with two live sides, nor until caches have forgotten.
func TestConditionalRequests(t *testing.T) {
	t.Parallel()
	legacy, fresh := answering(t, ok), answering(t, ok)
	conditional := []string{"If-None-Match: \"x\"", "If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT", "If-Range: \"x\"", "Range: bytes=0-1"}
	w := start(t, twoSidesOf(legacy, fresh, "    - {match: /x}\n"))
	n := 0
	for name, c := range map[string]struct {
		group cutover.Group
		pass  bool
	}{
		"off":          {cutover.Group{Phase: cutover.Off, Revision: 1, At: time.Now()}, true},
		"canary":       {cutover.Group{Phase: cutover.Canary, Weight: 1}, false},
		"full":         {cutover.Group{Phase: cutover.Full, Weight: 10000, Revision: 9, At: time.Now().Add(-time.Hour)}, true},
		"just flipped": {cutover.Group{Phase: cutover.Off, Revision: 9, At: time.Now()}, false},
	} {
		w.weigh(map[string]cutover.Group{"g": c.group})
		w.ask(get("/x", conditional...))
		n++
		all := append(legacy.requests(), fresh.requests()...)
		if len(all) != n {
			t.Fatalf("%d requests", len(all))
		}
		passed := 0
		for _, heard := range all {
			if value(heard, "If-None-Match")+value(heard, "If-Modified-Since")+value(heard, "If-Range") != "" {
				passed++
			}
		}
		w.ask(get("/", conditional...)) // outside the group
		if got := legacy.requests()[len(legacy.requests())-1]; value(got, "If-None-Match") == "" || value(got, "Range") == "" {
			t.Errorf("%s: outside the group: %q", name, got)
		}
		n++
		if last := all[len(all)-1]; c.pass && passed == 0 {
			t.Errorf("%s: nothing conditional passed: %q", name, last)
		}
	}
	if got := w.metric("banyan_gateway_headers_dropped_total", "conditional"); got != 8 {
		t.Errorf("%v conditional lines were dropped, want 4 on each of two", got)
	}
}

// W-62: the gateway is no cache: every request is asked anew, and nothing is added that speaks of one.
func TestNothingIsCached(t *testing.T) {
	t.Parallel()
	o := answering(t, "HTTP/1.1 200 OK\r\nCache-Control: public, max-age=300\r\nAge: 5\r\nContent-Length: 2\r\n\r\nok")
	w := start(t, site(o, ""))
	for range 3 {
		if got := w.ask(get("/")); lines(got, "Connection") != "HTTP/1.1 200 OK\nCache-Control: public, max-age=300\nAge: 5\nContent-Length: 2" {
			t.Errorf("got %q", got)
		}
	}
	o.last(t, 3)
}

// W-63: what an upstream says is passed at once, whatever the framing, and streams stay out of the latencies.
func TestStreamsAreNotHeldBack(t *testing.T) {
	t.Parallel()
	for name, head := range map[string]string{
		"events":      "Content-Type: text/event-stream; charset=utf-8\r\n",
		"chunks":      "Transfer-Encoding: chunked\r\n",
		"unbuffered":  "X-Accel-Buffering: no\r\nContent-Length: 10\r\n",
		"long length": "Content-Length: 100000\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			next := make(chan bool)
			o := newOrigin(t, func(o *origin, r *bufio.Reader, c net.Conn) {
				o.hear(r)
				io.WriteString(c, "HTTP/1.1 200 OK\r\n"+head+"\r\n")
				for range next {
					if name == "chunks" {
						io.WriteString(c, "5\r\nevent\r\n")
					} else {
						io.WriteString(c, "event")
					}
				}
			})
			w := start(t, site(o, ""))
			c := w.dial().send(get("/"))
			got := c.head()
			for range 2 {
				next <- true
				for strings.Count(got, "event\r\n") == 0 && !strings.HasSuffix(got, "event") {
					b, err := c.r.ReadByte()
					if err != nil {
						t.Fatal(err)
					}
					got += string(b)
				}
				got = ""
			}
			close(next)
			io.Copy(io.Discard, c.r)
			w.stop()
			counted := w.metric("banyan_gateway_request_seconds", "false,,legacy") > 0
			if want := name == "chunks" || name == "long length"; counted != want {
				t.Errorf("counted in the latencies: %v, want %v", counted, want)
			}
		})
	}
}

// W-64: a short body that breaks off is a 502, since nothing has gone out yet. net/http gives an empty reply.
func TestShortTruncatedAnswer(t *testing.T) {
	t.Parallel()
	w := start(t, site(once(t, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this"), ""))
	if got := w.ask(get("/")); status(got) != "502" || strings.Contains(got, "only this") {
		t.Errorf("got %q", got)
	}
	if got := w.metric("banyan_gateway_requests_total", "upstream_truncated,5xx,,legacy"); got != 1 {
		t.Errorf("counted %v times", got)
	}
}

// W-65: once the head has gone, a broken body ends the client's connection, without the end that would make it look whole.
func TestLongTruncatedAnswers(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"length":    "HTTP/1.1 200 OK\r\nContent-Length: 500000\r\n\r\n" + strings.Repeat("x", 100_000),
		"chunks":    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
		"bad chunk": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n" + strings.Repeat("5\r\nhello\r\n", 8000) + "zz\r\n",
	} {
		w := start(t, site(once(t, answer), ""))
		got, _ := io.ReadAll(w.dial().send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").r)
		if status(string(got)) != "200" || strings.Contains(string(got), "\r\n0\r\n") || strings.Contains(string(got), "502") {
			t.Errorf("%s: %d bytes: %.60q … %.60q", name, len(got), got, got[max(0, len(got)-60):])
		}
		class := "upstream_truncated"
		if name == "bad chunk" {
			class = "upstream_malformed"
		}
		if log := w.stop(); !strings.Contains(log, `"class":"`+class+`"`) {
			t.Errorf("%s: %s", name, log)
		}
	}
}

// A long answer passes in constant memory, and whole (W-64).
func TestLongAnswersPassInConstantMemory(t *testing.T) {
	t.Parallel()
	const length = 64 << 20
	o := newOrigin(t, func(o *origin, r *bufio.Reader, c net.Conn) {
		block := []byte(strings.Repeat("0123456789abcdef", 4096))
		for o.hear(r) {
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", length)
			for sent := 0; sent < length; sent += len(block) {
				c.Write(block)
			}
		}
	})
	w := start(t, site(o, ""))
	c := w.dial().send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	c.head()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	buf := make([]byte, 1<<16)
	for n := 0; n < length; {
		m, err := c.r.Read(buf)
		for i, b := range buf[:m] {
			if b != "0123456789abcdef"[(n+i)%16] {
				t.Fatalf("byte %d is %q", n+i, b)
			}
		}
		if n += m; err != nil {
			t.Fatalf("after %d: %v", n, err)
		}
	}
	runtime.ReadMemStats(&after)
	if grew := int64(after.HeapSys) - int64(before.HeapSys); grew > 32<<20 {
		t.Errorf("the heap grew by %d bytes", grew)
	}
	if got := c.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").head(); status(got) != "200" {
		t.Errorf("the connection went on with %q", got)
	}
}
