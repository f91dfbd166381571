package cloud_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/gorilla/mux"

	"github.com/banyan-migration/banyan/shared/event"
	"github.com/banyan-migration/banyan/shared/host"
	"github.com/banyan-migration/banyan/shared/host/cloud"
	"github.com/banyan-migration/banyan/shared/host/hosttest"
	"github.com/banyan-migration/banyan/shared/kv"
	"github.com/banyan-migration/banyan/shared/web"
)

// account is what stands around a function under test: its table, its topic, its log and its variables.
type account struct {
	table *kv.Mem
	env   map[string]string
	now   func() time.Time

	mu     sync.Mutex
	log    bytes.Buffer
	sent   []event.Message
	broken error         // what the topic answers
	stuck  chan struct{} // the topic answers when it is closed, or ctx ends
	ids    int
}

func newAccount(t testing.TB) *account {
	layer := t.TempDir()
	if err := os.WriteFile(filepath.Join(layer, "VERSION"), []byte("7\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	a := &account{table: kv.NewMem(), now: func() time.Time { return hosttest.Noon }}
	a.table.Now = func() time.Time { return a.now() }
	a.env = map[string]string{"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "STAGE": "dev",
		"BANYAN_KEY": "k1:" + hosttest.Keys["k1"], "LAYER_DIR": layer, "ORIGINS": "https://www.example.org, https://give.example.org",
		"CALLERS": `{"c9736463f555cdb7d2a78cfd7aa8b8c4f09d906d78f8dab9228eda30a28c2818": {"name": "Olive Operator", "roles": ["support"]}}`}
	return a
}

func (a *account) Write(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.log.Write(p)
}

func (a *account) logged() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.log.String()
}

// lines are the log's lines that have a text, decoded.
func (a *account) lines(t *testing.T, with string) []map[string]any {
	t.Helper()
	var all []map[string]any
	for line := range strings.Lines(a.logged()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("a line of the log is no JSON: %q: %v", line, err)
		}
		if strings.Contains(line, with) {
			all = append(all, fields)
		}
	}
	return all
}

// metrics are the last invocation's.
func (a *account) metrics(t *testing.T) map[string]any {
	t.Helper()
	all := a.lines(t, `"_aws"`)
	if len(all) == 0 {
		t.Fatal("no metrics were written")
	}
	return all[len(all)-1]
}

func (a *account) send(ctx context.Context, messages []event.Message) (arrived []string, err error) {
	a.mu.Lock()
	broken, stuck := a.broken, a.stuck
	a.mu.Unlock()
	if stuck != nil {
		select {
		case <-stuck:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, m := range messages {
		if broken != nil && i > 0 { // one gets through
			return arrived, broken
		}
		a.sent, arrived = append(a.sent, m), append(arrived, m.ID)
	}
	return arrived, broken
}

func (a *account) arrived() []event.Message {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]event.Message{}, a.sent...)
}

// unsent are the messages that wait in the table.
func (a *account) unsent(t *testing.T) (all []event.Message) {
	t.Helper()
	for shard := range kv.Shards {
		waiting, err := a.table.Unsent(t.Context(), shard, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range waiting {
			all = append(all, u.Message)
		}
	}
	return all
}

func (a *account) world() cloud.World {
	return cloud.World{Getenv: func(name string) string { return a.env[name] }, Now: a.now, Out: a, NewID: func() string {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.ids++
		return fmt.Sprintf("id-%d", a.ids)
	}}
}

func (a *account) parts(_ context.Context, f *cloud.Function) error {
	f.Env.Store, f.Send = a.table, a.send
	return nil
}

// function starts a service called donate, so that messages to donate are for it.
func (a *account) function(t testing.TB, start host.New) *cloud.Host {
	t.Helper()
	h, err := cloud.New(t.Context(), a.world(), "donate", start, a.parts)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// lambda is the context that Lambda's loop would give.
func lambda(ctx context.Context, id string) context.Context {
	return lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{AwsRequestID: id})
}

// till is a service that does what its visitors want to see of a host.
type till struct {
	env     host.Env
	release chan struct{} // what is deaf to its context waits for this
	deaf    chan error    // and says here what it was answered when it acted
	broken  bool          // its tick
	ticked  time.Time
}

func newTill() *till { return &till{release: make(chan struct{}), deaf: make(chan error, 8)} }

func (s *till) start(env host.Env) (host.Service, error) {
	s.env = env
	r := mux.NewRouter()
	r.Handle("/coins", web.JSON(201, s.coin)).Methods("POST")
	r.HandleFunc("/echo", s.echo)
	r.HandleFunc("/echo/{any:.*}", s.echo)
	r.HandleFunc("/{path:my/path|path/to/resource|}", s.echo) // as the samples of AWS ask
	r.HandleFunc("/panic", func(http.ResponseWriter, *http.Request) { panic("the drawer is stuck") })
	r.HandleFunc("/abort", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	r.Handle("/slow", web.Func(func(w http.ResponseWriter, r *http.Request) error { return s.slow(r.Context()) }))
	r.Handle("/deaf", web.Func(func(w http.ResponseWriter, r *http.Request) error { return s.ignore(r.Context()) }))
	r.HandleFunc("/bytes", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Set-Cookie", "a=1; Path=/")
		w.Header().Add("Set-Cookie", "b=2")
		w.Header().Add("Vary", "Origin")
		w.Header().Add("Vary", "Accept")
		w.Write([]byte{0xff, 0xd8, 0xff, 0xe0})
	})
	r.HandleFunc("/large", func(w http.ResponseWriter, r *http.Request) { w.Write(bytes.Repeat([]byte{'x'}, 6_291_000)) })
	r.HandleFunc("/larger", func(w http.ResponseWriter, r *http.Request) { w.Write(bytes.Repeat([]byte{'"'}, 3_200_000)) })
	return host.Service{HTTP: r, Queue: s.queue, Tick: s.tick, Task: s.task}, nil
}

// coin keeps a coin and causes a message.
func (s *till) coin(ctx context.Context, in struct {
	Pence int `json:"pence"`
}) (map[string]any, error) {
	return map[string]any{"pence": in.Pence}, s.put(ctx, s.env.NewID())
}

func (s *till) put(ctx context.Context, id string) error {
	m := event.New(id, event.PaymentsRequested, s.env.Now(), event.For{Service: "donate", ID: id}, map[string]int{})
	return s.env.Store.Commit(ctx, kv.Write{Key: kv.Key{Part: "coin", Sort: id}, Messages: []event.Message{m}})
}

// seen is what a handler saw of a request.
type seen struct {
	Method, Target, Query, Host, Remote, Body string
	Header                                    http.Header
	Form                                      map[string][]string
	Request, Operator                         string
	Roles                                     []string
}

func (s *till) echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		web.Fail(w, r, err)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if err := r.ParseForm(); err != nil {
		web.Fail(w, r, err)
		return
	}
	c := web.From(r.Context())
	web.Answer(w, 200, seen{r.Method, r.URL.Path, r.URL.RawQuery, r.Host, r.RemoteAddr, string(body), r.Header, r.Form, c.Request, c.Operator, c.Roles})
}

func (s *till) slow(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// ignore is deaf to its context, and acts when it is at last let go, cut off from the end of its event.
func (s *till) ignore(ctx context.Context) error {
	<-s.release
	err := s.put(context.WithoutCancel(ctx), "late")
	s.deaf <- err
	return err
}

func (s *till) queue(ctx context.Context, m event.Message) error {
	var in struct{ Do string }
	if err := json.Unmarshal(m.Data, &in); err != nil {
		return err
	}
	switch in.Do {
	case "fail":
		return errors.New("the drawer is full")
	case "panic":
		panic("the drawer is stuck")
	case "slow":
		return s.slow(ctx)
	case "deaf":
		return s.ignore(ctx)
	}
	return s.put(ctx, "of-"+m.ID)
}

func (s *till) tick(ctx context.Context, now time.Time) error {
	if s.broken {
		panic("the clock is stuck")
	}
	s.ticked = time.Now()
	return s.put(ctx, "tick")
}

func (s *till) task(ctx context.Context, name string, in []byte) ([]byte, error) {
	switch name {
	case "echo":
		return in, nil
	case "slow":
		return nil, s.slow(ctx)
	case "deaf":
		return nil, s.ignore(ctx)
	case "prose":
		return []byte("no JSON"), nil
	case "nothing":
		return nil, nil
	}
	return nil, errors.New("no such task")
}

// functionWithout is a function whose main names no topic.
func (a *account) functionWithout(t testing.TB, start host.New) *cloud.Host {
	t.Helper()
	h, err := cloud.New(t.Context(), a.world(), "donate", start, func(_ context.Context, f *cloud.Function) error {
		f.Env.Store = a.table
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}
