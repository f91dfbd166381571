package front

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/banyan-migration/banyan/infra/runtime"
)

// Route sends requests to a function.
type Route struct {
	Method   string // ANY or empty: every one
	Path     string // /donations/{id}, /gallery/{proxy+}; $default: what no other route takes
	Function string // name, or name:alias
	// Authorize is the JWT authoriser: it answers with the token's claims, or false for 401. Nil: everybody may.
	Authorize func(*http.Request) (claims map[string]string, ok bool)
}

// API is an API Gateway HTTP API: a handler that invokes functions with events of format 2.0. Its fields are set before the
// first request.
type API struct {
	Invoker   runtime.Invoker
	Routes    []Route
	Account   string            // empty: 123456789012
	ID        string            // the API's; empty: api
	Stage     string            // empty: $default
	Variables map[string]string // of the stage
	Domain    string            // empty: the request's Host
	CORS      *CORS             // nil: the functions' own headers go out, and OPTIONS is a method like others
	Timeout   time.Duration     // of a function, as the caller sees it; zero: 30 s
	Now       func() time.Time  // nil: the clock
}

// The limits of an HTTP API, in bytes.
const (
	maxRequest = 10 << 20
	maxHead    = 10240
)

// ServeHTTP answers a request as API Gateway does, its own errors included.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := uuid.NewString()
	w.Header().Set("Apigw-Requestid", id)
	if a.CORS != nil && a.CORS.answer(w, r) {
		return
	}
	route, params := match(a.Routes, r.Method, r.URL.EscapedPath())
	switch {
	case route == nil:
		say(w, http.StatusNotFound, "Not Found")
		return
	case headSize(r) > maxHead:
		say(w, http.StatusRequestHeaderFieldsTooLarge, "Request Header Fields Too Large")
		return
	}
	var claims map[string]string
	if route.Authorize != nil {
		var ok bool
		if claims, ok = route.Authorize(r); !ok {
			w.Header().Set("Www-Authenticate", "Bearer")
			say(w, http.StatusUnauthorized, "Unauthorized")
			return
		}
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest+1))
	switch {
	case err != nil:
		say(w, http.StatusBadRequest, "Bad Request")
		return
	case len(body) > maxRequest:
		say(w, http.StatusRequestEntityTooLarge, "Request Entity Too Large")
		return
	}
	event, err := a.event(r, id, route, params, claims, body)
	if err != nil {
		say(w, http.StatusBadRequest, "Bad Request")
		return
	}
	a.pass(w, r, route, event)
}

// pass invokes the function and gives its answer to the caller.
func (a *API) pass(w http.ResponseWriter, r *http.Request, route *Route, event []byte) {
	timeout := a.Timeout
	if timeout == 0 {
		timeout = 30 * time.Second
	}
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	defer cancel()
	answer, err := a.Invoker.Invoke(ctx, runtime.Call{Function: route.Function, Payload: event, Trace: r.Header.Get("X-Amzn-Trace-Id")})
	switch {
	case errors.Is(err, context.DeadlineExceeded), err == nil && answer.Status == http.StatusTooManyRequests:
		say(w, http.StatusServiceUnavailable, "Service Unavailable")
		return
	case err == nil && answer.Status == http.StatusRequestEntityTooLarge:
		say(w, http.StatusRequestEntityTooLarge, "Request Entity Too Large")
		return
	case err != nil, answer.Status != http.StatusOK, answer.Error != "":
		say(w, http.StatusInternalServerError, "Internal Server Error")
		return
	}
	if !respond(w, r.Method, answer.Payload, a.CORS != nil) {
		say(w, http.StatusInternalServerError, "Internal Server Error")
	}
}

// say is an answer of the gateway itself.
func say(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	io.WriteString(w, `{"message":"`+message+`"}`)
}

// headSize is how many bytes the request line and the headers have.
func headSize(r *http.Request) int {
	n := len(r.Method) + len(r.RequestURI) + len(r.Proto) + 4 + len("Host: ") + len(r.Host) + 2
	for name, values := range r.Header {
		for _, v := range values {
			n += len(name) + len(v) + 4
		}
	}
	return n
}
