package dash_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/dash"
	"github.com/banyan-migration/banyan/gateway/split"
)

const file = `
hosts: [www.rednosefund.example]
default_host: www.rednosefund.example
deny: [/update.php]
backends:
  drupal: {url: http://127.0.0.1:9001, kind: drupal7}
  services: {url: http://127.0.0.1:9002}
default: drupal
groups:
  donate:
    from: drupal
    to: services
    salt: donate-1
    routes:
      - {match: POST /donate, form: {node: 2, service: donate, pay: test}}
  postcode:
    from: drupal
    to: services
    key: url
    weight: 10000
    routes: [{match: GET /postcode/{pc}}]
  payments:
    from: drupal
    to: services
    routes: [{match: POST /payments}]
`

var noon = time.Date(2026, 3, 15, 12, 0, 0, 0, time.UTC)

// desk is an admin API with what stands behind it.
type desk struct {
	t    *testing.T
	url  string
	plan *cutover.Plan
	kill *cutover.Switch
	ring *split.Keyring
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	c, err := config.Parse("gateway.yaml", []byte(file), config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{t: t, kill: cutover.NewSwitch("", "")}
	if d.plan, err = cutover.Open(t.Context(), cutover.Options{Seeds: c.Seeds(), Kill: d.kill, Now: func() time.Time { return noon }}); err != nil {
		t.Fatal(err)
	}
	if d.ring, err = split.NewKeyring(split.Secret{ID: "k1", Value: "a secret of some length"}); err != nil {
		t.Fatal(err)
	}
	h, err := dash.New(dash.Options{Plan: d.plan, Config: func() *config.Config { return c }, Keys: d.ring, Token: "open sesame", Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	d.url = server.URL
	return d
}

// call answers status, ETag and body.
func (d *desk) call(method, path, body string, header ...string) (int, string, string) {
	d.t.Helper()
	r, err := http.NewRequestWithContext(d.t.Context(), method, d.url+path, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer open sesame")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		d.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return res.StatusCode, res.Header.Get("ETag"), string(raw)
}

func TestNobodyWithoutTheToken(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for _, bad := range []string{"", "Bearer", "Bearer open", "Bearer open sesamf", "open sesame", "Basic b3BlbiBzZXNhbWU="} {
		if status, _, body := d.call("POST", "/v1/groups/postcode:rollback", `{"actor":"x","reason":"x"}`, "Authorization", bad); status != 401 || strings.Contains(body, "sesame") {
			t.Errorf("%q: %d %s", bad, status, body)
		}
	}
	if d.plan.Now().Group("postcode").Weight != 10000 {
		t.Error("somebody without the token changed a weight")
	}
	if status, _, _ := d.call("GET", "/health", "", "Authorization", ""); status != 200 {
		t.Errorf("health asks for a token: %d", status)
	}
	if _, err := dash.New(dash.Options{Plan: d.plan}); err == nil {
		t.Error("an API without a token was built")
	}
}

// The keys that scripts read (design: what cutover status --json says), and T-3's readiness from the routes alone.
func TestStatus(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	status, _, body := d.call("GET", "/v1/status", "")
	var s struct {
		Groups   map[string]map[string]any
		Revision int
	}
	if err := json.Unmarshal([]byte(body), &s); err != nil || status != 200 || s.Revision != 1 || len(s.Groups) != 3 {
		t.Fatalf("%d %s %v", status, body, err)
	}
	for group, want := range map[string][5]any{
		"donate":   {"off", 0.0, "legacy", "legacy", "green"},
		"postcode": {"full", 10000.0, "new", "new", "green"},
		"payments": {"off", 0.0, "legacy", "legacy", "red"},
	} {
		g := s.Groups[group]
		ready := g["readiness"].(map[string]any)
		if got := [5]any{g["phase"], g["weight"], g["read_authority"], g["write_authority"], ready["state"]}; got != want || g["verdict"] != "HOLD" || g["why"] == "" || ready["loses"] == "" {
			t.Errorf("%s: %v", group, g)
		}
	}
}

// Section 9: a raise needs If-Match (428), a stale one is 412, and a rollback meets neither.
func TestRaiseNeedsWhatWasSeen(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	_, seen, _ := d.call("GET", "/v1/groups/donate", "")
	raise := `{"weight":100,"phase":"canary","actor":"ada","reason":"CHG-1"}`
	if status, _, body := d.call("PATCH", "/v1/groups/donate", raise); status != 428 || !strings.Contains(body, "nothing was changed") {
		t.Errorf("without If-Match: %d %s", status, body)
	}
	if status, tag, body := d.call("PATCH", "/v1/groups/donate", raise, "If-Match", seen); status != 200 || tag == seen || !strings.Contains(body, `"weight":100`) {
		t.Errorf("%d %s %s", status, tag, body)
	}
	if status, _, body := d.call("PATCH", "/v1/groups/donate", `{"weight":5000,"actor":"ada","reason":"CHG-1"}`, "If-Match", seen); status != 412 {
		t.Errorf("stale: %d %s", status, body)
	}
	if status, _, body := d.call("POST", "/v1/groups/donate:rollback", `{"actor":"ada","reason":"declines"}`, "If-Match", seen); status != 200 || !strings.Contains(body, `"weight":0`) {
		t.Errorf("rollback: %d %s", status, body)
	}
	_, _, history := d.call("GET", "/v1/history?after=1", "")
	if strings.Count(history, `"sequence"`) != 2 || !strings.Contains(history, `"action":"rollback","why":"declines"`) {
		t.Errorf("history: %s", history)
	}
}

func TestBadCallsChangeNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for _, c := range []struct {
		method, path, body string
		header             []string
		status             int
		says               string
	}{
		{"PATCH", "/v1/groups/donate", `{"weight":0}`, nil, 400, "actor"},
		{"PATCH", "/v1/groups/donate", `{"actor":"a","reason":"b"}`, nil, 400, "weight is missing"},
		{"PATCH", "/v1/groups/donate", `{"weight":0,"actor":"a","reason":"b","wait":1}`, nil, 400, `wait: no field of this call`},
		{"PATCH", "/v1/groups/donate", `{"weight":0,"actor":"a","reason":"b"} {}`, nil, 400, "more than one"},
		{"PATCH", "/v1/groups/donate", `{"weight":"100"}`, nil, 400, "weight: a whole number belongs here, not string"},
		{"PATCH", "/v1/groups/donate", `{"weight":100.5}`, nil, 400, "weight: a whole number belongs here, not number 100.5; nothing"},
		{"PATCH", "/v1/groups/donate", `{"weight":` + strings.Repeat("9", 9000) + `}`, nil, 400, "not number 9999"},
		{"PATCH", "/v1/groups/donate", `[]`, nil, 400, "an object belongs here, not array"},
		{"PATCH", "/v1/groups/donate", `{"weight":,}`, nil, 400, "not JSON from byte 11 on"},
		{"PATCH", "/v1/groups/donate", `{"weight":1`, nil, 400, "has no end"},
		{"PATCH", "/v1/groups/donate", ``, nil, 400, "the body is empty"},
		{"POST", "/v1/groups/donate:hold", `{"actor":"a"}`, nil, 400, "reason: a sentence or a ticket that says why, one line"},
		{"PATCH", "/v1/groups/donate", `{"weight":10001,"actor":"a","reason":"b"}`, []string{"If-Match", `"1"`}, 400, "is no weight"},
		{"PATCH", "/v1/groups/donate", `{"weight":100,"phase":"full","actor":"a","reason":"b"}`, []string{"If-Match", `"1"`}, 400, "does not go with"},
		{"PATCH", "/v1/groups/donate", `{"weight":100,"actor":"a","reason":"b"}`, []string{"If-Match", `W/"1"`}, 400, "ETag"},
		{"PATCH", "/v1/groups/donate", `{"weight":100,"side":"new","actor":"a","reason":"b"}`, []string{"If-Match", `"1"`}, 400, ":override"},
		{"PATCH", "/v1/groups/none", `{}`, nil, 404, "donate, payments, postcode"},
		{"POST", "/v1/groups/postcode:explode", `{}`, nil, 404, "promote, release, rollback"},
		{"POST", "/v1/groups/donate:override", `{"side":"left","for":"1h","actor":"a","reason":"b"}`, nil, 400, "new or legacy"},
		{"POST", "/v1/groups/donate:override", `{"side":"new","for":"9000h","actor":"a","reason":"b"}`, nil, 400, "how long"},
		{"POST", "/v1/groups/donate:override", `{"side":"new","for":"1h","actor":"a"}`, nil, 400, "reason"},
		{"POST", "/v1/explain", `{"request":"/donate"}`, nil, 400, "METHOD and path"},
		{"GET", "/v1/history?after=x", "", nil, 400, "not a number"},
		{"POST", "/v1/validate", strings.Repeat("#", 2<<20), nil, 413, "too large"},
	} {
		status, _, body := d.call(c.method, c.path, c.body, c.header...)
		if status != c.status || !strings.Contains(body, c.says) {
			t.Errorf("%s %s %.60s: %d %s, want %d with %q", c.method, c.path, c.body, status, body, c.status, c.says)
		}
	}
	if s := d.plan.Now(); s.Revision != 1 {
		t.Errorf("revision %d: something was changed", s.Revision)
	}
}

// S-4: an override is signed, expires, and its making is in the journal.
func TestOverrideForATester(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	status, _, body := d.call("POST", "/v1/groups/donate:override", `{"side":"new","for":"1h","actor":"ada","reason":"walk-through"}`)
	var o dash.Override
	if err := json.Unmarshal([]byte(body), &o); err != nil || status != 200 || o.Header != "X-Banyan-Side" || !o.Expires.Equal(noon.Add(time.Hour)) {
		t.Fatalf("%d %s %v", status, body, err)
	}
	if side, ok := d.ring.Override([]byte(o.Value), "donate", noon); !ok || side != split.New {
		t.Errorf("%s does not reach the new side", o.Value)
	}
	if _, _, history := d.call("GET", "/v1/history?after=1", ""); !strings.Contains(history, "walk-through") || strings.Contains(history, o.Value) {
		t.Errorf("journal: %s", history)
	}
}

func (d *desk) explain(q dash.Question) dash.Explanation {
	d.t.Helper()
	raw, err := json.Marshal(q)
	if err != nil {
		d.t.Fatal(err)
	}
	status, _, body := d.call("POST", "/v1/explain", string(raw))
	var e dash.Explanation
	if err := json.Unmarshal([]byte(body), &e); err != nil || status != 200 {
		d.t.Fatalf("%d %s %v", status, body, err)
	}
	return e
}

// L-12: explain gives the reason that the log would hold, by S-3's order.
func TestExplain(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	// v:0001 has bucket 3315 under donate-1 (S-1's vectors).
	if _, err := d.plan.Set(t.Context(), cutover.Change{Group: "donate", Weight: 3316, If: 1, Who: "ada", Why: "x"}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		q    dash.Question
		want string // status reason side backend
	}{
		{dash.Question{Request: "POST /donate", Key: "0001"}, "0 bucket new services"},
		{dash.Question{Request: "POST /node/2", Key: "0001"}, "0 bucket new services"},
		{dash.Question{Request: "GET /?q=donate", Key: "0001"}, "0 bucket new services"},
		{dash.Question{Request: "POST /donate", Key: "0000"}, "0 bucket legacy drupal"},
		{dash.Question{Request: "POST /donate"}, "0 bucket  "},
		{dash.Question{Request: "GET /node/2/done?sid=2147483648", Key: "0000"}, "0 form new services"},
		{dash.Question{Request: "GET /node/2/done?sid=17", Key: "0001"}, "0 form legacy drupal"},
		{dash.Question{Request: "GET /node/2/done?sid=%32147483648", Key: "0000"}, "0 form new services"},
		{dash.Question{Request: "GET /node/2/done?sid=4294967296", Key: "0001"}, "0 form legacy drupal"},
		{dash.Question{Request: "GET /node/2/done", Key: "0001"}, "0 form legacy drupal"},
		{dash.Question{Request: "POST /donate?q[]=x", Key: "0001"}, "0 uncertain legacy drupal"},
		{dash.Question{Request: "POST /donate?q=about-us", Key: "0001"}, "0 default legacy drupal"},
		{dash.Question{Request: "POST //donate", Key: "0001"}, "0 noncanonical legacy drupal"},
		{dash.Question{Request: "GET /postcode/a%2Fb"}, "0 noncanonical legacy drupal"},
		{dash.Question{Request: "GET /about-us"}, "0 default legacy drupal"},
		{dash.Question{Request: "GET /postcode/N1"}, "0 bucket new services"},
		{dash.Question{Request: "GET /%zz"}, "400 gateway  "},
		{dash.Question{Request: "GET /update.php"}, "403 gateway  "},
		{dash.Question{Request: "GET /", Host: "evil.test"}, "421 gateway  "},
		{dash.Question{Request: "TRACE /"}, "501 gateway  "},
		{dash.Question{Request: "GET /.banyan/health"}, "200 gateway  "},
	} {
		e := d.explain(c.q)
		if got := fmt.Sprintf("%d %s %s %s", e.Status, e.Reason, e.Side, e.Backend); got != c.want || e.Why == "" {
			t.Errorf("%+v: %s (%s), want %s", c.q, got, e.Why, c.want)
		}
	}
}

// S-3: the kill switch comes before everything.
func TestExplainAKilledGroup(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	if err := d.kill.Pull(); err != nil {
		t.Fatal(err)
	}
	if err := d.plan.Note(t.Context(), "kill", "ada", "seen at once with the next change"); err != nil {
		t.Fatal(err)
	}
	e := d.explain(dash.Question{Request: "GET /postcode/N1"})
	if e.Reason != "kill" || e.Side != "legacy" || e.Backend != "drupal" || e.Weight != 10000 {
		t.Errorf("%+v", e)
	}
}

// L-7: all names of a group's page give one visitor one side. L-8: changing group A changes no decision of group B.
func TestGroupsFlipWholeAndAlone(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	requests := []string{"GET /donate", "POST /donate", "HEAD /donate", "GET /node/2", "POST /node/2", "GET /?q=donate", "POST /index.php?q=node/2"}
	postcode := func() string {
		e := d.explain(dash.Question{Request: "GET /postcode/N1"})
		return fmt.Sprintln(e.Side, e.Reason, *e.Bucket, e.Weight, e.Backend, e.Why)
	}
	before := postcode()
	for _, weight := range []int{1, 2500, 5000, 9999, 10000} {
		at := d.plan.Now().Group("donate")
		if _, err := d.plan.Set(t.Context(), cutover.Change{Group: "donate", Weight: weight, If: at.Revision, Who: "ada", Why: "ramp"}); err != nil {
			t.Fatal(err)
		}
		for visitor := range 8 {
			sides := map[string]bool{}
			for _, r := range requests {
				sides[d.explain(dash.Question{Request: r, Key: fmt.Sprintf("%032x", visitor)}).Side] = true
			}
			if len(sides) != 1 {
				t.Errorf("weight %d, visitor %d: sides %v", weight, visitor, slices.Collect(maps.Keys(sides)))
			}
		}
	}
	if got := postcode(); got != before {
		t.Errorf("postcode changed with donate: %s, was %s", got, before)
	}
}

func TestValidateSaysWhatCheckSays(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	_, _, body := d.call("POST", "/v1/validate", strings.Replace(file, "weight: 10000", "weight: 10", 1))
	var ok config.Checked
	if err := json.Unmarshal([]byte(body), &ok); err != nil || !ok.OK || len(ok.Names["donate"]) != 15 {
		t.Fatalf("%s %v", body, err)
	}
	if len(ok.Differs) != 1 || ok.Differs[0].Group != "postcode" || ok.Differs[0].Store != 10000 || ok.Differs[0].File != 10 {
		t.Errorf("differs: %+v", ok.Differs)
	}
	_, _, body = d.call("POST", "/v1/validate", strings.Replace(file, "to: services", "to: nowhere", 1))
	var bad config.Checked
	if err := json.Unmarshal([]byte(body), &bad); err != nil || bad.OK || len(bad.Mistakes) != 1 || bad.Mistakes[0].Line != 12 {
		t.Errorf("%s %v", body, err)
	}
}

func TestMetricsShowThePlan(t *testing.T) {
	t.Parallel()
	_, _, body := newDesk(t).call("GET", "/metrics", "", "Authorization", "")
	for _, line := range []string{
		`banyan_gateway_killed{group="donate"} 0`,
		"banyan_audit_head_sequence 1",
	} {
		if !strings.Contains(body, line+"\n") {
			t.Errorf("no %s in\n%s", line, body)
		}
	}
}
