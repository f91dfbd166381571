package dash_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/dash"
	"github.com/banyan-migration/banyan/gateway/dash/who"
)

// as calls the API with a token of its own.
func (o *office) as(name, method, path, body string, header ...string) (int, string) {
	o.t.Helper()
	status, _, text := o.call(method, path, body, append([]string{"Authorization", "Bearer token of " + name}, header...)...)
	return status, text
}

func (o *office) weigh(group string, weight int) cutover.Group {
	o.t.Helper()
	at := o.plan.Now().Group(group)
	at, err := o.plan.Set(o.t.Context(), cutover.Change{Group: group, Weight: weight, If: at.Revision, Who: "ada", Why: "test"})
	if err != nil {
		o.t.Fatal(err)
	}
	return at
}

// Section 9: view reads, operate only lowers, approve raises too, report tells outcomes and nothing else.
func TestEachRoleMayWhatItMay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		method, path, body string
		may                string // the roles, of view operate approve report
	}{
		{"GET", "/v1/status", "", "view operate approve"},
		{"GET", "/v1/journal", "", "view operate approve"},
		{"POST", "/v1/explain", `{"request":"GET /"}`, "view operate approve"},
		{"POST", "/v1/groups/donate:rollback", `{"reason":"x"}`, "operate approve"},
		{"POST", "/v1/groups/donate:hold", `{"reason":"x"}`, "operate approve"},
		{"POST", "/v1/groups/donate:freeze", `{"reason":"x"}`, "operate approve"},
		{"PATCH", "/v1/groups/donate", `{"weight":10,"reason":"x"}`, "operate approve"},
		{"PATCH", "/v1/groups/donate", `{"weight":9000,"reason":"x"}`, "approve"},
		{"POST", "/v1/groups/donate:promote", `{"reason":"x"}`, "approve"},
		{"POST", "/v1/groups/donate:release", `{"reason":"x"}`, "approve"},
		{"POST", "/v1/groups/donate:approve", `{"reason":"x","steps":[{"weight":10000,"dwell":"1h"}]}`, "approve"},
		{"POST", "/v1/groups/postcode:enter", `{"reason":"x","phase":"drain"}`, "approve"},
		{"POST", "/v1/groups/donate:drill", `{"reason":"x"}`, "approve"},
		{"POST", "/v1/groups/donate:override", `{"reason":"x","side":"new","for":"1h"}`, "approve"},
		{"POST", "/v1/groups/postcode:no-return", `{"reason":"x","loses":"the old numbers"}`, "approve"},
		{"POST", "/v1/outcomes", `[{"request":"r-1","ok":true}]`, "approve report"},
	} {
		for name, role := range tokens {
			o := newOffice(t)
			at := o.weigh("donate", 1000)
			tag := fmt.Sprintf("%q", fmt.Sprint(at.Revision))
			if strings.Contains(c.path, "postcode") {
				tag = `"1"`
			}
			before := o.plan.Now().Revision
			status, body := o.as(name, c.method, c.path, c.body, "If-Match", tag)
			allowed := strings.Contains(" "+c.may+" ", " "+role+" ")
			if allowed && status != 200 || !allowed && (status != 403 || o.plan.Now().Revision != before || !strings.Contains(body, role)) {
				t.Errorf("%s %s as %s: %d %s", c.method, c.path, role, status, body)
			}
			entries, err := o.plan.History(t.Context(), before, 1)
			if err != nil || len(entries) == 1 && entries[0].Who != name {
				t.Errorf("%s %s: the journal names %+v %v", c.method, c.path, entries, err)
			}
		}
	}
}

// A token names its own holder, and nobody else; the admin token says whom it stands for.
func TestTheActorIsTheToken(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	if status, body := o.as("otis", "POST", "/v1/groups/donate:hold", `{"reason":"x","actor":"ada"}`); status != 400 || !strings.Contains(body, "otis") {
		t.Errorf("%d %s", status, body)
	}
	if status, _, body := o.call("POST", "/v1/groups/donate:hold", `{"reason":"x"}`); status != 400 || !strings.Contains(body, "actor") {
		t.Errorf("the admin token without an actor: %d %s", status, body)
	}
	for _, nobody := range []string{"judge", " Judge", "gateway"} {
		if status, _, body := o.call("POST", "/v1/groups/donate:hold", `{"reason":"x","actor":"`+nobody+`"}`); status != 400 || !strings.Contains(body, "no person") {
			t.Errorf("%q: %d %s", nobody, status, body)
		}
	}
	status, _, body := o.call("POST", "/v1/groups/donate:hold", `{"reason":"declines","actor":"grace","ticket":"CHG-9"}`)
	entries, err := o.plan.History(t.Context(), 1, 10)
	if err != nil || status != 200 || len(entries) != 1 || entries[0].Who != "grace" || entries[0].Ticket != "CHG-9" {
		t.Errorf("%d %s %+v %v", status, body, entries, err)
	}
}

// T-4: two people sign, so a token that says itself who it is signs nothing.
func TestTheAdminTokenDoesNotSignThePointOfNoReturn(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for _, actor := range []string{"ada", "grace"} {
		status, _, body := o.call("POST", "/v1/groups/postcode:no-return", `{"reason":"x","loses":"the old numbers","actor":"`+actor+`"}`, "If-Match", `"1"`)
		if status != 403 || !strings.Contains(body, "two people") || o.plan.Now().Group("postcode").Asked != nil {
			t.Errorf("%s: %d %s", actor, status, body)
		}
	}
}

// Section 9: whatever can raise names what was seen; a rollback, a hold and a freeze never have to.
func TestWhatCanRaiseNeedsIfMatch(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	at := o.weigh("donate", 1000)
	for _, verb := range []string{"promote", "release", "approve", "enter", "no-return"} {
		path, body := "/v1/groups/donate:"+verb, `{"reason":"x","phase":"shadow","loses":"x","steps":[{"weight":10000,"dwell":"1h"}]}`
		if status, text := o.as("ada", "POST", path, body); status != 428 || !strings.Contains(text, "nothing was changed") {
			t.Errorf("%s without If-Match: %d %s", verb, status, text)
		}
		if status, text := o.as("ada", "POST", path, body, "If-Match", `"1"`); status != 412 {
			t.Errorf("%s with an old one: %d %s", verb, status, text)
		}
	}
	if now := o.plan.Now(); now.Group("donate").Revision != at.Revision {
		t.Error("something was changed")
	}
	for _, verb := range []string{"hold", "freeze", "rollback"} {
		if status, text := o.as("otis", "POST", "/v1/groups/donate:"+verb, `{"reason":"x"}`, "If-Match", `"1"`); status != 200 {
			t.Errorf("%s: %d %s", verb, status, text)
		}
	}
}

// T-3: what a rollback would lose is said, and must be meant.
func TestRollbackSaysWhatItLoses(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.weigh("payments", 1000)
	if status, text := o.as("otis", "POST", "/v1/groups/payments:rollback", `{"reason":"x"}`); status != 409 || !strings.Contains(text, `"readiness"`) {
		t.Errorf("%d %s", status, text)
	}
	if status, text := o.as("otis", "POST", "/v1/groups/payments:rollback", `{"reason":"x","lose":true}`); status != 200 || !strings.Contains(text, `"weight":0`) {
		t.Errorf("%d %s", status, text)
	}
}

// The same key gives the first answer again, also to one who asks while it is made; another call under it is refused.
func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.weigh("donate", 1000)
	before := o.plan.Now().Revision
	var all sync.WaitGroup
	answers := make([]string, 8)
	for i := range answers {
		all.Go(func() {
			_, answers[i] = o.as("ada", "POST", "/v1/groups/donate:override", `{"reason":"x","side":"new","for":"1h"}`, "Idempotency-Key", "k-1")
		})
	}
	all.Wait()
	for _, a := range answers {
		if a != answers[0] || !strings.Contains(a, "X-Banyan-Side") {
			t.Errorf("%s, and first %s", a, answers[0])
		}
	}
	if got := o.plan.Now().Revision; got != before+1 {
		t.Errorf("%d entries for one key", got-before)
	}
	if status, body := o.as("ada", "POST", "/v1/groups/donate:hold", `{"reason":"x"}`, "Idempotency-Key", "k-1"); status != 409 || !strings.Contains(body, "another call") {
		t.Errorf("another call under the key: %d %s", status, body)
	}
	if status, body := o.as("otis", "POST", "/v1/groups/donate:hold", `{"reason":"x"}`, "Idempotency-Key", "k-1"); status != 200 {
		t.Errorf("the same key of somebody else: %d %s", status, body)
	}
	if status, _ := o.as("ada", "PATCH", "/v1/groups/donate", `{"weight":5000,"reason":"x"}`, "Idempotency-Key", "k-2"); status != 428 {
		t.Errorf("%d", status)
	}
	if status, body := o.as("ada", "PATCH", "/v1/groups/donate", `{"weight":5,"reason":"x"}`, "Idempotency-Key", "k-2"); status != 200 {
		t.Errorf("a key whose call was refused is not free again: %d %s", status, body)
	}
}

// J-14: why makes the verdict again and says when it comes out otherwise.
func TestWhyMakesTheVerdictAgain(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.night("donate", 0.2)
	var list struct{ Decisions []dash.Decision }
	_, body := o.as("vera", "GET", "/v1/decisions?group=donate&limit=500", "")
	if err := json.Unmarshal([]byte(body), &list); err != nil || len(list.Decisions) != 36 || list.Decisions[0].Verdict.Kind != "ROLLBACK" {
		t.Fatalf("%.300s %v", body, err)
	}
	id := list.Decisions[0].ID
	var why dash.Why
	_, body = o.as("vera", "GET", "/v1/decisions/"+id+"/why", "")
	if err := json.Unmarshal([]byte(body), &why); err != nil || !why.Same || why.Again.Why != why.Decision.Verdict.Why || len(why.Decision.Cells) == 0 {
		t.Errorf("%v %.300s", err, body)
	}
	o.watch.Spoil("donate", id)
	if _, body = o.as("vera", "GET", "/v1/decisions/"+id+"/why", ""); !strings.Contains(body, `"same":false`) || !strings.Contains(body, "cannot be made again") {
		t.Errorf("a record that was changed by hand: %s", body[max(0, len(body)-600):])
	}
	if status, page := o.person("token of vera").get("/decisions/" + id); status != 200 || !strings.Contains(page, "the verdict is not the same") {
		t.Errorf("its page: %d", status)
	}
	if status, body := o.as("vera", "GET", "/v1/decisions/none/why", ""); status != 404 {
		t.Errorf("%d %s", status, body)
	}
}

// The services' outcomes reach the judge; the same may come twice.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for range 2 {
		if status, body := o.as("donate", "POST", "/v1/outcomes", `[{"request":"r-1","ok":true},{"request":"r-2","ok":false}]`); status != 200 || body != "{\"taken\":2}\n" {
			t.Errorf("%d %s", status, body)
		}
	}
	if good, known := o.watch.Told("r-2"); good || !known {
		t.Error("r-2 was not told")
	}
	for _, bad := range []string{`[{"request":"","ok":true}]`, `{"request":"r"}`, `[{"request":"r","ok":"yes"}]`, "[" + strings.Repeat(`{"request":"r","ok":true},`, 1000) + `{"request":"r","ok":true}]`} {
		if status, _ := o.as("donate", "POST", "/v1/outcomes", bad); status != 400 {
			t.Errorf("%.40s: %d", bad, status)
		}
	}
}

// A session begins with a token, which it does not hold; it ends after an hour without use, after twelve with it, and with its token.
func TestSessions(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	anybody := &person{o, &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	if status, to := anybody.get("/groups/donate?since=1h"); status != 303 || to != "/login?next=%2Fgroups%2Fdonate%3Fsince%3D1h" {
		t.Errorf("without a session: %d %s", status, to)
	}
	for _, bad := range []string{"", "token of nobody", "token of donate"} {
		if status, page := anybody.post("/login", url.Values{"token": {bad}}); status != 401 || !strings.Contains(page, "does not open") {
			t.Errorf("login with %q: %d", bad, status)
		}
	}
	if status, _ := anybody.do("POST", "/login", url.Values{"token": {"token of ada"}}, "Content-Type", "application/x-www-form-urlencoded", "Origin", "https://evil.example"); status != 403 {
		t.Errorf("login from another site's page: %d", status)
	}
	for next, want := range map[string]string{"/map?at=2026-03-01": "/map?at=2026-03-01", "//evil.example/": "/", "https://evil.example/": "/", `/\evil.example`: "/"} {
		if _, to := anybody.post("/login", url.Values{"token": {"token of ada"}, "next": {next}}); to != want {
			t.Errorf("a login leads to %s for %s", to, next)
		}
	}
	p := o.person("token of ada")
	site, _ := url.Parse(o.url)
	cookies := p.client.Jar.Cookies(site)
	if len(cookies) != 1 || strings.Contains(cookies[0].Value, "token of ada") {
		t.Fatalf("cookies: %v", cookies)
	}
	if status, _ := p.do("POST", "/v1/groups/postcode:rollback", nil); status != 401 {
		t.Errorf("the API takes a write from a session: %d", status)
	}
	began := *o.now
	for range 23 {
		*o.now = o.now.Add(31 * time.Minute)
		if status, _ := p.get("/"); status != 200 {
			t.Fatalf("after %s of use: %d", o.now.Sub(began), status)
		}
	}
	*o.now = began.Add(who.Longest + time.Second)
	if status, to := p.get("/"); status != 303 || to != "/login" {
		t.Errorf("after twelve hours: %d %s", status, to)
	}
	forged := cookies[0]
	forged.Value = strings.Replace(forged.Value, forged.Value[:8], "eyJOYW1l", 1) + "x"
	p.client.Jar.SetCookies(site, []*http.Cookie{forged})
	if status, _ := p.get("/"); status != 303 {
		t.Errorf("a forged session: %d", status)
	}
}

// Every form carries its session's word, and comes from a page of ours; without either nothing is changed.
func TestFormsAreOurs(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.weigh("donate", 1000)
	before := o.plan.Now().Revision
	p, q := o.person("token of ada"), o.person("token of otis")
	_, page := q.get("/groups/donate")
	theirs := csrfIn.FindStringSubmatch(page)[1]
	for name, form := range map[string]url.Values{"none": {"csrf": {""}}, "another session's": {"csrf": {theirs}}, "not agreed": {"sure": {""}}} {
		if status, page := p.press("donate", "rollback", form); status < 400 || !strings.Contains(page, "nothing was changed") {
			t.Errorf("%s: %d", name, status)
		}
	}
	_, page = p.get("/groups/donate")
	form := url.Values{"csrf": {csrfIn.FindStringSubmatch(page)[1]}, "reason": {"x"}, "sure": {"yes"}}
	if status, _ := p.do("POST", "/groups/donate/rollback", form, "Content-Type", "application/x-www-form-urlencoded", "Origin", "https://evil.example"); status != 403 {
		t.Errorf("from another site's page: %d", status)
	}
	if status, _ := p.do("POST", "/groups/donate/rollback", form, "Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "cross-site"); status != 403 {
		t.Errorf("cross-site: %d", status)
	}
	if o.plan.Now().Revision != before {
		t.Error("something was changed")
	}
	if status, to := p.press("donate", "rollback", nil); status != 303 || to != "/groups/donate?done=rollback" || o.plan.Now().Group("donate").Weight != 0 {
		t.Errorf("a form of ours: %d %s", status, to)
	}
}

// A form that is refused comes back with what was typed, and says why.
func TestARefusedFormKeepsItsReason(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	p := o.person("token of ada")
	status, page := p.press("donate", "approve", url.Values{"revision": {"7"}, "reason": {"the board said so"}})
	if status != 412 || !strings.Contains(page, "look at it again") || !strings.Contains(page, `value="the board said so"`) {
		t.Errorf("%d", status)
	}
	q := o.person("token of otis")
	if _, page := q.get("/groups/donate"); strings.Contains(page, "/groups/donate/promote") || !strings.Contains(page, "/groups/donate/hold") || !strings.Contains(page, "Your role does not allow: promote") {
		t.Error("an operator is shown what the role may not do")
	}
	if status, page := q.press("donate", "promote", nil); status != 403 || !strings.Contains(page, "asks for the role approve") {
		t.Errorf("an operator promotes: %d", status)
	}
}

func TestNobodyFramesUsOrRunsHere(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	res, err := http.Get(o.url + "/login")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	csp := res.Header.Get("Content-Security-Policy")
	if strings.Contains(csp, "unsafe") || !strings.HasPrefix(csp, "default-src 'none'") || res.Header.Get("X-Frame-Options") != "DENY" || res.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%v", res.Header)
	}
}

// badges is an Identity: who wears one is known by it.
type badges map[string]who.Person

func (b badges) Who(r *http.Request) (who.Person, error) {
	if p, ok := b[r.Header.Get("X-Badge")]; ok {
		return p, nil
	}
	return who.Person{}, who.ErrNobody
}

// Whoever another Identity knows may what their role may, in the API and on the pages; their forms are bound to them.
func TestAnotherWayIn(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	c, err := config.Parse("gateway.yaml", []byte(file), config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	h, err := dash.New(dash.Options{Plan: o.plan, Config: func() *config.Config { return c }, Keys: o.ring, Token: "open sesame", Now: func() time.Time { return noon },
		Identity: badges{"o-1": {Name: "olive", Role: who.Operate}, "v-1": {Name: "victor", Role: who.View}}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	o.url = server.URL
	if status, _, body := o.call("POST", "/v1/groups/donate:hold", `{"reason":"x"}`, "Authorization", "", "X-Badge", "o-1"); status != 200 || o.plan.Now().Group("donate").Held.Who != "olive" {
		t.Errorf("%d %s", status, body)
	}
	if status, _, _ := o.call("POST", "/v1/groups/donate:freeze", `{"reason":"x"}`, "Authorization", "", "X-Badge", "v-1"); status != 403 {
		t.Errorf("victor freezes: %d", status)
	}
	if status, _, _ := o.call("GET", "/v1/status", "", "Authorization", "", "X-Badge", "forged"); status != 401 {
		t.Errorf("a forged badge: %d", status)
	}
	p := &person{o, &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	_, page := p.do("GET", "/groups/payments", nil, "X-Badge", "o-1")
	form := url.Values{"reason": {"x"}, "sure": {"yes"}, "csrf": {csrfIn.FindStringSubmatch(page)[1]}}
	head := []string{"Content-Type", "application/x-www-form-urlencoded", "Origin", p.url, "X-Badge"}
	if status, _ := p.do("POST", "/groups/payments/freeze", form, append(head, "v-1")...); status != 403 || o.plan.Now().Group("payments").Frozen != nil {
		t.Errorf("olive's form, sent as victor: %d", status)
	}
	if status, to := p.do("POST", "/groups/payments/freeze", form, append(head, "o-1")...); status != 303 || o.plan.Now().Group("payments").Frozen == nil {
		t.Errorf("olive's own: %d %s", status, to)
	}
}
