// Package replica is one gateway with all that stands around it: the plan that it follows, the copies that it sends, the judge's rounds,
// the pagers and the admin API. Several replicas over one store are one gateway to the donors.
package replica

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/banyan-migration/banyan/gateway"
	"github.com/banyan-migration/banyan/gateway/analysis"
	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/dash"
	"github.com/banyan-migration/banyan/gateway/dash/issuer"
	"github.com/banyan-migration/banyan/gateway/dash/who"
	"github.com/banyan-migration/banyan/gateway/diff"
	"github.com/banyan-migration/banyan/gateway/judge"
	"github.com/banyan-migration/banyan/gateway/notify"
	"github.com/banyan-migration/banyan/gateway/shadow"
	"github.com/banyan-migration/banyan/gateway/split"
	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/kv"
)

// Options is what a Replica stands on. Config, with its keys, and Token must be set.
type Options struct {
	Config   *config.Config
	Open     func() (kv.Store, error) // the plan's store, tried again until it opens; nil: one in memory
	LastPlan string                   // the file of the last good plan; empty: none is kept
	Kill     *cutover.Switch          // nil: none
	Token    string                   // the admin token
	Admin    string                   // http://host:port of the admin API, for links in messages
	Access   io.Writer                // the access log; nil: none. Close it after Shutdown
	Log      *slog.Logger             // nil: silent
	Roots    *x509.CertPool           // who may vouch for backends; nil: the system's
	Data     Ports
}

// Ports are what others know of the data. What is nil is not known.
type Ports struct {
	Probe  cutover.Probe                                                                          // measures what lies behind a group
	Stored func(ctx context.Context, nid, sid int64) (form.Record, error)                         // the old site's row of a submission
	Wrote  func(ctx context.Context, service string, writes json.RawMessage) (form.Record, error) // what a shadow would have stored, as such a row
}

// Replica is a running gateway. Its methods are safe for concurrent use.
type Replica struct {
	*gateway.Gateway
	Plan     *cutover.Plan
	Analysis *analysis.Analysis
	Diffs    *diff.Ledger
	Admin    http.Handler

	copies   *shadow.Copier
	comparer *diff.Comparer
	post     *notify.Post
	log      *slog.Logger
}

// Open brings a replica up: the plan is read, nothing is served yet and nobody judges before Run.
func Open(ctx context.Context, o Options) (*Replica, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	ring, err := split.NewKeyring(o.Config.Keys...)
	if err != nil {
		return nil, err
	}
	open := once(o.Open)
	r := &Replica{Diffs: diff.NewLedger(time.Now), log: o.Log}
	r.Plan, err = cutover.Open(ctx, cutover.Options{Open: open, File: o.LastPlan, Seeds: o.Config.Seeds(), Kill: o.Kill, Log: o.Log, Replica: o.Config.GatewayID})
	if err != nil {
		return nil, err
	}
	noise := diff.NewNoise()
	if err := r.openCopies(o, noise); err != nil {
		return nil, err
	}
	r.Gateway, err = gateway.New(gateway.Options{Config: o.Config, Plan: r.Plan.Now, Keys: ring, Access: o.Access, Log: o.Log, Roots: o.Roots, Shadow: r.copies})
	if err != nil {
		r.copies.Close()
		return nil, err
	}
	r.post = notify.New(notify.Options{To: o.Config.Notify, Link: o.Admin, Key: []byte(o.Config.Keys[0].Value), Gateway: o.Config.GatewayID, Log: o.Log})
	r.Analysis = analysis.New(analysis.Options{Plan: r.Plan, Store: open, Replica: o.Config.GatewayID, Policy: r.policy,
		Collect: r.Cells, Accepted: r.Accepted, Trip: r.Trip, Shadow: r.dead, Probe: o.Data.Probe, Alarm: r.post.Alarm, Log: o.Log,
		Differs: r.Diffs.Commonest, Keep: map[string]analysis.Kept{"diffs": r.Diffs, "noise": noise}})
	r.Plan.Heed(r.Analysis)
	var people who.Identity
	if id := o.Config.Admin.OIDC; id.Issuer != "" {
		people = issuer.New(id, nil)
	}
	r.Admin, err = dash.New(dash.Options{Plan: r.Plan, Config: r.Gateway.Config, Keys: ring, Token: o.Token, Identity: people, Watch: r.Analysis, Diffs: r.Diffs, Log: o.Log, Broken: r.Broken,
		Gather: []prometheus.Collector{r.Gateway, r.Analysis, r.copies}})
	if err != nil {
		return nil, errors.Join(err, r.Shutdown(ctx))
	}
	return r, nil
}

// openCopies makes ready what sends copies and compares.
func (r *Replica) openCopies(o Options, noise *diff.Noise) (err error) {
	r.comparer, err = diff.New(diff.Options{Masks: masks(o.Config), Key: []byte(o.Config.Keys[0].Value), Noise: noise})
	if err != nil {
		return err
	}
	r.copies, err = shadow.New(shadow.Options{Keys: o.Config.Keys, Diff: r.comparer, Ledger: r.Diffs, Roots: o.Roots, Log: o.Log,
		Report: func(p shadow.Pair) { r.Pair(p) }, Stored: o.Data.Stored, Wrote: o.Data.Wrote, Paused: r.paused})
	return err
}

// once opens a store, and gives the same one to all who ask again.
func once(open func() (kv.Store, error)) func() (kv.Store, error) {
	if open == nil {
		memory := kv.NewMem()
		return func() (kv.Store, error) { return memory, nil }
	}
	var mu sync.Mutex
	var store kv.Store
	return func() (kv.Store, error) {
		mu.Lock()
		defer mu.Unlock()
		if store != nil {
			return store, nil
		}
		made, err := open()
		if err == nil {
			store = made
		}
		return made, err
	}
}

// policy is a group's; a group that the configuration no longer has is judged by none.
func (r *Replica) policy(group string) judge.Policy {
	for _, g := range r.Config().Groups {
		if g.Name == group {
			return g.Policy
		}
	}
	return judge.Policy{}
}

// Run follows the plan, judges, and pages until ctx ends.
func (r *Replica) Run(ctx context.Context) {
	var all sync.WaitGroup
	for _, run := range []func(context.Context){r.Plan.Run, r.Analysis.Run, r.post.Run} {
		all.Go(func() { run(ctx) })
	}
	all.Wait()
}

// Reload puts a configuration in force whole, or leaves everything as it was. Its new groups begin at their seeds; no weight changes.
func (r *Replica) Reload(ctx context.Context, c *config.Config) error {
	if err := r.Plan.Seed(ctx, c.Seeds()); err != nil {
		r.log.Warn("the plan's store cannot be reached: new groups begin at weight 0", "error", err)
	}
	if err := r.Gateway.Reload(c); err != nil {
		return err
	}
	return r.comparer.Use(masks(c))
}

// Shutdown ends the replica's traffic: what donors have in flight finishes, copies do not. When ctx ends first the rest is cut.
func (r *Replica) Shutdown(ctx context.Context) error {
	err := r.Gateway.Shutdown(ctx)
	r.copies.Close()
	return err
}
