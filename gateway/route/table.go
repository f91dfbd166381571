package route

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Table is all routes of a configuration. It is immutable: a reload makes a new one. Safe for concurrent use.
type Table struct {
	hosts  map[string]*paths // by name, lower case; a host without routes of its own has an empty one
	all    *paths            // routes that name no host
	any    bool              // every Host is accepted
	routes []*Route
}

type paths struct {
	name     string
	allowed  bool
	exact    map[string][]*Route // by path, each list in W-14's order
	patterns []*Route            // in W-14's order
}

// Request is what a route may look at. Its slices are only read, and not kept.
type Request struct {
	Host    string  // as Table.Host gave it
	Method  []byte  // as received
	Path    []byte  // canonical (Canonical), without flags
	Query   []byte  // as received, without '?'
	Headers Headers // asked only by routes with header conditions; nil: no headers
}

// Headers looks one header up, in any case of its name: the first value, and how many lines have the name.
type Headers interface {
	Header(name string) (value []byte, lines int)
}

// Overlap is two routes that would take the same requests with equal right.
type Overlap struct{ First, Second *Route }

func (o Overlap) Error() string {
	return fmt.Sprintf("%s of group %s is %s of group %s again (line %d)", o.Second.ID, o.Second.Group.Name, o.First.ID, o.First.Group.Name, o.First.Line)
}

// New builds a table. hosts are the accepted ones, "*" for any. The order of routes has no meaning (W-14). Two equal
// matches are an error, one Overlap for each; there is no table then.
func New(hosts []string, routes []*Route) (*Table, []Overlap) {
	t := &Table{hosts: map[string]*paths{}, all: newPaths("", true), routes: slices.Clone(routes)}
	t.any = slices.Contains(hosts, "*")
	for _, h := range hosts {
		t.hosts[h] = newPaths(h, true)
	}
	for _, r := range routes {
		if h := r.Match.Host; h != "" && t.hosts[h] == nil {
			t.hosts[h] = newPaths(h, t.any)
		}
	}
	slices.SortStableFunc(t.routes, order)
	var overlaps []Overlap
	for i, r := range t.routes {
		if i > 0 && order(t.routes[i-1], r) == 0 {
			overlaps = append(overlaps, Overlap{t.routes[i-1], r})
		}
		t.add(r)
	}
	if overlaps != nil {
		return nil, overlaps
	}
	return t, nil
}

func newPaths(host string, allowed bool) *paths {
	return &paths{name: host, allowed: allowed, exact: map[string][]*Route{}}
}

func (t *Table) add(r *Route) {
	p := t.all
	if r.Match.Host != "" {
		p = t.hosts[r.Match.Host]
	}
	if path, ok := r.Match.Path.Exact(); ok {
		p.exact[path] = append(p.exact[path], r)
		return
	}
	p.patterns = append(p.patterns, r)
}

// Routes are all routes in W-14's order. The slice is the table's own: do not change it.
func (t *Table) Routes() []*Route { return t.routes }

// order is W-14: host, then the most specific path, then method, then conditions, then the rule's id. It is total:
// only equal matches compare equal.
func order(a, b *Route) int {
	return cmp.Or(
		-cmp.Compare(min(len(a.Match.Host), 1), min(len(b.Match.Host), 1)),
		comparePaths(a.Match.Path, b.Match.Path),
		cmp.Compare(methodRank(a.Match.Method), methodRank(b.Match.Method)),
		-cmp.Compare(len(a.Match.Query)+len(a.Match.Headers), len(b.Match.Query)+len(b.Match.Headers)),
		strings.Compare(a.Match.key(), b.Match.key()),
	)
}

// key is the match as text with parameters' names left out: what is equal in it takes the same requests.
func (m Match) key() string {
	var b strings.Builder
	for _, s := range m.Path.segments {
		b.WriteByte('/')
		if s.param {
			b.WriteString("{}")
		}
		b.WriteString(s.text)
	}
	if m.Path.prefix {
		b.WriteString("/*")
	}
	m.Path.text = b.String()
	return m.String()
}

// comparePaths puts exact before parameters before prefixes, longer prefixes first, and of two patterns the one whose
// first different segment is a literal.
func comparePaths(a, b Path) int {
	if c := cmp.Compare(a.rank(), b.rank()); c != 0 {
		return c
	}
	if c := -cmp.Compare(len(a.segments), len(b.segments)); c != 0 {
		return c
	}
	for i := range a.segments {
		if a.segments[i].param != b.segments[i].param {
			return map[bool]int{true: 1, false: -1}[a.segments[i].param]
		}
	}
	return 0
}

func (p Path) rank() int {
	switch {
	case p.prefix:
		return 2
	case p.params:
		return 1
	}
	return 0
}

// methodRank puts HEAD before GET, which takes HEAD too, and a named method before any.
func methodRank(method string) int {
	switch method {
	case "HEAD":
		return 0
	case "":
		return 2
	}
	return 1
}

// Host finds a Host header's value, port and case aside, among the accepted names (W-16). name is what Request.Host
// takes; it is empty for a host that only "*" lets in.
func (t *Table) Host(raw []byte) (name string, ok bool) {
	var room [256]byte
	host := bareHost(raw)
	if len(host) > len(room) || len(host) == 0 {
		return "", false
	}
	lower := room[:len(host)]
	for i, c := range host {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		lower[i] = c
	}
	if p, known := t.hosts[string(lower)]; known {
		return p.name, p.allowed
	}
	return "", t.any
}

// bareHost cuts the port off.
func bareHost(raw []byte) []byte {
	if i := bytes.LastIndexByte(raw, ':'); i > bytes.LastIndexByte(raw, ']') {
		return raw[:i]
	}
	return raw
}
