package drupal

import (
	"errors"
	"strconv"
	"strings"
)

var errPHP = errors.New("not a serialised PHP value")

// deepest is how far arrays may nest: a component's settings nest twice.
const deepest = 32

// php reads what PHP's serialize wrote: strings, int64, float64, bool, nil, and arrays as map[string]any. Objects are
// refused.
func php(text string) (any, error) {
	p := unserializer{rest: text}
	v, err := p.value(0)
	if err != nil || p.rest != "" {
		return nil, errPHP
	}
	return v, nil
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

func (p *unserializer) value(depth int) (any, error) {
	if rest, ok := strings.CutPrefix(p.rest, "N;"); ok {
		p.rest = rest
		return nil, nil
	}
	kind, err := p.upto(":")
	if err != nil {
		return nil, err
	}
	switch kind {
	case "s":
		return p.text()
	case "a":
		if depth == deepest {
			return nil, errPHP
		}
		return p.array(depth)
	}
	text, err := p.upto(";")
	if err != nil {
		return nil, err
	}
	switch kind {
	case "i":
		return strconv.ParseInt(text, 10, 64)
	case "d":
		return strconv.ParseFloat(text, 64)
	case "b":
		return text == "1", nil
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

func (p *unserializer) text() (any, error) {
	n, err := p.length()
	if err != nil || len(p.rest) < 3 || n > len(p.rest)-3 || p.rest[0] != '"' || p.rest[n+1:n+3] != `";` {
		return nil, errPHP
	}
	s := p.rest[1 : n+1]
	p.rest = p.rest[n+3:]
	return s, nil
}

func (p *unserializer) array(depth int) (any, error) {
	n, err := p.length()
	if err != nil || !strings.HasPrefix(p.rest, "{") {
		return nil, errPHP
	}
	p.rest = p.rest[1:]
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
	if !strings.HasPrefix(p.rest, "}") {
		return nil, errPHP
	}
	p.rest = p.rest[1:]
	return m, nil
}
