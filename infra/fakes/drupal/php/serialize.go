package php

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Messages are what a Drupal session tells its visitor on the next page: by type ("error", "status"), in order.
type Messages map[string][]string

// EncodeSession is a session that holds messages alone, in PHP's session format; "" when there are none.
func EncodeSession(m Messages) string {
	if len(m) == 0 {
		return ""
	}
	types := make([]string, 0, len(m))
	for t := range m {
		types = append(types, t)
	}
	slices.Sort(types)
	var b strings.Builder
	fmt.Fprintf(&b, "messages|a:%d:{", len(m))
	for _, t := range types {
		fmt.Fprintf(&b, "s:%d:\"%s\";a:%d:{", len(t), t, len(m[t]))
		for i, text := range m[t] {
			fmt.Fprintf(&b, "i:%d;s:%d:\"%s\";", i, len(text), text)
		}
		b.WriteByte('}')
	}
	b.WriteByte('}')
	return b.String()
}

// DecodeSession reads what EncodeSession wrote; anything else is an error that says at which byte.
func DecodeSession(s string) (Messages, error) {
	if s == "" {
		return nil, nil
	}
	d := &decoder{all: s, rest: s}
	m := Messages{}
	d.word("messages|")
	for range d.array() {
		t := d.text()
		lines := make([]string, 0, 4)
		for i := range d.array() {
			d.word("i:" + strconv.Itoa(i) + ";")
			lines = append(lines, d.text())
		}
		d.word("}")
		m[t] = lines
	}
	d.word("}")
	if d.err == nil && d.rest != "" {
		d.fail("the end")
	}
	return m, d.err
}

type decoder struct {
	all, rest string
	err       error
}

func (d *decoder) fail(want string) {
	if d.err == nil {
		d.err = fmt.Errorf("php: session: byte %d is not %s", len(d.all)-len(d.rest), want)
	}
	d.rest = ""
}

func (d *decoder) word(w string) {
	rest, ok := strings.CutPrefix(d.rest, w)
	if !ok {
		d.fail(strconv.Quote(w))
		return
	}
	d.rest = rest
}

// count reads a number up to the colon; it is never more than the bytes that are left.
func (d *decoder) count() int {
	digits, rest, ok := strings.Cut(d.rest, ":")
	n, err := strconv.Atoi(digits)
	if !ok || err != nil || n < 0 || n > len(rest) {
		d.fail("a length")
		return 0
	}
	d.rest = rest
	return n
}

func (d *decoder) array() int {
	d.word("a:")
	n := d.count()
	d.word("{")
	if d.err != nil {
		return 0
	}
	return n
}

func (d *decoder) text() string {
	d.word("s:")
	n := d.count()
	d.word(`"`)
	if d.err != nil || n > len(d.rest) {
		d.fail("a string of that length")
		return ""
	}
	s := d.rest[:n]
	d.rest = d.rest[n:]
	d.word(`";`)
	return s
}

// Field finds the string under a key of a serialized array, as webform keeps a component's settings; "" when there is
// none. It looks for the key's own bytes and does not read the rest.
func Field(serialized, key string) string {
	d := &decoder{}
	mark := "s:" + strconv.Itoa(len(key)) + `:"` + key + `";`
	_, rest, ok := strings.Cut(serialized, mark)
	if !ok || !strings.HasPrefix(rest, "s:") {
		return ""
	}
	d.all, d.rest = rest, rest
	if s := d.text(); d.err == nil {
		return s
	}
	return ""
}

// String is a serialized string's value, "" when it is something else.
func String(serialized string) string {
	d := &decoder{all: serialized, rest: serialized}
	if s := d.text(); d.err == nil {
		return s
	}
	return ""
}
