package config

import (
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/banyan-migration/banyan/gateway/diff"
	"github.com/banyan-migration/banyan/gateway/route"
	"github.com/banyan-migration/banyan/gateway/split"
)

func (b *builder) backends(n node) {
	for _, p := range n.pairs() {
		if !split.Name(p.key) {
			p.value.wrong("%q is not a backend's name: letters, digits, '-' and '_'", p.key)
		}
		b.Backends[p.key] = b.backend(p)
	}
}

func (b *builder) backend(p pair) *Backend {
	e := &Backend{Name: p.key, Line: p.line}
	fields := options(&e.Options)
	fields["shadow_auth"] = func(n node) { e.ShadowAuth = n.text() }
	var url, dir, kind node
	fields["dir"] = func(n node) { dir = n; b.dir(e, n) }
	fields["kind"] = func(n node) { kind, e.Kind = n, n.choice("drupal7", "drupal8") }
	fields["url"] = func(n node) { url = n; e.address(n) }
	own := false
	fields["host"] = func(n node) { own = n.choice("own", "visitor") == "own" }
	p.value.fields(fields)
	if own {
		b.own(e, p.value)
	}
	switch {
	case dir.ast != nil && url.ast != nil:
		dir.wrong("a backend is a url or a dir: leave one out")
	case dir.ast != nil && kind.ast != nil:
		kind.wrong("%s names a Drupal that answers; pages in a dir are files: leave it out", e.Kind)
	case dir.ast == nil && url.ast == nil:
		p.value.wrong("url is missing: where this backend answers, such as http://127.0.0.1:9001; or dir, the folder of its frozen pages")
	}
	return e
}

// own has a backend asked under its own name, as those want that serve many by their names: API Gateway knows no other.
func (b *builder) own(e *Backend, n node) {
	switch {
	case e.Kind != "":
		n.wrong("host: own changes the names of Drupal's cookies and signs everybody out (W-17, D-1): leave it out")
	case e.Dir != "":
		n.wrong("host: own names an address that is asked, and pages in a dir are files: leave it out")
	default:
		e.OwnHost = e.named
	}
}

// dir reads the folder of pages that `banyan migrate content` has written. Read opens it.
func (b *builder) dir(e *Backend, n node) {
	s, ok := n.scalar()
	if !ok {
		return
	}
	if e.Dir = s; s == "" {
		n.wrong("is empty: the folder that banyan migrate content has written")
		return
	}
	b.folders = append(b.folders, folder{s, n})
}

// address reads a url of scheme, host and port alone: a path of its own would change every request's (W-8).
func (e *Backend) address(n node) {
	s, ok := n.scalar()
	if !ok {
		return
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil ||
		strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		n.wrong("%q is not a backend's url: scheme, host and port alone, such as http://127.0.0.1:9001; paths pass as they come", s)
		return
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	e.named = u.Host
	e.Scheme, e.Host, e.Address = u.Scheme, u.Hostname(), net.JoinHostPort(u.Hostname(), port)
	if p, err := strconv.Atoi(port); err != nil || p < 1 || p > 65535 {
		n.wrong("%q has no port from 1 to 65535", s)
	}
}

// options are the keys that a route and a backend share.
func options(o *route.Options) map[string]func(node) {
	all := map[string]func(node){
		"max_rate":         func(n node) { o.MaxRate = int(n.number(1, 100_000, "posts a minute an address")) },
		"allow_underscore": func(n node) { o.AllowUnderscore = underscores(n) },
		"shadow":           func(n node) { o.Shadow = int(n.number(0, split.Full, "basis points")) },
		"ignore": func(n node) {
			n.texts(func(item node, s string) {
				_, err := diff.ParseIgnore(s)
				item.must(err)
				o.Ignore = append(o.Ignore, s)
			})
		},
	}
	for name, flag := range map[string]*bool{
		"buffer_body": &o.BufferBody, "require_length": &o.RequireLength, "upgrade": &o.Upgrade, "relay_103": &o.Relay103,
		"trailers": &o.Trailers, "retry_idle_close": &o.RetryIdleClose, "failover": &o.Failover,
	} {
		all[name] = func(n node) { *flag = n.flag() }
	}
	return all
}

// ours are the names that PHP must only ever get from the gateway: X_Forwarded_For would become the same variable as
// X-Forwarded-For (W-29).
var ours = []string{"x-forwarded-", "x-banyan-", "x-real-ip", "client-ip", "content-", "host", "cookie", "proxy", "transfer-"}

func underscores(n node) []string {
	var all []string
	n.texts(func(item node, s string) {
		same := strings.ToLower(strings.ReplaceAll(s, "_", "-"))
		for _, name := range ours {
			if strings.HasPrefix(same, name) {
				item.wrong("%s would pass for %s in PHP: it stays dropped", s, same)
			}
		}
		if !split.Token(s) || !strings.Contains(s, "_") {
			item.wrong("%q is not a header's name with '_'", s)
		}
		all = append(all, s)
	})
	return all
}
