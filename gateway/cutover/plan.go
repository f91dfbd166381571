// Package cutover keeps where each route group stands in its life: one plan for all replicas, in a store, changed only by the moves of
// one state machine, with a name and a reason, each in a hash-chained journal. With the store away it goes on with its last good plan.
package cutover

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/banyan-migration/banyan/shared/kv"
)

// Options is what a Plan stands on.
type Options struct {
	Open    func() (kv.Store, error) // tried again at every look until it opens; nil: a store in memory
	File    string                   // where the last good plan is kept; empty: nowhere
	Seeds   map[string]Seed          // by group: its beginning is used once, for a group that the store does not know
	Kill    *Switch                  // nil: none
	Replica string                   // this gateway's id, for the journal of its kill switch; empty: gateway
	Log     *slog.Logger             // nil: silent
	Now     func() time.Time         // nil: the clock
}

// Plan is the live plan of one gateway. Several gateways over one store agree within a third of a second. All methods may be
// called from many goroutines.
type Plan struct {
	o        Options
	snapshot atomic.Pointer[Snapshot]

	turn  chan struct{} // held by whom it is full of: one talks to the store at a time
	store kv.Store      // under turn

	mu       sync.Mutex // never held while the store is waited for: the kill switch needs it (T-7)
	doc      document   // written with turn held too
	stale    bool
	seeds    map[string]Seed
	witness  Witness
	killed   string              // as last published
	pulls    []pull              // of the kill switch, that the journal does not have yet
	pending  map[string]*Pending // by group: rollbacks that the store does not have yet
	busy     time.Time           // since when somebody talks to the store; zero: nobody
	watchers map[int]func(*Snapshot)
	next     int

	disk sync.Mutex // held while the file is written
}

// document is the plan as it is stored.
type document struct {
	Revision int64            `json:"revision"`
	Head     string           `json:"head"` // hash of the journal's last entry
	Groups   map[string]Group `json:"groups"`
}

// group is where a group stands; one that the plan does not know is at weight 0.
func (d document) group(name string) Group {
	g, known := d.Groups[name]
	if !known {
		g.Phase = Off
	}
	return g
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
		memory := kv.NewMem()
		o.Open = func() (kv.Store, error) { return memory, nil }
	}
	o.Replica = cmp.Or(o.Replica, "gateway")
	p := &Plan{o: o, turn: make(chan struct{}, 1), seeds: maps.Clone(o.Seeds), watchers: map[int]func(*Snapshot){}, pending: map[string]*Pending{}}
	p.turn <- struct{}{}
	defer p.end()
	last, missing := readFile(o.File)
	for _, one := range last.Rollbacks {
		p.pending[one.Group] = one
	}
	err := p.firstLook(ctx)
	if err == nil {
		p.opened(ctx, missing)
		return p, nil
	}
	if missing != nil {
		return nil, fmt.Errorf("cutover: the plan's store cannot be reached (%w), and there is no last plan on disk (%w); nothing was changed", cause(err), missing)
	}
	o.Log.Warn("the plan's store cannot be reached: going on with the last plan on disk", "revision", last.Revision, "error", cause(err))
	p.hold(last.document, true)
	return p, nil
}

// opening is how long a start waits for the store before it goes on with the last plan on disk: a table that is away may try for minutes.
const opening = 5 * time.Second

func (p *Plan) firstLook(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, opening)
	defer cancel()
	return p.refresh(ctx)
}

// opened ends an Open with the store: what was rolled back here while it was away goes into it. turn is held.
func (p *Plan) opened(ctx context.Context, missing error) {
	if missing != nil && p.o.File != "" && !errors.Is(missing, fs.ErrNotExist) {
		p.o.Log.Warn("the last plan on disk cannot be read: a rollback that was done at this gateway alone is forgotten", "error", missing)
	}
	if err := p.settle(ctx); err != nil {
		p.o.Log.Warn("a rollback that is in force here cannot be brought into the plan's store yet: it is tried again", "error", cause(err))
	}
}

// Peek reads a store's plan and changes nothing; a store without one has an empty plan.
func Peek(ctx context.Context, store kv.Store) (*Snapshot, error) {
	doc, _, err := plans(store).Get(ctx, planID)
	if err != nil && !errors.Is(err, kv.ErrNotFound) {
		return nil, err
	}
	return &Snapshot{Revision: doc.Revision, Head: doc.Head, groups: doc.Groups}, nil
}

// begin takes the turn to talk to the store, or gives up with ctx: whoever has it may wait for a store that hangs.
func (p *Plan) begin(ctx context.Context) error {
	select {
	case p.turn <- struct{}{}:
		p.talks(time.Now())
		return nil
	case <-ctx.Done():
		return p.away(ctx.Err())
	}
}

func (p *Plan) end() {
	p.talks(time.Time{})
	<-p.turn
}

// talks notes since when somebody talks to the store.
func (p *Plan) talks(since time.Time) {
	p.mu.Lock()
	p.busy = since
	p.mu.Unlock()
}

// Now is the plan of this moment.
func (p *Plan) Now() *Snapshot { return p.snapshot.Load() }

// Seed takes the groups of a new configuration: unknown ones begin at their seeds, known ones stay where they are, guarded as the
// configuration says now.
func (p *Plan) Seed(ctx context.Context, seeds map[string]Seed) error {
	if err := p.begin(ctx); err != nil {
		return err
	}
	defer p.end()
	p.mu.Lock()
	p.seeds = maps.Clone(seeds)
	p.mu.Unlock()
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

// load reads the stored plan, opening the store first if it never was. A plan that is gone, or older than the one known here, is no
// plan to go on with: it would undo every change since. turn is held.
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
		doc, on, err = document{Groups: map[string]Group{}}, kv.Absent, nil
	}
	if err == nil {
		err = ctx.Err() // a store may answer one who has left
	}
	if known := p.doc.Revision; err == nil && doc.Revision < known {
		return document{}, 0, fmt.Errorf("the store has lost the plan that it had: it is at revision %d and this gateway has seen %d; bring it back, "+
			"or start every gateway anew to take the store's", doc.Revision, known)
	}
	return doc, on, err
}

// take makes a document the live plan, and keeps it on disk for a start without the store. turn is held.
func (p *Plan) take(doc document, stale bool) {
	p.hold(doc, stale)
	p.keep()
}

// hold makes a document the live plan. turn is held.
func (p *Plan) hold(doc document, stale bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.doc, p.stale = doc, stale
	p.publish()
}

// keep writes the live plan to disk, with the rollbacks that only this gateway knows of.
func (p *Plan) keep() {
	p.disk.Lock()
	defer p.disk.Unlock()
	p.mu.Lock()
	last := lastPlan{document: p.doc}
	for _, name := range slices.Sorted(maps.Keys(p.pending)) {
		last.Rollbacks = append(last.Rollbacks, p.pending[name])
	}
	p.mu.Unlock()
	if err := writeFile(p.o.File, last); err != nil {
		p.o.Log.Warn("the last plan cannot be kept on disk: a start without the store would fail", "file", p.o.File, "error", err)
	}
}

// publish makes a snapshot of the plan, the rollbacks of this gateway and the kill switch. mu is held.
func (p *Plan) publish() {
	s := &Snapshot{Revision: p.doc.Revision, Head: p.doc.Head, Stale: p.stale, groups: maps.Clone(p.doc.Groups)}
	s.killAll = p.o.Kill.all()
	before, first := p.killed, p.snapshot.Load() == nil
	p.killed = p.o.Kill.String()
	for name, g := range s.groups {
		g.Since = g.since()
		g = g.rolled(p.pending[name], p.seeds[name])
		s.groups[name] = g.killed(p.o.Kill.Kills(name))
	}
	p.snapshot.Store(s)
	for _, f := range p.watchers {
		f(s)
	}
	if before != p.killed { // whoever publishes first after a change of the switch has seen it
		p.pulled(before, p.killed, first)
	}
}

// killed is a group under the kill switch: on legacy, or frozen where nothing leads back (T-7).
func (g Group) killed(on bool) Group {
	g.Killed = on && !g.Past()
	if on && g.Past() && g.Frozen == nil {
		g.Frozen = &Stop{Who: "the kill switch", Why: "nothing leads back from here, so it freezes in place of a rollback"}
	}
	return g
}
