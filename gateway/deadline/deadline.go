// Package deadline ends waits on connections that take too long, and notices peers that have left, at the price of one atomic store a wait.
// A single sweep looks at all connections a few times a second and puts the deadline on those that are overdue.
package deadline

import (
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Sweeper looks at every Timer once a tick. Make one with New; it is safe for concurrent use.
type Sweeper struct {
	tick  time.Duration
	start time.Time
	now   atomic.Int64 // nanoseconds since start, as of the latest sweep
	clock atomic.Int64 // what timers go by: a sweep moves it on by a tick at most, so that one that comes late ends no wait early
	mu    sync.Mutex
	all   map[*Timer]struct{}
	stop  chan struct{}
	done  chan struct{}
}

// New starts a sweeper; waits end up to one tick late, or as late as the sweep itself, and never early. Close ends it.
func New(tick time.Duration) *Sweeper {
	s := &Sweeper{tick: tick, start: time.Now(), all: map[*Timer]struct{}{}, stop: make(chan struct{}), done: make(chan struct{})}
	s.clock.Store(1)
	go s.run()
	return s
}

// Now is the time since the sweeper began, up to a tick old: as good as a clock where seconds count, and much cheaper.
func (s *Sweeper) Now() time.Duration { return time.Duration(s.now.Load()) }

// Close ends the sweep; timers set afterwards never end a wait.
func (s *Sweeper) Close() {
	close(s.stop)
	<-s.done
}

func (s *Sweeper) run() {
	defer close(s.done)
	ticker := time.NewTicker(s.tick)
	defer ticker.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-ticker.C:
			s.sweep()
		}
	}
}

func (s *Sweeper) sweep() {
	since := int64(time.Since(s.start))
	now := s.clock.Add(min(since-s.now.Swap(since), int64(s.tick)))
	s.mu.Lock()
	defer s.mu.Unlock()
	for t := range s.all {
		if at := t.at.Load(); at != 0 && at <= now {
			t.conn.SetDeadline(past)
		}
		if at := t.look.Load(); at != 0 && at <= now && t.Left() && t.look.Swap(0) != 0 {
			t.gone()
		}
	}
}

// Timer watches one connection. Its methods are safe for concurrent use.
type Timer struct {
	at, look atomic.Int64 // by the sweeper's clock; 0: not set
	sweeper  *Sweeper
	conn     net.Conn
	raw      syscall.RawConn // nil where the connection has no socket of its own
	gone     func()
}

// Watch makes a connection's timer. gone is called, from the sweep, once the peer has closed its side while Look is on; it may be nil.
func (s *Sweeper) Watch(c net.Conn, gone func()) *Timer {
	t := &Timer{sweeper: s, conn: c, gone: gone}
	socket := c
	if wrapped, ok := c.(interface{ NetConn() net.Conn }); ok {
		socket = wrapped.NetConn() // TLS
	}
	if sc, ok := socket.(syscall.Conn); ok && gone != nil {
		if raw, err := sc.SyscallConn(); err == nil {
			t.raw = raw
		}
	}
	s.mu.Lock()
	s.all[t] = struct{}{}
	s.mu.Unlock()
	return t
}

// Forget stops watching. Call it when the connection is closed.
func (t *Timer) Forget() {
	t.sweeper.mu.Lock()
	delete(t.sweeper.all, t)
	t.sweeper.mu.Unlock()
}

// Set ends reads and writes that still wait after d.
func (t *Timer) Set(d time.Duration) {
	t.at.Store(t.sweeper.clock.Load() + int64(d+t.sweeper.tick))
}

// Clear lets reads and writes wait for ever.
func (t *Timer) Clear() { t.at.Store(0) }

// Look begins to watch for the peer's leaving after d.
func (t *Timer) Look(d time.Duration) { t.look.Store(t.sweeper.clock.Load() + int64(d+t.sweeper.tick)) }

// LookAway ends what Look began.
func (t *Timer) LookAway() { t.look.Store(0) }

// Interrupt ends the present read, or the next one.
func (t *Timer) Interrupt() { t.conn.SetReadDeadline(past) }

var past = time.Unix(1, 0)

// Overdue says of a failed read or write whether the time was up. If the failure was an interruption meant for an earlier wait, it
// returns again: the deadline is off and the call may be repeated.
func (t *Timer) Overdue(err error) (overdue, again bool) {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return false, false
	}
	if at := t.at.Load(); at != 0 && at <= t.sweeper.clock.Load() {
		return true, false
	}
	t.conn.SetDeadline(time.Time{})
	return false, true
}

// Left asks the kernel whether the peer has closed or reset the connection, whatever still lies unread.
func (t *Timer) Left() bool {
	if t.raw == nil {
		return false
	}
	hungUp := false
	err := t.raw.Control(func(fd uintptr) {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: hangup}}, 0)
		hungUp = err == nil && n > 0
	})
	return err != nil || hungUp
}
