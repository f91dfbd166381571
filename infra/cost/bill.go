package cost

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"
)

// Line is one line of a bill. Free is its cost after the free tier that never ends.
type Line struct {
	Group    string
	Item     string
	Quantity decimal.Decimal
	Unit     string
	Cost     decimal.Decimal
	Free     decimal.Decimal
	Date     string // of the price
	Note     string
}

// MarshalJSON writes money and quantities as decimal strings.
func (l Line) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Group    string `json:"group,omitempty"`
		Item     string `json:"item"`
		Quantity string `json:"quantity,omitempty"`
		Unit     string `json:"unit,omitempty"`
		Cost     string `json:"cost"`
		Free     string `json:"cost_with_free_tier"`
		Date     string `json:"price_date,omitempty"`
		Note     string `json:"note,omitempty"`
	}{l.Group, l.Item, l.Quantity.String(), l.Unit, Money(l.Cost), Money(l.Free), l.Date, l.Note})
}

// Unknown is something that is used and has no price. It is in no sum.
type Unknown struct {
	Item string `json:"item"`
	Why  string `json:"why"`
}

// Bill is what a month costs. Total is without the free tier, which a year-old account with other traffic has used up.
type Bill struct {
	Region      string
	Currency    string
	Donations   int64
	Lines       []Line
	Total       decimal.Decimal
	Free        decimal.Decimal // the total after the free tier
	Unknown     []Unknown
	Assumptions []string
}

// MarshalJSON writes money as decimal strings; cents suffice for sums and not for one donation.
func (b *Bill) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{
		"region": b.Region, "currency": b.Currency, "donations": b.Donations, "lines": b.Lines, "total": Money(b.Total),
		"total_with_free_tier": Money(b.Free), "per_donation": b.PerDonation(), "unknown": b.Unknown, "assumptions": b.Assumptions,
	})
}

// PerDonation is the cost of one, to a hundredth of a cent.
func (b *Bill) PerDonation() string {
	return b.Total.DivRound(decimal.NewFromInt(b.Donations), 6).String()
}

// Of sums the lines of one group.
func (b *Bill) Of(group string) decimal.Decimal {
	sum := decimal.Zero
	for _, l := range b.Lines {
		if l.Group == group {
			sum = sum.Add(l.Cost)
		}
	}
	return sum
}

// Estimate is what a month with so many donations would cost if each caused what it caused in the measured run. A line
// without a price is not in the sums; it is in Unknown.
func Estimate(book *Book, m Measured, donations int64) (*Bill, error) {
	if m.Donations <= 0 || donations <= 0 {
		return nil, fmt.Errorf("cost: %d donations measured and %d a month asked for: both must be above 0", m.Donations, donations)
	}
	b := &Bill{Region: book.Region, Currency: book.Currency, Donations: donations, Assumptions: assumptions(m, donations)}
	used := map[string]decimal.Decimal{} // what earlier lines of the same rate have taken of its tiers
	for _, i := range m.items(donations) {
		before := used[i.rate]
		used[i.rate] = before.Add(i.quantity)
		full, err := between(book, i.rate, before, used[i.rate], false)
		free, _ := between(book, i.rate, before, used[i.rate], true)
		r := book.Rates[i.rate]
		if err != nil {
			b.Unknown = append(b.Unknown, Unknown{title(r, i), strings.TrimPrefix(err.Error(), ErrNoPrice.Error()+": ")})
			continue
		}
		b.Lines = append(b.Lines, Line{i.group, title(r, i), i.quantity, r.Unit, full, free, r.Date, i.note})
		b.Total, b.Free = b.Total.Add(full), b.Free.Add(free)
	}
	return b, nil
}

// between is what the part of a month's quantity costs that comes after an earlier part.
func between(book *Book, rate string, from, to decimal.Decimal, free bool) (decimal.Decimal, error) {
	before, err := book.Cost(rate, from, free)
	if err != nil {
		return decimal.Zero, err
	}
	after, err := book.Cost(rate, to, free)
	return after.Sub(before), err
}

func title(r Rate, i item) string {
	if r.Title == "" {
		return i.rate
	}
	return r.Title
}

// Money writes a sum with cents, and with up to six places where it is below one: a small line is not nothing.
func Money(d decimal.Decimal) string {
	if d.IsZero() || d.Abs().GreaterThanOrEqual(decimal.NewFromInt(1)) {
		return d.StringFixed(2)
	}
	if short := d.StringFixed(2); d.Sub(decimal.RequireFromString(short)).Abs().LessThan(decimal.New(5, -4)) && short != "0.00" {
		return short
	}
	return d.Round(6).String()
}

// group writes 1234567 as 1,234,567.
func group(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
