package drupal_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/banyan-migration/banyan/infra/fakes/drupal/replay"
)

// visitor is a browser: it keeps the site's cookies.
type visitor struct {
	t      *testing.T
	p      *replay.Player
	host   string
	cookie string // "name=value"
}

func (w *world) visitor(t *testing.T) *visitor {
	p := replay.New(w.dial)
	t.Cleanup(func() { p.Close() })
	return &visitor{t: t, p: p, host: "www.rednosefund.example"}
}

func (v *visitor) send(q replay.Request) replay.Answer {
	v.t.Helper()
	q.Headers = append([][2]string{{"Host", v.host}}, q.Headers...)
	if v.cookie != "" {
		q.Headers = append(q.Headers, [2]string{"Cookie", v.cookie})
	}
	a, err := v.p.Send(q)
	if err != nil {
		v.t.Fatalf("%s %s: %v", q.Method, q.Path, err)
	}
	if set := a.Header("Set-Cookie"); set != "" {
		v.cookie, _, _ = strings.Cut(set, ";")
		if strings.HasSuffix(v.cookie, "=deleted") {
			v.cookie = ""
		}
	}
	return a
}

func (v *visitor) get(path string, headers ...[2]string) replay.Answer {
	v.t.Helper()
	return v.send(replay.Request{Method: "GET", Path: path, Headers: headers})
}

func (v *visitor) post(path string, values ...string) replay.Answer {
	v.t.Helper()
	return v.send(replay.Request{Method: "POST", Path: path, Body: []byte(encode(values)),
		Headers: [][2]string{{"Content-Type", "application/x-www-form-urlencoded"}}})
}

// encode joins names and values in the order given.
func encode(values []string) string {
	var pairs []string
	for i := 0; i < len(values); i += 2 {
		pairs = append(pairs, url.QueryEscape(values[i])+"="+url.QueryEscape(values[i+1]))
	}
	return strings.Join(pairs, "&")
}

func (v *visitor) login() {
	v.t.Helper()
	if a := v.post("/user/login", "name", "admin", "pass", "admin-pass", "form_id", "user_login", "op", "Log in"); a.Status != "302 Found" {
		v.t.Fatalf("login: %s", a.Status)
	}
}

// complaints are the error messages of a page, PHP's warnings left out.
func complaints(body string) []string {
	_, box, ok := strings.Cut(body, `<h2 class="element-invisible">Error message</h2>`)
	if !ok {
		return nil
	}
	box, _, _ = strings.Cut(box, "</div>")
	if !strings.Contains(box, "<li>") {
		return []string{strings.TrimSpace(box)}
	}
	var all []string
	for _, li := range strings.Split(box, "<li>")[1:] {
		if li, _, _ = strings.Cut(li, "</li>"); !strings.Contains(li, "Warning") {
			all = append(all, li)
		}
	}
	return all
}

func has(t *testing.T, a replay.Answer, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(string(a.Body), part) {
			t.Errorf("%s: the page lacks %q", a.Status, part)
		}
	}
}
