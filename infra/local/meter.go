package local

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/banyan-migration/banyan/infra/cost"
	"github.com/banyan-migration/banyan/shared/event"
	"github.com/banyan-migration/banyan/shared/host"
	"github.com/banyan-migration/banyan/shared/kv"
)

// meter counts what Lambda and DynamoDB would bill: calls and their time, items written and read, messages.
type meter struct {
	mu   sync.Mutex
	each map[string]*metered
}

type metered struct {
	requests, answered  int64 // HTTP alone, and its answers' bytes
	calls               int64
	took                time.Duration
	writes, written     int64
	reads, read         int64
	multi, multiWritten int64 // items of commits of more than one, which are transactions
	messages            int64
}

func (m *meter) add(service string, f func(*metered)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.each == nil {
		m.each = map[string]*metered{}
	}
	if m.each[service] == nil {
		m.each[service] = &metered{}
	}
	f(m.each[service])
}

// Reset forgets what was counted: the backfill is not the night's traffic.
func (m *meter) Reset() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.each = nil
}

// wrap makes a service count itself.
func (m *meter) wrap(name string, start host.New) host.New {
	return func(env host.Env) (host.Service, error) {
		env.Store = meteredStore{env.Store, m, name}
		s, err := start(env)
		if err != nil {
			return s, err
		}
		if h := s.HTTP; h != nil {
			s.HTTP = &meteredHandler{h, m, name}
		}
		if q := s.Queue; q != nil {
			s.Queue = func(ctx context.Context, msg event.Message) error {
				began := time.Now()
				err := q(ctx, msg)
				m.add(name, func(x *metered) { x.messages++; x.calls++; x.took += time.Since(began) })
				return err
			}
		}
		return s, nil
	}
}

type meteredHandler struct {
	http.Handler
	m    *meter
	name string
}

func (h *meteredHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began, size := time.Now(), &sized{ResponseWriter: w}
	h.Handler.ServeHTTP(size, r)
	h.m.add(h.name, func(x *metered) { x.requests++; x.answered += size.n; x.calls++; x.took += time.Since(began) })
}

type sized struct {
	http.ResponseWriter
	n int64
}

func (s *sized) Write(b []byte) (int, error) {
	n, err := s.ResponseWriter.Write(b)
	s.n += int64(n)
	return n, err
}

// Unwrap lets net/http reach what the real writer can do.
func (s *sized) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// meteredStore counts items by the bytes that a table would hold of them. Delivery's own bookkeeping is part of the item there.
type meteredStore struct {
	kv.Store
	m    *meter
	name string
}

func (s meteredStore) Get(ctx context.Context, key kv.Key) (kv.Item, error) {
	it, err := s.Store.Get(ctx, key)
	s.m.add(s.name, func(x *metered) { x.reads++; x.read += size(it.Key, it.Data) })
	return it, err
}

func (s meteredStore) List(ctx context.Context, part, prefix, after string, limit int) ([]kv.Item, error) {
	items, err := s.Store.List(ctx, part, prefix, after, limit)
	s.m.add(s.name, func(x *metered) {
		x.reads += max(1, int64(len(items)))
		for _, it := range items {
			x.read += size(it.Key, it.Data)
		}
	})
	return items, err
}

func (s meteredStore) Commit(ctx context.Context, writes ...kv.Write) error {
	err := s.Store.Commit(ctx, writes...)
	var bytes int64
	for _, w := range writes {
		bytes += size(w.Key, w.Data)
		for _, msg := range w.Messages {
			bytes += int64(len(msg.Data)) + 200 // the envelope
		}
	}
	s.m.add(s.name, func(x *metered) {
		if len(writes) > 1 {
			x.multi += int64(len(writes))
			x.multiWritten += bytes
			return
		}
		x.writes += int64(len(writes))
		x.written += bytes
	})
	return err
}

func size(key kv.Key, data []byte) int64 { return int64(len(key.Part) + len(key.Sort) + len(data)) }

// measured is what was counted, for the cost of a month.
func (m *meter) measured(donations int64) cost.Measured {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := cost.Measured{Donations: donations}
	var answered int64
	for name, x := range m.each {
		if x.calls > 0 {
			out.Functions = append(out.Functions, cost.Function{Name: name, Calls: x.calls, Duration: x.took / time.Duration(x.calls)})
		}
		out.Requests += x.requests
		out.Messages += x.messages
		answered += x.answered
		out.Writes = items(out.Writes, name, x.writes, x.written, false)
		out.Writes = items(out.Writes, name, x.multi, x.multiWritten, true)
		out.Reads = items(out.Reads, name, x.reads, x.read, false)
	}
	if out.Requests > 0 {
		out.AnswerSize = answered / out.Requests
	}
	byName := func(a, b cost.Items) int { return strings.Compare(a.Table, b.Table) }
	slices.SortFunc(out.Functions, func(a, b cost.Function) int { return strings.Compare(a.Name, b.Name) })
	slices.SortStableFunc(out.Writes, byName)
	slices.SortStableFunc(out.Reads, byName)
	return out
}

func items(to []cost.Items, table string, n, bytes int64, transaction bool) []cost.Items {
	if n == 0 {
		return to
	}
	return append(to, cost.Items{Table: table, Count: n, Bytes: bytes / n, Transaction: transaction})
}
