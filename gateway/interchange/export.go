package interchange

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/gateway/route"
	"github.com/banyan-migration/banyan/gateway/split"
)

// Source is what is exported: a configuration, and where its groups stand.
type Source struct {
	Config  *config.Config
	Weights map[string]int // basis points by group; a group that is not here is at 0
	Said    string         // where the weights come from, for a person
}

// Exported is our table in another router's words.
type Exported struct {
	Target string `json:"target"`
	Text   string `json:"text"`
	Rules  int    `json:"rules"`
	Left   []Left `json:"cannot_say"`
}

var targets = map[string]func(*exporter) string{"alb": alb, "apigateway": apiGateway, "envoy": envoy, "nginx": nginx}

// Targets are the routers that Export knows.
func Targets() []string { return slices.Sorted(maps.Keys(targets)) }

// Export writes a table for one of Targets. Where the target can only come near to a weight it gets the next smaller one: an export never
// sends more people to the new side than were approved.
func Export(target string, s Source) (*Exported, error) {
	write := targets[target]
	if write == nil {
		return nil, fmt.Errorf("%q is no target: one of %s", target, strings.Join(Targets(), ", "))
	}
	e := &exporter{Source: s, target: target}
	e.rules = e.table()
	e.options()
	e.add(0, "the ramp", "the weights are those of %s; nothing there raises, judges, holds or rolls back, and no journal is kept", s.Said)
	text := write(e)
	return &Exported{target, text, len(e.rules), e.sorted()}, nil
}

type exporter struct {
	Source
	list
	target string
	rules  []rule
}

// rule is one route without conditions and forms: all that other routers have in common.
type rule struct {
	id              string
	host, method    string // empty: any
	path            string
	segments        []string
	prefix, params  bool
	group, from, to string
	weight          int // basis points that go to to
	key             split.Key
	salt            string
	shadow          int
	line, groupLine int
	headers         []route.Condition // for a target that reads them as we do
}

// table is the rules in W-14's order. A route that the target cannot say stays with the old side, so that no wider rule takes its requests
// to the new one unasked.
func (e *exporter) table() []rule {
	plain := map[string]bool{}
	for _, r := range e.Config.Table.Routes() {
		if r.Form == nil && !e.unsaid(r.Match) && len(r.Match.Headers) == 0 {
			plain[place(r.Match)] = true
		}
	}
	var all []rule
	stays := map[string]bool{}
	for _, r := range e.Config.Table.Routes() {
		made := e.rule(r)
		if r.Form == nil && !e.unsaid(r.Match) {
			all = append(all, made)
			continue
		}
		e.stay(r, made, plain[place(r.Match)])
		if made.to, made.weight, made.shadow = made.from, 0, 0; !plain[place(r.Match)] && !stays[place(r.Match)] {
			stays[place(r.Match)] = true
			all = append(all, made)
		}
	}
	return all
}

func place(m route.Match) string { return m.Host + " " + m.Method + " " + blank(m.Path.String()) }

// unsaid are conditions that the target does not read as we do: PHP's reading of a query is nobody else's (W-13).
func (e *exporter) unsaid(m route.Match) bool {
	return len(m.Query) > 0 || len(m.Headers) > 0 && e.target != "envoy"
}

func (e *exporter) rule(r *route.Route) rule {
	m, g := r.Match, r.Group
	made := rule{id: r.ID, host: m.Host, method: m.Method, path: m.Path.String(), group: g.Name, from: g.From, to: g.To, weight: e.Weights[g.Name],
		key: g.Key, salt: g.Salt, shadow: r.Options.Shadow, line: r.Line, groupLine: g.Line, headers: m.Headers}
	bare, prefix := strings.CutSuffix(made.path, "/*")
	made.prefix = prefix
	if bare != "" {
		made.segments = strings.Split(bare[1:], "/")
	}
	made.params = slices.ContainsFunc(made.segments, isParam)
	return made
}

func (e *exporter) stay(r *route.Route, made rule, followed bool) {
	why := "a query is read there otherwise than by PHP (W-13)"
	switch {
	case r.Form != nil:
		e.add(r.Line, "group "+made.group, "its form is turned into the service's request here and cannot be there: its pages stay with %s, whatever its weight (%d)", made.from, made.weight)
		return
	case len(r.Match.Query) == 0:
		why = "its header conditions are not compared there as here"
	}
	if followed {
		e.add(r.Line, made.id, "%s: its requests go as those of %s", why, strings.TrimSpace(made.method+" "+made.host+made.path))
		return
	}
	e.add(r.Line, made.id, "%s: all requests of %s stay with %s", why, strings.TrimSpace(made.method+" "+made.host+made.path), made.from)
}

// options lists what the file, its routes and its backends ask for and the target has not.
func (e *exporter) options() {
	c := e.Config
	for _, one := range []struct {
		name string
		set  bool
	}{
		{"tls", c.TLS.On() && e.target != "nginx"}, {"strip", len(c.Strip) > 0 && e.target != "nginx"}, {"via", c.Via}, {"strict_framing", c.StrictFraming},
		{"origins", len(c.Origins) > 0}, {"default_host", c.DefaultHost != ""},
	} {
		if one.set {
			e.add(0, "gateway.yaml", "%s is not said", one.name)
		}
	}
	for _, r := range e.Config.Table.Routes() {
		what := r.ID
		if r.Form != nil { // under all its names
			what = fmt.Sprint("the form of node ", r.Form.Node)
		}
		e.optionsOf(what, r.Line, r.Options)
		if r.Options.Shadow > 0 && e.target != "envoy" {
			e.add(r.Line, what, "no copies are made there (shadow: %d)", r.Options.Shadow)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(e.Config.Backends)) {
		b := e.Config.Backends[name]
		e.optionsOf("backend "+name, b.Line, b.Options)
	}
}

func (e *exporter) optionsOf(what string, line int, o route.Options) {
	for _, one := range []struct {
		name string
		set  bool
	}{
		{"buffer_body", o.BufferBody && e.target != "nginx"}, {"require_length", o.RequireLength}, {"upgrade", o.Upgrade}, {"relay_103", o.Relay103},
		{"trailers", o.Trailers}, {"retry_idle_close", o.RetryIdleClose}, {"allow_underscore", len(o.AllowUnderscore) > 0}, {"failover", o.Failover},
		{"max_rate", o.MaxRate > 0}, {"ignore", len(o.Ignore) > 0},
	} {
		if one.set {
			e.add(line, what, "%s is not said", one.name)
		}
	}
}

// methods are what a rule takes; GET takes HEAD too. None is any.
func (r rule) methods() []string {
	switch r.method {
	case "":
		return nil
	case "GET":
		return []string{"GET", "HEAD"}
	}
	return []string{r.method}
}

// regex is a rule's path as an anchored expression, each byte that is no letter or digit written so that no reader takes it for more.
func (r rule) regex() string {
	var b strings.Builder
	b.WriteByte('^')
	for _, s := range r.segments {
		b.WriteByte('/')
		if isParam(s) {
			b.WriteString("[^/]+")
			continue
		}
		b.WriteString(literal(s))
	}
	if r.prefix {
		b.WriteString("/.*")
	}
	b.WriteByte('$')
	return b.String()
}

func literal(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case 'a' <= c|0x20 && c|0x20 <= 'z', '0' <= c && c <= '9', c == '-', c == '_', c == '~', c == '%':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, `\x%02x`, c)
		}
	}
	return b.String()
}

// backends are those that a table can lead to, the default first.
func (e *exporter) backends() []*config.Backend {
	names := []string{e.Config.Default}
	for _, r := range e.rules {
		for _, name := range []string{r.from, r.to} {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	all := make([]*config.Backend, len(names))
	for i, name := range names {
		all[i] = e.Config.Backends[name]
	}
	return all
}

// address is where a backend answers; one whose variable is not set here has none.
func (e *exporter) address(b *config.Backend) string {
	if b.Dir != "" {
		e.add(b.Line, "backend "+b.Name, "a folder of frozen pages has no address: put %s/public behind a file server, or infra/content.yaml, and name that", b.Dir)
		return "unset.invalid:80"
	}
	if b.Address == "" {
		e.add(b.Line, "backend "+b.Name, "its address is not known here: set the variable that its url names, or write it in")
		return "unset.invalid:80"
	}
	return b.Address
}

// camel makes an identifier of letters and digits, as CloudFormation wants; i keeps equal ones apart.
func camel(prefix, name string, i int) string {
	var b strings.Builder
	upper := true
	for _, r := range name {
		if r == '-' || r == '_' {
			upper = true
			continue
		}
		if upper && 'a' <= r && r <= 'z' {
			r -= 'a' - 'A'
		}
		upper = false
		b.WriteRune(r)
	}
	return fmt.Sprint(prefix, b.String(), i)
}
