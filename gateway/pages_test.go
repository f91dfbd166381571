package gateway

import (
	"bufio"
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/frozen"
)

// freeze writes a folder of pages as `banyan migrate content` does, by address.
func freeze(t testing.TB, dir string, bodies map[string]string, more ...frozen.Page) {
	t.Helper()
	at := time.Date(2019, 3, 20, 12, 0, 0, 0, time.UTC)
	m := frozen.Manifest{Site: "http://h", Made: at, Pages: more}
	keep := func(p frozen.Page, body string) frozen.Page {
		p.Hash, p.Size, p.When = frozen.HashOf([]byte(body)), int64(len(body)), at
		p.File = frozen.File(p.Hash)
		file := filepath.Join(dir, p.File)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(body), 0o644); err != nil {
			t.Fatal(err)
		}
		return p
	}
	for address, body := range bodies {
		p := frozen.Page{At: address, Status: 200, Type: "text/html; charset=utf-8", Headers: [][2]string{{"Cache-Control", "max-age=300"}, {"Content-Language", "en"}}}
		if strings.Contains(address, ".") {
			p.Type, p.Asset, p.Modified = "application/javascript", true, "Wed, 01 Oct 2025 21:25:00 GMT"
		}
		m.Pages = append(m.Pages, keep(p, body))
	}
	lost := keep(frozen.Page{At: "/lost", Status: 404, Type: "text/html"}, "<title>Page not found</title>")
	m.Missing = &lost
	text, err := m.Text()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, frozen.ManifestName), text, 0o644); err != nil {
		t.Fatal(err)
	}
}

func kept(dir, more string) string {
	return basics + more + "\nbackends:\n  pages: {dir: " + dir + "}\ndefault: pages\n"
}

var large = strings.Repeat("0123456789abcdef", 30_000)

func oldPages(t testing.TB) string {
	dir := t.TempDir()
	freeze(t, dir, map[string]string{"/": "front", "/about-us": "about", "/node": "list", "/node?page=1": "list 1", "/misc/a.js": "script", "/large.js": large},
		frozen.Page{At: "/old", Status: 301, Location: "/about-us"})
	return dir
}

// D-8: a page answers under all its names, whatever else stands in the query; what nobody froze is the old site's own page for that.
func TestFrozenPagesAnswerUnderAllTheirNames(t *testing.T) {
	t.Parallel()
	c := start(t, kept(oldPages(t), "")).dial()
	for target, want := range map[string]string{
		"/": "200 front", "/index.php": "200 front", "/?q=": "200 front", "/?utm_source=bbc": "200 front",
		"/about-us": "200 about", "/about-us/": "200 about", "/%61bout-us": "200 about", "/About-Us": "200 about", "/?q=about-us": "200 about",
		"/index.php?q=about%2Dus": "200 about", "/old?q=about-us": "200 about", "/about-us?x=1&x=2": "200 about", "/?q=/about-us/": "200 about",
		"/node?page=1": "200 list 1", "/node?page=99": "200 list", "/?q=node&page=1": "200 list 1", "/node?a=b&page=1": "200 list 1",
		"/misc/a.js?v=1.4.4": "200 script", "/misc/a.js?q=about-us": "200 script",
		"/old": "301 ", "/wp-login.php": "404 <title>Page not found</title>", "/?q[]=about-us": "404 <title>Page not found</title>",
		"/objects/ab/cd": "404 <title>Page not found</title>", "/manifest.json": "404 <title>Page not found</title>",
		"/../manifest.json": "404 <title>Page not found</title>", "/misc/..%2f..%2fmanifest.json": "404 <title>Page not found</title>",
		"//about-us": "404 <title>Page not found</title>", "/?q=../manifest.json": "404 <title>Page not found</title>",
	} {
		status, _, body := split3(t, c.send("GET "+target+" HTTP/1.1\r\nHost: h\r\n\r\n").receive())
		if got := status + " " + body; got != want {
			t.Errorf("%s: %s, want %s", target, got, want)
		}
	}
}

func split3(t testing.TB, answer string) (status string, head http.Header, body string) {
	t.Helper()
	r, err := http.ReadResponse(bufio.NewReader(strings.NewReader(answer)), &http.Request{Method: "GET"})
	if err != nil {
		t.Fatalf("%v in %q", err, answer)
	}
	defer r.Body.Close()
	var b bytes.Buffer
	_, _ = b.ReadFrom(r.Body) // what is there is compared
	return fmt.Sprint(r.StatusCode), r.Header, b.String()
}

// The gateway is the origin of a frozen page: conditions, ranges and HEAD are its own to answer.
func TestFrozenPagesAnswerConditionsAndRanges(t *testing.T) {
	t.Parallel()
	c := start(t, kept(oldPages(t), "")).dial()
	ask := func(target, lines string) (string, http.Header, string) {
		return split3(t, c.send("GET "+target+" HTTP/1.1\r\nHost: h\r\n"+lines+"\r\n").receive())
	}
	_, head, _ := ask("/about-us", "")
	for name, want := range map[string]string{"Content-Type": "text/html; charset=utf-8", "Cache-Control": "max-age=300", "Content-Language": "en",
		"Content-Length": "5", "Last-Modified": "Wed, 20 Mar 2019 12:00:00 GMT", "Set-Cookie": ""} {
		if got := head.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	tag := head.Get("ETag")
	for _, q := range [][3]string{
		{"/about-us", "If-None-Match: " + tag, "304 "}, {"/about-us", `If-None-Match: "x", W/` + tag, "304 "}, {"/about-us", "If-None-Match: *", "304 "},
		{"/about-us", `If-None-Match: "x"`, "200 about"}, {"/about-us", "If-Modified-Since: Wed, 20 Mar 2019 12:00:00 GMT", "304 "},
		{"/about-us", "If-Modified-Since: Wed, 20 Mar 2019 11:59:59 GMT", "200 about"}, {"/about-us", `If-Match: "x"`, "412 "},
		{"/about-us", "If-Modified-Since: Thu, 21 Mar 2019 12:00:00 GMT", "304 "},
		{"/misc/a.js", "Range: bytes=1-3", "206 cri"}, {"/misc/a.js", "Range: bytes=-2", "206 pt"}, {"/misc/a.js", "Range: bytes=4-", "206 pt"},
		{"/misc/a.js", "Range: bytes=9-", "416 "}, {"/misc/a.js", "Range: bytes=0-1,3-4", "200 script"}, {"/misc/a.js", "Range: bytes=3-1", "200 script"},
		{"/misc/a.js", "Range: bytes=0-1\r\nIf-Range: \"x\"", "200 script"}, {"/misc/a.js", "Range: bytes=0-1\r\nIf-Range: Wed, 01 Oct 2025 21:25:00 GMT", "206 sc"},
		{"/large.js", "Range: bytes=100000-100003", "206 0123"}, {"/large.js", "", "200 " + large}, {"/old", "Range: bytes=0-1", "301 "},
		{"/none", "If-None-Match: *", "404 <title>Page not found</title>"},
	} {
		status, head, body := ask(q[0], q[1]+map[bool]string{true: "\r\n"}[q[1] != ""])
		if got := status + " " + body; got != q[2] {
			t.Errorf("%s %s: %.60s, want %.60s", q[0], q[1], got, q[2])
		}
		if status == "304" && (head.Get("ETag") != tag || head.Get("Content-Length") != "") {
			t.Errorf("a 304 has %v", head)
		}
	}
	c.send("HEAD /large.js HTTP/1.1\r\nHost: h\r\n\r\n")
	if answer := c.head(); !strings.HasPrefix(answer, "HTTP/1.1 200 OK\r\n") || !strings.Contains(answer, "Content-Length: 480000\r\n") {
		t.Errorf("HEAD: %q", answer)
	}
	status, head, body := split3(t, c.send("POST /about-us HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx").receive())
	if status != "405" || head.Get("Allow") != "GET, HEAD" || !strings.Contains(body, "nothing of what was sent was taken") {
		t.Errorf("a post: %s %v %s", status, head, body)
	}
}

// Content is cut over like anything else: by weight, by visitor, back, and with the other side's help where a page cannot be read.
func TestFrozenPagesAreASide(t *testing.T) {
	t.Parallel()
	dir := oldPages(t)
	old := answering(t, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nold")
	w := start(t, basics+`
backends:
  drupal: {url: http://`+old.addr+`, kind: drupal7}
  pages: {dir: `+dir+`}
default: drupal
groups:
  content:
    from: drupal
    to: pages
    key: visitor
    routes: [{match: GET /about-us, failover: true, shadow: 10000}, {match: GET /misc/*}]
`, map[string]cutover.Group{"content": {Weight: 5000, Phase: cutover.Canary}})
	seen := map[string]int{}
	for range 60 {
		_, head, body := split3(t, w.dial().send("GET /about-us HTTP/1.1\r\nHost: h\r\nIf-None-Match: *\r\n\r\n").receive())
		if seen[body]++; !strings.HasPrefix(head.Get("Set-Cookie"), "__banyan=") {
			t.Fatalf("no visitor's id: %v", head)
		}
	}
	if seen["old"] < 10 || seen["about"] < 10 || seen["old"]+seen["about"] != 60 {
		t.Errorf("at half weight: %v", seen)
	}
	if up := w.metric("banyan_gateway_backend_up", "pages"); up != 1 {
		t.Errorf("the pages are up: %v", up)
	}
	file := filepath.Join(dir, frozen.File(frozen.HashOf([]byte("script"))))
	w.weigh(map[string]cutover.Group{"content": {Weight: 10000, Phase: cutover.Full}})
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	c := w.dial()
	if status, _, _ := split3(t, c.send("GET /misc/a.js HTTP/1.1\r\nHost: h\r\n\r\n").receive()); status != "502" {
		t.Errorf("a page that cannot be read: %s", status)
	}
	if up := w.metric("banyan_gateway_backend_up", "pages"); up != 0 {
		t.Error("the metrics do not say that the pages cannot be read")
	}
	if _, _, body := split3(t, c.send("GET /about-us HTTP/1.1\r\nHost: h\r\n\r\n").receive()); body != "about" {
		t.Errorf("at full weight: %s", body)
	}
	w.weigh(map[string]cutover.Group{"content": {Weight: 0, Phase: cutover.Off}})
	if _, _, body := split3(t, c.send("GET /about-us HTTP/1.1\r\nHost: h\r\n\r\n").receive()); body != "old" {
		t.Errorf("rolled back: %s", body)
	}
	if log := w.stop(); !strings.Contains(log, `"side":"new"`) || !strings.Contains(log, `"class":"upstream_closed"`) {
		t.Errorf("the log does not say how it went: %.300s", log)
	}
}

// W-80: a reload takes up what was frozen anew, and refuses a folder that is not whole; requests go on with what they had.
func TestAReloadTakesUpANewFreeze(t *testing.T) {
	t.Parallel()
	dir := oldPages(t)
	w := start(t, kept(dir, ""))
	c := w.dial()
	again := func(want string) {
		t.Helper()
		if _, _, body := split3(t, c.send("GET /about-us HTTP/1.1\r\nHost: h\r\n\r\n").receive()); body != want {
			t.Errorf("%s, want %s", body, want)
		}
	}
	again("about")
	reload := func() error {
		c, err := config.Parse("gateway.yaml", []byte(kept(dir, "")), config.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return w.g.Reload(c)
	}
	freeze(t, dir, map[string]string{"/about-us": "about, again"})
	again("about")
	if err := reload(); err != nil {
		t.Fatal(err)
	}
	again("about, again")
	if err := os.WriteFile(filepath.Join(dir, frozen.ManifestName), []byte(`{"version":1,`), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := reload(); err == nil || !strings.Contains(err.Error(), "backends.pages") {
		t.Errorf("half a manifest: %v", err)
	}
	again("about, again")
}

// A page in memory costs no allocation.
func TestAFrozenPageIsFoundWithoutAllocating(t *testing.T) {
	s, err := frozen.Open(oldPages(t))
	if err != nil {
		t.Fatal(err)
	}
	room := make([]byte, 0, 256)
	path, query := []byte("/node"), []byte("utm_source=x&page=1")
	buf := make([]byte, 0, 1024)
	if n := testing.AllocsPerRun(100, func() {
		var a *frozen.Answer
		a, room = s.Find(path, query, room)
		body, err := a.Body()
		if err != nil || string(body) != "list 1" {
			t.Fatal(err)
		}
		buf = a.AppendHead(buf[:0], a.Decide(frozen.Ask{}))
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
