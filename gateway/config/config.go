// Package config reads gateway.yaml. It is strict, and says every mistake at once: each with its file and line, what
// was wrong and what would be right.
package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/judge"
	"github.com/banyan-migration/banyan/gateway/route"
	"github.com/banyan-migration/banyan/gateway/split"
)

// Config is a checked gateway.yaml. It is immutable: a reload makes a new one.
type Config struct {
	File      string
	Listen    string // host:port; port 0 takes a free one
	Admin     Admin
	GatewayID string // names this replica in logs and in loop detection (W-33); with a shared plan the machine's name where none is given

	Hosts       []string // accepted Hosts in lower case without port; "*" accepts any (W-16)
	DefaultHost string   // for HTTP/1.0 without Host; empty: 400 (W-18)
	Trusted     []netip.Prefix

	Store string         // of the plan: sqlite:FILE, or dynamodb:PREFIX, which several gateways share; empty: in memory
	Keys  []split.Secret // in file order, the first signs; empty: one is made and kept

	Log      Log
	Limits   Limits
	Timeouts Timeouts

	Health  string // a path on the data port; empty: none
	Deny    *route.Deny
	Default string // the backend of requests that no route takes: legacy

	Backends map[string]*Backend
	Groups   []*Group // in order of their names
	Table    *route.Table

	TLS           TLS      // of the data port; empty: plain
	Via           bool     // add Via (W-32)
	Strip         []string // answer headers that clients do not get (W-34)
	StrictFraming bool     // 502 for an answer with both framings (W-46)
	Origins       []string // internal origins, scheme://host[:port], rewritten in Location and the like (W-60)
	Kill          string   // the kill switch's file; empty: none

	Data     Data
	Calendar *cutover.Calendar // nil: every hour is open
	Notify   Notify
	Notes    []Note // what is accepted and still worth saying
}

// Admin is the admin API's listener.
type Admin struct {
	Listen string // empty: no admin API
	Token  string // approves; empty: one is made, on loopback only
	Tokens []Token
	OIDC   OIDC
}

// OIDC is an identity provider whose ID tokens open the admin API besides tokens (OpenID Connect).
type OIDC struct {
	Issuer   string            // its address, https; empty: none
	Audience string            // what its tokens must be made out to: the client's id
	Claim    string            // the claim that lists a person's groups
	Roles    map[string]string // by group: view, operate or approve
}

// Token is a person's or a program's way in, with a role. The token itself is known only by its hash.
type Token struct {
	Name   string
	Role   string // view, operate (may lower), approve (may raise too), report (may tell outcomes)
	SHA256 [32]byte
}

// Notify is who hears of a rollback, a freeze, red readiness, a dead sync or a dead shadow.
type Notify struct {
	Webhooks []string // a POST of JSON each
	Mail     Mail
	Link     string // the dashboard's address as people reach it; empty: the admin listener's
}

// Mail is where mail goes out, without TLS on this machine or with STARTTLS where the server offers it.
type Mail struct {
	Server   string // host:port; empty: no mail
	From     string
	To       []string
	User     string // empty: no login
	Password string
}

// Log is the access log.
type Log struct {
	Access string // "-" standard output, a file, or "off"
	Format string // "json" or "combined"
}

// Limits are in bytes.
type Limits struct {
	Head int   // one request's head (W-67)
	Body int64 // one request's body (W-69)
}

// Timeouts of one request; see W-70 to W-73.
type Timeouts struct {
	Head      time.Duration // a client's head, from its first byte
	Body      time.Duration // a body's silence
	Idle      time.Duration // a client connection between requests
	Connect   time.Duration // to a backend
	FirstByte time.Duration // a backend's answer head, from the end of the request
	Leave     time.Duration // from SIGTERM on the health path says 503 while everything is served, until the load balancer has gone elsewhere; 0: not at all
}

// TLS is a PEM certificate chain and its key, as files.
type TLS struct {
	Cert, Key string
	Line      int
}

// On says whether the data port speaks TLS itself.
func (t TLS) On() bool { return t.Cert != "" }

// Data names the old site's database and the services' store, for lag and readiness.
type Data struct{ From, To string }

// Backend is one place that answers.
type Backend struct {
	Name    string
	Scheme  string // http or https
	Address string // host:port, with the scheme's port where none is given
	Host    string // the url's own host, for TLS's server name; sent as Host where OwnHost says so, and nowhere else (W-17)
	named   string // the url's host with its port, if it has one
	OwnHost string // what is sent as Host in the visitor's place; empty: the visitor's own
	Kind    string // drupal7, drupal8 or empty
	Dir     string // the folder of frozen pages that answers instead of an address; empty: none
	Options route.Options
	Line    int

	ShadowAuth string // Authorization of shadow copies to this backend; empty: none (H-5)
}

// Shared says whether other gateways may stand over the same plan.
func (c *Config) Shared() bool { return strings.HasPrefix(c.Store, "dynamodb:") }

// Drupal says whether PHP stands behind: names with '_' are dropped (W-29).
func (b *Backend) Drupal() bool { return b.Kind != "" }

// Group is a route group with the seeds of its weight and phase: they are used only when the plan does not know it.
type Group struct {
	*route.Group
	Weight int    // basis points, 0 to 10000
	Phase  string // one of cutover's

	Policy   judge.Policy
	Conflict string // which side wins on rows that two groups write (T-2); empty: such groups are refused
}

// Note is something that is accepted and that its author should know.
type Note struct {
	Line int    `json:"line"`
	Text string `json:"text"`
}

// Seeds are what the plan is told of the groups: where they begin, and what guards their way.
func (c *Config) Seeds() map[string]cutover.Seed {
	all := map[string]cutover.Seed{}
	for _, g := range c.Groups {
		all[g.Name] = cutover.Seed{
			Weight: g.Weight, Phase: g.Phase, Writes: g.HasWrites(), AppendOnly: g.AppendOnly(), Tables: tables(g), Conflict: g.Conflict,
			Shadowed: shadowed(g), Data: c.Data.From != "", Policy: g.Policy, Calendar: c.Calendar,
		}
	}
	return all
}

// shadowed says whether a route of the group asks for copies.
func shadowed(g *Group) bool {
	return slices.ContainsFunc(g.Routes, func(r *route.Route) bool { return r.Options.Shadow > 0 })
}

// tables are what a group's forms write to: the old side's node and the service's own store. What a route without a form writes is
// not known.
func tables(g *Group) []string {
	var all []string
	for _, r := range g.Routes {
		if r.Form != nil {
			all = append(all, fmt.Sprintf("node %d", r.Form.Node), "service "+r.Form.Service)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
