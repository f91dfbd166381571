package drupal

import (
	"errors"
	"strconv"
	"strings"
)

var errPHP = errors.New("not a serialised PHP value")

// deepest is how far arrays may nest: a component's settings nest twice, a view's a dozen times.
const deepest = 32

// Object is a PHP object in a serialised value. Its class and what it holds are known; what it would do is not.
type Object struct {
	Class  string
	Fields map[string]any // by name, without PHP's marks of who may see them; nil where the class wrote them in its own way
}

// Reference is a place in a serialised PHP value that stands for another one of it, the first counted 1. It is not followed.
type Reference int

// php reads what PHP's serialize wrote: strings, int64, float64, bool, nil, arrays as map[string]any, Objects and References.
func php(text string) (any, error) {
	p := unserializer{rest: text}
	v, err := p.value(0)
	if err != nil || p.rest != "" {
		return nil, errPHP
	}
	return v, nil
}

// unread counts the objects and references of a value.
func unread(v any) (n int) {
	fields := map[string]any{}
	switch v := v.(type) {
	case Reference:
		return 1
	case Object:
		n, fields = 1, v.Fields
	case map[string]any:
		fields = v
	}
	for _, f := range fields {
		n += unread(f)
	}
	return n
}

type unserializer struct{ rest string }

// upto takes what stands before a sign, and the sign.
func (p *unserializer) upto(sign string) (string, error) {
	before, after, found := strings.Cut(p.rest, sign)
	if !found {
		return "", errPHP
	}
	p.rest = after
	return before, nil
}

// skip takes a text that must be there.
func (p *unserializer) skip(text string) error {
	rest, found := strings.CutPrefix(p.rest, text)
	if !found {
		return errPHP
	}
	p.rest = rest
	return nil
}

func (p *unserializer) value(depth int) (any, error) {
	if p.skip("N;") == nil {
		return nil, nil
	}
	kind, err := p.upto(":")
	if err != nil {
		return nil, err
	}
	switch kind {
	case "s":
		return p.ended(p.quoted)
	case "E": // an enumeration's case, class and name in one
		name, err := p.ended(p.quoted)
		if err != nil {
			return nil, err
		}
		return Object{Class: name.(string)}, nil
	case "a", "O", "C":
		if depth == deepest {
			return nil, errPHP
		}
		if kind == "a" {
			return p.array(depth)
		}
		return p.object(kind, depth)
	}
	text, err := p.upto(";")
	if err != nil {
		return nil, err
	}
	return scalar(kind, text)
}

func scalar(kind, text string) (any, error) {
	switch {
	case kind == "i":
		return strconv.ParseInt(text, 10, 64)
	case kind == "d":
		return strconv.ParseFloat(text, 64)
	case kind == "b" && (text == "0" || text == "1"):
		return text == "1", nil
	case kind == "R" || kind == "r":
		n, err := strconv.Atoi(text)
		return Reference(n), err
	}
	return nil, errPHP
}

func (p *unserializer) length() (int, error) {
	text, err := p.upto(":")
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, errPHP
	}
	return n, nil
}

// quoted takes a string of so many bytes: 3:"abc".
func (p *unserializer) quoted() (string, error) {
	n, err := p.length()
	if err != nil || len(p.rest) < 2 || n > len(p.rest)-2 || p.rest[0] != '"' || p.rest[n+1] != '"' {
		return "", errPHP
	}
	s := p.rest[1 : n+1]
	p.rest = p.rest[n+2:]
	return s, nil
}

func (p *unserializer) ended(read func() (string, error)) (any, error) {
	s, err := read()
	if err == nil {
		err = p.skip(";")
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (p *unserializer) object(kind string, depth int) (any, error) {
	class, err := p.quoted()
	if err == nil {
		err = p.skip(":")
	}
	if err != nil {
		return nil, err
	}
	if kind == "O" {
		fields, err := p.array(depth)
		if err != nil {
			return nil, err
		}
		return Object{Class: class, Fields: seen(fields)}, nil
	}
	n, err := p.length()
	if err != nil || n > len(p.rest)-2 || len(p.rest) < 2 || p.rest[0] != '{' || p.rest[n+1] != '}' {
		return nil, errPHP
	}
	p.rest = p.rest[n+2:]
	return Object{Class: class}, nil
}

// seen takes PHP's marks off the names of an object's fields: "\0*\0title" is a protected title.
func seen(fields map[string]any) map[string]any {
	plain := make(map[string]any, len(fields))
	for name, v := range fields {
		plain[name[strings.LastIndexByte(name, 0)+1:]] = v
	}
	return plain
}

func (p *unserializer) array(depth int) (map[string]any, error) {
	n, err := p.length()
	if err != nil || p.skip("{") != nil {
		return nil, errPHP
	}
	m := map[string]any{}
	for range n {
		key, err := p.value(deepest)
		if err != nil {
			return nil, err
		}
		value, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		switch key := key.(type) {
		case string:
			m[key] = value
		case int64:
			m[strconv.FormatInt(key, 10)] = value
		default:
			return nil, errPHP
		}
	}
	return m, p.skip("}")
}
