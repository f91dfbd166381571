// Package gateway is the strangler: it stands before the old site and sends each request to the side that owns it. This package is
// one connection's life, from the first byte to the log line; what it decides by lies in the packages below it.
//
// The data path is our own engine on bytes. It obeys the rules W- of the wire contract, so that the old site cannot tell that the
// gateway is there. One goroutine serves a client connection; nothing is allocated for an ordinary request.
package gateway

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/banyan-migration/banyan/gateway/account"
	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/deadline"
	"github.com/banyan-migration/banyan/gateway/route"
	"github.com/banyan-migration/banyan/gateway/shadow"
	"github.com/banyan-migration/banyan/gateway/socket"
	"github.com/banyan-migration/banyan/gateway/split"
)

// Options is what a gateway stands on.
type Options struct {
	Config *config.Config
	Plan   func() *cutover.Snapshot // asked once a request; it must not block
	Keys   *split.Keyring           // signs the visitor's cookie, checks overrides
	Access io.Writer                // the access log; nil: none. Close it after Shutdown
	Log    *slog.Logger             // what the operator should know; nil: silent
	Roots  *x509.CertPool           // who may vouch for backends; nil: the system's
	Shadow *shadow.Copier           // copies requests of routes that say so; nil: none does. It is the caller's to close, after Shutdown
}

// Gateway serves clients until Shutdown. Its methods are safe for concurrent use.
type Gateway struct {
	o       Options
	state   atomic.Pointer[state]
	sweeper *deadline.Sweeper
	log     *account.Log
	*account.Metrics
	tallies *tallies
	hops    hops
	seal    seal
	pace    pace
	ctx     context.Context // ends when Shutdown's patience does
	abort   context.CancelFunc

	leaving   atomic.Bool // the load balancer is asked to go elsewhere
	draining  atomic.Bool // and nobody new is taken
	mu        sync.Mutex
	listeners map[net.Listener]struct{}
	conns     map[*conn]struct{}
	served    sync.WaitGroup
	shard     atomic.Uint32
	stop      chan struct{}
}

// New makes a gateway. It reads certificates and frozen pages, and opens no connection.
func New(o Options) (*Gateway, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	g := &Gateway{o: o, pace: defaultPace, tallies: newTallies(), listeners: map[net.Listener]struct{}{}, conns: map[*conn]struct{}{}, stop: make(chan struct{})}
	g.ctx, g.abort = context.WithCancel(context.Background())
	g.hops, g.seal = newHops(o.Config.GatewayID, o.Config.Keys), newSeal(o.Config.Keys)
	g.log = account.NewLog(o.Access, o.Config.Log.Format != "combined")
	g.Metrics = account.NewMetrics(route.FlagNames(), g.log.Dropped, g.gauges)
	g.sweeper = deadline.New(tick(o.Config.Timeouts))
	if err := g.Reload(o.Config); err != nil {
		g.sweeper.Close()
		g.log.Close()
		return nil, err
	}
	go g.tidy()
	return g, nil
}

// tick is how often overdue waits are looked for: a tenth of a second, or less where a timeout is very short.
func tick(t config.Timeouts) time.Duration {
	shortest := min(t.Head, t.Body, t.Idle, t.FirstByte)
	return max(2*time.Millisecond, min(50*time.Millisecond, shortest/8))
}

// Reload swaps the configuration whole. Requests under way end with the one they began with; on an error everything goes on as before.
// Listeners, the admin API and the access log do not move with it.
func (g *Gateway) Reload(c *config.Config) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	old := g.state.Load()
	next, err := g.newState(c, old)
	if err != nil {
		return err
	}
	g.state.Store(next)
	if old != nil {
		old.retire(next)
	}
	return nil
}

// Config is the configuration in use.
func (g *Gateway) Config() *config.Config { return g.state.Load().cfg }

// Serve takes connections from a listener until Shutdown, then returns nil. Several listeners may be served at once, one
// inherited from an earlier process among them. The listener is closed at the end.
func (g *Gateway) Serve(l net.Listener) error {
	if !g.listen(l) {
		l.Close()
		return nil
	}
	defer g.served.Done()
	for wait := time.Duration(0); ; {
		nc, err := l.Accept()
		switch {
		case err == nil:
			wait = 0
			g.serve(nc)
		case g.draining.Load():
			return nil
		case errors.Is(err, net.ErrClosed):
			return err
		default: // out of files, most likely: it passes
			wait = min(time.Second, 2*wait+5*time.Millisecond)
			g.o.Log.Warn("cannot accept a connection", "error", err)
			select {
			case <-time.After(wait):
			case <-g.stop:
			}
		}
	}
}

func (g *Gateway) listen(l net.Listener) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.draining.Load() {
		return false
	}
	g.listeners[l] = struct{}{}
	g.served.Add(1) // so that Shutdown waits for what was accepted at the last moment
	return true
}

func (g *Gateway) serve(nc net.Conn) {
	st := g.state.Load()
	nc = socket.Wrap(nc)
	if st.tls != nil {
		nc = tls.Server(nc, st.tls)
	}
	c := newConn(g, nc)
	g.mu.Lock()
	g.conns[c] = struct{}{}
	g.served.Add(1)
	g.mu.Unlock()
	go c.serve()
}

func (g *Gateway) forget(c *conn) {
	g.mu.Lock()
	delete(g.conns, c)
	g.mu.Unlock()
	g.served.Done()
}

// Leave has the health path say 503, and each answer end its connection, while everything is served on: so a load balancer goes elsewhere
// before Shutdown. It cannot be taken back.
func (g *Gateway) Leave() { g.leaving.Store(true) }

// Shutdown stops accepting, lets what is in flight finish and closes idle connections (W-80). When ctx ends first, it closes the rest and
// returns ctx's error. The gateway cannot be used again.
func (g *Gateway) Shutdown(ctx context.Context) error {
	g.mu.Lock()
	g.leaving.Store(true)
	again := g.draining.Swap(true)
	for l := range g.listeners {
		l.Close()
	}
	for c := range g.conns {
		c.drain()
	}
	g.mu.Unlock()
	done := make(chan struct{})
	go func() { g.served.Wait(); close(done) }()
	var err error
	select {
	case <-done:
	case <-ctx.Done():
		err = ctx.Err()
		g.closeAll()
		<-done
	}
	if !again {
		close(g.stop)
		g.abort()
		g.sweeper.Close()
		g.log.Close()
		g.state.Load().retire(nil)
	}
	return err
}

func (g *Gateway) closeAll() {
	g.abort()
	g.mu.Lock()
	defer g.mu.Unlock()
	for c := range g.conns {
		c.abandon()
	}
}

// tidy closes idle upstream connections that are past their time.
func (g *Gateway) tidy() {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-g.stop:
			return
		case now := <-ticker.C:
			st := g.state.Load()
			for _, b := range st.backends {
				if b.pool != nil {
					b.pool.Sweep()
				}
			}
			st.rates.forget(now)
		}
	}
}
