package runtime

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/banyan-migration/banyan/infra/runtime/api"
)

// The largest payloads, in bytes.
const (
	maxSync  = 6 * 1024 * 1024
	maxAsync = 1024 * 1024
)

// Invoke runs a function once and answers as the Invoke API does: a failure of the function is an answer, not an error. If
// ctx ends, the invocation goes on without its caller, as on AWS. An error is ctx's or ErrClosed.
func (p *Player) Invoke(ctx context.Context, call Call) (Answer, error) {
	return p.invoke(ctx, call, nil)
}

func (p *Player) invoke(ctx context.Context, call Call, to *sink) (Answer, error) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return Answer{}, ErrClosed
	}
	p.running.Add(1) // under mu: Close waits only for what it has seen
	p.mu.Unlock()
	t, found := p.resolve(call.Function)
	if no, refused := p.refuse(t, found, call); refused {
		p.running.Done()
		return no, nil
	}
	if call.Dry {
		p.running.Done()
		return Answer{Status: 204, Request: uuid.NewString()}, nil
	}
	r := p.newRun(t, call)
	if call.Event {
		accepted := Answer{Status: 202, Request: r.inv.ID}
		go func() {
			defer p.running.Done()
			r.later()
		}()
		return accepted, nil
	}
	if to != nil {
		r.inv.Stream = to
		to.started = func() { to.begin(t.version.number, r.inv.ID) }
	}
	go func() {
		defer p.running.Done()
		r.play()
	}()
	select {
	case a := <-r.answered:
		return a, nil
	case <-ctx.Done():
		return Answer{}, ctx.Err()
	}
}

// refuse says what Lambda would refuse before anything runs.
func (p *Player) refuse(t target, found bool, call Call) (Answer, bool) {
	limit := maxSync
	if call.Event {
		limit = maxAsync
	}
	switch {
	case !found:
		if t.qualifier == "" {
			t.qualifier = "$LATEST"
		}
		return refused(404, "ResourceNotFoundException", map[string]string{"Type": "User", "Message": "Function not found: " + p.arn(t)}), true
	case len(call.Payload) > limit:
		return refused(413, "RequestTooLargeException", map[string]string{"Type": "User",
			"message": fmt.Sprintf("Request must be smaller than %d bytes for the InvokeFunction operation", limit)}), true
	case !clientContext(call.ClientContext, new(string)):
		return refused(400, "InvalidRequestContentException", map[string]string{"Type": "User",
			"message": "Client context must be a valid Base64-encoded JSON object."}), true
	case len(call.Payload) > 0 && !json.Valid(call.Payload):
		return refused(400, "InvalidRequestContentException", map[string]string{"Type": "User",
			"message": "Could not parse request body into json: Could not parse payload into json"}), true
	}
	return Answer{}, false
}

func refused(status int, exception string, body map[string]string) Answer {
	text, err := json.Marshal(body)
	if err != nil { // strings
		panic(err)
	}
	return Answer{Status: status, Exception: exception, Payload: text, Request: uuid.NewString()}
}

func throttled(reason string) Answer {
	return refused(429, "TooManyRequestsException", map[string]string{"Reason": reason, "Type": "User", "message": "Rate Exceeded."})
}

func (p *Player) newRun(t target, call Call) *run {
	inv := api.NewInvocation()
	inv.ID, inv.ARN, inv.Trace, inv.Payload = uuid.NewString(), p.arn(t), call.Trace, call.Payload
	clientContext(call.ClientContext, &inv.ClientContext)
	if len(inv.Payload) == 0 {
		inv.Payload = []byte("{}")
	}
	if inv.Trace == "" {
		id := uuid.New()
		inv.Trace = fmt.Sprintf("Root=1-%08x-%x;Parent=%x;Sampled=0", time.Now().Unix(), id[:12], id[8:])
	}
	return &run{player: p, target: t, call: call, inv: inv, answered: make(chan Answer, 1)}
}

// clientContext turns what a caller sends, base64, into what a runtime gets, JSON on one line; false: it is neither.
func clientContext(encoded string, into *string) bool {
	if encoded == "" {
		return true
	}
	text, err := base64.StdEncoding.DecodeString(encoded)
	var line bytes.Buffer
	if err != nil || json.Compact(&line, text) != nil || line.Len() == 0 || line.Bytes()[0] != '{' {
		return false
	}
	*into = line.String()
	return true
}
