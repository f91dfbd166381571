package interchange

import (
	"slices"
	"strings"

	"github.com/banyan-migration/banyan/gateway/route"
)

// Imported is a gateway.yaml that says what another router's file said.
type Imported struct {
	YAML   string `json:"yaml"`
	Groups int    `json:"groups"`
	Routes int    `json:"routes"`
	Left   []Left `json:"cannot_say"`
}

// RefactorSpaces reads one application of AWS Migration Hub Refactor Spaces: the API's JSON (the answers of list-routes and list-services
// or of get-route and get-service, one after another in one file) or a CloudFormation template. An active route has weight 10000, an
// inactive one 0: no weights exist there. The error is a *Mistake.
func RefactorSpaces(name string, src []byte) (*Imported, error) {
	s, err := readSpaces(name, src)
	if err != nil {
		return nil, err
	}
	w := &importer{spaces: s, seen: map[string]int{}, names: map[string]bool{}}
	w.backends()
	for _, r := range s.routes {
		if !r.standard {
			w.take(r)
		}
	}
	w.literalFirst()
	w.groups = slices.DeleteFunc(w.groups, func(g *groupText) bool { return len(g.routes) == 0 })
	out := &Imported{Groups: len(w.groups)}
	for _, g := range w.groups {
		out.Routes += len(g.routes)
	}
	w.remarks()
	out.Left = w.sorted()
	out.YAML = w.yaml(name, out.Left)
	return out, nil
}

// importer turns an application into groups: routes of one service with one state that fall back to one other service are a group.
type importer struct {
	*spaces
	backend []*backendText
	groups  []*groupText
	taken   []takenRoute
	seen    map[string]int // a match without its parameters' names, and the line that has it
	names   map[string]bool
}

type groupText struct {
	name, from, to string
	weight         int
	routes         []string
}

// takenRoute is one route as it stands in a group now.
type takenRoute struct {
	group    *groupText
	method   string
	segments []string
	prefix   bool
	line     int
}

func (w *importer) take(r *spaceRoute) {
	to := w.backendOf(r.service, r.line)
	if r.path == "" {
		w.add(r.line, "a route to "+to.name, "it has no path: left out")
		return
	}
	if !w.passes(r, to) {
		return
	}
	weight := 0
	switch r.state {
	case "ACTIVE":
		weight = 10000
	case "INACTIVE":
	default:
		w.add(r.line, r.name, "its state is %s: at weight 0 until it is settled", orUnknown(r.state))
	}
	methods := w.methods(r)
	if slices.Contains(r.methods, "GET") && !slices.Contains(r.methods, "HEAD") {
		w.add(r.line, r.name, "GET takes HEAD too here")
	}
	for _, m := range methods {
		from := w.below(r, m)
		if from == to {
			w.add(r.line, strings.TrimSpace(m+" "+r.name), "leads where its requests go without it, to %s: left out", to.name)
			continue
		}
		path := strings.TrimSuffix(r.path, "/")
		g := w.group(from, to, weight)
		if path == "" || !r.children {
			w.emit(g, m, r.path, r.line)
		} else {
			w.emit(g, m, path, r.line)
		}
		if r.children {
			w.emit(g, m, path+"/*", r.line)
		}
	}
}

// methods are those of a route, "" for all. Where a route around it takes some alone, all are told apart: without it they go different ways.
func (w *importer) methods(r *spaceRoute) []string {
	if len(r.methods) > 0 {
		return r.methods
	}
	for _, o := range w.routes {
		if len(o.methods) > 0 && o.encloses(r) {
			return route.Methods
		}
	}
	return []string{""}
}

// encloses says whether an active route takes what another one takes, but for its methods.
func (r *spaceRoute) encloses(inner *spaceRoute) bool {
	return r != inner && !r.standard && r.children && r.state == "ACTIVE" && around(segments(r.path), segments(inner.path))
}

func orUnknown(state string) string {
	if state == "" {
		return "not said"
	}
	return state
}

// passes says whether a route's requests reach its service under the path that they came with: paths pass as they come here (W-8).
func (w *importer) passes(r *spaceRoute, to *backendText) bool {
	there := strings.TrimSuffix(to.path, "/")
	if r.prepend {
		there += r.path
	}
	if there == r.path || to.pathUnknown && !r.prepend {
		return true
	}
	w.add(r.line, r.name, "%s gets its requests as %s there, and paths pass as they come here (W-8): left out, so that they go to %s; let the service answer under %s "+
		"and add the route", to.name, there+"/", w.backendOf(w.standard.service, r.line).name, r.path)
	return false
}

// below is where a route's requests go while it is not active: to the nearest active route around it, or to the default.
func (w *importer) below(r *spaceRoute, method string) *backendText {
	var nearest *spaceRoute
	for _, o := range w.routes {
		if !o.encloses(r) || len(o.methods) > 0 && !slices.Contains(o.methods, method) {
			continue
		}
		if nearest == nil || len(segments(o.path)) > len(segments(nearest.path)) {
			nearest = o
		}
	}
	if nearest == nil {
		nearest = w.standard
	}
	return w.backendOf(nearest.service, nearest.line)
}

func segments(path string) []string { return strings.Split(strings.Trim(path, "/"), "/") }

func isParam(segment string) bool { return strings.HasPrefix(segment, "{") }

// around says whether all that a path takes lies below another path.
func around(outer, inner []string) bool {
	if len(outer) >= len(inner) {
		return false
	}
	for i, s := range outer {
		if !isParam(s) && s != inner[i] {
			return false
		}
	}
	return true
}

func (w *importer) group(from, to *backendText, weight int) *groupText {
	for _, g := range w.groups {
		if g.from == from.name && g.to == to.name && g.weight == weight {
			return g
		}
	}
	name := to.name
	if from != w.backendOf(w.standard.service, 0) {
		name += "-within-" + from.name
	}
	if weight == 0 {
		name += "-inactive"
	}
	g := &groupText{name: w.unique("group ", name), from: from.name, to: to.name, weight: weight}
	w.groups = append(w.groups, g)
	return g
}

// emit puts one match into a group, if it can be said and is not there yet.
func (w *importer) emit(g *groupText, method, path string, line int) {
	parts := segments(path)
	for i, p := range parts {
		if isParam(p) {
			parts[i] = "{" + plainName(strings.Trim(p, "{}")) + "}"
		}
	}
	prefix := parts[len(parts)-1] == "*"
	text := "/" + strings.Join(parts, "/")
	if !prefix && text != "/" && strings.HasSuffix(path, "/") {
		text += "/"
	}
	match := strings.TrimSpace(method + " " + text)
	if _, err := route.ParseMatch(match); err != nil || path[0] != '/' || strings.ContainsAny(text, "?\"\\ ") || oneLine(text) != text {
		w.add(line, match, "is no match here, such as GET /gallery/{id}: left out")
		return
	}
	key := method + " " + blank(text)
	if first, twice := w.seen[key]; twice {
		w.add(line, match, "is the match of line %d again: the first is taken", first)
		return
	}
	w.seen[key] = line
	g.routes = append(g.routes, match)
	if prefix {
		parts = parts[:len(parts)-1]
	}
	w.taken = append(w.taken, takenRoute{g, method, parts, prefix, line})
}

// blank is a path with its parameters' names left out.
func blank(path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		if isParam(p) {
			parts[i] = "{}"
		}
	}
	return strings.Join(parts, "/")
}
