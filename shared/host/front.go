package host

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/gorilla/mux"

	"github.com/banyan-migration/banyan/shared/fault"
	"github.com/banyan-migration/banyan/shared/mark"
	"github.com/banyan-migration/banyan/shared/web"
)

// Operator is somebody of the charity's staff, with the roles of services.md: view, support, finance, moderator; or one
// of its own front ends, with the role client.
type Operator struct {
	Name  string
	Roles []string
}

type operatorKey struct{}

// As puts into a context who asks, where whatever stands before the host has already checked it: an authoriser of tokens. Front
// takes it where no key of its own names somebody.
func As(ctx context.Context, o Operator) context.Context {
	return context.WithValue(ctx, operatorKey{}, o)
}

// Front is what stands between the network and a service: it says who asks as far as a signature or a key proves it, refuses wrong
// ones of the gateway's, answers for the service's health and its pause switch, and turns a panic into a 500. It does not ask that a
// request came through the gateway: one without the gateway's signature is served, as an unknown visitor's. What the gateway does about
// single visitors, and a firewall before it, bind only who goes that way; who knows the API's own name meets the API's limits alone.
type Front struct {
	Name      string
	Keys      mark.Keys           // check the gateway's and the load test's signatures
	Operators map[string]Operator // by the SHA-256 of their key, in hex
	Origins   []string            // whose pages may call from a browser; "*" any
	State     *State
}

// Handler is the service's handler with the front before it. Env is the service's own.
func (f Front) Handler(env Env, service Service) http.Handler {
	inner := service.HTTP
	if inner == nil {
		inner = mux.NewRouter() // it has no route
	}
	own := f.state()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := env.Now()
		caller, err := f.caller(env, w, r)
		next := inner
		template, found, _ := Match(inner, r)
		_, isOwn, _ := Match(own, r)
		if isOwn {
			next, template, found = own, r.URL.Path, true
		}
		caller.Route = template
		r = r.WithContext(web.With(r.Context(), caller))
		answer := &recorder{ResponseWriter: w}
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p)
				}
				f.fail(answer, r, fmt.Errorf("%s: panic: %v", f.Name, p))
			}
			env.Log.InfoContext(r.Context(), "request", "request", caller.Request, "method", r.Method, "route", template, "status", answer.status,
				"ms", env.Now().Sub(began).Milliseconds(), "mark", caller.Mark)
		}()
		refused := f.State.refuses()
		switch {
		case f.cors(answer, r):
		case err != nil:
			web.Fail(answer, r, err)
		case !found:
			f.notFound(answer, r, inner)
		case !isOwn && refused != nil:
			web.Fail(answer, r, refused)
		case caller.Mark == mark.Shadow:
			serveShadow(answer, r, next)
		default:
			next.ServeHTTP(answer, r)
		}
	})
}

// fail answers once; after a handler has begun its own answer there is nothing to add.
func (f Front) fail(w *recorder, r *http.Request, err error) {
	if w.status == 0 {
		web.Fail(w, r, err)
		return
	}
	web.From(r.Context()).Log.ErrorContext(r.Context(), "request failed after its answer began", "error", err.Error())
}

func (f Front) notFound(w http.ResponseWriter, r *http.Request, inner http.Handler) {
	if _, _, wrongMethod := Match(inner, r); wrongMethod {
		web.Plain(w, http.StatusMethodNotAllowed, map[string]any{"data": struct{}{}, "message": "This address does not take " + r.Method})
		return
	}
	web.Fail(w, r, &fault.Error{Kind: fault.NotFound, Text: "There is nothing here"})
}

// caller says who asks. A signature that does not hold is refused and never taken as an unsigned, live request; no signature is
// no offence, and the visitor's address is then empty. The request's id is the gateway's where it signed one, else the host's where the context has one already, else new.
func (f Front) caller(env Env, w http.ResponseWriter, r *http.Request) (web.Caller, error) {
	c := web.Caller{Trace: r.Header.Get("Traceparent"), Log: env.Log}
	newID := func() string {
		if id := web.From(r.Context()).Request; id != "" {
			return id
		}
		return env.NewID()
	}
	if signed, is := header(r, mark.ClientHeader); is {
		client, err := f.Keys.CheckClient(signed, env.Now())
		if err != nil {
			c.Request = newID()
			return c, &fault.Error{Kind: fault.Denied, Text: "The gateway's signature does not hold", Err: err}
		}
		c.Address, c.Request = client.Address, client.Request
	}
	if c.Request == "" {
		c.Request = newID()
	}
	operator, _ := r.Context().Value(operatorKey{}).(Operator)
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || key == "" {
		key = r.Header.Get("X-Api-Key") // how the charity's front ends have always sent theirs
	}
	if key != "" {
		sum := sha256.Sum256([]byte(key)) // a lookup by hash tells nothing of the key by its time
		if known, ok := f.Operators[hex.EncodeToString(sum[:])]; ok {
			operator = known
		}
	}
	c.Operator, c.Roles = operator.Name, operator.Roles
	signed, marked := header(r, mark.Header)
	if !marked {
		return c, nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, web.Limit))
	if err != nil {
		return c, &fault.Error{Kind: fault.TooLarge, Text: "A marked request may be at most 1 MiB", Err: err}
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if c.Mark, err = f.Keys.Check(signed, r.Method, r.URL.RequestURI(), body, env.Now()); err != nil {
		c.Mark = ""
		return c, &fault.Error{Kind: fault.Denied, Text: "The mark's signature does not hold", Err: err}
	}
	return c, nil
}

// header is a header that is there, be it empty or many: a signer without a key must not become a live visitor.
func header(r *http.Request, name string) (value string, is bool) {
	values, is := r.Header[http.CanonicalHeaderKey(name)]
	return strings.Join(values, ","), is
}

// cors answers a browser's question in advance, and says with every answer which pages may read it.
func (f Front) cors(w http.ResponseWriter, r *http.Request) (answered bool) {
	origin := r.Header.Get("Origin")
	if origin == "" || !slices.Contains(f.Origins, origin) && !slices.Contains(f.Origins, "*") {
		return false
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Allow-Credentials", "true")
	h.Add("Vary", "Origin")
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE")
	h.Set("Access-Control-Allow-Headers", "Content-Type, Idempotency-Key, Authorization, X-Api-Key")
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
	return true
}

// Match asks a service's router for a request: the route's template, whether there is one, and whether there would be
// with another method. A handler that is no router takes everything.
func Match(h http.Handler, r *http.Request) (template string, found, wrongMethod bool) {
	router, ok := h.(*mux.Router)
	if !ok {
		return "", true, false
	}
	var m mux.RouteMatch
	if !router.Match(r, &m) || m.MatchErr != nil {
		return "", false, m.MatchErr == mux.ErrMethodMismatch
	}
	if template, err := m.Route.GetPathTemplate(); err == nil {
		return template, true, false
	}
	return "", true, false
}

// recorder remembers the status for the log.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
