package diff_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/banyan-migration/banyan/gateway/diff"
)

var unhashed = regexp.MustCompile(`#[0-9a-f]{8}|\b[0-9a-f]{12}\b`)

// thanks is a page that answers one person.
const thanks = "Thank you, Ada Lovelace of 12 Mill Lane, you gave 10.00 in memory of Bob Smith"

// F-10, G21: of a page that is somebody's own nothing that people say of themselves is kept; what it costs is.
func TestAnAnswerToOnePersonKeepsNoWords(t *testing.T) {
	t.Parallel()
	post := asked
	post.Method = "POST"
	done := asked
	done.Target = "/node/2/done?sid=4711"
	signedIn := asked
	signedIn.Own = true
	for _, c := range []struct {
		name    string
		request diff.Request
		head    []string
	}{{"a post", post, nil}, {"a query with an id", done, nil}, {"signed in", signedIn, nil}, {"a new session", asked, []string{"Set-Cookie", "s=1"}},
		{"a private answer", asked, []string{"Cache-Control", "max-age=0, Private"}}, {"kept nowhere", asked, []string{"Cache-Control", "no-store"}}} {
		for _, page := range []struct{ kind, before, after string }{{"text/html", "<title>Thank you</title><p>", ""}, {"text/plain", "", ""},
			{"application/json", `{"contributor":"`, `"}`}, {"text/xml", "<a>", "</a>"}} {
			l := answer(page.kind, page.before+thanks+page.after, c.head...)
			n := answer(page.kind, strings.Replace(page.before+thanks+page.after, "10.00", "10", 1), c.head...)
			got := said(comparer(t).Compare(c.request, l, n))
			for _, w := range []string{"Ada", "Lovelace", "Mill", "Lane", "Bob", "Smith", "gave", "memory"} {
				if strings.Contains(got, w) {
					t.Errorf("%s, %s: %q is kept: %s", c.name, page.kind, w, got)
				}
			}
			if !strings.Contains(got, "] 10.00 [text") || !strings.Contains(got, "] 10 [text") {
				t.Errorf("%s, %s: the amount is not told: %s", c.name, page.kind, got)
			}
		}
	}
}

// F-10: what is a page's structure, a number or an answer to yes or no stays readable on anybody's page; equal words have equal hashes.
func TestAnAnswerToOnePersonKeepsItsStructure(t *testing.T) {
	t.Parallel()
	done := asked
	done.Target = "/node/2/done?sid=4711"
	for _, c := range []struct{ name, kind, l, n, want string }{
		{"a title", "text/html", "<title>Thank you</title>", "<title>Thanks</title>", "html title changed: Thank you | Thanks"},
		{"a canonical link", "text/html", "<link rel=canonical href=/a>", "<link rel=canonical href=/b>", "html canonical changed: /a | /b"},
		{"a field's name", "text/html", "<form action=/f><input name=a></form>", "<form action=/f></form>", "html form /f field a missing: text | "},
		{"a heading's level", "text/html", "<h1>Dear Ada</h1>", "<h2>Dear Ada</h2>", "html heading changed: h1 … | h2 …"},
		{"a message's kind", "text/html", `<div class="messages error">Ada!</div>`, `<div class="messages status">Ada!</div>`, "html message changed: error … | status …"},
		{"a number", "application/json", `{"n":3,"ref":12345678}`, `{"n":4,"ref":87654321}`,
			"json /n changed: number 3 | number 4\njson /ref changed: [number 8 #] | [number 8 #]"},
		{"a consent", "application/json", `{"gift_aid":"yes"}`, `{"gift_aid":"no"}`, `json /gift_aid changed: "yes" | "no" !`},
		{"keys", "application/json", `{"a":{"b":1}}`, `{}`, "json /a missing: object of b | "},
		{"no JSON", "application/json", `{"a":1}x`, `{"a":1}`, "json / changed: no JSON: something follows the value, 8 bytes, SHA-256 # | 7 bytes, SHA-256 #"},
		{"an order", "application/json", `[{"nick":"Ada"},{"nick":"Bob"}]`, `[{"nick":"Bob"},{"nick":"Ada"}]`, "json  order: [text 14 #] | [text 14 #]"},
		{"a sum in words", "text/plain", "Ada gave £1,000.50 and 5p (GBP)", "Ada gave £1,000.05 and 5p (GBP)",
			"text changed: [text 8 #] £1,000.50 [text 3 #] 5p … | [text 8 #] £1,000.05 [text 3 #] 5p … !"},
		{"a phone", "text/plain", "Call 07700 900123 or 1", "Call 07700 900124 or 1", "text changed: [text 4 #] [phone 12 #] [text 2 #] 1 | [text 4 #] [phone 12 #] [text 2 #] 1"},
	} {
		got := said(comparer(t).Compare(done, answer(c.kind, c.l), answer(c.kind, c.n)))
		if got := unhashed.ReplaceAllString(got, "#"); got != "differs\n"+c.want {
			t.Errorf("%s: %s\nwant %s", c.name, got, c.want)
		}
	}
	c := comparer(t)
	a := c.Compare(done, answer("text/plain", thanks), answer("text/plain", strings.Replace(thanks, "10.00", "10", 1))).Differences[0]
	if strings.Replace(a.Legacy, "10.00", "10", 1) != a.New {
		t.Errorf("equal words have other hashes: %s | %s", a.Legacy, a.New)
	}
}

// F-10: of a page for all only the words that differ are kept, with two words' room.
func TestAPublicPageKeepsWhatDiffers(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("word ", 900)
	public := asked
	public.Target = "/giving?page=2&utm_source=x"
	for _, c := range []struct{ l, n, want string }{
		{thanks, strings.Replace(thanks, "10.00", "10", 1), "… you gave 10.00 in memory … | … you gave 10 in memory … !"},
		{"a b c d e f g h i j", "a b x d e f g h y j", "a b c d e … g h i j | a b x d e … g h y j"},
		{"a b c d e f", "a b c d e f and g", "… e f | … e f and g"},
		{"one two", "other", "one two | other"},
		{long + "old end", long + "new end", "… word word old end | … word word new end"},
	} {
		if got := said(comparer(t).Compare(public, answer("text/plain", c.l), answer("text/plain", c.n))); got != "differs\ntext changed: "+c.want {
			t.Errorf("%.50s: %s\nwant %s", c.l, got, c.want)
		}
	}
}

// F-10: what a post stored is somebody's own, whatever its fields are called.
func TestEffectsKeepNoWords(t *testing.T) {
	t.Parallel()
	_, got := comparer(t).Effects(asked, diff.Effect{Stored: map[string][]string{"amount": {"10.00"}, "in_memory": {"Bob Smith"}, "frequency": {"3"}}},
		diff.Effect{Stored: map[string][]string{"amount": {"12"}, "in_memory": {""}, "frequency": {"4"}}})
	want := "differs\neffect amount changed: 10 | 12 !\neffect frequency changed: 3 | 4\neffect in_memory changed: [text 9 #] | \"\""
	if text := unhashed.ReplaceAllString(said(got), "#"); text != want {
		t.Errorf("%s\nwant %s", text, want)
	}
}
