package form

import "github.com/banyan-migration/banyan/shared/contact"

// Canonical is what a record says, however it was written down, by form key: the old site keeps what was typed, a service what it made
// of that. "£1,000" and "1000.00" are one amount, "sw1a1aa" and "SW1A 1AA" one postcode. What nothing can be made of stays as it is. A form
// without a mapping is its values.
func Canonical(r Record) map[string][]string {
	values := r.Values
	if r.Form == "donate" {
		d := DonationOf(r.Values)
		if n, err := contact.ParseName(d.FirstName); err == nil {
			d.FirstName = string(n)
		}
		if n, err := contact.ParseName(d.LastName); err == nil {
			d.LastName = string(n)
		}
		if e, err := contact.ParseEmail(d.Email); err == nil {
			d.Email = string(e)
		}
		if p, err := contact.ParsePostcode(d.Postcode); err == nil && d.Country == "GB" {
			d.Postcode = string(p)
		}
		values = d.Values()
	}
	return values
}
