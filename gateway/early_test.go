package gateway

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
)

// An upstream that refuses before it has the whole body is heard, and the client's connection ends with the answer (W-49).
func TestEarlyRefusal(t *testing.T) {
	t.Parallel()
	o := newOrigin(t, func(o *origin, r *bufio.Reader, c net.Conn) {
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			if line == "\r\n" {
				break
			}
		}
		io.WriteString(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nno!")
		io.Copy(io.Discard, r)
	})
	w := start(t, site(o, ""))
	c := w.dial().send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5000000\r\n\r\n")
	go func() {
		for range 5000 {
			if _, err := io.WriteString(c, strings.Repeat("x", 1000)); err != nil {
				return
			}
		}
	}()
	if got := c.receive(); status(got) != "413" || content(got) != "no!" || value(got, "Connection") != "close" {
		t.Errorf("got %q", got)
	}
}

// An upstream that says 100, or begins its answer, while the body still comes, gets the body all the same.
func TestEarlyWords(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]string{"interim": "HTTP/1.1 100 Continue\r\n\r\n", "answer": "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n", "half": "HTTP/1.1 20"} {
		o := newOrigin(t, func(o *origin, r *bufio.Reader, c net.Conn) {
			r.Peek(1)
			io.WriteString(c, first)
			if !o.hear(r) {
				return
			}
			all := "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nthanks"
			if name != "interim" {
				all = strings.TrimPrefix(all, first)
			}
			io.WriteString(c, all)
		})
		w := start(t, site(o, ""))
		c := w.dial().send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
		eventually(t, "the origin has begun", func() bool { return o.dials() == 1 })
		for range 50 {
			c.send("1\r\nb\r\n")
		}
		if got := c.send("0\r\n\r\n").receive(); content(got) != "thanks" {
			t.Errorf("%s: %q", name, got)
		}
		if n := strings.Count(o.last(t, 1), "b"); n < 50 {
			t.Errorf("%s: %d of 50 pieces came", name, n)
		}
	}
}

// W-65: a client of HTTP/1.0 sees the end of the connection as the end of the answer, so a broken one is reset.
func TestBrokenAnswerToHTTP10(t *testing.T) {
	t.Parallel()
	w := start(t, site(once(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"), ""))
	if got, err := io.ReadAll(w.dial().send("GET / HTTP/1.0\r\n\r\n").r); err == nil {
		t.Errorf("half an answer looked whole: %q", got)
	}
}
