// Package cost says what traffic costs on AWS, and what the case paid before and after. Prices are dated data with their
// sources, sums are decimals, and what has no price is named and never taken as nothing.
package cost

import (
	"embed"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/shopspring/decimal"
)

// Region is where prices are taken from when nothing else is said.
const Region = "eu-west-1"

// Book is the prices of one region, before tax.
type Book struct {
	Region   string          `yaml:"region" json:"region"`
	Currency string          `yaml:"currency" json:"currency"`
	Rates    map[string]Rate `yaml:"rates" json:"rates"`
}

// Rate is the price of one thing that a bill counts.
type Rate struct {
	Title   string `yaml:"title" json:"title"`
	Usage   string `yaml:"usage" json:"usage"` // product code and usage type, as a bill names them
	Unit    string `yaml:"unit" json:"unit"`
	Per     Number `yaml:"per" json:"per"`   // how many units a price is for; absent: 1
	Free    Number `yaml:"free" json:"free"` // units a month in the free tier that never ends
	Tiers   []Tier `yaml:"tiers" json:"tiers,omitempty"`
	Date    string `yaml:"date" json:"date,omitempty"` // on which the price was published, or read
	Source  string `yaml:"source" json:"source,omitempty"`
	Missing string `yaml:"missing" json:"missing,omitempty"` // why there is no price
}

// Tier is a price up to a quantity of the month; the last tier's UpTo may be zero, which is no limit.
type Tier struct {
	UpTo  Number `yaml:"up_to" json:"up_to"`
	Price Number `yaml:"price" json:"price"`
}

// Number is a decimal that is read from text, never through a float.
type Number struct{ decimal.Decimal }

// UnmarshalYAML reads a quoted decimal.
func (n *Number) UnmarshalYAML(text []byte) error {
	plain := strings.Trim(string(text), `"' `)
	d, err := decimal.NewFromString(plain)
	if err != nil || len(plain) > 30 || strings.ContainsAny(plain, "eE") { // an exponent of a million digits is no price
		return fmt.Errorf("%s must be a decimal in quotes, such as \"0.20\"", text)
	}
	n.Decimal = d
	return nil
}

//go:embed prices/*.yaml
var shipped embed.FS

// Prices reads the shipped book of a region.
func Prices(region string) (*Book, error) {
	text, err := shipped.ReadFile("prices/" + region + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("cost: there are no prices of region %q: one of %s, or a file of your own", region, strings.Join(Regions(), ", "))
	}
	return Parse("prices of "+region, text)
}

// Regions are those that have a shipped book.
func Regions() []string {
	files, _ := shipped.ReadDir("prices") // embedded: it is there
	var all []string
	for _, f := range files {
		all = append(all, strings.TrimSuffix(f.Name(), ".yaml"))
	}
	return all
}

// Open reads a book from a file in the shipped books' format.
func Open(file string) (*Book, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("cost: %w", err)
	}
	return Parse(file, text)
}

// Parse reads a book; name stands in errors.
func Parse(name string, text []byte) (*Book, error) {
	var b Book
	if err := yaml.UnmarshalWithOptions(text, &b, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("cost: %s: %s", name, strings.TrimSpace(yaml.FormatError(err, false, true)))
	}
	var errs []error
	for key, r := range b.Rates {
		if err := r.check(); err != nil {
			errs = append(errs, fmt.Errorf("cost: %s: rates.%s: %w", name, key, err))
		}
	}
	if b.Region == "" || b.Currency == "" {
		errs = append(errs, fmt.Errorf("cost: %s: region and currency must be given", name))
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return &b, errors.Join(errs...)
}

func (r Rate) check() error {
	if r.Title == "" || r.Unit == "" || r.Per.IsNegative() || r.Free.IsNegative() {
		return errors.New("title and unit must be given, per and free must not be negative")
	}
	if (len(r.Tiers) == 0) == (r.Missing == "") {
		return errors.New("needs tiers, or the reason why there are none as missing")
	}
	if r.Missing == "" && (r.Date == "" || r.Source == "") {
		return errors.New("a price needs its date and its source")
	}
	below := decimal.Zero
	for i, t := range r.Tiers {
		open := t.UpTo.IsZero() && i == len(r.Tiers)-1
		if t.Price.IsNegative() || (!open && t.UpTo.LessThanOrEqual(below)) {
			return fmt.Errorf("tier %d: tiers must rise, only the last may have no up_to, and no price is negative", i+1)
		}
		below = t.UpTo.Decimal
	}
	return nil
}

// ErrNoPrice is returned where the book has no price, with the reason.
var ErrNoPrice = errors.New("no price")

// Cost is the price of a month's quantity, through the tiers. free takes the free tier off first. Nothing costs nothing
// even where there is no price.
func (b *Book) Cost(rate string, quantity decimal.Decimal, free bool) (decimal.Decimal, error) {
	r, ok := b.Rates[rate]
	if !ok {
		return decimal.Zero, fmt.Errorf("%w: the book of %s does not know %q", ErrNoPrice, b.Region, rate)
	}
	if quantity.IsZero() {
		return decimal.Zero, nil
	}
	if r.Missing != "" {
		return decimal.Zero, fmt.Errorf("%w: %s", ErrNoPrice, r.Missing)
	}
	if free {
		quantity = decimal.Max(decimal.Zero, quantity.Sub(r.Free.Decimal))
	}
	sum, below := decimal.Zero, decimal.Zero
	for _, t := range r.Tiers {
		part := quantity.Sub(below)
		if !t.UpTo.IsZero() {
			part = decimal.Min(part, t.UpTo.Sub(below))
		}
		if !part.IsPositive() {
			break
		}
		sum = sum.Add(part.Mul(t.Price.Decimal))
		below = t.UpTo.Decimal
	}
	if last := r.Tiers[len(r.Tiers)-1].UpTo; !last.IsZero() && quantity.GreaterThan(last.Decimal) {
		return decimal.Zero, fmt.Errorf("%w: known up to %s %ss a month only", ErrNoPrice, last, r.Unit)
	}
	if r.Per.IsPositive() {
		sum = sum.Div(r.Per.Decimal)
	}
	return sum, nil
}
