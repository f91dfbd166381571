package php_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/banyan-migration/banyan/infra/fakes/drupal/php"
)

func TestQueryAsPHPReadsIt(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		"utm_source=bbc&x=1&x=2":     "utm_source=bbc&x=2",
		"a[]=1&a[]=2&a[k]=3":         "a[0]=1&a[1]=2&a[k]=3",
		"a.b=1&c+d=2&e%5Bf=3":        "a_b=1&c_d=2&e_f=3",
		"s%5Bx%5D=1+%2B&p=a/b%2Fc&r": "s[x]=1%20%2B&p=a/b/c&r=",
		"q=about-us&=nothing&%zz=1":  "%25zz=1",
		"a[b][c]x=1":                 "a[b][c]=1",
	} {
		if got := php.ParseQuery(query).Build("q"); got != want {
			t.Errorf("%s is %s, not %s", query, got, want)
		}
	}
	if _, ok := (*php.Values)(nil).Get("x"); ok {
		t.Error("no values hold a value")
	}
}

func TestEscapes(t *testing.T) {
	t.Parallel()
	const odd = `<a href="x">'é' & /` + "\n\t\x01\U0001F600\\"
	if got, want := php.Plain(odd), "&lt;a href=&quot;x&quot;&gt;&#039;é&#039; &amp; /\n\t\x01\U0001F600\\"; got != want {
		t.Errorf("plain: %q, not %q", got, want)
	}
	if got, want := php.Encode("café/a b~%"), "caf%C3%A9/a%20b~%25"; got != want {
		t.Errorf("encoded: %q, not %q", got, want)
	}
	var back string
	if err := json.Unmarshal([]byte(php.JSON(odd)), &back); err != nil || back != odd {
		t.Errorf("JSON: %s is %q (%v)", php.JSON(odd), back, err)
	}
	if got := php.JSON(`<'&">/é`); got != `"\u003C\u0027\u0026\u0022\u003E\/\u00e9"` {
		t.Errorf("JSON: %s", got)
	}
	if got := php.Field(`a:2:{s:5:"items";s:5:"1|é";s:7:"private";i:0;}`, "items"); got != "" {
		t.Errorf("a string of another length: %q", got)
	}
	if got := php.Field(`a:2:{s:5:"items";s:4:"1|é";s:7:"private";i:0;}`, "items"); got != "1|é" {
		t.Errorf("items: %q", got)
	}
	if got := php.String(`s:3:"UTC";`) + php.String("i:1;"); got != "UTC" {
		t.Errorf("strings: %q", got)
	}
}

func TestSessionsComeBack(t *testing.T) {
	t.Parallel()
	m := php.Messages{"error": {`a "b"; {}`, "é"}, "status": {""}}
	const want = `messages|a:2:{s:5:"error";a:2:{i:0;s:9:"a "b"; {}";i:1;s:2:"é";}s:6:"status";a:1:{i:0;s:0:"";}}`
	if got := php.EncodeSession(m); got != want {
		t.Errorf("%s\nnot %s", got, want)
	}
	back, err := php.DecodeSession(want)
	if err != nil || !reflect.DeepEqual(back, m) {
		t.Errorf("%v, %v", back, err)
	}
	if _, err := php.DecodeSession(want[:40]); err == nil || !strings.Contains(err.Error(), "byte 37 is not a length") {
		t.Errorf("a session cut off: %v", err)
	}
}

// FuzzSession: what can be read comes out as it went in.
func FuzzSession(f *testing.F) {
	f.Add(php.EncodeSession(php.Messages{"error": {"a", `";`}}))
	f.Add(`messages|a:1:{s:5:"error";a:99999999:{}}`)
	f.Fuzz(func(t *testing.T, s string) {
		m, err := php.DecodeSession(s)
		if err != nil {
			return
		}
		back, err := php.DecodeSession(php.EncodeSession(m))
		if err != nil || len(back) != len(m) || len(m) > 0 && !reflect.DeepEqual(back, m) {
			t.Fatalf("%q: %v, then %v (%v)", s, m, back, err)
		}
	})
}

// FuzzQuery: what PHP reads of what Drupal builds is the same again.
func FuzzQuery(f *testing.F) {
	for _, s := range []string{"a=1&b[]=2", "submitted%5Ba%5D=x+y", "[=1", "a[[b]]=1&a[b=2", "%=&==&&"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once := php.ParseQuery(s).Build("")
		if twice := php.ParseQuery(once).Build(""); twice != once {
			t.Fatalf("%q is %q, then %q", s, once, twice)
		}
	})
}
