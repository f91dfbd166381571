package frozen

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// folder is a freeze of one page.
func folder(t testing.TB, change func(*Manifest)) string {
	t.Helper()
	dir, body := t.TempDir(), []byte("<title>One</title>")
	hash := HashOf(body)
	if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(File(hash))), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, File(hash)), body, 0o644); err != nil {
		t.Fatal(err)
	}
	m := &Manifest{Site: "http://h", Made: time.Unix(1, 0), Left: []Left{{"/user", "personal"}},
		Pages: []Page{{At: "/one", Status: 200, Type: "text/html", File: File(hash), Hash: hash, Size: int64(len(body)), Title: "One"}}}
	if change != nil {
		change(m)
	}
	text, err := m.Text()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, ManifestName), text, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// A manifest is read as it was written, and whatever would make a gateway serve something else is refused by its address.
func TestAManifestThatCannotBeServedIsRefused(t *testing.T) {
	t.Parallel()
	s, err := Open(folder(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	if m := s.Manifest(); len(m.Pages) != 1 || m.Pages[0].Title != "One" || m.Left[0].Why != "personal" {
		t.Errorf("%+v", m)
	}
	for want, change := range map[string]func(*Manifest){
		"stands twice":   func(m *Manifest) { m.Pages = append(m.Pages, m.Pages[0]) },
		"canonical form": func(m *Manifest) { m.Pages[0].At = "/%6fne" },
		"no address":     func(m *Manifest) { m.Pages[0].At = "one" },
		"its hash says":  func(m *Manifest) { m.Pages[0].File = "../../etc/passwd" },
		"no SHA-256": func(m *Manifest) {
			m.Pages[0].Hash = "../../../../../../../../../../../../../../../../../../etc/passwd"
		},
		"has 18 bytes, not 17":  func(m *Manifest) { m.Pages[0].Size = 17 },
		"status 500":            func(m *Manifest) { m.Pages[0].Status = 500 },
		"lawful size or type":   func(m *Manifest) { m.Pages[0].Type = "text/html\r\nSet-Cookie: a=b" },
		"header that no answer": func(m *Manifest) { m.Pages[0].Headers = [][2]string{{"X Y", "z"}} },
		"is a redirect":         func(m *Manifest) { m.Pages[0] = Page{At: "/old", Status: 301} },
		"no such file":          func(m *Manifest) { m.Pages[0].Hash = strings.Repeat("0", 64); m.Pages[0].File = File(m.Pages[0].Hash) },
	} {
		if _, err := Open(folder(t, change)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
	if _, err := Open(t.TempDir()); err == nil || !strings.Contains(err.Error(), "banyan migrate content") {
		t.Errorf("an empty folder: %v", err)
	}
}

// A link in the folder leads nobody out of it, whether it stood there from the beginning or was put there later; nor does a file of other bytes pass.
func TestLinksAndOtherBytesAreNotServed(t *testing.T) {
	t.Parallel()
	outside := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(outside, []byte("<title>Two</title>"), 0o644); err != nil {
		t.Fatal(err)
	}
	dir := folder(t, nil)
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := s.Find([]byte("/one"), nil, nil)
	file := filepath.Join(dir, a.File)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, file); err != nil {
		t.Fatal(err)
	}
	if body, err := a.Body(); err == nil {
		t.Errorf("a link was followed: %s", body)
	}
	if s.Trouble() == "" {
		t.Error("nobody is told")
	}
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "is no file but a") {
		t.Errorf("a link at the start: %v", err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("<title>Two</title>"), 0o644); err != nil {
		t.Fatal(err)
	}
	if body, err := a.Body(); err == nil {
		t.Errorf("other bytes were served: %s", body)
	}
}

func TestAddressesHaveOneSpelling(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ path, query, want string }{
		{"/about-us", "", "/about-us"}, {"/%61bout%2dus", "utm_source=x", "/about-us"}, {"/node", "x=1&page=2", "/node?page=2"},
		{"/caf%c3%a9", "", "/caf%C3%A9"}, {"/a/../b", "", ""}, {"//a", "", ""}, {"/%zz", "", ""}, {"/a%5cb", "", ""},
	} {
		if got, _ := Address(c.path, c.query, "page"); got != c.want {
			t.Errorf("%s?%s: %q, want %q", c.path, c.query, got, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	text, err := (&Manifest{Pages: []Page{{At: "/", Status: 302, Location: "/x"}}}).Text()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"version":1,"pages":[{"at":"/%2e%2e","status":200}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := Parse(text)
		if err != nil {
			return
		}
		again, err := m.Text()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Parse(again); err != nil {
			t.Fatalf("%v: what was read cannot be read again: %s", err, again)
		}
		for _, p := range m.Pages {
			if strings.Contains(p.File, "..") || strings.ContainsAny(p.Location+p.Type, "\r\n") {
				t.Fatalf("%+v", p)
			}
		}
	})
}

// Whatever is asked, what is found is a page of the manifest, and what is sent of it lies within it.
func FuzzFind(f *testing.F) {
	s, err := Open(folder(f, func(m *Manifest) {
		p := m.Pages[0]
		p.At = "/one?page=2"
		m.Pages = append(m.Pages, p)
	}))
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte("/one"), []byte("page=2&q=one"), []byte("bytes=0-"))
	f.Add([]byte("/"), []byte("q=%2fone%2f"), []byte("bytes=-9223372036854775807"))
	f.Fuzz(func(t *testing.T, path, query, span []byte) {
		a, _ := s.Find(path, query, nil)
		if a == nil {
			return
		}
		r := a.Decide(Ask{Range: span})
		if r.From < 0 || r.To > a.Size || r.From > r.To || r.Status == 206 && r.From == r.To {
			t.Fatalf("%q: %+v of %d", span, r, a.Size)
		}
		if head := a.AppendHead(nil, r); !bytes.HasSuffix(head, []byte("\r\n")) {
			t.Fatalf("%q", head)
		}
	})
}
