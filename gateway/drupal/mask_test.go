package drupal

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"

	"github.com/banyan-migration/banyan/gateway/diff"
	"github.com/banyan-migration/banyan/infra/local/site"
)

// answered is a recorded exchange as the differ takes it, its body plain.
type answered struct {
	name    string
	request diff.Request
	answer  diff.Answer
}

func answers(t testing.TB) (all []answered) {
	t.Helper()
	var file struct {
		Exchanges []struct {
			Name     string
			Request  struct{ Method, Path string }
			Response struct {
				Status       int
				Headers      [][2]string
				Text, Base64 string
			}
		}
	}
	if err := json.Unmarshal(site.Captures, &file); err != nil {
		t.Fatal(err)
	}
	for i, e := range file.Exchanges {
		body := []byte(e.Response.Text)
		if e.Response.Base64 != "" {
			var err error
			if body, err = base64.StdEncoding.DecodeString(e.Response.Base64); err != nil {
				t.Fatal(err)
			}
		}
		all = append(all, answered{e.Name, diff.Request{ID: fmt.Sprint(i), Group: "g", Method: e.Request.Method, Target: e.Request.Path},
			diff.Answer{Status: e.Response.Status, Header: e.Response.Headers, Body: body}})
	}
	return all
}

func comparer(t testing.TB, masks []diff.Mask) *diff.Comparer {
	t.Helper()
	c, err := diff.New(diff.Options{Masks: masks, Key: []byte("a key of the test")})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// What real Drupal draws anew for each answer (gateway.md, section 3).
var (
	formID    = regexp.MustCompile(`form-[\w-]{43}`)
	themeKey  = regexp.MustCompile(`("theme_token":")[\w-]{43}`)
	formKey   = regexp.MustCompile(`(name="form_token" value=")[\w-]{43}`)
	buster    = regexp.MustCompile(`(\.(?:css|js)\?)[a-z0-9]{6}\b`)
	drawnSID  = regexp.MustCompile(`sid=\d+`)
	drawnSess = regexp.MustCompile(`^(S?SESS[0-9a-f]{32}=)[\w-]{43}(; expires=)[^;]+`)
)

func letters(r *rand.Rand, from string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = from[r.IntN(len(from))]
	}
	return string(b)
}

const base64url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// again is what Drupal might have answered to the same request at another moment, from its page cache or not.
func again(a diff.Answer, r *rand.Rand) diff.Answer {
	a = uncoded(a)
	body := string(a.Body)
	body = formID.ReplaceAllStringFunc(body, func(string) string { return "form-" + letters(r, base64url, 43) })
	body = themeKey.ReplaceAllStringFunc(body, func(s string) string { return s[:15] + letters(r, base64url, 43) })
	body = formKey.ReplaceAllStringFunc(body, func(s string) string { return s[:len(s)-43] + letters(r, base64url, 43) })
	body = buster.ReplaceAllString(body, "${1}"+letters(r, "abcdefghijklmnopqrstuvwxyz0123456789", 6))
	a.Body = []byte(body)
	at := time.Date(2026, 11, 22, 21, 40, 45, 0, time.UTC).Add(time.Duration(r.IntN(200)) * time.Second)
	var head [][2]string
	for _, h := range a.Header {
		switch strings.ToLower(h[0]) {
		case "date":
			h[1] = at.Format("Mon, 02 Jan 2006 15:04:05 GMT")
		case "etag":
			h[1] = fmt.Sprintf("\"%d-%d\"", at.Unix(), r.IntN(2))
		case "last-modified":
			h[1] = at.Add(-time.Minute).Format("Mon, 02 Jan 2006 15:04:05 GMT")
		case "x-drupal-cache":
			h[1] = []string{"HIT", "MISS"}[r.IntN(2)]
		case "server", "x-generator":
			if r.IntN(2) == 0 {
				continue
			}
		case "content-type":
			h[1] = strings.Replace(h[1], "utf-8", []string{"utf-8", "UTF-8"}[r.IntN(2)], 1)
		case "location":
			h[1] = drawnSID.ReplaceAllString(h[1], fmt.Sprintf("sid=%d", 1+r.IntN(9000)))
		case "set-cookie":
			h[1] = drawnSess.ReplaceAllString(h[1], "${1}"+letters(r, base64url, 43)+"${2}"+at.Add(2e6*time.Second).Format("Mon, 02-Jan-2006 15:04:05 GMT"))
		}
		if r.IntN(4) == 0 {
			h[0] = strings.ToLower(h[0])
		}
		head = append(head, h)
	}
	r.Shuffle(len(head), func(i, j int) { head[i], head[j] = head[j], head[i] })
	a.Header = head
	return coded(a, []string{"", "gzip", "br"}[r.IntN(3)])
}

// uncoded is an answer with its body's coding undone.
func uncoded(a diff.Answer) diff.Answer {
	var head [][2]string
	for _, h := range a.Header {
		if h[0] != "Content-Encoding" {
			head = append(head, h)
			continue
		}
		var b bytes.Buffer
		if z, err := gzip.NewReader(bytes.NewReader(a.Body)); err == nil {
			b.ReadFrom(z)
		}
		a.Body = b.Bytes()
	}
	a.Header = head
	return a
}

func coded(a diff.Answer, coding string) diff.Answer {
	if coding == "" || len(a.Body) == 0 {
		return a
	}
	var b bytes.Buffer
	if coding == "gzip" {
		z := gzip.NewWriter(&b)
		z.Write(a.Body)
		z.Close()
	} else {
		z := brotli.NewWriterLevel(&b, 1)
		z.Write(a.Body)
		z.Close()
	}
	a.Body = b.Bytes()
	a.Header = append(a.Header[:len(a.Header):len(a.Header)], [2]string{"Content-Encoding", coding})
	return a
}

// F-6 and Show 3: each of the 34 recorded exchanges against itself at another moment, 1,000 times over all, plain, gzip and br: no
// difference after the mask pack; and without the pack there is one, or the test would show nothing.
func TestLegacyAgainstItselfLeavesNoDifference(t *testing.T) {
	t.Parallel()
	masked, bare := comparer(t, Masks("drupal7")), comparer(t, nil)
	r := rand.New(rand.NewPCG(3, 4))
	all := answers(t)
	unmasked := map[string]bool{}
	for i := range 1000 {
		e := all[i%len(all)]
		if i%len(all) == 2 {
			e.answer.Status = 304
		}
		l, n := again(e.answer, r), again(e.answer, r)
		if got := masked.Compare(e.request, l, n); got.Outcome != diff.Equal && got.Outcome != diff.Masked {
			t.Fatalf("%s differs from itself: %+v", e.name, got)
		}
		unmasked[e.name] = unmasked[e.name] || bare.Compare(e.request, l, n).Outcome == diff.Differs
	}
	if len(all) != 34 || len(unmasked) != 34 {
		t.Fatalf("%d exchanges", len(all))
	}
	for name, seen := range unmasked {
		if !seen {
			t.Errorf("%s: nothing was varied", name)
		}
	}
}

// planted is a difference put into a recorded answer, and where the differ must see it, and only there.
type planted struct {
	name     string
	exchange int
	header   string // the header that is changed; empty: the body
	from, to string
	field    string
	kind     string
	critical bool
}

var plants = []planted{
	{"a price", 9, "", "£1 helps", "£2 helps", "html text in #node-9", diff.Changed, true},
	{"an amount without a currency", 9, "", "2477.00", "2477.50", "html text in #node-9", diff.Changed, true},
	{"a word", 9, "", "Please give.", "Please wait.", "html text in #node-9", diff.Changed, false},
	{"a missing field", 11, "", `<input type="hidden" name="details[finished]" value="0" />`, "", "html form /donate field details[finished]", diff.Missing, false},
	{"a missing consent", 11, "", `<input type="radio" id="edit-submitted-email-consent-2" name="submitted[email_consent]" value="0" class="form-radio" />`, "",
		"html form /donate field submitted[email_consent] option", diff.Missing, true},
	{"a changed option", 11, "", `value="Mx"`, `value="M"`, "html form /donate field submitted[title] option", diff.Changed, false},
	{"a lost required", 11, "", `name="submitted[last_name]" value="" size="60" maxlength="128" class="form-text required"`,
		`name="submitted[last_name]" value="" size="60" maxlength="128" class="form-text"`, "html form /donate field submitted[last_name] required", diff.Missing, false},
	{"a field's type", 11, "", `type="email" id="edit-submitted-email"`, `type="text" id="edit-submitted-email"`, "html form /donate field submitted[email] type", diff.Changed, false},
	{"an amount filled in", 11, "", `name="submitted[amount]" value=""`, `name="submitted[amount]" value="10.00"`, "html form /donate field submitted[amount] value", diff.Extra, true},
	{"a form's action", 11, "", `action="/donate" method="post"`, `action="/give" method="post"`, "html form /donate action", diff.Changed, false},
	{"a form's method", 11, "", `action="/donate" method="post"`, `action="/donate" method="get"`, "html form /donate method", diff.Changed, false},
	{"a form's coding", 11, "", ` enctype="multipart/form-data"`, "", "html form /donate enctype", diff.Changed, false},
	{"an error's words", 14, "", "Amount field is required.", "Amount is required.", "html message in #messages", diff.Changed, false},
	{"a lost error class", 14, "", `class="form-text required error"`, `class="form-text required"`, "html form /donate field submitted[amount] error", diff.Missing, false},
	{"a changed link", 9, "", `href="/user/register" title`, `href="/user/join" title`, "html link in #user-login-form", diff.Changed, false},
	{"a heading's level", 9, "", `<h2>User login</h2>`, `<h3>User login</h3>`, "html heading in #block-user-login", diff.Changed, false},
	{"a title", 9, "", "sponsored Sing 1 | Red Nose Fund</title>", "sponsored Sing | Red Nose Fund</title>", "html title", diff.Changed, false},
	{"a canonical address", 9, "", `rel="canonical" href="/giving/sing-1"`, `rel="canonical" href="/node/9"`, "html canonical", diff.Changed, false},
	{"a page hidden from search", 9, "", "<title>", `<meta name="robots" content="noindex" /><title>`, "html robots", diff.Extra, false},
	{"an image's other text", 9, "", `alt="Home"`, `alt=""`, "html image http://www.rednosefund.example/themes/bartik/logo.png in #logo", diff.Changed, false},
	{"order of a list", 0, "swap", "<a href=\"/fundraisers/sing-120\">Priya&#039;s sponsored Sing 120</a>\n    </h2>",
		"<a href=\"/fundraisers/bake-118\">D&#039;Arcy&#039;s sponsored Bake 118</a>\n    </h2>", "html heading in #node-128", diff.Order, false},
	{"order of paragraphs", 9, "swap", "<p>Please give.</p>", "<div class=\"field-label\">Target:&nbsp;</div>", "html text in #node-9", diff.Order, false},
	{"order of options", 11, "swap", `value="Ms"`, `value="Dr"`, "html form /donate field submitted[title] option", diff.Order, false},
	{"order of a feed", 27, "swap", "<title>Aoife&#039;s sponsored Climb 4</title>", "<title>Oluwaseun&#039;s sponsored Run 2</title>", "xml /rss/channel/item/title", diff.Order, false},
	{"a feed's date", 27, "", "<pubDate>Sun, 22 Nov 2026 18:01:43 +0000</pubDate>", "<pubDate>Sun, 22 Nov 2026 19:01:43 +0000</pubDate>", "xml /rss/channel/item/pubDate", diff.Changed, false},
	{"a script's line", 25, "", "body left out", "body left in", "text", diff.Changed, false},
	{"a 301 for a 302", 12, "status", "302", "301", "status", diff.Changed, false},
	{"a 404 for a 200", 9, "status", "200", "404", "status", diff.Changed, false},
	{"a redirect's host", 12, "Location", "http://www.rednosefund.example", "http://legacy.internal", "header location host", diff.Changed, false},
	{"a redirect's scheme", 12, "Location", "http:", "https:", "header location scheme", diff.Changed, false},
	{"a redirect's path", 12, "Location", "/node/2/done", "/node/3/done", "header location path", diff.Changed, false},
	{"a redirect's lost key", 12, "Location", "?sid=1", "", "header location query sid", diff.Missing, false},
	{"a sid that is none", 12, "Location", "?sid=1", "?sid=none", "header location query sid", diff.Changed, false},
	{"a lost cookie", 12, "Set-Cookie", "", "", "header set-cookie SESS72139d7bcf51a856ac0a29ac979d0cb0", diff.Missing, false},
	{"a cookie open to scripts", 12, "Set-Cookie", "; HttpOnly", "", "header set-cookie SESS72139d7bcf51a856ac0a29ac979d0cb0 httponly", diff.Missing, false},
	{"a cookie's domain", 12, "Set-Cookie", "domain=.www.rednosefund", "domain=.rednosefund", "header set-cookie SESS72139d7bcf51a856ac0a29ac979d0cb0 domain", diff.Changed, false},
	{"a cookie that is not deleted", 13, "Set-Cookie", "=deleted; expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=0", "=x; expires=Tue, 15 Dec 2026 21:40:45 GMT; Max-Age=2000000",
		"header set-cookie SESS72139d7bcf51a856ac0a29ac979d0cb0 life", diff.Changed, false},
	{"another charset", 9, "Content-Type", "utf-8", "iso-8859-1", "header content-type charset", diff.Changed, false},
	{"a lost charset", 9, "Content-Type", "; charset=utf-8", "", "header content-type charset", diff.Missing, false},
	{"another language", 9, "Content-Language", "en", "cy", "header content-language", diff.Changed, false},
	{"a lost frame guard", 9, "X-Frame-Options", "SAMEORIGIN", "", "header x-frame-options", diff.Missing, false},
	{"a lost member of Vary", 9, "Vary", "Cookie", "", "header vary", diff.Missing, false},
	{"a longer cache life", 9, "Cache-Control", "max-age=300", "max-age=3000", "header cache-control", diff.Changed, false},
	{"a private page made public", 11, "Cache-Control", "no-cache", "public", "header cache-control", diff.Changed, false},
	{"an Expires that counts", 9, "Expires", "1978", "2078", "header expires", diff.Extra, false},
}

// Show 3: differences of many kinds, each alone among the noise, on plain, gzip and br bodies, are found and named.
func TestPlantedDifferencesAreFoundAndNamed(t *testing.T) {
	t.Parallel()
	c := comparer(t, Masks("drupal7"))
	all := answers(t)
	r := rand.New(rand.NewPCG(5, 6))
	for _, p := range plants {
		e := all[p.exchange]
		for range 6 {
			l := again(e.answer, r)
			n := again(p.into(t, uncoded(e.answer)), r)
			got := c.Compare(e.request, l, n)
			if got.Outcome != diff.Differs || len(got.Differences) != 1 {
				t.Errorf("%s: %+v", p.name, got)
				break
			}
			if d := got.Differences[0]; d.Field != p.field || d.Kind != p.kind || d.Critical != p.critical {
				t.Errorf("%s is named %+v", p.name, d)
			}
		}
	}
}

// into plants the difference.
func (p planted) into(t *testing.T, a diff.Answer) diff.Answer {
	t.Helper()
	before := fmt.Sprint(a)
	if p.header == "swap" {
		a.Body = []byte(strings.NewReplacer(p.from, p.to, p.to, p.from).Replace(string(a.Body)))
	} else if p.header == "" {
		a.Body = []byte(strings.Replace(string(a.Body), p.from, p.to, 1))
	} else if p.header == "status" {
		fmt.Sscan(p.to, &a.Status)
	} else {
		var head [][2]string
		for _, h := range a.Header {
			if strings.EqualFold(h[0], p.header) && strings.Contains(h[1], p.from) {
				if h[1] = strings.Replace(h[1], p.from, p.to, 1); p.from == "" || h[1] == "" {
					continue
				}
			}
			head = append(head, h)
		}
		a.Header = head
	}
	if fmt.Sprint(a) == before {
		t.Fatalf("%s: nothing was planted in exchange %d", p.name, p.exchange)
	}
	return a
}
