package wire_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/infra/fakes/drupal/wire"
)

var noon = time.Date(2019, 3, 15, 12, 0, 0, 0, time.UTC)

// start is a server that says what it was asked.
func start(t *testing.T) string {
	t.Helper()
	s := &wire.Server{Now: func() time.Time { return noon }, Log: slog.New(slog.DiscardHandler),
		Handle: func(_ context.Context, q *wire.Request) *wire.Response {
			a := &wire.Response{Status: 200, Type: "text/plain", Known: q.Target == "/known",
				Body: fmt.Appendf(nil, "%s %s host=%s body=%s", q.Method, q.Target, q.Host, q.Body)}
			a.Add("X-One", "1")
			a.Add("x-ONE", "2")
			return a
		}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(l)
	t.Cleanup(func() {
		s.Close()
		if err := s.Serve(l); err != wire.ErrClosed {
			t.Errorf("serving after Close: %v", err)
		}
	})
	return l.Addr().String()
}

func exchange(t *testing.T, addr, request string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	go io.WriteString(c, request)
	b, err := io.ReadAll(c)
	if err != nil {
		t.Errorf("%.40q: %v", request, err)
	}
	return string(b)
}

const (
	headOf = "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Fri, 15 Mar 2019 12:00:00 GMT\r\nContent-Type: text/plain\r\n"
	ones   = "X-One: 1\r\nx-ONE: 2\r\n\r\n"
)

func chunked(connection, body string) string {
	return headOf + "Transfer-Encoding: chunked\r\nConnection: " + connection + "\r\n" + ones + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body)
}

func TestAnswersAsNginxDoes(t *testing.T) {
	t.Parallel()
	addr := start(t)
	for name, c := range map[string]struct{ request, answer string }{
		"pipelined requests are answered in order": {
			"GET /a HTTP/1.1\r\nHost: h\r\n\r\nGET /b?%41 HTTP/1.1\r\nHost: H:80\r\nConnection: close\r\n\r\n",
			chunked("keep-alive", "GET /a host=h body=") + chunked("close", "GET /b?%41 host=H:80 body=")},
		"1.0 gets no chunks": {
			"GET /a HTTP/1.0\r\n\r\n", headOf + "Connection: close\r\n" + ones + "GET /a host= body="},
		"1.0 keeps a connection whose answer's length is known": {
			"GET /known HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /known HTTP/1.0\r\n\r\n",
			headOf + "Content-Length: 22\r\nConnection: keep-alive\r\n" + ones + "GET /known host= body=" +
				headOf + "Content-Length: 22\r\nConnection: close\r\n" + ones + "GET /known host= body="},
		"HEAD has neither a body nor chunks": {
			"HEAD /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", headOf + "Connection: close\r\n" + ones},
		"HEAD of a file has its length": {
			"HEAD /known HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", headOf + "Content-Length: 24\r\nConnection: close\r\n" + ones},
		"one 100 goes before a body that waits": {
			"POST /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nConnection: close\r\nContent-Length: 3\r\n\r\nxyz",
			"HTTP/1.1 100 Continue\r\n\r\n" + chunked("close", "POST /a host=h body=xyz")},
		"a chunked body with its trailer": {
			"POST /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nab\r\n1\r\nc\r\n0\r\nT: v\r\n\r\n",
			chunked("close", "POST /a host=h body=abc")},
		"an absolute target": {
			"GET http://h/a?b HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", chunked("close", "GET /a?b host=h body=")},
	} {
		if got := exchange(t, addr, c.request); got != c.answer {
			t.Errorf("%s:\n got %q\nwant %q", name, got, c.answer)
		}
	}
}

func TestRefusesAsNginxDoes(t *testing.T) {
	t.Parallel()
	addr := start(t)
	for status, request := range map[string]string{
		"400 Bad Request":              "GET / HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n",
		"400 Bad Request ":             "GET / HTTP/1.1\r\n\r\n",
		"400 Bad Request  ":            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
		"405 Not Allowed":              "TRACE / HTTP/1.1\r\nHost: h\r\n\r\n",
		"413 Request Entity Too Large": "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 1048577\r\n\r\n",
		"413 Request Entity Too Large ": "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" +
			strings.Repeat("10000\r\n"+strings.Repeat("x", 1<<16)+"\r\n", 17) + "0\r\n\r\n",
		"400 Request Header Or Cookie Too Large": "GET / HTTP/1.1\r\nHost: h\r\nX: " + strings.Repeat("x", 64<<10) + "\r\n\r\n",
	} {
		status = strings.TrimSpace(status)
		got := exchange(t, addr, request)
		line := "HTTP/1.1 " + status
		if strings.HasSuffix(status, "Cookie Too Large") {
			line = "HTTP/1.1 400 Bad Request" // nginx says more in the page than in the status
		}
		if !strings.HasPrefix(got, line+"\r\nServer: ") || !strings.Contains(got, "<h1>"+status+"</h1>") || !strings.Contains(got, "\r\nConnection: close\r\n") {
			t.Errorf("%.60q: %q", request, got)
		}
	}
}

// FuzzRead: whatever comes, an answer is one of HTTP's or none, and the server goes on.
func FuzzRead(f *testing.F) {
	f.Add("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	f.Add("POST /known HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc")
	f.Add("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
	s := &wire.Server{Now: func() time.Time { return noon }, Log: slog.New(slog.DiscardHandler),
		Handle: func(context.Context, *wire.Request) *wire.Response { return &wire.Response{Status: 204} }}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.Fatal(err)
	}
	go s.Serve(l)
	f.Cleanup(func() { s.Close() })
	f.Fuzz(func(t *testing.T, request string) {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(5 * time.Second))
		go func() {
			io.WriteString(c, request)
			c.(*net.TCPConn).CloseWrite()
		}()
		r := bufio.NewReader(c)
		for {
			a, err := http.ReadResponse(r, nil)
			if err == io.EOF || err == io.ErrUnexpectedEOF {
				return
			}
			if err != nil {
				if _, network := err.(net.Error); network {
					return
				}
				t.Fatalf("%q: %v", request, err)
			}
			io.Copy(io.Discard, a.Body) // a body that is cut off shows at the next answer
		}
	})
}
