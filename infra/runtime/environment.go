package runtime

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"github.com/banyan-migration/banyan/infra/runtime/api"
	"github.com/banyan-migration/banyan/infra/runtime/box"
)

// initLimit is how long an init may take before it is broken off and tried again inside the first invocation.
const initLimit = 10 * time.Second

// environment is one set of processes that runs one invocation at a time.
type environment struct {
	version *version
	server  *api.Server
	process *box.Process
	log     *journal
	began   time.Time
	init    time.Duration // what its init took; zero once an invocation has been told
	used    time.Time
	timer   *time.Timer
}

// failed is an environment that cannot answer: the error's type and what follows "RequestId: ID Error: ", or what the runtime
// itself has posted.
type failed struct {
	kind, text string
	response   *api.Response
}

func (f *failed) Error() string { return f.kind + ": " + f.text }

// launch starts an environment's processes; they are not ready yet.
func (v *version) launch() (*environment, *failed) {
	e := &environment{version: v, began: time.Now()}
	e.log = newJournal(v)
	program, err := v.root.Bootstrap()
	if err != nil {
		return nil, &failed{kind: "Runtime.InvalidEntrypoint", text: err.Error()}
	}
	e.server, err = api.Listen(api.About{Function: v.Name, Version: v.shown(), Handler: v.Handler, Account: v.player.opt.Account})
	if err != nil {
		return nil, &failed{kind: "Sandbox.Failure", text: err.Error()}
	}
	e.process, err = v.root.Start(program, v.variables(e.server.Address(), e.log.stream), e.log.function)
	if err != nil {
		e.server.Close()
		return nil, &failed{kind: "Runtime.InvalidEntrypoint", text: v.root.Told(err.Error())}
	}
	return e, nil
}

// ready waits until the environment can take its first event.
func (e *environment) ready(ctx context.Context) *failed {
	select {
	case <-e.server.Ready():
		e.init = time.Since(e.began)
		return nil
	case f := <-e.server.Failed():
		return &failed{kind: f.ErrorType, response: &f.Response}
	case <-e.process.Exited():
		select {
		case f := <-e.server.Failed(): // it said why, and went
			return &failed{kind: f.ErrorType, response: &f.Response}
		default:
			return e.exit()
		}
	case <-ctx.Done():
		return &failed{kind: "Sandbox.Timedout"}
	}
}

// exit is what AWS says of a runtime that has ended by itself.
func (e *environment) exit() *failed {
	if state := e.process.State(); state != "" {
		return &failed{kind: "Runtime.ExitError", text: "Runtime exited with error: " + state}
	}
	return &failed{kind: "Runtime.ExitError", text: "Runtime exited without providing a reason"}
}

// stop ends the environment, and everything that runs in it.
func (e *environment) stop() {
	e.process.Signal(syscall.SIGKILL)
	<-e.process.Exited()
	e.server.Close()
}

func (f *failed) answer(id string) api.Response {
	if f.response != nil {
		return *f.response
	}
	inv := api.NewInvocation()
	inv.Fail(f.kind, fmt.Sprintf("RequestId: %s Error: %s", id, f.text))
	return inv.Response()
}
