package replay_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/banyan-migration/banyan/infra/fakes/drupal/replay"
	"github.com/banyan-migration/banyan/infra/local/site"
)

// TestDifferSeesEverything: order, case and number of header lines, one byte of a body, also of a compressed one; and
// only what must differ is masked.
func TestDifferSeesEverything(t *testing.T) {
	t.Parallel()
	all, err := replay.Load(site.Captures)
	if err != nil {
		t.Fatal(err)
	}
	form, zipped, gift := all[11].Answer, all[3].Answer, all[12].Answer
	for name, c := range map[string]struct {
		want replay.Answer
		turn func(*replay.Answer)
		says string // "" for nothing
	}{
		"the same":         {form, func(*replay.Answer) {}, ""},
		"status":           {form, func(a *replay.Answer) { a.Status = "200 Ok" }, `status "200 Ok", not "200 OK"`},
		"order":            {form, func(a *replay.Answer) { h := a.Headers; h[0], h[2] = h[2], h[0] }, "header line 1"},
		"case":             {form, func(a *replay.Answer) { a.Headers[1][0] = "server" }, "header line 1"},
		"a line too much":  {form, func(a *replay.Answer) { a.Headers = append(a.Headers, [2]string{"Vary", "Cookie"}) }, `"Vary: Cookie" too much`},
		"a line missing":   {form, func(a *replay.Answer) { a.Headers = a.Headers[:len(a.Headers)-1] }, "missing"},
		"what is left out": {form, func(a *replay.Answer) { a.Headers[0][1] = "now" }, ""},
		"a byte":           {form, func(a *replay.Answer) { a.Body = turned(a.Body, "Amount", "amount") }, "from byte "},
		"a form_build_id":  {form, func(a *replay.Answer) { a.Body = turned(a.Body, "form-B3JDxgX", "form-XXXXXXX") }, ""},
		"half an id":       {form, func(a *replay.Answer) { a.Body = turned(a.Body, "form-B3JDxgX", "form-") }, "from byte "},
		"compressed":       {zipped, func(a *replay.Answer) { a.Body, a.Headers = form.Body, form.Headers }, "body of "},
		"a session":        {gift, func(a *replay.Answer) { value(a, "Set-Cookie", "=ATOo0jCXR2", "=XXXXXXXXXX") }, ""},
		"its end":          {gift, func(a *replay.Answer) { value(a, "Set-Cookie", "21:40:45", "21:40:46") }, "21:40:46"},
	} {
		got := c.want
		got.Headers = append([][2]string{{"Date", "later"}}, slices.DeleteFunc(slices.Clone(got.Headers), func(h [2]string) bool { return h[0] == "Date" })...)
		c.turn(&got)
		said := strings.Join(replay.DifferMasked(c.want, got, "Date"), "; ")
		if c.says == "" && said != "" || !strings.Contains(said, c.says) {
			t.Errorf("%s: %q", name, said)
		}
	}
	if d := replay.Differ(form, form); d != nil {
		t.Errorf("an answer differs from itself: %q", d)
	}
}

func turned(b []byte, from, to string) []byte {
	return []byte(strings.Replace(string(b), from, to, 1))
}

func value(a *replay.Answer, name, from, to string) {
	for i, h := range a.Headers {
		if h[0] == name {
			a.Headers[i][1] = strings.Replace(h[1], from, to, 1)
		}
	}
}
