package psp

import (
	"net"
	"sync"
)

// Door is a listener that can be shut: while it is, connections are refused and those that were open are cut, as when
// a program has died. A server that serves it does not notice. Safe for concurrent use.
type Door struct {
	addr string

	mu     sync.Mutex // guards what follows
	inner  net.Listener
	opened chan struct{} // closed by the next Open
	gone   bool
	conns  map[net.Conn]bool
}

// Listen opens a door at a TCP address; port 0 picks one, which stays the door's own.
func Listen(addr string) (*Door, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	return &Door{addr: l.Addr().String(), inner: l, opened: make(chan struct{}), conns: map[net.Conn]bool{}}, nil
}

// Shut refuses connections from now on.
func (d *Door) Shut() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.inner == nil || d.gone {
		return nil
	}
	err := d.inner.Close()
	d.inner = nil
	for c := range d.conns {
		c.Close()
	}
	return err
}

// Open takes connections again, at the same port.
func (d *Door) Open() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.inner != nil || d.gone {
		return nil
	}
	l, err := net.Listen("tcp", d.addr)
	if err != nil {
		return err
	}
	d.inner = l
	close(d.opened)
	d.opened = make(chan struct{})
	return nil
}

// Accept waits for a connection, also while the door is shut.
func (d *Door) Accept() (net.Conn, error) {
	for {
		d.mu.Lock()
		inner, opened, gone := d.inner, d.opened, d.gone
		d.mu.Unlock()
		switch {
		case gone:
			return nil, net.ErrClosed
		case inner == nil:
			<-opened
			continue
		}
		c, err := inner.Accept()
		if err == nil {
			return d.keep(c), nil
		}
		d.mu.Lock()
		same := d.inner == inner && !d.gone
		d.mu.Unlock()
		if same {
			return nil, err
		}
	}
}

func (d *Door) keep(c net.Conn) net.Conn {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.inner == nil {
		c.Close() // accepted while the door was being shut
	} else {
		d.conns[c] = true
	}
	return &through{c, d}
}

// through is a connection that the door knows of.
type through struct {
	net.Conn
	door *Door
}

func (t *through) Close() error {
	t.door.mu.Lock()
	delete(t.door.conns, t.Conn)
	t.door.mu.Unlock()
	return t.Conn.Close()
}

// Close ends the door for good.
func (d *Door) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.gone {
		return nil
	}
	d.gone = true
	if d.inner == nil {
		close(d.opened)
		return nil
	}
	return d.inner.Close()
}

// Addr is the door's address, shut or not.
func (d *Door) Addr() net.Addr {
	a, err := net.ResolveTCPAddr("tcp", d.addr)
	if err != nil {
		panic(err) // a listener's own address
	}
	return a
}
