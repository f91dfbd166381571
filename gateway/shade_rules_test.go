package gateway

import (
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/diff"
	"github.com/banyan-migration/banyan/gateway/shadow"
	"github.com/banyan-migration/banyan/gateway/split"
)

// saw wants the access log's latest line to say so of the shadow.
func saw(t testing.TB, w *world, says string) {
	t.Helper()
	all := strings.Split(strings.TrimSpace(w.stop()), "\n")
	if last := all[len(all)-1]; !strings.Contains(last, `"shadow":"`+says+`"`) {
		t.Errorf("the log says %s, want shadow %q", last, says)
	}
}

// H-6, D-6, D-10: what may change something, what only legacy may judge, and what chance has not put on a side is not copied.
func TestOnlyWhatCanDoNoHarmIsCopied(t *testing.T) {
	t.Parallel()
	ring, err := split.NewKeyring(testKeys...)
	if err != nil {
		t.Fatal(err)
	}
	wish := "X-Banyan-Side: " + ring.SignOverride(split.Override{Side: split.Legacy, Group: "pages", Expires: time.Now().Add(time.Hour)})
	stands := cutover.Group{Phase: cutover.Shadow}
	for name, c := range map[string]struct {
		ask string
		at  cutover.Group
	}{
		"a post":              {post("/about", "a=b"), stands},
		"a GET with a body":   {"GET /about HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx", stands},
		"a logout":            {get("/user/logout"), stands},
		"a logout by ?q=":     {get("/?q=user/logout"), stands},
		"a feed":              {get("/rss.xml"), stands},
		"a token":             {get("/about?token=1"), stands},
		"a done page":         {get("/node/2/done?sid=1"), stands},
		"a noncanonical path": {get("/a//b"), stands},
		"a load test":         {get("/about", "X-Banyan-Mark: test;1;k1;x"), stands},
		"a tester's wish":     {get("/about", wish), stands},
		"off":                 {get("/about"), cutover.Group{Phase: cutover.Off}},
		"backfill":            {get("/about"), cutover.Group{Phase: cutover.Backfill}},
		"drain":               {get("/about"), cutover.Group{Phase: cutover.Drain, Weight: 10000}},
		"a post to legacy":    {post("/about", "a=b"), cutover.Group{Phase: cutover.Full, Weight: 10000}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			old, fresh := answering(t, ok), answering(t, ok)
			w, copier, _ := shadowed(t, fmt.Sprintf(pagesYAML, old.addr, fresh.addr), 10000, shadow.Options{}, c.at)
			if got := w.ask(c.ask); status(got) != "200" {
				t.Fatalf("the donor got %q", got)
			}
			saw(t, w, "")
			copier.Close()
			if n := len(old.requests()) + len(fresh.requests()); n != 1 {
				t.Errorf("%d requests were made", n)
			}
		})
	}
}

// H-2, H-8: a copy that is not made is counted with its reason, and the donor's log line says it.
func TestADroppedCopyHasAReason(t *testing.T) {
	t.Parallel()
	notModified := "HTTP/1.1 304 Not Modified\r\n\r\n"
	stands := cutover.Group{Phase: cutover.Shadow}
	for reason, c := range map[string]struct {
		answer  string
		at      cutover.Group
		options shadow.Options
		asks    int
	}{
		"kill":        {ok, cutover.Group{Phase: cutover.Shadow, Killed: true}, shadow.Options{}, 1},
		"budget":      {ok, stands, shadow.Options{Daily: 2}, 3},
		"freeze":      {ok, stands, shadow.Options{Paused: func(group string) bool { return group == "pages" }}, 1},
		"conditional": {notModified, stands, shadow.Options{}, 1},
	} {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			w, copier, _ := shadowed(t, fmt.Sprintf(pagesYAML, answering(t, c.answer).addr, answering(t, ok).addr), 10000, c.options, c.at)
			for range c.asks {
				w.ask(get("/about"))
			}
			saw(t, w, "dropped:"+reason)
			if n := collected(t, copier, "banyan_shadow_dropped_total", "pages,"+reason); n != 1 {
				t.Errorf("%v are counted", n)
			}
		})
	}
}

// The new side serves: legacy gets the copies, and sides stay sides in the pair.
func TestTheShadowIsReversedWhenTheNewSideServes(t *testing.T) {
	t.Parallel()
	old, fresh := answering(t, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nold"), answering(t, "HTTP/1.1 500 No\r\nContent-Length: 3\r\n\r\nnew")
	for _, phase := range []cutover.Group{{Phase: cutover.Full, Weight: 10000}, {Phase: cutover.Canary, Weight: 10000}} {
		w, _, heard := shadowed(t, fmt.Sprintf(pagesYAML, old.addr, fresh.addr), 10000, shadow.Options{}, phase)
		if got := w.ask(get("/about", "X_Under: 1")); content(got) != "new" {
			t.Fatalf("%s: the donor got %q", phase.Phase, got)
		}
		p := heard.of(t, 1)[0]
		if string(p.Legacy.Body) != "old" || string(p.New.Body) != "new" || p.New.Status != 500 || p.Replay || p.Result.Outcome != diff.Differs {
			t.Errorf("%s: %+v", phase.Phase, p)
		}
	}
	for _, copied := range old.requests() {
		if value(copied, "X-Banyan-Client") != "" || value(copied, "X_Under") != "" || !strings.HasPrefix(value(copied, "X-Banyan-Mark"), "shadow;") {
			t.Errorf("legacy got %s", copied)
		}
	}
}

// S-9: a visitor and a page are in the sample always or never, on every replica, and about as many as the share says.
func TestTheSampleIsDrawnFromTheVisitor(t *testing.T) {
	t.Parallel()
	fresh := answering(t, ok)
	yaml := fmt.Sprintf(pagesYAML, answering(t, ok).addr, fresh.addr)
	sampled := map[string]int{}
	for range 2 {
		w, _, _ := shadowed(t, yaml, 3000, shadow.Options{}, cutover.Group{Phase: cutover.Shadow})
		donor := w.dial()
		for n := range 200 {
			got := donor.send(fmt.Sprintf("GET /page-%d HTTP/1.1\r\nHost: h\r\n\r\n", n)).receive()
			if value(got, "Set-Cookie") != "" {
				t.Fatal("the sample gave a visitor an id")
			}
		}
		for _, line := range strings.Split(w.stop(), "\n") {
			if strings.Contains(line, `"shadow":"sampled"`) {
				_, target, _ := strings.Cut(line, `"target":"`)
				target, _, _ = strings.Cut(target, `"`)
				sampled[target]++
			}
		}
	}
	if len(sampled) < 30 || len(sampled) > 90 {
		t.Errorf("%d of 200 pages are in a sample of 30 %%", len(sampled))
	}
	for target, n := range sampled {
		if n != 2 {
			t.Errorf("%s is in one replica's sample alone", target)
		}
	}
}

// The donor's answer is kept as it came, whatever its framing, up to a MB; so is the copy's.
func TestBothAnswersAreKeptWhole(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("0123456789abcdef", 5000) // more than the kernel moves by itself
	chunked := "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
	for name, c := range map[string]struct {
		answer, body string
		cut          bool
	}{
		"short":       {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", false},
		"empty":       {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "", false},
		"long":        {fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(long), long), long, false},
		"chunked":     {chunked, "hello world", false},
		"until close": {"HTTP/1.1 200 OK\r\n\r\nhello", "hello", false},
		"over a MB":   {"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n" + strings.Repeat("x", 2000000), strings.Repeat("x", 1<<20), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, copier, heard := shadowed(t, fmt.Sprintf(pagesYAML, once(t, c.answer).addr, once(t, c.answer).addr), 10000, shadow.Options{}, cutover.Group{Phase: cutover.Shadow})
			if got := w.ask(get("/about")); status(got) != "200" {
				t.Fatalf("the donor got %.100q", got)
			}
			p := heard.of(t, 1)[0]
			if string(p.Legacy.Body) != c.body || string(p.New.Body) != c.body || p.Legacy.Cut != c.cut || p.New.Cut != c.cut {
				t.Errorf("%d and %d bytes are kept, cut: %v and %v", len(p.Legacy.Body), len(p.New.Body), p.Legacy.Cut, p.New.Cut)
			}
			copier.Close()
			if m := copier.Status()[0].Memory; m != 0 {
				t.Errorf("%d bytes are still held", m)
			}
		})
	}
}

// H-7, D-10: some pages are asked of legacy twice, without the donor's session and never by the new side's word.
func TestLegacyIsAskedTwiceNowAndThen(t *testing.T) {
	t.Parallel()
	old := answering(t, ok)
	w, _, heard := shadowed(t, fmt.Sprintf(pagesYAML, old.addr, answering(t, ok).addr), 10000, shadow.Options{}, cutover.Group{Phase: cutover.Shadow})
	donor := w.dial()
	for n := range 400 {
		donor.send("GET /about HTTP/1.1\r\nHost: h\r\nCookie: has_js=1\r\n\r\n").receive()
		heard.of(t, n) // no faster than they are copied: none is dropped
	}
	replays := 0
	for _, p := range heard.of(t, 400) {
		if p.Replay {
			replays++
		}
		if p.Result.Outcome != diff.Equal {
			t.Errorf("%+v", p)
		}
	}
	if replays == 0 || replays > 80 {
		t.Errorf("%d of 400 pages were asked of legacy twice", replays)
	}
	for _, asked := range old.requests() {
		if strings.Contains(asked, "X-Banyan-Mark: shadow") && value(asked, "Cookie") != "has_js=1" {
			t.Errorf("a replay is %s", asked)
		}
	}
}

// D-9: a page out of Drupal's cache is not compared with one that was made anew.
func TestLikeIsComparedWithLike(t *testing.T) {
	t.Parallel()
	cached := func(state, body string) string {
		return fmt.Sprintf("HTTP/1.1 200 OK\r\nX-Drupal-Cache: %s\r\nContent-Length: 2\r\n\r\n%s", state, body)
	}
	for _, c := range []struct {
		old, fresh string
		want       diff.Outcome
	}{{"HIT", "MISS", diff.Uncomparable}, {"HIT", "HIT", diff.Differs}} {
		w, _, heard := shadowed(t, fmt.Sprintf(pagesYAML, answering(t, cached(c.old, "aa")).addr, answering(t, cached(c.fresh, "bb")).addr), 10000, shadow.Options{}, cutover.Group{Phase: cutover.Shadow})
		w.ask(get("/about"))
		p := heard.first(t)
		if p.Result.Outcome != c.want {
			t.Errorf("%s and %s: %+v", c.old, c.fresh, p.Result)
		}
	}
}

// H-5: a shadow side behind TLS is checked as any other, and gets its own authorisation and nobody else's.
func TestACopyGoesOverTLSWithTheSidesOwnAuthorisation(t *testing.T) {
	t.Parallel()
	got := make(chan http.Header, 1)
	side := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got <- r.Header
		io.WriteString(w, "ok")
	}))
	defer side.Close()
	roots := x509.NewCertPool()
	roots.AddCert(side.Certificate())
	yaml := strings.Replace(pagesYAML, "new: {url: http://%s}", "new: {url: https://%s, shadow_auth: Basic c2hhZG93}", 1)
	w, c, heard := shadowed(t, fmt.Sprintf(yaml, answering(t, ok).addr, side.Listener.Addr()), 10000, shadow.Options{Roots: roots}, cutover.Group{Phase: cutover.Shadow})
	w.ask(get("/about", "Authorization: Bearer the-donors"))
	if p := heard.first(t); p.New.Status != 200 || string(p.New.Body) != "ok" {
		t.Errorf("%+v", p)
	}
	if all := (<-got).Values("Authorization"); len(all) != 1 || all[0] != "Basic c2hhZG93" {
		t.Errorf("the copy is authorised by %q", all)
	}
	stranger, _, alone := shadowed(t, fmt.Sprintf(yaml, answering(t, ok).addr, side.Listener.Addr()), 10000, shadow.Options{}, cutover.Group{Phase: cutover.Shadow})
	stranger.ask(get("/about"))
	if p := alone.first(t); p.New.Failed != "upstream_tls" {
		t.Errorf("a side that nobody vouches for: %+v", p)
	}
	if s := c.Status(); len(s) != 1 || s[0].Backend != "new" || s[0].Dead {
		t.Errorf("%+v", s)
	}
}
