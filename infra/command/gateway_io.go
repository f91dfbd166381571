package command

import (
	"io"
	"net"
	"os"
	"strconv"
	"sync"

	"github.com/banyan-migration/banyan/gateway/config"
)

// listeners are the data port's and the admin API's: passed by whoever started us (LISTEN_FDS, as systemd does), or
// opened here. control is nil without an admin API.
func listeners(c *config.Config) (data, control net.Listener, err error) {
	passed, err := passedListeners()
	if err != nil {
		return nil, nil, err
	}
	if len(passed) > 0 {
		data = passed[0]
	} else if data, err = net.Listen("tcp", c.Listen); err != nil {
		return nil, nil, fail(outside, "listen: %w; nothing was started", err)
	}
	switch {
	case len(passed) > 1:
		return data, passed[1], nil
	case c.Admin.Listen == "":
		return data, nil, nil
	}
	if control, err = net.Listen("tcp", c.Admin.Listen); err != nil {
		data.Close()
		return nil, nil, fail(outside, "admin.listen: %w; nothing was started", err)
	}
	return data, control, nil
}

// firstSocket is the descriptor at which passed sockets begin.
const firstSocket = 3

// passedListeners takes the sockets that LISTEN_FDS counts, if they are meant for this process, and clears the
// variables so that no child believes they are its own.
func passedListeners() ([]net.Listener, error) {
	count, pid := os.Getenv("LISTEN_FDS"), os.Getenv("LISTEN_PID")
	if count == "" || pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return nil, nil
	}
	os.Unsetenv("LISTEN_FDS")
	os.Unsetenv("LISTEN_PID")
	n, err := strconv.Atoi(count)
	if err != nil || n < 0 || n > 2 {
		return nil, fail(wrong, "LISTEN_FDS is %q: 1 for the data port, 2 for the admin port too", count)
	}
	var all []net.Listener
	for i := range n {
		f := os.NewFile(uintptr(firstSocket+i), "socket")
		l, err := net.FileListener(f)
		f.Close() // FileListener has a descriptor of its own
		if err != nil {
			return nil, fail(wrong, "LISTEN_FDS: socket %d is not a listening one (the data port first, then the admin port): %w", firstSocket+i, err)
		}
		all = append(all, l)
	}
	return all, nil
}

// accessLog is where access lines go. A file is opened anew on SIGHUP, so that it can be rotated. Safe for
// concurrent use.
type accessLog struct {
	name string
	mu   sync.Mutex
	out  io.Writer // nil: off
}

func openAccess(w *world, name string, asJSON bool) (*accessLog, error) {
	a := &accessLog{name: name}
	switch {
	case name == "off":
	case name == "-" && asJSON:
		a.out = w.err
	case name == "-":
		a.out = w.out
	default:
		f, err := openLogFile(name)
		if err != nil {
			return nil, fail(outside, "log.access: %w; nothing was started", err)
		}
		a.out = f
	}
	return a, nil
}

func openLogFile(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o640)
}

// writer is the log for the engine; nil when it is off.
func (a *accessLog) writer() io.Writer {
	if a.out == nil {
		return nil
	}
	return a
}

func (a *accessLog) Write(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.out.Write(p)
}

// Reopen opens the file under its name again; if that fails, lines go where they went.
func (a *accessLog) Reopen() {
	a.mu.Lock()
	defer a.mu.Unlock()
	old, isFile := a.out.(*os.File)
	if !isFile || a.name == "-" {
		return
	}
	if f, err := openLogFile(a.name); err == nil {
		a.out = f
		old.Close()
	}
}

// Close closes a file.
func (a *accessLog) Close() error {
	if f, isFile := a.out.(*os.File); isFile && a.name != "-" {
		return f.Close()
	}
	return nil
}
