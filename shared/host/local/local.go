// Package local runs many services in one process: one handler for all of their addresses, their messages carried
// from one to the other, their ticks. It is the whole of AWS that one machine needs.
package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/banyan-migration/banyan/shared/event"
	"github.com/banyan-migration/banyan/shared/fault"
	"github.com/banyan-migration/banyan/shared/host"
	"github.com/banyan-migration/banyan/shared/kv"
	"github.com/banyan-migration/banyan/shared/mark"
	"github.com/banyan-migration/banyan/shared/outbox"
	"github.com/banyan-migration/banyan/shared/web"
)

// Options is what the services stand on. Services, Store, Getenv, NewID and Log must be there.
type Options struct {
	Services  map[string]host.New
	Store     func(service string) kv.Store
	Getenv    func(string) string
	Files     fs.FS            // the Layer
	Client    *http.Client     // to third parties; nil: one that gives up after 10 s, as the old clients did
	Now       func() time.Time // nil: the clock
	NewID     func() string
	Log       *slog.Logger
	Keys      mark.Keys
	Operators map[string]host.Operator // by the SHA-256 of their key, in hex
	Origins   []string                 // whose pages may call from a browser
	Tick      time.Duration            // between two ticks; 0: a minute
}

// Host is the running services. Safe for concurrent use.
type Host struct {
	order   []string
	running map[string]*service
	carrier *carrier
	log     *slog.Logger
	now     func() time.Time
	stop    context.CancelFunc
	ticking sync.WaitGroup
}

// service is one that runs.
type service struct {
	name    string
	offers  host.Service
	handler http.Handler
	store   kv.Store // the bare one: what the host itself keeps has no mark and causes nothing
	queue   func(context.Context, event.Message) error
}

// Start starts every service, or none: the error names all that would not start. Messages that an earlier process left
// are delivered from the start.
func Start(o Options) (*Host, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Client == nil {
		o.Client = client()
	}
	if o.Tick == 0 {
		o.Tick = time.Minute
	}
	h := &Host{order: slices.Sorted(maps.Keys(o.Services)), running: map[string]*service{}, log: o.Log, now: o.Now}
	h.carrier = newCarrier(h, o.Now)
	var errs error
	for _, name := range h.order {
		s, err := h.start(name, o)
		if err != nil {
			errs = errors.Join(errs, fmt.Errorf("%s does not start: %w", name, err))
			continue
		}
		h.running[name] = s
	}
	if errs != nil {
		return nil, errs
	}
	ctx, stop := context.WithCancel(context.Background())
	h.stop = stop
	h.carrier.run(ctx)
	h.ticking.Go(func() { h.tick(ctx, o.Tick) })
	return h, nil
}

// client keeps a connection for each call that the carrier may make at once: net/http alone keeps two a host and a hundred
// in all, and dials anew for every other call to an acquirer.
func client() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost, t.MaxIdleConns = workers, 0
	return &http.Client{Timeout: 10 * time.Second, Transport: t}
}

func (h *Host) start(name string, o Options) (*service, error) {
	s := &service{name: name, store: o.Store(name)}
	store := outbox.Watch(s.store, func(ctx context.Context, caused []kv.Unsent) { h.carrier.take(name, caused) })
	env := host.Contained(host.Env{Store: store, Client: o.Client, Files: o.Files, Getenv: o.Getenv, Now: o.Now, NewID: o.NewID, Log: o.Log.With("service", name)})
	var err error
	if s.offers, err = o.Services[name](env); err != nil {
		return nil, err
	}
	state, err := host.ReadState(context.Background(), s.store)
	if err != nil {
		return nil, err
	}
	s.queue = host.Taking(env, s.offers.Queue)
	s.handler = host.Front{Name: name, Keys: o.Keys, Operators: o.Operators, Origins: o.Origins, State: state}.Handler(env, s.offers)
	return s, nil
}

// ServeHTTP hands a request to the service that owns its path.
func (h *Host) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s := h.owner(r); s != nil {
		s.handler.ServeHTTP(w, r)
		return
	}
	web.Fail(w, r, &fault.Error{Kind: fault.NotFound, Text: "There is nothing here"})
}

func (h *Host) owner(r *http.Request) *service {
	first, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	own := h.running[first]
	for _, name := range h.order {
		s := h.running[name]
		if s.offers.HTTP == nil {
			continue
		}
		_, found, wrongMethod := host.Match(s.offers.HTTP, r)
		if found {
			return s
		}
		if wrongMethod && own == nil {
			own = s // it says which methods it takes, unless another service has the path with this one
		}
	}
	return own // its health and state, or its own "not found"
}

// tick gives every service its Tick, and delivers what waits in the stores, at once and then again and again.
func (h *Host) tick(ctx context.Context, every time.Duration) {
	timer := time.NewTicker(every)
	defer timer.Stop()
	for {
		h.Tick(ctx)
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
	}
}

// Tick does at once what the host does every minute.
func (h *Host) Tick(ctx context.Context) {
	for _, name := range h.order {
		s := h.running[name]
		if err := outbox.Sweep(ctx, s.store, swept, func(waiting []kv.Unsent) { h.carrier.take(name, waiting) }); err != nil && ctx.Err() == nil {
			h.log.Error("the messages that wait cannot be read", "service", name, "error", err.Error())
		}
		if s.offers.Tick == nil {
			continue
		}
		if err := s.offers.Tick(ctx, h.now()); err != nil && ctx.Err() == nil {
			h.log.Error("tick failed", "service", name, "error", err.Error())
		}
	}
}

// Settle waits until no message is on its way, or ctx ends; dead letters are not on their way.
func (h *Host) Settle(ctx context.Context) error { return h.carrier.settle(ctx) }

// Store is a service's store as the host uses it, nil if no such service runs.
func (h *Host) Store(name string) kv.Store {
	if s := h.running[name]; s != nil {
		return s.store
	}
	return nil
}

// Close stops ticking and taking, waits until what is being delivered is delivered or ctx ends, and confirms it. What
// waits stays in the stores for the next start. The stores remain open.
func (h *Host) Close(ctx context.Context) error {
	h.stop()
	h.ticking.Wait()
	return h.carrier.close(ctx)
}
