package config

import (
	"maps"
	"slices"
	"strings"

	"github.com/banyan-migration/banyan/gateway/route"
	"github.com/banyan-migration/banyan/gateway/split"
)

// finish checks what only the whole file can say.
func (b *builder) finish() {
	if len(b.Hosts) == 0 && !b.unnamed {
		b.wrong(b.lines["hosts"], `hosts: missing: the names that the site is asked under, such as [www.rednosefund.example], or ["*"] for any`)
	}
	if b.DefaultHost != "" && !b.accepts(b.DefaultHost) {
		b.wrong(b.lines["default_host"], "default_host: %q is not among hosts: %s", b.DefaultHost, strings.Join(b.Hosts, ", "))
	}
	if _, named := b.lines["store"]; !named {
		b.note(1, "store: none is named: a restart forgets weights and journal, and a key that was made; store: sqlite:.banyan/plan.db keeps them")
	}
	if b.Shared() {
		b.shared()
	}
	if len(b.Backends) == 0 {
		b.wrong(b.lines["backends"], "backends: missing: at least the old site, such as drupal: {url: http://127.0.0.1:9001, kind: drupal7}")
	}
	switch {
	case b.Default == "":
		b.wrong(b.lines["default"], "default: missing: the backend of whatever no route takes, the old site")
	default:
		b.known(b.lines["default"], "default", b.Default)
	}
	b.salts()
	for _, g := range b.Groups {
		b.sides(g)
	}
	b.guards()
	b.self()
	if b.deny != nil && len(b.mistakes) == 0 {
		b.Deny, _ = route.NewDeny(b.deny) // each was checked where it stands
	}
	b.table()
}

// shared refuses what several gateways over one plan cannot do with: each a key of its own, or all one name.
func (b *builder) shared() {
	if len(b.Keys) == 0 {
		b.wrong(b.lines["store"], "keys: missing: gateways that share a plan sign cookies and marks with one key, such as keys: {k1: ${BANYAN_KEY}}")
	}
	if _, named := b.lines["gateway_id"]; named {
		return
	}
	host, err := b.host()
	if b.GatewayID = ownName(host); (err != nil || b.GatewayID == "") && !b.check { // it is checked on other machines than it runs on
		b.wrong(b.lines["store"], "gateway_id: missing, and this machine has no name to stand for it: gateways that share a plan each have their own")
	}
}

// ownName is a machine's name as a gateway's: ip-10-0-1-23-eu-west-1-compute-internal. Empty: it names this machine to nobody else.
func ownName(host string) string {
	name := strings.Map(func(r rune) rune {
		if r < 128 && split.Name(string(r)) {
			return r
		}
		return '-'
	}, host[:min(len(host), 64)])
	if host == "localhost" || !split.Name(name) {
		return ""
	}
	return name
}

// guards says what the steps of these groups will not be guarded by.
func (b *builder) guards() {
	if !Loopback(b.Listen) {
		for _, n := range b.demos {
			b.note(n.line(), "%s: demo looks at seconds and a handful of visitors, and this gateway is reached from elsewhere: default is for people", n.path)
		}
	}
	shared := map[string]*Group{}
	for _, g := range b.Groups {
		b.kept(g)
		if _, named := b.lines["data"]; !named && g.HasWrites() && !g.AppendOnly() {
			b.note(g.Line, "groups.%s: writes, and no data: is named: nobody measures what is moved, so "+
				"readiness is unknown and a person's steps are warned, not guarded", g.Name)
		}
		for _, t := range tables(g) {
			if other := shared[t]; other != nil && g.Conflict == "" {
				b.note(g.Line, "groups.%s: writes to %s as %s does: without conflict: legacy or new it gets no weight that %s has not (T-2)", g.Name, t, other.Name, other.Name)
			}
			shared[t] = g
		}
	}
}

// kept says what a folder of frozen pages cannot do for a group: it takes no posts and hears no copies.
func (b *builder) kept(g *Group) {
	from, to := b.Backends[g.From], b.Backends[g.To]
	if from == nil || to == nil || from.Dir == "" && to.Dir == "" {
		return
	}
	name := g.To
	if to.Dir == "" {
		name = g.From
	}
	if g.HasWrites() && (name == g.To || g.Weight < split.Full) {
		b.note(g.Line, "groups.%s: has routes that write, and %s is a folder of pages: what is posted there is answered 405 and not taken", g.Name, name)
	}
	if shadowed(g) && name == g.To {
		b.note(g.Line, "groups.%s: shadow copies nothing to %s, a folder of pages: banyan migrate content has compared each of them", g.Name, name)
	}
}

// salts refuses one salt for two groups: both would move the same people, and L-5 would not hold.
func (b *builder) salts() {
	taken := map[string]*Group{}
	for _, g := range b.Groups {
		other := taken[g.Salt]
		taken[g.Salt] = g
		if other != nil {
			path := "groups." + g.Name + ".salt"
			b.wrong(max(b.lines[path], g.Line), "%s: %q is the salt of %s too: each group has its own, or both move the same people (S-1)", path, g.Salt, other.Name)
		}
	}
}

func (b *builder) accepts(host string) bool {
	return slices.Contains(b.Hosts, host) || slices.Contains(b.Hosts, "*")
}

func (b *builder) sides(g *Group) {
	for _, side := range []struct{ key, name string }{{"from", g.From}, {"to", g.To}} {
		if side.name == "" {
			b.wrong(g.Line, "groups.%s.%s: missing: one of the backends %s", g.Name, side.key, list(slices.Collect(maps.Keys(b.Backends))))
			continue
		}
		path := "groups." + g.Name + "." + side.key
		b.known(b.lines[path], path, side.name)
	}
	if g.From == g.To && g.From != "" {
		b.wrong(g.Line, "groups.%s: from and to are both %s: a group leads from one backend to another", g.Name, g.From)
	}
	for _, r := range g.Routes {
		if h := r.Match.Host; h != "" && !b.accepts(h) {
			b.wrong(r.Line, "groups.%s: host %s is not among hosts: it would never be asked for", g.Name, h)
		}
	}
}

func (b *builder) known(line int, path, name string) {
	if b.Backends[name] == nil {
		names := slices.Collect(maps.Keys(b.Backends))
		b.wrong(line, "%s: no backend %q%s; there are %s", path, name, nearest(name, names), list(names))
	}
}

// self refuses a backend that is the gateway's own address: every request would come back (W-33 stops it in flight).
func (b *builder) self() {
	for _, e := range b.Backends {
		if e.Address != "" && e.Address == b.Listen {
			b.wrong(e.Line, "backends.%s: %s is this gateway's own listen address", e.Name, e.Address)
		}
	}
}

func (b *builder) table() {
	var routes []*route.Route
	for _, g := range b.Groups {
		routes = append(routes, g.Routes...)
	}
	table, overlaps := route.New(b.Hosts, routes)
	for _, o := range overlaps {
		b.wrong(o.Second.Line, "%s: a request has one group and one route: take one of them out", o.Error())
	}
	b.pages(routes)
	if table == nil {
		return
	}
	b.Table = table
	for _, g := range b.Groups {
		g.Routes = nil
	}
	for _, r := range table.Routes() {
		r.Group.Routes = append(r.Group.Routes, r)
	}
}

// pages refuses a path of a form in another group: the form has it under all its names (D-8), and the other route
// would get only what asks for yet another page by ?q=.
func (b *builder) pages(routes []*route.Route) {
	names := map[string]*route.Route{}
	for _, r := range routes {
		if r.Form != nil {
			names[strings.TrimSuffix(r.ID, "?!q")] = r
		}
	}
	for _, r := range routes {
		if f := names[r.ID]; f != nil && f.Group != r.Group {
			b.wrong(r.Line, "%s is a name of the form of group %s (line %d): a request has one group: take one of them out", r.ID, f.Group.Name, f.Line)
		}
	}
}
