// Package dash is what people see of a gateway and where they say their word: an admin API in JSON and the pages of a dashboard, on a
// listener of its own and never on the data port. It shows what stands where and why, and takes changes with a name and a reason.
package dash

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/banyan-migration/banyan/gateway/analysis"
	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/dash/who"
	"github.com/banyan-migration/banyan/gateway/diff"
	"github.com/banyan-migration/banyan/gateway/judge"
	"github.com/banyan-migration/banyan/gateway/split"
)

// Watch is what the judge has seen and said. analysis.Analysis is one; its methods are documented there.
type Watch interface {
	Latest(group string) (judge.Record, bool)
	Record(ctx context.Context, id string) (judge.Record, error)
	Records(ctx context.Context, group string, limit int) ([]judge.Record, error)
	Curves(group string, since time.Time) []judge.Cell
	Replicas() []analysis.Replica
	Outcomes(ctx context.Context, all []analysis.Outcome) error
}

// Options is what the admin API and the dashboard stand on. Plan, Config, Keys and Token are needed.
type Options struct {
	Plan     *cutover.Plan
	Config   func() *config.Config // the one in use; its Admin.Tokens open the API with their roles
	Keys     *split.Keyring        // signs overrides
	Token    string                // the admin token: it approves, and names the actor of each change itself; never empty
	Identity who.Identity          // a way in besides tokens; nil: none
	Watch    Watch                 // nil: no judge runs, and a person decides
	Diffs    *diff.Ledger          // nil: nothing is shadowed here
	Broken   Broken                // what this gateway's breaker has taken back; nil: nothing
	Gather   []prometheus.Collector
	Log      *slog.Logger     // of what changes and who is refused; nil: silent
	Now      func() time.Time // nil: the clock
}

type api struct {
	Options
	tokens   who.Tokens
	sessions *who.Sessions
	attempts attempts
	streams  streams
	pages    *pages
}

// New builds the handler of the admin listener. Health and metrics need no token: they hold nothing of a visitor and change nothing.
func New(o Options) (http.Handler, error) {
	if o.Token == "" {
		return nil, errors.New("dash: no token: the admin API is not open to everybody")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	metrics, err := o.metrics()
	if err != nil {
		return nil, err
	}
	a := &api{Options: o, sessions: who.NewSessions(o.Now), pages: parsePages()}
	a.tokens = who.Tokens{Known: a.known}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", a.health)
	mux.Handle("GET /metrics", metrics)
	for _, c := range a.calls() {
		mux.Handle(c.pattern, a.guard(c))
	}
	a.browser(mux)
	return secured(mux), nil
}

func (o Options) metrics() (http.Handler, error) {
	registry := prometheus.NewRegistry()
	own := []prometheus.Collector{planMetrics{o.Plan}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})}
	for _, c := range append(own, o.Gather...) {
		if err := registry.Register(c); err != nil {
			return nil, fmt.Errorf("dash: metrics: %w", err)
		}
	}
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{}), nil
}

// secured sets what every answer says to a browser: nothing runs here but our own files, and nobody frames us.
func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "+
			"form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
		h.Set("X-Frame-Options", "DENY")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}
