package local

import (
	"net/url"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// seen is what a visitor sees of a page, however it came about.
type seen struct {
	Title   string
	Path    string // without its query: a submission's number is its own
	Main    string // the text between the header and the footer
	Wrong   []string
	Typed   map[string]string // the donate form's fields
	Buttons []string
}

// look takes what is to be seen. PHP's warnings, which stand on Drupal's pages and never on ours, are left out.
const look = `
const text = css => (document.querySelector(css)?.innerText ?? '').trim();
const form = document.querySelector('form.webform-client-form');
const typed = {};
for (const f of form?.elements ?? []) {
	if (f.name.startsWith('submitted') && (f.type != 'radio' || f.checked)) typed[f.name] = f.value;
}
return {
	Title: document.title, Path: location.pathname, Main: text('#content'),
	Wrong: [...document.querySelectorAll('#messages .messages.error')] // one message stands there as text, several as a list
		.flatMap(box => box.querySelector('li') ? [...box.querySelectorAll('li')] : [box])
		.map(e => e.textContent.replace('Error message', '').trim()).filter(t => !t.startsWith('Warning')),
	Typed: typed,
	Buttons: [...form?.querySelectorAll('input[type=submit]') ?? []].map(b => b.value),
}`

func (b *browser) seen() (s seen) {
	b.t.Helper()
	b.run(look, &s)
	return s
}

// donor is who gives in the browser.
var donor = [][2]string{{"amount", "12.50"}, {"first-name", "Siân"}, {"last-name", "O’Neill"}, {"email", "sian@example.org"},
	{"address1", "1 Heol y Bont"}, {"town", "Caerdydd"}, {"postcode", "cf10 1aa"}, {"country", "GB"}, {"message", "Good luck & thank you <3"}}

func (b *browser) give(but map[string]string) {
	b.t.Helper()
	for _, field := range donor {
		text := field[1]
		if other, ok := but[field[0]]; ok {
			text = other
		}
		b.typed("#edit-submitted-"+field[0], text)
	}
	b.click("#edit-submitted-gift-aid-1")
	b.leave("#edit-submit")
}

// journey is a donor's: the form, a gift without an amount, one with an address that is none, and the gift.
func (b *browser) journey(site, side string) (pages []seen) {
	b.t.Helper()
	b.call("DELETE", "/cookie", nil, nil)
	keep := func(name string) {
		b.t.Helper()
		pages = append(pages, b.seen())
		b.shot(side + "-" + name)
	}
	b.open(site + "/donate")
	keep("form")
	b.give(map[string]string{"amount": ""})
	keep("no-amount")
	b.give(map[string]string{"email": "sian@example"}) // which a browser takes for an address, and PHP does not
	keep("bad-email")
	b.give(nil)
	keep("thanks")
	return pages
}

// TestBrowserSeesTheSamePagesOnEitherSide: a donor's whole journey by Drupal, then by the services. Show 7.
func TestBrowserSeesTheSamePagesOnEitherSide(t *testing.T) {
	t.Parallel()
	b := openBrowser(t, 1100, 900)
	w := startWorld(t, Options{Dir: oldFolder(t), Config: repository(t), Speed: 20})
	address, err := url.Parse(w.Gateway)
	if err != nil {
		t.Fatal(err)
	}
	site := "http://" + siteHost + ":" + address.Port()
	before := b.journey(site, "drupal")
	if err := w.Weigh(t.Context(), group, 10_000, "the same by the services"); err != nil {
		t.Fatal(err)
	}
	after := b.journey(site, "services")
	for i, want := range before {
		if !reflect.DeepEqual(after[i], want) {
			t.Errorf("page %d\nby the services: %+v\nby Drupal:       %+v", i, after[i], want)
		}
	}
	if sid, _, _ := strings.Cut(b.url(), "sid="); sid == b.url() {
		t.Errorf("the gift ended at %s", b.url())
	}
}

// TestBrowserShowsTheReport: it says what the demo found, on a wide screen and on a phone, with nothing to scroll sideways and
// nothing in the console. Show 8.
func TestBrowserShowsTheReport(t *testing.T) {
	t.Parallel()
	chromedriver(t)
	r, err := once()
	if err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	if err := r.Write(out); err != nil {
		t.Fatal(err)
	}
	page := "file://" + filepath.Join(out, "report.html") // as people open it
	for name, width := range map[string]int{"report-wide": 1280, "report-phone": 390} {
		b := openBrowser(t, width, 844)
		b.open(page)
		var needs int
		if b.run(`return document.documentElement.scrollWidth`, &needs); needs != width {
			t.Errorf("%s: %d pixels wide in a window of %d", name, needs, width)
		}
		for _, c := range r.Checks {
			if !strings.Contains(b.text("body"), c.Name) {
				t.Errorf("%s does not show the check %q", name, c.Name)
			}
		}
		if said := b.errors(); len(said) > 0 {
			t.Errorf("%s: the console says %q", name, said)
		}
		b.shot(name)
	}
}
