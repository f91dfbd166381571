package gateway

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/split"
)

// origin is a backend that says exactly what a test scripts, and keeps what it was sent.
type origin struct {
	addr   string
	mu     sync.Mutex
	heard  []string
	dialed int
	closed int
}

// script plays one connection of an origin.
type script func(o *origin, r *bufio.Reader, c net.Conn)

func newOrigin(t testing.TB, play script) *origin {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := &origin{addr: l.Addr().String()}
	var open sync.Map
	t.Cleanup(func() {
		l.Close()
		open.Range(func(c, _ any) bool { c.(net.Conn).Close(); return true })
	})
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			o.mu.Lock()
			o.dialed++
			o.mu.Unlock()
			open.Store(c, true)
			go func() {
				play(o, bufio.NewReader(c), c)
				c.Close()
				o.mu.Lock()
				o.closed++
				o.mu.Unlock()
			}()
		}
	}()
	return o
}

// answering is an origin that answers every whole request with the same bytes.
func answering(t testing.TB, answer string) *origin {
	return newOrigin(t, func(o *origin, r *bufio.Reader, c net.Conn) {
		for o.hear(r) {
			if _, err := io.WriteString(c, answer); err != nil {
				return
			}
		}
	})
}

// once is an origin that answers one request a connection and closes it.
func once(t testing.TB, answer string) *origin {
	return newOrigin(t, func(o *origin, r *bufio.Reader, c net.Conn) {
		if o.hear(r) {
			io.WriteString(c, answer)
		}
	})
}

// hear reads one request, whatever its framing, and keeps its bytes.
func (o *origin) hear(r *bufio.Reader) bool {
	raw, err := message(r)
	if err == nil {
		o.mu.Lock()
		o.heard = append(o.heard, raw)
		o.mu.Unlock()
	}
	return err == nil
}

// requests are those heard so far.
func (o *origin) requests() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]string(nil), o.heard...)
}

// dials is how many connections were made.
func (o *origin) dials() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.dialed
}

// hungUp waits until every connection so far has been closed by the origin: a pool can know it then.
func (o *origin) hungUp(t testing.TB) {
	t.Helper()
	eventually(t, "the origin hangs up", func() bool {
		o.mu.Lock()
		defer o.mu.Unlock()
		return o.closed == o.dialed
	})
}

// last is the latest request, which must be the n-th.
func (o *origin) last(t testing.TB, n int) string {
	t.Helper()
	all := o.requests()
	if len(all) != n {
		t.Fatalf("the origin heard %d requests, want %d: %q", len(all), n, all)
	}
	if n == 0 {
		return ""
	}
	return all[n-1]
}

// message reads one HTTP/1 message, of any kind but one that ends with the connection.
func message(r *bufio.Reader) (string, error) {
	var b strings.Builder
	length, chunked := 0, false
	for {
		line, err := r.ReadString('\n')
		b.WriteString(line)
		if err != nil {
			return b.String(), err
		}
		low := strings.ToLower(strings.TrimSpace(line))
		if v, ok := strings.CutPrefix(low, "content-length:"); ok {
			length, _ = strconv.Atoi(strings.TrimSpace(v))
		}
		chunked = chunked || strings.HasPrefix(low, "transfer-encoding:")
		if low == "" {
			break
		}
	}
	if !chunked {
		body := make([]byte, length)
		n, err := io.ReadFull(r, body)
		b.Write(body[:n])
		return b.String(), err
	}
	for {
		line, err := r.ReadString('\n')
		b.WriteString(line)
		size, bad := strconv.ParseInt(strings.TrimSpace(line), 16, 64)
		if err != nil || bad != nil {
			return b.String(), fmt.Errorf("chunk line %q: %w", line, err)
		}
		if size == 0 {
			break
		}
		body := make([]byte, size+2)
		if _, err := io.ReadFull(r, body); err != nil {
			return b.String(), err
		}
		b.Write(body)
	}
	for {
		line, err := r.ReadString('\n')
		b.WriteString(line)
		if err != nil || strings.TrimSpace(line) == "" {
			return b.String(), err
		}
	}
}

// world is a gateway with what it stands on.
type world struct {
	t    testing.TB
	g    *Gateway
	addr string
	log  *safeBuffer
	ring *split.Keyring
	plan *cutover.Snapshot
	mu   sync.Mutex
	once sync.Once
}

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

const basics = `
hosts: [h, other.example]
default_host: h
health: /.banyan/health
`

// site is a configuration whose only backend is o.
func site(o *origin, more string) string {
	return basics + more + "\nbackends:\n  drupal: {url: http://" + o.addr + ", kind: drupal7}\ndefault: drupal\n"
}

// start runs a gateway with a configuration and, if given, group weights.
func start(t testing.TB, yaml string, groups ...map[string]cutover.Group) *world {
	t.Helper()
	return startWith(t, yaml, nil, groups...)
}

func startWith(t testing.TB, yaml string, change func(*Gateway), groups ...map[string]cutover.Group) *world {
	t.Helper()
	c, err := config.Parse("gateway.yaml", []byte(yaml), config.Options{})
	if err != nil {
		t.Fatalf("%v\n%s", err, yaml)
	}
	c.Keys = []split.Secret{{ID: "k1", Value: "sixteen bytes and more"}}
	w := &world{t: t, log: new(safeBuffer), plan: cutover.Fixed(7, nil)}
	if len(groups) > 0 {
		w.plan = cutover.Fixed(7, groups[0])
	}
	if w.ring, err = split.NewKeyring(c.Keys...); err != nil {
		t.Fatal(err)
	}
	plan := func() *cutover.Snapshot { w.mu.Lock(); defer w.mu.Unlock(); return w.plan }
	if w.g, err = New(Options{Config: c, Plan: plan, Keys: w.ring, Access: w.log}); err != nil {
		t.Fatal(err)
	}
	w.g.pace.linger = 50 * time.Millisecond
	if change != nil {
		change(w.g)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.addr = l.Addr().String()
	done := make(chan error, 1)
	go func() { done <- w.g.Serve(l) }()
	t.Cleanup(func() {
		w.stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return w
}

// stop ends the gateway; its log is complete then.
func (w *world) stop() string {
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	w.once.Do(func() { w.g.Shutdown(ctx) })
	return w.log.String()
}

// count is how many client connections there are of a kind.
func (w *world) count(is func(*conn) bool) (n int) {
	w.g.mu.Lock()
	defer w.g.mu.Unlock()
	for c := range w.g.conns {
		if is(c) {
			n++
		}
	}
	return n
}

// weigh changes the plan.
func (w *world) weigh(groups map[string]cutover.Group) {
	w.mu.Lock()
	w.plan = cutover.Fixed(w.plan.Revision+1, groups)
	w.mu.Unlock()
}

// client is one connection to the gateway.
type client struct {
	t testing.TB
	net.Conn
	r *bufio.Reader
}

func (w *world) dial() *client {
	w.t.Helper()
	c, err := net.Dial("tcp", w.addr)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(5 * time.Second))
	return &client{w.t, c, bufio.NewReader(c)}
}

func (c *client) send(raw string) *client {
	c.t.Helper()
	if _, err := io.WriteString(c, raw); err != nil {
		c.t.Fatal(err)
	}
	return c
}

// receive reads one answer that does not end with the connection.
func (c *client) receive() string {
	c.t.Helper()
	raw, err := message(c.r)
	if err != nil {
		c.t.Fatalf("after %q: %v", raw, err)
	}
	return raw
}

// head reads one answer's head.
func (c *client) head() string {
	c.t.Helper()
	var b strings.Builder
	for {
		line, err := c.r.ReadString('\n')
		b.WriteString(line)
		if err != nil {
			c.t.Fatalf("after %q: %v", b.String(), err)
		}
		if line == "\r\n" {
			return b.String()
		}
	}
}

// rest reads until the gateway closes the connection.
func (c *client) rest() string {
	c.t.Helper()
	b, err := io.ReadAll(c.r)
	if err != nil {
		c.t.Fatalf("after %q: %v", b, err)
	}
	return string(b)
}

// ask sends bytes on a connection of their own and returns all that comes until the gateway closes it.
func (w *world) ask(raw string) string {
	w.t.Helper()
	return w.dial().send(raw).rest()
}

// get is a whole request that ends its connection.
func get(target string, lines ...string) string {
	return "GET " + target + " HTTP/1.1\r\nHost: h\r\n" + strings.Join(append(lines, "Connection: close"), "\r\n") + "\r\n\r\n"
}

func post(target, body string, lines ...string) string {
	return "POST " + target + " HTTP/1.1\r\nHost: h\r\n" + strings.Join(append(lines, "Connection: close", "Content-Length: "+strconv.Itoa(len(body))), "\r\n") + "\r\n\r\n" + body
}

// status is an answer's status code.
func status(answer string) string {
	if len(answer) < 12 {
		return answer
	}
	return answer[9:12]
}

// lines are a message's header lines whose names do not begin with one of the given.
func lines(message string, but ...string) string {
	head, _, _ := strings.Cut(message, "\r\n\r\n")
	var kept []string
next:
	for _, l := range strings.Split(head, "\r\n") {
		for _, b := range but {
			if strings.HasPrefix(strings.ToLower(l), strings.ToLower(b)) {
				continue next
			}
		}
		kept = append(kept, l)
	}
	return strings.Join(kept, "\n")
}

// ours are the lines that the gateway adds upstream.
var ours = []string{"X-Forwarded-", "X-Request-Id", "traceparent", "X-Banyan-"}

// value is a header's value in a message, "" if it is not there.
func value(message, name string) string {
	head, _, _ := strings.Cut(message, "\r\n\r\n")
	for _, l := range strings.Split(head, "\r\n")[1:] {
		if k, v, _ := strings.Cut(l, ":"); strings.EqualFold(k, name) {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

func content(message string) string {
	_, body, _ := strings.Cut(message, "\r\n\r\n")
	return body
}

// metric is a counter's value, labels in their order joined by commas.
func (w *world) metric(name, labels string) float64 {
	w.t.Helper()
	reg := prometheus.NewPedanticRegistry()
	if err := reg.Register(w.g); err != nil {
		w.t.Fatal(err)
	}
	families, err := reg.Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var values []string
			for _, l := range m.GetLabel() {
				values = append(values, l.GetValue())
			}
			if f.GetName() == name && strings.Join(values, ",") == labels {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	return 0
}

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// eventually waits for something that another goroutine is about to do.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for began := time.Now(); !is(); time.Sleep(time.Millisecond) {
		if time.Since(began) > 5*time.Second {
			t.Fatal("never: " + what)
		}
	}
}
