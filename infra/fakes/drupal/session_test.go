package drupal_test

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/infra/fakes/drupal"
)

// TestCookieFollowsHost is D-1 and D-2 for a site without cookie_domain: name and domain come from Host.
func TestCookieFollowsHost(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	for host, domain := range map[string]string{
		"www.example.org": " domain=.example.org;", "example.org:8080": " domain=.example.org;", "127.0.0.1:8080": "", "localhost": "", "[::1]:80": "",
	} {
		v := w.visitor(t)
		v.host = host
		sum := sha256.Sum256([]byte(host))
		line := v.post("/user/login", "name", "ADMIN", "pass", "admin-pass", "form_id", "user_login").Header("Set-Cookie")
		want := regexp.MustCompile(`^SESS` + hex.EncodeToString(sum[:16]) +
			`=[A-Za-z0-9_-]{43}; expires=Tue, 15 Dec 2026 21:40:45 GMT; Max-Age=2000000; path=/;` + domain + ` HttpOnly$`)
		if !want.MatchString(line) {
			t.Errorf("%s: Set-Cookie %q is not %s", host, line, want)
		}
	}
}

func TestBaseURLWinsOverHost(t *testing.T) {
	t.Parallel()
	w := start(t, func(o *drupal.Options) { o.BaseURL = "http://www.rednosefund.example" })
	v := w.visitor(t)
	v.host = "evil.example"
	a := v.get("/")
	has(t, a, `href="http://www.rednosefund.example/rss.xml"`)
	if strings.Contains(string(a.Body), "evil") {
		t.Error("the page names the Host that was sent")
	}
}

// TestFeedsWarningsWait is D-10: the feed begins a session, the next page tells what is in it and ends it.
func TestFeedsWarningsWait(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	v := w.visitor(t)
	v.get("/rss.xml")
	if v.cookie == "" {
		t.Fatal("the feed began no session")
	}
	a := v.get("/about-us")
	if n := strings.Count(string(a.Body), "_webform_client_form_rule_check"); n != 5+5+9+9+4+12 {
		t.Errorf("%d warnings, not one for each component of the feed's six forms", n)
	}
	if v.cookie != "" || a.Header("X-Drupal-Cache") != "" || a.Header("Cache-Control") != "no-cache, must-revalidate" {
		t.Errorf("the page with the warnings: cookie %q, headers %q", v.cookie, a.Headers)
	}
	if a := v.get("/about-us"); strings.Contains(string(a.Body), "Warning") || a.Header("X-Drupal-Cache") != "MISS" {
		t.Error("the warnings were told twice, or the page with them was kept for others")
	}
}

func TestLoginFromTheBlock(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	v := w.visitor(t)
	bad := v.post("/donate?destination=node/2", "name", `"x"`, "pass", "", "form_id", "user_login_block")
	if got := complaints(string(bad.Body)); bad.Status != "200 OK" || !slices.Equal(got, []string{"Password field is required."}) {
		t.Errorf("%s, %q", bad.Status, got)
	}
	has(t, bad, `name="name" value="&quot;x&quot;"`, `id="webform-client-form-2"`)
	a := v.post("/donate?destination=node/2", "name", "admin", "pass", "admin-pass", "form_id", "user_login_block")
	if a.Status != "302 Found" || a.Header("Location") != "http://www.rednosefund.example/donate" || v.cookie == "" {
		t.Errorf("%s to %q with %q", a.Status, a.Header("Location"), v.cookie)
	}
	if got := v.get("/user/login").Header("Location"); got != "http://www.rednosefund.example/user/1" {
		t.Errorf("signed in, the login page leads to %q", got)
	}
}

// TestFormTokenGuardsSignedIn is D-6: a signed-in visitor's post needs the session's token, nobody's does not.
func TestFormTokenGuardsSignedIn(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	v := w.visitor(t)
	v.login()
	token := regexp.MustCompile(`name="form_token" value="([^"]+)" />\n<input type="hidden" name="form_id" value="webform_client_form_2"`).
		FindSubmatch(v.get("/donate").Body)
	if token == nil {
		t.Fatal("the form has no token")
	}
	gift := fields(2, forms[0].values)
	without := v.post("/donate", gift...)
	if got := complaints(string(without.Body)); len(got) != 1 || !strings.Contains(got[0], "outdated") {
		t.Errorf("without the token: %s, %q", without.Status, got)
	}
	if with := v.post("/donate", append(gift, "form_token", string(token[1]))...); with.Status != "302 Found" {
		t.Errorf("with the token: %s", with.Status)
	}
	var uid int
	if err := w.db.QueryRow(`SELECT uid FROM webform_submissions WHERE sid = 1`).Scan(&uid); err != nil || uid != 1 {
		t.Errorf("the gift is user %d's, not 1's (%v)", uid, err)
	}
	results := v.get("/node/2/webform-results")
	has(t, results, "Showing all results.", ">admin</span>")
}

// TestFloodIsPerAddress is D-13: failures from one address shut that address out and no other.
func TestFloodIsPerAddress(t *testing.T) {
	t.Parallel()
	w := start(t, func(o *drupal.Options) { o.Proxies = []string{"127.0.0.1"} })
	v := w.visitor(t)
	try := func(from, pass string) string {
		v.cookie = ""
		q := recording(t)[17].Request
		q.Headers = [][2]string{{"Content-Type", "application/x-www-form-urlencoded"}, {"X-Forwarded-For", "192.0.2.1, " + from}}
		q.Body = []byte(encode([]string{"name", "admin", "pass", pass, "form_id", "user_login"}))
		return v.send(q).Status
	}
	for range 5 {
		try("198.51.100.1", "wrong")
	}
	if got := try("198.51.100.1", "admin-pass"); got != "200 OK" {
		t.Errorf("after five failures the right password got %s", got)
	}
	if got := try("198.51.100.2", "admin-pass"); got != "302 Found" {
		t.Errorf("another address got %s", got)
	}
	w.set(recorded.Add(6*time.Hour + time.Second))
	if got := try("198.51.100.1", "admin-pass"); got != "302 Found" {
		t.Errorf("six hours later: %s", got)
	}
}
