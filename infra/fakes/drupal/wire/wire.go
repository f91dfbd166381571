// Package wire is the nginx in front of the stand-in's PHP: HTTP/1.1 on connections, with the case, order and number
// of header lines in the hands of whoever answers. Requests are read one at a time, so pipelined ones are answered in
// order.
package wire

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// The limits of nginx's defaults, and how long a connection may be idle or a request take to arrive.
const (
	MaxHead    = 32 << 10
	MaxBody    = 1 << 20
	idleTime   = 75 * time.Second
	readTime   = 60 * time.Second
	lingerTime = 5 * time.Second
)

// Request is a request as it came, its body read whole.
type Request struct {
	Method  string
	Target  string // as on the request line, origin-form: path and query, nothing decoded
	Host    string // as the visitor wrote it, "" in HTTP/1.0 without one
	Header  http.Header
	Body    []byte
	Remote  string // the peer's address without its port
	Arrived time.Time
}

// Server answers what comes in on its listeners. Handle is called for each request and must be safe for concurrent
// use; its context ends when the server closes.
type Server struct {
	Handle func(context.Context, *Request) *Response
	Now    func() time.Time
	Log    *slog.Logger

	mu        sync.Mutex
	conns     map[net.Conn]struct{}
	listeners map[net.Listener]struct{}
	closed    bool
	wait      sync.WaitGroup
	stop      context.CancelFunc
	ctx       context.Context
}

// ErrClosed is what Serve returns after Close.
var ErrClosed = errors.New("wire: server closed")

// Serve answers the listener's connections until it fails or the server closes.
func (s *Server) Serve(l net.Listener) error {
	if !s.enter(l) {
		l.Close()
		return ErrClosed
	}
	for {
		c, err := l.Accept()
		if err != nil {
			s.mu.Lock()
			defer s.mu.Unlock()
			delete(s.listeners, l)
			if s.closed {
				return ErrClosed
			}
			return err
		}
		if !s.track(c) {
			c.Close()
			return ErrClosed
		}
		go s.serve(c)
	}
}

func (s *Server) enter(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	if s.conns == nil {
		s.conns, s.listeners = map[net.Conn]struct{}{}, map[net.Listener]struct{}{}
		s.ctx, s.stop = context.WithCancel(context.Background())
	}
	s.listeners[l] = struct{}{}
	return true
}

func (s *Server) track(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.conns[c] = struct{}{}
	s.wait.Add(1)
	return true
}

// Close ends the listeners and every connection, and waits until no request is at work.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	if s.stop != nil {
		s.stop()
	}
	for l := range s.listeners {
		l.Close()
	}
	for c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	s.wait.Wait()
	return nil
}

func (s *Server) serve(c net.Conn) {
	defer s.wait.Done()
	defer func() {
		c.Close()
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
	}()
	remote, _, err := net.SplitHostPort(c.RemoteAddr().String())
	if err != nil {
		remote = c.RemoteAddr().String()
	}
	head := &io.LimitedReader{R: c}
	r := bufio.NewReaderSize(head, 8<<10)
	out := make([]byte, 0, 16<<10)
	for {
		head.N = MaxHead
		c.SetReadDeadline(time.Now().Add(idleTime))
		if _, err := r.Peek(1); err != nil {
			return
		}
		c.SetReadDeadline(time.Now().Add(readTime))
		q, refused := s.read(c, r, head)
		if refused != nil {
			refused.write(c, out, http.MethodGet, false, false, s.Now())
			linger(c)
			return
		}
		if q == nil {
			return // the visitor left in the middle
		}
		q.Remote, q.Arrived = remote, s.Now()
		var again bool
		if out, again = s.Handle(s.ctx, &q.Request).write(c, out[:0], q.Method, q.old, q.again, s.Now()); !again {
			return
		}
	}
}

// linger lets a refusal arrive that stands behind what the visitor is still sending: closing at once would reset the
// connection and take the answer away.
func linger(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		tcp.CloseWrite()
	}
	c.SetReadDeadline(time.Now().Add(lingerTime))
	io.Copy(io.Discard, c)
}
