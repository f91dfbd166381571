package interchange

import (
	"fmt"
	"strings"
)

// maxRoutes bounds what is read: an application of Refactor Spaces has far fewer.
const maxRoutes = 5000

// spaces is what a file says of a Refactor Spaces application: its services and its routes.
type spaces struct {
	list
	services []*service
	routes   []*spaceRoute
	standard *spaceRoute // the default route
}

// service is where routes lead. Its endpoint is an URL or a Lambda; what of the URL the file does not say stands in it as ${NAME}.
type service struct {
	id, name string
	url      string
	lambda   string   // the function's ARN; empty: none
	unknown  []string // what the ${NAME} of the URL stand for
	line     int
}

// spaceRoute is one rule. There are no weights: a route is active or not.
type spaceRoute struct {
	name     string // for messages: its path, or "the default route"
	service  string // an id of a service
	standard bool   // the default route
	path     string
	children bool // everything below the path too
	prepend  bool // AppendSourcePath: the service gets the path as it came
	methods  []string
	state    string // ACTIVE, INACTIVE, or one that passes
	line     int
}

// readSpaces reads a file, whichever of the two shapes it has.
func readSpaces(name string, src []byte) (*spaces, error) {
	docs, err := readTrees(name, src)
	if err != nil {
		return nil, err
	}
	s := &spaces{}
	for _, doc := range docs {
		if resources := doc.get("Resources"); resources.kind == object {
			s.template(doc, resources)
			continue
		}
		s.answer(doc)
	}
	switch {
	case len(s.routes) == 0:
		return nil, &Mistake{name, 1, "no Refactor Spaces route is in it: the answers of list-routes, get-route and list-services as JSON belong here, " +
			"or a CloudFormation template with AWS::RefactorSpaces::Route"}
	case len(s.routes) > maxRoutes:
		return nil, &Mistake{name, 1, fmt.Sprintf("%d routes: at most %d are read", len(s.routes), maxRoutes)}
	}
	for _, r := range s.routes {
		switch {
		case r.standard && s.standard != nil:
			return nil, &Mistake{name, r.line, fmt.Sprintf("a second default route, the first in line %d: one application is one gateway.yaml", s.standard.line)}
		case r.standard:
			s.standard = r
		}
	}
	if s.standard == nil {
		return nil, &Mistake{name, 1, "no default route: every application has one, and its service is the gateway's default; give the answer of list-routes whole"}
	}
	return s, nil
}

// answer reads what the API says: ListRoutes, ListServices, GetRoute, GetService, or a list of them.
func (s *spaces) answer(v value) {
	if v.kind == array {
		for _, item := range v.sub {
			s.answer(item)
		}
		return
	}
	routes, services := v.get("RouteSummaryList"), v.get("ServiceSummaryList")
	switch {
	case routes.kind == array || services.kind == array:
		for _, r := range routes.sub {
			s.apiRoute(r)
		}
		for _, one := range services.sub {
			s.apiService(one)
		}
		if next := v.get("NextToken"); next.text != "" {
			s.add(next.line, "NextToken", "the list goes on: these are its first pages alone; take the rest with --starting-token and read all files together")
		}
	case v.get("RouteType").kind == scalar || v.get("SourcePath").kind == scalar:
		s.apiRoute(v)
	case v.get("ServiceId").kind == scalar && (v.get("EndpointType").kind == scalar || v.get("UrlEndpoint").kind == object):
		s.apiService(v)
	default:
		s.add(v.line, "a value", "neither a route nor a service of Refactor Spaces: passed over")
	}
}

func (s *spaces) apiRoute(v value) {
	if v.kind != object {
		s.add(v.line, "a value", "not a route: passed over")
		return
	}
	r := &spaceRoute{
		service: v.get("ServiceId").text, standard: v.get("RouteType").text == "DEFAULT", path: v.get("SourcePath").text, line: v.line,
		children: v.get("IncludeChildPaths").text == "true", prepend: v.get("AppendSourcePath").text == "true", state: v.get("State").text,
	}
	for _, m := range v.get("Methods").sub {
		r.methods = append(r.methods, m.text)
	}
	s.route(r)
}

func (s *spaces) apiService(v value) {
	if v.kind != object {
		s.add(v.line, "a value", "not a service: passed over")
		return
	}
	one := &service{id: v.get("ServiceId").text, name: v.get("Name").text, line: v.line, url: v.get("UrlEndpoint").get("Url").text, lambda: v.get("LambdaEndpoint").get("Arn").text}
	one.url = strings.ReplaceAll(one.url, "${", "{") // a literal one is no variable of ours
	if state := v.get("State").text; state != "" && state != "ACTIVE" {
		s.add(v.line, "service "+one.name, "its state is %s", state)
	}
	s.service(one)
}

func (s *spaces) route(r *spaceRoute) {
	if r.name = r.path; r.standard {
		r.name = "the default route"
	}
	s.routes = append(s.routes, r)
}

func (s *spaces) service(one *service) {
	if one.name == "" {
		one.name = one.id
	}
	if s.find(one.id) != nil {
		s.add(one.line, "service "+one.name, "its id %s stands twice: the first is taken", one.id)
		return
	}
	s.services = append(s.services, one)
}

func (s *spaces) find(id string) *service {
	for _, one := range s.services {
		if one.id == id {
			return one
		}
	}
	return nil
}
