package php

import (
	"strconv"
	"strings"
)

// Values are what PHP makes of a query or a body: names in the order in which they first came, the last value of each.
// A name is normal: "submitted[amount]", and "a[]" has become "a[0]", "a[1]", …
type Values struct {
	names  []string
	values map[string]string
	counts map[string]int
}

// MaxValues is PHP's max_input_vars: what comes after is dropped.
const MaxValues = 1000

// ParseQuery reads name=value pairs joined by &, with + for a space.
func ParseQuery(s string) *Values {
	v := &Values{}
	for pair := range strings.SplitSeq(s, "&") {
		name, value, _ := strings.Cut(pair, "=")
		v.Add(Decode(strings.ReplaceAll(name, "+", " ")), Decode(strings.ReplaceAll(value, "+", " ")))
	}
	return v
}

// Add puts a value in under its name as it was sent, in PHP's way.
func (v *Values) Add(name, value string) {
	name = v.normal(strings.TrimLeft(name, " "))
	if name == "" || len(v.names) >= MaxValues {
		return
	}
	if v.values == nil {
		v.values = map[string]string{}
	}
	if _, ok := v.values[name]; !ok {
		v.names = append(v.names, name)
	}
	v.values[name] = value
}

// normal is the name with its dots and spaces as underscores and its empty subscripts counted.
func (v *Values) normal(name string) string {
	name, _, _ = strings.Cut(name, "\x00")
	base, subs, nested := strings.Cut(name, "[")
	base = underscores.Replace(base)
	if !nested || base == "" {
		return base
	}
	full := base
	for {
		sub, rest, closed := strings.Cut(subs, "]")
		if !closed {
			if full == base { // "a[b" without an end is the name a_b
				return base + "_" + underscores.Replace(sub)
			}
			return full
		}
		if sub == "" {
			sub = strconv.Itoa(v.next(full))
		}
		full += "[" + sub + "]"
		if !strings.HasPrefix(rest, "[") {
			return full
		}
		subs = rest[1:]
	}
}

var underscores = strings.NewReplacer(".", "_", " ", "_", "[", "_")

func (v *Values) next(array string) int {
	if v.counts == nil {
		v.counts = map[string]int{}
	}
	n := v.counts[array]
	v.counts[array] = n + 1
	return n
}

// Get is the value of a name, and whether it was sent.
func (v *Values) Get(name string) (string, bool) {
	if v == nil {
		return "", false
	}
	s, ok := v.values[name]
	return s, ok
}

// Value is the value of a name, "" when it was not sent.
func (v *Values) Value(name string) string {
	s, _ := v.Get(name)
	return s
}

// Build is drupal_http_build_query of all values but the one named without.
func (v *Values) Build(without string) string {
	var b strings.Builder
	for _, name := range v.names {
		if name == without {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		base, subs, _ := strings.Cut(name, "[")
		b.WriteString(encode(base, "-_.~"))
		if subs != "" {
			for sub := range strings.SplitSeq(strings.TrimSuffix(subs, "]"), "][") {
				b.WriteString("[" + encode(sub, "-_.~") + "]")
			}
		}
		b.WriteByte('=')
		b.WriteString(Encode(v.values[name]))
	}
	return b.String()
}
