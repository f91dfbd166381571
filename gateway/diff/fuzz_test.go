package diff

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/banyan-migration/banyan/infra/local/site"
)

// pages are the recorded bodies.
func pages(t testing.TB) (all []string) {
	t.Helper()
	var file struct {
		Exchanges []struct{ Response struct{ Text string } }
	}
	if err := json.Unmarshal(site.Captures, &file); err != nil {
		t.Fatal(err)
	}
	for _, e := range file.Exchanges {
		if e.Response.Text != "" {
			all = append(all, e.Response.Text)
		}
	}
	return all
}

// read is the tokens of a page, written out, with another page's as a guide or alone.
func tokens(guide, body string) string {
	var s slab
	var g []*token
	for _, b := range []string{guide, body} {
		l := &lexer{body: []byte(b), slab: &s, guide: g}
		for l.read() {
		}
		g = l.all
	}
	var b strings.Builder
	for _, t := range g {
		fmt.Fprintf(&b, "%v %s %v %q %q\n", t.kind, t.tag, t.attrs, t.text, t.raw)
	}
	return b.String()
}

// A page read with another as a guide is the page read alone.
func TestGuideChangesNothing(t *testing.T) {
	t.Parallel()
	all := pages(t)
	for i, a := range all {
		for _, b := range []string{all[(i+1)%len(all)], strings.Replace(a, "a", "b", 40), strings.ReplaceAll(a, "</script>", "</script >"), a[:len(a)/2], a[len(a)/3:]} {
			if got, want := tokens(a, b), tokens("", b); got != want {
				t.Fatalf("page %d as a guide changes what is read", i)
			}
		}
	}
}

func FuzzGuide(f *testing.F) {
	f.Add("<p>a<script>1<b></script>", "<p>a<script>2<b></script>")
	f.Add("a<!--", "a<!--b-->")
	f.Add("<textarea><p>x</textarea>", "<p>x</textarea>")
	f.Add("<title>x", "<title>x<p>")
	f.Add("<plaintext>a", "<p>a</plaintext>a")
	f.Add("<a b=\"c>d\">", "<a b=\"c>d")
	f.Fuzz(func(t *testing.T, a, b string) {
		if got, want := tokens(a, b), tokens("", b); got != want {
			t.Errorf("with %q as a guide %q is read as\n%s, alone as\n%s", a, b, got, want)
		}
	})
}

// kinds are the types of bodies that the fuzzer compares.
var kinds = []string{"text/html", "application/json", "application/rss+xml", "text/plain", "", "image/png"}

// Whatever two sides send: no panic, a body is equal to itself, both directions agree, and what is kept is short and is text.
func FuzzBodies(f *testing.F) {
	for i, p := range pages(f)[:6] {
		f.Add(uint8(i), "", []byte(p[:min(len(p), 700)]), []byte(strings.Replace(p[:min(len(p), 700)], "e", "a", 3)))
	}
	f.Add(uint8(1), "", []byte(`{"a":[1,{"b":null}],"c":1e-7}`), []byte(`{"a":[{"b":null},1],"c":1e400000000000}`))
	f.Add(uint8(2), "", []byte(`<rss><a>1</a></rss>`), []byte(`<rss><a b="1"/></rss>`))
	f.Add(uint8(0), "gzip", []byte("\x1f\x8b\x08\x00"), []byte(""))
	f.Add(uint8(0), "br, gzip", []byte("\x0b"), []byte("\x1b"))
	f.Fuzz(func(t *testing.T, kind uint8, coding string, a, b []byte) {
		c, err := New(Options{Key: []byte("k"), Masks: []Mask{{ID: "m", At: "html text", Kind: Shape}, {ID: "n", At: "json /a", Kind: Set}, {ID: "o", At: "css .x", Kind: Drop}}})
		if err != nil {
			t.Fatal(err)
		}
		head := [][2]string{{"Content-Type", kinds[int(kind)%len(kinds)]}, {"Content-Encoding", coding}}
		l, n := Answer{Status: 200, Header: head, Body: a}, Answer{Status: 200, Header: head, Body: b}
		there, back := c.Compare(Request{}, l, n), c.Compare(Request{}, n, l)
		if (there.Outcome == Differs) != (back.Outcome == Differs) {
			t.Errorf("one way %+v, the other %+v", there, back)
		}
		self := c.Compare(Request{}, l, Answer{Status: 200, Header: head, Body: bytes.Clone(a)})
		if self.Outcome == Differs {
			t.Errorf("differs from itself: %+v", self)
		}
		for _, d := range append(there.Differences, back.Differences...) {
			if len(d.Legacy) > 2*longest || len(d.Field) > 2*longest || !utf8.ValidString(d.Legacy+d.New+d.Field) {
				t.Errorf("kept: %+v", d)
			}
		}
	})
}

// Whatever stands in two heads: no panic, a head is equal to itself, both directions agree.
func FuzzHeaders(f *testing.F) {
	for _, name := range []string{"Set-Cookie", "Location", "Content-Type", "Vary", "Cache-Control", "X"} {
		f.Add(name, `a=b; expires=Tue, 15 Dec 2026 21:40:45 GMT; Max-Age=2000000; path=/; HttpOnly`, `text/html; charset="utf-8"; x="\`)
		f.Add(name, `http://h.example/a?b=c&b=d#e`, `private="a, \"b", no-store,,`)
	}
	f.Fuzz(func(t *testing.T, name, a, b string) {
		c, err := New(Options{Key: []byte("k")})
		if err != nil {
			t.Fatal(err)
		}
		l, n := Answer{Header: [][2]string{{name, a}, {name, b}}}, Answer{Header: [][2]string{{name, b}}}
		there, back := c.Compare(Request{}, l, n), c.Compare(Request{}, n, l)
		if there.Outcome != back.Outcome {
			t.Errorf("one way %+v, the other %+v", there, back)
		}
		if self := c.Compare(Request{}, l, l); self.Outcome != Equal {
			t.Errorf("differs from itself: %+v", self)
		}
	})
}

// Whatever is written in ignore: no panic, and what is taken can be used.
func FuzzIgnore(f *testing.F) {
	for _, s := range []string{"html title", "form donate field_x", "css a.b#c[d=e]", "json /a/*", "header set-cookie a", "xml /a", "text"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := ParseIgnore(text)
		if err != nil {
			return
		}
		if _, err := New(Options{Masks: []Mask{m}}); err != nil {
			t.Errorf("%q is taken and cannot be used: %v", text, err)
		}
	})
}
