package diff

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// masked takes away what masks hide of two lists that have nothing in common. It is asked only where answers differ, so that masks
// cost nothing where they agree.
func (x *comparison) masked(field string, l, n []item) ([]item, []item) {
	for _, m := range x.masks {
		if m.Kind != Drop && m.Kind != Number && m.Kind != Window || !m.any(field, l, n) {
			continue
		}
		if !x.spend(cost * (size(l) + size(n))) {
			return nil, nil
		}
		before := len(l) + len(n)
		if m.Kind == Drop {
			hidden := func(i item) bool {
				return m.matches(i.field(field)) && (m.pattern == nil || m.pattern.MatchString(i.value))
			}
			l, n = slices.DeleteFunc(slices.Clone(l), hidden), slices.DeleteFunc(slices.Clone(n), hidden)
		} else {
			l, n = near(field, m, l, n)
		}
		if len(l)+len(n) < before {
			x.used = once(x.used, m.ID)
		}
	}
	if len(l) == 0 || len(n) == 0 {
		return l, n
	}
	return x.shaped(field, l, n)
}

// cost is how much dearer a byte is for a regular expression than for a comparison.
const cost = 8

// any says whether the mask is for the field of one of the items.
func (m *mask) any(field string, lists ...[]item) bool {
	for _, list := range lists {
		for _, i := range list {
			if m.matches(i.field(field)) {
				return true
			}
		}
	}
	return false
}

// shaped takes away what is equal once every mask of kind Shape has been applied.
func (x *comparison) shaped(field string, l, n []item) ([]item, []item) {
	var by []string
	var shapes []*mask
	for _, m := range x.masks {
		if m.Kind == Shape && m.any(field, l, n) {
			shapes = append(shapes, m)
		}
	}
	if len(shapes) == 0 || !x.spend(cost*len(shapes)*(size(l)+size(n))) {
		return l, n
	}
	shape := func(i item) string {
		value, where := i.value, i.field(field)
		for _, m := range shapes {
			if !m.matches(where) {
				continue
			}
			var to string
			if m.pattern != nil {
				to = m.pattern.ReplaceAllString(value, m.As)
			} else {
				to = shapeOf(value)
			}
			if to != value {
				value, by = to, once(by, m.ID)
			}
		}
		return value
	}
	ll, nn := without(l, n, false, shape)
	if len(ll) < len(l) {
		for _, id := range by {
			x.used = once(x.used, id)
		}
	}
	return ll, nn
}

// shapeOf is a value with each run of letters, digits and joining signs as one: a token is as good as another of its length.
func shapeOf(value string) string {
	var b strings.Builder
	b.Grow(len(value))
	for _, r := range value {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || r == '-' || r == '_' {
			r = '*'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// near takes away pairs of numbers or times that are close enough.
func near(field string, m *mask, l, n []item) (ll, nn []item) {
	for i := range max(len(l), len(n)) {
		if i < len(l) && i < len(n) && m.matches(l[i].field(field)) && m.close(l[i].value, n[i].value) {
			continue
		}
		if i < len(l) {
			ll = append(ll, l[i])
		}
		if i < len(n) {
			nn = append(nn, n[i])
		}
	}
	return ll, nn
}

// close says whether two values are as near as the mask allows.
func (m *mask) close(a, b string) bool {
	if m.Kind == Number {
		x, errX := strconv.ParseFloat(strings.TrimPrefix(a, "number "), 64)
		y, errY := strconv.ParseFloat(strings.TrimPrefix(b, "number "), 64)
		return errX == nil && errY == nil && max(x-y, y-x) <= m.Tolerance
	}
	x, okX := instant(a)
	y, okY := instant(b)
	return okX && okY && x.Sub(y).Abs() <= m.Window
}

// instant reads a time as headers, feeds and JSON write it.
func instant(value string) (time.Time, bool) {
	value = strings.Trim(strings.TrimPrefix(value, "string "), `"`)
	for _, layout := range []string{http.TimeFormat, time.RFC1123Z, time.RFC3339Nano, time.DateTime, time.RFC850, time.ANSIC} {
		if t, err := time.Parse(layout, value); err == nil {
			return t, true
		}
	}
	if n, err := strconv.ParseInt(strings.TrimPrefix(value, "number "), 10, 64); err == nil && n > 1e9 && n < 1e11 {
		return time.Unix(n, 0), true
	}
	return time.Time{}, false
}
