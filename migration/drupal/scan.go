package drupal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// largest is how much of a dump one row or one CREATE TABLE may take: MySQL itself sends no packet of more than
// 1 GiB, Drupal's own stay far below this, and a quote that never closes must not fill the memory.
const largest = 64 << 20

// Damage says that a dump is not what mysqldump writes, and where.
type Damage struct {
	Line   int    // counted from 1; 0: nobody looked where, and Text says all
	Offset int64  // bytes from the beginning, after gunzip
	Table  string // the last table that the dump named; empty before the first
	Row    int64  // whole rows of that table before the damage
	Text   string
	Err    error // what the reader said, where it said anything
}

func (d *Damage) Error() string {
	where := "before the first table"
	if d.Table != "" {
		where = fmt.Sprintf("after row %d of table %s", d.Row, d.Table)
	}
	text := fmt.Sprintf("dump, line %d, byte %d, %s: %s", d.Line, d.Offset, where, d.Text)
	if d.Line == 0 {
		text = "dump: " + d.Text
	}
	if d.Err != nil {
		text += " (" + d.Err.Error() + ")"
	}
	return text + "; nothing was lost: what came before it is whole, and the old site is untouched"
}

func (d *Damage) Unwrap() error { return d.Err }

// scanner reads a dump's bytes through one buffer, in which it also undoes escapes: positions stay true because
// nothing ever gets longer. Its loops are go:norace: they read one goroutine's own buffer byte by byte, and watching that
// makes every test that reads a dump take twice as long.
type scanner struct {
	r     io.Reader
	buf   []byte
	mark  int // what lies before it is no longer needed
	pos   int
	end   int
	base  int64 // the offset of buf[0]
	lines int   // line ends in all that was read
	err   error // why no more can be read
}

// more reads on, keeping what lies after mark. It reports whether there is anything new.
func (s *scanner) more() bool {
	if s.err != nil {
		return false
	}
	if s.mark > 0 {
		copy(s.buf, s.buf[s.mark:s.end])
		s.base += int64(s.mark)
		s.pos, s.end, s.mark = s.pos-s.mark, s.end-s.mark, 0
	}
	if s.end == len(s.buf) {
		if s.end >= largest {
			s.err = fmt.Errorf("more than %d MiB without an end", largest>>20)
			return false
		}
		s.buf = append(s.buf, make([]byte, max(len(s.buf), 256<<10))...)
	}
	for range 100 {
		n, err := s.r.Read(s.buf[s.end:])
		s.lines += bytes.Count(s.buf[s.end:s.end+n], []byte{'\n'})
		s.end += n
		s.err = err
		if n > 0 || err != nil {
			return n > 0
		}
	}
	s.err = io.ErrNoProgress
	return false
}

// peek is the byte ahead, or 0 at the end.
//
//go:norace
func (s *scanner) peek() byte {
	if s.pos == s.end && !s.more() {
		return 0
	}
	return s.buf[s.pos]
}

// has reports whether text lies ahead; letters of text are upper case and match either case.
func (s *scanner) has(text string) bool {
	for s.end-s.pos < len(text) {
		if !s.more() {
			return false
		}
	}
	return bytes.EqualFold(s.buf[s.pos:s.pos+len(text)], []byte(text))
}

// past moves behind the next occurrence of text, or reports that there is none. Nothing is kept.
func (s *scanner) past(text string) bool {
	for {
		if i := bytes.Index(s.buf[s.pos:s.end], []byte(text)); i >= 0 {
			s.pos += i + len(text)
			s.mark = s.pos
			return true
		}
		s.pos = max(s.pos, s.end-len(text)+1)
		s.mark = s.pos
		if !s.more() {
			s.pos = s.end
			return false
		}
	}
}

// until moves behind the next stop that is in no string, or reports that there is none. With keep, all of it stays
// in the buffer from mark on.
//
//go:norace
func (s *scanner) until(stop string, keep bool) bool {
	var quote byte
	for {
		for ; s.pos < s.end; s.pos++ {
			c := s.buf[s.pos]
			switch {
			case quote != 0 && c == '\\' && quote != '`':
				s.pos++ // at the buffer's end this stands one beyond it, and more must not lose that
			case quote != 0:
				if c == quote {
					quote = 0
				}
			case c == '\'' || c == '"' || c == '`':
				quote = c
			case c == stop[0] && s.has(stop):
				s.pos += len(stop)
				return true
			}
		}
		beyond := s.pos - s.end
		s.pos = s.end
		if !keep {
			s.mark = s.pos
		}
		if !s.more() {
			return false
		}
		s.pos += beyond
	}
}

// string reads a quoted string whose opening quote was read, undoing its escapes in place. It gives its place
// relative to mark, or false where the input ends within it.
//
//go:norace
func (s *scanner) string(quote byte) (from, to int, whole bool) {
	from = s.pos - s.mark
	saved := 0 // bytes that escapes took more than what they stand for
	for {
		for s.pos < s.end {
			c := s.buf[s.pos]
			s.pos++
			switch c {
			case quote:
				if s.peek() != quote {
					return from, s.pos - 1 - saved - s.mark, true
				}
				s.pos++
				saved++
			case '\\':
				if s.pos == s.end && !s.more() {
					return 0, 0, false
				}
				c = s.buf[s.pos]
				if c == '%' || c == '_' { // the two that keep their backslash
					s.buf[s.pos-1-saved] = '\\'
				} else {
					saved++
				}
				c = unescape(c)
				s.pos++
			}
			if saved > 0 {
				s.buf[s.pos-1-saved] = c
			}
		}
		if !s.more() {
			return 0, 0, false
		}
	}
}

func unescape(c byte) byte {
	switch c {
	case '0':
		return 0
	case 'b':
		return '\b'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'Z':
		return 26
	}
	return c
}

// line is where the scanner stands. What lies ahead was not touched, so its line ends are counted back.
func (s *scanner) line() int {
	return 1 + s.lines - bytes.Count(s.buf[s.pos:s.end], []byte{'\n'})
}

// cut is why the reader stopped, or nil where it just ended.
func (s *scanner) cut() error {
	if errors.Is(s.err, io.EOF) {
		return nil
	}
	return s.err
}
