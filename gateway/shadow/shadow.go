// Package shadow sends copies of requests to the side that did not answer them, and hands both answers on for comparison. It never
// makes a donor wait: its queue is bounded and drops the oldest, its connections, its budget and its breaker are its own.
package shadow

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/banyan-migration/banyan/gateway/deadline"
	"github.com/banyan-migration/banyan/gateway/diff"
	"github.com/banyan-migration/banyan/gateway/split"
	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/mark"
)

// Evidence is whose request a copy is of, and where its group stood then. The zero Evidence is none: a program's request, say, of which the
// copy is compared for people alone (J-6).
type Evidence struct {
	Judged   bool   // it is evidence
	First    bool   // the visitor's first of the minute
	Visitor  uint64 // as a hash
	Revision int64  // of the group, when the side was drawn
	Weight   int    // then
}

// Pair is one request with both sides' answers, compared. Legacy and New are sides, not first and second. The answers' bodies are the
// receiver's for the length of its call; everything else is its to keep.
type Pair struct {
	Request  diff.Request
	Evidence Evidence
	Replay   bool // legacy was asked twice: New is its second answer (A/A)
	Effect   bool // a write: what the new side would have stored against what legacy stored
	Legacy   diff.Answer
	New      diff.Answer
	Result   diff.Result
	Class    diff.Class // of an effect, where both sides said what they made of the post
}

// Options is what a Copier stands on. Keys and Diff must be set.
type Options struct {
	Keys   []split.Secret // sign the mark (H-4); the first signs. A copy without a mark would be live, so there is none without a key
	Diff   *diff.Comparer
	Ledger *diff.Ledger // nil: none
	Report func(Pair)   // called from many goroutines; nil: nobody hears

	// Stored is the row that legacy keeps of a submission; Wrote is what the writes of a shadow's answer say as such a row. Without both, no
	// write is copied (H-9). They may block; a donor never waits for them.
	Stored func(ctx context.Context, nid, sid int64) (form.Record, error)
	Wrote  func(ctx context.Context, service string, writes json.RawMessage) (form.Record, error)

	Paused func(group string) bool // a freeze window, say (H-8); asked once a copy, so it must not block; nil: never
	Daily  int64                   // copies a day, UTC; 0: a million, which is about ten pounds of Lambda and API Gateway
	Roots  *x509.CertPool          // who may vouch for backends; nil: the system's
	Log    *slog.Logger            // nil: silent
	Now    func() time.Time        // nil: time.Now
}

// The bounds of H-2 and H-3.
const (
	queueMax    = 256
	flightMax   = 64 // a target
	memoryMax   = 64 << 20
	requestMax  = 64 << 10
	answerMax   = 1 << 20
	patience    = 5 * time.Second
	dailyCopies = 1_000_000
)

// Copier makes copies. It is safe for concurrent use.
type Copier struct {
	o       Options
	signer  mark.Signer
	sweeper *deadline.Sweeper
	memory  atomic.Int64 // bytes that copies hold
	day     atomic.Int64 // days since 1970 in UTC
	today   atomic.Int64 // copies of that day

	mu      sync.RWMutex
	targets map[Backend]*target
	groups  map[string]*Group
	closed  bool
	turns   chan struct{} // who compares; half of the processors at most
	stop    chan struct{}
	work    sync.WaitGroup
}

// New makes a Copier. It connects to nobody before the first copy.
func New(o Options) (*Copier, error) {
	if len(o.Keys) == 0 {
		return nil, errors.New("shadow: a copy must be signed, or it would be live: name a key (BANYAN_KEY); no copy was made")
	}
	if o.Diff == nil {
		return nil, errors.New("shadow: nobody compares the answers")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Daily == 0 {
		o.Daily = dailyCopies
	}
	if o.Report == nil {
		o.Report = func(Pair) {}
	}
	c := &Copier{o: o, signer: mark.Keys{o.Keys[0].ID: o.Keys[0].Value}.Signer(o.Keys[0].ID), sweeper: deadline.New(50 * time.Millisecond),
		targets: map[Backend]*target{}, groups: map[string]*Group{}, turns: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)), stop: make(chan struct{})}
	go c.tidy()
	return c, nil
}

// Close drops what waits, cuts what is in flight and returns when nothing of it runs any more. Copies begun later are dropped. Twice is as once.
func (c *Copier) Close() {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return
	}
	c.closed = true
	for _, t := range c.targets {
		t.close()
	}
	c.mu.Unlock()
	close(c.stop)
	c.work.Wait()
	c.sweeper.Close()
}

// idleTime is how long a target that nobody asks for is kept: a reload may have named another address.
const idleTime = 10 * time.Minute

// tidy closes connections that are past their time, and forgets targets that nobody asks for.
func (c *Copier) tidy() {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-c.stop:
			return
		case <-ticker.C:
			c.mu.Lock()
			for b, t := range c.targets {
				if t.pool.Sweep(); c.o.Now().Sub(time.Unix(0, t.asked.Load())) > idleTime {
					t.close()
					delete(c.targets, b)
				}
			}
			c.mu.Unlock()
		}
	}
}

// Writes says whether anybody can compare what a write has stored (H-9).
func (c *Copier) Writes() bool { return c.o.Stored != nil && c.o.Wrote != nil }

// target finds or makes the connections to a backend; nil when the Copier is closed.
func (c *Copier) target(b Backend, now time.Time) *target {
	c.mu.RLock()
	t := c.targets[b]
	c.mu.RUnlock()
	if t == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		if t = c.targets[b]; t == nil {
			if c.closed {
				return nil
			}
			t = newTarget(c, b, now)
			c.targets[b] = t
		}
	}
	t.asked.Store(now.UnixNano())
	return t
}

// Group finds or makes what is known of a group's copies. It outlives every reload.
func (c *Copier) Group(name string) *Group {
	c.mu.Lock()
	defer c.mu.Unlock()
	g := c.groups[name]
	if g == nil {
		g = &Group{Name: name, c: c}
		c.groups[name] = g
	}
	return g
}

// hold counts memory that a copy takes; false when there is no more to be had.
func (c *Copier) hold(n int) bool {
	if c.memory.Add(int64(n)) <= memoryMax {
		return true
	}
	c.memory.Add(int64(-n))
	return false
}

// spend takes one of the day's copies.
func (c *Copier) spend(now time.Time) bool {
	day := now.Unix() / 86400
	if was := c.day.Load(); was != day && c.day.CompareAndSwap(was, day) {
		c.today.Store(0)
	}
	return c.today.Add(1) <= c.o.Daily
}

// Status is how copies to one backend stand.
type Status struct {
	Backend string    `json:"backend"`
	Address string    `json:"address"`
	Dead    bool      `json:"dead"`           // the breaker is open: one copy in ten seconds is tried
	Since   time.Time `json:"since,omitzero"` // it is dead
	Text    string    `json:"text,omitempty"` // why
	Writes  string    `json:"writes"`         // "sent", "unproven", or why none is sent (H-10)
	Waiting int       `json:"waiting"`        // copies in the queue
	Flight  int       `json:"flight"`         // copies being made
	Memory  int64     `json:"memory"`         // bytes that all copies hold together
	Today   int64     `json:"copies_today"`   // of all backends together
	Daily   int64     `json:"copies_a_day"`   // the most
}

// Status lists the backends that copies have gone to, by name.
func (c *Copier) Status() []Status {
	c.mu.RLock()
	defer c.mu.RUnlock()
	all := make([]Status, 0, len(c.targets))
	for _, t := range c.targets {
		s := t.status()
		s.Memory, s.Today, s.Daily = c.memory.Load(), min(c.today.Load(), c.o.Daily), c.o.Daily
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b Status) int { return strings.Compare(a.Backend+a.Address, b.Backend+b.Address) })
	return all
}
