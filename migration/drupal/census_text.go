package drupal

import (
	"strings"
	"unicode/utf8"
)

// continues says which byte a character was before somebody read it as Windows-1252 or Latin-1, where it can be another than the first of a UTF-8 sequence.
func continues(r rune) (b byte, is bool) {
	if r >= 0x80 && r <= 0xBF {
		return byte(r), true
	}
	b, is = low[r]
	return b, is
}

// mislabelled says whether a text holds what UTF-8 becomes when somebody reads it as Latin-1 and writes it as UTF-8 again: "Ã©" for é, "Â£" for £,
// "â€™" for ’, "ðŸ" for a face. Rarer first letters are not looked for: „JÄ“ is German.
func mislabelled(text string) bool {
	for at := 0; ; {
		i := strings.IndexAny(text[at:], "ÂÃâð")
		if i < 0 {
			return false
		}
		at += i
		lead, size := utf8.DecodeRuneInString(text[at:])
		rest := text[at+size:]
		first, n := utf8.DecodeRuneInString(rest)
		second, _ := utf8.DecodeRuneInString(rest[n:])
		b, is := continues(first)
		_, also := continues(second)
		switch {
		case !is:
		case lead == 'Â' || lead == 'Ã':
			return true
		case also && (lead == 'â' && b >= 0x80 && b <= 0x84 || lead == 'ð' && b == 0x9F):
			return true
		}
		at += size
	}
}

// zeroDate says whether a text is MySQL's date that is none.
func zeroDate(text string) bool { return strings.HasPrefix(text, "0000-00-00") }
