package mark_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/shared/mark"
)

var noon = time.Date(2026, 3, 13, 12, 0, 0, 0, time.UTC)

func keys(t *testing.T, s string) mark.Keys {
	t.Helper()
	k, err := mark.ParseKeys(s)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestMarkHoldsForItsOwnRequestAlone(t *testing.T) {
	t.Parallel()
	k := keys(t, "a:0123456789abcdef,b:fedcba9876543210")
	signed := k.Sign("b", mark.Test, noon, "POST", "/donations?x=1", []byte("body"))
	if kind, err := k.Check(signed, "POST", "/donations?x=1", []byte("body"), noon.Add(mark.Age)); err != nil || kind != mark.Test {
		t.Fatal(kind, err)
	}
	shadow := strings.Replace(signed, "test;", "shadow;", 1)
	for name, err := range map[string]error{
		"method":    second(k.Check(signed, "PUT", "/donations?x=1", []byte("body"), noon)),
		"path":      second(k.Check(signed, "POST", "/donations", []byte("body"), noon)),
		"body":      second(k.Check(signed, "POST", "/donations?x=1", []byte("bodY"), noon)),
		"old":       second(k.Check(signed, "POST", "/donations?x=1", []byte("body"), noon.Add(mark.Age+time.Second))),
		"future":    second(k.Check(signed, "POST", "/donations?x=1", []byte("body"), noon.Add(-mark.Age-time.Second))),
		"kind":      second(k.Check(shadow, "POST", "/donations?x=1", []byte("body"), noon)),
		"cut":       second(k.Check(signed[:len(signed)-1], "POST", "/donations?x=1", []byte("body"), noon)),
		"live":      second(k.Check("live;1;b;00", "POST", "/", nil, noon)),
		"empty":     second(k.Check("", "POST", "/", nil, noon)),
		"other key": second(keys(t, "b:another secret of 16").Check(signed, "POST", "/donations?x=1", []byte("body"), noon)),
		"no keys":   second(mark.Keys{}.Check(signed, "POST", "/donations?x=1", []byte("body"), noon)),
	} {
		if !errors.Is(err, mark.ErrWrong) {
			t.Errorf("%s: %v, want ErrWrong", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestVisitorIsWhoTheGatewaySays(t *testing.T) {
	t.Parallel()
	k := keys(t, "0123456789abcdef")
	c := mark.Client{Address: "2001:db8::1", Request: "req-1"}
	signed := k.SignClient(k.First(), c, noon)
	if got, err := k.CheckClient(signed, noon); err != nil || got != c {
		t.Fatal(got, err)
	}
	for name, value := range map[string]string{
		"address": strings.Replace(signed, "::1", "::2", 1), "empty": "", "four": "a;b;1;k1",
		"a mark": k.Sign("k1", mark.Test, noon, "", "", nil), "unknown key": strings.Replace(signed, ";k1;", ";k2;", 1),
	} {
		if _, err := k.CheckClient(value, noon); !errors.Is(err, mark.ErrWrong) {
			t.Errorf("%s: %v, want ErrWrong", name, err)
		}
	}
	if _, err := k.CheckClient(signed, noon.Add(time.Hour)); !errors.Is(err, mark.ErrWrong) {
		t.Error(err)
	}
}

func TestKeysAreReadOrRefused(t *testing.T) {
	t.Parallel()
	if k := keys(t, ""); len(k) != 0 || k.First() != "" || k.Sign("k1", mark.Test, noon, "GET", "/", nil) != "" {
		t.Error(k)
	}
	for _, end := range []string{"\n", "\r\n", " "} { // as a file or echo leaves it in a secret
		if k := keys(t, "a:0123456789abcdef,b:fedcba9876543210"+end); k["b"] != "fedcba9876543210" {
			t.Errorf("with %q at its end the last key is %q", end, k["b"])
		}
	}
	for _, none := range []string{",", " ", "\n"} {
		if k, err := mark.ParseKeys(none); err == nil {
			t.Errorf("%q = %v", none, k)
		}
	}
	const secret = "Xk9fW2longsecretpart"
	for bad, place := range map[string]string{"short": "key 1 of 1", "a:short": "key 1 of 1", ":0123456789abcdef": "key 1 of 1",
		"a:0123456789abcdef,a:0123456789abcdef": "key 2 of 2", "a;b:0123456789abcdef": "key 1 of 1", "a b:0123456789abcdef": "key 1 of 1",
		secret + ":short": "key 1 of 1", secret + ":" + secret: "key 1 of 1", "k1:0123456789abcdef,$" + secret[:9] + ":" + secret + ",k3:" + secret: "key 2 of 3"} {
		k, err := mark.ParseKeys(bad)
		if err == nil || !strings.Contains(err.Error(), place) {
			t.Errorf("%q = %v, %v; want a refusal of %s", bad, k, err, place)
		}
		if err != nil && strings.Contains(err.Error(), secret[:9]) {
			t.Errorf("%v: it tells of the secret", err)
		}
	}
}

func FuzzCheck(f *testing.F) {
	k := mark.Keys{"k1": "0123456789abcdef"}
	f.Add(k.Sign("k1", mark.Test, noon, "GET", "/", nil))
	f.Add(";;;")
	f.Add(k.SignClient("k1", mark.Client{Address: "192.0.2.1", Request: "r"}, noon))
	f.Fuzz(func(t *testing.T, value string) {
		if kind, err := k.Check(value, "GET", "/", nil, noon); err == nil && !strings.HasPrefix(value, kind+";") {
			t.Errorf("%q was taken as %q", value, kind)
		}
		if c, err := k.CheckClient(value, noon); err == nil && !strings.HasPrefix(value, c.Address+";") {
			t.Errorf("%q was taken as %+v", value, c)
		}
	})
}
