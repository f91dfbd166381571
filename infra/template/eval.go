package template

import (
	"regexp"
	"strconv"
	"strings"
)

// deepest is how far conditions and functions may be nested.
const deepest = 64

// scope resolves what it can; what it cannot remains a call.
type scope struct {
	find func(name string) (Value, bool)
	r    *reader // nil: no mappings and conditions
}

func (s *scope) eval(v Value, depth int) Value {
	if depth > deepest {
		return v
	}
	switch v.kind {
	case list:
		return Value{kind: list, items: s.all(v.items, depth), line: v.line}
	case mapping:
		fields := map[string]Value{}
		for name, f := range v.fields {
			if got := s.eval(f, depth+1); got.kind != nothing {
				fields[name] = got
			}
		}
		return Value{kind: mapping, fields: fields, line: v.line}
	case call:
		return s.call(v, depth)
	}
	return v
}

// all leaves out what turns out not to be there.
func (s *scope) all(of []Value, depth int) (got []Value) {
	for _, v := range of {
		if v = s.eval(v, depth+1); v.kind != nothing {
			got = append(got, v)
		}
	}
	return got
}

func (s *scope) call(v Value, depth int) Value {
	if v.text == "If" {
		return s.choose(v, depth)
	}
	args := s.all(v.items, depth)
	left := Value{kind: call, text: v.text, items: args, line: v.line}
	switch v.text {
	case "Ref", "GetAtt":
		if v.items[0].text == "AWS::NoValue" {
			return Value{}
		}
		if got, known := s.find(v.items[0].text); known {
			got.line = v.line
			return got
		}
	case joined:
		return concatenated(left, "", args)
	case "Join":
		if len(args) == 2 && args[0].kind == scalar && args[1].kind == list {
			return concatenated(left, args[0].text, args[1].items)
		}
	case "Split":
		if len(args) == 2 && args[0].kind == scalar && args[0].text != "" && args[1].kind == scalar {
			return texts(strings.Split(args[1].text, args[0].text), v.line)
		}
	case "Select":
		if len(args) == 2 && args[0].kind == scalar && args[1].kind == list {
			if n, err := strconv.Atoi(args[0].text); err == nil && n >= 0 && n < len(args[1].items) {
				return args[1].items[n]
			}
		}
	case "FindInMap":
		return s.look(left, depth)
	}
	return left
}

func texts(of []string, line int) Value {
	all := Value{kind: list, line: line}
	for _, t := range of {
		all.items = append(all.items, Value{kind: scalar, text: t, line: line})
	}
	return all
}

func concatenated(left Value, between string, parts []Value) Value {
	all := make([]string, len(parts))
	for i, p := range parts {
		if p.kind != scalar {
			return left
		}
		all[i] = p.text
	}
	return Value{kind: scalar, text: strings.Join(all, between), line: left.line}
}

// look is FindInMap.
func (s *scope) look(v Value, depth int) Value {
	if s.r == nil || len(v.items) != 3 {
		return v
	}
	at := Value{kind: mapping, fields: s.r.mappings}
	for _, k := range v.items {
		if k.kind != scalar {
			return v
		}
		if at = at.fields[k.text]; at.kind == nothing {
			cursor{s.r, "", v}.wrong("%s: Mappings have no %s there", v, k.text)
			return v
		}
	}
	return s.eval(at, depth+1)
}

func (s *scope) choose(v Value, depth int) Value {
	if s.r == nil || len(v.items) != 3 || v.items[0].kind != scalar {
		return v
	}
	chosen := v.items[2]
	if s.r.holds(v.items[0].text, cursor{s.r, "", v}, depth+1) {
		chosen = v.items[1]
	}
	return s.eval(chosen, depth+1)
}

// holds says whether a condition of the template does, for its parameters; at is who asks.
func (r *reader) holds(name string, at cursor, depth int) bool {
	c, there := r.conditions[name]
	if !there {
		at.wrong("there is no condition %s", name)
	}
	return there && r.true(c, depth+1)
}

func (r *reader) true(v Value, depth int) bool {
	at := cursor{r, "Conditions", v}
	if depth > deepest {
		at.wrong("conditions are nested too deep, or in a circle")
		return false
	}
	if v.kind == mapping && len(v.fields) == 1 && v.fields["Condition"].kind == scalar {
		return r.holds(v.fields["Condition"].text, at, depth)
	}
	if v.kind != call {
		at.wrong("a condition is Equals, Not, And, Or or Condition")
		return false
	}
	switch v.text {
	case "Condition":
		return r.holds(v.items[0].text, at, depth)
	case "Not":
		return len(v.items) == 1 && !r.true(v.items[0], depth+1)
	case "And", "Or":
		for _, i := range v.items {
			if r.true(i, depth+1) != (v.text == "And") {
				return v.text == "Or"
			}
		}
		return v.text == "And"
	case "Equals":
		a := (&scope{find: r.parameter, r: r}).all(v.items, depth)
		if len(a) == 2 && a[0].kind == scalar && a[1].kind == scalar {
			return a[0].text == a[1].text
		}
	}
	at.wrong("%s cannot be decided by parameters and mappings alone", v)
	return false
}

func (r *reader) parameter(name string) (Value, bool) {
	v, known := r.parameters[name]
	return v, known
}

var placeholder = regexp.MustCompile(`\$\{(!?)([^{}]*)\}`)

// substitution takes a Sub's text to pieces.
func substitution(text string, own map[string]Value, line int) Value {
	sub := Value{kind: call, text: joined, line: line}
	plain := func(s string) {
		if s != "" {
			sub.items = append(sub.items, Value{kind: scalar, text: s, line: line})
		}
	}
	at := 0
	for _, m := range placeholder.FindAllStringSubmatchIndex(text, -1) {
		plain(text[at:m[0]])
		at = m[1]
		name := strings.TrimSpace(text[m[4]:m[5]])
		if v, is := own[name]; is {
			sub.items = append(sub.items, v)
			continue
		}
		if m[2] < m[3] { // ${!Literal}
			plain("${" + name + "}")
			continue
		}
		function := "Ref"
		if strings.Contains(name, ".") {
			function = "GetAtt"
		}
		sub.items = append(sub.items, Value{kind: call, text: function, items: []Value{{kind: scalar, text: name, line: line}}, line: line})
	}
	plain(text[at:])
	return sub
}
