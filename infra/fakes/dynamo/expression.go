package dynamo

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// values are an expression's, and which of them were named: DynamoDB refuses one that none names.
type values struct {
	given item
	named map[string]bool
}

func (v *values) get(name string) (value, error) {
	got, has := v.given[name]
	if !has {
		return nil, invalid("An expression attribute value used in expression is not defined; attribute value: " + name)
	}
	if got.sets() {
		return nil, invalid("sets are not played here; attribute value: " + name)
	}
	return got, nil
}

// sets says that a value is a set, or has one within. They are refused: they would be neither weighed nor compared rightly.
func (v value) sets() bool {
	if v["SS"] != nil || v["NS"] != nil || v["BS"] != nil {
		return true
	}
	l, _ := v.list()
	m, _ := v.fields()
	return slices.ContainsFunc(l, value.sets) || slices.ContainsFunc(slices.Collect(maps.Values(m)), value.sets)
}

// scan notes the values that an expression names, whether or not it comes to look at them.
func (v *values) scan(expression string) {
	if v.named == nil {
		v.named = map[string]bool{}
	}
	for _, token := range tokens(expression) {
		v.named[token] = true
	}
}

func (v *values) unused() string {
	for name := range v.given {
		if !v.named[name] {
			return name
		}
	}
	return ""
}

var word = regexp.MustCompile(`:?\w+|<>|<=|>=|[<>=+()\[\].,]`)

func tokens(expression string) []string { return word.FindAllString(expression, -1) }

// reader reads an expression over an item, token by token. A wrong expression panics with its failure.
type reader struct {
	left   []string
	item   item
	values *values
}

func (r *reader) next() string {
	if len(r.left) == 0 {
		return ""
	}
	token := r.left[0]
	r.left = r.left[1:]
	return token
}

func (r *reader) peek() string {
	if len(r.left) == 0 {
		return ""
	}
	return r.left[0]
}

func (r *reader) expect(token string) {
	if got := r.next(); got != token {
		panic(invalid(fmt.Sprintf("Invalid expression: Syntax error; %q where %q was expected", got, token)))
	}
}

func caught(err *error) {
	switch f := recover().(type) {
	case nil:
	case *failure:
		*err = f
	default:
		panic(f)
	}
}

// holds evaluates a condition over an item, nil for one that is not there.
func holds(expression string, i item, v *values) (ok bool, err error) {
	v.scan(expression)
	return holding(tokens(expression), i, v)
}

// holding is holds of an expression that is taken to pieces already.
func holding(expression []string, i item, v *values) (ok bool, err error) {
	defer caught(&err)
	r := &reader{left: expression, item: i, values: v}
	ok = r.or()
	if rest := r.next(); rest != "" {
		panic(invalid("Invalid expression: Syntax error; token: " + rest))
	}
	return ok, nil
}

func (r *reader) or() bool {
	ok := r.and()
	for r.peek() == "OR" {
		r.next()
		ok = r.and() || ok
	}
	return ok
}

func (r *reader) and() bool {
	ok := r.comparison()
	for r.peek() == "AND" {
		r.next()
		ok = r.comparison() && ok
	}
	return ok
}

func (r *reader) comparison() bool {
	switch r.peek() {
	case "(":
		r.next()
		ok := r.or()
		r.expect(")")
		return ok
	case "attribute_exists", "attribute_not_exists":
		want := r.next() == "attribute_exists"
		r.expect("(")
		_, there := r.operand()
		r.expect(")")
		return there == want
	}
	a, hasA := r.operand()
	operator := r.next()
	b, hasB := r.operand()
	if operator == "BETWEEN" {
		r.expect("AND")
		c, _ := r.operand()
		if compare(b, c) > 0 {
			panic(invalid("The BETWEEN operator requires upper bound to be greater than or equal to lower bound"))
		}
		return hasA && compare(a, b) >= 0 && compare(a, c) <= 0
	}
	if !hasA || !hasB {
		return false
	}
	switch operator {
	case "=":
		return equal(a, b)
	case "<>":
		return !equal(a, b)
	case "<":
		return compare(a, b) < 0
	case "<=":
		return compare(a, b) <= 0
	case ">":
		return compare(a, b) > 0
	case ">=":
		return compare(a, b) >= 0
	}
	panic(invalid("Invalid expression: Syntax error; token: " + operator))
}

// operand is a value, a place in the item, or the size of one; false where nothing is there.
func (r *reader) operand() (value, bool) {
	token := r.next()
	switch {
	case strings.HasPrefix(token, ":"):
		v, err := r.values.get(token)
		if err != nil {
			panic(err)
		}
		return v, true
	case token == "size":
		r.expect("(")
		v, there := r.operand()
		r.expect(")")
		l, is := v.list()
		return value{"N": json.RawMessage(strconv.Quote(strconv.Itoa(len(l))))}, there && is
	case token == "" || !regexp.MustCompile(`^\w+$`).MatchString(token):
		panic(invalid("Invalid expression: Syntax error; token: " + token))
	}
	v, there := r.item[token]
	for r.peek() == "[" || r.peek() == "." {
		if r.next() == "." {
			fields, _ := v.fields()
			v, there = fields[r.next()] // of no map: nothing
			continue
		}
		n, _ := strconv.Atoi(r.next())
		r.expect("]")
		l, _ := v.list()
		if there = n < len(l); there {
			v = l[n]
		} else {
			v = nil
		}
	}
	return v, there
}

func (v value) list() (l []value, is bool) {
	raw, is := v["L"]
	return l, is && json.Unmarshal(raw, &l) == nil
}

func (v value) fields() (m item, is bool) {
	raw, is := v["M"]
	return m, is && json.Unmarshal(raw, &m) == nil
}

func equal(a, b value) bool {
	var x, y any
	rawA, _ := json.Marshal(a)
	rawB, _ := json.Marshal(b)
	return json.Unmarshal(rawA, &x) == nil && json.Unmarshal(rawB, &y) == nil && reflect.DeepEqual(x, y)
}

// compare orders numbers by their worth and strings by their bytes.
func compare(a, b value) int {
	if a["N"] == nil || b["N"] == nil {
		return cmp.Compare(a.text(), b.text())
	}
	x, okX := new(big.Float).SetString(a.text())
	y, okY := new(big.Float).SetString(b.text())
	if !okX || !okY {
		panic(invalid("a number is none"))
	}
	return x.Cmp(y)
}
