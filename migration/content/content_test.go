package content

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-migration/banyan/gateway/frozen"
)

func freeze(t testing.TB, o Options) Report {
	t.Helper()
	r, err := Freeze(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func manifest(t testing.TB, out string) map[string]frozen.Page {
	t.Helper()
	s, err := frozen.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]frozen.Page{}
	for _, p := range s.Manifest().Pages {
		all[p.At] = p
	}
	return all
}

func body(t testing.TB, out string, p frozen.Page) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(out, p.File))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func why(list []frozen.Left, at string) string {
	for _, l := range list {
		if l.At == at {
			return l.Why
		}
	}
	return ""
}

func TestASiteIsFrozenWhole(t *testing.T) {
	t.Parallel()
	o, e := small(t)
	o.heads["/rss.xml"] = http.Header{"Set-Cookie": {"SESSx=1; path=/"}}
	opt := o.options(filepath.Join(t.TempDir(), "out"), e)
	opt.Live = []int64{2}
	opt.Seen = slices.Values([]string{"/team?utm_source=bbc", "/node/2/done?sid=7", "/admin/content", "/how-to-unsubscribe"})
	r := freeze(t, opt)
	if !r.Clean() {
		t.Errorf("%+v", r.Compared)
	}
	all := manifest(t, opt.Out)
	var got []string
	for at := range all {
		got = append(got, at)
	}
	slices.Sort(got)
	want := []string{"/", "/about-us", "/form", "/node", "/node/1", "/node/3", "/node/3/done", "/node?page=1", "/old-team", "/rss.xml", "/sites/a.css", "/sites/b.css", "/sites/c.jpg",
		"/sites/default/files/a.jpg", "/sites/default/files/b.jpg", "/team"}
	if !slices.Equal(got, want) {
		t.Errorf("frozen are %v, want %v", got, want)
	}
	if all["/about-us"].Hash != all["/node/1"].Hash || all["/about-us"].Title != "About us | Old" {
		t.Error("a page has another body under its other name, or no title")
	}
	if p := all["/old-team"]; p.Status != 301 || p.Location != "/team" {
		t.Errorf("the redirect: %+v", p)
	}
	home := body(t, opt.Out, all["/"])
	for _, part := range []string{`<a href="/about-us?utm_source=x#top">`, `b.jpg 2x">`, `, /sites/default`, `<p>See http://www.old.example/about-us</p>`, `http://elsewhere.example/x`} {
		if !strings.Contains(home, part) {
			t.Errorf("%s is not in %s", part, home)
		}
	}
	if css := body(t, opt.Out, all["/sites/a.css"]); !strings.HasPrefix(css, `@import url("/sites/b.css");`) {
		t.Error(css)
	}
	for at, reason := range map[string]string{"/donate": "webform of node 2", "/node/2": "webform of node 2", "/soon": "not published", "/node/4": "not published", "/user/login": "one person",
		"/admin/content": "those who run", "/how-to-unsubscribe": "may change something"} {
		if !strings.Contains(why(r.Left, at), reason) {
			t.Errorf("%s is left out for %q, want %s", at, why(r.Left, at), reason)
		}
		if o.times(at) > 0 {
			t.Errorf("%s was asked for", at)
		}
	}
	if len(r.Forms) != 2 || r.Forms[0] != (Form{2, "/donate", true}) || r.Forms[1] != (Form{3, "/form", false}) || r.Variants != 2 {
		t.Errorf("forms %+v, %d queries without a page of their own", r.Forms, r.Variants)
	}
	for _, file := range []string{"public/about-us/index.html", "public/index.html", "public/node/_page=1/index.html", "public/sites/a.css", "public/404.html", "serve/nginx.conf", "drupal8/README.md"} {
		if _, err := os.Stat(filepath.Join(opt.Out, file)); err != nil {
			t.Error(err)
		}
	}
}

// A refresh asks with what the site itself gave, takes what has changed, takes out what is gone, and leaves no file that nobody names.
func TestARefreshTakesWhatHasChanged(t *testing.T) {
	t.Parallel()
	o, e := small(t)
	o.heads["/team"] = http.Header{"Etag": {`"1"`}}
	opt := o.options(filepath.Join(t.TempDir(), "out"), e)
	freeze(t, opt)
	before := manifest(t, opt.Out)
	asked := o.times("/team")
	for _, target := range []string{"/about-us", "/about-us?x=1", "/about-us?x=2"} {
		o.set(target, "<title>About all | Old</title>")
	}
	o.set("/sites/default/files/b.jpg", "")
	later := opt.Now().Add(time.Hour)
	opt.Now = func() time.Time { return later }
	r := freeze(t, opt)
	after := manifest(t, opt.Out)
	if r.Changed != 1 || r.Fresh != 0 || !slices.Equal(r.Removed, []string{"/sites/default/files/b.jpg"}) || !r.Clean() {
		t.Errorf("%d changed, %d new, %v removed, %+v", r.Changed, r.Fresh, r.Removed, r.Compared)
	}
	if o.times("/team") != asked+1 {
		t.Errorf("what the site calls unchanged was asked for %d times", o.times("/team")-asked)
	}
	if !after["/about-us"].When.Equal(later) || !after["/team"].When.Equal(before["/team"].When) {
		t.Errorf("when: %v, %v", after["/about-us"].When, after["/team"].When)
	}
	for range 2 { // after two more freezes nothing is left of what nobody names
		freeze(t, opt)
	}
	files := 0
	err := filepath.WalkDir(filepath.Join(opt.Out, "objects"), func(_ string, d fs.DirEntry, err error) error {
		if !d.IsDir() {
			files++
		}
		return err
	})
	hashes := map[string]bool{manifestMissing(t, opt.Out): true}
	for _, p := range after {
		if p.Hash != "" {
			hashes[p.Hash] = true
		}
	}
	if err != nil || files != len(hashes) {
		t.Errorf("%d files for %d bodies: %v", files, len(hashes), err)
	}
}

func manifestMissing(t testing.TB, out string) string {
	s, err := frozen.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	return s.Manifest().Missing.Hash
}

// No error page is ever frozen as a page: one that fails keeps what an earlier freeze has, or is not there, and is named.
func TestAFailingPageIsNamedAndKeptAsItWas(t *testing.T) {
	t.Parallel()
	o, e := small(t)
	opt := o.options(filepath.Join(t.TempDir(), "out"), e)
	o.set("/node", "500 <title>Error</title>")
	r := freeze(t, opt)
	if r.Clean() || why(r.Failed, "/node") != "the site answers 500" || manifest(t, opt.Out)["/node"].Hash != "" {
		t.Errorf("failed: %v", r.Failed)
	}
	was := manifest(t, opt.Out)["/team"]
	o.set("/team", "503 <title>Busy</title>")
	r = freeze(t, opt)
	if !strings.Contains(why(r.Failed, "/team"), "stays as it was") || manifest(t, opt.Out)["/team"].Hash != was.Hash {
		t.Errorf("failed: %v, kept %v", r.Failed, manifest(t, opt.Out)["/team"])
	}
}

// The site is killed in the middle, the freezer is, or the folder cannot be written: the earlier freeze stands, and the next run is whole.
func TestAnEarlierFreezeStandsWhateverHappens(t *testing.T) {
	t.Parallel()
	o, e := small(t)
	opt := o.options(filepath.Join(t.TempDir(), "out"), e)
	freeze(t, opt)
	stamp, text := frozen.Stamp(opt.Out), manifest(t, opt.Out)
	unchanged := func(what string) {
		t.Helper()
		if frozen.Stamp(opt.Out) != stamp || len(manifest(t, opt.Out)) != len(text) {
			t.Errorf("%s: the manifest has changed", what)
		}
	}
	o.set("/team", "<title>Team, new | Old</title>")
	asked := o.all
	ctx, kill := context.WithCancel(t.Context())
	o.before = func(n int) {
		if n > asked+6 {
			kill()
		}
	}
	if _, err := Freeze(ctx, opt); !errors.Is(err, context.Canceled) {
		t.Errorf("killed: %v", err)
	}
	unchanged("killed")
	o.mu.Lock()
	o.before = nil
	o.mu.Unlock()
	down := opt
	down.Client = &http.Client{Transport: failing{o.client().Transport, new(atomic.Int64)}}
	if _, err := Freeze(t.Context(), down); err == nil || !strings.Contains(err.Error(), "does not answer any more") || !strings.Contains(err.Error(), "run it again") {
		t.Errorf("the site is down in the middle: %v", err)
	}
	unchanged("down")
	objects := filepath.Join(opt.Out, "objects")
	if err := os.Rename(objects, objects+".away"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(objects, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Freeze(t.Context(), opt); err == nil || !strings.Contains(err.Error(), "cannot be written") {
		t.Errorf("a folder that cannot be written: %v", err)
	}
	if err := errors.Join(os.Remove(objects), os.Rename(objects+".away", objects)); err != nil {
		t.Fatal(err)
	}
	unchanged("no room")
	k, err := open(opt.Out)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Freeze(t.Context(), opt); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("two at once: %v", err)
	}
	k.close()
	if r := freeze(t, opt); !r.Clean() || r.Changed != 1 {
		t.Errorf("the next run: %+v", r)
	}
}

// failing is a network that breaks after four requests.
type failing struct {
	http.RoundTripper
	n *atomic.Int64
}

// RoundTrip fails from the fifth request on.
func (f failing) RoundTrip(r *http.Request) (*http.Response, error) {
	if f.n.Add(1) > 4 {
		return nil, errors.New("connection refused")
	}
	return f.RoundTripper.RoundTrip(r)
}

// A page that each session sees otherwise is nobody else's; a cookie alone makes none.
func TestAPageOfASessionIsLeftOut(t *testing.T) {
	t.Parallel()
	o, e := small(t)
	o.heads["/team"], o.heads["/node"] = http.Header{"Set-Cookie": {"SESSx=1"}}, http.Header{"Set-Cookie": {"SESSx=1"}}
	o.before = func(n int) { o.set("/team", "<title>Hello number "+strings.Repeat("I", n)+"</title>") }
	opt := o.options(filepath.Join(t.TempDir(), "out"), e)
	r := freeze(t, opt)
	if why(r.Left, "/team") != "is another page for each session" || manifest(t, opt.Out)["/node"].Hash == "" {
		t.Errorf("left: %v", r.Left)
	}
	for _, h := range manifest(t, opt.Out)["/node"].Headers {
		if h[0] == "Set-Cookie" {
			t.Error("a cookie was frozen")
		}
	}
}

// What a page became between its two askings is said by place and value.
func TestADifferenceIsNamed(t *testing.T) {
	t.Parallel()
	o, e := small(t)
	o.before = func(int) {
		if o.times("/team") == 2 {
			o.set("/team", "<title>Another team | Old</title>")
		}
	}
	r := freeze(t, o.options(filepath.Join(t.TempDir(), "out"), e))
	if r.Clean() || r.Compared.Differ != 1 || !slices.Contains(r.Compared.Differences, Difference{"/team", "html title", "changed", "Another team | Old", "Team | Old"}) {
		t.Errorf("%+v", r.Compared)
	}
}

func TestRequestsKeepTheirPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, began := pace{rate: 20}, time.Now()
		for range 41 {
			if err := p.wait(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("41 requests at 20 a second took %s", took)
		}
	})
}

func TestASiteIsAnAddress(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "www.old.example", "ftp://x", "http://u:p@x", "http://x/sub", "http://x/?a"} {
		if _, err := Freeze(t.Context(), Options{Site: s, Out: t.TempDir()}); !errors.Is(err, ErrSite) {
			t.Errorf("%q: %v", s, err)
		}
	}
}
