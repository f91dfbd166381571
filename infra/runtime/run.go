package runtime

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/banyan-migration/banyan/infra/runtime/api"
)

// linger is how long a caller that has its answer still waits for the runtime to ask for the next event, so that calls one
// after the other meet a warm environment and find their record written.
const linger = 20 * time.Millisecond

// run is one invocation on its way.
type run struct {
	player   *Player
	target   target
	call     Call
	inv      *api.Invocation
	answered chan Answer // has room for one

	record Record
	log    *journal
	status string // of REPORT: empty, error, timeout
	broke  string // the type of the environment's own end
	told   bool   // the caller has its answer
	early  bool   // and had it before the environment was done
	tail   []byte // of the log, once the invocation is over
}

// play finds an environment and has it do the invocation.
func (r *run) play() {
	v := r.target.version
	seat, reason := r.player.limits.enter(v.Name)
	if reason != "" {
		r.answered <- throttled(reason)
		return
	}
	defer r.player.limits.leave(seat)
	r.record = Record{Function: v.Name, Version: r.target.version.number, Request: r.inv.ID, Memory: v.Memory, CPU: "whole", Paths: "rewritten"}
	if v.root.Real() {
		r.record.Paths = "real"
	}
	e := v.take()
	if e == nil {
		e = v.await()
	}
	if e == nil {
		if !r.player.limits.grow(v.Name, time.Now()) {
			r.answered <- throttled(accountFull)
			return
		}
		if e = r.cold(); e == nil {
			r.end(nil)
			return
		}
	}
	if r.log == nil {
		r.start(e.log)
	}
	r.record.CPU = e.cpu()
	alive := r.carry(e)
	r.end(e)
	switch {
	case alive && v.give(e):
	case alive:
		v.drop(e, "spindown")
	case r.status == "timeout":
		v.drop(e, "timeout")
	default:
		v.drop(e, "failure")
	}
	if r.early {
		v.settled()
	}
	r.tell()
}

// cold makes an environment. An init that fails or takes longer than ten seconds is tried once more, as a part of the
// invocation and under its time-out; nil: it has failed again, and the answer says how.
func (r *run) cold() *environment {
	v := r.target.version
	log := newJournal(v)
	ctx, cancel := context.WithTimeout(context.Background(), r.player.initLimit)
	defer cancel()
	e, took, trouble := v.launch(ctx, log, "init")
	if trouble == nil {
		r.record.Init = took
		return e
	}
	r.start(log)
	ctx, cancel = context.WithDeadline(context.Background(), r.inv.Deadline)
	defer cancel()
	if e, _, trouble = v.launch(ctx, log, "invoke"); trouble == nil {
		return e
	}
	if trouble.kind == timedOut && trouble.response == nil {
		r.late()
	} else {
		r.status = "error"
		trouble.answer(r.inv)
		r.explain(trouble)
	}
	return nil
}

// start begins the invocation's part of the log, and its clock.
func (r *run) start(log *journal) {
	r.log, r.record.Began = log, time.Now()
	r.inv.Deadline = r.record.Began.Add(r.target.version.Timeout)
	log.open()
	log.line(fmt.Sprintf("START RequestId: %s Version: %s", r.inv.ID, r.target.version.number))
	if log.server != nil {
		log.emit("platform.start", map[string]any{"requestId": r.inv.ID, "version": r.target.version.number, "tracing": tracing(r.inv.Trace)})
	}
}

// carry gives an environment the event and waits until it has done with it; false: the environment is at its end.
func (r *run) carry(e *environment) (alive bool) {
	late := time.NewTimer(time.Until(r.inv.Deadline))
	defer late.Stop()
	e.server.Invoke(r.inv)
	answered, asked := r.inv.Answered(), r.inv.Asked()
	var patience <-chan time.Time
	for {
		select {
		case <-r.inv.Done():
			if asked != nil {
				r.runtimeDone(e, "success")
			}
			return true
		case <-answered:
			answered = nil
			if !r.call.Tail {
				t := time.NewTimer(linger)
				defer t.Stop()
				patience = t.C
			}
		case <-asked:
			asked = nil
			r.runtimeDone(e, "success")
		case <-patience:
			r.early = true
			e.version.settling()
			r.tell()
		case <-e.process.Exited():
			return r.broken(e, e.exit())
		case f := <-e.crashed:
			return r.broken(e, f)
		case f := <-e.server.Failed():
			return r.broken(e, told(f))
		case <-late.C:
			r.late()
			r.runtimeDone(e, "timeout")
			return false
		}
	}
}

// broken ends an invocation whose environment has come to its end. Where the function has answered before, as a panic does,
// that answer stands.
func (r *run) broken(e *environment, f *failed) (alive bool) {
	e.sync()
	f.answer(r.inv)
	r.status, r.broke = "error", f.kind
	r.explain(f)
	r.runtimeDone(e, "failure")
	return false
}

// explain says in the log why there is no environment any more; what the runtime has posted goes to the caller alone.
func (r *run) explain(f *failed) {
	if f.response == nil {
		r.log.line(fmt.Sprintf("RequestId: %s Error: %s", r.inv.ID, f.text))
		r.log.line(f.kind)
	}
}

// late ends an invocation that has taken too long.
func (r *run) late() {
	r.status = "timeout"
	r.inv.Fail(timedOut, fmt.Sprintf("RequestId: %s Error: Task timed out after %.2f seconds", r.inv.ID, r.target.version.Timeout.Seconds()))
}

// end writes down what the invocation took. Without an environment, none could be made.
func (r *run) end(e *environment) {
	r.record.Duration = time.Since(r.record.Began)
	if r.status == "timeout" {
		r.record.Duration = r.target.version.Timeout
	}
	r.record.Billed = billed(r.record.Init, r.record.Duration)
	r.record.Error = cmp.Or(r.inv.Response().ErrorType, r.broke)
	if r.status == "timeout" {
		r.record.Error = timedOut
	}
	if e != nil {
		e.sync()
		r.record.MaxMemory = e.peak()
	}
	r.log.line("END RequestId: " + r.inv.ID)
	r.log.line(report(r.record, r.status))
	r.reported()
	r.tail = r.log.last()
	r.player.opt.Record(r.record)
	if e == nil {
		r.tell()
	}
}

// tell gives the caller its answer, once.
func (r *run) tell() {
	if r.told {
		return
	}
	r.told = true
	resp := r.inv.Response()
	a := Answer{Status: 200, Version: r.target.version.number, Payload: resp.Payload, Request: r.inv.ID, LogTail: r.tail, Streamed: resp.Streamed}
	if a.LogTail == nil {
		a.LogTail = r.log.last()
	}
	if resp.ErrorType != "" {
		a.Error = "Unhandled"
	}
	r.answered <- a
}
