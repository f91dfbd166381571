package gateway

import (
	"bufio"
	"net"
	"testing"
	"time"
)

func TestPassesARequestAndItsAnswer(t *testing.T) {
	t.Parallel()
	o := answering(t, "HTTP/1.1 200 OK\r\nServer: nginx\r\nVary: Cookie\r\nEtag: \"x\"\r\nVary: Accept-Encoding\r\nContent-Length: 2\r\n\r\nok")
	w := start(t, site(o, ""))
	c := w.dial()
	for range 3 {
		if got, want := c.send("GET /x?y HTTP/1.1\r\nHost: h\r\nB: 1\r\na: 2\r\n\r\n").receive(),
			"HTTP/1.1 200 OK\r\nServer: nginx\r\nVary: Cookie\r\nEtag: \"x\"\r\nVary: Accept-Encoding\r\nContent-Length: 2\r\n\r\nok"; got != want {
			t.Fatalf("got %q", got)
		}
	}
	if got := lines(o.last(t, 3), ours...); got != "GET /x?y HTTP/1.1\nHost: h\nB: 1\na: 2" {
		t.Errorf("upstream: %s", got)
	}
	if o.dials() != 1 {
		t.Errorf("%d connections to the origin, want 1", o.dials())
	}
}

// TestNothingIsAllocated: an ordinary request, through the split of a group with two live sides, costs no memory (house, section 7).
func TestNothingIsAllocated(t *testing.T) {
	raw := "GET /x?a=b HTTP/1.1\r\nHost: h\r\nUser-Agent: test\r\nAccept: text/html\r\nAccept-Encoding: gzip\r\nCookie: a=b\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n"
	answer := []byte("HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: text/html\r\nKeep-Alive: timeout=75, max=100000\r\nContent-Length: 2\r\n\r\nok")
	reply := func(o *origin, r *bufio.Reader, c net.Conn) {
		request := make([]byte, 4096)
		for {
			if _, err := c.Read(request); err != nil {
				return
			}
			if _, err := c.Write(answer); err != nil {
				return
			}
		}
	}
	w := start(t, twoSidesOf(newOrigin(t, reply), newOrigin(t, reply), "    - {match: GET /x}\n"), canary(5000))
	c := w.dial()
	c.SetDeadline(time.Time{})
	request, room := []byte(raw), make([]byte, 4096)
	ask := func() {
		if _, err := c.Write(request); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(room); err != nil {
			t.Fatal(err)
		}
	}
	for range 100 {
		ask()
	}
	// The log's two buffers grow with the lines that wait, so its test's own buffer is the only thing that may be seen here.
	if n := testing.AllocsPerRun(2000, ask); n > 0 {
		t.Errorf("%v allocations a request", n)
	}
}
