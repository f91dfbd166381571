package template

import (
	"fmt"
	"slices"
	"strings"
)

// Value is a value of the template: text, or a call of an intrinsic function, such as a reference to a resource. The zero
// Value is one that is not there.
type Value struct {
	kind   kind
	text   string // of a scalar; the name of a call
	items  []Value
	fields map[string]Value
	line   int
}

type kind byte

const (
	nothing kind = iota
	scalar
	list
	mapping
	call // of text, such as Ref, with items
)

// joined is the call that a Sub becomes: its pieces in order.
const joined = "Sub"

// Line is where it stands in the file, 0 if it is not there.
func (v Value) Line() int { return v.line }

// Text is what stands there; false for a reference, a list, or nothing.
func (v Value) Text() (string, bool) { return v.text, v.kind == scalar }

// References are the names that it asks for, each once and in order: Topic of !Ref Topic, Store.Outputs.Table of a GetAtt.
func (v Value) References() (names []string) {
	if v.kind == call && (v.text == "Ref" || v.text == "GetAtt") {
		return []string{v.items[0].text}
	}
	for _, i := range v.items {
		for _, name := range i.References() {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// String is how the template could say it.
func (v Value) String() string {
	switch v.kind {
	case scalar:
		return v.text
	case list:
		return fmt.Sprint(v.items)
	case mapping:
		return fmt.Sprint(v.fields)
	case call:
		if v.text == joined {
			var b strings.Builder
			for _, i := range v.items {
				if names := i.References(); i.kind == call && len(names) == 1 {
					fmt.Fprintf(&b, "${%s}", names[0])
				} else {
					b.WriteString(i.String())
				}
			}
			return "!Sub '" + b.String() + "'"
		}
		if len(v.items) == 1 {
			return "!" + v.text + " " + v.items[0].String()
		}
		return "!" + v.text + " " + fmt.Sprint(v.items)
	}
	return ""
}

// Resolve is the value as text: find gives what a name stands for (References says which are asked for). The error says
// which name nobody knows, or which function is not resolved here.
func (v Value) Resolve(find func(name string) (string, bool)) (string, error) {
	var unknown string
	got := (&scope{find: func(name string) (Value, bool) {
		text, known := find(name)
		if !known && unknown == "" {
			unknown = name
		}
		return Value{kind: scalar, text: text, line: v.line}, known
	}}).eval(v, 0)
	switch {
	case unknown != "":
		return "", fmt.Errorf("line %d: %s: nobody says what %s is", v.line, v, unknown)
	case got.kind != scalar:
		return "", fmt.Errorf("line %d: %s is no text", v.line, v)
	}
	return got.text, nil
}
