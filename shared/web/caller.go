package web

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"slices"

	"github.com/banyan-migration/banyan/shared/fault"
)

// Caller is who asks and how, as the host has established it. The zero Caller is a live, anonymous one.
type Caller struct {
	Request  string // the request's id; the gateway's where it signed one
	Address  string // the visitor's IP address; empty where nobody trusted named it
	Mark     string // "" live, else a kind of shared/mark
	Trace    string // W3C traceparent, passed on
	Route    string // the route's template, never the path: paths may name people
	Operator string // who is logged in; "" nobody
	Roles    []string
	Log      *slog.Logger // nil: the default
}

type callerKey struct{}

// With puts the caller into a context. Hosts do it, for requests and for messages.
func With(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// From is the caller of a context, or the zero Caller.
func From(ctx context.Context) Caller {
	c, _ := ctx.Value(callerKey{}).(Caller)
	return c
}

func (c Caller) log() *slog.Logger {
	if c.Log == nil {
		return slog.Default()
	}
	return c.Log
}

// May says whether an operator with that role asks (view, support, finance, moderator): nil, or Unauthenticated, or
// Denied.
func (c Caller) May(role string) error {
	switch {
	case c.Operator == "":
		return &fault.Error{Kind: fault.Unauthenticated, Text: "Please log in"}
	case !slices.Contains(c.Roles, role):
		return &fault.Error{Kind: fault.Denied, Text: "Your account may not do this: it needs the role " + role}
	}
	return nil
}

// Attempt is what tells one create from its repetition.
type Attempt struct {
	Key  string            // the Idempotency-Key; "" when the caller sent none
	Body [sha256.Size]byte // the hash of the body as it came
}

type attemptKey struct{}

func withAttempt(ctx context.Context, a Attempt) context.Context {
	return context.WithValue(ctx, attemptKey{}, a)
}

// AttemptOf is the attempt of a request that JSON or Lenient has read.
func AttemptOf(ctx context.Context) Attempt {
	a, _ := ctx.Value(attemptKey{}).(Attempt)
	return a
}
