package loadtest

import (
	"fmt"
	"math/rand/v2"
)

const browser = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/72.0"

// Invented people; telephone numbers are of the range that Ofcom keeps for drama.
var (
	firsts    = []string{"Ada", "Bola", "Carys", "Dev", "Elin", "Farah", "Gwen", "Hamish", "Imani", "Joon", "Keir", "Lowri", "Siân", "Zoë"}
	lasts     = []string{"Abara", "Bevan", "Chaudhry", "Doyle", "Ekwueme", "Fraser", "Griffiths", "Haddad", "O'Neill", "Pryce", "Quigg", "Singh"}
	towns     = []string{"Leeds", "Caerdydd", "Belfast", "Exeter", "Dundee", "Norwich"}
	postcodes = []string{"LS1 4AP", "CF10 1AA", "BT1 5GS", "EX1 1GE", "DD1 3DH", "NR2 1TF"}
	amounts   = []string{"5.00", "10.00", "10.00", "10.00", "15.00", "20.00", "20.00", "25.00", "30.00", "50.00", "100.00", "7.50", "12.34"}
)

// donor is one invented visitor and what he types.
type donor struct {
	r      *rand.Rand
	n      uint64
	place  int
	amount string
	typed  map[string]string
}

// newDonor invents the n-th donor of a seed.
func newDonor(seed, n uint64) *donor {
	r := rand.New(rand.NewPCG(seed, n))
	d := &donor{r: r, n: n, place: r.IntN(len(towns)), amount: amounts[r.IntN(len(amounts))]}
	first, last := firsts[r.IntN(len(firsts))], lasts[r.IntN(len(lasts))]
	phone := fmt.Sprintf("07700 900%03d", r.IntN(1000))
	d.typed = map[string]string{
		"amount": d.amount, "first_name": first, "last_name": last, "name": first + " " + last,
		"email": fmt.Sprintf("donor%d@example.org", n), "phone": phone, "mobile": phone,
		"address1": fmt.Sprintf("%d Mill Lane", 1+r.IntN(200)), "town": towns[d.place], "postcode": postcodes[d.place],
		"country": "GB", "message": "Good luck & thank you", "organisation": "Example School", "school": "Example School",
		"class": "3B", "establishment_id": "100000", "urn": "100000", "steps": "4200", "date": "2019-03-15",
		"child_name": first, "age": "17", "parent_email": fmt.Sprintf("parent%d@example.org", n), "idea": "A nose that glows",
	}
	return d
}

// fill completes a form as this donor would: hidden fields and the button as the page has them, one choice of each group,
// and ref as the transaction's id, which Drupal's page does not show and its clients send all the same.
func (d *donor) fill(f form, ref string) []pair {
	var all []pair
	placed := false
	place := func() {
		if ref != "" && !placed {
			all = append(all, pair{"submitted[transaction_id]", ref})
			placed = true
		}
	}
	for _, x := range f.fields {
		name := x.component()
		switch {
		case name == "transaction_id":
			place()
		case name == "":
			place() // before details[…], where the recorded posts have it
			if x.kind != "submit" || x.name == "op" {
				all = append(all, pair{x.name, x.value})
			}
		case len(x.choices) > 0:
			all = append(all, pair{x.name, x.choices[d.r.IntN(len(x.choices))]})
		case x.kind == "hidden" || x.kind == "checkbox":
			all = append(all, pair{x.name, x.value})
		default:
			all = append(all, pair{x.name, d.typed[name]})
		}
	}
	place()
	return all
}
