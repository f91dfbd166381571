package accesslog

import (
	"fmt"
	"strings"
	"time"
)

// scanner walks over a line; its first error sticks, and everything after it is empty.
type scanner struct {
	rest   string
	format Format
	err    error
}

func (s *scanner) fail(field string) {
	if s.err == nil {
		s.err = &fault{field, s.format}
	}
}

// fault is made into text only for the first line of a file that has one. It does not say what stands there: that may be
// somebody's address.
type fault struct {
	field  string
	format Format
}

func (f *fault) Error() string {
	return fmt.Sprintf("%s is not what a line of a %s log has", f.field, f.format)
}

func (s *scanner) until(sep, field string) string {
	if s.err != nil {
		return ""
	}
	got, rest, ok := strings.Cut(s.rest, sep)
	if !ok {
		s.fail(field)
		return ""
	}
	s.rest = rest
	return got
}

// quoted reads "…" and the space after it. Apache writes a quote inside as \", nginx as \x22.
func (s *scanner) quoted(field string) string {
	if s.err != nil {
		return ""
	}
	if !strings.HasPrefix(s.rest, `"`) {
		s.fail(field)
		return ""
	}
	for i := 1; ; i++ {
		end := strings.IndexByte(s.rest[i:], '"')
		if end < 0 {
			s.fail(field)
			return ""
		}
		if i += end; escaped(s.rest[1:i]) {
			continue
		}
		got := s.rest[1:i]
		s.rest = strings.TrimPrefix(s.rest[i+1:], " ")
		return got
	}
}

// escaped tells whether the quote that follows text is part of it: an odd number of backslashes stands before it.
func escaped(text string) bool {
	n := 0
	for n < len(text) && text[len(text)-1-n] == '\\' {
		n++
	}
	return n%2 == 1
}

// number reads at most so many decimal digits, so that nothing overflows.
func (s *scanner) number(text string, most int, field string) int64 {
	if s.err != nil {
		return 0
	}
	if len(text) > most || !digits(text) {
		s.fail(field)
		return 0
	}
	return number(text)
}

// number is that of at most 18 digits.
func number(text string) int64 {
	var n int64
	for _, c := range []byte(text) {
		n = n*10 + int64(c-'0')
	}
	return n
}

// seconds reads "0.073", with one to six decimals, or "0".
func seconds(text string) (time.Duration, bool) {
	before, after, dot := strings.Cut(text, ".")
	if !digits(before) || len(before) > 6 || dot && (!digits(after) || len(after) > 6) {
		return 0, false
	}
	d := time.Duration(number(before)) * time.Second
	part := time.Duration(number(after))
	for range 9 - len(after) {
		part *= 10
	}
	return d + part, true
}
