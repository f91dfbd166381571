package drupal

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// refusal is one message of a refused form, as HTML, and the component that it stands at; "" for the whole form.
type refusal struct{ key, html string }

// values reads what was posted for each component, as Drupal does: a line of text has no line ends, an email no
// spaces around it, a box that nobody ticked is no choice.
func (a *Adapter) values(post *array) map[string][]string {
	all := map[string][]string{}
	for _, c := range a.list {
		v := post.at(append([]string{"submitted"}, strings.Split(c.path(), "/")...)...)
		switch {
		case v == nil || !input(c.Type):
		case c.Drawn == "checkboxes" || c.Drawn == "lists":
			all[c.Key] = v.choices()
		case v.list != nil: // never sent by the page: Drupal takes it for nothing
			all[c.Key] = []string{""}
		case c.Type == "textarea":
			all[c.Key] = []string{v.text}
		case c.Type == "email":
			all[c.Key] = []string{strings.TrimSpace(v.text)}
		default:
			all[c.Key] = []string{oneLine.Replace(v.text)}
		}
	}
	return all
}

var oneLine = strings.NewReplacer("\r", "", "\n", "")

func (v *value) choices() []string {
	if v.list == nil {
		return []string{v.text}
	}
	var all []string
	for _, key := range v.list.keys {
		all = append(all, v.list.text(key))
	}
	return all
}

// check is what Drupal itself checks of a post, in its own words and order: one message a component.
func (a *Adapter) check(values map[string][]string) []refusal {
	var all []refusal
	for _, c := range a.list {
		if html := c.check(values[c.Key]); html != "" && input(c.Type) {
			all = append(all, refusal{c.Key, html})
		}
	}
	return all
}

func (c *component) check(typed []string) string {
	text := ""
	if len(typed) > 0 {
		text = typed[0]
	}
	length := utf8.RuneCountInString(text)
	if c.Max > 0 && length > c.Max {
		return fmt.Sprintf(`%s cannot be longer than <em class="placeholder">%d</em> characters but is currently <em class="placeholder">%d</em> characters long.`,
			c.title(), c.Max, length)
	}
	for _, choice := range typed {
		// An empty choice is none: no browser posts one for radios, and a gift is not refused for it.
		if c.Choices != nil && choice != "" && !slices.Contains(c.Choices, choice) {
			return "An illegal choice has been detected. Please contact the site administrator."
		}
	}
	if c.Mandatory && strings.TrimSpace(text) == "" {
		return c.title() + " field is required."
	}
	if c.Type == "email" && text != "" && !validEmail(text) {
		return placeholder(text) + " is not a valid email address."
	}
	return ""
}

var titled = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// title is a component's label as Drupal writes it into a sentence: quotes stand as they are.
func (c *component) title() string {
	return titled.Replace(c.Name)
}

var (
	atoms  = regexp.MustCompile("^[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]+(\\.[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]+)*$")
	quoted = regexp.MustCompile(`^"([^"\\\x00-\x20\x7f-\x{10ffff}]|\\[\x01-\x7f])+"$`)
	label  = regexp.MustCompile(`^[a-zA-Z0-9]+(-+[a-zA-Z0-9]+)*$`)
)

// validEmail is PHP's FILTER_VALIDATE_EMAIL, which is Drupal's check, but for IP literals and control characters, which
// Drupal takes and no mail server of ours would.
func validEmail(address string) bool {
	at := strings.LastIndexByte(address, '@')
	if at < 1 || at > 64 || len(address) > 254 {
		return false
	}
	local, labels := address[:at], strings.Split(address[at+1:], ".")
	if !atoms.MatchString(local) && !quoted.MatchString(local) || len(labels) < 2 {
		return false
	}
	for _, l := range labels {
		if len(l) > 63 || !label.MatchString(l) {
			return false
		}
	}
	first := labels[len(labels)-1][0]
	return first < '0' || first > '9'
}
