package assess

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/banyan-migration/banyan/gateway/config"
)

// The backends of a plan that nobody gave others for: where `banyan up` has them.
const (
	DefaultSite     = "http://127.0.0.1:9001"
	DefaultServices = "http://127.0.0.1:9002"
)

// Plan is a whole gateway.yaml for what was found: every group that can move, at weight 0, in the order of cutover with its
// reasons; the rest as comments. site and services are the backends' addresses; empty are the defaults. An error says which
// of the two is no address of a backend.
func (a *Assessment) Plan(site, services string) ([]byte, error) {
	if err := Backends(site, services); err != nil {
		return nil, err
	}
	head := a.head(cmp.Or(site, DefaultSite), cmp.Or(services, DefaultServices))
	var b bytes.Buffer
	b.WriteString(head)
	live := false
	for i, g := range a.Order {
		text, why := a.group(g)
		if why == "" {
			_, err := config.Parse("plan.yaml", []byte(head+"groups:\n"+text), config.Options{Check: true})
			var mistakes config.Mistakes
			if errors.As(err, &mistakes) {
				why = "the gateway would refuse it: " + mistakes[0].Text
			}
		}
		if why == "" && !live {
			b.WriteString("groups:\n")
			live = true
		}
		fmt.Fprintf(&b, "\n  # %d. %s: %s\n", i+1, g.Name, strings.Join(wrapped(g.Why), "\n  #    "))
		for _, s := range g.Shares {
			fmt.Fprintf(&b, "  #    writes to one service with %s: name a conflict rule before both move\n", s)
		}
		if why == "" {
			b.WriteString(text)
			continue
		}
		fmt.Fprintf(&b, "  #    not in the plan: %s\n", why)
		for line := range strings.Lines(text) {
			b.WriteString("  # " + strings.TrimPrefix(line, "  "))
		}
	}
	if _, err := config.Parse("plan.yaml", b.Bytes(), config.Options{Check: true}); err != nil {
		return nil, fmt.Errorf("assess: the plan is wrong, which is a fault of ours: %w", err)
	}
	return b.Bytes(), nil
}

// Backends says why one of the two is no address of a backend.
func Backends(site, services string) error {
	for _, address := range []string{site, services} {
		u, err := url.Parse(address)
		if address != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil) {
			return errors.New("one of them is no address of a backend, which is http:// or https:// and a host, without a name or a password") // that it may hold
		}
	}
	head := new(Assessment).head(cmp.Or(site, DefaultSite), cmp.Or(services, DefaultServices))
	if _, err := config.Parse("plan.yaml", []byte(head), config.Options{Check: true}); err != nil {
		return fmt.Errorf("the gateway would refuse it: %w", err)
	}
	return nil
}

// wrapped puts reasons into lines that are not too long to read.
func wrapped(why []string) (lines []string) {
	line := ""
	for _, w := range why {
		if line != "" && len(line)+len(w) > 110 {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimPrefix(line+"; "+w, "; ")
	}
	return append(lines, line)
}

// head is everything but the groups.
func (a *Assessment) head(site, services string) string {
	hosts := slices.Clone(a.hosts)
	if u, err := url.Parse(site); err == nil && u.Hostname() != "" && u.Hostname() != "127.0.0.1" && !slices.Contains(hosts, u.Hostname()) {
		hosts = append(hosts, u.Hostname())
	}
	said := "the site's names: requests for others are refused"
	fallback := ""
	if len(hosts) == 0 {
		hosts, said = []string{`"*"`}, "the log names no host: put the site's names here"
	} else {
		fallback = "default_host: " + hosts[0] + "\n"
		hosts = append(hosts, "127.0.0.1", "localhost")
	}
	kind := "drupal7"
	if a.version > 7 {
		kind = "drupal8"
	}
	return fmt.Sprintf(`# The gateway for what banyan assess found in %d requests from %s to %s.
# Nothing moves by it: every group is at weight 0. The groups stand in the proposed order of cutover, each with its reasons.
# Check it: banyan gateway --config plan.yaml --check
listen: 127.0.0.1:8080
admin: {listen: 127.0.0.1:8081} # a token is made and printed where none is given; on loopback only
gateway_id: gw-1
hosts: [%s] # %s
%sstore: sqlite:.banyan/plan.db
health: /.banyan/health

backends:
  drupal: {url: %q, kind: %s}
  services: {url: %q}
default: drupal

`, a.Requests, a.From.Format("2 January 2006"), a.To.Format("2 January 2006"), strings.Join(hosts, ", "), said, fallback, site, kind, services)
}

// group is a group as the file has it; why says what keeps it from being in force.
func (a *Assessment) group(g Group) (text, why string) {
	var routes []string
	switch {
	case g.Kind == Forms && g.form.known.Node != 0:
		f := g.form.known
		routes = append(routes, fmt.Sprintf("{match: POST /%s, form: {node: %d, service: %s}}", f.Alias, f.Node, f.Service),
			fmt.Sprintf("{match: GET /node/%d/done}", f.Node))
		if f.Target == "" {
			why = "no mapping of this form's posts to the service " + f.Service + " is written yet"
		}
	case g.Kind == Files:
		routes, why = []string{"{match: GET /sites/default/files/*}"}, "files follow the pages that show them: migrate content copies them"
	case g.Kind == Session:
		why = "only Drupal can check who is signed in"
	case g.Kind == Pages:
		why = "pages are frozen or handed on by migrate content"
	case g.Service == "":
		why = "no service takes it over yet"
	}
	if routes == nil {
		for _, r := range g.Routes {
			routes = append(routes, "{match: "+strings.ReplaceAll(r, private, "{private}")+"}")
		}
	}
	if len(routes) == 0 {
		return "", cmp.Or(why, "the log shows no route of it")
	}
	key := "visitor"
	if g.Posts == 0 && g.Kind != Forms {
		key = "url # the answers are everybody's: a CDN stays coherent"
	}
	return fmt.Sprintf("  %s:\n    from: drupal\n    to: services\n    weight: 0\n    key: %s\n    salt: %s\n    routes:\n      - %s\n",
		g.Name, key, g.Name, strings.Join(routes, "\n      - ")), why
}
