package content

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/banyan-migration/banyan/gateway/frozen"
)

// A redirect to itself or round and round is no page for anybody: it is named as a failure, and what was frozen before stays.
func TestARedirectThatNeverEndsIsAFailure(t *testing.T) {
	t.Parallel()
	o, e := small(t)
	opt := o.options(filepath.Join(t.TempDir(), "out"), e)
	o.set("/", o.pages["/"]+`<a href="/left">l</a>`)
	o.set("/left", "302 /right?from=left")
	o.set("/right", "302 https://www.old.example/left")
	o.set("/right?from=left", "302 /left")
	o.set("/old-team", "301 http://www.old.example/old-team/")
	r := freeze(t, opt)
	all := manifest(t, opt.Out)
	for at, says := range map[string]string{"/old-team": "redirects to itself", "/left": "round and round", "/right": "round and round"} {
		if !strings.Contains(why(r.Failed, at), says) || all[at].At != "" {
			t.Errorf("%s fails for %q, and is frozen as %+v", at, why(r.Failed, at), all[at])
		}
	}
	if r.Clean() || r.Compared.Differ > 0 {
		t.Errorf("clean, or %+v", r.Compared)
	}
	o.set("/team", "302 /team")
	r = freeze(t, opt)
	if is := manifest(t, opt.Out)["/team"]; is.Hash != all["/team"].Hash || !strings.Contains(why(r.Failed, "/team"), "redirects to itself; the page stays") {
		t.Errorf("%+v, %q", is, why(r.Failed, "/team"))
	}
}

// A folder that has such a redirect already loses it.
func TestARedirectThatNeverEndedIsTakenOut(t *testing.T) {
	t.Parallel()
	o, e := small(t)
	opt := o.options(filepath.Join(t.TempDir(), "out"), e)
	freeze(t, opt)
	s, err := frozen.Open(opt.Out)
	if err != nil {
		t.Fatal(err)
	}
	m := *s.Manifest()
	m.Pages = append(slices.Clone(m.Pages), frozen.Page{At: "/turn", Status: 302, Location: "/turn"})
	text, err := m.Text()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(opt.Out, frozen.ManifestName), text, 0o600); err != nil {
		t.Fatal(err)
	}
	o.set("/turn", "302 /turn")
	r := freeze(t, opt)
	if manifest(t, opt.Out)["/turn"].At != "" || why(r.Failed, "/turn") != "redirects to itself" || len(r.Removed) > 0 {
		t.Errorf("failed %v, removed %v", r.Failed, r.Removed)
	}
}

// Without a home page there is no freeze: this is not the site, or it is not well.
func TestASiteWithoutAHomePageIsNotFrozen(t *testing.T) {
	t.Parallel()
	for home, says := range map[string]string{"404 <title>No</title>": "the site answers 404", "403 <title>No</title>": "the site answers 403", "500 <title>No</title>": "the site answers 500",
		"302 /user/login": "leads to the login", "301 https://www.old.example/": "redirects to itself", "301 http://elsewhere.example/": "leads to http://elsewhere.example/",
		"302 /sites/c.jpg": "leads to /sites/c.jpg", "302 /nowhere": "leads to /nowhere"} {
		o, e := small(t)
		opt := o.options(filepath.Join(t.TempDir(), "out"), e)
		was := o.pages["/"]
		o.set("/", home)
		if _, err := Freeze(t.Context(), opt); !errors.Is(err, ErrHome) || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "--site") || frozen.Stamp(opt.Out) != "" {
			t.Errorf("%s: %v", home, err)
		}
		o.set("/", was)
		freeze(t, opt)
		stamp, hash := frozen.Stamp(opt.Out), manifest(t, opt.Out)["/"].Hash
		o.set("/", home)
		r, err := Freeze(t.Context(), opt)
		if stays := errors.Is(err, ErrHome) && frozen.Stamp(opt.Out) == stamp; !stays && (err != nil || r.Clean() || why(r.Failed, "/") == "" || manifest(t, opt.Out)["/"].Hash != hash) {
			t.Errorf("%s, over an earlier freeze: %v, failed %v", home, err, r.Failed)
		}
	}
	o, e := small(t)
	o.set("/front", o.pages["/"])
	o.set("/", "302 /front?a=b")
	o.set("/front?a=b", o.pages["/front"])
	if r := freeze(t, o.options(filepath.Join(t.TempDir(), "out"), e)); !r.Clean() {
		t.Errorf("a home page by a redirect: %v, %+v", r.Failed, r.Compared)
	}
}

// When a site has no more, all at once, what it had, it may as well be ill or another: a person says that it is meant.
func TestManyPagesGoneAtOnceStopARefresh(t *testing.T) {
	t.Parallel()
	for _, gone := range []string{"", "403 <title>No</title>", "302 /user/login?destination=x"} {
		o, e := small(t)
		opt := o.options(filepath.Join(t.TempDir(), "out"), e)
		links := o.pages["/"]
		for n := range 30 {
			at := fmt.Sprintf("/story-%02d", n)
			links += `<a href="` + at + `">s</a>`
			o.set(at, "<title>A story | Old</title>"+at)
		}
		o.set("/", links)
		was := freeze(t, opt)
		stamp := frozen.Stamp(opt.Out)
		for n := range most + 1 {
			o.set(fmt.Sprintf("/story-%02d", n), gone)
		}
		for _, accepted := range []int{0, most} {
			opt.Removed = accepted
			_, err := Freeze(t.Context(), opt)
			says := fmt.Sprintf("no longer has 21 of the %d frozen addresses", was.Pages+was.Assets+was.Redirects)
			if err == nil || errors.Is(err, ErrHome) || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "/story-00") || !strings.Contains(err.Error(), "--removed 21") {
				t.Errorf("%q, %d accepted: %v, want %q", gone, accepted, err, says)
			}
			if frozen.Stamp(opt.Out) != stamp {
				t.Errorf("%q: the manifest has changed", gone)
			}
		}
		opt.Removed = most + 1
		if r := freeze(t, opt); len(r.Removed) != most+1 || !r.Clean() {
			t.Errorf("%q, accepted: %d removed, %+v", gone, len(r.Removed), r.Compared)
		}
		opt.Removed = 0
		for n := most + 1; n < 30; n++ {
			o.set(fmt.Sprintf("/story-%02d", n), gone)
		}
		if r := freeze(t, opt); len(r.Removed) != 30-most-1 {
			t.Errorf("%q: a few: %v", gone, r.Removed)
		}
	}
}

// The whole site says no: its home page too, which no number accepts.
func TestNoNumberAcceptsASiteWithoutAHomePage(t *testing.T) {
	t.Parallel()
	o, e := small(t)
	opt := o.options(filepath.Join(t.TempDir(), "out"), e)
	for n := range 20 {
		at := fmt.Sprintf("/sites/default/files/%02d.jpg", n)
		o.set("/node", o.pages["/node"]+`<img src="`+at+`">`)
		o.set(at, at)
	}
	r := freeze(t, opt)
	all := r.Pages + r.Assets + r.Redirects
	for at := range manifest(t, opt.Out) {
		o.set(at, "403 <title>No</title>")
	}
	stamp := frozen.Stamp(opt.Out)
	says := fmt.Sprintf("no longer has %d of the %d frozen addresses (/: the site answers 403;", all, all)
	if _, err := Freeze(t.Context(), opt); err == nil || !strings.Contains(err.Error(), says) {
		t.Errorf("%v, want %s", err, says)
	}
	opt.Removed = all
	if _, err := Freeze(t.Context(), opt); !errors.Is(err, ErrHome) || frozen.Stamp(opt.Out) != stamp {
		t.Errorf("accepted: %v", err)
	}
}

func TestAHundredthOfALargeSiteMayGo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		gone, of int
		many     bool
	}{{20, 20, false}, {21, 21, true}, {21, 2099, true}, {21, 2100, false}, {1000, 100_000, false}, {1001, 100_000, true}} {
		if tooMany(c.gone, c.of) != c.many {
			t.Errorf("%d of %d", c.gone, c.of)
		}
	}
}

// What only a log knew of stays in a refresh without the log: the site is asked whether it has it still.
func TestARefreshAsksForAllThatWasFrozen(t *testing.T) {
	t.Parallel()
	o, e := small(t)
	opt := o.options(filepath.Join(t.TempDir(), "out"), e)
	o.set("/sites/default/files/styles/large/a.jpg", "\xff\xd8large")
	o.set("/quiet?page=2", "<title>Quiet, 2 | Old</title>2")
	o.set("/quiet", "<title>Quiet | Old</title>1")
	opt.Seen = slices.Values([]string{"/sites/default/files/styles/large/a.jpg", "/quiet?page=2"})
	was := freeze(t, opt)
	opt.Seen = nil
	if r := freeze(t, opt); len(r.Removed) > 0 || r.Unchanged != was.Fresh {
		t.Errorf("removed %v, %d of %d as before", r.Removed, r.Unchanged, was.Fresh)
	}
}
