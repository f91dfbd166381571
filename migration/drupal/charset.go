package drupal

import "unicode/utf8"

// high are the characters that MySQL's latin1, which is Windows-1252, has between 0x80 and 0x9F; its five empty places
// stand for the control characters of their number.
var high = [32]rune{
	0x20AC, 0x81, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8D, 0x017D, 0x8F,
	0x90, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D, 0x017E, 0x0178,
}

var low = func() map[rune]byte {
	bytes := map[rune]byte{}
	for i, r := range high {
		bytes[r] = byte(0x80 + i)
	}
	return bytes
}()

// mend undoes a wrong label. A column that calls itself latin1 may hold the bytes of UTF-8, since old sites wrote those
// and nobody looked; whoever then asks for its text gets "ZoÃ«" for "Zoë". The rule: the text of a latin1 column whose
// bytes are UTF-8, and not ASCII alone, is what these bytes say. Of what people type in latin1 nothing is UTF-8 by chance:
// that takes a letter such as Ã or Â followed by a sign. The result lies in text's own memory.
func mend(text []byte) (mended []byte, is bool) {
	if ascii(text) {
		return text, false
	}
	var room [256]byte
	bytes := room[:0]
	for rest := text; len(rest) > 0; {
		r, n := utf8.DecodeRune(rest)
		rest = rest[n:]
		b, is := low[r]
		switch {
		case r < 0x80, r >= 0xA0 && r <= 0xFF:
			b = byte(r)
		case !is:
			return text, false
		}
		bytes = append(bytes, b)
	}
	if !utf8.Valid(bytes) {
		return text, false
	}
	return text[:copy(text, bytes)], true
}

func ascii(text []byte) bool {
	for _, c := range text {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
