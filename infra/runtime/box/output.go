package box

import (
	"bytes"
	"errors"
	"os"
	"sync"
	"syscall"
)

// maxLine is where a line without an end is cut: what CloudWatch takes as one event.
const maxLine = 256 << 10

// Output is what a process group writes. What was written before an answer was sent belongs to that invocation: so the end
// of an invocation reads the pipe itself, and does not hope that the follower was there first.
type Output struct {
	file *os.File
	conn syscall.RawConn

	mu     sync.Mutex
	buffer []byte
	rest   []byte // a line that has no end yet
	line   func([]byte)
}

func newOutput(line func([]byte)) (*Output, *os.File, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	conn, err := read.SyscallConn()
	if err != nil {
		return nil, nil, errors.Join(err, read.Close(), write.Close())
	}
	return &Output{file: read, conn: conn, buffer: make([]byte, 32<<10), line: line}, write, nil
}

// follow reads until every writer is gone or the output is closed.
func (o *Output) follow() {
	ended := false
	for !ended {
		err := o.conn.Read(func(fd uintptr) bool {
			o.mu.Lock()
			defer o.mu.Unlock()
			var got bool
			got, ended = o.drain(int(fd))
			return got || ended
		})
		if err != nil {
			return
		}
	}
}

// Sync reads what is there, and ends a line that has no end.
func (o *Output) Sync() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.conn.Control(func(fd uintptr) { o.drain(int(fd)) }) // fails only when it is closed: nothing is there then
	if len(o.rest) > 0 {
		o.line(o.rest)
		o.rest = o.rest[:0]
	}
}

// drain reads without waiting. Under mu.
func (o *Output) drain(fd int) (got, ended bool) {
	for {
		n, err := syscall.Read(fd, o.buffer)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			return got, false
		case err != nil || n == 0:
			return got, true
		}
		got = true
		o.split(o.buffer[:n])
	}
}

func (o *Output) split(text []byte) {
	for {
		i := bytes.IndexByte(text, '\n')
		if i < 0 {
			break
		}
		if len(o.rest) > 0 {
			o.rest = append(o.rest, text[:i]...)
			o.line(o.rest)
			o.rest = o.rest[:0]
		} else {
			o.line(text[:i])
		}
		text = text[i+1:]
	}
	for len(o.rest)+len(text) >= maxLine {
		n := maxLine - len(o.rest)
		o.line(append(o.rest, text[:n]...))
		o.rest, text = o.rest[:0], text[n:]
	}
	o.rest = append(o.rest, text...)
}

func (o *Output) close() { o.file.Close() }
