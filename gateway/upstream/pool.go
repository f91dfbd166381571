// Package upstream keeps connections to the backends: who may have one, which are still good, and what a backend's last attempts
// said of its health. It never sends a byte of its own.
package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/banyan-migration/banyan/gateway/deadline"
	"github.com/banyan-migration/banyan/gateway/socket"
)

// The reasons why there is no connection. No byte has been sent then.
var (
	ErrConnect = errors.New("upstream: cannot connect")
	ErrTLS     = errors.New("upstream: TLS handshake failed")
	ErrBusy    = errors.New("upstream: no connection became free in time")
)

// Options say what a pool keeps. Zero values take the defaults beside them.
type Options struct {
	Address  string
	TLS      *tls.Config   // nil: plain TCP
	Connect  time.Duration // 2 s (W-72)
	Shake    time.Duration // the TLS handshake: 3 s (W-72)
	Queue    time.Duration // wait for a slot: 1 s (W-75)
	Slots    int           // connections in use at once: 256
	Waiting  int           // requests that wait for a slot at once: 1024
	Idle     int           // connections kept idle: 64, well below what a prefork server has workers
	IdleTime time.Duration // 4 s, below Apache's 5 (W-76)
	Requests int           // on one connection: 90, below Apache's 100 (W-76)
	Sweeper  *deadline.Sweeper
}

func (o *Options) defaults() {
	for _, d := range []struct {
		at *time.Duration
		is time.Duration
	}{{&o.Connect, 2 * time.Second}, {&o.Shake, 3 * time.Second}, {&o.Queue, time.Second}, {&o.IdleTime, 4 * time.Second}} {
		if *d.at == 0 {
			*d.at = d.is
		}
	}
	for _, d := range []struct {
		at *int
		is int
	}{{&o.Slots, 256}, {&o.Waiting, 1024}, {&o.Idle, 64}, {&o.Requests, 90}} {
		if *d.at == 0 {
			*d.at = d.is
		}
	}
}

// Pool is one backend's connections. It is safe for concurrent use.
type Pool struct {
	o       Options
	slots   chan struct{}
	waiting atomic.Int64
	mu      sync.Mutex
	idle    []*Conn // the last used is the last: reuse is last in, first out
	retired bool
	health  health
}

// New makes a pool; it connects when asked.
func New(o Options) *Pool {
	o.defaults()
	return &Pool{o: o, slots: make(chan struct{}, o.Slots)}
}

// Get takes an idle connection that is still good, or makes one. It waits at most Queue for a free slot; queued is how long it did. Each Conn
// goes back by Put or Close, exactly once.
func (p *Pool) Get() (c *Conn, queued time.Duration, err error) {
	if queued, err = p.slot(); err != nil {
		return nil, queued, err
	}
	if c = p.take(); c == nil {
		c, err = p.dial()
	}
	return c, queued, err
}

// Fresh makes a new connection in place of one that turned out dead, whose slot it takes over: the caller must not give
// back the old one.
func (p *Pool) Fresh(dead *Conn) (*Conn, error) {
	dead.close()
	return p.dial()
}

func (p *Pool) slot() (time.Duration, error) {
	select {
	case p.slots <- struct{}{}:
		return 0, nil
	default:
	}
	if p.waiting.Add(1) > int64(p.o.Waiting) {
		p.waiting.Add(-1)
		return 0, ErrBusy
	}
	defer p.waiting.Add(-1)
	began := time.Now()
	timer := time.NewTimer(p.o.Queue)
	defer timer.Stop()
	select {
	case p.slots <- struct{}{}:
		return time.Since(began), nil
	case <-timer.C:
		return time.Since(began), ErrBusy
	}
}

// take finds an idle connection that neither has waited too long nor has been closed or written to by the backend (W-76).
func (p *Pool) take() *Conn {
	for {
		p.mu.Lock()
		n := len(p.idle)
		if n == 0 {
			p.mu.Unlock()
			return nil
		}
		c := p.idle[n-1]
		p.idle[n-1] = nil
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		if p.o.Sweeper.Now()-c.idleSince < c.idleTime && c.quiet() {
			c.Reused = true
			return c
		}
		c.close()
	}
}

// dial makes a connection in a slot that is held already, and gives the slot up if it fails.
func (p *Pool) dial() (*Conn, error) {
	began := time.Now()
	c, err := p.connect()
	p.health.note(err)
	if err != nil {
		<-p.slots
		return nil, err
	}
	wrapped := newConn(p, c)
	wrapped.Connecting = time.Since(began)
	return wrapped, nil
}

func (p *Pool) connect() (net.Conn, error) {
	d := net.Dialer{Timeout: p.o.Connect}
	c, err := d.Dial("tcp", p.o.Address)
	if err != nil {
		return nil, errors.Join(ErrConnect, err)
	}
	c = socket.Wrap(c)
	if p.o.TLS == nil {
		return c, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), p.o.Shake)
	defer cancel()
	t := tls.Client(c, p.o.TLS)
	if err := t.HandshakeContext(ctx); err != nil {
		c.Close()
		return nil, errors.Join(ErrTLS, err)
	}
	return t, nil
}

// put keeps a connection for later, unless there are enough.
func (p *Pool) put(c *Conn) {
	c.idleSince = p.o.Sweeper.Now()
	p.mu.Lock()
	keep := !p.retired && len(p.idle) < p.o.Idle
	if keep {
		p.idle = append(p.idle, c)
	}
	p.mu.Unlock()
	if !keep {
		c.close()
	}
}

// Sweep closes the connections that have been idle for too long. Call it about once a second.
func (p *Pool) Sweep() {
	now := p.o.Sweeper.Now()
	var old []*Conn
	p.mu.Lock()
	kept := p.idle[:0]
	for _, c := range p.idle {
		if now-c.idleSince < c.idleTime {
			kept = append(kept, c)
		} else {
			old = append(old, c)
		}
	}
	clear(p.idle[len(kept):])
	p.idle = kept
	p.mu.Unlock()
	for _, c := range old {
		c.close()
	}
}

// Retire closes what is idle and keeps nothing more. Connections in use go on to their end.
func (p *Pool) Retire() {
	p.mu.Lock()
	p.retired = true
	idle := p.idle
	p.idle = nil
	p.mu.Unlock()
	for _, c := range idle {
		c.close()
	}
}

// Size says how many connections are in use and how many are idle.
func (p *Pool) Size() (busy, idle int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.slots), len(p.idle)
}

// Health is what a backend's latest attempt to connect said; a backend that was never tried is up.
type Health struct {
	Up    bool
	Since time.Time // of the last change; zero: never changed
	Text  string    // why it is down
}

type health struct {
	mu   sync.Mutex
	down bool
	at   time.Time
	text string
}

func (h *health) note(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.down != (err != nil) {
		h.down, h.at = err != nil, time.Now()
	}
	if h.text = ""; err != nil {
		h.text = err.Error()
	}
}

// Health is how the backend stands.
func (p *Pool) Health() Health {
	h := &p.health
	h.mu.Lock()
	defer h.mu.Unlock()
	return Health{Up: !h.down, Since: h.at, Text: h.text}
}
