package socket

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// pair is both ends of a connection, the first of them wrapped.
func pair(t testing.TB) (*Conn, *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	far, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	near, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close(); far.Close() })
	return Wrap(near).(*Conn), far.(*net.TCPConn)
}

func TestReadsToTheEnd(t *testing.T) {
	t.Parallel()
	near, far := pair(t)
	io.WriteString(far, "one")
	far.CloseWrite()
	got, err := io.ReadAll(near)
	if string(got) != "one" || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
	if n, err := near.Read(make([]byte, 8)); n != 0 || err != io.EOF {
		t.Errorf("after the end: %d, %v", n, err)
	}
	if n, err := near.Read(nil); n != 0 || err != nil {
		t.Errorf("into nothing: %d, %v", n, err)
	}
}

// A write of more than the kernel takes at once waits for its reader, while the other direction goes on.
func TestWritesMoreThanFits(t *testing.T) {
	t.Parallel()
	near, far := pair(t)
	sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<20)
	done := make(chan error, 1)
	go func() {
		n, err := near.Write(sent)
		if err == nil && n != len(sent) {
			err = io.ErrShortWrite
		}
		near.CloseWrite()
		done <- err
	}()
	io.WriteString(far, "meanwhile")
	one := make([]byte, 9)
	if _, err := io.ReadFull(near, one); err != nil || string(one) != "meanwhile" {
		t.Errorf("the other direction: %q, %v", one, err)
	}
	got, err := io.ReadAll(far)
	if err != nil || !bytes.Equal(got, sent) {
		t.Errorf("%d bytes of %d came, %v", len(got), len(sent), err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestDeadlineEndsBoth(t *testing.T) {
	t.Parallel()
	near, _ := pair(t)
	near.SetDeadline(time.Now().Add(20 * time.Millisecond))
	if n, err := near.Read(make([]byte, 8)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read: %d, %v", n, err)
	}
	most := make([]byte, 64<<20)
	near.SetDeadline(time.Now().Add(200 * time.Millisecond))
	if n, err := near.Write(most); n == 0 || n == len(most) || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("write: %d, %v; what was taken is told", n, err)
	}
	near.SetDeadline(time.Time{})
	near.Close()
	if _, err := near.Read(make([]byte, 8)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestResetIsAnError(t *testing.T) {
	t.Parallel()
	near, far := pair(t)
	far.SetLinger(0)
	far.Close()
	if _, err := near.Read(make([]byte, 8)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("read: %v", err)
	}
	if _, err := near.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("write: %v", err)
	}
}

// W-76: a stray byte and the end are alike.
func TestQuiet(t *testing.T) {
	t.Parallel()
	near, far := pair(t)
	if !near.Quiet() {
		t.Error("an open connection with nothing to read is not quiet")
	}
	io.WriteString(far, "x")
	for near.Quiet() { // until the byte is here
		runtime.Gosched()
	}
	near.Read(make([]byte, 1))
	if !near.Quiet() {
		t.Error("it is not quiet again when everything is read")
	}
	far.CloseWrite()
	near.Read(make([]byte, 1))
	if near.Quiet() {
		t.Error("a closed connection is quiet")
	}
}

func TestOthersStayAsTheyAre(t *testing.T) {
	t.Parallel()
	a, b := net.Pipe()
	defer b.Close()
	defer a.Close()
	if Wrap(a) != a {
		t.Error("a connection that is not TCP was wrapped")
	}
}

func TestNothingIsAllocated(t *testing.T) {
	near, far := pair(t)
	out, in, back := []byte("a line\n"), make([]byte, 64), make([]byte, 64)
	if n := testing.AllocsPerRun(200, func() {
		near.Write(out)
		far.Read(back)
		far.Write(out)
		near.Read(in)
		near.Quiet()
	}); n != 0 {
		t.Errorf("%v allocations a call", n)
	}
}
