package drupal

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/banyan-migration/banyan/infra/fakes/drupal/wire"
)

// Kind is how a site breaks.
type Kind int

const (
	Slow     Kind = iota + 1 // it answers after Delay more, holding no worker
	Status                   // it answers Code with nginx's page and does nothing
	Reset                    // it does what was asked, then resets the connection
	Truncate                 // it does what was asked, then sends half of the answer and closes
	Hang                     // it neither does nor answers anything
)

// Fault is one way of breaking.
type Fault struct {
	Kind  Kind
	Code  int           // of Status; 0 is 500
	Delay time.Duration // of Slow
	Share float64       // of the requests, spread evenly; 0 is all of them
	For   time.Duration // 0: until Mend
}

// Fault breaks the requests for a path as it is asked for, without its query; "" is every path. A second fault for a
// path takes the first one's place.
func (s *Site) Fault(path string, f Fault) {
	if f.Share == 0 {
		f.Share = 1
	}
	if f.Code == 0 {
		f.Code = 500
	}
	b := &broken{Fault: f, ended: make(chan struct{})}
	if f.For > 0 {
		b.until = s.opt.Now().Add(f.For)
	}
	s.faults.set(path, b)
}

// Mend takes every fault away; requests that hang are let go, their connections closed.
func (s *Site) Mend() { s.faults.mend() }

type broken struct {
	Fault
	until time.Time // zero: no end
	owed  float64   // the part of a request that is due
	ended chan struct{}
}

type faults struct {
	now   func() time.Time
	mu    sync.Mutex
	paths map[string]*broken
}

func (f *faults) set(path string, b *broken) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.paths == nil {
		f.paths = map[string]*broken{}
	}
	if old := f.paths[path]; old != nil {
		close(old.ended)
	}
	f.paths[path] = b
}

func (f *faults) mend() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, b := range f.paths {
		close(b.ended)
	}
	clear(f.paths)
}

// strike is the fault that a request meets, nil for none.
func (f *faults) strike(target string) *broken {
	f.mu.Lock()
	defer f.mu.Unlock()
	path, _, _ := strings.Cut(target, "?")
	b := f.paths[path]
	if b == nil {
		b = f.paths[""]
	}
	if b == nil || !b.until.IsZero() && !f.now().Before(b.until) {
		return nil
	}
	if b.owed += b.Share; b.owed < 1 {
		return nil
	}
	b.owed--
	return b
}

// instead is the answer of a site that does nothing; nil: it does what it is asked.
func (b *broken) instead(ctx context.Context, now func() time.Time) *wire.Response {
	if b == nil {
		return nil
	}
	switch b.Kind {
	case Status:
		return wire.Page(b.Code)
	case Slow:
		b.hold(ctx, b.Delay)
	case Hang:
		left := time.Duration(0)
		if !b.until.IsZero() {
			left = b.until.Sub(now())
		}
		b.hold(ctx, left)
		return &wire.Response{Break: wire.Reset}
	}
	return nil
}

// hold waits, for ever if d is 0, but not beyond Mend or Close.
func (b *broken) hold(ctx context.Context, d time.Duration) {
	var over <-chan time.Time
	if d > 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		over = t.C
	}
	select {
	case <-over:
	case <-b.ended:
	case <-ctx.Done():
	}
}

// damage breaks an answer that is ready.
func (b *broken) damage(a *wire.Response) *wire.Response {
	if b == nil {
		return a
	}
	switch b.Kind {
	case Reset:
		a.Break = wire.Reset
	case Truncate:
		a.Break = wire.Truncate
	}
	return a
}
