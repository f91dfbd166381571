package loadtest

import (
	"bytes"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"

	"golang.org/x/net/html"
)

// form is a webform as its page shows it.
type form struct {
	action    string
	multipart bool
	fields    []field
}

// field is one control; the radio buttons of one name are one field.
type field struct {
	name, kind, value string
	choices           []string // of radio buttons and selects
}

// component is x of submitted[x] or submitted[group][x], empty for fields that are not the donor's.
func (f field) component() string {
	if !strings.HasPrefix(f.name, "submitted[") {
		return ""
	}
	return strings.TrimSuffix(f.name[strings.LastIndexByte(f.name, '[')+1:], "]")
}

// webform finds the form that has submitted[…] fields: on Drupal's pages the login block's form stands before it. Only
// that form is looked at, since the rest of a page would be most of the work.
func webform(page []byte) (text []byte, ok bool) {
	mark := bytes.Index(page, []byte(`name="submitted[`))
	if mark < 0 {
		return nil, false
	}
	start := bytes.LastIndex(page[:mark], []byte("<form"))
	if start < 0 {
		return nil, false
	}
	end := len(page)
	if i := bytes.Index(page[mark:], []byte("</form>")); i >= 0 {
		end = mark + i
	}
	return page[start:end], true
}

// forms remembers the forms that were read last. Pages of one form differ in its build id alone, and reading HTML would be
// a third of the generator's work. It is safe for concurrent use.
type forms struct{ known sync.Map } // *known by target

// known is a form and the HTML around its build id.
type known struct {
	before, after string
	form          form
}

var buildID = []byte(`name="form_build_id" value="`)

// read reads the form on the page at target.
func (c *forms) read(target string, page []byte) (form, bool) {
	text, ok := webform(page)
	if !ok {
		return form{}, false
	}
	from := bytes.Index(text, buildID)
	if from < 0 {
		return read(text), true // not Drupal's; read as it is
	}
	from += len(buildID)
	length := bytes.IndexByte(text[from:], '"')
	if length < 0 {
		return read(text), true
	}
	before, id, after := text[:from], text[from:from+length], text[from+length:]
	if k, ok := c.known.Load(target); ok && k.(*known).before == string(before) && k.(*known).after == string(after) {
		return k.(*known).form.with(string(id)), true
	}
	f := read(text)
	// HTML that is not well formed may have its build id in another field, or in none.
	if other := slices.Concat(before, []byte("other"), after); reflect.DeepEqual(read(other), f.with("other")) {
		c.known.Store(target, &known{string(before), string(after), f})
	}
	return f, true
}

// with is the form with another build id.
func (f form) with(id string) form {
	f.fields = slices.Clone(f.fields)
	for i := range f.fields {
		if f.fields[i].name == "form_build_id" {
			f.fields[i].value = id
		}
	}
	return f
}

func read(text []byte) form {
	var f form
	z := html.NewTokenizer(bytes.NewReader(text))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return f
		case html.StartTagToken, html.SelfClosingTagToken:
			name, more := z.TagName()
			switch tag := string(name); tag {
			case "form", "input", "textarea", "select", "option":
				f.add(tag, attributes(z, more))
			}
		}
	}
}

func attributes(z *html.Tokenizer, more bool) map[string]string {
	all := map[string]string{}
	for more {
		var key, value []byte
		key, value, more = z.TagAttr()
		switch string(key) {
		case "name", "type", "value", "action", "enctype":
			all[string(key)] = string(value)
		}
	}
	return all
}

func (f *form) add(tag string, a map[string]string) {
	last := len(f.fields) - 1
	switch {
	case tag == "form":
		f.action, f.multipart = a["action"], a["enctype"] == "multipart/form-data"
	case tag == "option":
		if last >= 0 && f.fields[last].kind == "select" && a["value"] != "" {
			f.fields[last].choices = append(f.fields[last].choices, a["value"])
		}
	case a["name"] == "":
	case a["type"] == "radio" && last >= 0 && f.fields[last].name == a["name"]:
		f.fields[last].choices = append(f.fields[last].choices, a["value"])
	case a["type"] == "radio":
		f.fields = append(f.fields, field{name: a["name"], kind: "radio", choices: []string{a["value"]}})
	case tag == "input" && a["type"] != "":
		f.fields = append(f.fields, field{name: a["name"], kind: a["type"], value: a["value"]})
	default:
		f.fields = append(f.fields, field{name: a["name"], kind: tag, value: a["value"]})
	}
}

// pair is a name and its value, in the order of the page.
type pair struct{ name, value string }

const boundary = "----WebKitFormBoundary7MA4YWxkTrZu0gW5"

// encode writes a body as a browser would for this form.
func (f form) encode(pairs []pair) (contentType string, body []byte) {
	var b bytes.Buffer
	if f.multipart {
		for _, p := range pairs {
			b.WriteString("--" + boundary + "\r\nContent-Disposition: form-data; name=\"")
			b.WriteString(strings.ReplaceAll(p.name, `"`, "%22") + "\"\r\n\r\n" + p.value + "\r\n")
		}
		b.WriteString("--" + boundary + "--\r\n")
		return "multipart/form-data; boundary=" + boundary, b.Bytes()
	}
	for i, p := range pairs {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(url.QueryEscape(p.name) + "=" + url.QueryEscape(p.value))
	}
	return "application/x-www-form-urlencoded", b.Bytes()
}
