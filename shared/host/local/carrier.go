package local

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/banyan-migration/banyan/shared/event"
	"github.com/banyan-migration/banyan/shared/kv"
	"github.com/banyan-migration/banyan/shared/outbox"
)

const (
	workers   = 256                    // deliver at once: 350 payments a second at an acquirer of half a second are 175
	held      = 1 << 16                // messages in memory; more wait in their store for the next tick
	swept     = 4096                   // messages of a shard that one tick takes up
	batched   = 512                    // confirmations at a time
	tries     = 10                     // then a message is a dead letter: some two minutes after it was caused
	firstWait = 100 * time.Millisecond // before the second try; doubled before each further one, up to longest
	longest   = 30 * time.Second
	gathered  = 200 * time.Millisecond // confirmations wait so long for others: one commit, one fsync, for all of them
)

// parcel is a message on its way: from whose store it came, and who has not had it yet.
type parcel struct {
	from string
	kv.Unsent
	to    []string
	tried int
}

// carrier takes messages from the services' commits to their receivers' queues.
//
//	Commit ─► take ─► ready ─► workers ─► Queue of each receiver ─► confirm, in batches ─► Sent
//	Tick ────┘          ▲          └ error: wait, with jitter ┘ └─ too often: dead letter
type carrier struct {
	host *Host
	now  func() time.Time

	running atomic.Bool // false while services still start: who receives is not yet known
	ready   chan *parcel
	done    chan *parcel
	working sync.WaitGroup
	writing sync.WaitGroup
	end     context.CancelFunc
	ended   context.Context

	mu    sync.Mutex
	way   map[string]bool // on their way, by store and id: a tick finds them still unconfirmed
	empty chan struct{}   // closed when nothing is on its way; made anew with the first that is
}

func newCarrier(h *Host, now func() time.Time) *carrier {
	empty := make(chan struct{})
	close(empty)
	c := &carrier{host: h, now: now, ready: make(chan *parcel, held), done: make(chan *parcel, held), way: map[string]bool{}, empty: empty}
	c.ended, c.end = context.WithCancel(context.Background())
	return c
}

func (c *carrier) run(ctx context.Context) {
	c.running.Store(true)
	for range workers {
		c.working.Go(func() {
			for {
				select {
				case p := <-c.ready:
					c.deliver(p)
				case <-ctx.Done():
					return
				}
			}
		})
	}
	c.writing.Go(c.confirm)
}

// take puts messages on their way. It never blocks: what finds no room stays in the store, and a tick brings it.
func (c *carrier) take(from string, caused []kv.Unsent) {
	if !c.running.Load() {
		return
	}
	for _, u := range caused {
		p := &parcel{from: from, Unsent: u}
		for _, to := range event.Receivers(u.Message) {
			if s := c.host.running[to]; s != nil && s.queue != nil {
				p.to = append(p.to, to)
			}
		}
		if !c.begin(p) {
			continue
		}
		select {
		case c.ready <- p:
		default:
			c.finish(p)
		}
	}
}

func (p *parcel) id() string { return p.from + " " + p.Message.ID }

func (c *carrier) begin(p *parcel) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.way[p.id()] {
		return false
	}
	if len(c.way) == 0 {
		c.empty = make(chan struct{})
	}
	c.way[p.id()] = true
	return true
}

func (c *carrier) finish(p *parcel) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.way, p.id())
	if len(c.way) == 0 {
		close(c.empty)
	}
}

// deliver gives the message to everyone who has not had it; whoever refuses it gets it again.
func (c *carrier) deliver(p *parcel) {
	p.tried++
	var left []string
	var last error
	for _, to := range p.to {
		if err := c.hand(to, p.Message); err != nil {
			left, last = append(left, to), err
			c.host.log.Warn("message refused", "service", to, "type", p.Message.Type, "id", p.Message.ID, "tried", p.tried, "error", err.Error())
		}
	}
	p.to = left
	if len(left) > 0 && p.tried >= tries {
		left = c.bury(p, last)
	}
	if len(left) == 0 {
		c.done <- p
		return
	}
	wait := min(firstWait<<(p.tried-1), longest)
	time.AfterFunc(wait/2+rand.N(wait), func() { // jitter: what failed together must not come back together
		select {
		case c.ready <- p:
		default:
			c.finish(p)
		}
	})
}

// hand calls one receiver's queue; a panic of it is its error.
func (c *carrier) hand(to string, m event.Message) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return c.host.running[to].queue(c.ended, m)
}

// Dead is a message that a receiver has refused too often, as it is kept in that receiver's store.
type Dead struct {
	Message event.Message `json:"message"`
	Error   string        `json:"error"` // the last one
	At      time.Time     `json:"at"`
}

// DeadLetters is where a service's own lie.
func DeadLetters(store kv.Store) kv.Table[Dead] { return kv.Table[Dead]{Store: store, Name: "dead"} }

// bury keeps the message with those who would not take it; it returns those for whom even that failed.
func (c *carrier) bury(p *parcel, last error) (left []string) {
	for _, to := range p.to {
		letters := DeadLetters(c.host.running[to].store)
		letter := letters.Put(p.Message.ID, Dead{p.Message, last.Error(), c.now().UTC()}, kv.Always)
		if err := letters.Store.Commit(c.ended, letter); err != nil {
			left = append(left, to)
			continue
		}
		c.host.log.Error("message is dead", "service", to, "type", p.Message.Type, "id", p.Message.ID, "tried", p.tried, "error", last.Error())
	}
	return left
}

// confirm tells the stores what was delivered, many at a time. What a crash leaves unconfirmed comes twice.
func (c *carrier) confirm() {
	for p := range c.done {
		batch := []*parcel{p}
		timer := time.NewTimer(gathered)
	gather:
		for len(batch) < batched {
			select {
			case p, open := <-c.done:
				if !open {
					break gather
				}
				batch = append(batch, p)
			case <-timer.C:
				break gather
			}
		}
		timer.Stop()
		byStore := map[string][]kv.Unsent{}
		for _, p := range batch {
			byStore[p.from] = append(byStore[p.from], p.Unsent)
		}
		for from, sent := range byStore {
			if err := outbox.Confirm(context.Background(), c.host.running[from].store, sent); err != nil {
				c.host.log.Error("deliveries were not confirmed and will come twice", "service", from, "messages", len(sent), "error", err.Error())
			}
		}
		for _, p := range batch {
			c.finish(p)
		}
	}
}

func (c *carrier) settle(ctx context.Context) error {
	for {
		c.mu.Lock()
		empty, left := c.empty, len(c.way)
		c.mu.Unlock()
		select {
		case <-empty:
			if left == 0 {
				return nil
			}
		case <-ctx.Done():
			return fmt.Errorf("local: %d messages are still on their way; they wait in their stores: %w", left, ctx.Err())
		}
	}
}

// close lets the workers finish the message in their hands; past ctx they are told to stop.
func (c *carrier) close(ctx context.Context) error {
	defer context.AfterFunc(ctx, c.end)()
	c.working.Wait()
	close(c.done)
	c.writing.Wait()
	c.end()
	return ctx.Err()
}
