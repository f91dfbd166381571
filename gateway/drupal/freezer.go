package drupal

import (
	"cmp"
	"errors"
	"fmt"
	"html"
	"regexp"
	"strconv"
	"strings"

	nethtml "golang.org/x/net/html"
)

// freezer rewrites pages token by token; every byte that it does not know stays.
type freezer struct {
	out frozen

	b       strings.Builder
	own     string     // the page's own address, where its forms post
	webform bool       // inside the webform
	box     *component // the textarea or the list that is open
	forms   int        // webforms seen
}

var (
	origin   = regexp.MustCompile(`(https?://[^/"'\s]+)/(?:misc|modules|themes|sites)/`)
	settings = regexp.MustCompile(`("theme_token":")[\w-]+"`)
	notice   = regexp.MustCompile(`(?s)<div class="messages (?:error|warning|status)">.*?</div>`)
)

func (f *freezer) page(name, text string) (string, error) {
	if m := slots.FindString(text); m != "" {
		return "", fmt.Errorf("%s: the site's own page has %s in it, which is a slot of ours", name, m)
	}
	where := notice.FindStringIndex(text)
	switch {
	case name != errorFile:
		text = without(text)
	case where == nil:
		return "", fmt.Errorf("%s: the post was not refused with Drupal's messages (<div class=\"messages error\">)", name)
	default:
		text = text[:where[0]] + "{{messages}}" + text[where[1]:]
	}
	f.b.Reset()
	f.forms, f.own = 0, "/"+cmp.Or(f.out.Alias, fmt.Sprintf("node/%d", f.out.Node))
	if name == doneFile {
		f.own = donePath(f.out.Node)
	}
	z := nethtml.NewTokenizer(strings.NewReader(text))
	for z.Next() != nethtml.ErrorToken {
		raw := string(z.Raw())
		if err := f.token(name, raw, z.Token()); err != nil {
			return "", fmt.Errorf("%s: %w", name, err)
		}
	}
	if name != doneFile && f.forms != 1 {
		return "", fmt.Errorf("%s: the page has %d forms with the id webform-client-form-%d, not one: is it open to everybody?", name, f.forms, f.out.Node)
	}
	text = f.b.String()
	if m := origin.FindStringSubmatch(text); m != nil {
		text = strings.ReplaceAll(text, m[1], "{{base}}")
		text = strings.ReplaceAll(text, strings.ReplaceAll(m[1], "/", `\/`), "{{base js}}")
	}
	return text, nil
}

// without is a page less its messages, the elements that hold nothing else, a comment behind them and the line that
// they stood on: what the theme writes when there is nothing to say. Forms are shown to people who did nothing yet, so
// that what stands there are PHP's warnings, which the adapter never shows.
func without(text string) string {
	for {
		m := notice.FindStringIndex(text)
		if m == nil {
			return text
		}
		before, after := text[:m[0]], text[m[1]:]
		for {
			b, a := strings.TrimRight(before, " \n"), strings.TrimLeft(after, " \n")
			open := strings.LastIndex(b, "<div")
			if open < 0 || strings.IndexByte(b[open:], '>') != len(b)-open-1 || !strings.HasPrefix(a, "</div>") {
				break
			}
			before, after = b[:open], a[len("</div>"):]
		}
		if a := strings.TrimLeft(after, " "); strings.HasPrefix(a, "<!-- ") {
			_, after, _ = strings.Cut(a, "-->")
		}
		if b, a := strings.TrimRight(before, " "), strings.TrimLeft(after, " "); strings.HasSuffix(b, "\n") && strings.HasPrefix(a, "\n") {
			before, after = b, a[1:]
		}
		text = before + after
	}
}

// token writes one token of a page.
func (f *freezer) token(name, raw string, t nethtml.Token) error {
	at := map[string]string{}
	for _, a := range t.Attr {
		at[a.Key] = a.Val
	}
	switch {
	case t.Type == nethtml.EndTagToken:
		f.end(t.Data)
	case t.Type == nethtml.TextToken:
		if f.box != nil && f.box.Drawn == "text" {
			return nil // the slot stands for what was typed
		}
		raw = f.script(raw)
	case t.Data == "form":
		raw = f.form(raw, at)
	case at["name"] == "form_token":
		return errors.New("the page has a form_token: it was fetched by somebody who is signed in")
	case at["name"] == "form_build_id":
		slot := "form-{{token}}"
		if f.webform {
			slot = "{{build}}"
		}
		raw = replaced(raw, "value", slot)
	case name == errorFile && f.webform:
		return f.field(raw, t.Data, at)
	}
	f.b.WriteString(raw)
	return nil
}

func (f *freezer) end(tag string) {
	switch tag {
	case "form":
		f.webform = false
	case "textarea", "select":
		f.box = nil
	}
}

func (f *freezer) form(raw string, at map[string]string) string {
	if at["id"] == "webform-client-form-"+strconv.FormatInt(f.out.Node, 10) {
		f.webform = true
		f.forms++
	}
	if at["action"] == f.own {
		return replaced(raw, "action", "{{action}}")
	}
	if path, _, ok := strings.Cut(at["action"], "?destination="); ok {
		return replaced(raw, "action", html.EscapeString(path)+"?destination={{destination}}")
	}
	return raw
}

// script puts slots into Drupal.settings, which names the theme's token and the addresses of the forms.
func (f *freezer) script(raw string) string {
	raw = settings.ReplaceAllString(raw, `$1{{token}}"`)
	start := strings.Index(raw, `"urlIsAjaxTrusted":{`)
	if start < 0 {
		return raw
	}
	start += len(`"urlIsAjaxTrusted":{`)
	length := strings.IndexByte(raw[start:], '}')
	if length < 0 {
		return raw
	}
	list := strings.Split(raw[start:start+length], ",")
	for i, entry := range list {
		if path, _, ok := strings.Cut(entry, "?destination="); ok {
			list[i] = path + `?destination={{destination js}}":true`
		} else if entry == `"`+jsText(f.own)+`":true` {
			list[i] = `"{{action js}}":true`
		}
	}
	return raw[:start] + strings.Join(list, ",") + raw[start+length:]
}

// field puts slots into the inputs of the refused page's webform.
func (f *freezer) field(raw, tag string, at map[string]string) error {
	if tag == "option" && f.box != nil {
		return f.choice(f.box, raw, "selected", at["value"])
	}
	path, ours := strings.CutPrefix(at["name"], "submitted[")
	if !ours {
		f.b.WriteString(raw)
		return nil
	}
	c := f.find(path)
	if c == nil {
		return fmt.Errorf("the input %s is on the page and not in the database: the two are not of one site", at["name"])
	}
	switch {
	case tag == "textarea":
		c.Drawn, f.box = "text", c
		raw += "{{value " + c.Key + "}}"
	case tag == "select":
		c.Drawn, f.box = "list", c
		if _, multiple := at["multiple"]; multiple {
			c.Drawn = "lists"
		}
	case at["type"] == "radio", at["type"] == "checkbox":
		c.Drawn = map[string]string{"radio": "radios", "checkbox": "checkboxes"}[at["type"]]
		return f.choice(c, refusable(raw, c.Key), "checked", at["value"])
	default:
		c.Drawn = "text"
		c.Max, _ = strconv.Atoi(at["maxlength"]) // absent: no limit
		raw = typed(raw, at["type"], c.Key)
	}
	f.b.WriteString(refusable(raw, c.Key))
	return nil
}

// find is the component of an input's name, given from its first key on: amount], or donor][title][Mr].
func (f *freezer) find(path string) *component {
	for i := range f.out.Components {
		c := &f.out.Components[i]
		own := strings.ReplaceAll(c.path(), "/", "][") + "]"
		if input(c.Type) && strings.HasPrefix(path, own) {
			return c
		}
	}
	return nil
}

// path is where a component's value stands below submitted.
func (c *component) path() string {
	if c.Group == "" {
		return c.Key
	}
	return c.Group + "/" + c.Key
}

// typed gives a line of text its slot. An email's value attribute is absent when it is empty, a text's is not.
func typed(raw, kind, key string) string {
	if kind == "text" || kind == "hidden" && attributes["value"].MatchString(raw) {
		return replaced(raw, "value", "{{value "+key+"}}")
	}
	raw = attributes["value"].ReplaceAllString(raw, "")
	name := attributes["name"].FindString(raw)
	return strings.Replace(raw, name, name+"{{optional "+key+"}}", 1)
}

// choice gives a radio, a checkbox or an option its slot, behind its value.
func (f *freezer) choice(c *component, raw, word, choice string) error {
	if strings.ContainsAny(choice, "{}") {
		return fmt.Errorf("the choice %s of component %s has a brace, with which a slot begins or ends", choice, c.Key)
	}
	c.Choices = append(c.Choices, choice)
	raw = attributes[word].ReplaceAllString(raw, "")
	value := attributes["value"].FindString(raw)
	f.b.WriteString(strings.Replace(raw, value, value+"{{"+word+" "+c.Key+"="+html.EscapeString(choice)+"}}", 1))
	return nil
}

// refusable gives an input the class that it has when it is refused.
func refusable(raw, key string) string {
	return attributes["class"].ReplaceAllStringFunc(raw, func(m string) string {
		list := strings.TrimSuffix(strings.TrimSuffix(m, `"`), " error")
		return list + "{{error " + key + `}}"`
	})
}

// attributes match one attribute of a tag as Drupal writes it, by name.
var attributes = func() map[string]*regexp.Regexp {
	all := map[string]*regexp.Regexp{}
	for _, name := range []string{"action", "checked", "class", "name", "selected", "value"} {
		all[name] = regexp.MustCompile(` ` + name + `="[^"]*"`)
	}
	return all
}()

func replaced(raw, name, value string) string {
	return attributes[name].ReplaceAllLiteralString(raw, " "+name+`="`+value+`"`)
}
