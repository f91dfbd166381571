package contact

import (
	_ "embed"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

// Postcode is a British postcode in its normal form: upper case, one space before the last three.
type Postcode string

// The lists that change stand in data (POST-3): letters that may be third, areas that exist.
//
//go:embed postcode.json
var lists []byte

var rules = func() (r struct {
	Second, Third, Fourth, Inward string // letters allowed in that place
	Areas                         []string
}) {
	if err := json.Unmarshal(lists, &r); err != nil {
		panic("contact: postcode.json: " + err.Error())
	}
	slices.Sort(r.Areas)
	return r
}()

// shape is A9, A99, AA9, AA99, A9A and AA9A before 9AA (POST-1).
var shape = regexp.MustCompile(`^([A-Z]{1,2})([0-9]{1,2}|[0-9][A-Z])([0-9])([A-Z]{2})$`)

// ParsePostcode takes a postcode in any case and spacing (POST-4, POST-5), checks letters by their place (POST-2) and
// that its area exists, and mends O for 0 and I for 1 by position. GIR 0AA and BFPO's BF1 are good; GX11, which is
// Gibraltar's, is not British (POST-6). It does not know which postcodes are in use.
func ParsePostcode(s string) (Postcode, error) {
	wrong := sentence("Please enter a valid UK postcode, as SW1A 1AA")
	s = strings.Map(func(r rune) rune {
		if r == ' ' || r == '\t' || r == '\u00a0' || r == '-' || r == '.' {
			return -1
		}
		if r >= 'a' && r <= 'z' { // strings.ToUpper would make letters of other alphabets British
			r -= 'a' - 'A'
		}
		return r
	}, s)
	if len(s) < 5 || len(s) > 7 {
		return "", wrong
	}
	if s == "GIR0AA" {
		return "GIR 0AA", nil
	}
	s = mend(s)
	m := shape.FindStringSubmatch(s)
	if m == nil {
		return "", wrong
	}
	area, district, unit := m[1], m[2], m[4]
	letter := district[len(district)-1]
	allowed := rules.Third
	if len(area) == 2 {
		allowed = rules.Fourth
	}
	_, exists := slices.BinarySearch(rules.Areas, area)
	if !exists || len(area) == 2 && !strings.Contains(rules.Second, area[1:]) || letter >= 'A' && !strings.Contains(allowed, string(letter)) ||
		strings.Trim(unit, rules.Inward) != "" {
		return "", wrong
	}
	return Postcode(s[:len(s)-3] + " " + s[len(s)-3:]), nil
}

// mend puts a digit where only a digit can stand and a letter where only a letter can: the first of the last three is
// a digit, the last two and the first of all are letters.
func mend(s string) string {
	b, n := []byte(s), len(s)
	b[n-3] = digit(b[n-3])
	for _, i := range []int{0, n - 2, n - 1} {
		b[i] = letter(b[i])
	}
	return string(b)
}

func digit(c byte) byte {
	switch c {
	case 'O':
		return '0'
	case 'I', 'L':
		return '1'
	}
	return c
}

func letter(c byte) byte {
	switch c {
	case '0':
		return 'O'
	case '1':
		return 'I'
	}
	return c
}

// Area is the letters that a postcode begins with.
func (p Postcode) Area() string { return string(p[:strings.IndexAny(string(p), "0123456789 ")]) }

// Outward is the part before the space, and Sector adds the digit after it.
func (p Postcode) Outward() string { out, _, _ := strings.Cut(string(p), " "); return out }

// Sector is the outward part, the space and the digit after it.
func (p Postcode) Sector() string { return string(p[:len(p)-2]) }
