package cutover

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/banyan-migration/banyan/shared/kv"
)

// Options is what a Plan stands on.
type Options struct {
	Open  func() (kv.Store, error) // tried again at every look until it opens; nil: a store in memory
	File  string                   // where the last good plan is kept; empty: nowhere
	Seeds map[string]Seed          // by group: used once, for a group that the store does not know
	Kill  *Switch                  // nil: none
	Log   *slog.Logger             // nil: silent
	Now   func() time.Time         // nil: the clock
}

// Seed is where a group begins.
type Seed struct {
	Weight int
	Phase  string
}

// Plan is the live plan of one gateway. Several gateways over one store agree within a second. All methods may be
// called from many goroutines.
type Plan struct {
	o        Options
	snapshot atomic.Pointer[Snapshot]

	mu       sync.Mutex // protects the fields below and the order of snapshots
	store    kv.Store
	doc      document
	seeds    map[string]Seed
	stale    bool
	killed   string // as last published
	watchers map[int]func(*Snapshot)
	next     int
}

// document is the plan as it is stored.
type document struct {
	Revision int64            `json:"revision"`
	Head     string           `json:"head"` // hash of the journal's last entry
	Groups   map[string]Group `json:"groups"`
}

// Open brings the plan up: from the store, with the groups that it does not know seeded; or, with the store away,
// from the last good file, marked stale (T-8). With neither it is an error: guessing weights could undo a cutover.
func Open(ctx context.Context, o Options) (*Plan, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Open == nil {
		o.Open = func() (kv.Store, error) { return kv.NewMem(), nil }
	}
	p := &Plan{o: o, seeds: maps.Clone(o.Seeds), watchers: map[int]func(*Snapshot){}}
	p.mu.Lock()
	defer p.mu.Unlock()
	err := p.refresh(ctx)
	if err == nil {
		return p, nil
	}
	doc, missing := readFile(o.File)
	if missing != nil {
		return nil, fmt.Errorf("cutover: the plan's store cannot be reached (%w), and there is no last plan on disk (%w); nothing was changed", err, missing)
	}
	o.Log.Warn("the plan's store cannot be reached: going on with the last plan on disk", "revision", doc.Revision, "error", err)
	p.stale = true
	p.take(doc)
	return p, nil
}

// Peek reads a store's plan and changes nothing; a store without one has an empty plan.
func Peek(ctx context.Context, store kv.Store) (*Snapshot, error) {
	doc, _, err := plans(store).Get(ctx, planID)
	if err != nil && !errors.Is(err, kv.ErrNotFound) {
		return nil, err
	}
	return &Snapshot{Revision: doc.Revision, Head: doc.Head, groups: doc.Groups}, nil
}

// Now is the plan of this moment.
func (p *Plan) Now() *Snapshot { return p.snapshot.Load() }

// Seed takes the groups of a new configuration: unknown ones begin at their seeds, known ones stay where they are.
func (p *Plan) Seed(ctx context.Context, seeds map[string]Seed) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seeds = maps.Clone(seeds)
	return p.refresh(ctx)
}

// Watch has f called with every new snapshot, in their order and before the call that made it returns. f must not
// block, nor call the plan. The returned function ends it.
func (p *Plan) Watch(f func(*Snapshot)) (stop func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	id := p.next
	p.next++
	p.watchers[id] = f
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.watchers, id)
	}
}

// The rhythm of Run: the kill switch acts in under a second (T-7), replicas agree within a little more than one.
const (
	lookAtSwitch = 250 * time.Millisecond
	looksAStore  = 4
)

// Run follows the store and the kill switch until ctx ends.
func (p *Plan) Run(ctx context.Context) {
	tick := time.NewTicker(lookAtSwitch)
	defer tick.Stop()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		p.mu.Lock()
		p.o.Kill.look()
		if before := p.killed; p.o.Kill.String() != before {
			p.publish()
			p.o.Log.Warn("the kill switch changed", "killed", p.killed, "before", before)
		}
		if n%looksAStore == 0 {
			p.follow(ctx)
		}
		p.mu.Unlock()
	}
}

// follow looks at the store once, and says when it goes and when it comes back. mu is held.
func (p *Plan) follow(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	err := p.refresh(ctx)
	if err != nil && !p.stale && ctx.Err() != context.Canceled {
		p.o.Log.Warn("the plan's store cannot be reached: going on with the last plan", "revision", p.doc.Revision, "error", err)
		p.stale = true
		p.publish()
	}
}

// refresh reads the store, seeds what it does not know, and takes what is new. mu is held.
func (p *Plan) refresh(ctx context.Context) error {
	doc, on, err := p.load(ctx)
	if err != nil {
		return err
	}
	if on == kv.Absent && p.doc.Revision > 0 { // seeding it anew would undo every change since
		return errors.New("the store has lost the plan that it had")
	}
	if len(p.unknown(doc)) > 0 {
		return p.seed(ctx)
	}
	if p.stale {
		p.o.Log.Info("the plan's store is back", "revision", doc.Revision)
	}
	if p.snapshot.Load() == nil || p.stale || doc.Revision != p.doc.Revision {
		p.stale = false
		p.take(doc)
	}
	return nil
}

func (p *Plan) load(ctx context.Context) (document, kv.Condition, error) {
	if p.store == nil {
		store, err := p.o.Open()
		if err != nil {
			return document{}, 0, err
		}
		p.store = store
	}
	doc, on, err := plans(p.store).Get(ctx, planID)
	if errors.Is(err, kv.ErrNotFound) {
		return document{Groups: map[string]Group{}}, kv.Absent, nil
	}
	return doc, on, err
}

// take makes a document the live plan, and keeps it on disk for a start without the store. mu is held.
func (p *Plan) take(doc document) {
	p.doc = doc
	if !p.stale {
		if err := writeFile(p.o.File, doc); err != nil {
			p.o.Log.Warn("the last plan cannot be kept on disk: a start without the store would fail", "file", p.o.File, "error", err)
		}
	}
	p.publish()
}

// publish makes a snapshot of the plan and the kill switch. mu is held.
func (p *Plan) publish() {
	s := &Snapshot{Revision: p.doc.Revision, Head: p.doc.Head, Stale: p.stale, groups: maps.Clone(p.doc.Groups)}
	s.killAll = p.o.Kill.all()
	p.killed = p.o.Kill.String()
	for name, g := range s.groups {
		g.Killed = p.o.Kill.Kills(name)
		s.groups[name] = g
	}
	p.snapshot.Store(s)
	for _, f := range p.watchers {
		f(s)
	}
}
