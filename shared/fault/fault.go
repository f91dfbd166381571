// Package fault is the one error that a caller may see: what kind of failure it was, on which field, and a
// sentence for the donor, kept apart from the cause that we log. An error that is none of these is internal: it is
// logged whole and shown as "internal error".
package fault

import (
	"errors"
	"strings"
)

// Kind says what sort of failure an Error is. The zero Kind is Internal, so that a forgotten one is never shown.
type Kind int

// The nine kinds, with the HTTP status that shared/web gives each.
const (
	Internal        Kind = iota // 500: ours
	Invalid                     // 400: the caller's input
	Unauthenticated             // 401
	Denied                      // 403
	NotFound                    // 404
	Conflict                    // 409: also a paused service
	TooLarge                    // 413
	TooMany                     // 429
	Unavailable                 // 503: try again
)

var names = [...]string{"internal", "invalid", "unauthenticated", "denied", "not_found", "conflict", "too_large", "too_many", "unavailable"}

func (k Kind) String() string {
	if k < 0 || int(k) >= len(names) {
		return names[Internal]
	}
	return names[k]
}

// Error is a failure that a caller may be told about.
type Error struct {
	Kind  Kind
	Field string // the input it is about; empty: the whole request
	Text  string // for the donor: what is wrong and what would be right
	Err   error  // for us: the cause, logged and never shown
}

func (e *Error) Error() string {
	var b strings.Builder
	if e.Field != "" {
		b.WriteString(e.Field + ": ")
	}
	if e.Text != "" {
		b.WriteString(e.Text)
	} else {
		b.WriteString(e.Kind.String())
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// List is several errors of one request, so that a form is told every wrong field at once. A migration's reject
// takes its reason from the first.
type List []*Error

func (l List) Error() string {
	parts := make([]string, len(l))
	for i, e := range l {
		parts[i] = e.Error()
	}
	return strings.Join(parts, "; ")
}

// Unwrap lets errors.As find the first Error of a list.
func (l List) Unwrap() []error {
	errs := make([]error, len(l))
	for i, e := range l {
		errs[i] = e
	}
	return errs
}

// Err is the list as an error, or nil when it is empty: a plain return of an empty List would be a non-nil error.
func (l List) Err() error {
	if len(l) == 0 {
		return nil
	}
	return l
}

// Wrong is an Invalid error about one field.
func Wrong(field, text string) *Error { return &Error{Kind: Invalid, Field: field, Text: text} }

// KindOf is the kind of the first Error in err's chain; Internal if there is none.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}
