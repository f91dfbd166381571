package gateway

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/shadow"
)

// H-1: whatever the shadow side does, donors are answered, and what copies hold is bounded.
func TestNoShadowSideTouchesADonor(t *testing.T) {
	t.Parallel()
	closed := newOrigin(t, func(*origin, *bufio.Reader, net.Conn) {}).addr
	dead := func() string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		return l.Addr().String()
	}()
	endless := func(head string, pause time.Duration, piece []byte) string {
		return newOrigin(t, func(o *origin, r *bufio.Reader, c net.Conn) {
			if !o.hear(r) {
				return
			}
			for _, err := io.WriteString(c, head); err == nil; _, err = c.Write(piece) {
				time.Sleep(pause)
			}
		}).addr
	}
	block := make([]byte, 64<<10)
	for name, target := range map[string]string{
		"closes at once": closed,
		"dead":           dead,
		"never answers":  newOrigin(t, func(o *origin, r *bufio.Reader, c net.Conn) { io.Copy(io.Discard, r) }).addr,
		"reads a byte a second": newOrigin(t, func(o *origin, r *bufio.Reader, c net.Conn) {
			for {
				r.ReadByte()
				time.Sleep(time.Second)
			}
		}).addr,
		"answers a byte at a time": endless("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", 50*time.Millisecond, []byte("x")),
		"an endless body":          endless("HTTP/1.1 200 OK\r\n\r\n", 20*time.Millisecond, block),
		"an endless head":          endless("HTTP/1.1 200 OK\r\n", 20*time.Millisecond, bytes.Repeat([]byte("X-Y: z\r\n"), 1000)),
		"an answer of 10 GB":       endless("HTTP/1.1 200 OK\r\nContent-Length: 10737418240\r\n\r\n", 20*time.Millisecond, block),
		"chunks without end":       endless("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 20*time.Millisecond, bytes.Repeat([]byte("5\r\nhello\r\n"), 5000)),
		"no HTTP":                  answering(t, "SSH-2.0-OpenSSH\r\n").addr,
		"a 101 that nobody asked":  answering(t, "HTTP/1.1 101 Switching\r\n\r\n").addr,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			page := "HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n" + strings.Repeat("a", 20000)
			w, c, _ := shadowed(t, fmt.Sprintf(pagesYAML, answering(t, page).addr, target), 10000, shadow.Options{}, cutover.Group{Phase: cutover.Shadow})
			donor := w.dial()
			donor.SetDeadline(time.Now().Add(time.Minute))
			for range 50 {
				if got := donor.send("GET /about HTTP/1.1\r\nHost: h\r\n\r\n").receive(); status(got) != "200" || len(content(got)) != 20000 {
					t.Fatalf("the donor got %s, %d bytes", status(got), len(got))
				}
				for _, s := range c.Status() {
					if s.Memory > 64<<20 || s.Waiting > 256 || s.Flight > 64 {
						t.Fatalf("%+v", s)
					}
				}
			}
			if name == "dead" {
				eventually(t, "the breaker opens", func() bool { return c.Status()[0].Dead })
				donor.send("GET /about HTTP/1.1\r\nHost: h\r\n\r\n").receive()
				if log := w.stop(); !strings.Contains(log, `"shadow":"dropped:breaker"`) || collected(t, c, "banyan_shadow_dropped_total", "pages,breaker") == 0 {
					t.Errorf("nothing is dropped at the breaker")
				}
			}
		})
	}
}

// H-2: of a full queue the oldest copy goes, and is counted.
func TestTheOldestOfAFullQueueGoes(t *testing.T) {
	t.Parallel()
	silent := newOrigin(t, func(o *origin, r *bufio.Reader, c net.Conn) { o.hear(r); io.Copy(io.Discard, r) })
	w, c, _ := shadowed(t, fmt.Sprintf(pagesYAML, answering(t, ok).addr, silent.addr), 10000, shadow.Options{}, cutover.Group{Phase: cutover.Shadow})
	donor := w.dial()
	donor.SetDeadline(time.Now().Add(time.Minute))
	ask := func(n int) {
		for range n {
			donor.send("GET /about HTTP/1.1\r\nHost: h\r\n\r\n").receive()
		}
	}
	ask(64)
	eventually(t, "64 in flight", func() bool { return len(silent.requests()) == 64 })
	ask(256 + 10)
	// The last copy may still be on its way into the queue when its donor has the answer.
	eventually(t, "10 are dropped", func() bool { return collected(t, c, "banyan_shadow_dropped_total", "pages,queue") == 10 })
	if s := c.Status()[0]; s.Waiting != 256 || s.Flight != 64 || s.Memory > 64<<20 || s.Memory == 0 {
		t.Errorf("%+v", s)
	}
	if n := len(silent.requests()); n != 64 {
		t.Errorf("%d copies are in flight", n)
	}
	c.Close()
	if s := c.Status()[0]; s.Memory != 0 || s.Waiting != 0 {
		t.Errorf("after the end: %+v", s)
	}
}
