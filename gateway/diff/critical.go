package diff

import (
	"regexp"
	"slices"
	"strings"
)

// amountName is what fields of money and of consent are called.
var amountName = regexp.MustCompile(`(?i)amount|price|total|sum\b|minor|pence|currency|gift.?aid|consent|opt.?in|opt.?out|permission|subscri`)

// amount is money in a text: with a currency, or written with two decimals.
var amount = regexp.MustCompile(`(?i)[£€$] ?\d[\d,]*(?:\.\d+)?|\b(?:GBP|EUR|USD) ?\d[\d,]*(?:\.\d+)?|\d[\d,]*(?:\.\d+)? ?(?:GBP|EUR|USD|p\b|pence\b|pounds\b)|\b\d[\d,]*\.\d\d\b`)

// critical says it of a difference, as long as there is work left.
func (x *comparison) critical(field, legacy, new string) bool {
	return x.spend(cost*(len(legacy)+len(new))) && critical(field, legacy, new)
}

// critical says whether a difference is in an amount or a consent (J-8): in a field of that name, its
// value or what can be chosen, or in what a text says that something costs. How the field is drawn is not.
func critical(field, legacy, new string) bool {
	what, rest, _ := strings.Cut(field, " ")
	switch {
	case what == "json" || what == "xml" || what == "effect" || strings.HasPrefix(rest, "json-ld"):
		if amountName.MatchString(last(rest)) {
			return true
		}
	case what == "html":
		if _, name, is := strings.Cut(rest, " field "); is {
			name, of, _ := strings.Cut(name, " ")
			return amountName.MatchString(name) && (of == "" || of == "value" || of == "option")
		}
	case what == "header":
		return false
	}
	return !slices.Equal(amount.FindAllString(legacy, -1), amount.FindAllString(new, -1))
}
