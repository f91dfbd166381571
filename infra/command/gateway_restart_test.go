package command

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// A passed listener: one process drains while the next serves, and no connection is refused or dropped.
func TestRestartDropsNoConnection(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.write(strings.Replace(y.text(), "admin: {listen: 127.0.0.1:0}\n", "", 1))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	socket, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	first := y.start(socket)
	if first.line.Listen != l.Addr().String() || first.line.Admin != "" {
		t.Errorf("ready: %+v", first.line)
	}
	ctx, stop := context.WithCancel(t.Context())
	result := make(chan error, 1)
	served := make(chan struct{}, 100_000)
	go func() {
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		for ctx.Err() == nil {
			res, err := client.Get("http://" + l.Addr().String() + "/x")
			if err == nil {
				_, err = io.Copy(io.Discard, res.Body)
				res.Body.Close()
			}
			if err != nil {
				result <- err
				return
			}
			served <- struct{}{}
		}
		result <- nil
	}()
	some := func() {
		for range 20 {
			select {
			case <-served:
			case err := <-result:
				t.Fatalf("a connection was lost: %v", err)
			case <-time.After(20 * time.Second):
				t.Fatal("nothing is served")
			}
		}
	}
	some()
	if status := first.end(t); status != done {
		t.Errorf("drained with status %d", status)
	}
	second := y.start(socket)
	some()
	third := y.start(socket)
	second.end(t)
	some()
	stop()
	if err := <-result; err != nil {
		t.Errorf("a connection was lost: %v", err)
	}
	third.end(t)
}
