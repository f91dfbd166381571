// Package web is the services' HTTP: it reads requests strictly, answers in one envelope, and is the only place that
// knows which status a failure has. A handler returns a value or an error and never writes a status for a failure.
package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/banyan-migration/banyan/shared/fault"
	"github.com/banyan-migration/banyan/shared/kv"
)

// envelope is every answer of ours (services.md section 1).
type envelope struct {
	Data    any                 `json:"data"`
	Message string              `json:"message"`
	Wrong   map[string][]string `json:"validation_errors,omitempty"`
	Request string              `json:"request_id,omitempty"`
}

// Answer writes data in the envelope; nil stands for {}.
func Answer(w http.ResponseWriter, status int, data any) {
	if data == nil {
		data = struct{}{}
	}
	write(w, status, envelope{Data: data, Message: "success"})
}

// Plain writes JSON without the envelope, for contracts that are older than it.
func Plain(w http.ResponseWriter, status int, body any) { write(w, status, body) }

func write(w http.ResponseWriter, status int, body any) {
	raw, err := json.Marshal(body)
	if err != nil { // a type of ours that JSON cannot say
		slog.Error("web: answer", "error", err)
		status, raw = http.StatusInternalServerError, []byte(`{"data":{},"message":"internal error"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(raw)))
	w.WriteHeader(status)
	w.Write(raw) // whoever has hung up does not want it
}

// Func is a handler from a function that may fail.
func Func(serve func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := serve(w, r); err != nil {
			Fail(w, r, err)
		}
	})
}

// JSON is a handler from a use case: it reads the request into In (Read), calls In's Validate if it has one, and
// answers Out with the status. For clients of ours: a field that In does not have is an error.
func JSON[In, Out any](status int, do func(context.Context, In) (Out, error)) http.Handler {
	return handler(status, Read, do)
}

// Lenient is JSON for older clients and third parties: unknown fields are ignored, and a body that cannot be read is
// taken as empty, so that what is missing is named.
func Lenient[In, Out any](status int, do func(context.Context, In) (Out, error)) http.Handler {
	return handler(status, ReadLenient, do)
}

func handler[In, Out any](status int, read func(http.ResponseWriter, *http.Request, any) (Attempt, error), do func(context.Context, In) (Out, error)) http.Handler {
	return Func(func(w http.ResponseWriter, r *http.Request) error {
		var in In
		attempt, err := read(w, r, &in)
		if err != nil {
			return err
		}
		out, err := do(withAttempt(r.Context(), attempt), in)
		if err != nil {
			return err
		}
		Answer(w, status, out)
		return nil
	})
}

// statuses is what each kind of failure is in HTTP.
var statuses = map[fault.Kind]int{
	fault.Internal: 500, fault.Invalid: 400, fault.Unauthenticated: 401, fault.Denied: 403, fault.NotFound: 404,
	fault.Conflict: 409, fault.TooLarge: 413, fault.TooMany: 429, fault.Unavailable: 503,
}

// RetryAfter is what 429 and 503 tell the caller to wait.
const RetryAfter = 10 * time.Second

// Fail answers an error. Every Invalid error with a field stands in validation_errors; the message is the first
// error's text. What is no fault.Error is logged whole and shown as "internal error" with the request's id; so is the
// cause within one that we answer for.
func Fail(w http.ResponseWriter, r *http.Request, err error) {
	kind, text, wrong := shown(err)
	status := statuses[kind]
	body := envelope{Data: struct{}{}, Message: text, Wrong: wrong}
	if status >= 500 {
		caller := From(r.Context())
		body.Request = caller.Request
		caller.log().ErrorContext(r.Context(), "request failed", "request", caller.Request, "route", caller.Route, "status", status, "error", err.Error())
	}
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", strconv.Itoa(int(RetryAfter.Seconds())))
	}
	write(w, status, body)
}

// shown is what a caller may see of an error.
func shown(err error) (fault.Kind, string, map[string][]string) {
	var list fault.List
	var one *fault.Error
	switch {
	case errors.As(err, &list) && len(list) > 0:
	case errors.As(err, &one):
		list = fault.List{one}
	case errors.Is(err, kv.ErrNotFound):
		return fault.NotFound, "There is nothing here", nil
	case errors.Is(err, kv.ErrConflict):
		return fault.Conflict, "Somebody else changed this at the same moment: please try again", nil
	default:
		return fault.Internal, "internal error", nil
	}
	first := list[0]
	if first.Kind == fault.Internal {
		return fault.Internal, "internal error", nil
	}
	var wrong map[string][]string
	for _, e := range list {
		if e.Kind == fault.Invalid && e.Field != "" {
			if wrong == nil {
				wrong = map[string][]string{}
			}
			wrong[e.Field] = append(wrong[e.Field], e.Text)
		}
	}
	text := first.Text
	switch {
	case wrong != nil && missing(list):
		text = "required fields are missing" // the words that older clients know
	case text == "":
		text = fmt.Sprint(first.Kind)
	}
	return first.Kind, text, wrong
}

// Missing is the text of a required field that was not given.
const Missing = "is required"

func missing(list fault.List) bool {
	for _, e := range list {
		if e.Text == Missing {
			return true
		}
	}
	return false
}

// File serves bytes that were compiled in.
func File(kind string, body []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.Write(body)
	})
}
