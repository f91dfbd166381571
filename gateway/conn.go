package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/banyan-migration/banyan/gateway/account"
	"github.com/banyan-migration/banyan/gateway/deadline"
	"github.com/banyan-migration/banyan/gateway/shadow"
	"github.com/banyan-migration/banyan/gateway/socket"
	"github.com/banyan-migration/banyan/gateway/upstream"
	"github.com/banyan-migration/banyan/gateway/wire"
)

// pace is what the gateway expects of those it waits for, besides the configured timeouts.
type pace struct {
	window    time.Duration // a body brings at least bytes in each window (W-70)
	bytes     int64
	stall     time.Duration // an upstream's silence within a body (W-74)
	departure time.Duration // wait for an upstream before looking whether the client is still there (W-84)
	linger    time.Duration // wait for a client to take its last answer
}

var defaultPace = pace{window: 10 * time.Second, bytes: 1 << 10, stall: 60 * time.Second, departure: 50 * time.Millisecond, linger: time.Second}

const (
	homeRoom = 4 << 10  // where ordinary heads are read
	headRoom = 48 << 10 // the most that a head may need
	pieceMax = 32 << 10 // bytes of a body held at once, each way (W-64)
	joinMax  = 16 << 10 // bodies up to this go out with their head in one write
)

var (
	errOverdue     = errors.New("the time is up")
	errInterrupted = errors.New("interrupted")
)

// conn is one client connection. One goroutine owns it; departed, drain and abandon come from others.
type conn struct {
	g     *Gateway
	nc    net.Conn
	tcp   *socket.Conn // nil under TLS
	timer *deadline.Timer
	shard int
	peer  netip.Addr
	from  string // the peer as text

	in   []byte // what has been read; [r:w] is not used yet
	r, w int
	home []byte
	out  []byte // what is being written
	line []byte // the log line being built

	cookie, cookieID []byte // the visitor's latest cookie, and the id in it if it was ours
	agent            []byte // the latest User-Agent,
	robot            bool   // and whether it is a program's

	left      atomic.Bool // the client has closed its side
	begun     atomic.Bool // a part of a request's head has come
	busy      atomic.Bool // a request is being answered
	droppable atomic.Bool // nothing is lost if that request ends here
	waiting   atomic.Pointer[upstream.Conn]
	used      bool // it has had a request

	x exchange
}

func newConn(g *Gateway, nc net.Conn) *conn {
	c := &conn{g: g, nc: nc, home: make([]byte, homeRoom), shard: int(g.shard.Add(1))}
	c.in = c.home
	c.tcp, _ = nc.(*socket.Conn)
	if a, err := netip.ParseAddrPort(nc.RemoteAddr().String()); err == nil {
		c.peer = a.Addr().Unmap()
	}
	c.from = c.peer.String()
	c.timer = g.sweeper.Watch(nc, c.departed)
	c.x.c, c.x.body.c = c, c
	return c
}

// serve answers one request after another, strictly in order (W-50).
func (c *conn) serve() {
	defer c.g.forget(c)
	defer c.close()
	defer c.caught()
	if !c.shake() {
		return
	}
	for c.next() && c.x.run() {
		c.rest()
	}
}

// caught keeps a fault of ours to the one request that met it (W-82).
func (c *conn) caught() {
	fault := recover()
	if fault == nil {
		return
	}
	x := &c.x
	c.g.o.Log.Error("a request ended in a fault of the gateway", "fault", fault, "request_id", string(x.ID), "stack", string(debug.Stack()))
	if x.up != nil {
		x.release(false)
	}
	if x.shade.copy != nil {
		x.copied(shadow.Client)
	}
	if !x.answered {
		c.timer.Set(c.g.pace.linger)
		io.WriteString(c.nc, "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
	}
	x.Status, x.Class = 500, account.GatewayInternal
	c.g.state.Load().alone[1].Count(&x.Entry, c.shard)
	c.g.log.Add(&x.Entry, nil)
}

func (c *conn) shake() bool {
	t, ok := c.nc.(*tls.Conn)
	if !ok {
		return true
	}
	ctx, cancel := context.WithTimeout(c.g.ctx, c.g.Config().Timeouts.Head)
	defer cancel()
	return t.HandshakeContext(ctx) == nil
}

// firstGrace is how long a connection without a request yet may wait at the end: its request is on the way, and closing would reset it.
const firstGrace = time.Second

// next reads until a whole head is there. It is false when the connection is to be closed; what had to be said has been said then.
func (c *conn) next() bool {
	c.busy.Store(false)
	seen, begun := 0, false
	c.begun.Store(false)
	t := &c.g.state.Load().cfg.Timeouts
	for {
		st := c.g.state.Load()
		have := c.in[c.r:c.w]
		start, end, bad := wire.Find(have, seen, st.limits)
		switch {
		case bad != nil:
			c.busy.Store(true)
			return c.x.unread(st, have[start:], bad)
		case end > 0:
			c.busy.Store(true)
			c.timer.Clear()
			c.x.begin(st, have[start:end])
			c.r += end
			c.used = true
			return true
		}
		seen = len(have)
		if waiting := seen > start && have[start] != '\r'; waiting != begun || seen == start {
			begun = waiting
			c.begun.Store(begun)
			if c.timer.Set(t.Idle); begun {
				c.timer.Set(t.Head) // from the first byte on, however slowly the rest comes (W-70)
			}
		}
		if !begun && c.g.draining.Load() {
			if c.used {
				return false
			}
			c.timer.Set(firstGrace)
		}
		c.room()
		// Under load others have work to do until the client's next bytes are here; a read before them would be a system call for nothing,
		// and the wait for the poller besides. Without load this returns at once. Measured: 2.0 reads a request instead of 2.5.
		runtime.Gosched()
		if err := c.fill(); err == errOverdue && begun {
			c.busy.Store(true)
			return c.x.unread(st, c.in[c.r:c.w], late("the request's head took too long: it must come within "+t.Head.String()))
		} else if err != nil && err != errInterrupted {
			return false
		}
	}
}

// room makes space behind what is unread.
func (c *conn) room() {
	if c.w < len(c.in) {
		return
	}
	if c.r > 0 {
		c.w = copy(c.in, c.in[c.r:c.w])
		c.r = 0
		return
	}
	grown := make([]byte, min(4*len(c.in), headRoom+len(c.in)))
	copy(grown, c.in[:c.w])
	c.in = grown
}

// fill reads once.
func (c *conn) fill() error {
	n, err := c.read(c.in[c.w:])
	c.w += n
	return err
}

// read waits for the client. n is 0 exactly when err is not nil.
func (c *conn) read(p []byte) (n int, err error) {
	n, err = c.nc.Read(p)
	if n > 0 {
		return n, nil
	}
	if err == nil {
		return 0, io.ErrNoProgress
	}
	if overdue, again := c.timer.Overdue(err); overdue {
		return 0, errOverdue
	} else if again {
		return 0, errInterrupted
	}
	return 0, err
}

// write sends all of p to the client, which must take something of it within the body timeout.
func (c *conn) write(p []byte) error {
	c.timer.Set(c.x.st.cfg.Timeouts.Body)
	err := writeAll(c.nc, c.timer, p)
	c.timer.Clear()
	return err
}

func writeAll(to net.Conn, timer *deadline.Timer, p []byte) error {
	for {
		n, err := to.Write(p)
		if err == nil {
			return nil
		}
		overdue, again := timer.Overdue(err)
		if overdue {
			return errOverdue
		}
		if p = p[n:]; !again || len(p) == 0 {
			return err
		}
	}
}

// rest puts the buffers back to their ordinary size between requests.
func (c *conn) rest() {
	if c.r == c.w {
		c.r, c.w, c.in = 0, 0, c.home
	}
	if cap(c.out) > 2*joinMax {
		c.out = nil
	}
	if cap(c.x.spooled) > 2*joinMax {
		c.x.spooled = nil
	}
}
