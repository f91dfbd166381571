// Package dash is the admin API of a gateway, on a listener of its own and never on the data port: what stands where
// and why, changes with a name and a reason, explanations, and the metrics. It is plain net/http and JSON.
package dash

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/split"
	"github.com/banyan-migration/banyan/shared/fault"
)

// Options is what the admin API stands on. All fields but Gather and Now are needed.
type Options struct {
	Plan   *cutover.Plan
	Config func() *config.Config // the one in use
	Keys   *split.Keyring        // signs overrides
	Token  string                // what "Authorization: Bearer" must say; never empty
	Gather []prometheus.Collector
	Now    func() time.Time // nil: the clock
}

type api struct{ Options }

// New builds the API's handler. Health and metrics need no token: they hold nothing of a visitor and change nothing.
func New(o Options) (http.Handler, error) {
	if o.Token == "" {
		return nil, errors.New("dash: no token: the admin API is not open to everybody")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	a := &api{o}
	registry := prometheus.NewRegistry()
	own := []prometheus.Collector{planMetrics{o.Plan}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})}
	for _, c := range append(own, o.Gather...) {
		if err := registry.Register(c); err != nil {
			return nil, fmt.Errorf("dash: metrics: %w", err)
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", a.health)
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	for pattern, handle := range map[string]func(*http.Request) (any, error){
		"GET /v1/status":           a.status,
		"GET /v1/groups/{group}":   a.group,
		"PATCH /v1/groups/{group}": a.patch,
		"POST /v1/groups/{verb}":   a.verb,
		"POST /v1/explain":         a.explain,
		"POST /v1/validate":        a.validate,
		"GET /v1/history":          a.history,
	} {
		mux.HandleFunc(pattern, a.guard(handle))
	}
	return mux, nil
}

// maxBody bounds what the API reads: a gateway.yaml to validate is the largest.
const maxBody = 1 << 20

// guard checks the token, and writes the answer or the error.
func (a *api) guard(handle func(*http.Request) (any, error)) http.HandlerFunc {
	want := sha256.Sum256([]byte("Bearer " + a.Token))
	return func(w http.ResponseWriter, r *http.Request) {
		got := sha256.Sum256([]byte(r.Header.Get("Authorization"))) // equal lengths: the comparison tells nothing
		if subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			w.Header().Set("WWW-Authenticate", "Bearer")
			refuse(w, &fault.Error{Kind: fault.Unauthenticated, Text: "the admin API needs its token: Authorization: Bearer TOKEN"})
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		answer, err := handle(r)
		if err != nil {
			refuse(w, err)
			return
		}
		if g, ok := answer.(Group); ok {
			w.Header().Set("ETag", etag(g.Revision))
		}
		write(w, http.StatusOK, answer)
	}
}

func write(w http.ResponseWriter, status int, answer any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
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

func refuse(w http.ResponseWriter, err error) {
	p := Problem{Error: err.Error(), Kind: fault.KindOf(err).String()}
	status := statuses[fault.KindOf(err)]
	var tooLarge *http.MaxBytesError
	var one *fault.Error
	switch {
	case errors.Is(err, cutover.ErrNoRevision):
		status, p.Kind = http.StatusPreconditionRequired, "no_revision"
		p.Error = "a raise names the revision that it is based on: send the ETag of GET /v1/groups/{group} as If-Match; nothing was changed"
	case errors.Is(err, cutover.ErrStale):
		status, p.Kind = http.StatusPreconditionFailed, "stale"
		p.Error = "the group was changed after the revision in If-Match: look at it again; nothing was changed"
	case errors.As(err, &tooLarge):
		status, p.Kind = http.StatusRequestEntityTooLarge, fault.TooLarge.String()
	case errors.As(err, &one):
		p.Field = one.Field
	}
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

func (a *api) health(w http.ResponseWriter, _ *http.Request) {
	s := a.Plan.Now()
	write(w, http.StatusOK, map[string]any{"ok": true, "revision": s.Revision, "stale": s.Stale})
}

func (a *api) validate(r *http.Request) (any, error) {
	src, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	c, err := config.Parse("gateway.yaml", src, config.Options{Check: true})
	var mistakes config.Mistakes
	if err != nil && !errors.As(err, &mistakes) {
		return nil, err
	}
	return config.Report(c, mistakes, a.Plan.Now()), nil
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
