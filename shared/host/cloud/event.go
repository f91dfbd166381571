package cloud

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/aws/aws-lambda-go/events"
)

// shape is what tells one kind of event from another.
type shape struct {
	Version        string
	RouteARN       string `json:"routeArn"`   // an authoriser's
	HTTPMethod     string `json:"httpMethod"` // a load balancer's, or a REST API's
	RequestContext struct {
		ELB  *events.ELBContext
		HTTP *struct{ Method string }
	}
	Records    []struct{ EventSource string }
	DetailType string `json:"detail-type"`
	Source     string
	Task       string
	Input      json.RawMessage
}

// errEvent is an event that this function does not take; nothing was done.
type errEvent struct{ text string }

func (e *errEvent) Error() string { return "event refused, nothing was done: " + e.text }

func refuse(format string, values ...any) error { return &errEvent{fmt.Sprintf(format, values...)} }

// Invoke takes one event as Lambda gives it, and answers as whoever sent the event expects. Safe for concurrent use. An event that the
// service does not take, or of a wrong shape, is an error that says why.
func (h *Host) Invoke(ctx context.Context, payload []byte) (answer []byte, err error) {
	inv, end := h.begin(ctx)
	defer end()
	defer func() {
		if p := recover(); p != nil {
			answer, err = nil, h.panicked(inv.ctx, p)
		}
		if err != nil {
			inv.count(func(t *tally) { t.errors++ })
			h.log.ErrorContext(inv.ctx, "event failed", "event", inv.event, "error", err.Error())
		}
		h.measure(inv)
	}()
	answer, err = h.take(inv, payload)
	h.deliver(inv)
	return answer, err
}

// panicked logs a panic with its stack and makes an error of it.
func (h *Host) panicked(ctx context.Context, p any) error {
	err := fmt.Errorf("%s: panic: %v", h.name, p)
	h.log.ErrorContext(ctx, "panic", "error", err.Error(), "stack", string(debug.Stack()))
	return err
}

// take finds out what an event is and has it done.
func (h *Host) take(inv *invocation, payload []byte) ([]byte, error) {
	var s shape
	if err := json.Unmarshal(payload, &s); err != nil {
		return nil, refuse("it is no event: %v", err)
	}
	switch {
	case s.RouteARN != "":
		return nil, refuse("it asks for an authorisation, and this function is no authoriser")
	case s.RequestContext.ELB != nil:
		return read(inv, "alb", payload, h.alb)
	case s.RequestContext.HTTP != nil:
		return read(inv, "http", payload, h.http)
	case s.HTTPMethod != "":
		return nil, refuse("it is an HTTP request in format 1.0, a REST API's: set PayloadFormatVersion to 2.0")
	case len(s.Records) > 0:
		return h.records(inv, s, payload)
	case s.DetailType == "Scheduled Event":
		inv.event = "schedule"
		return nil, h.tick(inv)
	case s.DetailType != "":
		return nil, refuse("it is an event %q of %q, which no rule sends here", s.DetailType, s.Source)
	case s.Task != "":
		inv.event = "task"
		return h.task(inv, s.Task, s.Input)
	}
	return nil, refuse("it is none that a function takes: %s", fieldsOf(payload))
}

// records takes the events that come in batches.
func (h *Host) records(inv *invocation, s shape, payload []byte) ([]byte, error) {
	source := s.Records[0].EventSource
	for i, r := range s.Records {
		if r.EventSource != source {
			return nil, refuse("its records 0 and %d come from %q and %q", i, source, r.EventSource)
		}
	}
	switch source {
	case "aws:sqs":
		return read(inv, "sqs", payload, h.sqs)
	case "aws:sns":
		return read(inv, "sns", payload, h.sns)
	case "aws:s3":
		return read(inv, "s3", payload, h.s3)
	}
	return nil, refuse("its records come from %q: a function takes those of aws:sqs, aws:sns and aws:s3", source)
}

// read makes an event of its bytes and has it taken.
func read[E any](inv *invocation, kind string, payload []byte, take func(*invocation, E) ([]byte, error)) ([]byte, error) {
	inv.event = kind
	var e E
	if err := json.Unmarshal(payload, &e); err != nil {
		return nil, refuse("as one of %s it cannot be read: %v", kind, err)
	}
	return take(inv, e)
}

// fieldsOf names what an unknown event has, and no value of it.
func fieldsOf(payload []byte) string {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(payload, &fields); err != nil || len(fields) == 0 {
		return "it has no fields"
	}
	names := slices.Sorted(maps.Keys(fields))
	return "it has the fields " + strings.Join(names[:min(len(names), 12)], ", ")
}

// errNotOffered is an event of a good kind that this service has no use for.
func (h *Host) errNotOffered(what string) error { return refuse("%s takes no %s", h.name, what) }

// isRefused says that an error is about the event itself.
func isRefused(err error) bool {
	var e *errEvent
	return errors.As(err, &e)
}
