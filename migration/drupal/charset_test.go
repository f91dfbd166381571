package drupal

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// wrong is a text as a server gives it whose column calls its UTF-8 latin1.
func wrong(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		switch {
		case c >= 0x80 && c < 0xA0:
			b.WriteRune(high[c-0x80])
		default:
			b.WriteRune(rune(c))
		}
	}
	return b.String()
}

func TestMend(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"Zoë", "O’Neill", "李明", "Siân Ó Briain €5", "😀", "\u0081\u009d", strings.Repeat("é", 300)} {
		if got, mended := mend([]byte(wrong(text))); string(got) != text || !mended {
			t.Errorf("%q becomes %q (%v), want %q", wrong(text), got, mended, text)
		}
		if got, mended := mend([]byte(text)); string(got) != text || mended {
			t.Errorf("%q was right and becomes %q", text, got)
		}
	}
	for _, text := range []string{"", "plain", "Zo\u00eb", "\u00a35", "caf\u00e9 \u20ac", "\u00c3", "\u00a0", "Zo\xeb"} {
		if got, mended := mend([]byte(text)); string(got) != text || mended {
			t.Errorf("%q becomes %q", text, got)
		}
	}
}

func FuzzMend(f *testing.F) {
	f.Add("Zoë")
	f.Add(wrong("O’Neill"))
	f.Fuzz(func(t *testing.T, text string) {
		if utf8.ValidString(text) && !ascii([]byte(text)) {
			if got, mended := mend([]byte(wrong(text))); string(got) != text || !mended {
				t.Errorf("%q under the wrong label becomes %q", text, got)
			}
		}
		got, mended := mend([]byte(text))
		if mended && wrong(string(got)) != text || !mended && string(got) != text {
			t.Errorf("%q becomes %q", text, got)
		}
	})
}
