package route_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/banyan-migration/banyan/gateway/route"
)

// A canonical copy is its own copy, keeps its flags, and a path without flags resolves to what is matched: nobody
// reads it otherwise (W-10, W-11).
func FuzzCanonical(f *testing.F) {
	for _, s := range []string{"/donate", "/a/%2e%2e/b", "/a%2Fb", `/a\b`, "/x;a", "/%2564", "/caf%E9", "/%00"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) == 0 || raw[0] != '/' || bytes.IndexByte(raw, '?') >= 0 {
			return
		}
		got, flags, ok := route.Canonical(nil, raw)
		if !ok {
			return
		}
		again, flagsAgain, ok := route.Canonical(nil, got)
		if !ok || !bytes.Equal(again, got) || flagsAgain != flags {
			t.Fatalf("%q: %q %s, again %q %s", raw, got, flags, again, flagsAgain)
		}
		if flags != 0 {
			return
		}
		resolved := route.Resolve(raw)
		if want := route.Resolve(got); !bytes.Equal(resolved, want) {
			t.Fatalf("%q resolves to %q, its copy %q to %q", raw, resolved, got, want)
		}
	})
}

func FuzzMatch(f *testing.F) {
	for _, s := range everything {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := route.ParseMatch(s)
		if err != nil {
			return
		}
		back, err := route.ParseMatch(m.String())
		if err != nil || back.String() != m.String() {
			t.Fatalf("%q: %s reads back as %s, %v", s, m, back, err)
		}
	})
}

// What PHP finds for a name stands in the query under a key that decodes to it.
func FuzzPHP(f *testing.F) {
	f.Add([]byte("utm_source=bbc&x=1&x=2"))
	f.Add([]byte("q[]=1&%71=node%2F2"))
	f.Fuzz(func(t *testing.T, query []byte) {
		value, reading := route.PHP(query, "q")
		if reading == route.Found && !strings.Contains(string(query), string(value)) {
			t.Fatalf("%q: %q", query, value)
		}
		if reading == route.Missing && bytes.HasPrefix(query, []byte("q=")) {
			t.Fatalf("%q: missing", query)
		}
	})
}
