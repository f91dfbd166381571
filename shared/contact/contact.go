// Package contact reads how a person is reached: name, email, phone, postcode. Each is parsed or refused by one rule,
// the same for the services and for migration; what is refused says what would be right, in the donor's words.
package contact

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Name is a person's given or family name, trimmed: any script, no digits in a row that could be a card's (PCI-3).
type Name string

// digitsInARow finds six digits, even spaced: a card number typed into the wrong field (PCI-2, PCI-3).
var digitsInARow = regexp.MustCompile(`[0-9](?:[\s.-]*[0-9]){5}`)

// HasCardDigits says that free text holds six digits in a row, even spaced, as a card number would (PCI-3).
func HasCardDigits(s string) bool { return digitsInARow.MatchString(s) }

// HasCardNumber says that free text holds 13 to 19 digits, even spaced, that are a card number by their check digit
// (Luhn, PCI-2). Phone numbers and dates are none.
func HasCardNumber(s string) bool {
	for _, run := range digitRuns.FindAllString(s, -1) {
		digits := strings.Map(func(r rune) rune {
			if r < '0' || r > '9' {
				return -1
			}
			return r
		}, run)
		if len(digits) <= 19 {
			if luhn(digits) {
				return true
			}
			continue
		}
		for from := 0; from+16 <= len(digits); from++ { // several numbers run together
			if luhn(digits[from : from+16]) {
				return true
			}
		}
	}
	return false
}

var digitRuns = regexp.MustCompile(`[0-9](?:[\s.-]?[0-9]){12,}`)

func luhn(digits string) bool {
	sum := 0
	for i := range digits {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0 && strings.Trim(digits, "0") != ""
}

// sentence is an error that a form shows as it is.
type sentence string

func (s sentence) Error() string { return string(s) }

// ParseName takes 1 to 100 letters and what stands between them.
func ParseName(s string) (Name, error) {
	s = strings.TrimSpace(s)
	switch {
	case s == "":
		return "", sentence("Please enter a name")
	case utf8.RuneCountInString(s) > 100:
		return "", sentence("Please enter a name of at most 100 letters")
	case !printable(s):
		return "", sentence("Please enter the name on one line, in letters")
	case HasCardDigits(s):
		return "", sentence("Please enter a name without numbers")
	}
	return Name(s), nil
}

func printable(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// Email is an address that a mail could be sent to, its domain in lower case.
type Email string

// ParseEmail takes what has one @, something on both sides and a dot inside the domain, without spaces or control
// characters, at most 254 bytes (RFC 5321). Letters beyond ASCII are good on both sides.
func ParseEmail(s string) (Email, error) {
	s = strings.TrimSpace(s)
	local, domain, ok := strings.Cut(s, "@")
	switch {
	case s == "":
		return "", sentence("Please enter an email address")
	case !ok, local == "", strings.Contains(domain, "@"), len(s) > 254, len(local) > 64, !printable(s), strings.ContainsAny(s, " \"<>(),;:\\"),
		!dotInside(domain):
		return "", sentence("Please enter a valid email address, as name@example.org")
	}
	return Email(local + "@" + strings.ToLower(domain)), nil
}

func dotInside(domain string) bool {
	for _, label := range strings.Split(domain, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
	}
	return strings.Contains(domain, ".")
}

// Phone is a number in international form: + and 8 to 15 digits (E.164).
type Phone string

// ParsePhone takes a number as people write it; without a country it is a British one: 07700 900123, +44 7700 900123,
// 0044…, 44…, (020) 7946 0123.
func ParsePhone(s string) (Phone, error) {
	wrong := sentence("Please enter a valid phone number, as 07700 900123")
	digits := strings.Map(func(r rune) rune {
		if strings.ContainsRune(" \t.-()/\u00a0", r) {
			return -1
		}
		return r
	}, strings.TrimSpace(s))
	plus := strings.HasPrefix(digits, "+")
	digits = strings.TrimPrefix(digits, "+")
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return "", wrong
	}
	switch {
	case plus:
	case strings.HasPrefix(digits, "00"):
		digits = digits[2:]
	case digits[0] == '0':
		digits = "44" + digits[1:]
	case !strings.HasPrefix(digits, "44"):
		return "", wrong
	}
	if national, british := strings.CutPrefix(digits, "440"); british {
		digits = "44" + national // +44 (0)7700 …
	}
	british := strings.HasPrefix(digits, "44")
	if len(digits) < 8 || len(digits) > 15 || digits[0] == '0' || british && (len(digits) < 11 || len(digits) > 12 || digits[2] == '0') {
		return "", wrong
	}
	return Phone("+" + digits), nil
}
