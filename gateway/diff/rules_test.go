package diff_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/gateway/diff"
)

// F-6: each kind of mask hides what it is for, checks presence and shape of what it hides, and is named in the result.
func TestMasks(t *testing.T) {
	t.Parallel()
	const masked = "masked"
	for _, c := range []struct {
		name       string
		mask       diff.Mask
		kind, l, n string
		want       string
	}{
		{"shape", diff.Mask{At: "html form * field tok value", Kind: diff.Shape}, "text/html", "<form><input name=tok value=ab-12></form>", "<form><input name=tok value=zz-99></form>", masked},
		{"another shape", diff.Mask{At: "html form * field tok value", Kind: diff.Shape}, "text/html", "<form><input name=tok value=ab12></form>", "<form><input name=tok value='ab 12'></form>", "differs"},
		{"presence", diff.Mask{At: "html form * field tok value", Kind: diff.Shape}, "text/html", "<form><input name=tok value=ab></form>", "<form><input name=tok></form>", "differs"},
		{"pattern", diff.Mask{At: "json /id", Kind: diff.Shape, Pattern: `\d+`, As: "*"}, "application/json", `{"id":"a1"}`, `{"id":"a22"}`, masked},
		{"pattern that fails", diff.Mask{At: "json /id", Kind: diff.Shape, Pattern: `\d+`, As: "*"}, "application/json", `{"id":"a1"}`, `{"id":"b1"}`, "differs"},
		{"near numbers", diff.Mask{At: "json /n", Kind: diff.Number, Tolerance: 0.5}, "application/json", `{"n":1.2}`, `{"n":1.6}`, masked},
		{"far numbers", diff.Mask{At: "json /n", Kind: diff.Number, Tolerance: 0.5}, "application/json", `{"n":1.2}`, `{"n":2}`, "differs"},
		{"near times", diff.Mask{At: "json /at", Kind: diff.Window, Window: time.Minute}, "application/json", `{"at":"2026-11-22T12:00:00Z"}`, `{"at":"2026-11-22T12:00:59Z"}`, masked},
		{"far times", diff.Mask{At: "json /at", Kind: diff.Window, Window: time.Minute}, "application/json", `{"at":1795370845}`, `{"at":1795370945}`, "differs"},
		{"a set", diff.Mask{At: "json /list", Kind: diff.Set}, "application/json", `{"list":[1,2]}`, `{"list":[2,1]}`, masked},
		{"a set of others", diff.Mask{At: "json /list", Kind: diff.Set}, "application/json", `{"list":[1,2]}`, `{"list":[2,3]}`, "differs"},
		{"dropped below", diff.Mask{At: "json /a", Kind: diff.Drop}, "application/json", `{"a":{"b":[1,{"c":2}]}}`, `{"a":{"b":[1,{"c":"2"}]}}`, masked},
		{"dropped, not beside", diff.Mask{At: "json /a", Kind: diff.Drop}, "application/json", `{"ab":1}`, `{"ab":2}`, "differs"},
		{"dropped values", diff.Mask{At: "html message", Kind: diff.Drop, Pattern: "Warning"}, "text/html", `<div class="messages error"><ul><li>Warning: x<li>No.</ul></div>`, `<div class="messages error">No.</div>`, masked},
		{"a part of a page", diff.Mask{At: "css div#quote.block", Kind: diff.Drop}, "text/html", `<div id=quote class="x block">A <p>b</div>c`, `<div class="block y" id=quote>D</div>c`, masked},
		{"beside that part", diff.Mask{At: "css [data-x=1]", Kind: diff.Drop}, "text/html", `<div data-x=1>A</div>b`, `<div data-x=1>A</div>c`, "differs"},
		{"another path", diff.Mask{At: "text", Kind: diff.Drop, Path: "/node/*"}, "text/plain", "a", "b", "differs"},
		{"this path", diff.Mask{At: "text", Kind: diff.Drop, Path: "/giving/*", Group: "giving", Route: "GET /giving/*"}, "text/plain", "a", "b", masked},
		{"another group", diff.Mask{At: "text", Kind: diff.Drop, Group: "donate"}, "text/plain", "a", "b", "differs"},
		{"expired", diff.Mask{At: "text", Kind: diff.Drop, Expires: noon}, "text/plain", "a", "b", "differs"},
	} {
		c.mask.ID = "m"
		got := comparer(t, c.mask).Compare(asked, answer(c.kind, c.l), answer(c.kind, c.n))
		if string(got.Outcome) != c.want || (c.want == masked) != (fmt.Sprint(got.Masks) == "[m]") && !strings.HasPrefix(c.name, "beside") {
			t.Errorf("%s: %s by %v", c.name, said(got), got.Masks)
		}
	}
}

func TestMaskThatCannotBeUsedChangesNothing(t *testing.T) {
	t.Parallel()
	c := comparer(t, ignore(t, "text"))
	for _, m := range []diff.Mask{{ID: "m", At: "text"}, {ID: "m", At: "text", Kind: diff.Drop, Pattern: "("}, {At: "text", Kind: diff.Drop},
		{ID: "m", At: "json /a", Kind: diff.Number}, {ID: "m", At: "css a b", Kind: diff.Drop}, {ID: "m", At: "css a", Kind: diff.Shape}} {
		if err := c.Use([]diff.Mask{m}); err == nil || !strings.Contains(err.Error(), "none was changed") {
			t.Errorf("%+v: %v", m, err)
		}
	}
	if got := c.Compare(asked, answer("text/plain", "a"), answer("text/plain", "b")); got.Outcome != diff.Masked {
		t.Errorf("the mask before is gone: %s", said(got))
	}
}

// What a route's ignore: may say, and what it then hides.
func TestIgnore(t *testing.T) {
	t.Parallel()
	page := func(title, amount, text string) string {
		return `<title>` + title + `</title><link rel=canonical href=/a><h1>H</h1><form action="/donate?x=1"><input name="submitted[amount]" value=` + amount + `></form><div id=b>` + text + `</div>`
	}
	for text, hides := range map[string][2]diff.Answer{
		"html title":                    {answer("text/html", page("a", "1", "t")), answer("text/html", page("b", "1", "t"))},
		"form donate amount":            {answer("text/html", page("a", "1", "t")), answer("text/html", page("a", "2", "t"))},
		"form donate submitted[amount]": {answer("text/html", page("a", "1", "t")), answer("text/html", page("a", "2", "t"))},
		"html text in #b":               {answer("text/html", page("a", "1", "t")), answer("text/html", page("a", "1", "u"))},
		"css #b":                        {answer("text/html", page("a", "1", "t")), answer("text/html", page("a", "1", "u"))},
		"header X-Foo":                  {answer("", "", "X-Foo", "1"), answer("", "")},
		"header set-cookie a":           {answer("", "", "Set-Cookie", "a=1"), answer("", "")},
		"header Set-Cookie":             {answer("", "", "Set-Cookie", "a=1"), answer("", "")},
		"json /a/*/b":                   {answer("application/json", `{"a":[{"b":1}]}`), answer("application/json", `{"a":[{"b":"1"}]}`)},
		"xml /rss/built":                {answer("text/xml", `<rss><built>1</built></rss>`), answer("text/xml", `<rss><built>2</built></rss>`)},
		"text":                          {answer("text/plain", "a"), answer("text/plain", "b")},
		"body":                          {answer("image/png", "a"), answer("image/png", "b")},
	} {
		if got := comparer(t).Compare(asked, hides[0], hides[1]); got.Outcome != diff.Differs {
			t.Errorf("%s: nothing to hide: %s", text, said(got))
		}
		if got := comparer(t, ignore(t, text)).Compare(asked, hides[0], hides[1]); got.Outcome != diff.Masked {
			t.Errorf("%s hides nothing: %s", text, said(got))
		}
	}
	for text, right := range map[string]string{"": "begins with header", "title": "begins with header", "status": "always compared", "html": "title, canonical",
		"html titel": "title, canonical", "html title of it": "in #ID", "header": "named alone", "header A: b": "named alone", "header a b": "named alone", "form donate": "page and field",
		"form a b c": "page and field", "json a": "begins with a slash", "css div p": "tag, #id", "css": "empty", "text x": "stands alone"} {
		if _, err := diff.ParseIgnore(text); err == nil || !strings.Contains(err.Error(), right) {
			t.Errorf("%q: %v, want %q", text, err, right)
		}
	}
}

// F-10: nothing personal is in a difference, and equal values have equal hashes.
func TestDifferencesAreRedacted(t *testing.T) {
	t.Parallel()
	secrets := []string{"sian@example.org", "07700 900123", "+44 7700 900123", "CF10 1AA", "4242 4242 4242 4242", "4242424242424242",
		"ATOo0jCXR2GuCotMFrTa02XxLZ1_eKOuUDe7BsJQGik", "sid-4711", "Llewelyn", "1 Heol y Bont", "resetkey"}
	l := answer("text/html", `<p>Ask sian@example.org or 07700 900123 or +44 7700 900123, CF10 1AA, card 4242 4242 4242 4242</p><p>4242424242424242</p>
		<p>token ATOo0jCXR2GuCotMFrTa02XxLZ1_eKOuUDe7BsJQGik</p><a href="/done?sid=sid-4711">x</a><a href="/user/reset/1/resetkey">y</a>
		<form action="/f"><input name=last_name value=Llewelyn><input name=address1 value="1 Heol y Bont"></form>`,
		"Location", "/done?sid=sid-4711", "Set-Cookie", "a=ATOo0jCXR2GuCotMFrTa02XxLZ1_eKOuUDe7BsJQGik", "Authorization", "Basic Llewelyn")
	record := answer("application/json", `{"person":{"last_name":"Llewelyn","email":"sian@example.org","phone":["07700 900123"],"address":{"town":"1 Heol y Bont"}},"note":"CF10 1AA","x-sian@example.org":1}`)
	c := comparer(t)
	for name, r := range map[string]diff.Result{"page": c.Compare(asked, l, answer("text/html", "")), "JSON": c.Compare(asked, record, answer("application/json", "{}")),
		"fields": c.Compare(asked, record, answer("application/json", strings.NewReplacer("Ll", "ll", "sian", "Sian", "07", "08", "1 H", "2 H", "CF", "CB").Replace(string(record.Body))))} {
		text, err := json.Marshal(r)
		if err != nil || r.Outcome != diff.Differs {
			t.Fatal(name, err, said(r))
		}
		for _, s := range secrets {
			if strings.Contains(string(text), s) {
				t.Errorf("%s: %q is in %s", name, s, text)
			}
		}
		if name == "fields" && len(r.Differences) != 7 {
			t.Errorf("%s: %s", name, said(r))
		}
	}
	long := c.Compare(asked, answer("text/plain", strings.Repeat("word ", 1000)), answer("text/plain", ""))
	if d := long.Differences[0]; len(d.Legacy) > 200 {
		t.Errorf("a difference of %d bytes", len(d.Legacy))
	}
	dates := c.Compare(asked, answer("text/plain", "2026-11-22 17:49:01"), answer("text/plain", "2026-11-22 17:49:02"))
	if dates.Differences[0].Legacy != "2026-11-22 17:49:01" {
		t.Errorf("a date is no phone: %s", said(dates))
	}
}

// F-7: noise is what legacy's own replays show as often as the sides do, and nothing else.
func TestNoiseIsLearned(t *testing.T) {
	t.Parallel()
	page := func(quote string, price int) diff.Answer {
		return answer("text/html", fmt.Sprintf(`<div id=quote>%s</div><div id=main>Helps %d people</div>`, quote, price))
	}
	noise := diff.NewNoise()
	c, err := diff.New(diff.Options{Noise: noise})
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	quote := func() string { return fmt.Sprint("Quote of the day ", r.IntN(1e6)) }
	const field = "html text in #quote"
	for i := range 40 {
		pair := c.Compare(asked, page(quote(), 1), page(quote(), 2))
		c.Learn(asked, false, pair)
		if i == 0 && len(pair.Differences) != 2 {
			t.Fatalf("before learning: %s", said(pair))
		}
		noise.Add(asked, true, c.Compare(asked, page(quote(), 1), page(quote(), 1)))
	}
	got := c.Compare(asked, page(quote(), 1), page(quote(), 2))
	if len(got.Differences) != 1 || got.Differences[0].Field != "html text in #main" || fmt.Sprint(got.Learned) != "["+field+"]" {
		t.Errorf("after 40 replays: %s, learned %v", said(got), got.Learned)
	}
	if got := c.Compare(asked, page(quote(), 1), page(quote(), 1)); got.Outcome != diff.Masked {
		t.Errorf("noise alone: %s", said(got))
	}
	other := asked
	other.Group = "donate"
	if got := c.Compare(other, page(quote(), 1), page(quote(), 1)); got.Outcome != diff.Differs {
		t.Errorf("another group has not learned: %s", said(got))
	}
	evidence := noise.Evidence("giving")
	if len(evidence) != 2 || evidence[1] != (diff.Evidence{Field: field, Raw: 40, Pairs: 40, Noise: 40, Replays: 40, Since: noon, Learned: true}) ||
		evidence[0].Learned || evidence[0].Noise != 0 {
		t.Errorf("evidence: %+v", evidence)
	}
	again := diff.NewNoise()
	snapshot, err := noise.Snapshot()
	if err != nil || again.Restore(snapshot) != nil || fmt.Sprint(again.Evidence("giving")) != fmt.Sprint(evidence) {
		t.Errorf("restored: %v, %v", again.Evidence("giving"), err)
	}
	if again.Restore([]byte("{")) == nil || len(again.Evidence("giving")) != 2 {
		t.Error("a broken snapshot was taken")
	}
}

// F-7: what is never noise, however often legacy differs from itself in it.
func TestWhatIsNeverNoise(t *testing.T) {
	t.Parallel()
	noise := diff.NewNoise()
	c, err := diff.New(diff.Options{Noise: noise})
	if err != nil {
		t.Fatal(err)
	}
	pairs := map[string][2]diff.Answer{
		"status":  {{Status: 200}, {Status: 500}},
		"way":     {answer("", "", "Location", "/a"), answer("", "", "Location", "/b")},
		"cookie":  {answer("", "", "Set-Cookie", "a=1; HttpOnly"), answer("", "", "Set-Cookie", "a=1")},
		"amount":  {answer("text/html", "<p>£5"), answer("text/html", "<p>£6")},
		"field":   {answer("text/html", "<form><input name=a></form>"), answer("text/html", "<form></form>")},
		"consent": {answer("application/json", `{"gift_aid":true}`), answer("application/json", `{"gift_aid":false}`)},
		"date":    {answer("", "", "Date", "Sun, 22 Nov 2026 18:07:25 GMT"), answer("", "", "Date", "Sun, 22 Nov 2026 19:07:25 GMT")},
	}
	for range 100 {
		for name, p := range pairs {
			got := c.Compare(asked, p[0], p[1])
			if got.Outcome != diff.Differs {
				t.Fatalf("%s was learned: %+v", name, got)
			}
			noise.Add(asked, true, got)
			noise.Add(asked, false, got)
		}
	}
}

// F-7 by simulation: a field in which legacy differs from itself at a rate q, and the new side at the same rate, is learned; one in
// which the new side differs always is not, whatever q up to a half.
func TestLearningNeverHidesWhatIsWorse(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(7, 7))
	differing := diff.Result{Outcome: diff.Differs, Differences: []diff.Difference{{Field: "text", Kind: diff.Changed}}}
	same := diff.Result{Outcome: diff.Equal}
	draw := func(rate float64) diff.Result {
		if r.Float64() < rate {
			return differing
		}
		return same
	}
	for _, q := range []float64{0.1, 0.3, 0.5, 0.9} {
		learned := 0
		for run := range 20 {
			like, worse := asked, asked
			like.Group, worse.Group = "like", "worse"
			noise := diff.NewNoise()
			for range 1000 {
				noise.Add(like, false, draw(q))
				noise.Add(like, true, draw(q))
				noise.Add(worse, false, draw(min(1, 2*q)))
				noise.Add(worse, true, draw(q))
				if q <= 0.5 && len(noise.Evidence("worse")) == 1 && noise.Evidence("worse")[0].Learned && noise.Evidence("worse")[0].Replays > 100 {
					t.Fatalf("at %v, run %d, a field that got twice as bad was hidden: %+v", q, run, noise.Evidence("worse"))
				}
			}
			if noise.Evidence("like")[0].Learned {
				learned++
			}
		}
		if learned < 18 {
			t.Errorf("at %v noise was learned in %d of 20 runs", q, learned)
		}
	}
}

// F-11, F-12: every comparison is counted once, the counts reconcile, and the same difference is one row.
func TestLedger(t *testing.T) {
	t.Parallel()
	now := noon
	l := diff.NewLedger(func() time.Time { return now })
	price := diff.Result{Outcome: diff.Differs, Differences: []diff.Difference{{Field: "json /items/3/price", Kind: diff.Changed, Legacy: "number 1", New: "number 2", Critical: true}}}
	other := diff.Result{Outcome: diff.Differs, Differences: []diff.Difference{{Field: "json /items/7/price", Kind: diff.Changed}, {Field: "html title", Kind: diff.Changed}}}
	for i, r := range []diff.Result{{Outcome: diff.Equal}, {Outcome: diff.Masked}, price, other, {Outcome: diff.Capped}, {Outcome: diff.Uncomparable}} {
		request := asked
		request.ID = fmt.Sprint("r", i)
		l.Add(request, false, r)
	}
	l.Add(asked, true, price)
	l.Add(asked, true, diff.Result{Outcome: diff.Equal})
	want := diff.Tally{Compared: 5, Equal: 1, Masked: 1, Differing: 2, Capped: 1, Uncomparable: 1, Replays: 2, Noise: 1}
	if got := l.Tally("giving"); got != want || got.Compared != got.Equal+got.Masked+got.Differing+got.Capped || l.Tally("") != want {
		t.Errorf("%+v", got)
	}
	if share, low, high := want.Rate(); share != 0.4 || low < 0.11 || low > 0.13 || high < 0.76 || high > 0.78 || fmt.Sprint(l.Groups()) != "[giving]" {
		t.Errorf("rate %v in %v to %v", share, low, high)
	}
	rows := l.Rows("giving")
	if len(rows) != 2 || rows[0].Count != 2 || rows[0].Example.Field != "json /items/7/price" || rows[0].Request != "r3" || rows[0].Target != "/giving/sing-1" {
		t.Errorf("rows %+v", rows)
	}
	samples := l.Samples("giving", 100)
	if len(samples) != 8 || !samples[0].Replay || samples[7].Request != "r0" || samples[7].Result.Outcome != diff.Equal || len(l.Samples("giving", 3)) != 3 {
		t.Errorf("samples %+v", samples)
	}
	snapshot, err := l.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	again := diff.NewLedger(func() time.Time { return now })
	if err := again.Restore(snapshot); err != nil || again.Tally("") != want || fmt.Sprint(again.Rows("")) != fmt.Sprint(rows) {
		t.Errorf("restored %+v %+v, %v", again.Tally(""), again.Rows(""), err)
	}
	if again.Restore([]byte("x")) == nil || again.Tally("") != want {
		t.Error("a broken snapshot was taken")
	}
	now = noon.Add(15 * 24 * time.Hour)
	if len(l.Rows("")) != 0 || len(l.Samples("giving", 100)) != 0 {
		t.Error("rows are kept longer than fourteen days (F-9)")
	}
}

// What differs most often is named in words; J-8: an amount comes before all else, however seldom.
func TestTheCommonestDifference(t *testing.T) {
	t.Parallel()
	l := diff.NewLedger(func() time.Time { return noon })
	add := func(id string, d diff.Difference) {
		l.Add(diff.Request{ID: id, Group: "giving", Target: "/give?to=sport"}, false, diff.Result{Outcome: diff.Differs, Differences: []diff.Difference{d}})
	}
	if got := l.Commonest("giving"); got != "" {
		t.Errorf("of nothing: %q", got)
	}
	add("r1", diff.Difference{Field: "html title", Kind: diff.Changed})
	add("r2", diff.Difference{Field: "header x-side", Kind: diff.Extra})
	add("r3", diff.Difference{Field: "header x-side", Kind: diff.Extra})
	if got := l.Commonest("giving"); got != "most often header x-side of /give (extra, 2 times, last in request r3)" {
		t.Error(got)
	}
	add("r4", diff.Difference{Field: "effect amount", Kind: diff.Changed, Critical: true})
	if got := l.Commonest("giving"); got != "most often effect amount of /give (changed, once, last in request r4)" {
		t.Error(got)
	}
}

// F-9: rows, samples and groups are bounded however many there are, also when many add at once.
func TestLedgerIsBounded(t *testing.T) {
	t.Parallel()
	l, noise := diff.NewLedger(func() time.Time { return noon }), diff.NewNoise()
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			for i := range 1000 {
				r := asked
				if i%10 == 0 {
					r.Group = fmt.Sprint(g, i)
				}
				res := diff.Result{Outcome: diff.Differs, Differences: []diff.Difference{{Field: fmt.Sprint("html image /", strings.Repeat("x", 130), g, i), Kind: diff.Missing,
					Legacy: strings.Repeat("y", 160), New: strings.Repeat("z", 160)}}}
				l.Add(r, false, res)
				noise.Add(r, true, res)
			}
		})
	}
	all.Wait()
	if n := len(l.Rows("giving")); n != 500 {
		t.Errorf("%d rows", n)
	}
	if n := len(l.Samples("giving", 9999)); n != 200 {
		t.Errorf("%d samples in an hour", n)
	}
	if n := len(noise.Evidence("giving")); n != 500 {
		t.Errorf("%d fields of evidence", n)
	}
	for name, snapshot := range map[string]func() ([]byte, error){"rows": l.Snapshot, "evidence": noise.Snapshot} {
		if text, err := snapshot(); err != nil || len(text) > 400_000 {
			t.Errorf("a snapshot of %s has %d bytes (%v): no store takes it as one item", name, len(text), err)
		}
	}
	if got := l.Tally("giving"); got.Compared != 3600 || got.Differing != 3600 {
		t.Errorf("%+v", got)
	}
}

// H-9: the classes of effects, field by field; J-8: amounts and consents are critical.
func TestEffects(t *testing.T) {
	t.Parallel()
	gift := map[string][]string{"amount": {"10.00"}, "email": {"sian@example.org"}, "email_consent": {"1"}, "transaction_id": {"t1"}, "message": {""}}
	with := func(pairs ...string) map[string][]string {
		all := map[string][]string{}
		for k, v := range gift {
			all[k] = v
		}
		for i := 0; i < len(pairs); i += 2 {
			if all[pairs[i]] = []string{pairs[i+1]}; pairs[i+1] == "-" {
				delete(all, pairs[i])
			}
		}
		return all
	}
	for _, c := range []struct {
		name   string
		legacy diff.Effect
		new    diff.Effect
		want   string
	}{
		{"equal", diff.Effect{Stored: gift}, diff.Effect{Stored: with()}, "equal equal"},
		{"an amount in another spelling", diff.Effect{Stored: gift}, diff.Effect{Stored: with("amount", "10")}, "equal equal"},
		{"a rounding bug", diff.Effect{Stored: with("amount", "10.05")}, diff.Effect{Stored: with("amount", "10.04")}, "field_differs differs\neffect amount changed: 10.05 | 10.04 !"},
		{"a consent", diff.Effect{Stored: gift}, diff.Effect{Stored: with("email_consent", "0")}, "field_differs differs\neffect email_consent changed: 1 | 0 !"},
		{"an address", diff.Effect{Stored: gift}, diff.Effect{Stored: with("email", "x@example.org")}, "field_differs differs\neffect email changed: [text 16 #d5ae1a4f] | [text 13 #b5e79fc1]"},
		{"an empty field is not an absent one", diff.Effect{Stored: gift}, diff.Effect{Stored: with("message", "-")}, "field_differs differs\neffect message missing: [text 2 #] | "},
		{"missing write", diff.Effect{Stored: gift}, diff.Effect{}, "missing_write differs\neffect missing: amount, email, email_consent, message, transaction_id |  !"},
		{"extra write", diff.Effect{}, diff.Effect{Stored: map[string][]string{"message": {"x"}}}, "extra_write differs\neffect extra:  | message"},
		{"refused by one", diff.Effect{Stored: gift}, diff.Effect{Refused: "400 amount"}, "refused_by_one differs\neffect refused: taken | 400 amount !"},
		{"refused by both", diff.Effect{Refused: "200 Amount field is required."}, diff.Effect{Refused: "400 amount"}, "equal equal"},
		{"mail", diff.Effect{Stored: gift, Sent: []string{"mail receipt", "event gift"}}, diff.Effect{Stored: gift, Sent: []string{"event gift"}}, "async_missing differs\neffect sent missing: mail receipt | "},
		{"state", diff.Effect{Stored: gift}, diff.Effect{Stored: with("transaction_id", "t2"), State: []string{"transaction_id"}}, "state_dependent equal"},
		{"state that is not there", diff.Effect{Stored: gift}, diff.Effect{Stored: with("transaction_id", "-"), State: []string{"transaction_id"}}, "field_differs differs\neffect transaction_id missing: [text 2 #fb7ec122] | "},
	} {
		class, r := comparer(t).Effects(asked, c.legacy, c.new)
		got := string(class) + " " + said(r)
		if i := strings.Index(c.want, "[text"); i >= 0 { // of hashes only that they are there
			got, c.want = got[:min(len(got), i+7)], c.want[:i+7]
		}
		if got != c.want {
			t.Errorf("%s: %s\nwant %s", c.name, got, c.want)
		}
	}
	if class, r := comparer(t, diff.Mask{ID: "m", At: "effect transaction_id", Kind: diff.Drop}).Effects(asked, diff.Effect{Stored: gift},
		diff.Effect{Stored: with("transaction_id", "t2")}); class != diff.EqualEffect || r.Outcome != diff.Masked {
		t.Errorf("masked: %s %s", class, said(r))
	}
}
