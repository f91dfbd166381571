package money

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// Typed is an amount as a client wrote it in a request: "10", "10.50", 10, or {"minor":1000,"currency":"GBP"}. It is
// read by In, once the request's currency is known, so that a form can be told of it with its other wrong fields.
// The zero Typed was not given.
type Typed struct {
	text  string
	whole Amount
}

// Type is what was typed into a form's field.
func Type(text string) Typed { return Typed{text: strings.TrimSpace(text)} }

// Given says that something was typed.
func (t Typed) Given() bool { return t.text != "" || t.whole != Amount{} }

// In is the amount, where currency is what the request says beside it. 1e3, NaN, -1 and 10.505 are refused, and so is
// an object of another currency.
func (t Typed) In(currency string) (Amount, error) {
	if t.whole != (Amount{}) {
		if t.whole.currency != currency {
			return Amount{}, fmt.Errorf("%w: %s and %s", ErrCurrency, t.whole.currency, currency)
		}
		if t.whole.minor < 0 {
			return Amount{}, fmt.Errorf("money: %s is less than nothing", t.whole)
		}
		return t.whole, nil
	}
	return Parse(t.text, currency)
}

// MarshalJSON writes what UnmarshalJSON reads.
func (t Typed) MarshalJSON() ([]byte, error) {
	if t.whole != (Amount{}) {
		return json.Marshal(t.whole)
	}
	return json.Marshal(t.text)
}

// UnmarshalJSON keeps what was written; a number keeps its digits and never becomes a float.
func (t *Typed) UnmarshalJSON(raw []byte) error {
	raw = bytes.TrimSpace(raw)
	switch {
	case bytes.Equal(raw, []byte("null")):
		*t = Typed{}
		return nil
	case len(raw) > 0 && raw[0] == '"':
		var s string
		if err := json.Unmarshal(raw, &s); err != nil {
			return err
		}
		*t = Type(s)
		return nil
	case len(raw) > 0 && raw[0] == '{':
		*t = Typed{}
		return json.Unmarshal(raw, &t.whole)
	case len(raw) > 0 && (raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9'):
		*t = Type(string(raw))
		return nil
	}
	return fmt.Errorf(`money: an amount is written "10.50", 10 or {"minor":1050,"currency":"GBP"}, not %.20s`, raw)
}

// old is what the old site's amount field held where a gift was meant: pounds, with or without sign, thousands commas
// and exactly two decimals.
var old = regexp.MustCompile(`^(?:£|GBP )?((?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,12}))(\.[0-9]{2})?$`)

// ParseOld reads an amount of pounds as the old site's donors typed it: "25", "£1,250.00", "GBP 30". Spaces around are
// forgiven. Nothing, words, negatives, 1e3, 5.005 and digits other than 0-9 are refused; nought is not.
func ParseOld(s string) (Amount, error) {
	m := old.FindStringSubmatch(strings.TrimSpace(s))
	if m == nil {
		return Amount{}, fmt.Errorf("money: %q is no amount: pounds, perhaps with £, thousands commas and two decimals, as £1,250.00", s)
	}
	return Parse(strings.ReplaceAll(m[1], ",", "")+m[2], "GBP")
}
