package runtime

import (
	"slices"
	"syscall"
	"time"

	"github.com/banyan-migration/banyan/infra/runtime/api"
	"github.com/banyan-migration/banyan/infra/runtime/box"
)

// How long a shutdown may take: nothing where nobody has asked to be told, more where extensions are programs of their own.
const (
	shutdownInternal = 500 * time.Millisecond
	shutdownExternal = 2 * time.Second
)

// stop ends the environment, and everything that runs in it. Extensions are told the reason (spindown, timeout or failure) and
// have their time; without a reason nobody is. A second call does no harm.
func (e *environment) stop(reason string) {
	e.mu.Lock()
	e.stopped = true // nothing more is started
	e.mu.Unlock()
	e.signal(syscall.SIGCONT)
	if extensions := e.server.Extensions(); reason != "" && len(extensions) > 0 {
		limit := shutdownInternal
		if slices.ContainsFunc(extensions, func(x api.Extension) bool { return x.External }) {
			limit = shutdownExternal
		}
		e.farewell(reason, time.Now().Add(limit))
	}
	e.signal(syscall.SIGKILL)
	for _, p := range e.processes() {
		<-p.Exited()
	}
	e.share.Close()
	box.EndStrays(addressOf(e.server)) // as long as the address is this environment's
	e.server.Close()
}

// farewell asks the runtime to end, then the extensions, and waits for them until the deadline. The runtime has a third of the
// time.
func (e *environment) farewell(reason string, deadline time.Time) {
	left := time.NewTimer(time.Until(deadline))
	defer left.Stop()
	e.mu.Lock()
	process, extensions := e.process, e.extensions
	e.mu.Unlock()
	if process != nil {
		process.Signal(syscall.SIGTERM)
		third := time.NewTimer(time.Until(deadline) * 3 / 10)
		defer third.Stop()
		select {
		case <-process.Exited():
		case <-third.C:
			process.Signal(syscall.SIGKILL)
		}
	}
	e.server.Flush(time.Now().Add(time.Until(deadline) / 2))
	e.server.Shutdown(reason, deadline)
	for _, p := range extensions {
		select {
		case <-p.Exited():
		case <-left.C:
			return
		}
	}
}
