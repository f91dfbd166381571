// Package socket reads and writes TCP connections by system calls that the Go scheduler is not told of. They never block, so there is
// nothing to tell; and the runtime's monitor, which looks every 20 us for calls that last, took a tenth of a busy gateway's time.
package socket

import (
	"io"
	"net"
	"os"
	"syscall"
)

// Conn is a TCP connection whose Read and Write are cheaper; all else is the library's, waiting and deadlines too. One goroutine may read
// while another writes.
type Conn struct {
	*net.TCPConn
	raw     syscall.RawConn
	in, out half
	look    func(fd uintptr)
	still   bool
	spot    [1]byte
}

// half is one direction's call under way. What is called stands here so that nothing is allocated for a call.
type half struct {
	p    []byte
	n    int // bytes done
	err  syscall.Errno
	call func(fd uintptr) (done bool)
}

// Wrap makes a Conn of a TCP connection and leaves any other as it is.
func Wrap(c net.Conn) net.Conn {
	t, ok := c.(*net.TCPConn)
	if !ok {
		return c
	}
	raw, _ := t.SyscallConn() // there is one, since there is a connection
	made := &Conn{TCPConn: t, raw: raw}
	made.in.call, made.out.call, made.look = made.in.receive, made.out.send, made.peek
	return made
}

// Read is net.Conn's.
func (c *Conn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	h := &c.in
	h.p, h.n, h.err = p, 0, 0
	err := c.raw.Read(h.call)
	switch h.p = nil; {
	case err != nil:
		return 0, err
	case h.err != 0:
		return 0, c.failed("read", h.err)
	case h.n == 0:
		return 0, io.EOF
	}
	return h.n, nil
}

// Write is net.Conn's.
func (c *Conn) Write(p []byte) (int, error) {
	h := &c.out
	h.p, h.n, h.err = p, 0, 0
	err := c.raw.Write(h.call)
	if h.p = nil; err == nil && h.err != 0 {
		err = c.failed("write", h.err)
	}
	return h.n, err
}

// Quiet says whether the connection is open with nothing to read. It must not be called while another goroutine calls it.
func (c *Conn) Quiet() bool {
	c.still = false
	return c.raw.Control(c.look) == nil && c.still
}

func (c *Conn) peek(fd uintptr) {
	_, err := receive(fd, c.spot[:], syscall.MSG_PEEK)
	c.still = err == syscall.EAGAIN
}

func (c *Conn) failed(op string, err syscall.Errno) error {
	return &net.OpError{Op: op, Net: "tcp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: os.NewSyscallError(op, err)}
}

func (h *half) receive(fd uintptr) bool {
	for {
		n, err := receive(fd, h.p, 0)
		switch err {
		case 0:
			h.n = n
			return true
		case syscall.EAGAIN:
			return false
		case syscall.EINTR:
		default:
			h.err = err
			return true
		}
	}
}

func (h *half) send(fd uintptr) bool {
	for h.n < len(h.p) {
		n, err := send(fd, h.p[h.n:])
		switch err {
		case 0:
			h.n += n
		case syscall.EAGAIN:
			return false
		case syscall.EINTR:
		default:
			h.err = err
			return true
		}
	}
	return true
}
