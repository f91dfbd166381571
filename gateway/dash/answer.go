package dash

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
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
		return &fault.Error{Kind: fault.Invalid, Text: "the body is not the JSON that belongs here; nothing was changed", Err: err}
	case d.More():
		return fault.Wrong("", "the body holds more than one JSON value; nothing was changed")
	}
	return nil
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
