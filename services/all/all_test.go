package all_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/gorilla/mux"

	"github.com/banyan-migration/banyan/infra/layer"
	"github.com/banyan-migration/banyan/infra/template"
	"github.com/banyan-migration/banyan/services/all"
	"github.com/banyan-migration/banyan/shared/host"
	"github.com/banyan-migration/banyan/shared/host/hosttest"
)

// hosts are the variables that host/cloud reads for every service, which therefore no service need ask for.
var hosts = []string{"TABLE", "TOPIC", "LAYER_DIR", "BANYAN_KEY", "CALLERS", "ORIGINS", "STAGE", "LOG_LEVEL"}

// deployed is template.yaml with its parameters' defaults.
func deployed(t *testing.T) *template.Template {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := template.Parse("template.yaml", raw, nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func readGateway(t *testing.T, into any) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "gateway.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	// It may have /{parameter} and ${NAME} unquoted between braces, where YAML does not allow them.
	raw = between.ReplaceAll(raw, []byte("%7B%7D"))
	raw, err = yaml.YAMLToJSON(raw)
	if err == nil {
		err = json.Unmarshal(raw, into)
	}
	if err != nil {
		t.Fatalf("gateway.yaml: %v", err)
	}
}

var between = regexp.MustCompile(`\$?\{\w+\}`)

// logical is a service's logical id in the template: donate is Donate.
func logical(name string) string { return strings.ToUpper(name[:1]) + name[1:] }

// block is a service's function in the template; the test ends where there is none.
func block(t *testing.T, f *template.Template, name string) template.Function {
	t.Helper()
	r, ok := f.Function(logical(name))
	if !ok {
		t.Fatalf("template.yaml has no function %s for the service %s: add its block, as that of Postcode", logical(name), name)
	}
	return r
}

// started is a service as the template would start it: with the variables of its block and no others.
func started(t *testing.T, e all.Entry, f *template.Template) (s host.Service, asked []string) {
	t.Helper()
	variables := block(t, f, e.Name).Environment
	var mu sync.Mutex
	w := hosttest.NewWorld(t)
	w.Files = layer.Files
	env := w.Env(e.Name)
	env.Getenv = func(name string) string {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, name)
		value, err := variables[name].Resolve(func(resource string) (string, bool) { return resource, true })
		if _, set := variables[name]; set && err != nil {
			t.Errorf("template.yaml: %s.%s: %v", logical(e.Name), name, err)
		}
		if strings.HasPrefix(value, "secretsmanager:") || strings.HasPrefix(value, "ssm:") {
			return "what secret.Names found there" // before New
		}
		return value
	}
	s, err := e.New(env)
	if err != nil {
		t.Errorf("%s does not start with the template's environment: %v", e.Name, err)
	}
	return s, asked
}

// route is what a service answers: a method and a path, its variables nameless.
type route struct{ method, path string }

var variable = regexp.MustCompile(`\{[^}]*\}|%7B%7D`)

func nameless(path string) string { return variable.ReplaceAllString(path, "{}") }

func routesOf(t *testing.T, s host.Service) []route {
	t.Helper()
	router, ok := s.HTTP.(*mux.Router)
	if !ok {
		t.Fatalf("HTTP is a %T: a *mux.Router can be asked for its routes", s.HTTP)
	}
	var routes []route
	err := router.Walk(func(r *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		path, err := r.GetPathTemplate()
		if err != nil {
			return err
		}
		methods, err := r.GetMethods()
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		for _, m := range methods {
			routes = append(routes, route{m, nameless(path)})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return routes
}

func TestEveryFolderIsListed(t *testing.T) {
	t.Parallel()
	folders, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range folders {
		if !f.IsDir() || f.Name() == "all" {
			continue
		}
		if _, listed := all.Named(f.Name()); !listed {
			t.Errorf("services/%[1]s is not listed in services/all/all.go: add {Name: %[1]q, New: %[1]s.New}", f.Name())
		}
	}
	if !slices.IsSortedFunc(all.Services, func(a, b all.Entry) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("services/all lists the services by name")
	}
	for _, e := range all.Services {
		if _, err := os.Stat(filepath.Join("..", e.Name)); err != nil {
			t.Errorf("services/all lists %s, and services/%[1]s is not there", e.Name)
		}
		if (e.Import == nil) != (e.Records == nil) {
			t.Errorf("%s imports what it cannot give back, or the reverse", e.Name)
		}
	}
}

func TestTemplateGivesEachServiceItsEnvironment(t *testing.T) {
	t.Parallel()
	f := deployed(t)
	for _, e := range all.Services {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			_, asked := started(t, e, f)
			own := block(t, f, e.Name)
			for _, name := range asked {
				if _, set := own.Environment[name]; !set {
					t.Errorf("%s asks for %s, which template.yaml does not set for %s", e.Name, name, logical(e.Name))
				}
			}
			for name := range own.Environment {
				if !slices.Contains(asked, name) && !slices.Contains(hosts, name) {
					t.Errorf("template.yaml sets %s for %s, which does not ask for it", name, logical(e.Name))
				}
			}
			if own.Build != "makefile" {
				t.Errorf("template.yaml: %s wants Metadata: {BuildMethod: makefile}", logical(e.Name))
			}
		})
	}
}

func TestTemplateLeadsToEveryRouteAndToNoOther(t *testing.T) {
	t.Parallel()
	f := deployed(t)
	for _, e := range all.Services {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			s, _ := started(t, e, f)
			own := block(t, f, e.Name)
			routes := routesOf(t, s)
			needed := slices.Concat(routes, []route{{"GET", "/" + e.Name + "/health"}, {"GET", "/" + e.Name + "/state"}, {"PUT", "/" + e.Name + "/state"}})
			for _, event := range own.Routes {
				if !slices.ContainsFunc(needed, func(r route) bool { return leads(event.Method, event.Path, r) }) {
					t.Errorf("template.yaml: %s.Events.%s leads to %s %s, which %s does not answer", logical(e.Name), event.Event, event.Method, event.Path, e.Name)
				}
			}
			for _, r := range needed {
				if !slices.ContainsFunc(own.Routes, func(event template.Route) bool { return leads(event.Method, event.Path, r) }) {
					t.Errorf("template.yaml: no event of %s leads to %s %s", logical(e.Name), r.method, r.path)
				}
			}
			if has := len(own.Queues) > 0; has != (s.Queue != nil) {
				t.Errorf("template.yaml: %s has an event of type SQS: %v; %s hears messages: %v", logical(e.Name), has, e.Name, s.Queue != nil)
			}
			if has := len(own.Schedules) > 0; has != (s.Tick != nil) {
				t.Errorf("template.yaml: %s has an event of type Schedule: %v; %s has ticks: %v", logical(e.Name), has, e.Name, s.Tick != nil)
			}
			for id, file := range map[string]string{logical(e.Name) + "Store": "infra/store.yaml", logical(e.Name) + "Alarms": "infra/alarms.yaml"} {
				stack, _ := f.Stack(id)
				if service, _ := stack.Parameters["Service"].Text(); stack.Template != file || service != e.Name {
					t.Errorf("template.yaml has no stack %s of %s for the service %s", id, file, e.Name)
				}
			}
		})
	}
}

// TestAPIAnswersBrowsersAsServicesDo: where API Gateway has a CORS configuration, it answers in their place and drops what they say.
func TestAPIAnswersBrowsersAsServicesDo(t *testing.T) {
	t.Parallel()
	apis := deployed(t).APIs
	if len(apis) != 1 || apis[0].CORS == nil {
		t.Fatalf("%+v: want one API, with its CorsConfiguration", apis)
	}
	cors := apis[0].CORS
	origin := cors.Origins[0]
	front := host.Front{Name: "any", Origins: cors.Origins, State: host.UnreadState(nil)}.Handler(hosttest.NewWorld(t).Env("any"), host.Service{})
	r := httptest.NewRequest("OPTIONS", "/any", nil)
	r.Header.Set("Origin", origin)
	r.Header.Set("Access-Control-Request-Method", "POST")
	w := httptest.NewRecorder()
	front.ServeHTTP(w, r)
	set := func(texts ...string) string {
		slices.Sort(texts)
		return strings.ToLower(strings.Join(texts, ", "))
	}
	for header, want := range map[string]string{"Methods": set(cors.Methods...), "Headers": set(cors.Headers...), "Credentials": fmt.Sprint(cors.Credentials), "Origin": origin} {
		said := w.Header().Get("Access-Control-Allow-" + header)
		if got := set(strings.Split(said, ", ")...); got != want {
			t.Errorf("Access-Control-Allow-%s: shared/host/front.go says %s, template.yaml %s", header, got, want)
		}
	}
}

// leads says that an event's method and path take a route; a variable takes any one segment.
func leads(method, path string, r route) bool {
	if method != "ANY" && method != r.method {
		return false
	}
	pattern := strings.Split(regexp.QuoteMeta(nameless(path)), "/")
	for i, p := range pattern {
		if p == `\{\}` {
			pattern[i] = `[^/]+`
		}
	}
	return regexp.MustCompile("^" + strings.Join(pattern, "/") + "$").MatchString(r.path)
}

// TestGatewayHasARouteForEachServiceAtWeightNought: nothing moves by being there.
func TestGatewayHasARouteForEachServiceAtWeightNought(t *testing.T) {
	t.Parallel()
	f := deployed(t)
	var gateway struct {
		Groups map[string]struct {
			Weight *int
			Routes []struct {
				Match string
				Form  *struct{ Service string }
			}
		}
	}
	readGateway(t, &gateway)
	for _, e := range all.Services {
		group, ok := gateway.Groups[e.Name]
		if !ok || len(group.Routes) == 0 {
			t.Errorf("gateway.yaml has no group %s with a route to the service: add one at weight 0", e.Name)
			continue
		}
		if group.Weight == nil || *group.Weight != 0 {
			t.Errorf("gateway.yaml: the group %s is not at weight 0", e.Name)
		}
		s, _ := started(t, e, f)
		hasForm := false
		for _, r := range group.Routes {
			hasForm = hasForm || r.Form != nil && r.Form.Service == e.Name
		}
		for _, r := range group.Routes {
			method, path, _ := strings.Cut(r.Match, " ")
			if !hasForm && !slices.Contains(routesOf(t, s), route{method, nameless(path)}) {
				t.Errorf("gateway.yaml: the group %s has %s, which the service does not answer", e.Name, r.Match)
			}
		}
	}
	for name := range gateway.Groups {
		if _, ok := all.Named(name); !ok {
			t.Errorf("gateway.yaml has the group %s, and no service has that name", name)
		}
	}
}

func TestOpenAPIDescribesEveryRoute(t *testing.T) {
	t.Parallel()
	f := deployed(t)
	for _, e := range all.Services {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			s, _ := started(t, e, f)
			target := "/" + e.Name + "/openapi.json"
			w := httptest.NewRecorder()
			s.HTTP.ServeHTTP(w, httptest.NewRequest("GET", target, nil))
			var document struct {
				OpenAPI string
				Paths   map[string]map[string]json.RawMessage
			}
			if err := json.Unmarshal(w.Body.Bytes(), &document); err != nil || w.Code != http.StatusOK || !strings.HasPrefix(document.OpenAPI, "3.1") {
				t.Fatalf("GET %s: %d, want an OpenAPI 3.1 document: %v", target, w.Code, err)
			}
			var described []route
			for path, methods := range document.Paths {
				for method := range methods {
					if method != "parameters" && method != "summary" {
						described = append(described, route{strings.ToUpper(method), nameless(path)})
					}
				}
			}
			routes := slices.DeleteFunc(routesOf(t, s), func(r route) bool { return r.path == target })
			for _, r := range routes {
				if !slices.Contains(described, r) {
					t.Errorf("%s does not describe %s %s", target, r.method, r.path)
				}
			}
			for _, r := range described {
				if !slices.Contains(routes, r) {
					t.Errorf("%s describes %s %s, which is not answered", target, r.method, r.path)
				}
			}
		})
	}
}
