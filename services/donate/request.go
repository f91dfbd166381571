package donate

import (
	"strings"
	"unicode/utf8"

	"github.com/banyan-migration/banyan/shared/contact"
	"github.com/banyan-migration/banyan/shared/fault"
	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/money"
)

const (
	single  = "single"
	monthly = "monthly"
)

// request is POST /donations. A refusal names the field as it is here, in words for the donor.
type request struct {
	Amount       money.Typed `json:"amount"`
	Currency     string      `json:"currency"` // GBP where it is not given
	Giving       string      `json:"giving"`   // single where it is not given; any case (DON-1)
	Title        string      `json:"title"`
	FirstName    string      `json:"first_name"`
	LastName     string      `json:"last_name"`
	Email        string      `json:"email"`
	Phone        string      `json:"phone"`
	Address1     string      `json:"address1"`
	Town         string      `json:"town"`
	Postcode     string      `json:"postcode"`
	Country      string      `json:"country"`
	GiftAid      *bool       `json:"gift_aid"`
	EmailConsent *bool       `json:"email_consent"`
	Message      string      `json:"message"`
	Reference    string      `json:"reference"`
	Payment      *payment    `json:"payment"`
}

type payment struct {
	Method string `json:"method"` // what the acquirer's page gave, or "test"
}

// gift is the request as a record, or every field that is wrong.
func (r request) gift(l limits) (Gift, error) {
	c := &checks{}
	g := Gift{
		Amount: c.amount(r, l), Giving: c.giving(r.Giving), Sequence: 1, GiftAid: r.GiftAid, EmailConsent: r.EmailConsent,
		Donor: Donor{
			Title: c.text("title", r.Title, 20), FirstName: c.name("first_name", "first name", r.FirstName), LastName: c.name("last_name", "last name", r.LastName),
			Email: c.email(r.Email), Phone: c.text("phone", r.Phone, 40), Address1: c.text("address1", r.Address1, 200), Town: c.text("town", r.Town, 100),
			Country: form.Country(c.text("country", r.Country, 60)),
		},
		Message: c.text("message", r.Message, 2000), Reference: c.text("reference", r.Reference, 100),
	}
	g.Donor.Postcode = c.postcode(r.Postcode, g.Donor.Country)
	if tel, err := contact.ParsePhone(r.Phone); err == nil {
		g.Donor.Tel = string(tel) // the number as typed is kept in any case: nobody loses a gift over a telephone
	}
	if r.GiftAid != nil && *r.GiftAid { // a declaration has the donor's home address (GA-1)
		c.needed("address1", g.Donor.Address1, "Please enter your home address: Gift Aid needs it")
		if g.Donor.Country == "GB" {
			c.needed("postcode", r.Postcode, "Please enter your postcode: Gift Aid needs it")
		}
	}
	if r.Payment != nil {
		c.needed("payment", r.Payment.Method, "Please choose how to pay")
		c.text("payment", r.Payment.Method, 255)
	}
	return g, c.wrong.Err()
}

// checks gathers what is wrong with a form.
type checks struct{ wrong fault.List }

func (c *checks) no(field, text string) { c.wrong = append(c.wrong, fault.Wrong(field, text)) }

func (c *checks) needed(field, value, text string) {
	if strings.TrimSpace(value) == "" {
		c.no(field, text)
	}
}

func (c *checks) amount(r request, l limits) money.Amount {
	if r.Currency != "" && r.Currency != "GBP" {
		c.no("currency", "We take gifts in pounds (GBP)")
		return money.Amount{}
	}
	if !r.Amount.Given() {
		c.no("amount", "Please enter an amount")
		return money.Amount{}
	}
	a, err := r.Amount.In("GBP")
	switch {
	case err != nil:
		c.no("amount", "Please enter an amount in pounds and pence, as 10 or 10.50")
	case a.Minor() < l.least.Minor():
		c.no("amount", "Please enter an amount of at least "+short(l.least))
	case a.Minor() > l.most.Minor():
		c.no("amount", "Please enter an amount of at most "+short(l.most)+". For a larger gift, please get in touch with us")
	}
	return a
}

// short is an amount as people write it: £25,000, with pence only where there are some.
func short(a money.Amount) string {
	pounds, pence, _ := strings.Cut(strings.TrimSuffix(a.Decimal(), ".00"), ".")
	for at := len(pounds) - 3; at > 0; at -= 3 {
		pounds = pounds[:at] + "," + pounds[at:]
	}
	if pence != "" {
		pence = "." + pence
	}
	return "£" + pounds + pence
}

func (c *checks) giving(s string) string {
	switch s = strings.ToLower(s); s {
	case "":
		return single
	case single, monthly:
	default:
		c.no("giving", "Please choose to give once (single) or every month (monthly)")
	}
	return s
}

// name is required, and no card number (PCI-3).
func (c *checks) name(field, called, s string) string {
	n, err := contact.ParseName(s)
	switch {
	case strings.TrimSpace(s) == "":
		c.no(field, "Please enter your "+called)
	case err != nil:
		c.no(field, err.Error())
	}
	return string(n)
}

func (c *checks) email(s string) string {
	e, err := contact.ParseEmail(s)
	if err != nil {
		c.no("email", err.Error())
	}
	return string(e)
}

// text is free text of a bounded length that holds no card number (PCI-2, PCI-3).
func (c *checks) text(field, s string, longest int) string {
	switch {
	case !utf8.ValidString(s) || strings.ContainsRune(s, 0):
		c.no(field, "Please use letters that can be printed")
	case utf8.RuneCountInString(s) > longest:
		c.no(field, "Please make this shorter")
	case contact.HasCardNumber(s):
		c.no(field, "Please do not write a card number here")
	}
	return s
}

// postcode may be left out; a British one is read, another country's is kept as typed.
func (c *checks) postcode(s, country string) string {
	if strings.TrimSpace(s) == "" || country != "GB" {
		return c.text("postcode", strings.TrimSpace(s), 20)
	}
	p, err := contact.ParsePostcode(s)
	if err != nil {
		c.no("postcode", err.Error())
	}
	return string(p)
}
