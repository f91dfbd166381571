package interchange

import (
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/banyan-migration/banyan/gateway/split"
)

// backendText is a service as a backend: an origin, without the path that the service's own URL may have.
type backendText struct {
	id, name    string
	origin      string
	path        string
	pathUnknown bool // the whole URL is a variable
}

func (w *importer) backends() {
	for _, s := range w.services {
		w.backendFor(s)
	}
	standard := w.backendOf(w.standard.service, w.standard.line)
	if strings.Trim(standard.path, "/") != "" {
		w.add(w.standard.line, w.standard.name, "its service's URL has the path %s, and paths pass as they come here (W-8): let the service answer at its root", standard.path)
	}
}

// backendOf finds a service's backend; one that the file does not hold becomes a variable.
func (w *importer) backendOf(id string, line int) *backendText {
	for _, e := range w.backend {
		if e.id == id {
			return e
		}
	}
	w.add(line, "service "+id, "it is not in the file: give the answer of list-services too, or set its address")
	return w.backendFor(&service{id: id, name: id, line: line})
}

func (w *importer) backendFor(s *service) *backendText {
	e := &backendText{id: s.id, name: w.unique("backend ", plainName(s.name))}
	w.backend = append(w.backend, e)
	blank := "${" + variable(e.name+"_URL") + "}"
	switch {
	case s.lambda != "" || s.url == "" && s.lambda == "":
		e.origin = blank
		if s.lambda != "" {
			w.add(s.line, "service "+s.name, "a Lambda (%s) is no backend as such: give it a function URL or put it behind an ALB, and set %s in the environment", s.lambda, variable(e.name+"_URL"))
		} else {
			w.add(s.line, "service "+s.name, "its URL is not known: set %s in the environment", variable(e.name+"_URL"))
		}
	case len(s.unknown) > 0:
		e.origin, e.path, e.pathUnknown = w.openURL(s, blank)
	default:
		var ok bool
		if e.origin, e.path, ok = closedURL(s.url); !ok {
			e.origin = blank
			w.add(s.line, "service "+s.name, "%q is not the URL of a backend, scheme, host and port: set %s in the environment", s.url, variable(e.name+"_URL"))
		}
	}
	return e
}

var (
	wholeVariable = regexp.MustCompile(`^\$\{[A-Z0-9_]+\}$`)
	openOrigin    = regexp.MustCompile(`^https?://(?:[A-Za-z0-9.-]|\$\{[A-Z0-9_]+\})+(?::(?:[0-9]+|\$\{[A-Z0-9_]+\}))?`)
)

// openURL reads an URL of which only a deployment knows a part.
func (w *importer) openURL(s *service, blank string) (origin, path string, whole bool) {
	w.add(s.line, "service "+s.name, "of its URL only a deployment knows %s: set what stands there as a variable", strings.Join(s.unknown, ", "))
	if wholeVariable.MatchString(s.url) {
		w.add(s.line, "service "+s.name, "its URL must be scheme, host and port alone: what path it has is not known here")
		return s.url, "", true
	}
	origin = openOrigin.FindString(s.url)
	rest := strings.TrimPrefix(s.url, origin)
	if origin == "" || rest != "" && rest[0] != '/' {
		return blank, "", true
	}
	return origin, rest, strings.Contains(rest, "${")
}

// closedURL cuts an URL into its origin and its path.
func closedURL(s string) (origin, path string, ok bool) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", "", false
	}
	if p, err := strconv.Atoi(u.Port()); u.Port() != "" && (err != nil || p < 1 || p > 65535) {
		return "", "", false
	}
	origin = u.Scheme + "://" + u.Host
	if oneLine(origin) != origin || strings.ContainsAny(origin, "\"\\${}[] ") && !strings.HasPrefix(u.Host, "[") {
		return "", "", false
	}
	return origin, u.EscapedPath(), true
}

// plainName makes a name of ours of a foreign one.
func plainName(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < 0x80 && split.Name(string(r)) {
			return r
		}
		return '-'
	}, s)
	s = s[:min(len(s), 40)]
	switch strings.ToLower(s) {
	case "":
		return "service"
	case "null", "true", "false", "yes", "no", "on", "off", "y", "n": // YAML's own words
		return "service-" + s
	}
	if c := s[0] | 0x20; c < 'a' || c > 'z' {
		return "service-" + s
	}
	return s
}

// unique keeps the names of one kind apart.
func (w *importer) unique(kind, name string) string {
	name = name[:min(len(name), 58)]
	made := name
	for i := 2; w.names[kind+made]; i++ {
		made = fmt.Sprint(name, "-", i)
	}
	w.names[kind+made] = true
	return made
}
