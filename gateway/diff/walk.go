package diff

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
)

// What text inside an element is.
const (
	plain = iota
	heading
	message
	title
	option
	area  // a textarea's content
	data  // JSON-LD
	aside // not read
)

// open is an element that has begun.
type open struct {
	tag     string
	region  string
	means   int
	name    string // of a heading, or how grave a message is
	dropped bool   // by a mask
}

// walker reads a page once, from tag to tag, without building a tree.
type walker struct {
	x     *comparison
	page  *page
	stack []open
	text  []byte // since the last element that parts text
	form  *webForm
	field *webField // of an option or a textarea
	css   []*mask
}

// page reads one of the two HTML pages; the second has the first's tokens as a guide. What it returns is whole unless a cap was passed.
func (x *comparison) page(s *scratch, side int, body []byte) *page {
	w := &walker{x: x, page: &s.page[side], stack: append(s.open[:0], open{}), text: s.text[:0]}
	for _, m := range x.masks {
		if m.css != nil {
			w.css = append(w.css, m)
		}
	}
	lex := &lexer{body: body, slab: &s.slab, guide: s.all[0], whole: w.css != nil, all: s.all[side][:0]}
	for x.spend(32) && lex.read() {
		t := lex.all[len(lex.all)-1]
		x.spend(len(t.raw))
		w.take(t)
	}
	w.flush()
	s.all[side], s.open, s.text = lex.all, w.stack[:0], w.text[:0]
	return w.page
}

func (w *walker) take(t *token) {
	switch t.kind {
	case html.TextToken:
		w.words(t.text)
	case html.StartTagToken, html.SelfClosingTagToken:
		w.start(t)
	case html.EndTagToken:
		w.end(t)
	}
}

func (w *walker) top() *open { return &w.stack[len(w.stack)-1] }

// words adds text, its white space as one.
func (w *walker) words(text []byte) {
	if w.top().means == aside || w.top().dropped {
		return
	}
	if w.top().means == data {
		w.page.data = append(w.page.data, string(text))
		return
	}
	for len(text) > 0 {
		n := 0
		for n < len(text) && text[n] > ' ' && text[n] < utf8.RuneSelf {
			n++
		}
		w.text = append(w.text, text[:n]...)
		if text = text[n:]; len(text) == 0 {
			return
		}
		r, size := rune(text[0]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRune(text)
		}
		if r <= ' ' || unicode.IsSpace(r) {
			w.gap()
		} else {
			w.text = append(w.text, text[:size]...)
		}
		text = text[size:]
	}
}

func (w *walker) gap() {
	if n := len(w.text); n > 0 && w.text[n-1] != ' ' {
		w.text = append(w.text, ' ')
	}
}

// flush ends a run of text: what it means is for the innermost element to say.
func (w *walker) flush() {
	text := bytes.TrimSpace(w.text)
	w.text = w.text[:0]
	if len(text) == 0 {
		return
	}
	switch top := w.top(); top.means {
	case plain:
		w.add("text", string(text))
	case heading, message:
		w.add(map[int]string{heading: "heading", message: "message"}[top.means], top.name+" "+string(text))
	case title:
		w.add("title", string(text))
	case option:
		if w.field != nil {
			w.field.label(string(text))
		}
	case area:
		if w.field != nil {
			w.field.values = append(w.field.values, string(text))
		}
	}
}

func (w *walker) add(name, value string) {
	f := fact{what: "html", name: name, value: value}
	if name != "title" {
		f.region = w.top().region
	}
	w.page.facts = append(w.page.facts, f)
}

// start is a start tag.
func (w *walker) start(e *token) {
	if w.page.tree = append(w.page.tree, e.tag); len(w.page.tree) > w.x.c.caps.Nodes || len(w.stack) > w.x.c.caps.Depth {
		w.x.over = true
		return
	}
	if e.trait&inline == 0 {
		w.flush()
	}
	w.implied(e.tag)
	next := *w.top()
	next.tag = e.tag
	if id, has := e.value("id"); has && len(id) > 0 && next.means == plain {
		next.region = id
	}
	for _, m := range w.css {
		if !next.dropped && m.css.matches(e) {
			next.dropped = true
			w.x.used = once(w.x.used, m.ID)
		}
	}
	if !next.dropped && next.means != aside {
		w.meaning(e, &next)
	}
	if e.trait&void == 0 && (e.kind == html.StartTagToken || e.begins()) { // a closed script is none to a browser
		w.stack = append(w.stack, next)
	}
}

// implied ends what a tag ends without a word: a paragraph, an entry, an option before the next of its kind.
func (w *walker) implied(tag string) {
	switch top := w.top().tag; {
	case tag == top && (tag == "li" || tag == "option" || tag == "p" || tag == "tr" || tag == "td" || tag == "dd" || tag == "dt"),
		tag == "optgroup" && top == "option", tag == "td" && top == "th", tag == "th" && top == "td", tag == "dt" && top == "dd", tag == "dd" && top == "dt":
		w.close(top)
	}
}

// end is an end tag: it ends the innermost element of its name and all in that.
func (w *walker) end(t *token) {
	if t.trait&inline == 0 {
		w.flush()
	}
	w.close(t.tag)
	switch t.tag {
	case "form":
		w.form = nil
	case "select", "textarea":
		w.field = nil
	}
}

func (w *walker) close(tag string) {
	for i := len(w.stack) - 1; i > 0; i-- {
		if w.stack[i].tag == tag {
			w.stack = w.stack[:i]
			return
		}
	}
}

// meaning says what an element is to a reader.
func (w *walker) meaning(e *token, o *open) {
	switch e.tag {
	case "script":
		if o.means = aside; strings.EqualFold(e.get("type"), "application/ld+json") {
			o.means = data
		}
	case "title":
		o.means = title
	case "html":
		w.some("lang", e.get("lang"))
	case "meta":
		w.meta(e)
	case "link":
		w.rel(e)
	case "h1", "h2", "h3", "h4", "h5", "h6":
		if o.name = e.tag; o.means == message {
			o.means = aside // says "Error message" to screen readers, whatever the error is
		} else {
			o.means = heading
		}
	case "a", "area":
		if e.has("href") {
			w.page.links = append(w.page.links, item{e.get("href"), o.region})
		}
	case "img":
		w.image(e, o)
	case "iframe":
		o.means = aside
		w.some("frame", e.get("src"))
	case "br":
		w.gap()
	case "form", "input", "select", "textarea", "button", "option":
		w.control(e, o)
	default:
		if e.trait&unseen != 0 {
			o.means = aside
		} else if grave := severity(e); grave != "" && o.means == plain {
			o.means, o.name = message, grave
		}
	}
}

// severity is what kind of message an element holds; empty: none.
func severity(e *token) string {
	if !e.class("messages") && !e.class("alert") && e.get("role") != "alert" {
		return ""
	}
	for _, s := range []string{"error", "warning", "status", "success", "info"} {
		if e.class(s) || e.class("messages--"+s) || e.class("alert-"+s) {
			return s
		}
	}
	return "alert"
}

func (w *walker) some(name, value string) {
	if value != "" {
		w.page.facts = append(w.page.facts, fact{what: "html", name: name, value: value})
	}
}

// image names an image by its address without the query, in which tokens stand.
func (w *walker) image(e *token, o *open) {
	src, query, has := strings.Cut(e.get("src"), "?")
	w.page.facts = append(w.page.facts, fact{"html", "image " + src, "alt " + e.get("alt"), o.region})
	if has {
		w.some("image "+src+" query", query)
	}
}

func (w *walker) meta(e *token) {
	switch name := strings.ToLower(e.get("name")); name {
	case "robots", "description":
		w.some(name, e.get("content"))
	case "generator":
		w.some(name, e.get("content"))
	}
	if strings.EqualFold(e.get("http-equiv"), "refresh") {
		w.some("refresh", e.get("content"))
	}
}

func (w *walker) rel(e *token) {
	switch rel := strings.ToLower(e.get("rel")); {
	case rel == "canonical":
		w.some("canonical", e.get("href"))
	case rel == "alternate" && e.has("hreflang"):
		w.some("hreflang "+strings.ToLower(e.get("hreflang")), e.get("href"))
	case rel == "alternate":
		w.some("alternate", e.get("href"))
	}
}
