package runtime

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/banyan-migration/banyan/infra/runtime/api"
)

// linger is how long a caller that has its answer still waits for the runtime to ask for the next event, so that calls one
// after the other meet a warm environment and find their record written.
const linger = 20 * time.Millisecond

// Invoke runs a function once and answers as the Invoke API does: a failure of the function is an answer, not an error. If
// ctx ends, the invocation goes on without its caller, as on AWS.
func (p *Player) Invoke(ctx context.Context, call Call) (Answer, error) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return Answer{}, ErrClosed
	}
	p.running.Add(1)
	p.mu.Unlock()
	t, found := p.resolve(call.Function)
	if !found {
		p.running.Done()
		return p.notFound(t), nil
	}
	answered := make(chan Answer, 1)
	go func() {
		defer p.running.Done()
		p.run(t, call, answered)
	}()
	select {
	case a := <-answered:
		return a, nil
	case <-ctx.Done():
		return Answer{}, ctx.Err()
	}
}

func (p *Player) notFound(t target) Answer {
	qualifier := t.qualifier
	if qualifier == "" {
		qualifier = "$LATEST"
	}
	return refused(404, "ResourceNotFoundException", fmt.Sprintf(`{"Type":"User","Message":"Function not found: %s"}`,
		p.arn(target{function: t.function, qualifier: qualifier})))
}

func refused(status int, exception, body string) Answer {
	return Answer{Status: status, Exception: exception, Payload: []byte(body), Request: uuid.NewString()}
}

// run carries one invocation through an environment.
func (p *Player) run(t target, call Call, answered chan<- Answer) {
	v := t.version
	inv := api.NewInvocation()
	inv.ID, inv.ARN, inv.Trace = uuid.NewString(), p.arn(t), call.Trace
	inv.ClientContext, inv.Payload = call.ClientContext, call.Payload
	if len(inv.Payload) == 0 {
		inv.Payload = []byte("{}")
	}
	r := Record{Function: v.Name, Version: t.ran, Request: inv.ID, Memory: v.Memory, CPU: "whole"}
	e := v.take()
	var trouble *failed
	if e == nil {
		if e, trouble = v.launch(); trouble == nil && !v.add(e) {
			trouble = &failed{kind: "Sandbox.Failure", text: ErrClosed.Error()}
		}
		if trouble == nil {
			ctx, cancel := context.WithTimeout(context.Background(), initLimit)
			trouble = e.ready(ctx)
			cancel()
			r.Init = e.init
		}
	}
	r.Began = time.Now()
	if trouble != nil {
		resp := trouble.answer(inv.ID)
		if e != nil {
			v.drop(e)
		}
		answered <- Answer{Status: 200, Error: "Unhandled", Version: t.ran, Payload: resp.Payload, Request: inv.ID}
		return
	}
	e.invoke(inv, t, &r, answered)
}

// invoke gives the environment an event and sees it to its end.
func (e *environment) invoke(inv *api.Invocation, t target, r *Record, answered chan<- Answer) {
	v := e.version
	e.log.open()
	e.log.line(fmt.Sprintf("START RequestId: %s Version: %s", inv.ID, t.ran))
	inv.Deadline = r.Began.Add(v.Timeout)
	late := time.NewTimer(v.Timeout)
	defer late.Stop()
	e.server.Invoke(inv)

	alive, status := true, ""
	answer := func() Answer {
		resp := inv.Response()
		a := Answer{Status: 200, Version: t.ran, Payload: resp.Payload, Request: inv.ID, Streamed: resp.Streamed}
		if resp.ErrorType != "" {
			a.Error = "Unhandled"
		}
		return a
	}
	told := false
	var patience <-chan time.Time
	isAnswered := inv.Answered()
wait:
	for {
		select {
		case <-inv.Done():
			break wait
		case <-isAnswered:
			isAnswered = nil
			patience = time.After(linger)
		case <-patience:
			answered <- answer()
			told, patience = true, nil
		case <-e.process.Exited():
			f := e.exit()
			inv.Fail(f.kind, fmt.Sprintf("RequestId: %s Error: %s", inv.ID, f.text))
			e.log.line(fmt.Sprintf("RequestId: %s Error: %s", inv.ID, f.text))
			alive, status = false, "error"
			break wait
		case <-late.C:
			inv.Fail("Sandbox.Timedout", fmt.Sprintf("RequestId: %s Error: Task timed out after %.2f seconds", inv.ID, v.Timeout.Seconds()))
			alive, status = false, "timeout"
			break wait
		}
	}
	r.Duration = time.Since(r.Began)
	if status == "timeout" {
		r.Duration = v.Timeout
	}
	r.Billed = billed(r.Init, r.Duration)
	r.MaxMemory = int((e.process.Peak() + 1<<20 - 1) >> 20)
	r.Error = inv.Response().ErrorType
	e.process.Sync()
	e.log.line("END RequestId: " + inv.ID)
	e.log.line(report(*r, status))
	v.player.opt.Record(*r)
	tail := e.log.last()
	if alive {
		v.give(e)
	} else {
		v.drop(e)
	}
	if !told {
		a := answer()
		a.LogTail = tail
		answered <- a
	}
}
