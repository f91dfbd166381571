package config

import (
	"fmt"
	"strings"

	"github.com/banyan-migration/banyan/gateway/route"
)

// expand lists every name of a form's page, so that no post slips past under another one (D-8): alias and node/N as
// paths and as ?q=, each for GET and POST, and the done page. Drupal reads the page from ?q= whatever the path is, so
// the paths ask that it is absent.
func expand(n node, r *route.Route) []*route.Route {
	path, exact := r.Match.Path.Exact()
	if !exact || len(r.Match.Query)+len(r.Match.Headers) > 0 || r.Match.Method != "" && r.Match.Method != "GET" && r.Match.Method != "POST" {
		n.wrong("%s cannot have a form: one path, GET or POST or no method, and no conditions; a form lists its own ?q= names", r.Match)
		return nil
	}
	page := fmt.Sprintf("node/%d", r.Form.Node)
	names := []string{page}
	if alias := path[1:]; alias != page {
		if alias == "" || strings.HasPrefix(alias, "node/") {
			n.wrong("%s is not a name of node %d: its path alias or /%s", path, r.Form.Node, page)
			return nil
		}
		r.Form.Alias = alias
		names = append(names, alias)
	}
	var all []*route.Route
	for _, name := range names {
		all = append(all, named(r, "GET", name, false)...)
		all = append(all, named(r, "POST", name, false)...)
	}
	return append(all, named(r, "GET", page+"/done", true)...)
}

// named are the three spellings of one page: its path, and ?q= on the front page and on index.php.
func named(r *route.Route, method, page string, done bool) []*route.Route {
	spell := func(path string, q route.Condition) *route.Route {
		c := *r
		c.Done = done
		c.Match.Method = method
		c.Match.Path, _ = route.ParsePath(path) // canonical already: alias came through it, the rest is ours
		c.Match.Query = []route.Condition{q}
		return &c
	}
	asked := route.Condition{Name: "q", Value: page}
	return []*route.Route{
		spell("/"+page, route.Condition{Name: "q", Absent: true}),
		spell("/", asked),
		spell("/index.php", asked),
	}
}

// merge puts a group's own routes and its forms' names together. A plain route that repeats a name, as GET
// /node/2/done often does, gives it its options; two forms of one node share the names that both have.
func merge(plain, forms []*route.Route) []*route.Route {
	byID := map[string]*route.Route{}
	var all []*route.Route
	for _, f := range forms {
		if same := byID[f.Match.String()]; same != nil && same.Form.Node == f.Form.Node && same.Form.Service == f.Form.Service {
			continue
		}
		byID[f.Match.String()] = f
		all = append(all, f)
	}
	for _, p := range plain {
		m := p.Match
		if len(m.Query) == 0 {
			m.Query = []route.Condition{{Name: "q", Absent: true}}
		}
		if same := byID[m.String()]; same != nil && len(m.Headers) == 0 {
			same.Options = p.Options
			continue
		}
		all = append(all, p)
	}
	return all
}
