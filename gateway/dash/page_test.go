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

// Where no donor is at legacy, a decision's numbers of it are from before, and say so.
func TestADecisionSaysWhichNumbersAreFromBefore(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	p := o.person("token of vera")
	for _, weight := range []int{1000, 10000} {
		o.watch.Play("donate", judge.Default, judge.Situation{Phase: "canary", Readiness: "green", Replicas: 1, Reports: 1},
			dashtest.Traffic{From: o.now.Add(-time.Hour), Cells: 360, Weight: weight, Rate: 5, Seed: 7})
		latest, _ := o.watch.Latest("donate")
		if _, page := p.get("/decisions/" + latest.ID); strings.Contains(page, "before: ") != (weight == 10000) {
			t.Errorf("at %d it says %s", weight, page)
		}
	}
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
		"/":                              {"1 of 3 groups have left the monolith, 1 on the way", "a &lt;b&gt;tenth&lt;/b&gt;", "The truth is in drupal", "10\u00a0%"},
		"/map":                           {"One group in the monolith, one on the way, one outside", "everything else", "<svg"},
		"/groups/donate":                 {"Requests a minute", "polyline", "header location", "/node/2/done", "What the policy default proposes", "nobody has approved it", "A rollback was never rehearsed"},
		"/journal":                       {"first seen in the configuration", "0\u00a0% → 10\u00a0%", "Entries 1 to 2"},
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

// A verdict on answers that differ says in what, where the ledger knows it.
func TestAVerdictOnAnswersSaysWhatDiffers(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.weigh("donate", 1000)
	o.watch.Play("donate", judge.Default, judge.Situation{Phase: "canary", Readiness: "green", Replicas: 1, Reports: 1}, dashtest.Traffic{From: o.now.Add(-time.Hour), Cells: 360,
		Weight: 1000, Rate: 5, Seed: 7, Median: [2]time.Duration{time.Millisecond, time.Millisecond}, Pairs: judge.Pairs{Compared: 10, Differing: 5, Replays: 5}})
	p := o.person("token of vera")
	if _, page := p.get("/groups/donate"); !strings.Contains(page, "mean something else") || strings.Contains(page, "What differs:") {
		t.Error("without a ledger the page does not show the verdict alone")
	}
	o.diffs.Add(diff.Request{ID: "r1", Group: "donate", Target: "/donate", At: noon}, false,
		diff.Result{Outcome: diff.Differs, Differences: []diff.Difference{{Field: "header x-side", Kind: "changed"}}})
	if _, page := p.get("/groups/donate"); !strings.Contains(page, "What differs: most often header x-side of /donate (changed, once, last in request r1).") {
		t.Error("the page does not say what differs")
	}
}

// The map of any day is what the journal says of its end, in the calendar's zone; groups that the configuration has lost are on it too.
func TestTheMapOfADay(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for _, m := range []struct {
		days, weight int
		group        string
	}{{1, 2500, "donate"}, {2, 10000, "donate"}, {2, 0, "postcode"}, {3, 0, "donate"}} {
		*o.now = noon.AddDate(0, 0, m.days)
		o.weigh(m.group, m.weight)
	}
	*o.now = noon.AddDate(0, 0, 10)
	p := o.person("token of vera")
	for at, want := range map[string]string{
		"2026-03-14":           "Three groups in the monolith, none on the way, none outside", // before the first entry
		"2026-03-15":           "Two groups in the monolith, none on the way, one outside",
		"2026-03-16":           "One group in the monolith, one on the way, one outside",
		"2026-03-17":           "Two groups in the monolith, none on the way, one outside",
		"2026-03-17T11:00:00Z": "One group in the monolith, one on the way, one outside",
		"2026-03-18":           "Three groups in the monolith, none on the way, none outside",
		"2026-12-31":           "As it stands now",
	} {
		if status, page := p.get("/map?at=" + at); status != 200 || !strings.Contains(page, want) {
			t.Errorf("%s: %d, not %q: %s", at, status, want, regexp.MustCompile(`<h1>.*</h1>`).FindString(page))
		}
	}
	_, page := p.get("/map?at=2026-03-17")
	for _, want := range []string{`/map?at=2026-03-16T12%3a00%3a00Z" rel="prev"`, `/map?at=2026-03-18T12%3a00%3a00Z" rel="next"`, "back 17 Mar 2026"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q on the map of the 17th", want)
		}
	}
	if status, page := p.get("/map?at=yesterday"); status != 400 || !strings.Contains(page, "is not a day such as 2026-03-01") {
		t.Errorf("%d", status)
	}
}

// The journal is paged, filtered and exported; every entry is on exactly one page.
func TestTheJournalIsPaged(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for i := range 120 {
		o.weigh([]string{"donate", "payments"}[i%2], 100+i)
	}
	p := o.person("token of vera")
	older := regexp.MustCompile(`<a href="([^"]+)" rel="next">older`)
	row := regexp.MustCompile(`<tr id="e(\d+)">`)
	for start, want := range map[string]int{"/journal": 121, "/journal?group=donate": 61, "/journal?group=nobody": 0} {
		seen := map[string]bool{}
		for at := start; at != ""; {
			status, page := p.get(at)
			if status != 200 {
				t.Fatalf("%s: %d %s", at, status, page)
			}
			for _, m := range row.FindAllStringSubmatch(page, -1) {
				if seen[m[1]] {
					t.Errorf("%s shows entry %s again", at, m[1])
				}
				seen[m[1]] = true
			}
			at = ""
			if m := older.FindStringSubmatch(page); m != nil {
				at = strings.ReplaceAll(m[1], "&amp;", "&")
			}
		}
		if len(seen) != want {
			t.Errorf("%s and what is older: %d entries, want %d", start, len(seen), want)
		}
	}
	_, lines := p.get("/journal.jsonl")
	last, err := cutover.VerifyFile(strings.NewReader(lines))
	if err != nil || last.Sequence != 121 {
		t.Errorf("the export: %+v %v", last, err)
	}
}

// A page that holds the kill switch, a stale plan or nothing at all still says so.
func TestPagesWithoutAJudge(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	if err := d.kill.Pull(); err != nil {
		t.Fatal(err)
	}
	if err := d.plan.Note(t.Context(), "kill", "ada", "seen at once with the next change"); err != nil {
		t.Fatal(err)
	}
	p := (&office{desk: *d}).person("open sesame")
	for path, want := range map[string]string{"/": "The kill switch is on", "/groups/donate": "It has not looked at this group yet", "/replicas": "This gateway is on revision", "/groups/donate?since=6h": "No requests were counted"} {
		if status, page := p.get(path); status != 200 || !strings.Contains(page, want) {
			t.Errorf("%s: %d, without %q", path, status, want)
		}
	}
	for path, want := range map[string]int{"/decisions/x": 503, "/groups/none": 404, "/journal?before=x": 400} {
		if status, page := p.get(path); status != want || !strings.Contains(page, "<h1>") {
			t.Errorf("%s: %d, want %d", path, status, want)
		}
	}
}
