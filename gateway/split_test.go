package gateway

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/split"
)

func visitors(legacy, fresh *origin) string {
	return strings.Replace(twoSidesOf(legacy, fresh, "    - {match: /x}\n    - {match: /y/*}\n"), "key: address", "key: visitor", 1)
}

func canary(weight int) map[string]cutover.Group {
	return map[string]cutover.Group{"g": {Weight: weight, Phase: cutover.PhaseOf(weight)}}
}

// S-1, S-2, D-5, L-7: a new visitor is told a signed id, which no backend sees, and stays on one side of all the group's routes; raising the
// weight moves nobody back (L-2).
func TestVisitorsStay(t *testing.T) {
	t.Parallel()
	legacy, fresh := newOrigin(t, echoPath), newOrigin(t, echoPath)
	w := start(t, visitors(legacy, fresh), canary(5000))
	moved, cookies := map[string]bool{}, []string{}
	side := func(cookie, path string) bool {
		before := len(fresh.requests())
		answer := w.ask(get(path, "Cookie: "+cookie))
		if strings.Contains(answer, "Set-Cookie") {
			t.Errorf("a known visitor was given another id: %q", answer)
		}
		return len(fresh.requests()) > before
	}
	for range 40 {
		before := len(fresh.requests())
		set := value(w.ask(get("/x")), "Set-Cookie")
		if !regexp.MustCompile(`^__banyan=1\.k1\.[0-9a-f]{32}\.[\w-]{22}; Path=/; HttpOnly; SameSite=Lax$`).MatchString(set) {
			t.Fatalf("Set-Cookie: %q", set)
		}
		cookie, _, _ := strings.Cut(set, ";")
		cookies = append(cookies, cookie)
		moved[cookie] = len(fresh.requests()) > before
	}
	n := 0
	for cookie, is := range moved {
		if side(cookie, "/x") != is || side("a=b; "+cookie, "/y/z") != is {
			t.Errorf("%s did not stay", cookie)
		}
		if is {
			n++
		}
	}
	if n < 5 || n > 35 {
		t.Errorf("%d of 40 moved at half the weight", n)
	}
	w.weigh(canary(7500))
	for cookie, is := range moved {
		if is && !side(cookie, "/x") {
			t.Errorf("%s was moved back by a raise", cookie)
		}
	}
	for _, heard := range append(legacy.requests(), fresh.requests()...) {
		if strings.Contains(heard, "__banyan") {
			t.Errorf("a backend saw our cookie: %q", heard)
		}
	}
	forged := strings.Replace(cookies[0], "1.k1.", "1.k1.0", 1)
	if got := w.ask(get("/x", "Cookie: "+forged)); !strings.Contains(got, "Set-Cookie: __banyan=") {
		t.Errorf("a forged id was believed: %q", got)
	}
}

// S-6, L-3, D-5: at nothing and at all nobody is drawn and nobody gets an id, nor on an answer that caches may share.
func TestNoIdWhereNoneIsNeeded(t *testing.T) {
	t.Parallel()
	public := answering(t, "HTTP/1.1 200 OK\r\nCache-Control: Public, max-age=300\r\nContent-Length: 2\r\n\r\nok")
	w := start(t, visitors(public, public), canary(0))
	for _, weight := range []int{0, 10000, 5000} {
		w.weigh(canary(weight))
		if got := w.ask(get("/x")); strings.Contains(got, "Set-Cookie") {
			t.Errorf("at %d: %q", weight, got)
		}
	}
	plain := answering(t, ok)
	w = start(t, visitors(plain, plain)+"", canary(5000))
	trusting := start(t, strings.Replace(visitors(plain, plain), "hosts:", "trusted: [127.0.0.1/32]\nhosts:", 1), canary(5000))
	if got := trusting.ask(get("/x", "X-Forwarded-Proto: https")); !strings.Contains(got, "SameSite=Lax; Secure\r\n") {
		t.Errorf("W-31: of an https visitor: %q", got)
	}
	if got := w.ask(get("/elsewhere")); strings.Contains(got, "Set-Cookie") {
		t.Errorf("outside the group: %q", got)
	}
}

// S-3, S-4: a signed override reaches a side at weight 0, for its group and its time; anything else changes nothing (L-9), and a write goes only
// where its authority is.
func TestOverride(t *testing.T) {
	t.Parallel()
	legacy, fresh := answering(t, ok), answering(t, ok)
	w := start(t, visitors(legacy, fresh), canary(0))
	sign := func(side split.Side, group string, life time.Duration) string {
		return "X-Banyan-Side: " + w.ring.SignOverride(split.Override{Side: side, Group: group, Expires: time.Now().Add(life)})
	}
	good := sign(split.New, "g", time.Hour)
	if got := w.ask(get("/x", good)); value(got, "X-Banyan-Side") != "new" {
		t.Errorf("W-34: the tester was told %q", got)
	}
	if heard := fresh.last(t, 1); value(heard, "X-Banyan-Side") != "" {
		t.Errorf("a backend saw the override: %q", heard)
	}
	for i, bad := range []string{sign(split.New, "other", time.Hour), sign(split.New, "g", -time.Hour), "X-Banyan-Side: new", good + "x"} {
		if got := w.ask(get("/x", bad)); value(got, "X-Banyan-Side") != "" {
			t.Errorf("%d: %q", i, got)
		}
	}
	for _, phase := range []string{cutover.Off, cutover.Backfill, cutover.Shadow} { // legacy has the authority for writes
		w.weigh(map[string]cutover.Group{"g": {Phase: phase}})
		w.ask(post("/x", "gift", good))
		fresh.last(t, 1)
	}
	w.ask(get("/x//", good)) // an ambiguous path is legacy's, whatever the tester wants
	w.weigh(map[string]cutover.Group{"g": {Weight: 10000, Phase: cutover.Full, Killed: true}})
	w.ask(get("/x", good))
	fresh.last(t, 1)
	w.weigh(canary(10000))
	w.ask(post("/x", "gift", sign(split.Legacy, "g", time.Hour)))
	fresh.last(t, 2)
	for result, want := range map[string]float64{"used": 1, "ignored": 4, "not_authority": 4} {
		if got := w.metric("banyan_gateway_overrides_total", "g,"+result); got != want {
			t.Errorf("%v were counted as %s, want %v", got, result, want)
		}
	}
	if log := w.stop(); strings.Count(log, `"reason":"override"`) != 1 || strings.Count(log, `"reason":"kill"`) != 1 {
		t.Errorf("log: %s", log)
	}
}

// S-2: the other keys: address, header, session and the page itself.
func TestOtherKeys(t *testing.T) {
	t.Parallel()
	for key, with := range map[string]func(i int) (path, line string){
		"url":             func(i int) (string, string) { return fmt.Sprintf("/y/%d", i), "A: b" },
		"header:X-Client": func(i int) (string, string) { return "/x", fmt.Sprintf("X-Client: c%d", i) },
		"session": func(i int) (string, string) {
			return "/x", fmt.Sprintf("Cookie: SESS72139d7bcf51a856ac0a29ac979d0cb0=v%d", i)
		},
		"address": func(i int) (string, string) { return "/x", fmt.Sprintf("X-Forwarded-For: 192.0.2.%d", i+1) },
	} {
		legacy, fresh := answering(t, ok), answering(t, ok)
		yaml := strings.Replace(visitors(legacy, fresh), "key: visitor", "key: "+key, 1)
		w := start(t, strings.Replace(yaml, "hosts:", "trusted: [127.0.0.1/32]\nhosts:", 1), canary(5000))
		for i := range 20 {
			path, line := with(i)
			before := len(fresh.requests())
			w.ask(get(path, line))
			first := len(fresh.requests()) > before
			before = len(fresh.requests())
			if answer := w.ask(get(path, line)); (len(fresh.requests()) > before) != first || strings.Contains(answer, "Set-Cookie") {
				t.Errorf("%s: %d did not stay, or got a cookie", key, i)
			}
		}
		if n := len(fresh.requests()); n < 4 || n > 36 {
			t.Errorf("%s: %d of 40 moved at half the weight", key, n)
		}
		w.ask(get("/x")) // of whom nothing is known
	}
}

const donation = basics + `
backends:
  drupal: {url: http://%s, kind: drupal7}
  services: {url: http://%s}
default: drupal
groups:
  donate:
    from: drupal
    to: services
    key: visitor
    salt: d
    routes:
      - {match: POST /donate, form: {node: 2, service: donate, pay: test}}
`

// A form's page and its posts are the adapter's on the new side; what is not the form goes to legacy with the same bytes, and a done page by
// its number, whatever the weight.
func TestFormRoute(t *testing.T) {
	t.Parallel()
	legacy := answering(t, ok)
	service := answering(t, "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 42\r\n\r\n"+`{"data":{"id":"gift-1","next":"/thanks"}}  `[:42])
	all := map[string]cutover.Group{"donate": {Weight: 10000, Phase: cutover.Full}}
	w := start(t, fmt.Sprintf(donation, legacy.addr, service.addr), all)
	page := w.ask(get("/donate"))
	if status(page) != "200" || !strings.Contains(page, "webform_client_form_2") {
		t.Fatalf("the form: %.300q", page)
	}
	gift := url.Values{"form_id": {"webform_client_form_2"}, "form_build_id": {"form-x"}, "submitted[amount]": {"10"}, "submitted[first_name]": {"Ann"},
		"submitted[last_name]": {"Bee"}, "submitted[email]": {"ann@example.org"}, "op": {"Donate"}}.Encode()
	urlencoded := "Content-Type: application/x-www-form-urlencoded"
	answer := w.ask(post("/donate", gift, urlencoded))
	if len(service.requests()) == 0 {
		t.Fatalf("the service heard nothing: %.2000q", answer)
	}
	if heard := service.requests()[0]; !strings.HasPrefix(heard, "POST /") || value(heard, "X-Banyan-Client") == "" || value(heard, "Host") != "h" {
		t.Errorf("the service heard %q", heard)
	}
	login := "form_id=user_login_block&name=ann&pass=secret"
	if got := w.ask(post("/donate", login, urlencoded)); status(got) != "200" {
		t.Errorf("the login block: %q", got)
	}
	if heard := legacy.last(t, 1); content(heard) != login {
		t.Errorf("legacy heard %q", heard)
	}
	w.ask(strings.Replace(strings.Replace(chunked, "POST /", "POST /donate", 1), "\r\n\r\n", "\r\n"+urlencoded+"\r\n\r\n", 1) + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(login), login))
	if heard := legacy.last(t, 2); content(heard) != login {
		t.Errorf("a chunked one was heard as %q", heard)
	}
	for weight, target := range map[int]string{10000: "/node/2/done?sid=77", 0: "/node/2/done?sid=2147483700"} {
		w.weigh(map[string]cutover.Group{"donate": {Weight: weight, Phase: cutover.PhaseOf(weight)}})
		before := len(legacy.requests())
		w.ask(get(target))
		if got := len(legacy.requests()) > before; got != (weight == 10000) {
			t.Errorf("%s went to legacy: %v", target, got)
		}
	}
	if log := w.stop(); strings.Contains(log, "secret") || strings.Contains(log, "Ann") {
		t.Errorf("the log holds a body: %s", log)
	}
}
