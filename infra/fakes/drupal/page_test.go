package drupal_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/banyan-migration/banyan/infra/fakes/drupal/php"
	"github.com/banyan-migration/banyan/infra/fakes/drupal/replay"
)

// TestEveryNodeIsShown: each node of the dump has its page, by number and by alias, whole to its last tag; what is not
// published is forbidden.
func TestEveryNodeIsShown(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	rows, err := w.db.Query(`SELECT n.nid, n.title, n.status, a.alias, coalesce(b.body_value, '') FROM node n
		JOIN url_alias a ON a.source = 'node/' || n.nid LEFT JOIN field_data_body b ON b.entity_id = n.nid`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	v := w.visitor(t)
	seen := 0
	for rows.Next() {
		var nid, status int
		var title, alias, body string
		if err := rows.Scan(&nid, &title, &status, &alias, &body); err != nil {
			t.Fatal(err)
		}
		seen++
		a := v.get("/" + php.Encode(alias))
		if status == 0 {
			if a.Status != "403 Forbidden" {
				t.Errorf("unpublished node %d: %s", nid, a.Status)
			}
			continue
		}
		first, _, _ := strings.Cut(body, "\n")
		first = strings.ReplaceAll(first, " & ", " &amp; ")
		has(t, a, "          "+php.Plain(title)+"        </h1>", fmt.Sprintf(`<link rel="shortlink" href="/node/%d" />`, nid), first)
		if a.Status != "200 OK" || !balanced(a.Body) {
			t.Errorf("node %d: %s, or its tags do not match", nid, a.Status)
		}
		other := strings.ReplaceAll(replay.Mask(string(v.get(fmt.Sprintf("/node/%d", nid)).Body)),
			fmt.Sprintf(`"multipart/form-data" action="/node/%d"`, nid), `"multipart/form-data" action="/`+alias+`"`) // a form posts to where it stands
		other = strings.Replace(other, fmt.Sprintf(`"\/node\/%d":true`, nid), `"\/`+alias+`":true`, 1)
		if other != replay.Mask(string(a.Body)) {
			t.Errorf("node %d by number is not node %d by alias", nid, nid)
		}
	}
	if seen != 145 {
		t.Errorf("%d nodes, not 145", seen)
	}
}

// balanced reports whether every element that must be closed is, in order.
func balanced(page []byte) bool {
	z := html.NewTokenizer(bytes.NewReader(page))
	var open []string
	for {
		switch z.Next() {
		case html.ErrorToken:
			return len(open) == 0
		case html.StartTagToken:
			name, _ := z.TagName()
			open = append(open, string(name))
		case html.EndTagToken:
			name, _ := z.TagName()
			if len(open) == 0 || open[len(open)-1] != string(name) {
				return false
			}
			open = open[:len(open)-1]
		}
	}
}

func TestFrontPageLeadsToEveryPage(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	v := w.visitor(t)
	total := 0
	for i := range 13 {
		a := v.get(fmt.Sprintf("/node?page=%d", i))
		total += strings.Count(string(a.Body), "node-readmore")
		has(t, a, fmt.Sprintf(`<li class="pager-current%s">%d</li>`, map[int]string{0: " first", 12: " last"}[i], i+1))
		if !balanced(a.Body) {
			t.Errorf("page %d: its tags do not match", i)
		}
	}
	if total != 121 {
		t.Errorf("%d teasers, not the 121 promoted nodes", total)
	}
}

// TestCacheKeepsWholeAddresses is D-3: HIT equals MISS tokens and all, by full address with its host, for 300 s.
func TestCacheKeepsWholeAddresses(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	v := w.visitor(t)
	for _, path := range []string{"/about-us", "/no-such-page", "/admin", "/node/2/done?sid=7"} {
		miss, hit := v.get(path), v.get(path)
		if miss.Header("X-Drupal-Cache") != "MISS" || hit.Header("X-Drupal-Cache") != "HIT" {
			t.Errorf("%s: %s, then %s", path, miss.Header("X-Drupal-Cache"), hit.Header("X-Drupal-Cache"))
		}
		if d := replay.Differ(miss, hit, "X-Drupal-Cache"); d != nil {
			t.Errorf("%s: HIT is not MISS: %s", path, d)
		}
	}
	state := func(path string) string { return v.get(path).Header("X-Drupal-Cache") }
	if got := state("/about-us?x=1"); got != "MISS" {
		t.Errorf("another query: %s", got)
	}
	v.host = "other.example"
	if got := state("/about-us"); got != "MISS" {
		t.Errorf("another host: %s", got)
	}
	w.set(recorded.Add(299 * time.Second))
	if got := state("/about-us"); got != "HIT" {
		t.Errorf("after 299 s: %s", got)
	}
	w.set(recorded.Add(300 * time.Second))
	if a := v.get("/about-us"); a.Header("X-Drupal-Cache") != "MISS" || a.Header("Etag") != `"1795371145-0"` {
		t.Errorf("after 300 s: %q", a.Headers)
	}
}

// TestNotModifiedNeedsBoth: Drupal wants the tag and the time, and the tag of a compressed page is another one.
func TestNotModifiedNeedsBoth(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	v := w.visitor(t)
	v.get("/about-us")
	tag, zipped := [2]string{"If-None-Match", `"1795370845-0"`}, [2]string{"If-None-Match", `"1795370845-1"`}
	since, gzip := [2]string{"If-Modified-Since", "Sun, 22 Nov 2026 18:07:25 GMT"}, [2]string{"Accept-Encoding", "br, gzip"}
	for want, headers := range map[string][][2]string{
		"304 Not Modified": {tag, since}, "304 Not Modified ": {zipped, since, gzip},
		"200 OK": {tag}, "200 OK ": {since}, "200 OK  ": {zipped, since},
	} {
		if a := v.get("/about-us", headers...); a.Status != strings.TrimSpace(want) {
			t.Errorf("%q: %s", headers, a.Status)
		}
	}
}

// TestStaleCookieGetsNoSharedCopy: a cookie that nobody knows turns the cache off and is deleted (D-4).
func TestStaleCookieGetsNoSharedCopy(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	v := w.visitor(t)
	v.get("/rss.xml")
	stale := v.cookie
	v.get("/about-us")
	v.cookie = stale
	a := v.get("/terms")
	if v.cookie != "" || a.Header("X-Drupal-Cache") != "" || a.Header("Cache-Control") != "public, max-age=0" {
		t.Errorf("cookie %q, headers %q", v.cookie, a.Headers)
	}
}

func TestFiles(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	v := w.visitor(t)
	const path = "/misc/drupal.js?tox04o"
	tag := v.get(path).Header("ETag")
	for _, c := range []struct {
		headers [][2]string
		status  string
		length  int
		span    string
	}{
		{nil, "200 OK", 20611, ""},
		{[][2]string{{"Range", "bytes=-100"}}, "206 Partial Content", 100, "bytes 20511-20610/20611"},
		{[][2]string{{"Range", "bytes=20600-"}}, "206 Partial Content", 11, "bytes 20600-20610/20611"},
		{[][2]string{{"Range", "bytes=0-1,5-6"}}, "200 OK", 20611, ""},
		{[][2]string{{"Range", "bytes=20611-"}}, "416 Requested Range Not Satisfiable", 197, "bytes */20611"},
		{[][2]string{{"Range", "bytes=0-9"}, {"If-Range", `"old"`}}, "200 OK", 20611, ""},
		{[][2]string{{"Range", "bytes=0-9"}, {"If-Range", tag}}, "206 Partial Content", 10, "bytes 0-9/20611"},
		{[][2]string{{"If-None-Match", tag}}, "304 Not Modified", 0, ""},
		{[][2]string{{"If-Modified-Since", "Wed, 01 Oct 2025 21:25:00 GMT"}}, "304 Not Modified", 0, ""},
		{[][2]string{{"If-Modified-Since", "Thu, 02 Oct 2025 21:25:00 GMT"}}, "200 OK", 20611, ""},
	} {
		a := v.get(path, c.headers...)
		if a.Status != c.status || len(a.Body) != c.length || a.Header("Content-Range") != c.span {
			t.Errorf("%q: %s, %d bytes, %q", c.headers, a.Status, len(a.Body), a.Header("Content-Range"))
		}
	}
	head := v.send(replay.Request{Method: "HEAD", Path: path})
	if head.Header("Content-Length") != "20611" || len(head.Body) != 0 {
		t.Errorf("HEAD: %q", head.Headers)
	}
	if a := v.post(path); a.Status != "405 Not Allowed" {
		t.Errorf("POST: %s", a.Status)
	}
	page := string(v.get("/donate").Body)
	for _, part := range strings.Split(page, `"http://www.rednosefund.example/`)[1:] {
		asset, _, _ := strings.Cut(part, `"`)
		if a := v.get("/" + asset); a.Status != "200 OK" {
			t.Errorf("the donate form names %s, which is %s", asset, a.Status)
		}
	}
}
