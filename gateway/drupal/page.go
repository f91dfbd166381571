package drupal

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"html"
	"regexp"
	"slices"
	"strings"
)

// A frozen page is the old site's own HTML with slots in it, written by Freeze:
//
//	{{base}} {{base js}}         the visitor's scheme and host, without a slash at the end
//	{{action}} {{action js}}     the address that was asked for: the webform posts there again
//	{{destination}} … js}}       where the login block leads back to, with PHP's reading of the query
//	{{build}}                    the webform's form_build_id
//	{{token}}                    43 random characters: other forms' ids, the theme's token
//	{{messages}}                 Drupal's block of error messages
//	{{value KEY}}                what was typed into a component
//	{{optional KEY}}             the same as a whole attribute that is absent when nothing was typed
//	{{checked KEY=CHOICE}}       checked="checked" if that was chosen; {{selected KEY=CHOICE}} in a list
//	{{error KEY}}                the class of a component that was refused
type page []piece

// piece is text that stays, or a slot.
type piece struct {
	text   string // of a slot: its word
	slot   bool
	js     bool   // inside a script
	key    string // the component
	choice string
}

var slots = regexp.MustCompile(`\{\{(base|action|destination|build|token|messages|value|optional|checked|selected|error)(?: ([^{}]*))?\}\}`)

// parsePage reads a frozen page. Slots must name components that are listed.
func parsePage(name, text string, list []component) (page, error) {
	var p page
	end := 0
	for _, m := range slots.FindAllStringSubmatchIndex(text, -1) {
		p = append(p, piece{text: text[end:m[0]]})
		end = m[1]
		s := piece{text: text[m[2]:m[3]], slot: true}
		arg := ""
		if m[4] >= 0 {
			arg = text[m[4]:m[5]]
		}
		switch s.text {
		case "value", "optional", "error", "checked", "selected":
			s.key, s.choice, _ = strings.Cut(arg, "=")
			s.choice = html.UnescapeString(s.choice)
			if !slices.ContainsFunc(list, func(c component) bool { return c.Key == s.key }) {
				return nil, fmt.Errorf("%s, line %d: the slot %s names no component of components.json", name,
					1+strings.Count(text[:m[0]], "\n"), text[m[0]:m[1]])
			}
		default:
			s.js = arg == "js"
		}
		p = append(p, s)
	}
	return append(p, piece{text: text[end:]}), nil
}

// has says whether the page has a slot.
func (p page) has(word string) bool {
	return slices.ContainsFunc(p, func(s piece) bool { return s.slot && s.text == word })
}

// fill is what one answer puts into a page's slots. Texts are as typed; render escapes them.
type fill struct {
	base, action, destination, build string
	values                           map[string][]string
	wrong                            map[string]bool // components that were refused
	messages                         []string        // HTML
}

func (p page) render(f fill) []byte {
	out := make([]byte, 0, 24<<10)
	for _, s := range p {
		switch {
		case !s.slot:
			out = append(out, s.text...)
		case s.js:
			out = append(out, jsText(f.of(s))...)
		default:
			out = append(out, f.of(s)...)
		}
	}
	return out
}

// of is the HTML (or, in a script, the bare text) of a slot.
func (f *fill) of(s piece) string {
	switch s.text {
	case "base":
		return f.base
	case "action":
		if s.js {
			return f.action
		}
		return checkPlain(f.action)
	case "destination":
		return f.destination
	case "build":
		return checkPlain(f.build)
	case "token":
		return token()
	case "messages":
		return messages(f.messages)
	case "value":
		return checkPlain(f.first(s.key))
	case "optional":
		if text := f.first(s.key); text != "" {
			return ` value="` + checkPlain(text) + `"`
		}
	case "checked", "selected":
		if slices.Contains(f.values[s.key], s.choice) {
			return ` ` + s.text + `="` + s.text + `"`
		}
	case "error":
		if f.wrong[s.key] {
			return " error"
		}
	}
	return ""
}

func (f *fill) first(key string) string {
	if v := f.values[key]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// messages is Drupal's theme_status_messages for errors: one stands alone, several are a list.
func messages(all []string) string {
	var b strings.Builder
	b.WriteString("<div class=\"messages error\">\n<h2 class=\"element-invisible\">Error message</h2>\n")
	if len(all) == 1 {
		b.WriteString(all[0])
	} else {
		b.WriteString(" <ul>\n")
		for _, m := range all {
			b.WriteString("  <li>" + m + "</li>\n")
		}
		b.WriteString(" </ul>\n")
	}
	b.WriteString("</div>")
	return b.String()
}

var plain = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#039;")

// checkPlain is Drupal's own escape, for texts and attributes alike.
func checkPlain(text string) string { return plain.Replace(text) }

// placeholder is how Drupal shows what was typed within a sentence.
func placeholder(text string) string { return `<em class="placeholder">` + checkPlain(text) + `</em>` }

var hexed = strings.NewReplacer(`\`, `\\`, "/", `\/`, "&", `\u0026`, "<", `\u003C`, ">", `\u003E`, `"`, `\u0022`, "'", `\u0027`)

// jsText escapes as drupal_json_encode does, which makes it safe inside a script element. Addresses are ASCII here
// (W-7).
func jsText(text string) string { return hexed.Replace(text) }

// token is 43 random characters, as Drupal writes 256 bits.
func token() string {
	var b [32]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(b[:])
}
