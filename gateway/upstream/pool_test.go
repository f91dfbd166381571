package upstream

import (
	"errors"
	"net"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/gateway/deadline"
)

// backend accepts connections and hands them over.
func backend(t *testing.T) (addr string, accepted chan net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	accepted = make(chan net.Conn, 16)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	return l.Addr().String(), accepted
}

func pool(t *testing.T, o Options) *Pool {
	t.Helper()
	o.Sweeper = deadline.New(2 * time.Millisecond)
	p := New(o)
	t.Cleanup(func() { p.Retire(); o.Sweeper.Close() })
	return p
}

func get(t *testing.T, p *Pool) *Conn {
	t.Helper()
	c, _, err := p.Get()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// W-76: the last used comes first, so that the others grow old and go.
func TestLastInFirstOut(t *testing.T) {
	t.Parallel()
	addr, _ := backend(t)
	p := pool(t, Options{Address: addr, IdleTime: 200 * time.Millisecond})
	a, b := get(t, p), get(t, p)
	a.Put()
	b.Put()
	if c := get(t, p); c != b || !c.Reused {
		t.Error("the first that came back was taken, not the last")
	} else {
		c.Put()
	}
	time.Sleep(250 * time.Millisecond)
	p.Sweep()
	if busy, idle := p.Size(); busy != 0 || idle != 0 {
		t.Errorf("%d busy and %d idle after the idle time", busy, idle)
	}
}

// W-76: a connection that the backend has closed, or on which it has said something, is not used again.
func TestDeadAndTalkativeConnectionsAreNotReused(t *testing.T) {
	t.Parallel()
	addr, accepted := backend(t)
	p := pool(t, Options{Address: addr})
	for _, spoil := range []func(net.Conn){func(c net.Conn) { c.Close() }, func(c net.Conn) { c.Write([]byte("HTTP/1.1 408 \r\n\r\n")) }} {
		c := get(t, p)
		there := <-accepted
		c.Put()
		spoil(there)
		for c.quiet() {
			time.Sleep(time.Millisecond)
		}
		if again := get(t, p); again == c {
			t.Error("it was used again")
		} else {
			again.Drop()
			<-accepted
		}
	}
}

// W-76: at most so many requests a connection, and what the backend says of itself.
func TestConnectionsRetire(t *testing.T) {
	t.Parallel()
	addr, _ := backend(t)
	p := pool(t, Options{Address: addr, Requests: 3})
	first := get(t, p)
	for range 2 {
		first.Put()
		if c := get(t, p); c != first {
			t.Fatal("it went too early")
		}
	}
	first.Put()
	if c := get(t, p); c == first {
		t.Error("it carried a fourth request")
	} else {
		c.KeepAlive([]byte("timeout=1, max=100"))
		c.Put()
		if again := get(t, p); again == c {
			t.Error("timeout=1 leaves no time for another request")
		}
	}
}

// W-75: slots are bounded, the queue too, and a slot comes back with Put and with Drop.
func TestSlots(t *testing.T) {
	t.Parallel()
	addr, _ := backend(t)
	p := pool(t, Options{Address: addr, Slots: 1, Waiting: 1, Queue: 10 * time.Second})
	first := get(t, p)
	got := make(chan *Conn)
	go func() {
		c, queued, err := p.Get()
		if err != nil || queued == 0 {
			t.Errorf("the one that waited: %v, %v", queued, err)
		}
		got <- c
	}()
	for p.waiting.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	if _, _, err := p.Get(); !errors.Is(err, ErrBusy) {
		t.Errorf("the queue is full, yet: %v", err)
	}
	first.Drop()
	(<-got).Put()
	get(t, p).Put()
	if busy, idle := p.Size(); busy != 0 || idle != 1 {
		t.Errorf("%d busy, %d idle", busy, idle)
	}
}

// Health follows the last attempt to connect; a failed one gives its slot back.
func TestHealth(t *testing.T) {
	t.Parallel()
	p := pool(t, Options{Address: "127.0.0.1:1", Slots: 1})
	if !p.Health().Up {
		t.Error("a backend that was never tried is down")
	}
	for range 3 {
		if _, _, err := p.Get(); !errors.Is(err, ErrConnect) {
			t.Fatalf("got %v", err)
		}
	}
	if h := p.Health(); h.Up || h.Text == "" || h.Since.IsZero() {
		t.Errorf("health is %+v", h)
	}
}
