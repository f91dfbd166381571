package diff

import (
	"net/url"
	"slices"
	"strings"
)

// webForm is a form as a browser would send it.
type webForm struct {
	name   string // the path that it posts to and the names of the query's keys, one a page
	id     string
	action string
	method string
	coding string
	fields []*webField
}

// webField is all controls of one name.
type webField struct {
	name     string
	kind     string
	required bool
	wrong    bool // shown as an error
	values   []string
	options  []string
}

// label adds an option's text to its value.
func (f *webField) label(text string) {
	if n := len(f.options); n > 0 {
		f.options[n-1] += " " + text
	}
}

// control reads a form, or one of its controls.
func (w *walker) control(e *token, o *open) {
	switch e.tag {
	case "form":
		w.form = w.begin(e)
		return
	case "option":
		w.option(e, o)
		return
	case "textarea":
		o.means = area
	}
	name := e.get("name")
	w.field = nil
	if name == "" {
		return
	}
	if w.form == nil {
		w.form = w.begin(&token{})
	}
	w.x.spend(8*len(w.form.fields) + len(name))
	f := w.form.field(name)
	if e.tag == "select" || e.tag == "textarea" {
		w.field = f
	}
	f.required = f.required || e.has("required") || e.get("aria-required") == "true" || e.class("required")
	f.wrong = f.wrong || e.class("error") || e.get("aria-invalid") == "true"
	kind := e.tag
	if e.tag == "input" || e.tag == "button" {
		if kind = strings.ToLower(e.get("type")); kind == "" {
			kind = map[string]string{"input": "text", "button": "submit"}[e.tag]
		}
	}
	if f.kind == "" {
		f.kind = kind
	} else if !hasWord(f.kind, kind) {
		f.kind += " " + kind
	}
	switch {
	case e.tag == "select" || e.tag == "textarea" || kind == "password":
	case kind == "radio" || kind == "checkbox":
		f.options = append(f.options, e.get("value"))
		if e.has("checked") {
			f.values = append(f.values, e.get("value"))
		}
	case e.get("value") != "":
		f.values = append(f.values, e.get("value"))
	}
}

func (w *walker) option(e *token, o *open) {
	o.means = option
	if w.field != nil {
		w.field.options = append(w.field.options, e.get("value"))
		if e.has("selected") {
			w.field.values = append(w.field.values, e.get("value"))
		}
	}
}

func (w *walker) begin(e *token) *webForm {
	f := &webForm{id: e.get("id"), action: e.get("action"), method: strings.ToUpper(e.get("method")), coding: strings.ToLower(e.get("enctype"))}
	if f.method == "" {
		f.method = "GET"
	}
	if f.coding == "" {
		f.coding = "application/x-www-form-urlencoded"
	}
	f.name = f.title()
	w.x.spend(64 * len(w.page.forms))
	for slices.ContainsFunc(w.page.forms, func(other *webForm) bool { return other.name == f.name }) {
		f.name += "'"
	}
	w.page.forms = append(w.page.forms, f)
	return f
}

// title names a form by where it goes: the query's values differ from visit to visit, its keys do not.
func (f *webForm) title() string {
	u, err := url.Parse(f.action)
	if err != nil {
		return f.action
	}
	var keys []string
	for key := range u.Query() {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	if len(keys) == 0 {
		return u.Path
	}
	return u.Path + "?" + strings.Join(keys, "&")
}

func (f *webForm) field(name string) *webField {
	for _, one := range f.fields {
		if one.name == name {
			return one
		}
	}
	one := &webField{name: name}
	f.fields = append(f.fields, one)
	return one
}

// forms compares the forms of two pages: those that go to the same place, else those of one id, else in order.
func (x *comparison) forms(legacy, new []*webForm) {
	left := slices.Clone(new)
	take := func(same func(*webForm) bool) *webForm {
		i := slices.IndexFunc(left, same)
		if i < 0 {
			return nil
		}
		f := left[i]
		left = slices.Delete(left, i, i+1)
		return f
	}
	partner := map[*webForm]*webForm{}
	for _, same := range []func(a, b *webForm) bool{
		func(a, b *webForm) bool { return a.name == b.name },
		func(a, b *webForm) bool { return a.id == b.id && a.id != "" },
		func(a, b *webForm) bool { return a.likely(b) },
	} {
		for _, l := range legacy {
			if partner[l] == nil {
				if n := take(func(n *webForm) bool { return same(l, n) }); n != nil {
					partner[l] = n
				}
			}
		}
	}
	for _, l := range legacy {
		if n := partner[l]; n != nil {
			x.form("html form "+l.name, l, n)
		} else {
			x.list("html form "+l.name, false, one(l.String()), nil)
		}
	}
	for _, n := range left {
		x.list("html form "+n.name, false, nil, one(n.String()))
	}
}

// likely says whether two forms with other names and ids ask for mostly the same.
func (f *webForm) likely(g *webForm) bool {
	same := 0
	for _, one := range f.fields {
		if slices.ContainsFunc(g.fields, func(other *webField) bool { return other.name == one.name }) {
			same++
		}
	}
	return 2*same > max(len(f.fields), len(g.fields))
}

// String names a form's fields.
func (f *webForm) String() string {
	var names []string
	for _, one := range f.fields {
		names = append(names, one.name)
	}
	return f.method + " " + strings.Join(names, ", ")
}

func (x *comparison) form(field string, l, n *webForm) {
	if l.action != n.action {
		x.action(field+" action", l.action, n.action)
	}
	x.single(field+" method", l.method, n.method)
	x.single(field+" enctype", l.coding, n.coding)
	left := make(map[string]*webField, len(n.fields))
	for _, f := range n.fields {
		left[f.name] = f
	}
	for _, f := range l.fields {
		name := field + " field " + f.name
		other := left[f.name]
		delete(left, f.name)
		if other == nil {
			x.list(name, false, one(f.kind), nil)
			continue
		}
		x.field(name, f, other)
	}
	for _, f := range n.fields {
		if left[f.name] != nil {
			x.list(field+" field "+f.name, false, nil, one(f.kind))
		}
	}
}

// action compares where two forms go.
func (x *comparison) action(field, l, n string) {
	a, errA := url.Parse(l)
	b, errB := url.Parse(n)
	if errA != nil || errB != nil || a.Scheme != b.Scheme || a.Host != b.Host || a.EscapedPath() != b.EscapedPath() {
		x.single(field, l, n)
		return
	}
	x.query(field, a.Query(), b.Query())
}

func (x *comparison) field(name string, l, n *webField) {
	x.single(name+" type", l.kind, n.kind)
	x.single(name+" required", yes(l.required), yes(n.required))
	x.single(name+" error", yes(l.wrong), yes(n.wrong))
	if !slices.Equal(l.options, n.options) {
		x.list(name+" option", false, present(l.options), present(n.options))
	}
	if !slices.Equal(l.values, n.values) {
		x.list(name+" value", false, items(l.values), items(n.values))
	}
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return ""
}
