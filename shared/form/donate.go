package form

import (
	"slices"
	"strings"
	"unicode"

	"github.com/banyan-migration/banyan/shared/money"
)

// Donation is the donate service's request, POST /donations, as far as the old donate form can say it. Its names are
// the form's keys, so that a refusal of the service names a field that the donor sees; only transaction_id is called
// reference. Texts are as typed: the service decides what it accepts.
type Donation struct {
	Amount       string   `json:"amount"` // pounds: "25.00"; as typed where it is not an amount
	Currency     string   `json:"currency"`
	Giving       string   `json:"giving"` // the old form knows single gifts only
	Title        string   `json:"title"`
	FirstName    string   `json:"first_name"`
	LastName     string   `json:"last_name"`
	Email        string   `json:"email"`
	Phone        string   `json:"phone"`
	Address1     string   `json:"address1"`
	Town         string   `json:"town"`
	Postcode     string   `json:"postcode"`
	Country      string   `json:"country"`
	GiftAid      *bool    `json:"gift_aid"` // nil: not answered
	EmailConsent *bool    `json:"email_consent"`
	Message      string   `json:"message"`
	Reference    string   `json:"reference"`
	Payment      *Payment `json:"payment,omitempty"`
}

// Payment says how a gift is to be collected; without it the acquirer's own page asks.
type Payment struct {
	Method string `json:"method"`
}

// Refusal is one reason why a row is no gift: the component's key, and what would be right.
type Refusal struct{ Field, Text string }

// DonationOf is the request that the form's values say. Amounts are written plainly (£1,000 is 1000) and the four
// ways to write the United Kingdom are GB; whatever else was typed stays, for the service to refuse in its own words.
func DonationOf(values map[string][]string) Donation {
	text := func(key string) string { return strings.TrimSpace(Record{Values: values}.Value(key)) }
	d := Donation{
		Amount: text("amount"), Currency: "GBP", Giving: "single",
		Title: text("title"), FirstName: text("first_name"), LastName: text("last_name"),
		Email: text("email"), Phone: text("phone"),
		Address1: text("address1"), Town: text("town"), Postcode: text("postcode"),
		Country: Country(text("country")), GiftAid: tick(text("gift_aid")), EmailConsent: tick(text("email_consent")),
		// A message is the donor's own text: its spaces and line ends are kept.
		Message: Record{Values: values}.Value("message"), Reference: text("transaction_id"),
	}
	if plain, ok := Amount(d.Amount); ok {
		d.Amount = plain
	}
	return d
}

// ReadDonation is DonationOf for a stored row, with every reason why the row cannot be moved, in the order in which
// the reasons count: amount, email, first_name. Live limits do not apply.
func ReadDonation(r Record) (Donation, []Refusal) {
	d := DonationOf(r.Values)
	var no []Refusal
	if _, ok := Amount(d.Amount); !ok || len(r.Values["amount"]) > 1 { // of two amounts nobody knows which was given
		no = append(no, Refusal{"amount", "one amount in pounds, more than nothing, with no pence or two digits of them"})
	}
	if !Email(d.Email) {
		no = append(no, Refusal{"email", "one @ with something on both sides, a dot in the domain, no space"})
	}
	if d.FirstName == "" {
		no = append(no, Refusal{"first_name", "a first name"})
	}
	return d, no
}

// Values is the way back: what the old site would have stored for the donation. Every component is present, as Drupal
// stores them; money is written plainly.
func (d Donation) Values() map[string][]string {
	one := func(text string) []string { return []string{text} }
	return map[string][]string{
		"amount": one(d.Amount), "title": one(d.Title), "first_name": one(d.FirstName), "last_name": one(d.LastName),
		"email": one(d.Email), "phone": one(d.Phone), "address1": one(d.Address1), "town": one(d.Town),
		"postcode": one(d.Postcode), "country": one(d.Country), "gift_aid": one(untick(d.GiftAid)),
		"email_consent": one(untick(d.EmailConsent)), "message": one(d.Message), "transaction_id": one(d.Reference),
	}
}

// Component is the key of the form's component that a field of the request came from.
func (f Form) Component(field string) string {
	if field == "reference" && f.Alias == "donate" {
		return "transaction_id"
	}
	return field
}

// Amount reads money as people typed it into the old site: an optional "£" or "GBP ", pounds with optional thousands
// commas, and no pence or two digits of them. It is returned in digits with its pence ("1234.50"); nothing and less is no amount.
func Amount(typed string) (plain string, ok bool) {
	a, err := money.ParseOld(typed)
	if err != nil || a.IsZero() {
		return "", false
	}
	return a.Decimal(), true
}

// Email says whether a stored address is good enough to move. It is far laxer than what a live form accepts.
func Email(address string) bool {
	local, domain, ok := strings.Cut(address, "@")
	return ok && local != "" && domain != "" && !strings.Contains(domain, "@") && strings.Contains(domain, ".") &&
		!strings.ContainsFunc(address, unicode.IsSpace)
}

var kingdom = []string{"", "GB", "UK", "UNITED KINGDOM"}

// Country is "GB" for the ways in which the old site's donors wrote it, nothing included; else what was typed.
func Country(typed string) string {
	if slices.Contains(kingdom, strings.ToUpper(strings.TrimSpace(typed))) {
		return "GB"
	}
	return strings.TrimSpace(typed)
}

// tick reads a yes-or-no question: "1" and "0" are answers, anything else is none.
func tick(value string) *bool {
	if value != "1" && value != "0" {
		return nil
	}
	yes := value == "1"
	return &yes
}

func untick(answer *bool) string {
	switch {
	case answer == nil:
		return ""
	case *answer:
		return "1"
	}
	return "0"
}
