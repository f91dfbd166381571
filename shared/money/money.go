// Package money is an amount in whole minor units of one currency: pennies, never a fraction of one, never a float.
// It reads what people and clients write strictly, and adds and splits without losing a penny.
package money

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strings"

	"github.com/shopspring/decimal"
)

// ErrCurrency says that two amounts are of different currencies and have no sum.
var ErrCurrency = errors.New("money: the amounts are of different currencies")

// ErrRange says that an amount does not fit into 64 bits of minor units.
var ErrRange = errors.New("money: the amount is too large")

// Amount is so many minor units of a currency. The zero Amount is nothing of no currency: it adds to any other.
// Amounts are compared with ==.
type Amount struct {
	minor    int64
	currency string
}

// GBP is an amount of pence.
func GBP(pence int64) Amount { return Amount{pence, "GBP"} }

// New is an amount of minor units of a currency by its ISO 4217 code.
func New(minor int64, currency string) (Amount, error) {
	if _, ok := exponent(currency); !ok {
		return Amount{}, fmt.Errorf("money: %q is no currency: an ISO 4217 code in capitals, as GBP", currency)
	}
	return Amount{minor, currency}, nil
}

// plain is what Parse takes: digits, perhaps a point and more digits. No sign, no exponent, no separators.
var plain = regexp.MustCompile(`^[0-9]{1,15}(\.[0-9]{1,3})?$`)

// Parse reads an amount as "12", "12.3" or "12.34". It refuses signs, exponents, thousands separators, spaces, other
// digits than 0-9, and more decimals than the currency has.
func Parse(s, currency string) (Amount, error) {
	digits, ok := exponent(currency)
	if !ok {
		return New(0, currency)
	}
	if !plain.MatchString(s) {
		return Amount{}, fmt.Errorf("money: %q is no amount: digits, perhaps a point and %d more, as 12.34", s, digits)
	}
	d, err := decimal.NewFromString(s)
	if err != nil {
		return Amount{}, fmt.Errorf("money: %q: %w", s, err)
	}
	d = d.Shift(digits)
	if !d.IsInteger() {
		return Amount{}, fmt.Errorf("money: %q has more than the %d decimals of %s", s, digits, currency)
	}
	if !d.BigInt().IsInt64() {
		return Amount{}, ErrRange
	}
	return Amount{d.IntPart(), currency}, nil
}

// Minor is the amount in minor units: pence for GBP.
func (a Amount) Minor() int64 { return a.minor }

// Currency is the ISO 4217 code; empty for the zero Amount.
func (a Amount) Currency() string { return a.currency }

// IsZero says that the amount is nothing, of whatever currency.
func (a Amount) IsZero() bool { return a.minor == 0 }

// Decimal is the number as "12.34", with as many decimals as the currency has.
func (a Amount) Decimal() string {
	digits, _ := exponent(a.currency)
	return decimal.New(a.minor, -digits).StringFixed(digits)
}

// String is the amount for people: "£12.34", or "12.34 EUR".
func (a Amount) String() string {
	if a.currency == "GBP" {
		if a.minor < 0 {
			return "-£" + strings.TrimPrefix(a.Decimal(), "-")
		}
		return "£" + a.Decimal()
	}
	return strings.TrimSpace(a.Decimal() + " " + a.currency)
}

// Add is the sum, or ErrCurrency, or ErrRange.
func (a Amount) Add(b Amount) (Amount, error) {
	currency := a.currency
	if currency == "" {
		currency = b.currency
	}
	if b.currency != "" && b.currency != currency {
		return Amount{}, fmt.Errorf("%w: %s and %s", ErrCurrency, a.currency, b.currency)
	}
	sum := a.minor + b.minor
	if (sum > a.minor) != (b.minor > 0) {
		return Amount{}, ErrRange
	}
	return Amount{sum, currency}, nil
}

// Sub is the difference, or ErrCurrency, or ErrRange.
func (a Amount) Sub(b Amount) (Amount, error) {
	if b.minor == math.MinInt64 {
		return Amount{}, ErrRange
	}
	return a.Add(b.Neg())
}

// Neg is the amount with its sign turned.
func (a Amount) Neg() Amount { return Amount{-a.minor, a.currency} }

// Split shares the amount out over n parts that differ by at most one minor unit and sum to it exactly; the larger
// parts come first. It is nil for n < 1.
func (a Amount) Split(n int) []Amount {
	if n < 1 {
		return nil
	}
	share, rest := a.minor/int64(n), a.minor%int64(n)
	parts := make([]Amount, n)
	for i := range parts {
		parts[i] = Amount{share, a.currency}
		switch {
		case rest > 0:
			parts[i].minor++
			rest--
		case rest < 0:
			parts[i].minor--
			rest++
		}
	}
	return parts
}

type wire struct {
	Minor    int64  `json:"minor"`
	Currency string `json:"currency"`
}

// MarshalJSON writes {"minor":1234,"currency":"GBP"}.
func (a Amount) MarshalJSON() ([]byte, error) { return json.Marshal(wire{a.minor, a.currency}) }

// UnmarshalJSON reads what MarshalJSON writes, and nothing else.
func (a *Amount) UnmarshalJSON(raw []byte) error {
	var w wire
	if err := json.Unmarshal(raw, &w); err != nil {
		return fmt.Errorf(`money: an amount is {"minor":1234,"currency":"GBP"}: %w`, err)
	}
	if w == (wire{}) {
		*a = Amount{}
		return nil
	}
	read, err := New(w.Minor, w.Currency)
	if err != nil {
		return err
	}
	*a = read
	return nil
}
