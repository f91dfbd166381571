package dash

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/shared/fault"
	"github.com/banyan-migration/banyan/shared/kv"
)

func write(w http.ResponseWriter, status int, answer any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer) // a client that has left is no error of ours
}

// Problem is the body of every answer that is not a 200.
type Problem struct {
	Error string `json:"error"`
	Field string `json:"field,omitempty"`
	Kind  string `json:"kind"`
}

var statuses = map[fault.Kind]int{
	fault.Invalid: 400, fault.Unauthenticated: 401, fault.Denied: 403, fault.NotFound: 404, fault.Conflict: 409,
	fault.TooLarge: 413, fault.TooMany: 429, fault.Unavailable: 503, fault.Internal: 500,
}

// problem is what an error is to a caller.
func problem(err error) (int, Problem) {
	p := Problem{Error: err.Error(), Kind: fault.KindOf(err).String()}
	status := statuses[fault.KindOf(err)]
	var tooLarge *http.MaxBytesError
	var one *fault.Error
	switch {
	case errors.Is(err, cutover.ErrNoRevision):
		status, p.Kind = http.StatusPreconditionRequired, "no_revision"
		p.Error = "a change that can raise names the revision that it is based on: send the ETag of GET /v1/groups/{group} as If-Match; nothing was changed"
	case errors.Is(err, cutover.ErrStale):
		status, p.Kind = http.StatusPreconditionFailed, "stale"
		p.Error = "the group was changed after the revision that you have seen: look at it again; nothing was changed"
	case errors.Is(err, kv.ErrNotFound):
		status, p.Kind, p.Error = http.StatusNotFound, fault.NotFound.String(), "there is no such record; it may have expired"
	case errors.As(err, &tooLarge):
		status, p.Kind = http.StatusRequestEntityTooLarge, fault.TooLarge.String()
	case errors.As(err, &one):
		p.Field = one.Field
	}
	return status, p
}

func refuse(w http.ResponseWriter, err error) {
	status, p := problem(err)
	write(w, status, p)
}

// read decodes a JSON body strictly.
func read(r *http.Request, into any) error {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	err := d.Decode(into)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return err
	case err != nil:
		return unread(err)
	case d.More():
		return fault.Wrong("", "the body holds more than one JSON value; nothing was changed")
	}
	return nil
}

// unread says of a body what is wrong with it, by the field's name and in no program's words.
func unread(err error) error {
	var kind *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	unknown, isUnknown := strings.CutPrefix(err.Error(), "json: unknown field ")
	switch {
	case errors.As(err, &kind):
		return fault.Wrong(kind.Field, fmt.Sprintf("%s belongs here, not %s; nothing was changed", wanted(kind.Type), quoted(kind.Value)))
	case isUnknown:
		return fault.Wrong(quoted(strings.Trim(unknown, `"`)), "no field of this call has that name; nothing was changed")
	case errors.As(err, &syntax):
		return fault.Wrong("", fmt.Sprintf("the body is not JSON from byte %d on; nothing was changed", syntax.Offset))
	case errors.Is(err, io.EOF):
		return fault.Wrong("", "the body is empty, and JSON belongs here; nothing was changed")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fault.Wrong("", "the body is not whole: its JSON has no end; nothing was changed")
	}
	return &fault.Error{Kind: fault.Invalid, Text: "the body is not the JSON that belongs here; nothing was changed", Err: err}
}

// maxQuoted bounds what an answer repeats of a wrong body, in bytes.
const maxQuoted = 60

func quoted(s string) string { return strings.ToValidUTF8(s[:min(len(s), maxQuoted)], "") }

// wanted is a type of ours in JSON's words.
func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a string"
	case reflect.Slice:
		return "a list"
	case reflect.Float64:
		return "a number"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	}
	return "an object"
}

// etag is a group's revision as an entity tag.
func etag(revision int64) string { return fmt.Sprintf("%q", fmt.Sprint(revision)) }

// ifMatch reads an If-Match of one strong tag; none is 0.
func ifMatch(r *http.Request) (int64, error) {
	h := r.Header.Get("If-Match")
	if h == "" {
		return 0, nil
	}
	var revision int64
	if _, err := fmt.Sscanf(strings.Trim(h, `"`), "%d", &revision); err != nil || revision < 1 || h != etag(revision) {
		return 0, fault.Wrong("If-Match", fmt.Sprintf("%s is not a group's ETag, such as \"12\"; nothing was changed", h))
	}
	return revision, nil
}

func number(r *http.Request, name string, absent, most int64) (int64, error) {
	s := r.URL.Query().Get(name)
	if s == "" {
		return absent, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || n > most {
		return 0, fault.Wrong(name, fmt.Sprintf("%q is not a number from 0 to %d", s, most))
	}
	return n, nil
}
