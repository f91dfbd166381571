package form

import "github.com/banyan-migration/banyan/shared/contact"

// Refuse says why a stored row cannot be moved, every reason in the order in which they count; nothing for a row that
// can. They are the rules by which the old site's data was counted: live limits do not apply, and whether a row is a
// draft or a duplicate is the mover's to say.
func Refuse(r Record) (no []Refusal) {
	switch r.Form {
	case "donate":
		_, no = ReadDonation(r)
	case "pay-in":
		if len(r.Values["amount"]) > 1 {
			no = append(no, Refusal{"amount", "one amount"})
		}
	case "gift-aid":
		if _, err := contact.ParsePostcode(r.Value("postcode")); err != nil {
			no = append(no, Refusal{"postcode", "a UK postcode, in an area that exists"})
		}
	}
	return no
}
