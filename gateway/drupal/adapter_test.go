package drupal

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/shared/mark"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// service is a fake of the services behind the gateway: it remembers what it was asked and answers by path.
type service struct {
	answers map[string]Answer
	err     error
	targets []string
	headers []map[string]string
	bodies  []string
}

func taking(id string) *service {
	return &service{answers: map[string]Answer{"/donations": jsonAnswer(201, `{"data":{"id":"`+id+`","state":"pending"},"message":"success"}`)}}
}

func answering(status int, body string) *service {
	return &service{answers: map[string]Answer{"/donations": jsonAnswer(status, body)}}
}

func jsonAnswer(status int, body string) Answer {
	return Answer{Status: status, Header: [][2]string{{"Content-Type", "application/json"}}, Body: []byte(body)}
}

func (s *service) call(_ context.Context, method, target string, header [][2]string, body []byte) (Answer, error) {
	all := map[string]string{}
	for _, h := range header {
		all[h[0]] = h[1]
	}
	s.targets = append(s.targets, method+" "+target)
	s.headers = append(s.headers, all)
	s.bodies = append(s.bodies, string(body))
	return s.answers[target], s.err
}

func adapter(t testing.TB, change func(*Options)) *Adapter {
	t.Helper()
	o := Options{Node: 2, Service: "donate", Pay: "test", Keys: mark.Keys{"k1": "a secret of the test"}, Key: "k1", Now: func() time.Time { return noon }}
	if change != nil {
		change(&o)
	}
	a, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// request is a recorded request as the engine hands it over.
func (e exchange) request() *Request {
	path, query, _ := strings.Cut(e.Request.Path, "?")
	r := &Request{Method: e.Request.Method, Path: path, Query: query, Scheme: "http", Body: []byte(e.Request.Body), Client: "192.0.2.7", ID: "r1"}
	for _, h := range e.Request.Headers {
		switch h[0] {
		case "Host":
			r.Host = h[1]
		case "Content-Type":
			r.ContentType = h[1]
		}
	}
	return r
}

func post(body string) *Request {
	return &Request{Method: "POST", Path: "/donate", Scheme: "http", Host: "www.rednosefund.example", Client: "192.0.2.7", ID: "r1",
		ContentType: "application/x-www-form-urlencoded", Body: []byte(body)}
}

// gift is a whole good post with some values changed; one that is "-" is left out.
func gift(changes ...string) *Request {
	v := map[string]string{"amount": "25.00", "first_name": "Siân", "last_name": "O'Neill", "email": "sian@example.org"}
	for i := 0; i < len(changes); i += 2 {
		v[changes[i]] = changes[i+1]
	}
	body := url.Values{"form_id": {"webform_client_form_2"}, "form_build_id": {"form-1"}, "op": {"Donate"}}
	for key, text := range v {
		if text != "-" {
			body.Set("submitted["+key+"]", text)
		}
	}
	return post(body.Encode())
}

// serve asks as the engine does.
func serve(t testing.TB, a *Adapter, r *Request, s *service) Answer {
	t.Helper()
	if !a.Takes(r) {
		t.Fatalf("%s %s is not taken", r.Method, r.Path)
	}
	return a.Serve(t.Context(), r, s.call)
}

// same compares an answer with a recorded one, less the noise, what belongs to a connection, and the session that
// Drupal begins or ends.
func same(t *testing.T, got Answer, want exchange) {
	t.Helper()
	keep := func(all [][2]string) (lines []string) {
		for _, h := range all {
			if !noisy(h[0]) && !slices.Contains([]string{"Transfer-Encoding", "Connection", "Set-Cookie"}, h[0]) {
				lines = append(lines, h[0]+": "+unmoved(h[1]))
			}
		}
		return lines
	}
	if got.Status != want.Response.Status || got.Reason != want.Response.Reason {
		t.Errorf("status %d %s, want %d %s", got.Status, got.Reason, want.Response.Status, want.Response.Reason)
	}
	if g, w := keep(got.Header), keep(want.Response.Headers); !slices.Equal(g, w) {
		t.Errorf("header lines\n%s\nwant\n%s", strings.Join(g, "\n"), strings.Join(w, "\n"))
	}
	g, w := strings.Split(unmoved(string(got.Body)), "\n"), strings.Split(unmoved(want.Response.Text), "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			t.Fatalf("line %d is\n%s\nwant\n%s", i+1, g[i], w[i])
		}
	}
	if len(g) != len(w) {
		t.Errorf("%d lines, want %d", len(g), len(w))
	}
}

// D-6, D-7, W-60: the recorded posts, urlencoded and multipart, taken by the service.
func TestRecordedGiftsAreTaken(t *testing.T) {
	t.Parallel()
	all := recorded(t)
	for _, i := range []int{12, 15} {
		s := taking("gift-1")
		got := serve(t, adapter(t, nil), all[i].request(), s)
		same(t, got, all[i])
		if n := len(got.Header) - 1; got.Header[n][1] != fmt.Sprintf("http://www.rednosefund.example/node/2/done?sid=%d", sid("gift-1")) {
			t.Errorf("leads to %s", got.Header[n][1])
		}
		want := `{"amount":"25.00","currency":"GBP","giving":"single","title":"Ms","first_name":"Siân","last_name":"O'Neill",` +
			`"email":"sian@example.org","phone":"07700 900123","address1":"1 Heol y Bont","town":"Caerdydd","postcode":"cf10 1aa",` +
			`"country":"GB","gift_aid":true,"email_consent":true,"message":"Good luck & thank you","reference":"","payment":{"method":"test"}}`
		if len(s.bodies) != 1 || s.targets[0] != "POST /donations" || !sameJSON(s.bodies[0], want) {
			t.Errorf("the service was asked %v\n%v\nwant\n%s", s.targets, s.bodies, want)
		}
		client, err := mark.Keys{"k1": "a secret of the test"}.CheckClient(s.headers[0][mark.ClientHeader], noon)
		if err != nil || client != (mark.Client{Address: "192.0.2.7", Request: "r1"}) || s.headers[0]["X-Request-Id"] != "r1" ||
			s.headers[0]["Content-Type"] != "application/json" || s.headers[0][mark.Header] != "" {
			t.Errorf("the service was told %v (%v)", s.headers[0], err)
		}
	}
}

func sameJSON(a, b string) bool {
	var x, y any
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && reflect.DeepEqual(x, y)
}

// D-11: a refused gift shows Drupal's own errors, with the typing kept, byte for byte but for PHP's warnings and tokens.
func TestRecordedRefusalIsDrupals(t *testing.T) {
	t.Parallel()
	all := recorded(t)
	s := taking("gift-1")
	got := serve(t, adapter(t, nil), all[14].request(), s)
	same(t, got, all[14])
	if len(s.targets) != 0 {
		t.Errorf("the service was asked for what Drupal refuses: %v", s.targets)
	}
	// Nothing but warnings and tokens was masked: the two messages stand in Drupal's own list.
	warning := regexp.MustCompile(`  <li><em class="placeholder">Warning</em>.*</li>\n`)
	tokens := regexp.MustCompile(`(theme_token":"|value="form-)[\w-]+`)
	plain := func(text string) string { return tokens.ReplaceAllString(warning.ReplaceAllString(text, ""), "$1") }
	if plain(string(got.Body)) != plain(all[14].Response.Text) {
		t.Error("the refused page is not the recorded one")
	}
}

// D-15: the form and the done page as recorded.
func TestPagesAreDrupals(t *testing.T) {
	t.Parallel()
	all := recorded(t)
	a := adapter(t, nil)
	form := serve(t, a, all[11].request(), nil)
	same(t, form, all[11])
	again := serve(t, a, all[11].request(), nil)
	ids := regexp.MustCompile(`name="form_build_id" value="(form-[\w-]{43})"`)
	seen := map[string]bool{}
	for _, body := range [][]byte{form.Body, again.Body} {
		for _, m := range ids.FindAllSubmatch(body, -1) {
			seen[string(m[1])] = true
		}
	}
	if len(seen) != 4 {
		t.Errorf("two forms of two pages have %d ids, want 4", len(seen))
	}
	done := all[13].request()
	done.Query = "sid=2147483653"
	same(t, serve(t, a, done, nil), all[13])
	head := all[11].request()
	head.Method = "HEAD"
	if got := serve(t, a, head, nil); len(got.Body) != 0 || !reflect.DeepEqual(got.Header, form.Header) {
		t.Errorf("HEAD is answered with %d bytes and %v", len(got.Body), got.Header)
	}
}

// D-8, W-13, W-31: the page under its other names and with a query, as capture 8 shows for another page.
func TestAddressesFollowTheRequest(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ scheme, host, path, query, action, login, asset string }{
		{"https", "donate.example.org:8443", "/donate", "utm_source=bbc&x=1&x=2", "/donate?utm_source=bbc&amp;x=1&amp;x=2",
			"/donate?destination=node/2%3Futm_source%3Dbbc%26x%3D2", "https://donate.example.org:8443/misc/drupal.js"},
		{"http", "h", "/", "q=donate", "/?q=donate", "/donate?destination=node/2", "http://h/misc/drupal.js"},
		{"http", "h", "/node/2", `a[]=1&a[]="'><`, `/node/2?a[]=1&amp;a[]=&quot;&#039;&gt;&lt;`,
			"/donate?destination=node/2%3Fa%255B0%255D%3D1%26a%255B1%255D%3D%2522%2527%253E%253C", "http://h/misc/drupal.js"},
		{"http", "h", "/donate", "destination=user/1", "/donate?destination=user/1", "/donate?destination=user/1", "http://h/misc/drupal.js"},
		{"http", "h", "/donate", "destination=http://evil.example", "/donate?destination=http://evil.example",
			"/donate?destination=node/2%3Fdestination%3Dhttp%253A//evil.example", "http://h/misc/drupal.js"},
		{"http", "h", "/node/2/done", "sid=2147483648", "",
			"/node/2/done?destination=node/2/done%3Fsid%3D2147483648", "http://h/misc/drupal.js"},
	} {
		got := string(serve(t, adapter(t, nil), &Request{Method: "GET", Path: c.path, Query: c.query, Host: c.host, Scheme: c.scheme}, nil).Body)
		if c.action != "" && !strings.Contains(got, `action="`+c.action+`" method="post" id="webform-client-form-2"`) {
			t.Errorf("%s?%s: the webform does not post to %s", c.path, c.query, c.action)
		}
		if !strings.Contains(got, `action="`+c.login+`"`) || !strings.Contains(got, `{"`+strings.ReplaceAll(c.login, "/", `\/`)+`":true`) {
			t.Errorf("%s?%s: the login block does not post to %s", c.path, c.query, c.login)
		}
		if !strings.Contains(got, `"`+c.asset+`?`) || strings.Contains(got, "{{") || strings.Contains(got, `><"`) {
			t.Errorf("%s?%s: assets are not at %s", c.path, c.query, c.asset)
		}
	}
}

func TestWhatIsNotTheFormsGoesToLegacy(t *testing.T) {
	t.Parallel()
	a := adapter(t, nil)
	good := string(gift().Body)
	login := post("name=x&pass=y&form_build_id=form-1&form_id=user_login_block&op=Log+in")
	signedIn := post(good + "&form_token=abc")
	dotted := post(good + "&form.id=user_login_block") // PHP reads form_id, and the last wins (W-13)
	latin := post(good + "&submitted[message]=%E9t%E9")
	nul := post(good + "&submitted[message]=%00")
	text := post(good)
	text.ContentType = "text/plain"
	cut := post("--x\r\nContent-Disposition: form-data; name=\"form_id\"\r\n\r\nwebform_client")
	cut.ContentType = "multipart/form-data; boundary=x"
	done := post(good)
	done.Path = "/node/2/done"
	put := post(good)
	put.Method = "PUT"
	odd := gift()
	odd.Host = `x"onload="`
	old := &Request{Method: "GET", Path: "/node/2/d%6fne", Query: "sid=17", Host: "h"}
	for name, r := range map[string]*Request{"login block": login, "signed in (D-6)": signedIn, "form.id": dotted, "not UTF-8": latin, "NUL": nul,
		"no form": text, "cut multipart": cut, "done page": done, "PUT": put, "odd Host": odd, "legacy's own sid (D-11)": old} {
		if a.Takes(r) {
			t.Errorf("%s is taken", name)
		}
	}
	if !a.Takes(gift()) {
		t.Error("a plain gift is not taken")
	}
	for query, want := range map[string]bool{"sid=2147483647": false, "sid=2147483648": true, "sid=4294967295": true, "sid=4294967296": false,
		"sid=1&sid=2147483648": true, "sid=2147483648&sid=1": false, "": false, "sid=": false, "sid[]=2147483648": false} {
		if a.Done(query) != want {
			t.Errorf("the done page with %s: %v", query, !want)
		}
	}
}

func key(t *testing.T, a *Adapter, r *Request) string {
	s := taking("g")
	serve(t, a, r, s)
	return s.headers[0]["Idempotency-Key"]
}

// Once: the key is that of the form shown and the gift typed, however the browser sends it.
func TestSameGiftHasTheSameKey(t *testing.T) {
	t.Parallel()
	a := adapter(t, nil)
	all := recorded(t)
	encoded, parts := all[12].request(), all[15].request()
	parts.Body = []byte(strings.Replace(string(parts.Body), "form-dN6rkqmvi2waoSYjiDCYIkg2pLFKfk8xMCLhNrGMX0o", "form-B3JDxgX_DYTPZTlTxCG-XkXZASzNLbTedQiLewAFj30", 1))
	if x, y := key(t, a, encoded), key(t, a, parts); x != y || len(x) != 64 {
		t.Errorf("urlencoded %s, multipart %s", x, y)
	}
	first, again := key(t, a, gift()), key(t, a, gift())
	if first != again || first == key(t, a, gift("amount", "26")) {
		t.Error("a key is of the gift")
	}
	if other := strings.Replace(string(gift().Body), "form-1", "form-2", 1); key(t, a, gift()) == key(t, a, post(other)) {
		t.Error("a key is of the form shown")
	}
	if none := strings.Replace(string(gift().Body), "form_build_id", "x", 1); key(t, a, post(none)) != "" {
		t.Error("two people's posts without a form_build_id must not share a key")
	}
}

// W-27: a mark of kind test is checked and the request signed anew; a wrong one is 403 and never live.
func TestMarks(t *testing.T) {
	t.Parallel()
	keys := mark.Keys{"k1": "a secret of the test"}
	r := gift()
	r.Query = "x=1"
	r.Mark = keys.Sign("k1", mark.Test, noon, "POST", "/donate?x=1", r.Body)
	s := taking("g")
	if got := serve(t, adapter(t, nil), r, s); got.Status != 302 {
		t.Fatalf("a marked gift: %d", got.Status)
	}
	if kind, err := keys.Check(s.headers[0][mark.Header], "POST", "/donations", []byte(s.bodies[0]), noon); kind != mark.Test || err != nil {
		t.Errorf("signed anew as %q, %v", kind, err)
	}
	for name, wrong := range map[string]string{"of another body": r.Mark, "no mark at all": "x",
		"a shadow": keys.Sign("k1", mark.Shadow, noon, "POST", "/donate", gift().Body)} {
		s, r := taking("g"), gift("message", "another")
		if name == "a shadow" {
			r = gift()
		}
		r.Mark = wrong
		if got := serve(t, adapter(t, nil), r, s); got.Status != 403 || len(s.targets) != 0 {
			t.Errorf("%s: %d, asked %v", name, got.Status, s.targets)
		}
	}
}

// A form without a payment method leads to the acquirer's page.
func TestPaymentsOwnPage(t *testing.T) {
	t.Parallel()
	a := adapter(t, func(o *Options) { o.Pay = "" })
	s := taking("gift-1")
	s.answers["/payments"] = jsonAnswer(201, `{"data":{"id":"p","next":"https://pay.example/x"},"message":"success"}`)
	got := serve(t, a, gift(), s)
	if got.Status != 302 || got.Header[len(got.Header)-1] != [2]string{"Location", "https://pay.example/x"} ||
		strings.Contains(s.bodies[0], "payment") || s.bodies[1] != `{"for":{"service":"donate","id":"gift-1"}}` ||
		s.headers[0]["Idempotency-Key"] == s.headers[1]["Idempotency-Key"] {
		t.Errorf("%v %v after %v", got.Status, got.Header, s.bodies)
	}
	s.answers["/payments"] = jsonAnswer(503, `{}`)
	if got := serve(t, a, gift(), s); got.Status != 503 || !strings.Contains(string(got.Body), notPaid) {
		t.Errorf("without payments: %d", got.Status)
	}
}
