package split_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/gateway/split"
)

// S-1's vectors: the formula as every replica, restart and CPU must compute it (L-1).
func TestBucketVectors(t *testing.T) {
	t.Parallel()
	for _, v := range []struct {
		salt, key string
		want      int
	}{
		{"donate-1", "v:0000", 8514},
		{"donate-1", "v:0001", 3315},
		{"donate-1", "v:0002", 8916},
		{"donate-2", "v:0001", 5738},
		{"gift-aid-1", "GET /about-us", 3040},
	} {
		if got := split.Bucket(v.salt, v.key); got != v.want {
			t.Errorf("%s %s: bucket %d, want %d", v.salt, v.key, got, v.want)
		}
		if got := split.Bucket(v.salt, []byte(v.key)); got != v.want {
			t.Errorf("%s %s as bytes: bucket %d, want %d", v.salt, v.key, got, v.want)
		}
	}
}

// L-2: raising a weight moves nobody back, lowering moves exactly those last added. L-3: 0 is nobody, Full everybody.
func TestWeightsAreMonotone(t *testing.T) {
	t.Parallel()
	for bucket := range split.Full {
		if split.Draw(bucket, 0) != split.Legacy || split.Draw(bucket, split.Full) != split.New {
			t.Fatalf("bucket %d is not where everybody is", bucket)
		}
		moved := 0
		for _, w := range []int{0, 1, 100, 4999, 5000, 5001, 9999, split.Full} {
			if split.Draw(bucket, w) == split.New {
				moved++
			} else if moved > 0 {
				t.Fatalf("bucket %d went back at weight %d", bucket, w)
			}
		}
	}
}

// chi999 is the 0.999 quantile of chi-square with 99 degrees of freedom: what 100 equal cells exceed once in a thousand.
const chi999 = 148.23

// L-4: uniform over 100 cells on 1,000,000 fixed keys. L-5: independent of another salt's draw, on a quarter of them.
func TestBucketsAreUniformAndSaltsIndependent(t *testing.T) {
	t.Parallel()
	const keys = 1_000_000
	var cells, joint [100]int
	key := make([]byte, 0, 32)
	for i := range keys {
		key = fmt.Appendf(key[:0], "v:%032x", i)
		b := split.Bucket("donate-1", key)
		cells[b/100]++
		if i%4 == 0 {
			joint[b/1000*10+split.Bucket("donate-2", key)/1000]++
		}
	}
	uniform("L-4", t, cells, keys)
	uniform("L-5", t, joint, keys/4)
}

func uniform(law string, t *testing.T, cells [100]int, keys float64) {
	t.Helper()
	chi := 0.0
	for _, n := range cells {
		d := float64(n) - keys/100
		chi += d * d / (keys / 100)
	}
	if chi > chi999 {
		t.Errorf("%s: chi-square %.1f over %.1f", law, chi, chi999)
	}
}

// S-3: the order of decision.
func TestOrderOfDecision(t *testing.T) {
	t.Parallel()
	all := split.Facts{Killed: true, Noncanonical: true, Overridden: true, Override: split.New, InForm: true, Form: split.New, Bucket: 0, Weight: split.Full}
	steps := []struct {
		off    func(*split.Facts)
		side   split.Side
		reason split.Reason
	}{
		{func(*split.Facts) {}, split.Legacy, split.ByKill},
		{func(f *split.Facts) { f.Killed = false }, split.Legacy, split.Noncanonical},
		{func(f *split.Facts) { f.Noncanonical = false }, split.New, split.ByOverride},
		{func(f *split.Facts) { f.Overridden = false }, split.New, split.ByForm},
		{func(f *split.Facts) { f.InForm = false }, split.New, split.ByBucket},
		{func(f *split.Facts) { f.Weight = 0 }, split.Legacy, split.ByBucket},
	}
	for i, s := range steps {
		s.off(&all)
		if side, reason := split.Decide(all); side != s.side || reason != s.reason {
			t.Errorf("step %d: %s by %s, want %s by %s", i, side, reason, s.side, s.reason)
		}
	}
}

func TestKeysAsTheyAreHashed(t *testing.T) {
	t.Parallel()
	sum := sha256.Sum256([]byte("abc"))
	for text, want := range map[string]string{
		"visitor":       "v:abc",
		"session":       fmt.Sprintf("s:%x", sum[:16]),
		"address":       "a:abc",
		"url":           "GET /about-us",
		"header:X-Team": "h:X-Team:abc",
	} {
		k, err := split.ParseKey(text)
		if err != nil || k.String() != text {
			t.Fatalf("%s: %v %v", text, k, err)
		}
		if got := k.Append(nil, []byte("abc"), []byte("HEAD"), []byte("/about-us")); string(got) != want {
			t.Errorf("%s: hashed as %q, want %q", text, got, want)
		}
	}
	for _, bad := range []string{"", "cookie", "header:", "header:a b", "Visitor"} {
		if _, err := split.ParseKey(bad); err == nil {
			t.Errorf("%q was taken for a key", bad)
		}
	}
}

const visitor = "0123456789abcdef0123456789abcdef"

func ring(t testing.TB, secrets ...split.Secret) *split.Keyring {
	t.Helper()
	r, err := split.NewKeyring(secrets...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var (
	k1 = split.Secret{ID: "k1", Value: "the first secret of all"}
	k2 = split.Secret{ID: "k2", Value: strings.Repeat("longer than a block of SHA-256 ", 4)}
)

// The signature is plain HMAC-SHA256, cut to 128 bits, also with a key longer than a block.
func TestSignatureIsHMAC(t *testing.T) {
	t.Parallel()
	for _, k := range []split.Secret{k1, k2} {
		got := string(ring(t, k).AppendCookie(nil, visitor))
		m := hmac.New(sha256.New, []byte(k.Value))
		m.Write([]byte("banyan visitor\x001." + k.ID + "." + visitor))
		if want := "1." + k.ID + "." + visitor + "." + base64.RawURLEncoding.EncodeToString(m.Sum(nil)[:16]); got != want {
			t.Errorf("cookie %s, want %s", got, want)
		}
	}
}

// D-5: the cookie is signed; a key that no longer signs still checks, and a letter changed makes it none.
func TestVisitorCookie(t *testing.T) {
	t.Parallel()
	old := ring(t, k1).AppendCookie(nil, visitor)
	both := ring(t, k2, k1)
	if id, ok := both.Visitor(old); !ok || string(id) != visitor {
		t.Errorf("after a change of keys: %q %v", id, ok)
	}
	if _, ok := ring(t, k2).Visitor(old); ok {
		t.Error("a key that is gone still counts")
	}
	if now := both.AppendCookie(nil, visitor); !bytes.HasPrefix(now, []byte("1.k2.")) {
		t.Errorf("the first key does not sign: %s", now)
	}
	for i := range old {
		bad := bytes.Clone(old)
		bad[i] ^= 1
		if _, ok := both.Visitor(bad); ok {
			t.Errorf("accepted with byte %d changed: %s", i, bad)
		}
	}
	for _, bad := range []string{"", ".", "...", "1.k1.." + visitor, visitor, string(old) + ".", string(old[:len(old)-1]), strings.Repeat("a.", 4000)} {
		if _, ok := both.Visitor([]byte(bad)); ok {
			t.Errorf("accepted %q", bad)
		}
	}
}

var noon = time.Date(2026, 3, 15, 12, 0, 0, 0, time.UTC)

// S-4 and L-9: an override that is unsigned, expired, for another group or altered changes nothing.
func TestOverride(t *testing.T) {
	t.Parallel()
	r := ring(t, k1)
	good := r.SignOverride(split.Override{Side: split.New, Group: "donate", Expires: noon.Add(time.Minute)})
	if side, ok := r.Override([]byte(good), "donate", noon); !ok || side != split.New {
		t.Errorf("%s: %v %v", good, side, ok)
	}
	back := r.SignOverride(split.Override{Side: split.Legacy, Group: "donate", Expires: noon.Add(time.Minute)})
	if side, ok := r.Override([]byte(back), "donate", noon); !ok || side != split.Legacy {
		t.Errorf("%s: %v %v", back, side, ok)
	}
	refused := func(value, group string, now time.Time) {
		t.Helper()
		if side, ok := r.Override([]byte(value), group, now); ok || side != split.Legacy {
			t.Errorf("%q for %s at %s counts", value, group, now)
		}
	}
	refused(good, "gift-aid", noon)
	refused(good, "donate", noon.Add(time.Minute))
	refused("new", "donate", noon)
	refused("new.donate.99999999999.k1.", "donate", noon)
	refused(string(r.AppendCookie(nil, visitor)), "donate", noon)
	for i := range good {
		bad := []byte(good)
		bad[i] ^= 1
		refused(string(bad), "donate", noon)
	}
}

func FuzzSigned(f *testing.F) {
	r := ring(f, k1, k2)
	f.Add(r.AppendCookie(nil, visitor))
	f.Add([]byte(r.SignOverride(split.Override{Side: split.New, Group: "donate", Expires: noon.Add(time.Hour)})))
	cookie := string(r.AppendCookie(nil, visitor))
	f.Fuzz(func(t *testing.T, value []byte) {
		if id, ok := r.Visitor(value); ok && string(value) != cookie && string(id) == visitor && bytes.HasPrefix(value, []byte("1.k1.")) {
			t.Errorf("a second cookie for one id: %q", value)
		}
		r.Override(value, "donate", noon)
	})
}

// The data path allocates nothing (design: no allocation a request).
func TestNothingIsAllocated(t *testing.T) {
	r := ring(t, k1, k2)
	cookie := r.AppendCookie(nil, visitor)
	wish := []byte(r.SignOverride(split.Override{Side: split.New, Group: "donate", Expires: noon.Add(time.Hour)}))
	key := split.Key{}
	buf := make([]byte, 0, 128)
	if n := testing.AllocsPerRun(100, func() {
		id, _ := r.Visitor(cookie)
		buf = key.Append(buf[:0], id, nil, nil)
		split.Bucket("donate-2026", buf)
		r.Override(wish, "donate", noon)
		r.AppendCookie(buf[:0], visitor)
	}); n != 0 {
		t.Errorf("%v allocations a request", n)
	}
}

func BenchmarkVisitorToBucket(b *testing.B) {
	r := ring(b, k1)
	cookie := r.AppendCookie(nil, visitor)
	buf := make([]byte, 0, 128)
	b.ReportAllocs()
	for b.Loop() {
		id, _ := r.Visitor(cookie)
		split.Bucket("donate-2026", append(append(buf[:0], "v:"...), id...))
	}
}
