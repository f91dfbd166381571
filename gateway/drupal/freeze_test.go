package drupal

import (
	"bytes"
	"encoding/json"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/banyan-migration/banyan/infra/local/site"
	"github.com/banyan-migration/banyan/shared/form"
)

var update = flag.Bool("update", false, "write the sample's frozen pages anew")

// exchange is one recorded request and its answer.
type exchange struct {
	Name    string
	Request struct {
		Method, Path string
		Headers      [][2]string
		Body         string
	}
	Response struct {
		Status  int
		Reason  string
		Headers [][2]string
		Text    string
	}
}

func recorded(t testing.TB) []exchange {
	t.Helper()
	var all struct{ Exchanges []exchange }
	if err := json.Unmarshal(site.Captures, &all); err != nil {
		t.Fatal(err)
	}
	return all.Exchanges
}

func (e exchange) answer() Answer {
	return Answer{Status: e.Response.Status, Reason: e.Response.Reason, Header: e.Response.Headers, Body: []byte(e.Response.Text)}
}

func sampleAnswers(t testing.TB) Answers {
	all := recorded(t)
	return Answers{Form: all[11].answer(), Done: all[13].answer(), Refused: all[14].answer()}
}

func TestSampleIsFrozenFromTheRecording(t *testing.T) {
	t.Parallel()
	donate, _ := form.ByNode(2)
	files, err := Freeze(2, "donate", donate.Components, sampleAnswers(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if *update {
			if err := os.WriteFile(filepath.Join("..", "..", "shared", "form", "sample", "donate", name), text, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := fs.ReadFile(form.Sample(2), name)
		if err != nil || !bytes.Equal(text, want) {
			t.Errorf("%s: the embedded sample is not what the recording freezes to (%v); go test ./gateway/drupal -run Frozen -update", name, err)
		}
	}
	for _, name := range []string{formFile, doneFile, errorFile} {
		for _, secret := range []string{"form_rule_check", "rednosefund.example", "Siân", "not an email", " error error"} {
			if strings.Contains(string(files[name]), secret) {
				t.Errorf("%s still has %q in it", name, secret)
			}
		}
	}
}

// widget is a small site's page with the kinds of component that the sample's does not draw.
func widget(messages, list string) string {
	return `<html><body><div id="console">
 <div class="wrap">` + messages + `</div></div><script>x = {"urlIsAjaxTrusted":{"\/give":true,"\/give?destination=node\/2":true,"\/search":true}}</script>
<form action="/search" id="search"><input type="hidden" name="form_build_id" value="form-a" /></form>
<form action="/give" method="post" id="webform-client-form-2"><fieldset>
<input type="text" name="submitted[who][amount]" value="" maxlength="9" class="form-text required error" />
<input type="text" name="submitted[who][first_name]" value="" />
<select name="submitted[who][country]" class="form-select"><option value="" selected="selected">- None -</option><option value="IE">Ireland &amp; more</option></select>
<select multiple="multiple" name="submitted[who][town][]" class="form-select">` + list + `</select>
</fieldset>
<input type="checkbox" name="submitted[gift_aid][1]" value="1" checked="checked" class="form-checkbox" />
<input type="checkbox" name="submitted[title][a]" value="a" class="form-checkbox" /><input type="checkbox" name="submitted[title][&quot;b]" value="&quot;b" class="form-checkbox" />
<input type="hidden" name="submitted[transaction_id]" value="CR-9" /><input type="hidden" name="submitted[postcode]" />
<textarea name="submitted[message]" class="form-textarea">typed
before</textarea>
<input class="form-text form-email required error" type="email" name="submitted[email]" value="gone" size="60" />
<input type="hidden" name="form_build_id" value="form-b" /></form></body></html>`
}

const block = `<div class="messages error"><h2 class="element-invisible">Error message</h2>Amount field is required.</div>`

var widgets = []form.Component{
	{Key: "who", Type: "fieldset", Name: "You"},
	{Key: "amount", Type: "textfield", Name: "Amount", Mandatory: true, Group: "who"}, {Key: "first_name", Type: "textfield", Group: "who", Mandatory: true},
	{Key: "country", Type: "select", Group: "who"}, {Key: "town", Type: "select", Group: "who"},
	{Key: "gift_aid", Type: "select"}, {Key: "title", Type: "select"}, {Key: "transaction_id", Type: "hidden"}, {Key: "postcode", Type: "hidden"},
	{Key: "message", Type: "textarea"}, {Key: "email", Type: "email", Mandatory: true}, {Key: "last_name", Type: "hidden", Mandatory: true},
}

func widgetAnswers() Answers {
	page := func(text string) Answer { return Answer{Status: 200, Body: []byte(text)} }
	list := `<option value="x">X</option><option value="y" selected="selected">Y</option>`
	return Answers{page(widget(block, list)), page("<p>" + block + "Thanks</p>"), page(widget(block, list))}
}

// Lists, boxes, fieldsets and hidden components keep what was chosen, and an unticked box is a no.
func TestEveryKindOfComponentIsFrozen(t *testing.T) {
	t.Parallel()
	files, err := Freeze(2, "give", widgets, widgetAnswers())
	if err != nil {
		t.Fatal(err)
	}
	pages := fstest.MapFS{}
	for name, text := range files {
		pages[name] = &fstest.MapFile{Data: text}
	}
	if done, form := string(files[doneFile]), string(files[formFile]); done != "<p>Thanks</p>" || strings.Contains(form, "console") || strings.Contains(form, "wrap") {
		t.Errorf("messages are left on the done page %s or the form\n%s", done, form)
	}
	a := adapter(t, func(o *Options) { o.Pages = pages })
	body := "form_id=webform_client_form_2&form_build_id=form-1&submitted[who][amount]=5&submitted[who][first_name]=A&submitted[email]=a@example.org" +
		"&submitted[last_name]=B&submitted[who][country]=IE&submitted[who][town][]=x&submitted[who][town][]=y&submitted[title][\"b]=%22b&submitted[transaction_id]=T%3C1&submitted[postcode]=p&submitted[message]=m"
	r := post(body)
	r.Path = "/give"
	s := answering(400, `{"validation_errors":{"country":["Not there."],"message":["Too long."]}}`)
	got := string(serve(t, a, r, s).Body)
	for _, want := range []string{
		`name="submitted[who][amount]" value="5" maxlength="9" class="form-text required" />`,
		`<input type="text" name="submitted[who][first_name]" value="A" />`,
		`name="submitted[who][country]" class="form-select error"><option value="">- None -</option><option value="IE" selected="selected">Ireland &amp; more</option>`,
		`<option value="x" selected="selected">X</option><option value="y" selected="selected">Y</option>`,
		`name="submitted[gift_aid][1]" value="1" class="form-checkbox" />`,
		`name="submitted[title][a]" value="a" class`, `value="&quot;b" checked="checked" class`,
		`name="submitted[transaction_id]" value="T&lt;1" />`, `name="submitted[postcode]" value="p" />`,
		`class="form-textarea error">m</textarea>`, `name="submitted[email]" value="a@example.org" size="60" />`,
		`{"\/give":true,"\/give?destination=node\/2":true,"\/search":true}`, `action="/search"`, `name="form_build_id" value="form-`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the refused page has no %s\n%s", want, got)
		}
	}
	if !strings.Contains(s.bodies[0], `"gift_aid":false`) || !strings.Contains(s.bodies[0], `"email_consent":null`) || !strings.Contains(s.bodies[0], `"country":"IE"`) ||
		!strings.Contains(s.bodies[0], `"town":"x, y"`) {
		t.Errorf("the service was asked %s", s.bodies[0])
	}
}

// Each thing that cannot be taken is refused with its name, all at once.
func TestFreezeRefusesByName(t *testing.T) {
	t.Parallel()
	with := func(c ...form.Component) []form.Component {
		return append(append([]form.Component{}, widgets...), c...)
	}
	for name, c := range map[string]struct {
		list   []form.Component
		change func(*Answers)
		want   []string
	}{
		"kinds": {list: with(form.Component{Key: "cv", Type: "file"}, form.Component{Key: "two", Type: "pagebreak"}, form.Component{Key: "when", Type: "date"}),
			want: []string{"component cv is of type file", "component two is a page break", "component when is of type date"}},
		"not on the page":     {list: with(form.Component{Key: "shoe", Type: "textfield"}), want: []string{"component shoe is in the database and not on the refused page"}},
		"not in the database": {list: widgets[:len(widgets)-3], want: []string{"submitted[message] is on the page and not in the database"}},
		"not refused": {list: widgets, change: func(a *Answers) { a.Refused.Body = []byte(widget("", "")) },
			want: []string{"error.html: the post was not refused"}},
		"no form": {list: widgets, change: func(a *Answers) { a.Form.Body = []byte("<p>Log in</p>") }, want: []string{"form.html: the page has 0 forms"}},
		"signed in": {list: widgets, change: func(a *Answers) { a.Done.Body = []byte(`<input name="form_token" value="x"/>`) },
			want: []string{"done.html: the page has a form_token"}},
		"a slot of ours": {list: widgets, change: func(a *Answers) { a.Done.Body = []byte(`{{token}}`) }, want: []string{"done.html: the site's own page has {{token}} in it"}},
		"a brace": {list: widgets, change: func(a *Answers) {
			a.Refused.Body = []byte(widget(block, `<option value="{x}">X</option>`))
		}, want: []string{"the choice {x} of component town has a brace"}},
	} {
		site := widgetAnswers()
		if c.change != nil {
			c.change(&site)
		}
		_, err := Freeze(2, "give", c.list, site)
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", name, err, want)
			}
		}
	}
}

// The gateway refuses at load what it cannot take, with its name.
func TestNewRefuses(t *testing.T) {
	t.Parallel()
	whole := func(change func(fstest.MapFS)) fs.FS {
		pages := fstest.MapFS{}
		for _, name := range []string{listFile, formFile, doneFile, errorFile} {
			text, err := fs.ReadFile(form.Sample(2), name)
			if err != nil {
				t.Fatal(err)
			}
			pages[name] = &fstest.MapFile{Data: text}
		}
		if change != nil {
			change(pages)
		}
		return pages
	}
	edit := func(name, old, by string) fs.FS {
		return whole(func(pages fstest.MapFS) {
			pages[name].Data = []byte(strings.Replace(string(pages[name].Data), old, by, 1))
		})
	}
	for want, o := range map[string]Options{
		"node 9 has no live mapping":            {Node: 9, Service: "donate"},
		"node 3 has no live mapping":            {Node: 3, Service: "giftaid"},
		`goes to the service donate, not "sms"`: {Node: 2, Service: "sms"},
		"component phone is of type file": {Node: 2, Service: "donate", Pages: edit(listFile, `"key": "phone",
			"type": "textfield"`, `"key": "phone", "type": "file"`)},
		"lists no component amount":                       {Node: 2, Service: "donate", Pages: edit(listFile, `"amount"`, `"sum"`)},
		"lists component slug, which has no place":        {Node: 2, Service: "donate", Pages: edit(listFile, `"phone"`, `"slug"`)},
		"components.json is of node 7":                    {Node: 2, Service: "donate", Pages: edit(listFile, `"node": 2`, `"node": 7`)},
		"components.json: invalid character":              {Node: 2, Service: "donate", Pages: edit(listFile, `{`, ``)},
		"done.html: file does not exist":                  {Node: 2, Service: "donate", Pages: whole(func(p fstest.MapFS) { delete(p, doneFile) })},
		"error.html has no slot {{messages}}":             {Node: 2, Service: "donate", Pages: edit(errorFile, "{{messages}}", "")},
		"error.html, line 151: the slot {{value amounts}": {Node: 2, Service: "donate", Pages: edit(errorFile, "{{value amount}}", "{{value amounts}}")},
		`the header line "Expires" of done.html`:          {Node: 2, Service: "donate", Pages: edit(listFile, "Expires: Sun, 19 Nov 1978 05:00:00 GMT", "Expires")},
	} {
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if _, err := New(Options{Node: 2, Service: "donate", Pages: whole(nil)}); err != nil {
		t.Error(err)
	}
}
