package interchange

import (
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/gateway/split"
)

// nginx writes what belongs into its http block: one map from method, host and path to a backend, in W-14's order (the first expression
// that matches is taken), and a split_clients a group, whose first share grows without moving anybody back (L-2).
func nginx(e *exporter) string {
	w := &nginxText{exporter: e, sides: map[string]string{}}
	w.upstreams()
	w.requests()
	w.splits()
	w.routes()
	w.server()
	w.remarks()
	return comments("For nginx's http block, exported from gateway.yaml: include it, and test it with nginx -t.\n", e.sorted()) + w.b.String()
}

type nginxText struct {
	*exporter
	b       strings.Builder
	sides   map[string]string // by group: the variable of its split
	visitor bool              // a split is by visitor: the cookie is needed
}

func (w *nginxText) say(format string, args ...any) { fmt.Fprintf(&w.b, format+"\n", args...) }

func upstream(name string) string { return "banyan_" + strings.ReplaceAll(name, "-", "_") }

func (w *nginxText) upstreams() {
	for _, b := range w.backends() {
		w.say("upstream %s { server %s; keepalive 32; }", upstream(b.Name), w.address(b))
	}
	w.say("map $banyan_backend $banyan_scheme {\n    default http;")
	for _, b := range w.backends() {
		if b.Scheme == "https" {
			w.say("    %s https;", upstream(b.Name))
		}
	}
	w.say("}")
}

// requests takes a request apart: its path as it came, whether legacy alone may judge it (W-11), and who asks.
func (w *nginxText) requests() {
	w.say(`map $request_uri $banyan_path { "~^(?<banyan_raw>[^?]*)" $banyan_raw; }`)
	w.say(`map $banyan_path $banyan_odd { default 0; "~*(%%2f|%%5c|%%3b|\x5c|;|//|/\.\.?(/|$)|/(%%2e|\.%%2e|%%2e\.|%%2e%%2e)(/|$)|%%25[0-9a-f][0-9a-f]|[^\x21-\x7e])" 1; }`)
	w.say(`map $http_cookie $banyan_session { "~(?:^|;\s*)S?SESS[0-9a-f]+=(?<banyan_session_id>[^;]+)" $banyan_session_id; }`)
	w.say(`map $cookie_banyan_visitor $banyan_visitor { default $request_id; "~^[0-9a-f]{32}$" $cookie_banyan_visitor; }`)
	w.say(`map $request_method $banyan_method { default $request_method; HEAD GET; }`)
	w.say("geo $realip_remote_addr $banyan_trusted {\n    default 0;")
	for _, p := range w.Config.Trusted {
		w.say("    %s 1;", p)
	}
	w.say(`}`)
	w.say(`map $banyan_trusted$http_x_forwarded_proto $banyan_proto { default $scheme; 1https https; 1http http; }`)
	w.say(`map $banyan_proto $banyan_secure { default ""; https "; Secure"; }`)
}

// splits are a group's two sides by its weight in hundredths of a percent, which are basis points.
func (w *nginxText) splits() {
	for _, r := range w.rules {
		if r.weight == 0 || r.weight == split.Full || w.sides[r.group] != "" {
			continue
		}
		w.sides[r.group] = fmt.Sprint("$banyan_split_", len(w.sides)+1)
		w.say("split_clients \"%s:%s\" %s { # %s", r.salt, w.key(r), w.sides[r.group], r.group)
		w.say("    %d.%02d%% %s;\n    * %s;\n}", r.weight/100, r.weight%100, upstream(r.to), upstream(r.from))
		w.add(r.groupLine, "group "+r.group, "buckets are nginx's own hash: the share is the same, the people are others (S-1)")
	}
}

func (w *nginxText) key(r rule) string {
	switch r.key.Kind {
	case split.Session:
		return "s:$banyan_session"
	case split.Address:
		return "a:$remote_addr"
	case split.URL:
		return "$banyan_method $banyan_path"
	case split.Header:
		return "h:$http_" + strings.ToLower(strings.ReplaceAll(r.key.Header, "-", "_"))
	}
	w.visitor = true
	return "v:$banyan_visitor"
}

// routes is the table: what is written first is taken first.
func (w *nginxText) routes() {
	w.say("map \"$banyan_odd $request_method $host $banyan_path\" $banyan_backend {\n    default %s;", upstream(w.Config.Default))
	for _, r := range w.rules {
		side := upstream(r.from)
		switch {
		case r.weight == split.Full:
			side = upstream(r.to)
		case r.weight > 0:
			side = w.sides[r.group]
		}
		w.say("    \"%s\" %s; # %s", w.expression(r), side, r.id)
	}
	w.say("}")
	if !w.visitor {
		return
	}
	w.say("map \"$cookie_banyan_visitor $banyan_odd $request_method $host $banyan_path\" $banyan_cookie {\n    default \"\";\n    \"~^[0-9a-f]{32} \" \"\";")
	for _, r := range w.rules {
		value := `""`
		if w.sides[r.group] != "" && r.weight > 0 && r.key.Kind == split.Visitor {
			value = `"banyan_visitor=$request_id; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax$banyan_secure"`
		}
		w.say("    \"~^[^ ]* %s\" %s;", strings.TrimPrefix(w.expression(r), "~^"), value)
	}
	w.say("}")
}

// expression is a rule as it is compared with "odd method host path".
func (w *nginxText) expression(r rule) string {
	method, host := "[A-Z]+", "[^ ]+"
	if methods := r.methods(); methods != nil {
		method = strings.Join(methods, "|")
	}
	if r.host != "" {
		host = literal(r.host)
	}
	return fmt.Sprintf("~^0 (?:%s) %s %s", method, host, strings.TrimPrefix(r.regex(), "^"))
}

func (w *nginxText) server() {
	c := w.Config
	listen := c.Listen
	if host, port, err := net.SplitHostPort(listen); err == nil && host == "" {
		listen = port
	}
	var names []string
	anyHost := ""
	for _, h := range c.Hosts {
		if h == "*" {
			anyHost = " default_server"
			continue
		}
		names = append(names, h)
	}
	certificate := ""
	if c.TLS.On() {
		listen += " ssl"
		certificate = fmt.Sprintf(" ssl_certificate %s; ssl_certificate_key %s;", quoteNginx(c.TLS.Cert), quoteNginx(c.TLS.Key))
	}
	if anyHost == "" {
		w.say("server { listen %s default_server; server_name _;%s return 421; } # W-16", listen, certificate)
	}
	if len(names) == 0 {
		names = []string{"_"}
	}
	w.say("server {\n    listen %s%s;\n    server_name %s;%s", listen, anyHost, strings.Join(names, " "), certificate)
	for _, p := range c.Trusted {
		w.say("    set_real_ip_from %s;", p)
	}
	w.say("    real_ip_header X-Forwarded-For;\n    real_ip_recursive on;")
	w.say("    merge_slashes off;\n    client_max_body_size %d;\n    keepalive_timeout %ds;\n    client_header_timeout %ds;\n    client_body_timeout %ds;", c.Limits.Body,
		seconds(c.Timeouts.Idle), seconds(c.Timeouts.Head), seconds(c.Timeouts.Body))
	if c.Health != "" {
		w.say("    location = %s { return 200; }", c.Health)
	}
	w.denied(c)
	w.say("    location / {\n        proxy_pass $banyan_scheme://$banyan_backend; # without a path: it passes as it came (W-8)")
	w.say("        proxy_http_version 1.1;\n        proxy_connect_timeout %ds;\n        proxy_read_timeout %ds;\n        proxy_next_upstream off; # W-77", seconds(c.Timeouts.Connect), seconds(c.Timeouts.FirstByte))
	w.say("        proxy_set_header Connection \"\";\n        proxy_set_header Host $http_host; # W-17")
	w.say("        proxy_set_header X-Forwarded-For $remote_addr;\n        proxy_set_header X-Forwarded-Proto $banyan_proto;\n        proxy_set_header X-Request-Id $request_id;")
	for _, h := range scrubbed {
		w.say("        proxy_set_header %s \"\"; # W-27", h)
	}
	for _, h := range c.Strip {
		w.say("        proxy_hide_header %s; # W-34", h)
	}
	if w.visitor {
		w.say("        add_header Set-Cookie $banyan_cookie;")
	}
	w.say("    }\n}")
}

// scrubbed are the headers that a backend must only get from us (W-27), as far as nginx can name them.
var scrubbed = []string{"Forwarded", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Scheme", "X-Forwarded-Server", "X-Forwarded-Ssl", "X-Real-IP", "X-Client-IP",
	"Client-IP", "True-Client-IP", "X-Cluster-Client-IP", "X-Original-URL", "X-Rewrite-URL", "X-HTTP-Method", "X-HTTP-Method-Override", "X-Method-Override", "Front-End-Https", "Proxy",
	"X-Banyan-Side", "X-Banyan-Mark", "X-Banyan-Client", "X-Banyan-Hop"}

// denied refuses what the gateway refuses (W-11): nginx compares the resolved path, and what lies below it too.
func (w *nginxText) denied(c *config.Config) {
	for _, p := range c.Deny.Paths() {
		w.say("    location = %[1]s { return 403; }\n    location ^~ %[2]s { return 403; }", quoteNginx(p), quoteNginx(p+"/"))
	}
	if len(c.Deny.Paths()) > 0 {
		w.add(0, "deny", "a page that is asked for by ?q= is not refused there (W-11)")
	}
}

func quoteNginx(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

func seconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }

func (w *nginxText) remarks() {
	w.add(0, "overrides and pins", "X-Banyan-Side is signed and nothing there checks it; no visitor is kept where a write of theirs is (S-4, T-5)")
	w.add(0, "paths", "letters encoded without need (/%%64onate) are not decoded before they are matched: such requests go to %s (W-10)", w.Config.Default)
	w.add(0, "client addresses", "X-Forwarded-For holds the visitor's address alone, not the proxies between (W-30)")
	w.add(0, "limits.head", "large_client_header_buffers has sizes of its own (W-67)")
	w.add(0, "answers", "header order and case pass; what framing nginx changes is its own affair (W-35 to W-51)")
	if w.visitor {
		w.add(0, "visitors", "are known by a cookie banyan_visitor, unsigned, in place of __banyan: everybody is drawn anew, and it is set on public answers too (D-5)")
	}
}
