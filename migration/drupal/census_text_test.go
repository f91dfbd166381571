package drupal

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestMislabelled(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"CafÃ©": true, "Â£10": true, "donâ€™t": true, "â€œyesâ€\u009d": true, "ðŸ˜€": true, "SiÃ¢n": true, "10Â\u00a0000": true,
		"Café": false, "£10": false, "don’t": false, "“yes”": false, "😀": false, "SÃO PAULO": false, "Âge": false, "„JÄ“": false, "Ã": false, "grâce à": false,
		"château â la carte": false, "": false, "ð": false, "â€": false,
	} {
		if mislabelled(text) != want {
			t.Errorf("%q: mislabelled is %t", text, !want)
		}
	}
}

// misread is what a text becomes when its bytes are taken for Latin-1.
func misread(text string) string {
	var b strings.Builder
	for i := range len(text) {
		b.WriteRune(rune(text[i]))
	}
	return b.String()
}

// FuzzMislabelled: whatever Western letter was misread is found, and plain ASCII is never suspected.
func FuzzMislabelled(f *testing.F) {
	f.Add("né", "x")
	f.Add("£", "y")
	f.Add("’", "z")
	f.Fuzz(func(t *testing.T, word, around string) {
		ascii := strings.Map(func(r rune) rune { return r & 0x7F }, around)
		if mislabelled(ascii) {
			t.Fatalf("%q is suspected", ascii)
		}
		western := strings.ContainsFunc(word, func(r rune) bool { return r >= 0xA0 && r <= 0xFF || r >= 0x2010 && r <= 0x2027 })
		if utf8.ValidString(word) && western && !mislabelled(ascii+misread(word)+ascii) {
			t.Fatalf("%q is not found", misread(word))
		}
	})
}

func TestPadded(t *testing.T) {
	t.Parallel()
	for _, c := range [][3]string{{"250", "10,2", "250.00"}, {"250.5", "10, 2", "250.50"}, {"250.00", "10,2", "250.00"}, {"-1", "10,2", "-1.00"}, {"7", "10,0", "7"}, {"7", "", "7"}, {"", "10,2", ""},
		{"1e5", "10,2", "1e5"}, {"1.234", "10,2", "1.234"}} {
		if got := padded(c[0], c[1]); got != c[2] {
			t.Errorf("%s in numeric(%s) is %q, want %q", c[0], c[1], got, c[2])
		}
	}
}
