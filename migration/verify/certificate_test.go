package verify

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"index/suffixarray"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/services/all"
	"github.com/banyan-migration/banyan/shared/form"
)

var testKey = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))

var issued = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// certified is the certificate of the sample site with some damages, and its results.
func certified(t *testing.T, damages bool) (Certificate, []Result) {
	t.Helper()
	comparing.Lock()
	defer comparing.Unlock()
	if compared[damages] == nil {
		compared[damages] = comparedSample(t, damages)
	}
	results := compared[damages]
	return Certify(results, "the treasurer", "mysql drupal at db.example.org", "dynamodb banyan in eu-west-2", issued, testKey), results
}

// compared are the results, made once.
var (
	comparing sync.Mutex
	compared  = map[bool][]Result{}
)

func comparedSample(t *testing.T, damages bool) []Result {
	p := gifts(t, 4000)
	if damages {
		rows := p.site.All("donate", drupal.Span{})
		p.put(t, changed(rows[2], "amount", "7.01"))
		p.put(t, changed(rows[3], "email", "somebody.else@example.org"))
		p.remove(t, rows[5])
	}
	results := []Result{p.run(t)}
	whole, err := everything()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range form.Forms[1:] {
		e, _ := all.Named(f.Service)
		r, err := Job{Source: whole, Form: f, Import: e.Import, Records: e.Records}.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		results = append(results, r)
	}
	for i := range results {
		results[i].Began, results[i].Ended, results[i].Watermark.At = issued.Add(-time.Minute), issued, issued.Add(-time.Minute)
	}
	return results
}

func signedOf(t *testing.T, c Certificate) Sealed {
	t.Helper()
	s, err := Sign(c, testKey)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestCertificateChecks(t *testing.T) {
	t.Parallel()
	for _, damages := range []bool{false, true} {
		c, _ := certified(t, damages)
		if c.Clean == damages {
			t.Fatalf("clean is %v: %+v", c.Clean, c.Forms[0].Differences)
		}
		s := signedOf(t, c)
		if dir := os.Getenv("VERIFY_KEEP"); dir != "" {
			if err := s.Save(filepath.Join(dir, map[bool]string{false: "clean", true: "damaged"}[damages])); err != nil {
				t.Fatal(err)
			}
		}
		public := testKey.Public().(ed25519.PublicKey)
		for name, raw := range map[string][]byte{"JSON": s.JSON, "HTML": s.HTML} {
			for _, pinned := range []string{"", Fingerprint(public), strings.ToLower(s.Fingerprint)} {
				got, finger, err := Check(raw, pinned)
				if err != nil || finger != s.Fingerprint || got.Clean != c.Clean || len(got.Forms) != 7 {
					t.Errorf("%s pinned to %q: %v", name, pinned, err)
				}
			}
			if _, _, err := Check(raw, Fingerprint(bytes.Repeat([]byte{1}, 32))); err == nil || !strings.Contains(err.Error(), "another key") {
				t.Errorf("%s of a stranger's key: %v", name, err)
			}
		}
	}
}

// Whatever is altered is named.
func TestCertificateAltered(t *testing.T) {
	t.Parallel()
	c, _ := certified(t, true)
	s := signedOf(t, c)
	other, err := Sign(c, ed25519.NewKeyFromSeed(bytes.Repeat([]byte{8}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	take := func(doc []byte, from string) string { // the value of a key
		_, rest, _ := strings.Cut(string(doc), `"`+from+`": "`)
		value, _, _ := strings.Cut(rest, `"`)
		return value
	}
	for name, a := range map[string]struct {
		raw      []byte
		old, new string
		want     string
	}{
		"a finding":             {s.JSON, `"clean": false`, `"clean": true`, "clean, donate/clean"},
		"a sum":                 {s.JSON, `"sum_pence_target": `, `"sum_pence_target": 1`, "donate/sum_pence_target"},
		"a date":                {s.JSON, "2026-11-23T12:00:00Z", "2026-11-24T12:00:00Z", "issued"},
		"who signed":            {s.JSON, "the treasurer", "a stranger", "signer"},
		"a difference":          {s.JSON, `"field": "email"`, `"field": "title"`, "donate/differences"},
		"a form's name":         {s.JSON, `"form": "pay-in"`, `"form": "pay-out"`, "pay-in/form (taken away)"},
		"a part taken":          {s.JSON, `"own": 0,`, ``, ""},
		"a word added":          {s.JSON, `"more_differences": 0,`, `"more_differences": 0, "note": "all is well",`, "added to"},
		"a key given twice":     {s.JSON, `"signer": `, `"signer": "another", "signer": `, "besides"},
		"spaces":                {s.JSON, "\n", "\n\n", "besides"},
		"a seal":                {s.JSON, take(s.JSON, "donate/own"), strings.Repeat("0", 64), "donate/own"},
		"another's signature":   {s.JSON, take(s.JSON, "value"), take(other.JSON, "value"), "signature"},
		"another's key":         {s.JSON, take(s.JSON, "public_key"), take(other.JSON, "public_key"), "another key"},
		"the page's verdict":    {s.HTML, "3 rows are not the same on both sides.</h1>", "All is well.</h1>", `says "<h1>All is well.</h1>"`},
		"the page's style":      {s.HTML, "body{margin:0;", "body{margin:0;display:none;", "the page that shows it was altered"},
		"the page's inside":     {s.HTML, `"rows_source":4000`, `"rows_source":4001`, "donate/rows_source"},
		"the page's other half": {s.HTML, "</body>", "<p>All is well.</p></body>", "altered"},
		"the page's seal":       {s.HTML, `"page":{`, `"pager":{`, "added to"},
		"a cut page":            {s.HTML[:len(s.HTML)/2], "a", "a", ""},
		"nothing":               {nil, "", "", "no certificate"},
	} {
		altered := bytes.ReplaceAll(a.raw, []byte(a.old), []byte(a.new))
		if a.raw != nil && a.old != a.new && bytes.Equal(altered, a.raw) {
			t.Errorf("%s: nothing was altered", name)
		}
		if _, _, err := Check(altered, s.Fingerprint); err == nil || !strings.Contains(err.Error(), a.want) {
			t.Errorf("%s: %v, want %q", name, err, a.want)
		}
	}
}

// A certificate holds nobody's data: no value of any donor of the sample that is longer than a tick.
func TestCertificateNamesNobody(t *testing.T) {
	t.Parallel()
	c, results := certified(t, true)
	s := signedOf(t, c)
	whole, err := everything()
	if err != nil {
		t.Fatal(err)
	}
	text := string(s.JSON) + string(s.HTML)
	index := suffixarray.New([]byte(text))
	for _, f := range form.Forms {
		_, err := whole.Records(context.Background(), f.Alias, drupal.Span{}, func(r form.Record) error {
			for _, key := range []string{"first_name", "last_name", "name", "email", "parent_email", "phone", "mobile", "address1", "postcode", "message", "transaction_id", "child_name", "idea"} {
				if v := r.Value(key); len(v) > 3 && personal(v) && index.Lookup([]byte(v), 1) != nil {
					t.Fatalf("%s of row %d stands in the certificate: %q", key, r.SID, v)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	var full bytes.Buffer
	if err := WriteDifferences(&full, results[0]); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(full.String(), "somebody.else@example.org") || strings.Contains(text, "somebody.else") {
		t.Error("values belong into the file of differences, and nowhere else")
	}
	if n := strings.Count(full.String(), "\n"); n != len(results[0].Differences) || n < 3 {
		t.Errorf("%d lines for %d differences", n, len(results[0].Differences))
	}
}

// personal says that a text is not a word of the certificate's own ("Rose" would be, of a page that shows a rose).
func personal(v string) bool { return !strings.Contains(pageText, v) }

func TestCertificateFilesAreTheirOwners(t *testing.T) {
	t.Parallel()
	c, _ := certified(t, false)
	dir := filepath.Join(t.TempDir(), "new")
	if err := signedOf(t, c).Save(dir); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{".": 0o700, "certificate.json": 0o600, "certificate.html": 0o600} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v %v", name, info.Mode(), err)
		}
	}
	_, results := certified(t, true)
	if err := SaveDifferences(filepath.Join(dir, "differences.jsonl"), results); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(dir, "differences.jsonl")); err != nil || info.Mode().Perm() != 0o600 || info.Size() == 0 {
		t.Errorf("differences: %v %v", info, err)
	}
	if err := SaveDifferences(filepath.Join(dir, "nowhere", "differences.jsonl"), results); err == nil || strings.Contains(err.Error(), "example.org") {
		t.Errorf("a file that cannot be written: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}

func TestCertificateShowsNoPassword(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"mysql://root:hunter2@db.example.org:3306/d7?prefix=a_": "mysql://db.example.org:3306/d7?prefix=a_",
		"mysql://root:hun/te@r2@db.example.org/d7":              "mysql://db.example.org/d7",
		"dynamodb:banyan": "dynamodb:banyan",
	} {
		if c := Certify(nil, "", given, given, issued, testKey); c.Source != want || c.Target != want {
			t.Errorf("%s is shown as %s", given, c.Source)
		}
	}
}

func TestKey(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "keys")
	first, err := Key("", dir)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := Key("", dir); err != nil || !again.Equal(first) {
		t.Errorf("the key that was made is not kept: %v", err)
	}
	file := filepath.Join(dir, KeyFile)
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if same, err := Key(string(text), ""); err != nil || !same.Equal(first) {
		t.Errorf("a seed from the environment: %v", err)
	}
	if _, err := Key("hunter2", ""); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a short seed: %v", err)
	}
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Key("", dir); err == nil || !strings.Contains(err.Error(), "read by others") {
		t.Errorf("a key that all can read: %v", err)
	}
	if f := Fingerprint(testKey.Public().(ed25519.PublicKey)); len(f) != 39 {
		t.Errorf("fingerprint %q", f)
	}
}

func FuzzCheck(f *testing.F) {
	s, err := Sign(Certificate{Format: Format, Forms: []CertifiedForm{{Form: "donate", Sums: []Sum{{Day: "2019-03-15", Status: moved}}}}}, testKey)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(s.JSON)
	f.Add(s.HTML)
	f.Fuzz(func(t *testing.T, raw []byte) {
		if _, _, err := Check(raw, s.Fingerprint); err == nil && !bytes.Equal(raw, s.JSON) && !bytes.Equal(raw, s.HTML) {
			t.Errorf("passes for the certificate, and is not it: %q", raw)
		}
	})
}
