package contact_test

import (
	"strings"
	"testing"

	"github.com/banyan-migration/banyan/shared/contact"
)

// read runs a parser over what must be read as something and what must be refused.
func read[T ~string](t *testing.T, parse func(string) (T, error), good map[string]T, bad ...string) {
	t.Helper()
	for in, want := range good {
		if got, err := parse(in); err != nil || got != want {
			t.Errorf("%q = %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range bad {
		if got, err := parse(in); err == nil {
			t.Errorf("%q = %q, want a refusal", in, got)
		}
	}
}

func TestNamesOfManyPeopleAreTaken(t *testing.T) { // GA-24
	t.Parallel()
	read(t, contact.ParseName, map[string]contact.Name{
		" Siân ": "Siân", "O'Neill": "O'Neill", "St. John": "St. John", "Łukasz": "Łukasz", "李": "李", "Jean-Luc": "Jean-Luc", "Li": "Li",
		"Henry 8": "Henry 8",
	}, "", "  ", "a\nb", "a\x00", strings.Repeat("a", 101), "\xff")
}

func TestCardNumbersAreNoNames(t *testing.T) { // PCI-3
	t.Parallel()
	read(t, contact.ParseName, nil, "4242424242424242", "4242 42", "Ann 4 2-4 2.4 2", "Ann 123456")
	for s, is := range map[string]bool{"In memory of 12345": false, "my card is 4242 4242 4242 4242": true, "1 2 3 4 5 6": true, "": false} {
		if contact.HasCardDigits(s) != is {
			t.Errorf("%q: %v, want %v", s, !is, is)
		}
	}
}

func TestCardNumbersInFreeTextAreFound(t *testing.T) { // PCI-2
	t.Parallel()
	for s, is := range map[string]bool{
		"4242424242424242": true, "my card: 4242 4242-4242.4242, thanks": true, "x5555555555554444x": true, "12345 4242424242424242": true,
		"": false, "07700900123": false, "4242424242424241": false, "0000000000000000": false, "CR-00000001": false, "born 01/02/1935 in 1935": false,
	} {
		if contact.HasCardNumber(s) != is {
			t.Errorf("%q: %v, want %v", s, !is, is)
		}
	}
}

func TestEmailsAreReadOrRefused(t *testing.T) {
	t.Parallel()
	read(t, contact.ParseEmail, map[string]contact.Email{
		"sian@example.org": "sian@example.org", " A.B+c@Example.ORG ": "A.B+c@example.org", "zoë.li476@example.org": "zoë.li476@example.org",
		"x@bücher.example": "x@bücher.example",
	}, "", "a", "a@", "@b.example", "a@b", "a@@b.example", "a b@c.example", "a@b..example", "a@.example", "a@b.example.", "a@-b.example",
		"a@b.example\r\nBcc: c@d.example", "<a@b.example>", strings.Repeat("a", 65)+"@b.example")
}

func TestPhonesBecomeInternational(t *testing.T) {
	t.Parallel()
	read(t, contact.ParsePhone, map[string]contact.Phone{
		"07700 900123": "+447700900123", "+44 7700 900123": "+447700900123", "00447700900123": "+447700900123", "447700900123": "+447700900123",
		"+44 (0)7700 900123": "+447700900123", "(020) 7946-0123": "+442079460123", "+33 1 23 45 67 89": "+33123456789", "01632 96012": "+44163296012",
	}, "", "abc", "123", "7700900123", "07700 90012 x3", "+", "++447700900123", "077009001234", "+0123456789", "+1234567890123456")
}

func TestPostcodesAreReadByTheRule(t *testing.T) { // POST-1 to POST-7
	t.Parallel()
	read(t, contact.ParsePostcode, map[string]contact.Postcode{
		"EC1A 1BB": "EC1A 1BB", "sw1a1aa": "SW1A 1AA", " cf10  1aa ": "CF10 1AA", "BF1 3AA": "BF1 3AA", "JE2 3AB": "JE2 3AB", "IM1 1AA": "IM1 1AA",
		"GY1 1AA": "GY1 1AA", "gir 0aa": "GIR 0AA", "N1P 1AA": "N1P 1AA", "M1 1AE": "M1 1AE", "B33 8TH": "B33 8TH", "CR2 6XH": "CR2 6XH", "DN55 1PT": "DN55 1PT",
		"W1A OAX": "W1A 0AX", "SE1-7TP": "SE1 7TP", "M1 IAE": "M1 1AE", "ox1 1AA": "OX1 1AA", "0X1 1AA": "OX1 1AA",
	}, "", "SW1A", "ZZ99 9ZZZ", "XX9 9XX", "QA1 1AA", "EC1A 1CC", "AJ1 1AA", "ABC 1AA", "BFPO 58", "FIQQ 1ZZ", "ASCN 1ZZ", "AI-2640", "GX11 1AA", "SW1Z 1AA", "12345",
		"SW1A 1A", "SW1A 1AAA", "ſW1A 1AA")
	p := contact.Postcode("SW1A 1AA")
	if p.Area() != "SW" || p.Outward() != "SW1A" || p.Sector() != "SW1A 1" {
		t.Error(p.Area(), p.Outward(), p.Sector())
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"SW1A 1AA", "a@b.example", "+44 7700 900123", "Siân", "GIR 0AA", "ﬀ1 1AA"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		stays(t, contact.ParsePostcode, s)
		stays(t, contact.ParseEmail, s)
		stays(t, contact.ParsePhone, s)
		stays(t, contact.ParseName, s)
	})
}

// stays checks that what was read reads as itself: a normal form is its own normal form.
func stays[T ~string](t *testing.T, parse func(string) (T, error), s string) {
	if v, err := parse(s); err == nil {
		if again, err := parse(string(v)); err != nil || again != v {
			t.Errorf("%q was read as %q, and that as %q (%v)", s, v, again, err)
		}
	}
}
