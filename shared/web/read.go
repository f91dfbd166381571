package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/banyan-migration/banyan/shared/fault"
)

// Limit is how large a body may be, in bytes.
const Limit = 1 << 20

// maxKey is how long an Idempotency-Key may be (PAY-1).
const maxKey = 255

// Read reads a request into the struct that in points to, and says which attempt it is. The body is JSON, urlencoded
// or multipart; GET, HEAD, DELETE and OPTIONS are read from the query. Every field that is wrong or that the struct
// does not have is named at once; then Validate is called, if in has it.
func Read(w http.ResponseWriter, r *http.Request, in any) (Attempt, error) {
	return read(w, r, in, true)
}

// ReadLenient is Read for clients that are not ours: unknown fields are ignored, an unreadable body is empty.
func ReadLenient(w http.ResponseWriter, r *http.Request, in any) (Attempt, error) {
	return read(w, r, in, false)
}

func read(w http.ResponseWriter, r *http.Request, in any, strict bool) (Attempt, error) {
	attempt := Attempt{Key: r.Header.Get("Idempotency-Key")}
	if len(attempt.Key) > maxKey {
		return attempt, fault.Wrong("", "The Idempotency-Key is longer than 255 characters")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, Limit))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return attempt, &fault.Error{Kind: fault.TooLarge, Text: "The request is larger than 1 MiB", Err: err}
	} else if err != nil {
		return attempt, &fault.Error{Kind: fault.Invalid, Text: "The request ended before it was complete", Err: err}
	}
	attempt.Body = sha256.Sum256(body)
	target := reflect.ValueOf(in).Elem()
	fields, err := fieldsOf(r, body, target.Type())
	var wrong fault.List
	if !errors.As(err, &wrong) && err != nil && strict {
		return attempt, err
	}
	wrong = append(wrong, fill(target, fields, strict)...)
	if v, ok := in.(interface{ Validate() error }); ok {
		wrong = join(wrong, v.Validate())
	}
	return attempt, wrong.Err()
}

// join adds what Validate found, but not about fields that could not even be read.
func join(wrong fault.List, err error) fault.List {
	var more fault.List
	var one *fault.Error
	switch {
	case err == nil:
	case errors.As(err, &more):
	case errors.As(err, &one):
		more = fault.List{one}
	default:
		more = fault.List{{Kind: fault.Internal, Err: err}}
	}
	unread := len(wrong)
	for _, e := range more {
		if !slices.ContainsFunc(wrong[:unread], func(w *fault.Error) bool { return w.Field == e.Field && e.Field != "" }) {
			wrong = append(wrong, e)
		}
	}
	return wrong
}

// fieldsOf is the request's fields as JSON, whatever they came as.
func fieldsOf(r *http.Request, body []byte, target reflect.Type) (map[string]json.RawMessage, error) {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodDelete, http.MethodOptions:
		return fromForm(r.URL.Query(), target)
	}
	kind, params, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch kind {
	case "application/x-www-form-urlencoded":
		values, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, &fault.Error{Kind: fault.Invalid, Text: "The form's fields cannot be read", Err: err}
		}
		return fromForm(values, target)
	case "multipart/form-data":
		form, err := multipart.NewReader(bytes.NewReader(body), params["boundary"]).ReadForm(Limit)
		if err != nil {
			return nil, &fault.Error{Kind: fault.Invalid, Text: "The form's fields cannot be read", Err: err}
		}
		defer form.RemoveAll()
		if len(form.File) > 0 {
			return nil, fault.Wrong("", "This form takes no files")
		}
		return fromForm(form.Value, target)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil || fields == nil {
		return nil, &fault.Error{Kind: fault.Invalid, Text: "The request is not a JSON object", Err: err}
	}
	return fields, nil
}

// fill puts fields into a struct one by one, so that every wrong one is named.
func fill(target reflect.Value, fields map[string]json.RawMessage, strict bool) fault.List {
	var wrong fault.List
	known := names(target.Type())
	order := make([]string, 0, len(fields))
	for name := range fields {
		order = append(order, name)
	}
	slices.Sort(order)
	for _, name := range order {
		index, ok := known[name]
		if !ok {
			if strict {
				wrong = append(wrong, fault.Wrong(name, "is not a field of this request"))
			}
			continue
		}
		d := json.NewDecoder(bytes.NewReader(fields[name]))
		if strict {
			d.DisallowUnknownFields()
		}
		if err := d.Decode(target.Field(index).Addr().Interface()); err != nil {
			wrong = append(wrong, &fault.Error{Kind: fault.Invalid, Field: name, Text: expected(target.Field(index).Type()), Err: err})
		}
	}
	return wrong
}

// names are a struct's JSON fields, by name and exactly as written.
func names(t reflect.Type) map[string]int {
	known := map[string]int{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.IsExported() && name != "-" {
			if name == "" {
				name = f.Name
			}
			known[name] = i
		}
	}
	return known
}

// expected says what a field wants, to whoever sent something else.
func expected(t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Bool:
		return "must be yes or no"
	case reflect.Int, reflect.Int64:
		return "must be a whole number"
	case reflect.String:
		return "must be text"
	}
	return "is not in the expected form"
}
