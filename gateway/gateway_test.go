package gateway

import (
	"testing"
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
	if o.dialed != 1 {
		t.Errorf("%d connections to the origin, want 1", o.dialed)
	}
}
