package drupal

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// Kind is how a dump wrote a value.
type Kind uint8

const (
	Null   Kind = iota
	Number      // digits as they stand in the dump
	Text        // a string, escapes undone
	Binary      // bytes: 0x…, x'…', _binary '…'
	Mended      // a string that was UTF-8 under the label latin1, as what it says
)

// Value is one value of a row.
type Value struct {
	Kind  Kind
	Bytes []byte
}

// values reads a row behind its opening bracket. The places of the values are known at once, the values themselves
// when the row is whole: until then the buffer may move.
//
//go:norace
func (d *Dump) values() ([]Value, error) {
	d.row, d.spans = d.row[:0], d.spans[:0]
	for {
		kind, from, to, err := d.value()
		if err != nil {
			return nil, err
		}
		d.row = append(d.row, Value{Kind: kind})
		d.spans = append(d.spans, [2]int{from, to})
		c := d.blank()
		if c == 0 && d.pos == d.end {
			return nil, d.ends()
		}
		if c != ',' && c != ')' {
			return nil, d.damage("%q where , or ) follows a value", d.ahead())
		}
		d.pos++
		if c == ')' {
			break
		}
	}
	if d.columns > 0 && len(d.row) != d.columns {
		return nil, d.damage("a row has %d values where the table has %d columns", len(d.row), d.columns)
	}
	for i, span := range d.spans {
		v := &d.row[i]
		v.Bytes = d.buf[d.mark+span[0] : d.mark+span[1]]
		// Not every dump says its character set (--compact, --compatible): what it is shows in the text.
		if v.Kind == Text && d.kinds != nil && d.kinds[i] != blob && !utf8.Valid(v.Bytes) {
			return nil, d.damage("a text of the dump is not UTF-8; make it again with --default-character-set=utf8mb4")
		}
	}
	for i, latin := range d.latin {
		if v := &d.row[i]; latin && v.Kind == Text {
			var mended bool
			if v.Bytes, mended = mend(v.Bytes); mended {
				v.Kind = Mended
			}
		}
	}
	d.rows++
	return d.row, nil
}

// blank passes white space and gives the byte ahead.
//
//go:norace
func (d *Dump) blank() byte {
	c := d.peek()
	for c != 0 && c <= ' ' {
		d.pos++
		c = d.peek()
	}
	return c
}

// value reads one value and gives its place relative to mark.
//
//go:norace
func (d *Dump) value() (kind Kind, from, to int, err error) {
	c := d.blank()
	if c == '\'' || c == '"' {
		return d.quoted(Text, c)
	}
	from = d.pos - d.mark
	for c != ',' && c != ')' && c > ' ' && c != '\'' {
		d.pos++
		c = d.peek()
	}
	word := d.buf[d.mark+from : d.pos]
	switch {
	case d.pos == d.end:
		return 0, 0, 0, d.ends()
	case len(word) == 0:
		return 0, 0, 0, d.damage("a value is missing")
	case word[0] >= '0' && word[0] <= '9' && (len(word) < 2 || word[1] != 'x'), word[0] == '-', word[0] == '.':
		return Number, from, d.pos - d.mark, nil
	case bytes.EqualFold(word, []byte("NULL")):
		return Null, from, from, nil
	case len(word) >= 2 && word[0] == '0':
		return d.hex(from+2, d.pos-d.mark)
	case word[0] == '_' || len(word) == 1:
		return d.introduced(string(word))
	}
	return 0, 0, 0, d.damage("%q is no value of mysqldump's", word[:min(len(word), 10)])
}

func (d *Dump) quoted(kind Kind, quote byte) (Kind, int, int, error) {
	d.pos++
	from, to, whole := d.string(quote)
	if !whole {
		return 0, 0, 0, d.ends()
	}
	return kind, from, to, nil
}

// introduced reads the string after _binary, _utf8mb4, x or b.
func (d *Dump) introduced(word string) (Kind, int, int, error) {
	if d.blank() != '\'' {
		return 0, 0, 0, d.damage("%s is not followed by a string", word)
	}
	kind, from, to, err := d.quoted(Binary, '\'')
	if err != nil {
		return 0, 0, 0, err
	}
	switch word = strings.ToLower(word); {
	case word == "x":
		return d.hex(from, to)
	case word == "b":
		return d.bits(from, to)
	case strings.HasPrefix(word, "_utf8"):
		return Text, from, to, nil
	case word == "_binary":
		return kind, from, to, nil
	}
	return 0, 0, 0, d.damage("a string in %s; make the dump again with --default-character-set=utf8mb4", word[1:])
}

// hex turns digits into bytes where they lie.
func (d *Dump) hex(from, to int) (Kind, int, int, error) {
	digits := d.buf[d.mark+from : d.mark+to]
	if len(digits)%2 != 0 {
		return 0, 0, 0, d.damage("a hexadecimal value has an odd number of digits")
	}
	for i := 0; i < len(digits); i += 2 {
		high, low := digit(digits[i]), digit(digits[i+1])
		if high > 15 || low > 15 {
			return 0, 0, 0, d.damage("a hexadecimal value holds something else than digits")
		}
		digits[i/2] = high<<4 | low
	}
	return Binary, from, from + len(digits)/2, nil
}

func digit(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 16
}

// bits takes b'0' and b'1' for the numbers that they are. Wider bit columns are none of Drupal's.
func (d *Dump) bits(from, to int) (Kind, int, int, error) {
	digits := d.buf[d.mark+from : d.mark+to]
	if len(digits) != 1 || digits[0] != '0' && digits[0] != '1' {
		return 0, 0, 0, d.damage("a bit value of %d bits; only one bit is known", len(digits))
	}
	return Number, from, to, nil
}
