package route_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/banyan-migration/banyan/gateway/route"
)

// W-10, W-11: the copy that is matched, and what makes a path legacy's alone. W-8's paths and more.
func TestCanonicalCopy(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ raw, canonical, flags string }{
		{"/donate", "/donate", ""},
		{"/%64onate", "/donate", ""},
		{"/caf%c3%a9", "/caf%C3%A9", ""},
		{"/a%20b+c", "/a%20b+c", ""},
		{"/%7euser", "/~user", ""},
		{"/a|b", "/a|b", ""},
		{"/100%25", "/100%25", ""},
		{"/a.b/..c/...", "/a.b/..c/...", ""},
		{"//x//y", "//x//y", "double_slash"},
		{"/a/../b", "/a/../b", "dot_segment"},
		{"/a/%2e%2E/b", "/a/../b", "dot_segment"},
		{"/a/.%2e/b", "/a/../b", "dot_segment"},
		{"/a/.", "/a/.", "dot_segment"},
		{"/a/..;x/b", "/a/..;x/b", "dot_segment,semicolon"},
		{"/a%2Fb%2f", "/a%2Fb%2F", "encoded_slash"},
		{"/a%5Cb", "/a%5Cb", "encoded_backslash"},
		{`/a\b`, `/a\b`, "backslash"},
		{"/x;jsessionid=1", "/x;jsessionid=1", "semicolon"},
		{"/%2564onate", "/%2564onate", "double_encoded"},
		{"/caf%E9", "/caf%E9", "bad_utf8"},
		{"/%C0%AF", "/%C0%AF", "bad_utf8"},
		{"/%ED%A0%80", "/%ED%A0%80", "bad_utf8"},
		{"/%EF%BF%BD", "/%EF%BF%BD", ""},
		{"/caf\xc3\xa9", "/caf\xc3\xa9", "high_byte"},
		{"/caf\xe9", "/caf\xe9", "bad_utf8,high_byte"},
		{"/", "/", ""},
	} {
		got, flags, ok := route.Canonical(nil, []byte(c.raw))
		if !ok || string(got) != c.canonical || flags.String() != c.flags {
			t.Errorf("%q: %q %q %v, want %q %q", c.raw, got, flags, ok, c.canonical, c.flags)
		}
		if again, _, _ := route.Canonical(nil, got); string(again) != string(got) {
			t.Errorf("%q: a copy of the copy is %q", got, again)
		}
	}
}

// W-12: a path that cannot be read is a 400.
func TestUnreadablePath(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{"/%00", "/a%00b", "/%", "/%4", "/%zz", "/%4g"} {
		if _, _, ok := route.Canonical(nil, []byte(raw)); ok {
			t.Errorf("%q was read", raw)
		}
	}
}

// W-11: a deny rule wins on the raw path, on the fully resolved one, and on the page that Drupal takes from ?q=.
func TestDenyWins(t *testing.T) {
	t.Parallel()
	d, err := route.NewDeny([]string{"/update.php", "/admin/*"})
	if err != nil {
		t.Fatal(err)
	}
	for target, want := range map[string]bool{
		"/update.php":                 true,
		"/update.php/x":               true,
		"/updat%65.php":               true,
		"/%2575pdate.php":             true,
		"/x/../update.php":            true,
		"//update.php":                true,
		"/x/..;a=1/update.php":        true,
		"/x%2F..%2fupdate.php":        true,
		`/x\..\update.php`:            true,
		"/admin":                      true,
		"/admin/config":               true,
		"/?q=admin/config":            true,
		"/donate?q=adm%69n":           true,
		"/?q=x&q=/admin":              true,
		"/update.phpx":                false,
		"/administer":                 false,
		"/donate":                     false,
		"/?q=donate":                  false,
		"/?page=admin":                false,
		"/search?utm_source=/admin":   false,
		"/gallery/update.php-history": false,
	} {
		path, query, _ := strings.Cut(target, "?")
		if got := d.Refuses([]byte(path), []byte(query)); got != want {
			t.Errorf("%s: denied %v, want %v", target, got, want)
		}
	}
	var none *route.Deny
	if none.Refuses([]byte("/update.php"), nil) {
		t.Error("no list denies")
	}
}

// W-13: PHP's own reading of a query; in capture 8 Drupal keeps x=2 of x=1&x=2.
func TestQueryAsPHPReadsIt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		query, name, want string
		reading           route.Reading
	}{
		{"utm_source=bbc&x=1&x=2", "x", "2", route.Found},
		{"q=node/2", "q", "node/2", route.Found},
		{"%71=node%2F2", "q", "node/2", route.Found},
		{"q=a+b", "q", "a b", route.Found},
		{"q", "q", "", route.Found},
		{"q=", "q", "", route.Found},
		{"q=100%", "q", "100%", route.Found},
		{"a;q=1", "q", "", route.Missing},
		{"a=1;q=1", "q", "", route.Missing},
		{"Q=1", "q", "", route.Missing},
		{"qq=1", "q", "", route.Missing},
		{"", "q", "", route.Missing},
		{"?q=1", "q", "", route.Missing},
		{"+q=1", "q", "1", route.Found},
		{"a.b=1", "a_b", "1", route.Found},
		{"a+b=1", "a_b", "1", route.Found},
		{"q[]=1", "q", "", route.Unsure},
		{"q=1&q[x]=2", "q", "", route.Unsure},
		{"q%5B=1", "q", "", route.Unsure},
		{"q%00x=1", "q", "", route.Unsure},
		{strings.Repeat("a=1&", 1000) + "q=1", "q", "", route.Unsure},
		{strings.Repeat("a=1&", 999) + "q=1", "q", "1", route.Found},
	} {
		value, reading := route.PHP([]byte(c.query), c.name)
		if reading != c.reading || reading == route.Found && !route.Equal(value, c.want) {
			t.Errorf("%.40q: %q %d, want %q %d", c.query, value, reading, c.want, c.reading)
		}
	}
}

func parse(t testing.TB, matches ...string) []*route.Route {
	t.Helper()
	g := &route.Group{Name: "g"}
	var all []*route.Route
	for _, s := range matches {
		text, header, has := strings.Cut(s, " [")
		m, err := route.ParseMatch(text)
		if err != nil {
			t.Fatal(err)
		}
		if has {
			name, value, _ := strings.Cut(strings.TrimSuffix(header, "]"), "=")
			m.Headers = []route.Condition{{Name: name, Value: value}}
		}
		all = append(all, &route.Route{ID: m.String(), Match: m, Group: g})
	}
	return all
}

func table(t testing.TB, hosts []string, routes []*route.Route) *route.Table {
	t.Helper()
	tab, overlaps := route.New(hosts, routes)
	if overlaps != nil {
		t.Fatal(overlaps)
	}
	return tab
}

// headers is what a request says; lines counts each name's.
type headers map[string][]string

func (h headers) Header(name string) ([]byte, int) {
	for k, v := range h {
		if strings.EqualFold(k, name) {
			return []byte(v[0]), len(v)
		}
	}
	return nil, 0
}

// ask says which route takes "METHOD host/path?query", "unsure" or "none".
func ask(t testing.TB, tab *route.Table, request string, h headers) string {
	t.Helper()
	method, rest, _ := strings.Cut(request, " ")
	i := strings.IndexByte(rest, '/')
	host, ok := tab.Host([]byte(rest[:i]))
	if !ok {
		return "421"
	}
	path, query, _ := strings.Cut(rest[i:], "?")
	canonical, flags, ok := route.Canonical(nil, []byte(path))
	if !ok || flags != 0 {
		return "legacy"
	}
	found, sure := tab.Match(&route.Request{Host: host, Method: []byte(method), Path: canonical, Query: []byte(query), Headers: h})
	switch {
	case !sure:
		return "unsure"
	case found == nil:
		return "none"
	}
	return found.ID
}

var everything = []string{
	"/*", "GET /", "GET /gallery/{id}", "GET /gallery/new", "/gallery/*", "/gallery/{id}/*", "GET /gallery/{id}/edit",
	"GET /{page}/new", "POST /donate?!q", "GET /donate", "HEAD /head", "GET /head", "/head", "GET /?q=donate",
	"GET www.x.example/gallery/*", "GET /team [X-Team=red]", "GET /team", "GET /both?a=1&b=2", "GET /both?a=1",
}

// W-14: host, then the most specific path, then method, then conditions.
func TestOrderOfMatch(t *testing.T) {
	t.Parallel()
	tab := table(t, []string{"x.example", "www.x.example"}, parse(t, everything...))
	for request, want := range map[string]string{
		"GET x.example/gallery/new":          "GET /gallery/new",
		"GET x.example/gallery/7":            "GET /gallery/{id}",
		"HEAD x.example/gallery/7":           "GET /gallery/{id}",
		"POST x.example/gallery/7":           "/gallery/*",
		"GET x.example/gallery/7/edit":       "GET /gallery/{id}/edit",
		"POST x.example/gallery/7/edit":      "/gallery/{id}/*",
		"GET x.example/gallery/":             "/gallery/*",
		"GET x.example/gallery":              "/*",
		"GET x.example/shop/new":             "GET /{page}/new",
		"GET www.x.example/gallery/7":        "GET www.x.example/gallery/*",
		"GET WWW.X.Example:8080/gallery/new": "GET www.x.example/gallery/*",
		"HEAD x.example/head":                "HEAD /head",
		"GET x.example/head":                 "GET /head",
		"PUT x.example/head":                 "/head",
		"GET x.example/":                     "GET /",
		"GET x.example/?q=donate":            "GET /?q=donate",
		"GET x.example/?q=x&q=donate":        "GET /?q=donate",
		"GET x.example/?q[]=donate":          "unsure",
		"POST x.example/donate":              "POST /donate?!q",
		"POST x.example/donate?utm_source=a": "POST /donate?!q",
		"POST x.example/donate?q=about-us":   "/*",
		"POST x.example/donate?q[]=about-us": "unsure",
		"GET x.example/both?b=2&a=1":         "GET /both?a=1&b=2",
		"GET x.example/both?b=3&a=1":         "GET /both?a=1",
		"GET x.example/%64onate":             "GET /donate",
		"GET x.example/donate/":              "/*",
		"GET x.example/Donate":               "/*",
	} {
		if got := ask(t, tab, request, nil); got != want {
			t.Errorf("%s: %s, want %s", request, got, want)
		}
	}
	for _, c := range []struct {
		h    headers
		want string
	}{
		{headers{"x-team": {"red"}}, "GET /team [x-team=red]"},
		{headers{"X-Team": {"blue"}}, "GET /team"},
		{headers{"X-Team": {"red", "red"}}, "GET /team"},
		{nil, "GET /team"},
	} {
		if got := ask(t, tab, "GET x.example/team", c.h); got != c.want {
			t.Errorf("%v: %s, want %s", c.h, got, c.want)
		}
	}
}

// W-14, L-10: no two orders of the file give two answers.
func TestFileOrderMeansNothing(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	var requests []string
	for _, method := range []string{"GET", "HEAD", "POST"} {
		for _, host := range []string{"x.example", "www.x.example"} {
			for _, path := range []string{"/", "/donate", "/gallery", "/gallery/", "/gallery/new", "/gallery/1/edit", "/gallery/1/x/y", "/a/new", "/head", "/team", "/both?b=2&a=1", "/?q=donate", "/?q[]=1"} {
				requests = append(requests, method+" "+host+path)
			}
		}
	}
	routes := parse(t, everything...)
	answers := func(routes []*route.Route) string {
		tab := table(t, []string{"x.example", "www.x.example"}, routes)
		var b strings.Builder
		for _, q := range requests {
			fmt.Fprintln(&b, q, "->", ask(t, tab, q, headers{"X-Team": {"red"}}))
		}
		return b.String()
	}
	want := answers(routes)
	for range 200 {
		r.Shuffle(len(routes), func(i, j int) { routes[i], routes[j] = routes[j], routes[i] })
		if got := answers(routes); got != want {
			t.Fatalf("another order answers\n%s\nnot\n%s", got, want)
		}
	}
}

// W-14: overlap is an error at load, whatever the parameters are called.
func TestOverlapIsFound(t *testing.T) {
	t.Parallel()
	for _, pair := range [][2]string{
		{"GET /a", "GET /a"},
		{"GET /a/{x}", "GET /a/{y}"},
		{"/a/{x}/*", "/a/{y}/*"},
		{"GET /?a=1&b=2", "GET /?b=2&a=1"},
		{"GET /a [X-Team=red]", "GET /a [x-team=red]"},
	} {
		if tab, overlaps := route.New([]string{"*"}, parse(t, pair[0], pair[1])); tab != nil || len(overlaps) != 1 {
			t.Errorf("%v: %v", pair, overlaps)
		}
	}
	table(t, []string{"*"}, parse(t, "GET /a", "POST /a", "/a", "GET x.example/a", "GET /a?x=1", "GET /a?!x", "GET /{a}", "/*"))
}

// W-16: only listed hosts are let in, compared without case and port; "*" lets every one in.
func TestHostList(t *testing.T) {
	t.Parallel()
	tab := table(t, []string{"www.x.example", "127.0.0.1", "[::1]"}, nil)
	for host, want := range map[string]bool{
		"www.x.example": true, "WWW.X.EXAMPLE": true, "www.x.example:8080": true, "www.x.example:": true, "127.0.0.1:80": true,
		"[::1]": true, "[::1]:8080": true,
		"evil.test": false, "x.example": false, "www.x.example.evil.test": false, "www.x.example.": false, "": false, ":80": false,
		strings.Repeat("a", 300): false,
	} {
		if _, ok := tab.Host([]byte(host)); ok != want {
			t.Errorf("%.40q: %v, want %v", host, ok, want)
		}
	}
	if _, ok := table(t, []string{"*"}, nil).Host([]byte("evil.test")); !ok {
		t.Error("* does not let every host in")
	}
}

func TestMatchesThatAreRefused(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"POST donate":    "no path",
		"TRACE /a":       "not a method",
		"get /a":         "not a method",
		"GET Www.X/a":    "not a host",
		"GET x:80/a":     "not a host",
		"GET /a*":        "stands alone",
		"GET /*/a":       "stands alone",
		"GET /a{x}":      "whole segment",
		"GET /{}":        "whole segment",
		"GET /a/../b":    "never match",
		"GET /a//b":      "never match",
		"GET /%64onate":  `as "donate"`,
		"GET /caf%c3%a9": `as "caf%C3%A9"`,
		"GET /a?q":       "query condition",
		"GET /a?!q=1":    "query condition",
		"GET /a?q[]=1":   "query condition",
		"GET /a?":        "query condition",
	} {
		_, err := route.ParseMatch(s)
		if err == nil {
			t.Errorf("%s was accepted", s)
			continue
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v does not say %s", s, err, want)
		}
	}
}

// The data path allocates nothing.
func TestNothingIsAllocated(t *testing.T) {
	tab := table(t, []string{"www.x.example"}, parse(t, everything...))
	d, err := route.NewDeny([]string{"/update.php"})
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 0, 256)
	host, path, query := []byte("www.x.example:80"), []byte("/donate"), []byte("utm_source=x")
	q := &route.Request{Method: []byte("POST")}
	if n := testing.AllocsPerRun(100, func() {
		q.Host, _ = tab.Host(host)
		q.Path, _, _ = route.Canonical(buf[:0], path)
		q.Query = query
		if r, _ := tab.Match(q); r == nil || d.Refuses(path, query) {
			t.Error("not matched")
		}
	}); n != 0 {
		t.Errorf("%v allocations a request", n)
	}
}

func BenchmarkMatch(b *testing.B) {
	tab := table(b, []string{"www.x.example"}, parse(b, everything...))
	buf := make([]byte, 0, 256)
	q := &route.Request{Host: "www.x.example", Method: []byte("POST")}
	b.ReportAllocs()
	for b.Loop() {
		q.Path, _, _ = route.Canonical(buf[:0], []byte("/gallery/7/edit"))
		tab.Match(q)
	}
}
