package diff

import (
	"fmt"
	"regexp"
	"strings"
)

// selector names elements: all of its parts must hold. Combinators are not known: a part of a page that wants them wants an id.
type selector struct {
	tag     string
	id      string
	classes []string
	name    string
	value   string
}

var selectorPart = regexp.MustCompile(`^(?:([a-zA-Z][\w-]*)|#([\w-]+)|\.([\w-]+)|\[([\w-]+)=["']?([^"'\]]*)["']?\])`)

func parseSelector(text string) (*selector, error) {
	s := &selector{}
	for rest := text; rest != ""; {
		m := selectorPart.FindStringSubmatch(rest)
		if m == nil {
			return nil, fmt.Errorf("%q is no selector at %q: it is made of tag, #id, .class and [name=value]", text, rest)
		}
		switch {
		case m[1] != "" && rest != text:
			return nil, fmt.Errorf("%q is no selector at %q: a tag stands first", text, rest)
		case m[1] != "":
			s.tag = strings.ToLower(m[1])
		case m[2] != "":
			s.id = m[2]
		case m[3] != "":
			s.classes = append(s.classes, m[3])
		default:
			s.name, s.value = strings.ToLower(m[4]), m[5]
		}
		rest = rest[len(m[0]):]
	}
	if text == "" {
		return nil, fmt.Errorf("a selector is empty: name an element, as in #block-quote")
	}
	return s, nil
}

// matches says whether an element is meant.
func (s *selector) matches(e *token) bool {
	if s.tag != "" && s.tag != e.tag || s.id != "" && s.id != e.get("id") || s.name != "" && s.value != e.get(s.name) {
		return false
	}
	for _, c := range s.classes {
		if !hasWord(e.get("class"), c) {
			return false
		}
	}
	return true
}

// hasWord says whether a list of words has one.
func hasWord(list, word string) bool {
	for w := range strings.FieldsSeq(list) {
		if w == word {
			return true
		}
	}
	return false
}
