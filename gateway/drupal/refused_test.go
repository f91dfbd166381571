package drupal

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// The service refuses what Drupal accepted: its own text in Drupal's markup, escaped, at the component.
func TestServiceRefusesInItsOwnWords(t *testing.T) {
	t.Parallel()
	s := answering(400, `{"data":{},"message":"invalid","validation_errors":{"reference":["That reference is used."],
		"amount":["The most is £10,000 & no more."],"payment":["No <b>cards</b> today."]}}`)
	got := serve(t, adapter(t, nil), gift("amount", "£1,000,000", "country", "UK"), s)
	body := string(got.Body)
	want := ` <ul>
  <li>The most is £10,000 &amp; no more.</li>
  <li>That reference is used.</li>
  <li>No &lt;b&gt;cards&lt;/b&gt; today.</li>
 </ul>
`
	if got.Status != 200 || !strings.Contains(body, want) || strings.Count(body, ` error"`) != 2 ||
		!strings.Contains(body, `name="submitted[amount]" value="£1,000,000" size="60" maxlength="128" class="form-text required error"`) {
		t.Errorf("status %d\n%s", got.Status, body)
	}
	if !strings.Contains(s.bodies[0], `"amount":"1000000.00"`) || !strings.Contains(s.bodies[0], `"country":"GB"`) {
		t.Errorf("the service was asked %s", s.bodies[0])
	}
	one := serve(t, adapter(t, nil), gift(), answering(400, `{"data":{},"message":"Giving is closed.","validation_errors":{}}`))
	if !strings.Contains(string(one.Body), "Error message</h2>\nGiving is closed.</div>") {
		t.Error("a single message is not in Drupal's form for one")
	}
}

func TestDrupalsOwnWords(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 129)
	for _, c := range []struct{ key, typed, want string }{
		{"first_name", "-", "First name field is required."},
		{"first_name", " \t ", "First name field is required."},
		{"town", long, `Town cannot be longer than <em class="placeholder">128</em> characters but is currently <em class="placeholder">129</em> characters long.`},
		{"title", "Lord", "An illegal choice has been detected. Please contact the site administrator."},
		{"gift_aid", "2", "An illegal choice has been detected. Please contact the site administrator."},
		{"email", "<b>@x", `<em class="placeholder">&lt;b&gt;@x</em> is not a valid email address.`},
	} {
		got := string(serve(t, adapter(t, nil), gift(c.key, c.typed), nil).Body)
		if !strings.Contains(got, "Error message</h2>\n"+c.want+"</div>") {
			t.Errorf("%s=%q is not refused with %s", c.key, c.typed, c.want)
		}
	}
}

// Fields that are no component of the form are nobody's, as they are to Drupal: the gift is taken, and the service, which
// would refuse them, is not asked about them.
func TestUnknownFieldsAreNobodys(t *testing.T) {
	t.Parallel()
	s, plain := taking("g1"), taking("g1")
	got := serve(t, adapter(t, nil), gift("utm_source", "poster", "payment[method]", "pm_card_visa", "card", "4242"), s)
	serve(t, adapter(t, nil), gift(), plain)
	if got.Status != 302 || len(s.bodies) != 1 || s.bodies[0] != plain.bodies[0] {
		t.Errorf("status %d, the service was asked %q, want %q", got.Status, s.bodies, plain.bodies)
	}
}

// What was typed stays in every kind of component, and is never markup.
func TestTypingIsKeptAndEscaped(t *testing.T) {
	t.Parallel()
	const evil = `"'><script>alert(1)</script>&amp;{{value amount}}`
	const safe = `&quot;&#039;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;amp;{{value amount}}`
	r := gift("amount", evil, "first_name", evil, "last_name", evil, "email", evil, "phone", evil, "address1", evil, "town", evil,
		"postcode", evil, "country", evil, "message", evil+"\r\n</textarea>", "title", "Dr", "gift_aid", "0", evil, evil)
	r.Path, r.Query = "/donate", `x="></form><script>alert(2)</script>`
	got := string(serve(t, adapter(t, nil), r, nil).Body)
	if strings.Contains(got, "<script>alert") || strings.Contains(got, "</form><script") {
		t.Error("typing became markup")
	}
	if n := strings.Count(got, `value="`+safe+`"`); n != 9 || !strings.Contains(got, ">"+safe+"\r\n&lt;/textarea&gt;</textarea>") ||
		!strings.Contains(got, `value="Dr" checked="checked"`) || !strings.Contains(got, `name="submitted[gift_aid]" value="0" checked="checked"`) {
		t.Errorf("typing was lost: %d lines of text kept, want 9", n)
	}
}

// Our own trouble never claims more than is known, keeps the typing, and keeps the form_build_id for the retry.
func TestTroubleKeepsTheFormToSendAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		s      *service
		status int
		text   string
	}{
		"not sent":    {&service{err: fmt.Errorf("dial: %w", ErrNotSent)}, 503, notTaken},
		"timeout":     {&service{err: errors.New("no answer in 31s")}, 504, notKnown},
		"unavailable": {answering(503, `{"data":{},"message":"unavailable"}`), 503, notTaken},
		"paused":      {answering(409, `{"data":{},"message":"Giving is paused until 7 o'clock."}`), 503, "Giving is paused until 7 o'clock."},
		"too many":    {answering(429, `{"data":{},"message":"Too many gifts at once."}`), 429, "Too many gifts at once."},
		"broken":      {answering(500, `{"message":"internal error"}`), 502, notKnown},
		"not JSON":    {answering(201, `<html>`), 502, notKnown},
		"not there":   {answering(404, `{}`), 502, notTaken},
	} {
		for target, a := range c.s.answers {
			a.Header = append(a.Header, [2]string{"retry-after", "7"})
			c.s.answers[target] = a
		}
		got := serve(t, adapter(t, nil), gift(), c.s)
		body := string(got.Body)
		if got.Status != c.status || !strings.Contains(body, "</h2>\n"+checkPlain(c.text)+"</div>") {
			t.Errorf("%s: %d, want %d with %q", name, got.Status, c.status, c.text)
		}
		if !strings.Contains(body, `name="form_build_id" value="form-1"`) || !strings.Contains(body, `value="O&#039;Neill"`) || strings.Count(body, ` error"`) != 1 {
			t.Errorf("%s: the form cannot be sent again as it was", name)
		}
		if last := got.Header[len(got.Header)-1]; c.s.err == nil && last != [2]string{"Retry-After", "7"} {
			t.Errorf("%s: Retry-After was lost", name)
		}
	}
}
