package upstream

import (
	"bytes"
	"crypto/tls"
	"net"
	"time"

	"github.com/banyan-migration/banyan/gateway/deadline"
	"github.com/banyan-migration/banyan/gateway/socket"
)

// Conn is one connection to a backend, in one request's hands at a time.
type Conn struct {
	net.Conn
	Timer      *deadline.Timer
	Reused     bool          // it has carried a request before
	Connecting time.Duration // what connecting took
	pool       *Pool
	left       int // requests that it may still carry
	idleTime   time.Duration
	idleSince  time.Duration // on the sweeper's clock
	socket     *socket.Conn  // what lies below TLS, or Conn itself
}

func newConn(p *Pool, nc net.Conn) *Conn {
	c := &Conn{Conn: nc, pool: p, left: p.o.Requests, idleTime: p.o.IdleTime}
	c.Timer = p.o.Sweeper.Watch(nc, nil)
	if t, ok := nc.(*tls.Conn); ok {
		nc = t.NetConn()
	}
	c.socket = nc.(*socket.Conn)
	return c
}

// quiet asks the kernel whether the connection is open with nothing to read. A byte that nobody asked for is as bad as
// the end: it would be taken for the next answer.
func (c *Conn) quiet() bool { return c.socket.Quiet() }

// Pending says whether a Read would return at once: the backend has sent something, or has closed. Under TLS nobody can tell, since what
// lies there may be no more than a session ticket.
func (c *Conn) Pending() bool {
	_, plain := c.Conn.(*socket.Conn)
	return plain && !c.quiet()
}

// KeepAlive heeds an answer's Keep-Alive value, timeout=N and max=M: one second and one request less than the backend
// offers (W-76).
func (c *Conn) KeepAlive(value []byte) {
	for part := range bytes.SplitSeq(value, []byte{','}) {
		name, number, ok := bytes.Cut(bytes.TrimSpace(part), []byte{'='})
		n, digits := 0, ok && len(number) > 0 && len(number) < 8
		for _, d := range number {
			digits = digits && '0' <= d && d <= '9'
			n = n*10 + int(d-'0')
		}
		switch {
		case !digits:
		case string(name) == "timeout":
			c.idleTime = time.Duration(n-1) * time.Second
		case string(name) == "max":
			c.left = n // Put counts the present one
		}
	}
}

// Put gives the connection back for another request.
func (c *Conn) Put() {
	c.Timer.Clear()
	if c.left--; c.left <= 0 || c.idleTime <= 0 {
		c.Drop()
		return
	}
	<-c.pool.slots
	c.pool.put(c)
}

// Drop gives the connection up: it is closed and its slot is free.
func (c *Conn) Drop() {
	<-c.pool.slots
	c.close()
}

func (c *Conn) close() {
	c.Timer.Forget()
	c.Conn.Close()
}
