package diff

import (
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// transport are headers of a connection or a coding, not of an answer's meaning, and the gateway's own.
var transport = []string{"connection", "keep-alive", "transfer-encoding", "content-length", "content-encoding", "te", "trailer",
	"upgrade", "proxy-connection", "proxy-authenticate", "alt-svc"}

// sets are headers whose value is a set of words (F-3). No other header is cut at commas: dates and cookies hold some.
var sets = []string{"vary", "cache-control", "allow", "access-control-allow-methods", "access-control-allow-headers",
	"access-control-expose-headers", "content-language", "pragma"}

// headers compares two heads: the names' case and the order of different names mean nothing.
func (x *comparison) headers(legacy, new [][2]string) {
	if slices.Equal(legacy, new) {
		return
	}
	l, n := byName(legacy), byName(new)
	for _, name := range slices.Sorted(maps.Keys(union(l, n))) {
		a, b := l[name], n[name]
		field := "header " + name
		switch {
		case name == "set-cookie":
			x.cookies(a, b)
		case slices.Equal(a, b):
		case name == "location" && len(a) == 1 && len(b) == 1:
			x.location(field, a[0], b[0])
		case name == "content-type" && len(a) == 1 && len(b) == 1:
			x.contentType(field, a[0], b[0])
		case slices.Contains(sets, name):
			x.list(field, true, items(words(a)), items(words(b)))
		default:
			x.list(field, false, items(a), items(b))
		}
	}
}

func byName(head [][2]string) map[string][]string {
	all := make(map[string][]string, len(head))
	for _, h := range head {
		name := strings.ToLower(h[0])
		if !slices.Contains(transport, name) && !strings.HasPrefix(name, "x-banyan-") {
			all[name] = append(all[name], strings.TrimSpace(h[1]))
		}
	}
	return all
}

func union[V any](a, b map[string]V) map[string]V {
	all := make(map[string]V, len(a)+len(b))
	maps.Copy(all, a)
	maps.Copy(all, b)
	return all
}

// words are the members of a list header, in lower case but for quoted strings; a comma in quotes parts nothing.
func words(lines []string) (all []string) {
	for _, line := range lines {
		quoted, from := false, 0
		for i := 0; i <= len(line); i++ {
			switch {
			case i < len(line) && line[i] == '\\' && quoted:
				i++
			case i < len(line) && line[i] == '"':
				quoted = !quoted
			case i == len(line) || line[i] == ',' && !quoted:
				if w := strings.TrimSpace(line[from:min(i, len(line))]); w != "" {
					name, value, has := strings.Cut(w, "=")
					if has {
						value = "=" + value
					}
					all = append(all, strings.ToLower(name)+value)
				}
				from = i + 1
			}
		}
	}
	return all
}

// location compares where two redirects lead, part by part.
func (x *comparison) location(field, legacy, new string) {
	a, errA := url.Parse(legacy)
	b, errB := url.Parse(new)
	if errA != nil || errB != nil {
		x.single(field, legacy, new)
		return
	}
	x.single(field+" scheme", a.Scheme, b.Scheme)
	x.single(field+" host", strings.ToLower(a.Host), strings.ToLower(b.Host))
	x.single(field+" path", a.EscapedPath(), b.EscapedPath())
	x.single(field+" fragment", a.EscapedFragment(), b.EscapedFragment())
	x.query(field, a.Query(), b.Query())
}

// query compares two queries key by key.
func (x *comparison) query(field string, a, b url.Values) {
	for _, key := range slices.Sorted(maps.Keys(union(a, b))) {
		x.list(field+" query "+key, false, present(a[key]), present(b[key]))
	}
}

// present are values in which an empty one is one too.
func present(values []string) []item {
	all := items(values)
	for i := range all {
		if all[i].value == "" {
			all[i].value = `""`
		}
	}
	return all
}

// contentType compares media types and their parameters; the names' case means nothing, a charset's neither.
func (x *comparison) contentType(field, legacy, new string) {
	a, pa, errA := mime.ParseMediaType(legacy)
	b, pb, errB := mime.ParseMediaType(new)
	if errA != nil || errB != nil {
		x.single(field, strings.ToLower(legacy), strings.ToLower(new))
		return
	}
	x.single(field, a, b)
	for _, name := range slices.Sorted(maps.Keys(union(pa, pb))) {
		l, n := pa[name], pb[name]
		if name == "charset" {
			l, n = strings.ToLower(l), strings.ToLower(n)
		}
		if name != "boundary" { // drawn anew for each answer
			x.single(field+" "+name, l, n)
		}
	}
}

// cookies compares the names and attributes of cookies (F-2). Their values are drawn anew for each visitor; when they end is noise,
// but not whether they are kept, forgotten with the browser, or deleted.
func (x *comparison) cookies(legacy, new []string) {
	l, n := jar(legacy), jar(new)
	for _, name := range slices.Sorted(maps.Keys(union(l, n))) {
		field := "header set-cookie " + name
		a, b := l[name], n[name]
		if len(a) != len(b) {
			x.list(field, false, items(repeat("set", len(a))), items(repeat("set", len(b))))
			continue
		}
		for i := range a {
			for _, attribute := range slices.Sorted(maps.Keys(union(a[i], b[i]))) {
				x.single(field+" "+attribute, a[i][attribute], b[i][attribute])
			}
		}
	}
}

func repeat(s string, n int) []string { return slices.Repeat([]string{s}, n) }

// jar is the attributes of each cookie by name.
func jar(lines []string) map[string][]map[string]string {
	all := map[string][]map[string]string{}
	for _, line := range lines {
		pair, rest, _ := strings.Cut(line, ";")
		name, value, _ := strings.Cut(pair, "=")
		name = strings.TrimSpace(name)
		all[name] = append(all[name], attributes(value, rest))
	}
	return all
}

func attributes(value, rest string) map[string]string {
	all := map[string]string{"life": "of the browser"}
	for part := range strings.SplitSeq(rest, ";") {
		key, v, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch key = strings.ToLower(key); key {
		case "":
		case "expires":
			all["life"] = "kept"
			if t, err := http.ParseTime(v); err == nil && t.Year() < 2000 {
				all["life"] = "deleted"
			}
		case "secure", "httponly", "partitioned":
			all[key] = "set"
		case "samesite", "domain":
			all[key] = strings.ToLower(v)
		default:
			all[key] = v
		}
	}
	switch age := all["max-age"]; {
	case age == "0" || strings.HasPrefix(age, "-") || value == "deleted":
		all["life"] = "deleted"
	case age != "":
		all["life"] = "kept " + age + " seconds"
	}
	delete(all, "max-age")
	return all
}
