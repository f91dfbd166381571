package messages

import (
	"bytes"
	"encoding/json"
	"math/big"
	"slices"
	"strings"
)

// filter is a subscription's policy on attributes: each of them must have a value that one of its conditions takes. The
// empty filter takes everything.
type filter map[string][]condition

// condition looks at an attribute's values, as JSON has them: a string, a json.Number, a bool or nil.
type condition func(values []any, there bool) bool

func (f filter) takes(given map[string]attribute) bool {
	for name, any := range f {
		values, there := valuesOf(given, name)
		if !slices.ContainsFunc(any, func(c condition) bool { return c(values, there) }) {
			return false
		}
	}
	return true
}

// valuesOf are an attribute's: a String.Array has several, of every kind. Binary ones are not filtered by.
func valuesOf(given map[string]attribute, name string) (values []any, there bool) {
	a, there := given[name]
	switch kind, _, _ := strings.Cut(a.DataType, "."); {
	case a.DataType == "String.Array":
		_ = exactly([]byte(a.StringValue), &values) // what is no list has no value
		return values, there
	case kind == "String":
		return []any{a.StringValue}, there
	case kind == "Number":
		return []any{json.Number(a.StringValue)}, there
	}
	return nil, there
}

// exactly reads JSON with its numbers as they are written.
func exactly(raw []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return d.Decode(into)
}

// filterOf reads a policy; the empty text is none.
func filterOf(policy string) (filter, error) {
	if policy == "" {
		return nil, nil
	}
	var raw map[string][]json.RawMessage
	if err := json.Unmarshal([]byte(policy), &raw); err != nil {
		return nil, wrong("InvalidParameter", "Invalid parameter: FilterPolicy: it is a map of lists: "+err.Error())
	}
	f := filter{}
	for name, conditions := range raw {
		if len(conditions) == 0 {
			return nil, wrong("InvalidParameter", "Invalid parameter: FilterPolicy: Empty arrays are not allowed")
		}
		for _, c := range conditions {
			made, err := conditionOf(c)
			if err != nil {
				return nil, err
			}
			f[name] = append(f[name], made)
		}
	}
	return f, nil
}

func some(is func(any) bool) condition {
	return func(values []any, there bool) bool { return there && slices.ContainsFunc(values, is) }
}

func someText(is func(string) bool) condition {
	return some(func(v any) bool { text, ok := v.(string); return ok && is(text) })
}

func someNumber(is func(*big.Rat) bool) condition {
	return some(func(v any) bool {
		written, _ := v.(json.Number)
		n, ok := numberOf(string(written))
		return ok && is(n)
	})
}

func conditionOf(raw json.RawMessage) (condition, error) {
	var literal any
	if err := exactly(raw, &literal); err != nil {
		return nil, wrong("InvalidParameter", "Invalid parameter: FilterPolicy: "+err.Error())
	}
	switch v := literal.(type) {
	case string, bool, nil:
		return some(func(given any) bool { return given == v }), nil
	case json.Number:
		if n, is := numberOf(string(v)); is {
			return someNumber(func(m *big.Rat) bool { return m.Cmp(n) == 0 }), nil
		}
	}
	var operator map[string]json.RawMessage
	if json.Unmarshal(raw, &operator) != nil || len(operator) != 1 {
		return nil, wrong("InvalidParameter", "Invalid parameter: FilterPolicy: Match value must be String, number, true, false, or null")
	}
	for name, with := range operator {
		if c := operation(name, with); c != nil {
			return c, nil
		}
	}
	return nil, wrong("InvalidParameter", "Invalid parameter: FilterPolicy: this match type, or its value, is not played here: "+string(raw))
}

// operation is nil for one that is not known, or whose value is of the wrong kind.
func operation(name string, with json.RawMessage) condition {
	var text string
	isText := json.Unmarshal(with, &text) == nil
	switch {
	case name == "exists":
		var want bool
		if json.Unmarshal(with, &want) == nil {
			return func(_ []any, there bool) bool { return there == want }
		}
	case name == "prefix" && isText:
		return someText(func(v string) bool { return strings.HasPrefix(v, text) })
	case name == "suffix" && isText:
		return someText(func(v string) bool { return strings.HasSuffix(v, text) })
	case name == "anything-but":
		not := []string{text}
		if isText || json.Unmarshal(with, &not) == nil {
			return some(func(v any) bool { text, is := v.(string); return !is || !slices.Contains(not, text) })
		}
	case name == "numeric":
		return between(with)
	}
	return nil
}

// between is {"numeric": [">=", 1, "<", 5]}.
func between(with json.RawMessage) condition {
	var parts []json.RawMessage
	if json.Unmarshal(with, &parts) != nil || len(parts) == 0 || len(parts)%2 != 0 {
		return nil
	}
	var all []func(*big.Rat) bool
	for i := 0; i < len(parts); i += 2 {
		var operator string
		bound, is := numberOf(string(parts[i+1]))
		holds := map[string]func(int) bool{"=": func(c int) bool { return c == 0 }, "<": func(c int) bool { return c < 0 }, "<=": func(c int) bool { return c <= 0 },
			">": func(c int) bool { return c > 0 }, ">=": func(c int) bool { return c >= 0 }}
		if json.Unmarshal(parts[i], &operator) != nil || !is || holds[operator] == nil {
			return nil
		}
		all = append(all, func(n *big.Rat) bool { return holds[operator](n.Cmp(bound)) })
	}
	return someNumber(func(n *big.Rat) bool {
		return !slices.ContainsFunc(all, func(holds func(*big.Rat) bool) bool { return !holds(n) })
	})
}

// numberOf reads a number as SNS takes it: at most 15 digits or so, so that no text makes a great one.
func numberOf(text string) (*big.Rat, bool) {
	if len(text) > 32 || strings.ContainsAny(text, "eEpPxX/_") {
		return nil, false
	}
	return new(big.Rat).SetString(text)
}
