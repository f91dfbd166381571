package runtime

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/banyan-migration/banyan/infra/runtime/api"
	"github.com/banyan-migration/banyan/infra/runtime/box"
)

// initLimit is how long an init may take before it is broken off and tried again inside the first invocation.
const initLimit = 10 * time.Second

// maxExtensions is how many programs in /opt/extensions are started at most.
const maxExtensions = 10

// timedOut is the type of an invocation that took too long.
const timedOut = "Sandbox.Timedout"

// environment is one set of processes that runs one invocation at a time.
type environment struct {
	version *version
	server  *api.Server
	share   *box.Share
	log     *journal
	crashed chan *failed // an extension has ended by itself

	mu         sync.Mutex
	stopped    bool
	process    *box.Process // the runtime; set once, before anybody else has the environment
	extensions []*box.Process
	most       int64 // bytes, seen so far

	// Under version.mu.
	used   time.Time
	timer  *time.Timer
	frozen bool
}

// failed is an environment that cannot answer: the error's type and what follows "RequestId: ID Error: ", or what the runtime
// itself has posted.
type failed struct {
	kind, text string
	response   *api.Response
}

// answer gives the caller of the function what it gets for it.
func (f *failed) answer(inv *api.Invocation) {
	if f.response != nil {
		inv.Settle(*f.response)
		return
	}
	inv.Fail(f.kind, fmt.Sprintf("RequestId: %s Error: %s", inv.ID, f.text))
}

// launch starts an environment's processes and waits until it can take its first event: the extensions first, which register
// before the runtime begins. It tells how the init went, in the phase of which it is a part.
func (v *version) launch(ctx context.Context, log *journal, phase string) (*environment, time.Duration, *failed) {
	began := time.Now()
	e := &environment{version: v, log: log, crashed: make(chan *failed, maxExtensions)}
	var err error
	if e.server, err = api.Listen(api.About{Function: v.Name, Version: v.number, Handler: v.Handler, Account: v.player.opt.Account}); err != nil {
		return nil, 0, &failed{kind: "Sandbox.Failure", text: err.Error()}
	}
	log.server = e.server
	log.emit("platform.initStart", map[string]any{"initializationType": "on-demand", "phase": phase, "functionName": v.Name,
		"functionVersion": v.number, "instanceMaxMemory": v.Memory << 20})
	if e.share, err = v.player.groups.New(v.Memory); err != nil {
		e.share = nil // then the whole processor is its, and its records say so
	}
	if !v.add(e) {
		e.stop("")
		return nil, 0, &failed{kind: "Sandbox.Failure", text: ErrClosed.Error()}
	}
	trouble := e.begin(ctx)
	took := time.Since(began)
	e.logExtensions()
	initReport(log, phase, took, trouble)
	if trouble != nil {
		reason := "failure"
		if trouble.kind == timedOut {
			reason = "timeout"
		}
		v.drop(e, reason)
		return nil, took, trouble
	}
	e.peak()
	if e.process.Shared() && e.share.Limit() != nil {
		e.share = nil
	}
	return e, took, nil
}

func (e *environment) begin(ctx context.Context) *failed {
	v := e.version
	programs, err := v.root.Extensions()
	if err != nil {
		return &failed{kind: "Extension.LaunchError", text: err.Error()}
	}
	variables := v.variables(e.server.Address(), e.log.stream)
	if len(programs) > maxExtensions {
		return &failed{kind: "Extension.LaunchError", text: fmt.Sprintf("Extension limit (%d) reached", maxExtensions)}
	}
	for _, program := range programs {
		e.server.Expect(filepath.Base(program))
	}
	for _, program := range programs {
		if _, err := e.start(program, variables, true); err != nil {
			return &failed{kind: "Extension.LaunchError", text: v.root.Told(err.Error())}
		}
	}
	if trouble := e.wait(ctx, e.server.Registered()); trouble != nil {
		return trouble
	}
	program, err := v.root.Bootstrap()
	if err != nil {
		return &failed{kind: "Runtime.InvalidEntrypoint", text: "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]"}
	}
	if _, err = e.start(program, variables, false); err != nil {
		return &failed{kind: "Runtime.InvalidEntrypoint", text: v.root.Told(err.Error())}
	}
	return e.wait(ctx, e.server.Ready())
}

// start starts the runtime or an extension, unless the environment has been stopped.
func (e *environment) start(program string, variables []string, extension bool) (*box.Process, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.stopped {
		return nil, ErrClosed
	}
	lines := e.log.function
	if extension {
		lines, variables = e.log.extension, forExtension(variables)
	}
	p, err := e.version.root.Start(program, variables, e.share, lines)
	switch {
	case err != nil:
		return nil, err
	case extension:
		e.extensions = append(e.extensions, p)
		go e.watch(p)
	default:
		e.process = p
	}
	return p, nil
}

// watch waits for an extension's end, which is the environment's.
func (e *environment) watch(p *box.Process) {
	<-p.Exited()
	text := "exit code 0"
	if p.State() != "" {
		text = p.State()
	}
	e.crashed <- &failed{kind: "Extension.Crash", text: text}
}

// wait waits for a step of the init, or for what makes it impossible.
func (e *environment) wait(ctx context.Context, step <-chan struct{}) *failed {
	var exited <-chan struct{}
	if e.process != nil {
		exited = e.process.Exited()
	}
	select {
	case <-step:
		return nil
	case f := <-e.server.Failed():
		return told(f)
	case f := <-e.crashed:
		return f
	case <-exited:
		return e.exit()
	case <-ctx.Done():
		return &failed{kind: timedOut}
	}
}

// told is a failure that the runtime or an extension reported before it went.
func told(f api.Failure) *failed {
	if f.Response != nil {
		return &failed{kind: f.Response.ErrorType, response: f.Response}
	}
	return &failed{kind: f.Kind, text: f.Text}
}

// exit is what AWS says of a runtime that has ended by itself.
func (e *environment) exit() *failed {
	select {
	case f := <-e.server.Failed(): // it said why, and went
		return told(f)
	default:
	}
	if state := e.process.State(); state != "" {
		return &failed{kind: "Runtime.ExitError", text: "Runtime exited with error: " + state}
	}
	return &failed{kind: "Runtime.ExitError", text: "Runtime exited without providing a reason"}
}

// alive says whether every process of the environment runs.
func (e *environment) alive() bool {
	select {
	case <-e.process.Exited():
		return false
	case f := <-e.crashed:
		e.crashed <- f
		return false
	default:
		return true
	}
}

func (e *environment) processes() []*box.Process {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := e.extensions[:len(e.extensions):len(e.extensions)]
	if e.process != nil {
		all = append(all, e.process)
	}
	return all
}

func (e *environment) signal(s syscall.Signal) {
	for _, p := range e.processes() {
		p.Signal(s)
	}
}

// sync reads what the processes have written up to now.
func (e *environment) sync() {
	for _, p := range e.processes() {
		p.Sync()
	}
}

// peak is how many MB the processes have had at most, added up. Of one that is dead it knows what was seen last.
func (e *environment) peak() int {
	var sum int64
	for _, p := range e.processes() {
		sum += p.Peak()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.most = max(e.most, sum)
	return int((e.most + 1<<20 - 1) >> 20)
}

// cpu says how the environment's share of the processor is given.
func (e *environment) cpu() string {
	if e.share != nil && e.process.Shared() {
		return "cgroup"
	}
	return "whole"
}

// logExtensions writes a line for each extension, as a cold start on AWS does.
func (e *environment) logExtensions() {
	for _, x := range e.server.Extensions() {
		e.log.line(fmt.Sprintf("EXTENSION\tName: %s\tState: %s\tEvents: [%s]", x.Name, x.State, strings.Join(x.Events, ",")))
		e.log.emit("platform.extension", map[string]any{"name": x.Name, "state": x.State, "events": x.Events})
	}
}
