package diff

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// MaskKind is how a mask hides.
type MaskKind string

// The kinds of masks (F-6). All but Drop still check that the value is there on both sides, and its shape.
const (
	Drop   MaskKind = "drop"   // left out: wholly, or only values that Pattern matches
	Shape  MaskKind = "shape"  // what Pattern matches counts as As; without a pattern letters, digits and signs are as good as others
	Number MaskKind = "number" // numbers no more than Tolerance apart are equal
	Set    MaskKind = "set"    // order means nothing
	Window MaskKind = "window" // times no more than Window apart are equal
)

// Mask hides one kind of noise.
type Mask struct {
	ID    string
	Group string // empty: every group
	Route string // a route's id; empty: every route
	Path  string // of the request, in which * stands for any run; empty: every path

	// At is a field as differences name it, in which * stands for any run; what lies below it is meant too, so "json /a" covers
	// "json /a/0/b". "css SELECTOR" is a part of a page: one of tag, #id, .class and [name=value], or several without a space.
	At        string
	Kind      MaskKind
	Pattern   string // a regular expression; for Drop and Shape
	As        string // for Shape; $1 keeps what the pattern frames
	Tolerance float64
	Window    time.Duration

	Owner   string    // who answers for it
	Expires time.Time // zero: never
}

// mask is a Mask, checked.
type mask struct {
	Mask
	pattern *regexp.Regexp
	at      []string // globs, one of which must match
	css     *selector
}

func compile(masks []Mask) ([]*mask, error) {
	all := make([]*mask, 0, len(masks))
	var wrong []error
	for _, m := range masks {
		one, err := m.compile()
		if err != nil {
			wrong = append(wrong, fmt.Errorf("diff: mask %q cannot be used, and none was changed: %w", m.ID, err))
			continue
		}
		all = append(all, one)
	}
	return all, errors.Join(wrong...)
}

func (m Mask) compile() (*mask, error) {
	one := &mask{Mask: m}
	if m.ID == "" || m.At == "" {
		return nil, fmt.Errorf("it needs an id and a field (At is %q)", m.At)
	}
	var err error
	if m.Pattern != "" {
		if one.pattern, err = regexp.Compile(m.Pattern); err != nil {
			return nil, fmt.Errorf("its pattern: %w", err)
		}
	}
	if css, is := strings.CutPrefix(m.At, "css "); is {
		if m.Kind != Drop || m.Pattern != "" {
			return nil, fmt.Errorf("a part of a page can only be dropped whole: Kind %q is %q, without a pattern", Drop, m.Kind)
		}
		one.css, err = parseSelector(css)
		return one, err
	}
	one.at = fields(m.At)
	switch {
	case m.Kind == Drop || m.Kind == Shape || m.Kind == Set:
		return one, nil
	case m.Kind == Number && m.Tolerance > 0, m.Kind == Window && m.Window > 0:
		return one, nil
	case m.Kind == Number || m.Kind == Window:
		return nil, fmt.Errorf("kind %q needs how far apart values may be, more than nothing", m.Kind)
	}
	return nil, fmt.Errorf("its kind %q is none of drop, shape, number, set, window", m.Kind)
}

// covers says whether the mask is in force for a request.
func (m *mask) covers(r Request, now time.Time) bool {
	return (m.Group == "" || m.Group == r.Group) && (m.Route == "" || m.Route == r.Route) &&
		(m.Expires.IsZero() || now.Before(m.Expires)) && (m.Path == "" || glob(m.Path, r.path(), false))
}

// matches says whether the mask is for a field.
func (m *mask) matches(field string) bool {
	for _, g := range m.at {
		if glob(g, field, true) {
			return true
		}
	}
	return false
}

// glob matches text with a pattern in which * stands for any run. With below, text may go on after the pattern's end at a space
// or a slash.
func glob(pattern, text string, below bool) bool {
	first, rest, star := strings.Cut(pattern, "*")
	if !strings.HasPrefix(text, first) {
		return false
	}
	text = text[len(first):]
	if !star {
		return text == "" || below && (text[0] == ' ' || text[0] == '/')
	}
	for {
		part, after, more := strings.Cut(rest, "*")
		if !more {
			return tail(part, text, below)
		}
		i := strings.Index(text, part)
		if i < 0 {
			return false
		}
		text, rest = text[i+len(part):], after
	}
}

// tail matches the part behind the last star.
func tail(part, text string, below bool) bool {
	if strings.HasSuffix(text, part) {
		return true
	}
	return below && (strings.Contains(text, part+" ") || strings.Contains(text, part+"/"))
}
