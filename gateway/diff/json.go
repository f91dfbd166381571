package diff

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// value is a JSON value. Numbers are canonical decimals: 10.0 is 10.00, and 1 is not "1".
type value struct {
	kind string // null, bool, number, string, object, array
	text string
	list []*value
	keys map[string]*value
}

// documents compares two JSON texts; prefix begins the fields' names. It is false over a cap.
func (x *comparison) documents(prefix string, a, b []byte) bool {
	if !x.spend(4 * (len(a) + len(b))) {
		return false
	}
	l, errA := x.parse(a)
	n, errB := x.parse(b)
	switch {
	case errA == errCapped || errB == errCapped:
		return false
	case errA != nil || errB != nil:
		x.single(prefix+"/", readable(a, errA), readable(b, errB))
		return true
	}
	x.value(prefix, l, n)
	return true
}

func readable(body []byte, err error) string {
	if err != nil {
		return "no JSON: " + err.Error() + ", " + sum(body)
	}
	return sum(body)
}

func (x *comparison) parse(body []byte) (*value, error) {
	p := &parser{dec: json.NewDecoder(bytes.NewReader(body)), left: x.c.caps.Nodes, deepest: x.c.caps.Depth}
	p.dec.UseNumber()
	v, err := p.next(0)
	if err == nil {
		if _, after := p.dec.Token(); after != io.EOF {
			err = fmt.Errorf("something follows the value")
		}
	}
	return v, err
}

type parser struct {
	dec           *json.Decoder
	left, deepest int
}

func (p *parser) next(depth int) (*value, error) {
	t, err := p.dec.Token()
	if err != nil {
		return nil, err
	}
	if p.left--; p.left < 0 || depth > p.deepest {
		return nil, errCapped
	}
	switch t := t.(type) {
	case json.Delim:
		if t == '{' {
			return p.object(depth)
		}
		return p.array(depth)
	case json.Number:
		return &value{kind: "number", text: canonical(t.String())}, nil
	case string:
		return &value{kind: "string", text: t}, nil
	case bool:
		return &value{kind: "bool", text: strconv.FormatBool(t)}, nil
	}
	return &value{kind: "null"}, nil
}

func (p *parser) object(depth int) (*value, error) {
	v := &value{kind: "object", keys: map[string]*value{}}
	for p.dec.More() {
		key, err := p.dec.Token()
		if err != nil {
			return nil, err
		}
		one, err := p.next(depth + 1)
		if err != nil {
			return nil, err
		}
		v.keys[key.(string)] = one
	}
	_, err := p.dec.Token()
	return v, err
}

func (p *parser) array(depth int) (*value, error) {
	v := &value{kind: "array"}
	for p.dec.More() {
		one, err := p.next(depth + 1)
		if err != nil {
			return nil, err
		}
		v.list = append(v.list, one)
	}
	_, err := p.dec.Token()
	return v, err
}

// canonical writes a number as its digits and an exponent, so that equal numbers are equal texts. No float stands in between.
func canonical(number string) string {
	mantissa, exponent, _ := strings.Cut(strings.ToLower(number), "e")
	e, err := strconv.ParseInt(exponent, 10, 32)
	if exponent != "" && err != nil {
		return number // beyond any meaning: equal only as written
	}
	sign := ""
	if strings.HasPrefix(mantissa, "-") {
		sign, mantissa = "-", mantissa[1:]
	}
	whole, part, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(whole+part, "0")
	if digits == "" {
		return "0"
	}
	e -= int64(len(part))
	short := strings.TrimRight(digits, "0")
	e += int64(len(digits) - len(short))
	if e >= 0 && e <= 20 {
		return sign + short + strings.Repeat("0", int(e))
	}
	if e < 0 && -e <= 20 {
		short = strings.Repeat("0", max(0, int(-e)-len(short)+1)) + short
		return sign + short[:len(short)-int(-e)] + "." + short[len(short)-int(-e):]
	}
	return sign + short + "e" + strconv.FormatInt(e, 10)
}

// String is the value with its type, as differences show it.
func (v *value) String() string {
	switch v.kind {
	case "number", "bool":
		return v.kind + " " + v.text
	case "string":
		return strconv.Quote(v.text)
	case "object":
		return "object of " + strings.Join(slices.Sorted(maps.Keys(v.keys)), ", ")
	case "array":
		return fmt.Sprintf("array of %d", len(v.list))
	}
	return v.kind
}

// key is a text that equal values share and no others.
func (v *value) key(b *strings.Builder) {
	switch v.kind {
	case "object":
		b.WriteByte('{')
		for _, k := range slices.Sorted(maps.Keys(v.keys)) {
			b.WriteString(strconv.Quote(k))
			v.keys[k].key(b)
		}
		b.WriteByte('}')
	case "array":
		b.WriteByte('[')
		for _, one := range v.list {
			one.key(b)
		}
		b.WriteByte(']')
	default:
		b.WriteString(v.String() + " ")
	}
}

func (x *comparison) value(field string, l, n *value) {
	if !x.spend(16 + len(field) + len(l.text) + len(n.text)) {
		return
	}
	switch {
	case l.kind != n.kind:
		x.typed(field, l, n)
	case l.kind == "object":
		for _, k := range slices.Sorted(maps.Keys(union(l.keys, n.keys))) {
			x.member(field+"/"+pointer.Replace(k), l.keys[k], n.keys[k])
		}
	case l.kind == "array":
		x.array(field, l.list, n.list)
	case l.text != n.text:
		x.single(field, l.String(), n.String())
	}
}

// pointer writes a key as a step of a JSON pointer (RFC 6901).
var pointer = strings.NewReplacer("~", "~0", "/", "~1")

func (x *comparison) member(field string, l, n *value) {
	switch {
	case l == nil:
		x.list(field, false, nil, one(n.String()))
	case n == nil:
		x.list(field, false, one(l.String()), nil)
	default:
		x.value(field, l, n)
	}
}

// typed is for values of two types. A mask that drops the field hides that too, no other does.
func (x *comparison) typed(field string, l, n *value) {
	for _, m := range x.masks {
		if m.Kind == Drop && m.pattern == nil && m.matches(field) {
			x.used = once(x.used, m.ID)
			return
		}
	}
	x.found(field, Type, l.String(), n.String(), x.critical(field, l.String(), n.String()))
}

func (x *comparison) array(field string, l, n []*value) {
	if a, b := items(keys(l)), items(keys(n)); len(a) == len(b) && !slices.Equal(a, b) {
		x.spend(size(a) + size(b))
		left, right := without(a, b, false, func(i item) string { return i.value })
		if len(left)+len(right) == 0 {
			x.order(field, a, b)
			return
		}
	}
	for i := range max(len(l), len(n)) {
		x.member(field+"/"+strconv.Itoa(i), at(l, i), at(n, i))
	}
}

func at(list []*value, i int) *value {
	if i < len(list) {
		return list[i]
	}
	return nil
}

func keys(list []*value) []string {
	all := make([]string, len(list))
	for i, v := range list {
		var b strings.Builder
		v.key(&b)
		all[i] = b.String()
	}
	return all
}
