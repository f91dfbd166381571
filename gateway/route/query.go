package route

import "bytes"

// Reading is what PHP makes of one key of a query.
type Reading uint8

// The readings. Unsure means that PHP may see a list, a renamed key or a cut query where we see a plain value:
// whoever asked goes to legacy (W-13).
const (
	Missing Reading = iota
	Found
	Unsure
)

// maxVars is PHP's max_input_vars: what stands after so many pairs is dropped.
const maxVars = 1000

// PHP finds a key as PHP reads a query: split on '&' alone, '+' is a space, the last of repeated keys wins. The value
// is returned as it stands, still encoded; Equal compares it. Nothing is allocated.
func PHP(query []byte, name string) (value []byte, reading Reading) {
	for n := 0; len(query) > 0; n++ {
		if n == maxVars {
			return nil, Unsure
		}
		pair, rest, _ := bytes.Cut(query, []byte{'&'})
		query = rest
		key, val, _ := bytes.Cut(pair, []byte{'='})
		switch readKey(key, name) {
		case Found:
			value, reading = val, Found
		case Unsure:
			return nil, Unsure
		}
	}
	return value, reading
}

// readKey compares a raw key with a name as PHP registers it: leading spaces are dropped, '.' and ' ' become '_',
// '[' begins a list, and a NUL ends the name.
func readKey(key []byte, name string) Reading {
	r := reader{rest: key}
	c, ok := r.next()
	for ok && c == ' ' {
		c, ok = r.next()
	}
	for i := 0; ; i++ {
		switch {
		case ok && c == 0:
			return Unsure
		case i == len(name):
			if !ok {
				return Found
			}
			if c == '[' {
				return Unsure
			}
			return Missing
		case !ok:
			return Missing
		}
		if c == '.' || c == ' ' {
			c = '_'
		}
		if c != name[i] {
			return Missing
		}
		c, ok = r.next()
	}
}

// Equal says whether an encoded query value reads as want.
func Equal(value []byte, want string) bool {
	r := reader{rest: value}
	for i := 0; ; i++ {
		c, ok := r.next()
		if !ok || i == len(want) {
			return !ok && i == len(want)
		}
		if c != want[i] {
			return false
		}
	}
}

// Text decodes a query value.
func Text(value []byte) string {
	out := make([]byte, 0, len(value))
	r := reader{rest: value}
	for c, ok := r.next(); ok; c, ok = r.next() {
		out = append(out, c)
	}
	return string(out)
}

// reader decodes one byte after another; a '%' without two hex digits stands for itself, as in PHP.
type reader struct{ rest []byte }

func (r *reader) next() (byte, bool) {
	if len(r.rest) == 0 {
		return 0, false
	}
	c := r.rest[0]
	if c == '%' && len(r.rest) > 2 && isHex(r.rest[1]) && isHex(r.rest[2]) {
		c = unhex(r.rest[1])<<4 | unhex(r.rest[2])
		r.rest = r.rest[3:]
		return c, true
	}
	r.rest = r.rest[1:]
	if c == '+' {
		c = ' '
	}
	return c, true
}
