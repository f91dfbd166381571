package loadtest

import (
	"bytes"
	"mime/multipart"
	"net/url"
	"strings"

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
// that form is read as HTML, since the rest of a page would be most of the work.
func webform(page []byte) (form, bool) {
	mark := bytes.Index(page, []byte(`name="submitted[`))
	if mark < 0 {
		return form{}, false
	}
	start := bytes.LastIndex(page[:mark], []byte("<form"))
	if start < 0 {
		return form{}, false
	}
	end := len(page)
	if i := bytes.Index(page[mark:], []byte("</form>")); i >= 0 {
		end = mark + i
	}
	return read(page[start:end]), true
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

// encode writes a body as a browser would for this form.
func (f form) encode(pairs []pair) (contentType string, body []byte) {
	var b bytes.Buffer
	if !f.multipart {
		for i, p := range pairs {
			if i > 0 {
				b.WriteByte('&')
			}
			b.WriteString(url.QueryEscape(p.name) + "=" + url.QueryEscape(p.value))
		}
		return "application/x-www-form-urlencoded", b.Bytes()
	}
	w := multipart.NewWriter(&b)
	_ = w.SetBoundary("----WebKitFormBoundary7MA4YWxkTrZu0gW5")
	for _, p := range pairs {
		_ = w.WriteField(p.name, p.value) // a bytes.Buffer takes everything
	}
	_ = w.Close()
	return w.FormDataContentType(), b.Bytes()
}
