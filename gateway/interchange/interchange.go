// Package interchange reads other routers' tables into a gateway.yaml and writes ours for other routers, so that the gateway itself can
// come and go (G26). What one side cannot say of the other is listed with its reason and its line, never dropped.
package interchange

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Left is something that the target cannot say, or says otherwise.
type Left struct {
	What string `json:"what"` // the route, group, backend or rule that it is about
	Why  string `json:"why"`  // what becomes of it instead
	Line int    `json:"line"` // in the file that was read; 0: of the whole
}

func (l Left) String() string {
	if l.Line == 0 {
		return l.What + ": " + l.Why
	}
	return fmt.Sprintf("line %d: %s: %s", l.Line, l.What, l.Why)
}

// list gathers what is left; the same words twice are one entry.
type list struct{ all []Left }

func (l *list) add(line int, what, format string, args ...any) {
	one := Left{What: what, Why: fmt.Sprintf(format, args...), Line: line}
	if !slices.Contains(l.all, one) {
		l.all = append(l.all, one)
	}
}

// sorted puts what is of the whole first, then lines in their order.
func (l *list) sorted() []Left {
	slices.SortStableFunc(l.all, func(a, b Left) int { return cmp.Compare(a.Line, b.Line) })
	return append([]Left{}, l.all...)
}

// comments are lines for the head of a file whose comments begin with '#'.
func comments(head string, left []Left) string {
	var b strings.Builder
	for line := range strings.Lines(head) {
		b.WriteString("# " + line)
	}
	if len(left) > 0 {
		b.WriteString("#\n# What is not said here, or otherwise:\n")
	}
	for _, l := range left {
		b.WriteString("# - " + oneLine(l.String()) + "\n")
	}
	return b.String()
}

// oneLine keeps what a foreign file says within the comment that quotes it.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0x85 || r == '\u2028' || r == '\u2029' || r == '\ufeff' || 0xe000 <= r && r <= 0xe0ff {
			return ' '
		}
		return r
	}, s)
}
