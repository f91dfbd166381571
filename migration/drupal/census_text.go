package drupal

import (
	"bytes"
	"unicode/utf8"
)

// windows are the characters that Windows-1252 has in place of Latin-1's control characters 0x80 to 0x9F.
const windows = "€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ"

// continues are the characters that the bytes after the first of a UTF-8 sequence become when it is read as Windows-1252 or Latin-1.
var continues = func() map[rune]byte {
	m := map[rune]byte{}
	for i, r := range []rune(windows) {
		m[r] = 0x80 + byte(i)
	}
	for r := rune(0x80); r <= 0xBF; r++ {
		m[r] = byte(r)
	}
	return m
}()

// mislabelled says whether a text holds what UTF-8 becomes when somebody reads it as Latin-1 and writes it as UTF-8 again: "Ã©" for é, "Â£" for £,
// "â€™" for ’, "ðŸ" for a face. Rarer first letters are not looked for: „JÄ“ is German.
func mislabelled(text []byte) bool {
	for at := 0; ; {
		i := bytes.IndexAny(text[at:], "ÂÃâð")
		if i < 0 {
			return false
		}
		at += i
		lead, size := utf8.DecodeRune(text[at:])
		rest := text[at+size:]
		first, n := utf8.DecodeRune(rest)
		second, _ := utf8.DecodeRune(rest[n:])
		b, is := continues[first]
		_, also := continues[second]
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
func zeroDate(text []byte) bool { return bytes.HasPrefix(text, []byte("0000-00-00")) }
