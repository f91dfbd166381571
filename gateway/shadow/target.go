package shadow

import (
	"crypto/tls"
	"sync"
	"sync/atomic"
	"time"

	"github.com/banyan-migration/banyan/gateway/upstream"
)

// target is one backend that gets copies: a bounded queue, and workers that send what is in it over connections of their own.
type target struct {
	Backend
	c       *Copier
	pool    *upstream.Pool
	breaker breaker
	proof   proof
	asked   atomic.Int64 // when a copy was last begun, Unix nanoseconds

	mu     sync.Mutex
	wake   sync.Cond
	queue  [queueMax]*Copy
	first  int
	length int
	all    []*worker
	idle   int
	timer  *time.Timer
	armed  bool
	closed bool
}

func newTarget(c *Copier, b Backend, now time.Time) *target {
	o := upstream.Options{Address: b.Address, Sweeper: c.sweeper, Slots: 2 * flightMax, Idle: flightMax}
	if b.Scheme == "https" {
		o.TLS = &tls.Config{ServerName: b.Host, RootCAs: c.o.Roots, NextProtos: []string{"http/1.1"}, MinVersion: tls.VersionTLS12}
	}
	t := &target{Backend: b, c: c, pool: upstream.New(o)}
	t.wake.L = &t.mu
	t.timer = time.AfterFunc(time.Hour, t.gathered)
	t.timer.Stop()
	return t
}

// push queues a copy. It returns the copy that must go for it, which may be the same, and why.
func (t *target) push(cp *Copy) (gone *Copy, why Drop) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return cp, Closed
	}
	if t.length == queueMax {
		gone, why = t.pop(), Queue
	}
	t.queue[(t.first+t.length)%queueMax] = cp
	t.length++
	switch {
	case t.length >= queueMax/4:
		t.rouse(1)
	case !t.armed:
		t.armed = true
		t.timer.Reset(gather)
	}
	return gone, why
}

// gather is how long copies are gathered. Nobody waits for them, and waking for each one alone cost a tenth of what it costs; sent together,
// the answer to one comes while another is read.
const gather = 10 * time.Millisecond

// gathered wakes workers for what has come, and again until it is in somebody's hands.
func (t *target) gathered() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.armed = t.length > 0 && !t.closed && t.rouse(t.length)
	if t.armed {
		t.timer.Reset(gather)
	}
}

// rouse wakes workers, or makes new ones; false if all that there may be are busy. mu is held.
func (t *target) rouse(n int) bool {
	for range n {
		switch {
		case t.idle > 0:
			t.wake.Signal()
		case len(t.all) < flightMax:
			w := &worker{t: t}
			t.all = append(t.all, w)
			t.c.work.Add(1)
			go w.run()
		default:
			return false
		}
	}
	return true
}

// pop takes the oldest. mu is held.
func (t *target) pop() *Copy {
	cp := t.queue[t.first]
	t.queue[t.first] = nil
	t.first = (t.first + 1) % queueMax
	t.length--
	return cp
}

// next waits for a copy; nil when the target is closed.
func (t *target) next() *Copy {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.idle++
	for t.length == 0 && !t.closed {
		t.wake.Wait()
	}
	t.idle--
	if t.closed {
		return nil
	}
	return t.pop()
}

// clear drops all that waits.
func (t *target) clear(why Drop) {
	t.mu.Lock()
	var gone []*Copy
	for t.length > 0 {
		gone = append(gone, t.pop())
	}
	t.mu.Unlock()
	for _, cp := range gone {
		cp.Drop(why)
	}
}

// close ends the workers: what they wait for is cut.
func (t *target) close() {
	t.mu.Lock()
	t.closed = true
	t.timer.Stop()
	for _, w := range t.all {
		w.cut()
	}
	t.wake.Broadcast()
	t.mu.Unlock()
	t.clear(Closed)
	t.pool.Retire()
}

// ended notes how a copy to the target ended. With a side that has just died goes all that waits for it.
func (t *target) ended(r result) {
	failure := ""
	if r != resultOK {
		failure = resultNames[r]
	}
	switch died, back := t.breaker.note(t.c.o.Now(), failure); {
	case died:
		t.c.o.Log.Warn("the shadow side is dead: copies to it are dropped and counted, one in ten seconds is tried; no donor is touched",
			"backend", t.Name, "address", t.Address, "failure", failure)
		t.clear(Breaker)
	case back:
		t.c.o.Log.Info("the shadow side is back", "backend", t.Name, "address", t.Address)
	}
}

func (t *target) status() Status {
	s := Status{Backend: t.Name, Address: t.Address, Writes: t.proof.text()}
	s.Since, s.Text, s.Dead = t.breaker.open()
	t.mu.Lock()
	defer t.mu.Unlock()
	s.Waiting, s.Flight = t.length, len(t.all)-t.idle
	return s
}
