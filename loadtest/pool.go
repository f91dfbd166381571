package loadtest

import (
	"bufio"
	"context"
	"crypto/tls"
	"net"
	"net/url"
	"sync"
	"syscall"
	"time"
)

// pool keeps connections to one target for the next visitor. net/http's own transport costs two goroutines a connection and
// hand-overs between three a request, which is most of what a generator would spend; here a visit's own goroutine
// writes and reads. It is safe for concurrent use.
type pool struct {
	address string
	tls     *tls.Config // nil: plain
	dialer  net.Dialer

	mu   sync.Mutex
	idle []*conn // the last one used is the first one taken
}

// conn is a connection and what has been read of it too far.
type conn struct {
	net.Conn
	raw syscall.RawConn
	in  *bufio.Reader
}

func newPool(target string) (*pool, error) {
	u, err := url.Parse(target)
	if err != nil || u.Hostname() == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, targetError(target)
	}
	p := &pool{address: u.Host, dialer: net.Dialer{Timeout: 10 * time.Second}}
	port := "80"
	if u.Scheme == "https" {
		p.tls, port = &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12}, "443"
	}
	if u.Port() == "" {
		p.address = net.JoinHostPort(u.Hostname(), port)
	}
	return p, nil
}

// get is an idle connection that the other side has not closed, or a new one.
func (p *pool) get(ctx context.Context) (*conn, error) {
	for {
		p.mu.Lock()
		n := len(p.idle)
		if n == 0 {
			p.mu.Unlock()
			return p.dial(ctx)
		}
		c := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		if c.alive() {
			return c, nil
		}
		_ = c.Close()
	}
}

func (p *pool) dial(ctx context.Context) (*conn, error) {
	plain, err := p.dialer.DialContext(ctx, "tcp", p.address)
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: plain}
	if c.raw, err = plain.(*net.TCPConn).SyscallConn(); err != nil {
		return nil, err
	}
	if p.tls != nil {
		secure := tls.Client(plain, p.tls)
		if err := secure.HandshakeContext(ctx); err != nil {
			_ = plain.Close()
			return nil, err
		}
		c.Conn = secure
	}
	c.in = bufio.NewReaderSize(c.Conn, 16<<10)
	return c, nil
}

func (p *pool) put(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle = append(p.idle, c)
}

func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.idle {
		_ = c.Close()
	}
	p.idle = nil
}

// alive looks at an idle connection without taking from it: nothing may have come, not even its end. Without the look, a
// site that closes idle connections would be blamed for requests that it never had.
func (c *conn) alive() bool {
	ok := c.in.Buffered() == 0
	err := c.raw.Read(func(fd uintptr) bool {
		var one [1]byte
		_, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		ok = ok && (err == syscall.EAGAIN || err == syscall.EINTR)
		return true
	})
	return ok && err == nil
}
