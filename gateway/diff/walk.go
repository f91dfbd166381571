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
	z     *html.Tokenizer
	page  *page
	tag   element
	stack []open
	text  []byte // since the last element that parts text
	form  *webForm
	field *webField // of an option or a textarea
	css   []*mask
	ok    bool
}

// page reads an HTML page. It is false over a cap.
func (x *comparison) page(body []byte) (*page, bool) {
	if !x.spend(4 * len(body)) {
		return nil, false
	}
	w := &walker{x: x, z: html.NewTokenizer(bytes.NewReader(body)), page: &page{facts: make([]fact, 0, 64)}, stack: make([]open, 1, 32), ok: true}
	for _, m := range x.masks {
		if m.css != nil {
			w.css = append(w.css, m)
		}
	}
	for w.ok {
		switch w.z.Next() {
		case html.ErrorToken:
			w.flush()
			return w.page, true
		case html.TextToken:
			w.words(w.z.Text())
		case html.StartTagToken:
			w.start(false)
		case html.SelfClosingTagToken:
			w.start(true)
		case html.EndTagToken:
			name, _ := w.z.TagName()
			w.end(tagName(name))
		}
	}
	return nil, false
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
		r, n := rune(text[0]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRune(text)
		}
		if r <= ' ' || r == '\u00a0' || r >= utf8.RuneSelf && unicode.IsSpace(r) {
			w.gap()
		} else {
			w.text = append(w.text, text[:n]...)
		}
		text = text[n:]
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
func (w *walker) start(closed bool) {
	w.tag.read(w.z)
	e := &w.tag
	if w.page.tree = append(w.page.tree, e.tag); len(w.page.tree) > w.x.c.caps.Nodes {
		w.ok = false
		return
	}
	if !inline[e.tag] {
		w.flush()
	}
	w.implied(e.tag)
	next := *w.top()
	next.tag = e.tag
	if id, has := e.bytes("id"); has && len(id) > 0 && next.means == plain {
		next.region = string(id)
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
	if closed && e.tag != "script" || voids[e.tag] {
		return
	}
	if w.stack = append(w.stack, next); len(w.stack) > w.x.c.caps.Depth {
		w.ok = false
	}
}

// implied ends what a tag ends without a word: a paragraph, an entry, an option before the next of its kind.
func (w *walker) implied(tag string) {
	switch top := w.top().tag; {
	case tag == top && (tag == "li" || tag == "option" || tag == "p" || tag == "tr" || tag == "td" || tag == "dd" || tag == "dt"),
		tag == "optgroup" && top == "option", tag == "td" && top == "th", tag == "th" && top == "td", tag == "dt" && top == "dd", tag == "dd" && top == "dt":
		w.end(top)
	}
}

// end is an end tag: it ends the innermost element of its name and all in that.
func (w *walker) end(tag string) {
	if !inline[tag] {
		w.flush()
	}
	for i := len(w.stack) - 1; i > 0; i-- {
		if w.stack[i].tag == tag {
			w.stack = w.stack[:i]
			break
		}
	}
	switch tag {
	case "form":
		w.form = nil
	case "select", "textarea":
		w.field = nil
	}
}

// meaning says what an element is to a reader.
func (w *walker) meaning(e *element, o *open) {
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
	case "br":
		w.gap()
	case "form", "input", "select", "textarea", "button", "option":
		w.control(e, o)
	default:
		if unseen[e.tag] {
			o.means = aside
		} else if grave := severity(e); grave != "" && o.means == plain {
			o.means, o.name = message, grave
		}
	}
}

// severity is what kind of message an element holds; empty: none.
func severity(e *element) string {
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
func (w *walker) image(e *element, o *open) {
	src, query, has := strings.Cut(e.get("src"), "?")
	w.page.facts = append(w.page.facts, fact{"html", "image " + src, "alt " + e.get("alt"), o.region})
	if has {
		w.some("image "+src+" query", query)
	}
}

func (w *walker) meta(e *element) {
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

func (w *walker) rel(e *element) {
	switch rel := strings.ToLower(e.get("rel")); {
	case rel == "canonical":
		w.some("canonical", e.get("href"))
	case rel == "alternate" && e.has("hreflang"):
		w.some("hreflang "+strings.ToLower(e.get("hreflang")), e.get("href"))
	case rel == "alternate":
		w.some("alternate", e.get("href"))
	}
}
