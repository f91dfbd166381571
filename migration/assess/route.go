package assess

import (
	"slices"
	"strconv"
	"strings"

	"github.com/banyan-migration/banyan/shared/accesslog"
	"github.com/banyan-migration/banyan/shared/form"
)

// fanout is how many different names a folder below the root may have before they become one {name}. The root keeps ten
// times as many: its names are the site's pages, and each is a route of its own.
const fanout = 20

// node is a segment of the paths seen so far.
type node struct {
	children map[string]*node
	merged   *node // all children, once there are too many
	leaves   map[string]*seen
	depth    int
}

// seen is what one method of one path got.
type seen struct {
	requests, bots, errors int
	ms                     []uint32 // of each request that the log has a time of
	seconds                tally
}

func (s *seen) add(l accesslog.Line) {
	s.requests++
	if l.Bot() {
		s.bots++
	}
	if l.Status >= 500 {
		s.errors++
	}
	if l.Duration > 0 {
		s.ms = append(s.ms, uint32(l.Duration.Milliseconds()))
	}
	s.seconds[l.At.Unix()]++
}

func (s *seen) merge(o *seen) {
	s.requests, s.bots, s.errors = s.requests+o.requests, s.bots+o.bots, s.errors+o.errors
	s.ms = append(s.ms, o.ms...)
	for at, n := range o.seconds {
		s.seconds[at] += n
	}
}

// leaf is where a line is counted.
func (n *node) leaf(l accesslog.Line) *seen {
	for name := range strings.SplitSeq(strings.Trim(l.Path(), "/"), "/") {
		if name != "" {
			n = n.child(name)
		}
	}
	return n.seen(l.Method)
}

func (n *node) seen(method string) *seen {
	if n.leaves == nil {
		n.leaves = map[string]*seen{}
	}
	if n.leaves[method] == nil {
		n.leaves[method] = &seen{seconds: tally{}}
	}
	return n.leaves[method]
}

func (n *node) child(name string) *node {
	if n.merged != nil {
		return n.merged
	}
	if c := n.children[name]; c != nil {
		return c
	}
	most := fanout
	if n.depth == 0 {
		most *= 10
	}
	if len(n.children) >= most {
		return n.collapse()
	}
	if n.children == nil {
		n.children = map[string]*node{}
	}
	c := &node{depth: n.depth + 1}
	n.children[name] = c
	return c
}

// collapse makes all children one.
func (n *node) collapse() *node {
	if n.merged == nil {
		n.merged = &node{depth: n.depth + 1}
		for _, c := range n.children {
			n.merged.take(c)
		}
		n.children = nil
	}
	return n.merged
}

// take adds another node's paths to this one's.
func (n *node) take(o *node) {
	for method, s := range o.leaves {
		n.seen(method).merge(s)
	}
	for name, c := range o.children {
		n.child(name).take(c)
	}
	if o.merged != nil {
		n.collapse().take(o.merged)
	}
}

// routes lists every node that was asked for itself.
func (n *node) routes() []Route {
	var all []Route
	n.walk("", &all)
	return all
}

func (n *node) walk(path string, all *[]Route) {
	for method, s := range n.leaves {
		*all = append(*all, s.route(method, max(path, "/")))
	}
	for name, c := range n.children {
		c.walk(path+"/"+name, all)
	}
	if n.merged != nil {
		n.merged.walk(path+"/{name}", all)
	}
}

func (s *seen) route(method, pattern string) Route {
	slices.Sort(s.ms)
	at := func(part float64) float64 {
		if len(s.ms) == 0 {
			return 0
		}
		return float64(s.ms[int(part*float64(len(s.ms)-1))])
	}
	_, second := s.seconds.peak()
	minutes := tally{}
	for t, n := range s.seconds {
		minutes[t/60] += n
	}
	_, minute := minutes.peak()
	return Route{
		Method: method, Pattern: pattern, Requests: s.requests, Bots: s.bots, Errors: s.errors, P50: at(0.5), P95: at(0.95),
		PeakPerSecond: second, PeakPerMinute: minute, Form: formOf(pattern), Backend: "drupal",
		Writes: accesslog.Line{Method: method}.Write(),
	}
}

// formOf is the webform of a page, by its alias or as node/N, node/N/done and what else stands below it.
func formOf(pattern string) string {
	path := strings.TrimPrefix(pattern, "/")
	if f, ok := form.ByAlias(path); ok {
		return f.Alias
	}
	below, ok := strings.CutPrefix(path, "node/")
	if !ok {
		return ""
	}
	number, _, _ := strings.Cut(below, "/")
	id, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return ""
	}
	f, _ := form.ByNode(id)
	return f.Alias
}
