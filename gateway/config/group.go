package config

import (
	"slices"
	"strings"

	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/judge"
	"github.com/banyan-migration/banyan/gateway/route"
	"github.com/banyan-migration/banyan/gateway/split"
)

func (b *builder) groups(n node) {
	for _, p := range n.pairs() {
		if !split.Name(p.key) {
			p.value.wrong("%q is not a group's name: letters, digits, '-' and '_'", p.key)
		}
		b.Groups = append(b.Groups, b.group(p))
	}
	slices.SortFunc(b.Groups, func(x, y *Group) int { return strings.Compare(x.Name, y.Name) })
}

func (b *builder) group(p pair) *Group {
	g := &Group{Group: &route.Group{Name: p.key, Salt: p.key, Line: p.line}, Policy: judge.Default}
	var routes, phase, key node
	p.value.fields(map[string]func(node){
		"from":     func(n node) { g.From = b.side(n) },
		"to":       func(n node) { g.To = b.side(n) },
		"weight":   func(n node) { g.Weight = int(n.number(0, split.Full, "basis points")) },
		"phase":    func(n node) { phase, g.Phase = n, n.text() },
		"key":      func(n node) { key = n; b.key(g, n) },
		"salt":     func(n node) { b.lines[n.path] = n.line(); b.salt(g, n) },
		"routes":   func(n node) { routes = n },
		"policy":   func(n node) { b.policy(g, n) },
		"conflict": func(n node) { g.Conflict = n.choice("legacy", "new") },
	})
	b.phase(g, phase)
	if routes.ast == nil {
		b.wrong(p.line, "%s.routes: missing: a group without routes moves nothing", p.value.path)
		return g
	}
	b.routes(g, routes)
	if g.Key.Kind == split.Session && slices.ContainsFunc(g.Routes, func(r *route.Route) bool { return r.Form != nil }) {
		key.wrong("session does not hold on a form: Drupal sets that cookie with the answer and deletes it on the next page (D-12); visitor is right")
	}
	return g
}

func (b *builder) side(n node) string {
	b.lines[n.path] = n.line()
	return n.text()
}

func (b *builder) key(g *Group, n node) {
	s, ok := n.scalar()
	if !ok {
		return
	}
	var err error
	g.Key, err = split.ParseKey(s)
	n.must(err)
}

func (b *builder) salt(g *Group, n node) {
	s, known := n.scalar()
	if g.Salt = s; known && !split.Name(s) {
		n.wrong("%q is not a salt: letters, digits, '-' and '_', no ':' (S-1)", g.Salt)
	}
}

// phase fills in what the weight says, or checks what the file says (T-1).
func (b *builder) phase(g *Group, n node) {
	of := cutover.PhaseOf(g.Weight)
	switch g.Phase {
	case "":
		g.Phase = of
	default:
		all := cutover.Phases()
		switch {
		case !slices.Contains(all, g.Phase):
			n.wrong("%q is not a phase: %s", g.Phase, strings.Join(all, ", "))
		case !cutover.Fits(g.Phase, g.Weight):
			n.wrong("%s does not go with weight %d, whose phase is %s: off, backfill and shadow are 0, full, drain and retired 10000, canary lies between",
				g.Phase, g.Weight, of)
		}
	}
	if g.Weight > 0 {
		b.note(g.Line, "groups.%s: the seed of weight %d is unguarded: a plan that does not know the group begins there", g.Name, g.Weight)
	}
}

func (b *builder) routes(g *Group, n node) {
	items := n.items()
	if len(items) == 0 {
		n.wrong("is empty: a group without routes moves nothing")
	}
	var plain, forms []*route.Route
	for _, item := range items {
		r := &route.Route{Group: g.Group, Line: item.line()}
		matched := false
		fields := options(&r.Options)
		fields["match"] = func(n node) { matched = true; r.Match = n.match() }
		fields["form"] = func(n node) { r.Form = n.form() }
		item.fields(fields)
		switch {
		case !matched:
			item.wrong("match is missing: such as match: POST /donate")
		case r.Match.Path.String() == "": // said already
		case r.Form != nil:
			forms = append(forms, expand(item, r)...)
		default:
			plain = append(plain, r)
		}
	}
	g.Routes = merge(plain, forms)
	for _, r := range g.Routes {
		r.ID = r.Match.String()
	}
}

// match reads "POST /donate" or its parts by name.
func (n node) match() route.Match {
	if !n.mapping() {
		s, ok := n.scalar()
		if !ok {
			return route.Match{}
		}
		m, err := route.ParseMatch(s)
		n.must(err)
		return m
	}
	var m route.Match
	n.fields(map[string]func(node){
		"method": func(n node) { m.Method = n.text(); n.must(route.CheckMethod(m.Method)) },
		"host":   func(n node) { m.Host = n.text(); n.must(route.CheckHost(m.Host)) },
		"path": func(n node) {
			var err error
			m.Path, err = route.ParsePath(n.text())
			n.must(err)
		},
		"query":  func(n node) { m.Query = n.conditions() },
		"header": func(n node) { m.Headers = n.conditions() },
	})
	if m.Path.String() == "" {
		n.wrong("path is missing or wrong: a match has a path, such as /donate")
	}
	return m
}

// conditions reads {NAME: VALUE}; null means that the name must be absent.
func (n node) conditions() []route.Condition {
	var all []route.Condition
	for _, p := range n.pairs() {
		c := route.Condition{Name: p.key, Absent: p.value.null()}
		if !c.Absent {
			c.Value = p.value.text()
		}
		if !split.Token(p.key) {
			p.value.wrong("%q is not a name", p.key)
		}
		all = append(all, c)
	}
	return all
}

func (n node) form() *route.Form {
	f := &route.Form{}
	said := len(n.r.mistakes) + len(n.r.notes)
	var pay node
	n.fields(map[string]func(node){
		"node":    func(n node) { f.Node = int(n.number(1, 1<<31-1, "a node")) },
		"service": func(n node) { f.Service = n.name() },
		"pay":     func(n node) { pay = n },
		"pages":   func(n node) { f.Pages = n.text() },
	})
	if f.Node == 0 {
		n.wrong("node is missing: the webform's node, such as 2")
	}
	if f.Service == "" {
		n.wrong("service is missing: the service that takes the form's posts, such as donate")
	}
	if said == len(n.r.mistakes)+len(n.r.notes) { // else it is known to be wrong, or not known whole
		n.r.forms = append(n.r.forms, form{f, n.line()})
	}
	if pay.ast != nil {
		f.Pay = pay.pay()
	}
	return f
}

// pay reads how a form's gifts are paid. There is one way to name: a card is typed on the acquirer's own page.
func (n node) pay() string {
	s, ok := n.scalar()
	if ok && s != "test" {
		n.wrong("%q is no way to pay that a form can name: test is, where no money moves; leave pay out and donors pay on the acquirer's page", s)
	}
	return s
}
