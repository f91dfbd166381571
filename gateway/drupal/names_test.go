package drupal

import (
	"reflect"
	"strings"
	"testing"
)

// D-8: every name of the page.
func TestNames(t *testing.T) {
	t.Parallel()
	want := []Name{{"/donate", "", false}, {"/", "donate", false}, {"/index.php", "donate", false},
		{"/node/2", "", false}, {"/", "node/2", false}, {"/index.php", "node/2", false},
		{"/node/2/done", "", true}, {"/", "node/2/done", true}, {"/index.php", "node/2/done", true}}
	if got := adapter(t, nil).Names(); !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
	if got := Names(7, ""); len(got) != 6 || got[0].Path != "/node/7" {
		t.Errorf("a page without an alias is %v", got)
	}
}

// D-1: the recorded cookie's name.
func TestSessionNames(t *testing.T) {
	t.Parallel()
	if got := SessionName(".www.rednosefund.example", false); got != "SESS72139d7bcf51a856ac0a29ac979d0cb0" {
		t.Error(got)
	}
	for name, want := range map[string]bool{SessionName("x", true): true, SessionName("x", false): true, "SESS": false, "has_js": false, "SSSESS" + strings.Repeat("0", 32): false} {
		if IsSession(name) != want {
			t.Errorf("IsSession(%s) is %v", name, !want)
		}
	}
}

func TestSidIsTheGiftsHash(t *testing.T) {
	t.Parallel()
	// SHA-256("") begins with e3b0c442.
	if got := sid(""); got != 1<<31+0xe3b0c442>>1 {
		t.Errorf("%d", got)
	}
}

// PHP's own answers for FILTER_VALIDATE_EMAIL.
func TestValidEmail(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"a@example.org": true, "a.b+c'd@sub.example.org": true, `"a b"@example.org`: false, `"a\ b"@example.org`: true, "a@xn--bcher-kva.example": true,
		"": false, "a": false, "a@b": false, "@example.org": false, "a@": false, "a b@example.org": false, "a@b@example.org": false,
		".a@example.org": false, "a.@example.org": false, "a..b@example.org": false, "a@-b.org": false, "a@b-.org": false, "a@b..org": false,
		"a@127.0.0.1": false, "zoë@example.org": false, "a@exämple.org": false, strings.Repeat("a", 65) + "@example.org": false,
		"a@" + strings.Repeat("b", 64) + ".org": false, "a@example.org.": false, "a@b_c.org": false,
	} {
		if validEmail(address) != want {
			t.Errorf("%q: %v", address, !want)
		}
	}
}

// PHP's reading of names and repeats (W-13), and Drupal's way to write them again.
func TestPHPReading(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		"x=1&x=2":                  "x=2",
		"b=1&a=2&b=3":              "b=3&a=2",
		"a[]=1&a[]=2":              "a%5B0%5D=1&a%5B1%5D=2",
		"a[5]=1&a[]=2":             "a%5B5%5D=1&a%5B6%5D=2",
		"a[x][y]=1&a[x][z]=2":      "a%5Bx%5D%5By%5D=1&a%5Bx%5D%5Bz%5D=2",
		"a=1&a[b]=2":               "a%5Bb%5D=2",
		"a.b c=1":                  "a_b_c=1",
		"+ a=1":                    "a=1",
		"a[b=1":                    "a_b=1",
		"a[b]c=1":                  "a%5Bb%5D=1",
		"a=1;b=2":                  "a=1%3Bb%3D2",
		"a=%zz%4":                  "a=%25zz%254",
		"a=b+c%2Fd~e":              "a=b%20c/d~e",
		"a%00b=1":                  "a=1",
		"=1&&[x]=2":                "",
		"a":                        "a=",
		strings.Repeat("a[]=&", 3): "a%5B0%5D=&a%5B1%5D=&a%5B2%5D=",
	} {
		if got := parseQuery(query).build(""); got != want {
			t.Errorf("%s is read as %s, want %s", query, got, want)
		}
	}
	if n := len(parseQuery(strings.Repeat("a[]=1&", 2000)).of["a"].list.keys); n != maxVars {
		t.Errorf("%d values were read", n)
	}
	if deep := parseQuery("a" + strings.Repeat("[x]", 100) + "=1"); len(deep.keys) != 0 {
		t.Error("a name of 100 brackets was read")
	}
}
