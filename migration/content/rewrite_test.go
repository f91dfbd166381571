package content

import (
	"bytes"
	"net/url"
	"strings"
	"testing"
)

func rewriterOf(t testing.TB, address string) *rewriter {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return newRewriter(u)
}

// D-15: addresses of the site's own host become paths where a browser reads them; every other byte stays.
func TestOnlyTheSitesOwnAddressesAreRewritten(t *testing.T) {
	t.Parallel()
	w := rewriterOf(t, "http://www.old.example:8080")
	token := strings.Repeat("x", 43)
	for in, want := range map[string]string{
		`<a href="http://www.old.example:8080/a?b#c">`:                                `<a href="/a?b#c">`,
		`<A HREF='HTTPS://WWW.OLD.EXAMPLE:8080'>`:                                     `<A HREF='/'>`,
		`<img srcset="http://www.old.example:8080/a 1x,//www.old.example:8080/b 2x">`: `<img srcset="/a 1x,/b 2x">`,
		`<a href=http://www.old.example:8080/a>`:                                      `<a href=/a>`,
		`<style>@import url("http://www.old.example:8080/a.css");</style>`:            `<style>@import url("/a.css");</style>`,
		`<script>{"base":"http:\/\/www.old.example:8080\/x"}</script>`:                `<script>{"base":"\/x"}</script>`,
		`<form action="http://www.old.example:8080/donate" method="post">`:            `<form action="/donate" method="post">`,
		`<a href="http://www.old.example:8080?q=a">`:                                  `<a href="/?q=a">`,
		`<meta property="og:url" content="http://www.old.example:8080/a">`:            `<meta property="og:url" content="http://www.old.example:8080/a">`,
		`<p>at http://www.old.example:8080/a</p>`:                                     `<p>at http://www.old.example:8080/a</p>`,
		`<a href="http://www.old.example:80801/a">`:                                   `<a href="http://www.old.example:80801/a">`,
		`<a href="http://www.old.example:8080.evil.test/a">`:                          `<a href="http://www.old.example:8080.evil.test/a">`,
		`<a href="http://evil.test/?to=http://www.old.example:8080/a">`:               `<a href="http://evil.test/?to=http://www.old.example:8080/a">`,
		`<a href="http://www.old.example:8080//evil.test/a">`:                         `<a href="http://www.old.example:8080//evil.test/a">`,
		`<a href="http://sub.www.old.example:8080/a">`:                                `<a href="http://sub.www.old.example:8080/a">`,
		"<p>\xff &amp; <b >x</b\n></p><!-- http://www.old.example:8080/ -->":          "<p>\xff &amp; <b >x</b\n></p><!-- http://www.old.example:8080/ -->",
		`<input name="form_build_id" value="form-` + token + `" />`:                   `<input name="form_build_id" value="form-` + drawn + `" />`,
		`<script>{"theme_token":"` + token + `"}</script>`:                            `<script>{"theme_token":"` + drawn + `"}</script>`,
		`<input name="message" value="form-` + token + `" />`:                         `<input name="message" value="form-` + token + `" />`,
	} {
		if got := string(w.freeze("text/html; charset=utf-8", []byte(in))); got != want {
			t.Errorf("%s\n is %s\nnot %s", in, got, want)
		}
	}
}

func TestLinksAreFound(t *testing.T) {
	t.Parallel()
	p := read([]byte(`<title> A  &amp; B </title><svg><title>no</title></svg><base href="/sub/"><a href="a?x=1&amp;y=2"><img srcset="b 1x, c 2x" style="background:url('d')">` +
		`<style>@import "e"; x { background: url(f) }</style><meta http-equiv="refresh" content="0; url=g"><meta property="og:image" content="h"><object data=i>` +
		`<input name=form_id value=webform_client_form_12><script src="j"></script><a href="`))
	if got := strings.Join(p.links, " "); got != "a?x=1&y=2 b c d e f g h i j" {
		t.Errorf("links: %s", got)
	}
	if p.title != "A & B" || p.base != "/sub/" || len(p.forms) != 1 || p.forms[0] != "12" {
		t.Errorf("%+v", p)
	}
}

// A page that names the site once does so no more after a rewrite or not where a browser reads it: a second rewrite changes nothing. Bytes without the site's name and Drupal's draws stay as they are.
func FuzzPage(f *testing.F) {
	w := rewriterOf(f, "http://o.example")
	f.Add([]byte(`<a href="http://o.example/a"><script>"http:\/\/o.example\/"</script><style>url(//o.example)`))
	f.Add([]byte("<a href=http://o.example<a href='//o.example'>\x00<!--"))
	f.Fuzz(func(t *testing.T, page []byte) {
		once := w.freeze("text/html", page)
		if again := w.freeze("text/html", once); !bytes.Equal(again, once) && bytes.Count(bytes.ToLower(page), []byte("o.example")) < 2 {
			t.Fatalf("%q\nbecame %q\nand then %q", page, once, again)
		}
		if !bytes.Contains(bytes.ToLower(page), []byte("o.example")) && !bytes.Contains(page, []byte("form")) && !bytes.Contains(page, []byte("token")) && !bytes.Equal(once, page) {
			t.Fatalf("%q became %q", page, once)
		}
		read(page)
	})
}
