package content

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/migration/drupal"
)

// origin is a small old site that can be edited and broken. Its pages are by target; a page that begins with a number answers with that status.
type origin struct {
	*httptest.Server
	mu     sync.Mutex
	pages  map[string]string
	heads  map[string]http.Header
	asked  map[string]int
	all    int
	before func(n int) // told of each request before it is answered; nil: nobody is
}

// site is the name that the site is asked under, whatever port it has.
const site = "http://www.old.example"

func newOrigin(t testing.TB, pages map[string]string) *origin {
	o := &origin{pages: pages, heads: map[string]http.Header{}, asked: map[string]int{}}
	o.Server = httptest.NewServer(o)
	t.Cleanup(o.Close)
	return o
}

// ServeHTTP answers from the pages as they are now.
func (o *origin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	target := r.URL.RequestURI()
	o.asked[target]++
	o.all++
	n, before := o.all, o.before
	o.mu.Unlock()
	if before != nil {
		before(n)
	}
	o.mu.Lock()
	page, there := o.pages[target]
	head := o.heads[target]
	o.mu.Unlock()
	if !there {
		page = `404 <title>Page not found</title>`
	}
	if r.Method != http.MethodGet || r.Host != "www.old.example" {
		page = "405 "
	}
	status, kind := http.StatusOK, "text/html; charset=utf-8"
	if len(page) > 4 && page[3] == ' ' && '1' < page[0] && page[0] < '6' {
		fmt.Sscan(page[:3], &status)
		page = page[4:]
	}
	switch {
	case strings.HasSuffix(r.URL.Path, ".css"):
		kind = "text/css"
	case strings.HasSuffix(r.URL.Path, ".jpg"):
		kind = "image/jpeg"
	case strings.HasSuffix(r.URL.Path, ".xml"):
		kind = "application/rss+xml; charset=utf-8"
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("X-Drupal-Cache", "MISS")
	for name, values := range head {
		w.Header()[name] = values
	}
	if status/100 == 3 {
		w.Header().Set("Location", page)
		page = ""
	}
	if tag := head.Get("Etag"); tag != "" && r.Header.Get("If-None-Match") == tag {
		status, page = http.StatusNotModified, ""
	}
	w.WriteHeader(status)
	w.Write([]byte(page))
}

func (o *origin) set(target, page string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if page == "" {
		delete(o.pages, target)
		return
	}
	o.pages[target] = page
}

func (o *origin) times(target string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.asked[target]
}

// client reaches the site under its name.
func (o *origin) client() *http.Client {
	return &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: workers, DisableCompression: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, o.Listener.Addr().String())
		}}}
}

// options are those of a freeze of the site into a folder.
func (o *origin) options(out string, e *editors) Options {
	return Options{Content: e, Site: site, Out: out, Client: o.client(), pause: time.Millisecond, Now: func() time.Time { return time.Unix(1_553_000_000, 0) }}
}

// editors is what a site's editors made.
type editors struct {
	nodes     []drupal.Node
	aliases   []drupal.Alias
	redirects []drupal.Redirect
	menus     []drupal.MenuLink
	files     []drupal.File
	fields    []drupal.Field
}

func each[T any](all []T, yield func(T) error) error {
	for _, one := range all {
		if err := yield(one); err != nil {
			return err
		}
	}
	return nil
}

func (e *editors) Version() int { return 7 }
func (e *editors) Nodes(_ context.Context, yield func(drupal.Node) error) error {
	return each(e.nodes, yield)
}
func (e *editors) Aliases(_ context.Context, yield func(drupal.Alias) error) error {
	return each(e.aliases, yield)
}
func (e *editors) Redirects(_ context.Context, yield func(drupal.Redirect) error) error {
	return each(e.redirects, yield)
}
func (e *editors) Menus(_ context.Context, yield func(drupal.MenuLink) error) error {
	return each(e.menus, yield)
}
func (e *editors) Files(_ context.Context, yield func(drupal.File) error) error {
	return each(e.files, yield)
}
func (e *editors) Fields(context.Context) ([]drupal.Field, error)         { return e.fields, nil }
func (e *editors) Routes(context.Context, func(drupal.Route) error) error { return nil }
func (e *editors) Hooks(context.Context) ([]drupal.Hook, error)           { return nil, nil }
func (e *editors) Census(context.Context) (drupal.Census, error)          { return drupal.Census{}, nil }
func (e *editors) Variable(context.Context, string) (any, error)          { return nil, nil }
func (e *editors) Close() error                                           { return nil }

// small is a site of a few pages with all that pages do, and its editors.
func small(t testing.TB) (*origin, *editors) {
	o := newOrigin(t, map[string]string{
		"/": `<title>Home | Old</title><link href="/sites/a.css?x1y2z3" rel="stylesheet"><a href="http://www.old.example/about-us?utm_source=x#top">About</a>` +
			`<a href="/node?page=1">next</a><a href="/?q=team">team</a><a href="/user/login">in</a><a href="http://elsewhere.example/x">out</a>` +
			`<img srcset="/sites/default/files/a.jpg 1x, http://www.old.example/sites/default/files/b.jpg 2x"><p>See http://www.old.example/about-us</p>`,
		"/about-us":                  `<title>About us | Old</title><form action="/about-us?destination=node/1"><input name="form_build_id" value="form-` + strings.Repeat("a", 43) + `"></form>`,
		"/node/1":                    `<title>About us | Old</title><form action="/about-us?destination=node/1"><input name="form_build_id" value="form-` + strings.Repeat("b", 43) + `"></form>`,
		"/team":                      `<title>Team | Old</title><a href="/about-us?x=1">x</a><a href="/about-us?x=2">x</a>`,
		"/node":                      `<title>News | Old</title>first`,
		"/node?page=1":               `<title>News | Old</title>second`,
		"/about-us?x=1":              `<title>About us | Old</title><form action="/about-us?destination=node/1%3Fx%3D1"><input name="form_build_id" value="form-` + strings.Repeat("c", 43) + `"></form>`,
		"/about-us?x=2":              `<title>About us | Old</title><form action="/about-us?destination=node/1%3Fx%3D2"><input name="form_build_id" value="form-` + strings.Repeat("d", 43) + `"></form>`,
		"/old-team":                  `301 http://www.old.example/team`,
		"/sites/a.css":               `@import url("http://www.old.example/sites/b.css"); body { background: url(c.jpg) }`,
		"/sites/b.css":               `p {}`,
		"/sites/c.jpg":               "\xff\xd8c",
		"/sites/default/files/a.jpg": "\xff\xd8a", "/sites/default/files/b.jpg": "\xff\xd8b",
		"/form":        `<title>Form | Old</title><form action="/form" method="post"><input type="hidden" name="form_id" value="webform_client_form_3"></form>`,
		"/node/3":      `<title>Form | Old</title><form action="/form" method="post"><input type="hidden" name="form_id" value="webform_client_form_3"></form>`,
		"/node/3/done": `<title>Form | Old</title>Thank you`,
		"/rss.xml":     `<rss version="2.0"><channel><item><link>http://www.old.example/team</link></item></channel></rss>`,
	})
	at := time.Unix(1_500_000_000, 0)
	return o, &editors{
		nodes: []drupal.Node{{NID: 1, Type: "page", Title: "About us", Published: true, Author: 1, Created: at, Changed: at, Fields: map[string][]map[string]string{"body": {{"value": "<p>x</p>", "format": "filtered_html"}}}},
			{NID: 2, Type: "webform", Title: "Donate", Published: true, Created: at, Changed: at}, {NID: 3, Type: "webform", Title: "Form", Published: true, Created: at, Changed: at},
			{NID: 4, Type: "page", Title: "Not yet", Created: at, Changed: at}},
		aliases:   []drupal.Alias{{PID: 1, Source: "node/1", Alias: "about-us"}, {PID: 2, Source: "node/2", Alias: "donate"}, {PID: 3, Source: "node/3", Alias: "form"}, {PID: 4, Source: "node/4", Alias: "soon"}},
		redirects: []drupal.Redirect{{From: "old-team", To: "team", Status: 301}},
		menus:     []drupal.MenuLink{{ID: 1, Menu: "main-menu", Title: "Team", Path: "team"}},
		files:     []drupal.File{{FID: 7, URI: "public://a.jpg", Name: "a.jpg", Type: "image/jpeg", Size: 3, Changed: at, Uses: 1}, {FID: 8, URI: "private://p.pdf", Name: "p.pdf"}},
		fields:    []drupal.Field{{Name: "body", Type: "text_with_summary", Columns: []string{"value", "summary", "format"}}},
	}
}
