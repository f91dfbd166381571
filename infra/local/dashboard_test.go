package local

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/gateway/analysis"
	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/dash"
	"github.com/banyan-migration/banyan/gateway/dash/dashtest"
	"github.com/banyan-migration/banyan/gateway/diff"
	"github.com/banyan-migration/banyan/gateway/judge"
	"github.com/banyan-migration/banyan/gateway/split"
	"github.com/banyan-migration/banyan/shared/kv"
)

// dashboardFile is a site in the middle of its migration, as the talk's maps show one.
const dashboardFile = `
gateway_id: gw-1
hosts: [www.rednosefund.example]
backends:
  drupal: {url: http://127.0.0.1:9001, kind: drupal7}
  drupal8: {url: http://127.0.0.1:9003, kind: drupal8}
  services: {url: http://127.0.0.1:9002}
default: drupal
groups:
  content: {from: drupal, to: drupal8, key: url, routes: [{match: GET /about/*}, {match: GET /news/*}]}
  donate:
    from: drupal
    to: services
    routes: [{match: POST /donate, form: {node: 2, service: donate, pay: test}, shadow: 10000}]
  gift-aid: {from: drupal, to: services, routes: [{match: POST /gift-aid}, {match: GET /gift-aid}]}
  payments: {from: drupal, to: services, key: address, routes: [{match: POST /payments}, {match: "GET /payments/{id}"}]}
  postcode: {from: drupal, to: services, key: url, routes: [{match: "GET /postcode/{pc}"}]}
  pay-in: {from: drupal, to: services, routes: [{match: POST /pay-in}]}
`

// dashboard is the pages with a history behind them, and a browser in front.
type dashboard struct {
	*browser
	url  string
	plan *cutover.Plan
}

// openDashboard has moved groups on days of the year before now, and plays an hour of traffic to the judge.
func openDashboard(t *testing.T, b *browser) *dashboard {
	t.Helper()
	c, err := config.Parse("gateway.yaml", []byte(dashboardFile), config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, role := range map[string]string{"vera": "view", "otis": "operate", "ada": "approve"} {
		c.Admin.Tokens = append(c.Admin.Tokens, config.Token{Name: name, Role: role, SHA256: sha256.Sum256([]byte("token of " + name))})
	}
	clock := time.Now().AddDate(-1, 0, 0)
	past := func() time.Time { return clock }
	store := kv.NewMem()
	open := cutover.Options{Seeds: c.Seeds(), Now: past, Open: func() (kv.Store, error) { return store, nil }}
	old, err := cutover.Open(t.Context(), open)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []struct {
		days, weight int
		group, why   string
	}{{20, 5000, "postcode", "half of the look-ups, CHG-3"}, {24, 10000, "postcode", "nothing differs"}, {90, 10000, "content", "the pages are in Drupal 8"}, {150, 1000, "gift-aid", "a tenth"},
		{160, 10000, "gift-aid", "the spring appeal is over"}, {300, 100, "donate", "first hundredth, CHG-41"}, {330, 1000, "donate", "a tenth"}} {
		clock = time.Now().AddDate(-1, 0, m.days)
		at := old.Now().Group(m.group)
		if _, err := old.Set(t.Context(), cutover.Change{Group: m.group, Weight: m.weight, If: at.Revision, Who: "ada", Why: m.why}); err != nil {
			t.Fatal(err)
		}
	}
	open.Now = nil
	d := &dashboard{browser: b}
	if d.plan, err = cutover.Open(t.Context(), open); err != nil {
		t.Fatal(err)
	}
	d.serve(t, c)
	return d
}

func (d *dashboard) serve(t *testing.T, c *config.Config) {
	t.Helper()
	ring, err := split.NewKeyring(split.Secret{ID: "k1", Value: "a secret of some length"})
	if err != nil {
		t.Fatal(err)
	}
	watch, diffs := dashtest.NewWatch(), diff.NewLedger(time.Now)
	watch.Reported(analysis.Replica{ID: "gw-1", Revision: d.plan.Now().Revision, Seen: time.Now(), Leads: true}, analysis.Replica{ID: "gw-2", Revision: d.plan.Now().Revision - 1, Seen: time.Now().Add(-3 * time.Second)})
	s := judge.Situation{Phase: "canary", Next: 5000, Dwell: 24 * time.Hour, Sample: 1827, Readiness: "green", Loses: "0 rows", Replicas: 2, Reports: 2}
	t0 := dashtest.Traffic{From: time.Now().Add(-time.Hour), Cells: 240, Weight: 1000, Rate: 6, Failing: [2]float64{0.006, 0.006}, Median: [2]time.Duration{180 * time.Millisecond, 45 * time.Millisecond}, Seed: 1}
	watch.Play("donate", judge.Default, s, t0)
	t0.From, t0.Cells, t0.Failing[judge.New], t0.Seed = t0.From.Add(240*judge.Default.Cell), 119, 0.02, 2
	watch.Play("donate", judge.Default, s, t0)
	for i := range 400 {
		r := diff.Request{ID: fmt.Sprint("r", i), Group: "donate", Route: "POST /donate", Method: "POST", Target: "/donate", At: time.Now()}
		result := diff.Result{Outcome: diff.Equal}
		if i%29 == 0 {
			result = diff.Result{Outcome: diff.Differs, Differences: []diff.Difference{{Field: "html title", Kind: diff.Changed, Legacy: "Donate | Red Nose Fund", New: "Donate"}}}
		}
		if i == 333 {
			result = diff.Result{Outcome: diff.Differs, Differences: []diff.Difference{{Field: "effect amount", Kind: diff.Changed, Legacy: "12.50", New: "12.5", Critical: true}}}
		}
		diffs.Add(r, false, result)
	}
	h, err := dash.New(dash.Options{Plan: d.plan, Config: func() *config.Config { return c }, Keys: ring, Token: "the admin's token", Watch: watch, Diffs: diffs})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections) // the page's event stream
	d.url = server.URL
}

func (d *dashboard) login(token string) {
	d.t.Helper()
	d.call("DELETE", "/cookie", nil, nil)
	d.open(d.url + "/login")
	d.typed("#token", token)
	d.leave("main button")
}

// dashboardPages are all pages, as a picture is named.
var dashboardPages = [][2]string{{"groups", "/"}, {"map", "/map"}, {"map-before", "/map?at="}, {"group", "/groups/donate"}, {"journal", "/journal?verify=yes"}, {"verdict", "/decisions/donate-36"},
	{"routes", "/routes?request=POST+%2Fdonate&key=0001"}, {"gateways", "/replicas"}}

// axe asks axe-core what is wrong with the page.
func (d *dashboard) axe(page string) {
	d.t.Helper()
	file := os.Getenv("BANYAN_AXE")
	if file == "" {
		d.t.Fatal("BANYAN_AXE names no axe.min.js: CI takes it from the npm registry (axe-core)")
	}
	source, err := os.ReadFile(file)
	if err != nil {
		d.t.Fatal(err)
	}
	d.run(string(source)+"\n;window.axe = axe;", nil) // by WebDriver, which the page's own policy does not bind
	var found []struct {
		ID, Impact, Help string
		Nodes            []struct{ HTML, FailureSummary string }
	}
	var raw string
	d.call("POST", "/execute/async", map[string]any{"args": []any{}, "script": `
		const done = arguments[arguments.length - 1];
		axe.run(document).then(r => done(JSON.stringify(r.violations)), e => done(JSON.stringify([{id: "axe failed", impact: "critical", help: String(e)}])));`}, &raw)
	if err := json.Unmarshal([]byte(raw), &found); err != nil {
		d.t.Fatal(err)
	}
	for _, f := range found {
		d.t.Errorf("%s: axe says %s (%s): %s", page, f.ID, f.Impact, f.Help)
		for _, n := range f.Nodes[:min(3, len(f.Nodes))] {
			d.t.Logf("  %.200s: %.300s", n.HTML, n.FailureSummary)
		}
	}
}

// needsAxe skips where axe-core was not handed over.
func needsAxe(t *testing.T) {
	t.Helper()
	chromedriver(t)
	if os.Getenv("BANYAN_AXE") == "" {
		t.Skip("BANYAN_AXE names no axe.min.js: `make browser` and CI fetch it")
	}
}

// TestBrowserShowsTheDashboard: every page on a screen, on a telephone and in the dark, with nothing in the console, nothing to scroll
// sideways, and nothing that axe-core finds. Show 6.
func TestBrowserShowsTheDashboard(t *testing.T) {
	t.Parallel()
	needsAxe(t)
	for _, c := range []struct {
		name  string
		width int
		dark  bool
	}{{"wide", 1280, false}, {"dark", 1280, true}, {"phone", 390, false}} {
		d := openDashboard(t, openBrowser(t, c.width, 900))
		if c.dark {
			d.call("POST", "/goog/cdp/execute", map[string]any{"cmd": "Emulation.setEmulatedMedia",
				"params": map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": "dark"}}}}, nil)
		}
		d.open(d.url + "/login")
		d.axe("login " + c.name)
		d.shot("dash-login-" + c.name)
		d.login("token of ada")
		for _, page := range dashboardPages {
			path := page[1]
			if strings.HasSuffix(path, "?at=") {
				path += time.Now().AddDate(0, -8, 0).Format(time.DateOnly)
			}
			d.open(d.url + path)
			name := "dash-" + page[0] + "-" + c.name
			var needs int
			if d.run(`return document.documentElement.scrollWidth`, &needs); needs > c.width {
				t.Errorf("%s: %d pixels wide in a window of %d", name, needs, c.width)
			}
			d.axe(name)
			if said := d.errors(); len(said) > 0 {
				t.Errorf("%s: the console says %q", name, said)
			}
			d.shot(name)
			if page[0] == "group" {
				d.run("document.querySelectorAll('details').forEach(d => d.open = true)", nil)
				d.axe(name + ", with every form open")
				d.shot("dash-forms-" + c.name)
			}
		}
	}
}

// do opens a button, types its reason, agrees and presses.
func (d *dashboard) do(verb, reason string, more map[string]string) {
	d.t.Helper()
	d.run(fmt.Sprintf("document.querySelector('#do-%s').open = true", verb), nil)
	d.typed(fmt.Sprintf("#%s-reason", verb), reason)
	for field, text := range more {
		d.typed(fmt.Sprintf("#%s-%s", verb, field), text)
	}
	d.click(fmt.Sprintf("#%s-sure", verb))
	d.leave(fmt.Sprintf("#do-%s button", verb))
}

// TestBrowserPressesEveryButton: each with its reason, which is in the journal afterwards under the token's name. Show 6.
func TestBrowserPressesEveryButton(t *testing.T) {
	t.Parallel()
	chromedriver(t)
	d := openDashboard(t, openBrowser(t, 1100, 900))
	d.login("token of ada")
	d.open(d.url + "/groups/donate")
	for _, step := range []struct {
		verb   string
		more   map[string]string
		wants  string
		weight int
	}{
		{"approve", nil, "The schedule is approved", 1000},
		{"hold", nil, "Held", 1000},
		{"release", nil, "Released", 1000},
		{"promote", nil, "Promoted", 5000},
		{"freeze", nil, "Frozen", 5000},
		{"release", nil, "Released", 5000},
		{"set", map[string]string{"weight": "12.5"}, "The weight is set", 1250},
		{"rollback", nil, "Rolled back", 0},
		{"enter", nil, "Entered", 0},
	} {
		reason := "because of " + step.verb
		d.do(step.verb, reason, step.more)
		if text := d.text("main"); !strings.Contains(text, step.wants) {
			t.Fatalf("%s: the page says %.600s", step.verb, text)
		}
		if at := d.plan.Now().Group("donate"); at.Weight != step.weight {
			t.Errorf("%s: weight %d, want %d", step.verb, at.Weight, step.weight)
		}
		entries, err := d.plan.History(context.Background(), d.plan.Now().Revision-1, 1)
		if err != nil || len(entries) != 1 || entries[0].Why != reason || entries[0].Who != "ada" {
			t.Errorf("%s: the journal holds %+v %v", step.verb, entries, err)
		}
	}
	if said := d.errors(); len(said) > 0 {
		t.Errorf("the console says %q", said)
	}
	d.shot("dash-pressed")
}

// TestBrowserRefusesWhoMayOnlyLook: there are no buttons for the role, and the server refuses what is sent all the same. Show 6.
func TestBrowserRefusesWhoMayOnlyLook(t *testing.T) {
	t.Parallel()
	chromedriver(t)
	d := openDashboard(t, openBrowser(t, 1100, 900))
	d.login("token of vera")
	d.open(d.url + "/groups/donate")
	var buttons, status int
	if d.run("return document.querySelectorAll('details.action').length", &buttons); buttons != 0 {
		t.Errorf("%d buttons are shown to whoever may only look", buttons)
	}
	d.call("POST", "/execute/async", map[string]any{"args": []any{}, "script": `
		const done = arguments[arguments.length - 1], form = new URLSearchParams({reason: "x", sure: "yes", csrf: document.querySelector("[name=csrf]").value});
		fetch("/groups/donate/rollback", {method: "POST", body: form}).then(r => done(r.status), () => done(0));`}, &status)
	if at := d.plan.Now().Group("donate"); status != 403 || at.Weight != 1000 {
		t.Errorf("a rollback by whoever may only look: status %d, weight %d", status, at.Weight)
	}
	d.shot("dash-view-role")
}

// TestBrowserIsToldWhatHappens: a change by somebody else is on the page without a reload.
func TestBrowserIsToldWhatHappens(t *testing.T) {
	t.Parallel()
	chromedriver(t)
	d := openDashboard(t, openBrowser(t, 1100, 900))
	d.login("token of vera")
	d.open(d.url + "/")
	d.run("window.same = true", nil)
	until(t, func() bool { return strings.HasPrefix(d.text("#live"), "Live") })
	if _, err := d.plan.Rollback(t.Context(), cutover.Change{Group: "donate", Who: "ada", Why: "declines doubled"}); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool { return strings.Contains(d.text("main"), "declines doubled") })
	var same bool
	if d.run("return window.same === true", &same); !same {
		t.Error("the page was loaded anew")
	}
	if text := d.text("#live"); !strings.Contains(text, "Changed: donate 0 percent") {
		t.Errorf("the page tells a screen reader %q", text)
	}
}

// TestBrowserShowsTheWorldsDashboard: the pages of a real gateway in front of real sides, with what visitors just did; the admin token
// says in whose name it acts.
func TestBrowserShowsTheWorldsDashboard(t *testing.T) {
	t.Parallel()
	b := openBrowser(t, 1280, 900)
	text := strings.Replace(string(repository(t)), "  donate: #", "  donate:\n    policy: demo #", 1)
	w := startWorld(t, Options{Dir: oldFolder(t), Config: []byte(text), Speed: 20})
	d := &dashboard{browser: b, url: w.Admin, plan: w.gate.Plan}
	if err := w.Weigh(t.Context(), group, 5000, "half of them"); err != nil {
		t.Fatal(err)
	}
	for i := range 40 {
		r, err := http.NewRequestWithContext(t.Context(), "GET", w.Gateway+"/donate", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = siteHost
		r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
		r.Header.Set("X-Forwarded-For", fmt.Sprintf("192.0.2.%d", i+1))
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
	}
	d.login(w.AdminToken)
	d.open(d.url + "/groups/" + group)
	until(t, func() bool { // by itself: nobody reloads the page
		text := d.text("#rate-desc")
		return strings.HasPrefix(text, "drupal answered") && !strings.Contains(text, " 0")
	})
	d.shot("dash-world")
	d.do("hold", "the phones are ringing", map[string]string{"actor": "Grace", "ticket": "CHG-7"})
	if at := w.gate.Plan.Now().Group(group); at.Held == nil || at.Held.Who != "Grace" {
		t.Errorf("held: %+v", at.Held)
	}
	for _, page := range []string{"/", "/map", "/journal", "/replicas"} {
		d.open(d.url + page)
		if text := d.text("main"); strings.Contains(text, "cannot be made") {
			t.Errorf("%s: %s", page, text)
		}
	}
	if said := d.errors(); len(said) > 0 {
		t.Errorf("the console says %q", said)
	}
}
