package template

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// cursor is a value of the file with its path for messages, such as Donate.Properties.Timeout.
type cursor struct {
	r    *reader
	path string
	v    Value
}

func (c cursor) wrong(format string, args ...any) {
	if c.path != "" {
		format, args = "%s: "+format, append([]any{c.path}, args...)
	}
	c.r.wrong(c.v.line, format, args...)
}

func (c cursor) there() bool { return c.v.kind != nothing }

// over is the cursor, or another where nothing is there.
func (c cursor) over(other cursor) cursor {
	if c.there() || !other.there() {
		return c
	}
	return other
}

// evaluated has parameters, mappings and conditions put in.
func (c cursor) evaluated() Value { return (&scope{find: c.r.parameter, r: c.r}).eval(c.v, 0) }

// field is an entry of a mapping. What is not there has the line of what it is not in.
func (c cursor) field(name string) cursor {
	in, path := c.v, strings.TrimPrefix(c.path+"."+name, ".")
	if in.kind != mapping && in.kind != nothing {
		c.wrong("a mapping belongs here: key: value")
		return cursor{c.r, path, Value{line: c.v.line}}
	}
	found := cursor{c.r, path, in.fields[name]}.decided()
	if !found.there() {
		found.v.line = c.v.line
	}
	return found
}

// decided is the cursor with a function of parameters replaced by what it gives.
func (c cursor) decided() cursor {
	if line := c.v.line; c.v.kind == call {
		c.v = c.evaluated()
		c.v.line = line
	}
	return c
}

// entries are a mapping's, in the order of the file.
func (c cursor) entries() (all []cursor) {
	if c.v.kind != mapping {
		if c.there() {
			c.wrong("a mapping belongs here: key: value")
		}
		return nil
	}
	for name, v := range c.v.fields {
		if e := (cursor{c.r, strings.TrimPrefix(c.path+"."+name, "."), v}).decided(); e.there() {
			all = append(all, e)
		}
	}
	slices.SortFunc(all, func(a, b cursor) int {
		return cmp.Or(cmp.Compare(a.v.line, b.v.line), strings.Compare(a.path, b.path))
	})
	return all
}

// items are a list's, those that are there.
func (c cursor) items() (all []cursor) {
	v := c.evaluated()
	if v.kind != list {
		if v.kind != nothing {
			c.wrong("a list belongs here: [one, another]")
		}
		return nil
	}
	for i, item := range v.items {
		all = append(all, cursor{c.r, c.path + "[" + strconv.Itoa(i) + "]", item})
	}
	return all
}

// texts are a list's.
func (c cursor) texts() (all []string) {
	for _, i := range c.items() {
		all = append(all, i.text())
	}
	return all
}

// values are a mapping's, as far as they can be known.
func (c cursor) values() map[string]Value {
	all := map[string]Value{}
	for name, v := range c.evaluated().fields {
		if v.kind == list || v.kind == mapping {
			cursor{c.r, c.path + "." + name, v}.wrong("one value belongs here, not a list or a mapping")
			continue
		}
		all[name] = v
	}
	return all
}

// value is one that may refer to a resource.
func (c cursor) value() Value { return c.evaluated() }

// text is one that must be known; "" where nothing is there.
func (c cursor) text() string {
	v := c.evaluated()
	if v.kind != scalar && v.kind != nothing {
		c.wrong("%s: it must be a text that parameters and mappings decide", v)
	}
	return v.text
}

// written is a text, or as the template has it where only a deployment decides.
func (c cursor) written() string {
	if v := c.evaluated(); v.kind != scalar {
		return v.String()
	}
	return c.text()
}

func (c cursor) number(absent, least, most int) int {
	if !c.there() {
		return absent
	}
	text := c.text()
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		c.wrong("%q: a number from %d to %d belongs here", text, least, most)
		return absent
	}
	return n
}

func (c cursor) truth(absent bool) bool {
	if !c.there() {
		return absent
	}
	switch strings.ToLower(c.text()) {
	case "true", "yes", "on":
		return true
	case "false", "no", "off":
		return false
	}
	c.wrong("true or false belongs here")
	return absent
}

var number = regexp.MustCompile(`^-?\d+(\.\d+)?$`)

// typed is a parameter's value by its type.
func (c cursor) typed(kind, value string) Value {
	switch {
	case kind == "":
		c.wrong("it has no Type")
	case kind == "Number":
		if !number.MatchString(value) {
			c.wrong("%q is no number", value)
		}
	case kind == "CommaDelimitedList" || strings.HasPrefix(kind, "List<"):
		return texts(strings.Split(value, ","), c.v.line)
	}
	return Value{kind: scalar, text: value, line: c.v.line}
}
