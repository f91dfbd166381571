package gateway

import (
	"bufio"
	"context"
	"io"
	"net"
	"sync"
	"testing"
)

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
