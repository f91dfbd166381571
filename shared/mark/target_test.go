package mark

import (
	"net/url"
	"strings"
	"testing"
	"time"
)

// An HTTP API of AWS hands a path over decoded, and its host encodes it again: whoever signed another spelling of it signed the same request.
func TestMarkHoldsForEverySpellingOfItsPath(t *testing.T) {
	t.Parallel()
	k, at := Keys{"k1": "sixteen bytes and more"}, time.Unix(1_552_683_600, 0)
	s := k.Signer("k1")
	for _, c := range []struct {
		sent, arrived string
		same          bool
	}{
		{"/a%20b", "/a%20b", true}, {"/%7Eann", "/~ann", true}, {"/a%2Bb", "/a+b", true}, {"/caf%C3%A9", "/caf%c3%a9", true}, {"/caf%C3%A9", "/café", true},
		{"/it's", "/it%27s", true}, {"/a;b", "/a%3Bb", true}, {"/a%2Fb", "/a/b", true}, {"/50%", "/50%25", true}, {"/%zz", "/%25zz", true}, {"/a?", "/a", true},
		{"/%41%", "/%2541%25", true}, // no escape where one of them is none, as net/url has it
		{"/%2541", "/A", false}, {"/%2541", "/%41", false}, {"/a%3Fb=1", "/a?b=1", false}, {"/a?b=%7E", "/a?b=~", false}, {"/a?b", "/a?c", false},
		{"/a+b", "/a%20b", false}, {"/A", "/a", false}, {"/a/", "/a", false}, {"/a//b", "/a/b", false}, {"/a%00", "/a", false},
	} {
		for _, signed := range []string{k.Sign("k1", Test, at, "GET", c.sent, nil), string(s.AppendMark(nil, Test, at, "GET", c.sent, nil))} {
			if kind, err := k.Check(signed, "GET", c.arrived, nil, at); (err == nil) != c.same {
				t.Errorf("sent as %s, arrived as %s: %q, %v; want the same: %v", c.sent, c.arrived, kind, err, c.same)
			}
		}
	}
}

// FuzzTarget: what is signed says the path that a service routes by and the query, and nothing else.
func FuzzTarget(f *testing.F) {
	for _, seed := range []string{"/", "/a%2Fb?c=%20", "/50%", "/caf%c3%a9?", "/%2541#x", "//a/../b;c=1", "/a?b?c"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, target string) {
		is := string(appendTarget(nil, target))
		if again := string(appendTarget(nil, is)); again != is {
			t.Errorf("%q is signed as %q, and that as %q", target, is, again)
		}
		u, err := url.ParseRequestURI(target)
		if err != nil || !strings.HasPrefix(target, "/") || strings.HasPrefix(target, "//") { // the last is written with a scheme
			return
		}
		path, query, _ := strings.Cut(is, "?")
		if got, err := url.PathUnescape(path); err != nil || got != u.Path || query != u.RawQuery {
			t.Errorf("%q is signed as %q: path %q, query %q, want %q, %q", target, is, got, query, u.Path, u.RawQuery)
		}
		if arrived := string(appendTarget(nil, u.RequestURI())); arrived != is {
			t.Errorf("%q is signed as %q, and checked as %q", target, is, arrived)
		}
	})
}
