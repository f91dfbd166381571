package dash_test

import (
	"crypto/sha256"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/dash"
	"github.com/banyan-migration/banyan/gateway/dash/dashtest"
	"github.com/banyan-migration/banyan/gateway/diff"
	"github.com/banyan-migration/banyan/gateway/judge"
	"github.com/banyan-migration/banyan/gateway/split"
)

// office is a desk with a judge, a ledger, tokens of every role, and a clock.
type office struct {
	desk
	watch *dashtest.Watch
	diffs *diff.Ledger
	now   *time.Time
	log   *strings.Builder
}

var tokens = map[string]string{"vera": "view", "otis": "operate", "ada": "approve", "donate": "report"}

func newOffice(t *testing.T) *office {
	t.Helper()
	c, err := config.Parse("gateway.yaml", []byte(file), config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, role := range tokens {
		c.Admin.Tokens = append(c.Admin.Tokens, config.Token{Name: name, Role: role, SHA256: sha256.Sum256([]byte("token of " + name))})
	}
	at := noon
	o := &office{desk: desk{t: t, kill: cutover.NewSwitch("", "")}, watch: dashtest.NewWatch(), now: &at}
	now := func() time.Time { return *o.now }
	o.diffs = diff.NewLedger(now)
	if o.plan, err = cutover.Open(t.Context(), cutover.Options{Seeds: c.Seeds(), Kill: o.kill, Now: now}); err != nil {
		t.Fatal(err)
	}
	if o.ring, err = split.NewKeyring(split.Secret{ID: "k1", Value: "a secret of some length"}); err != nil {
		t.Fatal(err)
	}
	h, err := dash.New(dash.Options{Plan: o.plan, Config: func() *config.Config { return c }, Keys: o.ring, Token: "open sesame", Watch: o.watch, Diffs: o.diffs, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	o.url = server.URL
	return o
}

// night has the group at a tenth of visitors, with a harm in its second half.
func (o *office) night(group string, failing float64) {
	o.t.Helper()
	p := judge.Default
	s := judge.Situation{Phase: "canary", Next: 5000, Dwell: 24 * time.Hour, Sample: 1827, Readiness: "green", Loses: "0 rows", Replicas: 2, Reports: 2}
	o.watch.Play(group, p, s, dashtest.Traffic{From: o.now.Add(-time.Hour), Cells: 360, Weight: 1000, Rate: 5, Failing: [2]float64{0.005, failing},
		Median: [2]time.Duration{180 * time.Millisecond, 40 * time.Millisecond}, Seed: 7})
}

// person is a browser.
type person struct {
	*office
	client *http.Client
}

func (o *office) person(token string) *person {
	o.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		o.t.Fatal(err)
	}
	p := &person{o, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	if status, _ := p.post("/login", url.Values{"token": {token}}); status != 303 {
		o.t.Fatalf("login: %d", status)
	}
	return p
}

func (p *person) get(path string) (int, string) {
	p.t.Helper()
	return p.do("GET", path, nil)
}

func (p *person) post(path string, form url.Values) (int, string) {
	p.t.Helper()
	return p.do("POST", path, form, "Content-Type", "application/x-www-form-urlencoded", "Origin", p.url)
}

// do gives the status and the page, or where it leads.
func (p *person) do(method, path string, form url.Values, header ...string) (int, string) {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), method, p.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		p.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := p.client.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	if to := res.Header.Get("Location"); to != "" {
		return res.StatusCode, to
	}
	return res.StatusCode, string(raw)
}

var (
	csrfIn     = regexp.MustCompile(`name="csrf" value="([^"]+)"`)
	revisionIn = regexp.MustCompile(`name="revision" value="([^"]+)"`)
)

// press fills a group's form and sends it.
func (p *person) press(group, verb string, more url.Values) (int, string) {
	p.t.Helper()
	_, page := p.get("/groups/" + group)
	form := url.Values{"reason": {"a reason"}, "sure": {"yes"}}
	if m := csrfIn.FindStringSubmatch(page); m != nil {
		form.Set("csrf", m[1])
	}
	if m := revisionIn.FindStringSubmatch(page); m != nil {
		form.Set("revision", m[1])
	}
	for k, v := range more {
		form[k] = v
	}
	return p.post("/groups/"+group+"/"+verb, form)
}

func TestEveryPageShowsWhatIs(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	if _, err := o.plan.Set(t.Context(), cutover.Change{Group: "donate", Weight: 1000, If: 1, Who: "ada", Why: "a <b>tenth</b>"}); err != nil {
		t.Fatal(err)
	}
	o.night("donate", 0.005)
	o.diffs.Add(diff.Request{ID: "r1", Group: "donate", Route: "POST /donate", Method: "POST", Target: "/donate", At: noon}, false,
		diff.Result{Outcome: diff.Differs, Differences: []diff.Difference{{Field: "header location", Kind: "changed", Legacy: "/node/2/done", New: "/done"}}})
	latest, _ := o.watch.Latest("donate")
	p := o.person("token of vera")
	for path, wants := range map[string][]string{
		"/":                              {"1 of 3 groups have left the monolith, 1 on the way", "a &lt;b&gt;tenth&lt;/b&gt;", "The truth is in drupal", "10 %"},
		"/map":                           {"One group in the monolith, one on the way, one outside", "everything else", "<svg"},
		"/groups/donate":                 {"Requests a minute", "polyline", "header location", "/node/2/done", "What the policy default proposes", "nobody has approved it", "A rollback was never rehearsed"},
		"/journal":                       {"first seen in the configuration", "0 % → 10 %", "Entries 1 to 2"},
		"/journal?group=donate&verify=1": {"All 2 entries hold"},
		"/decisions/" + latest.ID:        {"the verdict is the same, bit for bit", "failures", "a false rollback in at most 1 of 100"},
		"/routes?request=POST+/donate":   {"It depends on the visitor", "under 1000"},
		"/replicas":                      {"revision 2"},
	} {
		status, page := p.get(path)
		if status != 200 {
			t.Errorf("%s: %d %s", path, status, page)
		}
		for _, want := range wants {
			if !strings.Contains(page, want) {
				t.Errorf("%s does not show %q", path, want)
			}
		}
		if strings.Contains(page, "<script>") || strings.Contains(page, " style=") || strings.Contains(page, "onclick") {
			t.Errorf("%s has script or style in it, which its own policy forbids", path)
		}
	}
}
