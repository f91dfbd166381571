// Package hosttest is a world for one test: services over a memory store, a clock that stands at noon until it is
// moved, ids that count, and messages that are delivered when the test says so.
package hosttest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"path"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/banyan-migration/banyan/shared/event"
	"github.com/banyan-migration/banyan/shared/host"
	"github.com/banyan-migration/banyan/shared/kv"
	"github.com/banyan-migration/banyan/shared/mark"
	"github.com/banyan-migration/banyan/shared/outbox"
)

// Noon is when every world begins: the day of a show.
var Noon = time.Date(2026, 3, 13, 12, 0, 0, 0, time.UTC)

// Keys sign what the gateway and the load test would.
var Keys = mark.Keys{"k1": "hosttest-0123456789"}

// OperatorKey is the bearer key of an operator with every role.
const OperatorKey = "operator-key"

// operators: the key is SHA-256 of OperatorKey.
var operators = map[string]host.Operator{
	"c9736463f555cdb7d2a78cfd7aa8b8c4f09d906d78f8dab9228eda30a28c2818": {Name: "Olive Operator", Roles: []string{"view", "support", "finance", "moderator", "client"}},
}

// World is the surroundings of the services under test. Set what differs before the first Start; in a foreign world
// (WorldFile) Files, Client and Setenv change nothing.
type World struct {
	Files  fs.FS        // the Layer
	Client *http.Client // to third parties

	t        *testing.T
	foreign  *foreign // nil: here, in memory
	server   *httptest.Server
	mu       sync.Mutex
	now      time.Time
	ids      int
	env      map[string]string
	services map[string]*Service
}

// NewWorld is an empty world at Noon, or the one that WorldFile names.
func NewWorld(t *testing.T) *World {
	return &World{foreign: elsewhere(t), Files: fstest.MapFS{}, Client: http.DefaultClient, t: t, now: Noon,
		env: map[string]string{"BANYAN_KEY": "k1:" + Keys["k1"]}, services: map[string]*Service{}}
}

// Now is the world's time.
func (w *World) Now() time.Time {
	if w.foreign != nil {
		return time.Now()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// Advance moves the clock on.
func (w *World) Advance(d time.Duration) {
	w.memoryOnly("a clock that can be moved")
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// Setenv sets a variable for services started afterwards.
func (w *World) Setenv(name, value string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.env[name] = value
}

func (w *World) getenv(name string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.env[name]
}

func (w *World) newID() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ids++
	return fmt.Sprintf("id-%d", w.ids)
}

// Service is a started service.
type Service struct {
	Name  string
	Store *kv.Mem
	host.Service

	world   *World
	handler http.Handler
	queue   func(context.Context, event.Message) error
}

// Start starts a service under its package's name and fails the test if it will not.
func (w *World) Start(t *testing.T, start host.New) *Service {
	t.Helper()
	function := runtime.FuncForPC(reflect.ValueOf(start).Pointer()).Name() // …/services/donate.New
	name, _, _ := strings.Cut(path.Base(function), ".")
	return w.StartAs(t, name, start)
}

// Env is what a service of that name would get, with a store of its own: for tests of New itself.
func (w *World) Env(name string) host.Env {
	return host.Env{Store: kv.NewMem(), Client: w.Client, Files: w.Files, Getenv: w.getenv, Now: w.Now, NewID: w.newID,
		Log: slog.New(slog.NewTextHandler(w.t.Output(), nil)).With("service", name)}
}

// StartAs starts a service under another name; starting one again keeps its store, as a restart does.
func (w *World) StartAs(t *testing.T, name string, start host.New) *Service {
	t.Helper()
	if w.foreign != nil {
		return &Service{Name: name, world: w}
	}
	s := &Service{Name: name, world: w, Store: kv.NewMem()}
	if before := w.service(name); before != nil {
		s.Store = before.Store
	}
	s.Store.Now = w.Now
	env := w.Env(name)
	env.Store = s.Store
	env = host.Contained(env)
	service, err := start(env)
	if err != nil {
		t.Fatalf("%s does not start: %v", name, err)
	}
	state, err := host.ReadState(t.Context(), env.Store)
	if err != nil {
		t.Fatal(err)
	}
	s.Service = service
	s.queue = host.Taking(env, service.Queue)
	s.handler = host.Front{Name: name, Keys: Keys, Operators: operators, Origins: []string{"*"}, State: state}.Handler(env, service)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.services[name] = s
	return s
}

func (w *World) service(name string) *Service {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.services[name]
}

// Answer is what a service answered.
type Answer struct {
	Status int
	Header http.Header
	Body   string
}

// Data decodes what the envelope holds into v and fails the test if that cannot be.
func (a Answer) Data(t *testing.T, v any) {
	t.Helper()
	var envelope struct{ Data json.RawMessage }
	if err := json.Unmarshal([]byte(a.Body), &envelope); err != nil {
		t.Fatalf("%d %s: %v", a.Status, a.Body, err)
	}
	if err := json.Unmarshal(envelope.Data, v); err != nil {
		t.Fatalf("%d %s: %v", a.Status, a.Body, err)
	}
}

// Do asks the service, with a JSON body unless headers (name, value, …) say otherwise.
func (s *Service) Do(method, target, body string, headers ...string) Answer {
	if f := s.world.foreign; f != nil {
		return f.do(s.world.t, method, target, body, headers)
	}
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	dress(r, headers)
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	raw, _ := io.ReadAll(w.Body) // a buffer
	return Answer{w.Code, w.Header(), string(raw)}
}

func dress(r *http.Request, headers []string) {
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
}

// ServeHTTP lets a test put the service behind a real listener.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Take hands the service a message, as its queue would.
func (s *Service) Take(m event.Message) error {
	s.world.memoryOnly("a queue that takes a message from the test")
	return s.queue(s.world.t.Context(), m)
}

// Unsent are the messages that the service's commits have caused and nobody has delivered, in the order of their ids'
// shards and age.
func (s *Service) Unsent() []event.Message {
	s.world.memoryOnly("a store")
	var all []event.Message
	err := outbox.Sweep(s.world.t.Context(), s.Store, 1<<20, func(waiting []kv.Unsent) {
		for _, u := range waiting {
			all = append(all, u.Message)
		}
	})
	if err != nil {
		s.world.t.Fatal(err)
	}
	return all
}

// Deliver delivers every waiting message, and those that these cause, until none is left; a receiver's error fails the
// test. The order is always the same.
func (w *World) Deliver() {
	w.t.Helper()
	w.memoryOnly("delivery at the test's word")
	if err := w.TryDeliver(); err != nil {
		w.t.Fatal(err)
	}
}

// TryDeliver is Deliver that stops at the first message that a receiver refuses; that one stays.
func (w *World) TryDeliver() error {
	for round := 0; ; round++ {
		n, err := w.round()
		if err != nil || n == 0 {
			return err
		}
		if round == 1000 {
			return fmt.Errorf("hosttest: messages still cause messages after %d rounds", round)
		}
	}
}

func (w *World) round() (delivered int, err error) {
	ctx := w.t.Context()
	for _, name := range slices.Sorted(maps.Keys(w.services)) {
		store := w.service(name).Store
		var waiting []kv.Unsent
		if err := outbox.Sweep(ctx, store, 1<<20, func(u []kv.Unsent) { waiting = append(waiting, u...) }); err != nil {
			return delivered, err
		}
		for _, u := range waiting {
			if err := outbox.Send(ctx, u.Message, w.receiver); err != nil {
				return delivered, fmt.Errorf("%s %s from %s: %w", u.Message.Type, u.Message.ID, name, err)
			}
			if err := store.Sent(ctx, u.Key, u.Message.ID); err != nil {
				return delivered, err
			}
			delivered++
		}
	}
	return delivered, nil
}

func (w *World) receiver(name string) func(context.Context, event.Message) error {
	if s := w.service(name); s != nil {
		return s.queue
	}
	return nil
}
