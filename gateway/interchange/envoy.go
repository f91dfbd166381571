package interchange

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/banyan-migration/banyan/gateway/split"
)

// envoy writes a RouteConfiguration (envoy.config.route.v3): routes in W-14's order, the new side's range of the hash first, so that a
// higher weight moves nobody back (L-2). Clusters have the names of the backends.
func envoy(e *exporter) string {
	w := &envoyText{exporter: e}
	hosts := slices.Clone(e.Config.Hosts)
	anyHost := slices.Contains(hosts, "*")
	w.line(0, "name: banyan")
	w.line(0, "virtual_hosts:")
	for _, host := range hosts {
		if host == "*" {
			continue
		}
		w.virtualHost(host, []string{host, host + ":*"}, host)
	}
	if anyHost {
		w.virtualHost("any", []string{"*"}, "")
	} else {
		w.line(0, "- name: others # W-16")
		w.line(2, "domains: [\"*\"]")
		w.line(2, "routes: [{match: {prefix: /}, direct_response: {status: 421}}]")
	}
	w.remarks()
	return comments("Routes, exported from gateway.yaml, for Envoy's HTTP connection manager (route_config). "+w.clusters(), e.sorted()) + w.b.String()
}

type envoyText struct {
	*exporter
	b strings.Builder
}

func (w *envoyText) line(indent int, format string, args ...any) {
	w.b.WriteString(strings.Repeat(" ", indent) + fmt.Sprintf(format, args...) + "\n")
}

func (w *envoyText) clusters() string {
	var all []string
	for _, b := range w.backends() {
		all = append(all, fmt.Sprintf("%s at %s://%s", b.Name, b.Scheme, w.address(b)))
	}
	return "Clusters to define:\n" + strings.Join(all, "\n") + "\n"
}

func (w *envoyText) virtualHost(name string, domains []string, host string) {
	w.line(0, "- name: %q", name)
	w.line(2, "domains: [%s]", quoted(domains))
	w.line(2, "routes:")
	for _, p := range w.Config.Deny.Paths() {
		w.line(2, "- {match: {path_separated_prefix: %s}, direct_response: {status: 403}} # W-11", quoteYAML(p))
	}
	for _, r := range w.rules {
		if r.host == "" || r.host == host {
			w.overrides(r)
			w.line(2, "- match: {%s}", w.match(r, ""))
			w.action(r)
		}
	}
	w.line(2, "- match: {prefix: /}")
	w.line(4, "route: {cluster: %s}", w.Config.Default)
}

func quoted(all []string) string {
	out := make([]string, len(all))
	for i, s := range all {
		out[i] = fmt.Sprintf("%q", s)
	}
	return strings.Join(out, ", ")
}

// match is a rule's path, method and headers, and one more header's exact value.
func (w *envoyText) match(r rule, override string) string {
	var path string
	switch {
	case r.params:
		path = "safe_regex: {regex: " + quoteYAML(r.regex()) + "}"
	case r.prefix:
		path = "prefix: " + quoteYAML(strings.TrimSuffix(r.path, "*"))
	default:
		path = "path: " + quoteYAML(r.path)
	}
	var headers []string
	switch methods := r.methods(); len(methods) {
	case 1:
		headers = append(headers, fmt.Sprintf(`{name: ":method", string_match: {exact: %s}}`, methods[0]))
	case 2:
		headers = append(headers, fmt.Sprintf(`{name: ":method", string_match: {safe_regex: {regex: "%s"}}}`, strings.Join(methods, "|")))
	}
	for _, c := range r.headers {
		if c.Absent {
			headers = append(headers, fmt.Sprintf(`{name: %q, present_match: false}`, c.Name))
			continue
		}
		headers = append(headers, fmt.Sprintf(`{name: %q, string_match: {exact: %s}}`, c.Name, quoteYAML(c.Value)))
	}
	if override != "" {
		headers = append(headers, fmt.Sprintf(`{name: %s, string_match: {exact: %q}}`, strings.ToLower(split.OverrideHeader), override))
	}
	if len(headers) == 0 {
		return path
	}
	return path + ", headers: [" + strings.Join(headers, ", ") + "]"
}

// quoteYAML is a single-quoted scalar: nothing in it means anything but '.
func quoteYAML(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

func (w *envoyText) action(r rule) {
	w.line(4, "route:")
	switch r.weight {
	case 0:
		w.line(6, "cluster: %s", r.from)
	case split.Full:
		w.line(6, "cluster: %s", r.to)
	default:
		w.line(6, "weighted_clusters: # %s; the new side first, so that growth moves nobody back", r.group)
		w.line(8, "clusters: [{name: %s, weight: %d}, {name: %s, weight: %d}]", r.to, r.weight, r.from, split.Full-r.weight)
		w.line(8, "use_hash_policy: true")
		w.line(6, "hash_policy: [%s]", w.hash(r))
	}
	w.mirror(r)
}

// hash is what a group's people are told apart by.
func (w *envoyText) hash(r rule) string {
	w.add(r.groupLine, "group "+r.group, "buckets are Envoy's own, without a salt: the share is the same, the people are others, and groups with one key move the same people (S-1, L-5)")
	switch r.key.Kind {
	case split.Address:
		return "{connection_properties: {source_ip: true}}"
	case split.URL:
		w.add(r.groupLine, "group "+r.group, "its key is the path with its query there, and the path alone here (S-2)")
		return `{header: {header_name: ":path"}}`
	case split.Header:
		return fmt.Sprintf("{header: {header_name: %q}}", r.key.Header)
	case split.Session:
		w.add(r.groupLine, "group "+r.group, "its key is the session cookie, whose name no hash policy can match: a cookie of Envoy's own takes its place (S-2)")
	}
	return `{cookie: {name: banyan_visitor, path: /, ttl: 31536000s}}`
}

// mirror copies reads to the other side. Writes have no effect mode there, and copies no mark.
func (w *envoyText) mirror(r rule) {
	if r.shadow == 0 {
		return
	}
	reads := r.method == "GET" || r.method == "HEAD"
	other := map[int]string{0: r.to, split.Full: r.from}[r.weight]
	if !reads || other == "" {
		w.add(r.line, r.id, "no copies (shadow: %d): there they are for GET and HEAD alone, and while all requests go to one side (H-6)", r.shadow)
		return
	}
	w.add(r.line, r.id, "its copies carry no mark and D-10's list is not asked: only let them reach a side that can take them (H-4)")
	w.line(6, "request_mirror_policies: # the Host is kept (A3)")
	w.line(6, "- {cluster: %s, disable_shadow_host_suffix_append: true, runtime_fraction: {default_value: {numerator: %d, denominator: TEN_THOUSAND}}}", other, r.shadow)
}

// overrides lets who knows a group's word choose a side; the word comes from the key that signs ours.
func (w *envoyText) overrides(r rule) {
	if r.from == r.to {
		return
	}
	for _, side := range []struct{ name, cluster string }{{"new", r.to}, {"legacy", r.from}} {
		word := w.word(side.name, r.group)
		if word == "" {
			return
		}
		w.line(2, "- match: {%s}", w.match(r, word))
		w.line(4, "route: {cluster: %s}", side.cluster)
	}
}

// word is what an override says there: SIDE.GROUP.MAC, or "" where no key is known.
func (w *envoyText) word(side, group string) string {
	if len(w.Config.Keys) == 0 || len(w.Config.Keys[0].Value) < 16 {
		return ""
	}
	mac := hmac.New(sha256.New, []byte(w.Config.Keys[0].Value))
	mac.Write([]byte("banyan export " + side + " " + group))
	return side + "." + group + "." + hex.EncodeToString(mac.Sum(nil)[:16])
}

func (w *envoyText) remarks() {
	if w.word("new", "x") == "" {
		w.add(0, "overrides", "no key is known here (keys:): X-Banyan-Side does nothing there (S-4)")
	} else {
		w.add(0, "overrides", "X-Banyan-Side has a word a group and side in place of a signature: it does not expire and nobody audits it; keep this file secret (S-4)")
	}
	w.add(0, "pins", "no visitor is kept where a write of theirs is (T-5)")
	w.add(0, "paths", "turn normalize_path and merge_slashes off: bytes pass as they came; what is encoded oddly is not sent to %s alone (W-8, W-10, W-11)", w.Config.Default)
	if len(w.Config.Deny.Paths()) > 0 {
		w.add(0, "deny", "is compared with the path as it came: one that is encoded, or asked for by ?q=, is not refused there (W-11)")
	}
	w.add(0, "limits, timeouts, health", "belong to the connection manager and its filters: none is exported (W-66 to W-75)")
}
