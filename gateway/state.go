package gateway

import (
	"crypto/tls"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"github.com/banyan-migration/banyan/gateway/account"
	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/drupal"
	"github.com/banyan-migration/banyan/gateway/frozen"
	"github.com/banyan-migration/banyan/gateway/route"
	"github.com/banyan-migration/banyan/gateway/shadow"
	"github.com/banyan-migration/banyan/gateway/split"
	"github.com/banyan-migration/banyan/gateway/upstream"
	"github.com/banyan-migration/banyan/gateway/wire"
)

// state is a configuration made ready: immutable but for what counts in it, and swapped whole (W-80).
type state struct {
	cfg      *config.Config
	limits   wire.Limits
	tls      *tls.Config // nil: plain
	scheme   string      // the listener's own
	backends map[string]*backend
	legacy   *backend // of what no route takes
	groups   map[*route.Group]*group
	adapters map[*route.Form]*drupal.Adapter
	rates    *rates
	disowned seldom             // said when the services refuse our signature
	alone    [2]*account.Series // of what no group has: legacy, and the gateway itself
}

// backend is one place that answers, with its connections.
type backend struct {
	*config.Backend
	pool     *upstream.Pool // nil: pages answers
	pages    *frozen.Site
	deadline string // the header line that says how long an answer may take (W-73)
}

// group is a route group's two sides.
type group struct {
	*route.Group
	side   [2]*backend
	series [2]*account.Series

	counted    *counted
	appendOnly bool // every write goes through a form adapter (T-3)

	shade     *shadow.Group // nil: nothing is copied
	shades    [2]shadow.Backend
	shadeSalt string
}

func (g *Gateway) newState(c *config.Config, old *state) (*state, error) {
	st := &state{cfg: c, limits: wire.DefaultLimits, scheme: "http", backends: map[string]*backend{}, groups: map[*route.Group]*group{},
		adapters: map[*route.Form]*drupal.Adapter{}, rates: newRates()}
	if old != nil {
		st.rates = old.rates
	}
	st.limits.Head = c.Limits.Head
	if c.TLS.On() {
		pair, err := tls.LoadX509KeyPair(c.TLS.Cert, c.TLS.Key)
		if err != nil {
			return nil, fmt.Errorf("gateway: tls: %w; both files are PEM, the certificate first in its chain", err)
		}
		st.scheme = "https"
		st.tls = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
	}
	for name, b := range c.Backends {
		made, err := g.newBackend(b, c.Timeouts, old)
		if err != nil {
			return nil, fmt.Errorf("gateway: backends.%s: %w", name, err)
		}
		st.backends[name] = made
	}
	st.legacy = st.backends[c.Default]
	st.alone = [2]*account.Series{g.Series("", split.Legacy, true), g.Series("", split.Legacy, false)}
	for _, gr := range c.Groups {
		made := &group{Group: gr.Group, side: [2]*backend{st.backends[gr.From], st.backends[gr.To]}, counted: g.tallies.of(gr), appendOnly: gr.AppendOnly(),
			series: [2]*account.Series{g.Series(gr.Name, split.Legacy, true), g.Series(gr.Name, split.New, true)}}
		g.openShade(made)
		st.groups[gr.Group] = made
	}
	return st, g.openForms(st)
}

// newBackend makes a backend, with the connections of the former configuration where it is the same place, or the pages where nobody has frozen
// them anew.
func (g *Gateway) newBackend(b *config.Backend, t config.Timeouts, old *state) (*backend, error) {
	made := &backend{Backend: b, deadline: "X-Banyan-Deadline: " + strconv.FormatInt(t.FirstByte.Milliseconds(), 10) + "\r\n"}
	if b.Dir != "" {
		return made, made.open(old)
	}
	if old != nil && old.cfg.Timeouts == t {
		if was := old.backends[b.Name]; was != nil && was.pool != nil && was.Scheme == b.Scheme && was.Address == b.Address && was.Host == b.Host {
			made.pool = was.pool
			return made, nil
		}
	}
	o := upstream.Options{Address: b.Address, Connect: t.Connect, Sweeper: g.sweeper}
	if b.Scheme == "https" {
		o.TLS = &tls.Config{ServerName: b.Host, RootCAs: g.o.Roots, NextProtos: []string{"http/1.1"}, MinVersion: tls.VersionTLS12}
	}
	made.pool = upstream.New(o)
	return made, nil
}

// open opens the frozen pages, or takes over those that are open.
func (b *backend) open(old *state) (err error) {
	if old != nil {
		if was := old.backends[b.Name]; was != nil && was.pages != nil && was.pages.Stamp() == frozen.Stamp(b.Dir) {
			b.pages = was.pages
			return nil
		}
	}
	b.pages, err = frozen.Open(b.Dir)
	return err
}

// up says whether nothing speaks against the backend.
func (b *backend) up() bool {
	if b.pages != nil {
		return b.pages.Trouble() == ""
	}
	return b.pool.Health().Up
}

func (g *Gateway) openForms(st *state) error {
	for _, r := range st.cfg.Table.Routes() {
		f := r.Form
		if f == nil || st.adapters[f] != nil {
			continue
		}
		a, err := g.seal.adapter(f)
		if err != nil {
			return fmt.Errorf("gateway: line %d: %w", r.Line, err)
		}
		st.adapters[f] = a
	}
	return nil
}

// adapter answers a form in Drupal's name, and signs its requests to the service.
func (s *seal) adapter(f *route.Form) (*drupal.Adapter, error) {
	o := drupal.Options{Node: f.Node, Service: f.Service, Pay: f.Pay, Keys: s.keys, Key: s.id}
	if f.Pages != "" {
		o.Pages = os.DirFS(f.Pages)
	}
	return drupal.New(o)
}

// CheckForm says why New and Reload would refuse a form. It reads the form's frozen pages.
func CheckForm(f *route.Form) error {
	_, err := new(seal).adapter(f)
	return err
}

// retire closes the idle connections of backends that the next state has not taken over.
func (st *state) retire(next *state) {
	for name, b := range st.backends {
		if b.pool == nil {
			continue
		}
		if next == nil || next.backends[name] == nil || next.backends[name].pool != b.pool {
			b.pool.Retire()
		}
	}
}

// trusts says whether a peer's forwarded headers count.
func (st *state) trusts(a netip.Addr) bool {
	for _, p := range st.cfg.Trusted {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// strips says whether clients do not get an answer's field (W-34).
func (st *state) strips(f *wire.Field) bool {
	for _, name := range st.cfg.Strip {
		if len(name) == len(f.Key) && strings.EqualFold(string(f.Key), name) {
			return true
		}
	}
	return false
}

// phases are the numbers of the phases in banyan_gateway_phase. The first three are older than the others.
var phases = map[string]float64{
	cutover.Off: 0, cutover.Canary: 1, cutover.Full: 2, cutover.Backfill: 3, cutover.Shadow: 4, cutover.Drain: 5, cutover.Retired: 6,
}

// gauges writes what Prometheus reads of the plan and the pools.
func (g *Gateway) gauges(emit account.Emit) {
	st, plan := g.state.Load(), g.o.Plan()
	var busy, idle [2]int
	for _, b := range st.backends {
		if b.pool == nil {
			continue
		}
		side := split.Legacy
		for _, gr := range st.groups {
			if gr.side[split.New] == b {
				side = split.New
			}
		}
		in, out := b.pool.Size()
		busy[side] += in
		idle[side] += out
	}
	for name, b := range st.backends {
		up := 0.0
		if b.up() {
			up = 1
		}
		emit(account.BackendUp, up, name)
	}
	for _, side := range []split.Side{split.Legacy, split.New} {
		emit(account.Connections, float64(busy[side]), side.String(), "busy")
		emit(account.Connections, float64(idle[side]), side.String(), "idle")
	}
	for _, gr := range st.groups {
		p := plan.Group(gr.Name)
		emit(account.BasisPoints, float64(p.Weight), gr.Name, st.cfg.GatewayID)
		emit(account.Phase, phases[p.Phase], gr.Name, st.cfg.GatewayID)
		if plan != nil {
			emit(account.Revision, float64(plan.Revision), gr.Name, st.cfg.GatewayID)
			converged := 1.0
			if plan.Stale || p.Pending != nil {
				converged = 0
			}
			emit(account.Converged, converged, gr.Name, st.cfg.GatewayID)
		}
	}
}
