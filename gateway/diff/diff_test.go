package diff_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"

	"github.com/banyan-migration/banyan/gateway/diff"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func comparer(t testing.TB, masks ...diff.Mask) *diff.Comparer {
	t.Helper()
	c, err := diff.New(diff.Options{Masks: masks, Key: []byte("a key of the test"), Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func ignore(t testing.TB, text string) diff.Mask {
	t.Helper()
	m, err := diff.ParseIgnore(text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

var asked = diff.Request{ID: "r1", Group: "giving", Route: "GET /giving/*", Method: "GET", Target: "/giving/sing-1?page=1", At: noon}

func answer(kind, body string, head ...string) diff.Answer {
	a := diff.Answer{Status: 200, Body: []byte(body)}
	if kind != "" {
		a.Header = append(a.Header, [2]string{"Content-Type", kind})
	}
	for i := 0; i < len(head); i += 2 {
		a.Header = append(a.Header, [2]string{head[i], head[i+1]})
	}
	return a
}

// said is a result's outcome and differences on lines.
func said(r diff.Result) string {
	var b strings.Builder
	b.WriteString(string(r.Outcome))
	for _, d := range r.Differences {
		fmt.Fprintf(&b, "\n%s %s: %s | %s", d.Field, d.Kind, d.Legacy, d.New)
		if d.Critical {
			b.WriteString(" !")
		}
	}
	return b.String()
}

// F-2: 404 against 200 is the loudest difference, never empty.
func TestStatusAloneDiffers(t *testing.T) {
	t.Parallel()
	l, n := answer("text/html", "<p>a"), answer("text/html", "<p>b")
	n.Status = 404
	if got := said(comparer(t).Compare(asked, l, n)); got != "differs\nstatus changed: 200 | 404" {
		t.Error(got)
	}
}

// F-1, W-82: with a gateway's or a client's class there is nothing to compare; a side that did not answer differs.
func TestWhatDidNotComeIsNotCompared(t *testing.T) {
	t.Parallel()
	good := answer("text/plain", "x")
	for failed, want := range map[string]string{"client_abort": "uncomparable", "gateway_refused": "uncomparable",
		"upstream_timeout_head": "differs\nanswer missing: came | upstream_timeout_head"} {
		if got := said(comparer(t).Compare(asked, good, diff.Answer{Failed: failed})); got != want {
			t.Errorf("%s: %s", failed, got)
		}
	}
	down := diff.Answer{Failed: "upstream_connect"}
	if got := said(comparer(t).Compare(asked, down, down)); got != "uncomparable" {
		t.Errorf("both down: %s", got)
	}
}

// F-3: names' case and order mean nothing, list headers are sets, and nothing is cut at a comma that is no list.
func TestHeaders(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, l, n, want string }{
		{"names' case", "X-A: 1|Vary: Cookie|Vary: Accept-Encoding", "vary: accept-encoding, cookie|x-a: 1", "equal"},
		{"charset's case", "Content-Type: text/html; charset=utf-8", "Content-Type: text/html;charset=UTF-8", "equal"},
		{"an order of directives", "Cache-Control: no-cache, must-revalidate", "Cache-Control: must-revalidate,no-cache", "equal"},
		{"a comma in quotes", `Cache-Control: private="a,b", max-age=1`, `Cache-Control: max-age=1, private="a,c"`,
			"differs\nheader cache-control changed: private=\"a,b\" | private=\"a,c\""},
		{"a comma in a date", "X-Until: Sun, 19 Nov 1978", "X-Until: Sun, 20 Nov 1978", "differs\nheader x-until changed: Sun, 19 Nov 1978 | Sun, 20 Nov 1978"},
		{"two lines against one", "X-A: 1|X-A: 2", "X-A: 1, 2", "differs\nheader x-a changed: 1 | 1, 2\nheader x-a missing: 2 | "},
		{"a transport's headers", "Transfer-Encoding: chunked|X-Banyan-Shadow-Ack: r1", "Content-Length: 0|Connection: close", "equal"},
		{"a frame guard lost", "X-Frame-Options: DENY", "", "differs\nheader x-frame-options missing: DENY | "},
		{"cookies with commas", "Set-Cookie: a=1; expires=Tue, 15 Dec 2026 21:40:45 GMT; path=/", "Set-Cookie: a=2; Path=/; Expires=Wed, 16 Dec 2026 21:40:45 GMT", "equal"},
		{"a cookie for the browser's life", "Set-Cookie: a=1; Max-Age=9", "Set-Cookie: a=1", "differs\nheader set-cookie a life changed: kept 9 seconds | of the browser"},
		{"two cookies of one name", "Set-Cookie: a=1|Set-Cookie: a=2", "Set-Cookie: a=1", "differs\nheader set-cookie a missing: set | "},
		{"a relative redirect", "Location: https://h.example/a?x=1", "Location: /a?x=1",
			"differs\nheader location scheme missing: https | \nheader location host missing: h.example | "},
		{"a redirect's keys in another order", "Location: /a?x=1&y=2", "Location: /a?y=2&x=1", "equal"},
		{"a fragment", "Location: /a#b", "Location: /a", "differs\nheader location fragment missing: b | "},
	} {
		if got := said(comparer(t).Compare(asked, answer("", "", split(c.l)...), answer("", "", split(c.n)...))); got != c.want {
			t.Errorf("%s: %s\nwant %s", c.name, got, c.want)
		}
	}
}

func split(lines string) (head []string) {
	for line := range strings.SplitSeq(lines, "|") {
		if name, value, has := strings.Cut(line, ": "); has {
			head = append(head, name, value)
		}
	}
	return head
}

// F-4: typed, numbers as decimals, keys in any order, arrays in theirs.
func TestJSON(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ l, n, want string }{
		{`{"a":1,"b":[10.0,1e3,-0]}`, ` {"b":[10.00, 1000, 0], "a":1.0}`, "equal"},
		{`{"n":10000000000000000}`, `{"n":10000000000000001}`, "differs\njson /n changed: number 10000000000000000 | number 10000000000000001"},
		{`{"a":1}`, `{"a":"1"}`, "differs\njson /a type: number 1 | \"1\""},
		{`{"a":null}`, `{}`, "differs\njson /a missing: null | "},
		{`{}`, `{"a/b":{"~":1}}`, "differs\njson /a~1b extra:  | object of ~"},
		{`{"data":{"amount":10}}`, `{"data":{"amount":10.01}}`, "differs\njson /data/amount changed: number 10 | number 10.01 !"},
		{`{"amounts":[1,2]}`, `{"amounts":[1,3]}`, "differs\njson /amounts/1 changed: number 2 | number 3 !"},
		{`{"text":"£5 helps"}`, `{"text":"£6 helps"}`, "differs\njson /text changed: \"£5 helps\" | \"£6 helps\" !"},
		{`[1,2,3]`, `[1,3,2]`, "differs\njson  order: number 2 | number 3"},
		{`[{"id":1},{"id":2}]`, `[{"id":1}]`, "differs\njson /1 missing: object of id | "},
		{`{"email_consent":true}`, `{"email_consent":false}`, "differs\njson /email_consent changed: bool true | bool false !"},
		{`{"email":"sian@a.example"}`, `{"email":"sian@b.example"}`, "differs\njson /email changed: [text 16 #49db16af] | [text 16 #797b90ba]"},
		{`{"a":1}x`, `{"a":1}`, "differs\njson / changed: no JSON: something follows the value, 8 bytes, SHA-256 e3de6add675e | 7 bytes, SHA-256 015abd7f5cc5"},
	} {
		if got := said(comparer(t).Compare(asked, answer("application/json", c.l), answer("application/problem+json", c.n))); strings.Replace(got,
			"\nheader content-type changed: application/json | application/problem+json", "", 1) != strings.Replace(c.want, "equal", "differs", 1) {
			t.Errorf("%s, %s: %s\nwant %s", c.l, c.n, got, c.want)
		}
	}
}

// F-5: markup may change, what it says may not.
func TestMeaningOfHTML(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, l, n, want string }{
		{"other markup", `<div class=a><p>Give <b>now</b>!</p></div>`, "<section>\n  Give <strong>now</strong>!</section>", "equal"},
		{"blocks for lines", `<p><a href=/l>Log in</a> or register</p>`, `<div><a href=/l>Log in</a></div><div>or register</div>`, "equal"},
		{"unclosed entries", "<ul><li>a<li>b</ul>", "<ul><li>a</li><li>b</li></ul>", "equal"},
		{"entities", "<p>caf&eacute; &amp; tea", "<p>café &#38; tea", "equal"},
		{"scripts and comments", "<p>a<script>var t=1<2</script><!-- x -->", "<p>a<script>var t='</p>'</script>", "equal"},
		{"JSON-LD", `<script type="application/ld+json">{"@type":"Event","price":10.0}</script>`,
			`<script type="application/ld+json">{"price":11,"@type":"Event"}</script>`, "differs\nhtml json-ld /price changed: number 10 | number 11 !"},
		{"hreflang", `<link rel=alternate hreflang=cy href=/cy>`, `<link rel=alternate hreflang=cy href=/cymraeg>`, "differs\nhtml hreflang cy changed: /cy | /cymraeg"},
		{"links are a set", `<a href=/a>x</a><a href=/b>y</a><a href=/a>z</a>`, `<a href=/b>x</a><a href=/a>y</a> <a href=/b>z</a>`, "differs\nhtml text changed: xyz | xy z"},
		{"a link's query", `<a href="/a?email=x@y.example">x</a>`, `<a href="/b?email=x@y.example">x</a>`,
			"differs\nhtml link changed: /a?email=[text 11 #300d1286] | /b?email=[text 11 #300d1286]"},
		{"a select", `<form action=/f><select name=s><option value=1>One<option value=2 selected>Two</select></form>`,
			`<form action=/f><select name=s><option value=1>One</option><option value=3 selected>Two</option></select></form>`,
			"differs\nhtml form /f field s option changed: 2 Two | 3 Two\nhtml form /f field s value changed: [number 1 #8659be8f] | [number 1 #d19eacde]"},
		{"a textarea", `<form action=/f><textarea name=m>Dear</textarea></form>`, `<form action=/f><textarea name=m></textarea></form>`,
			"differs\nhtml form /f field m value missing: [text 4 #0aba9421] | "},
		{"a price list", `<p>T-shirt £12.50</p>`, `<p>T-shirt £12.05</p>`, "differs\nhtml text changed: T-shirt £12.50 | T-shirt £12.05 !"},
		{"a frame", `<iframe src=https://pay.example/a>x</iframe>`, `<iframe src=https://pay.example/b>y</iframe>`, "differs\nhtml frame changed: https://pay.example/a | https://pay.example/b"},
		{"a list of suggestions", `<form><input name=a><datalist><option value=1></datalist></form>`, `<form><input name=a></form>`, "equal"},
		{"a sentence more before one that changed", `<div id=x>a</div><div id=y>b</div>`, `<div id=x>a<p>new</div><div id=y>c</div>`,
			"differs\nhtml text in #y changed: b | c\nhtml text in #x extra:  | new"},
		{"a refresh", `<meta http-equiv=Refresh content="0; url=/a">`, ``, "differs\nhtml refresh missing: 0; url=/a | "},
	} {
		if got := said(comparer(t).Compare(asked, answer("text/html", c.l), answer("text/html", c.n))); got != c.want {
			t.Errorf("%s: %s\nwant %s", c.name, got, c.want)
		}
	}
	got := comparer(t).Compare(asked, answer("text/html", "<div><p>a</div>"), answer("text/html", "<section><p>a</section>"))
	if got.Outcome != diff.Equal || got.DOM != "2 elements against 2; the first that differs is number 1, div against section" {
		t.Errorf("the DOM is information: %+v", got)
	}
}

// F-4: the rest.
func TestOtherBodies(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, kind, l, n, want string }{
		{"text", "text/plain", "a\r\nb", "a\nb \n", "differs\ntext extra:  | "},
		{"a script", "application/javascript", "a=1\nb=2", "a=1\nb=3", "differs\ntext changed: b=2 | b=3"},
		{"binary", "image/png", "\x89PNG1", "\x89PNG23", "differs\nbody changed: 5 bytes, SHA-256 4df179beae11 | 6 bytes, SHA-256 67c17d03a0be"},
		{"letters of another charset", "text/plain; charset=utf-8", "caf\u00e9", "caf\xe9", "differs\nbody charset changed: UTF-8 | not UTF-8\ntext changed: café | caf\uFFFD"},
		{"XML", "text/xml", "<a x='1'><b>t</b><c/></a>", "<a x='2'>\n<b> t </b></a>", "differs\nxml /a/@x changed: 1 | 2\nxml /a/c missing:  | "},
		{"broken XML", "text/xml", "<a", "<b", "differs\ntext changed: <a | <b"},
	} {
		if got := said(comparer(t).Compare(asked, answer(c.kind, c.l), answer(c.kind, c.n))); got != c.want {
			t.Errorf("%s: %s\nwant %s", c.name, got, c.want)
		}
	}
}

func zip(body string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(body))
	z.Close()
	return b.Bytes()
}

func squeeze(body string) []byte {
	var b bytes.Buffer
	z := brotli.NewWriterLevel(&b, 4)
	z.Write([]byte(body))
	z.Close()
	return b.Bytes()
}

// F-8, F-9: codings are undone in a copy, and a bomb ends at the cap.
func TestCodings(t *testing.T) {
	t.Parallel()
	page := "<p>" + strings.Repeat("word ", 500)
	plain := answer("text/html", page)
	zipped := answer("text/html", string(zip(page)), "Content-Encoding", "gzip")
	before := bytes.Clone(zipped.Body)
	if got := said(comparer(t).Compare(asked, zipped, answer("text/html", string(squeeze(page)), "Content-Encoding", "br"))); got != "equal" {
		t.Errorf("gzip against br: %s", got)
	}
	if got := said(comparer(t).Compare(asked, plain, answer("text/html", string(zip(page+"more")), "Content-Encoding", "GZIP"))); !strings.HasPrefix(got, "differs\nhtml text") {
		t.Errorf("within gzip: %s", got)
	}
	if !bytes.Equal(before, zipped.Body) {
		t.Error("the answer's own body was changed")
	}
	bomb := answer("text/html", string(zip(strings.Repeat("a", 16<<20))), "Content-Encoding", "gzip")
	began := time.Now()
	if got := comparer(t).Compare(asked, plain, bomb); got.Outcome != diff.Capped || got.Differences[0].Field != "body" || got.Differences[0].Kind != diff.Cut {
		t.Errorf("a bomb of 16 MiB: %s after %s", said(got), time.Since(began))
	}
	broken := answer("text/html", "no gzip at all", "Content-Encoding", "gzip")
	if got := said(comparer(t).Compare(asked, plain, broken)); !strings.HasPrefix(got, "differs\nbody changed: 2503 bytes") || !strings.Contains(got, "cannot be decoded: gzip: invalid header") {
		t.Errorf("broken: %s", got)
	}
	cut := plain
	cut.Cut = true
	if got := comparer(t).Compare(asked, cut, plain); got.Outcome != diff.Capped || len(got.Differences) != 0 {
		t.Errorf("cut: %s", said(got))
	}
	cut.Status = 500
	if got := comparer(t).Compare(asked, cut, plain); got.Outcome != diff.Differs {
		t.Errorf("a head that differs is louder than a cap: %s", said(got))
	}
}

// F-9: a page just below every cap is compared.
func TestLargePageIsCompared(t *testing.T) {
	t.Parallel()
	page := strings.Repeat("<p>"+strings.Repeat("word ", 190), 1000)
	if got := comparer(t).Compare(asked, answer("text/html", page+"a"), answer("text/html", page+"b")); got.Outcome != diff.Differs || len(got.Differences) != 1 {
		t.Errorf("%.300s", said(got))
	}
}

// F-9: nodes, depth and work are bounded, for every format; over the cap only hash and length are compared.
func TestCaps(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ kind, body string }{
		"many elements":    {"text/html", strings.Repeat("<p>", 20_001)},
		"deep elements":    {"text/html", strings.Repeat("<div>", 300)},
		"many fields":      {"text/html", "<form>" + fields(19_000)},
		"many forms":       {"text/html", strings.Repeat("<form action=/a></form>", 19_000)},
		"deep JSON":        {"application/json", strings.Repeat("[", 300) + strings.Repeat("]", 300)},
		"wide JSON":        {"application/json", "[" + strings.Repeat("1,", 20_001) + "1]"},
		"deep XML":         {"text/xml", strings.Repeat("<a>", 300) + strings.Repeat("</a>", 300)},
		"long names":       {"text/xml", strings.Repeat("<"+strings.Repeat("n", 2000)+">", 200)},
		"nested arrays":    {"application/json", strings.Repeat(`[0,"`+strings.Repeat("x", 3000)+`",`, 200) + "1" + strings.Repeat("]", 200)},
		"too long":         {"text/plain", strings.Repeat("x", 1<<20+1)},
		"a script's text":  {"text/html", strings.Repeat("<script>", 400_000/8)},
		"only left angles": {"text/html", strings.Repeat("<", 1<<20)},
	} {
		l, n := answer(c.kind, "y"+c.body), answer(c.kind, c.body+"z")
		if c.kind != "text/html" && c.kind != "text/plain" {
			l, n = answer(c.kind, " "+c.body), answer(c.kind, strings.Replace(c.body, "1", "2", 1)+" ")
		}
		began := time.Now()
		got := comparer(t).Compare(asked, l, n)
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s took %s", name, took)
		}
		if open := name == "a script's text" || name == "only left angles"; got.Outcome != diff.Capped && !open {
			t.Errorf("%s: %.300s", name, said(got))
		}
	}
}

func fields(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "<input name=f%d>", i)
	}
	return b.String()
}
