package dash_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/dash"
)

// stream is an open event stream.
type stream struct {
	t  *testing.T
	in *bufio.Reader
}

func (o *office) stream(ctx context.Context, url string) *stream {
	o.t.Helper()
	r, err := http.NewRequestWithContext(ctx, "GET", url+"/v1/events", nil)
	if err != nil {
		o.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer token of vera")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		o.t.Fatal(err)
	}
	o.t.Cleanup(func() { res.Body.Close() })
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/event-stream" {
		o.t.Fatalf("%s %v", res.Status, res.Header)
	}
	return &stream{o.t, bufio.NewReader(res.Body)}
}

// next reads the next event of a kind.
func (s *stream) next(kind string) string {
	s.t.Helper()
	for {
		line, err := s.in.ReadString('\n')
		if err != nil {
			s.t.Fatal(err)
		}
		if strings.TrimSpace(line) == "event: "+kind {
			data, err := s.in.ReadString('\n')
			if err != nil {
				s.t.Fatal(err)
			}
			return data
		}
	}
}

// A stream says where everything stands, and says it again when it is otherwise.
func TestEventsTellOfAChange(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	s := o.stream(ctx, o.url)
	if first := s.next("status"); !strings.Contains(first, `"revision":1`) || !strings.Contains(first, `"donate"`) {
		t.Errorf("at first %s", first)
	}
	o.weigh("donate", 1000)
	if then := s.next("status"); !strings.Contains(then, `"weight":1000`) {
		t.Errorf("then %s", then)
	}
}

// A server that shuts down ends its streams, and waits for none of them.
func TestEventsEndWithTheirServer(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	c := &config.Config{Admin: config.Admin{}, Groups: nil}
	plan, err := cutover.Open(t.Context(), cutover.Options{})
	if err != nil {
		t.Fatal(err)
	}
	h, err := dash.New(dash.Options{Plan: plan, Config: func() *config.Config { return c }, Keys: o.ring, Token: "token of vera"})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: h}
	go server.Serve(l)
	s := o.stream(t.Context(), "http://"+l.Addr().String())
	s.next("status")
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	if err := server.Shutdown(ctx); err != nil {
		t.Errorf("the server waits for its streams: %v", err)
	}
	for {
		if _, err := s.in.ReadString('\n'); err != nil {
			if !errors.Is(err, io.EOF) {
				t.Errorf("the stream broke off: %v", err)
			}
			return
		}
	}
}
