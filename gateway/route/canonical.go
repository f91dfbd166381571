package route

import (
	"bytes"
	"unicode/utf8"
)

// Flags say why a path is not canonical: two programs may read it differently, so legacy alone may judge it (W-11).
type Flags uint16

// The flags of W-10, and W-7's bytes over 0x7E.
const (
	EncodedSlash Flags = 1 << iota
	EncodedBackslash
	Backslash
	DotSegment
	DoubleSlash
	Semicolon
	DoubleEncoded
	BadUTF8
	HighByte
)

var flagNames = [...]string{"encoded_slash", "encoded_backslash", "backslash", "dot_segment", "double_slash", "semicolon", "double_encoded", "bad_utf8", "high_byte"}

// FlagNames are the names of all flags, for the counters' labels; flag 1<<i has name i.
func FlagNames() []string { return flagNames[:] }

func (f Flags) String() string {
	s := ""
	for i, name := range flagNames {
		if f&(1<<i) != 0 {
			s += "," + name
		}
	}
	if s == "" {
		return ""
	}
	return s[1:]
}

// Canonical appends to dst the copy of a path that is matched: upper-case hex, unreserved bytes decoded, nothing else
// changed (W-10). The path goes upstream as it came, never this copy. ok is false for %00 and for % without two hex
// digits, which are a 400 (W-12). The path is what stands before the first '?'. With room in dst it does not allocate.
func Canonical(dst, path []byte) (canonical []byte, flags Flags, ok bool) {
	start := len(dst)
	encoded, percent := false, false // bytes over 0x7F; a '%'
	for i := 0; i < len(path); i++ {
		c := path[i]
		switch {
		case c == '%':
			if i+2 >= len(path) || !isHex(path[i+1]) || !isHex(path[i+2]) {
				return dst, flags, false
			}
			v := unhex(path[i+1])<<4 | unhex(path[i+2])
			if v == 0 {
				return dst, flags, false
			}
			i += 2
			if unreserved(v) {
				dst = append(dst, v)
				continue
			}
			flags |= encodedFlag(v)
			encoded, percent = encoded || v >= 0x80, percent || v == '%'
			dst = append(dst, '%', hexDigits[v>>4], hexDigits[v&15])
			continue
		case c == '\\':
			flags |= Backslash
		case c == ';':
			flags |= Semicolon
		case c > 0x7e:
			flags |= HighByte
		}
		dst = append(dst, c)
	}
	flags |= segmentFlags(dst[start:])
	if percent && doubleEncoded(dst[start:]) {
		flags |= DoubleEncoded
	}
	if (encoded || flags&HighByte != 0) && !validUTF8(dst[start:]) {
		flags |= BadUTF8
	}
	return dst, flags, true
}

func encodedFlag(v byte) Flags {
	switch v {
	case '/':
		return EncodedSlash
	case '\\':
		return EncodedBackslash
	case ';':
		return Semicolon
	}
	return 0
}

// doubleEncoded looks for %25 and two hex digits in the copy, not in the path: of %25%30%30 the copy is %2500.
func doubleEncoded(path []byte) bool {
	for {
		i := bytes.Index(path, []byte("%25"))
		if i < 0 {
			return false
		}
		path = path[i+3:]
		if len(path) >= 2 && isHex(path[0]) && isHex(path[1]) {
			return true
		}
	}
}

// segmentFlags finds empty and dot segments in a path whose unreserved bytes are decoded.
func segmentFlags(path []byte) (flags Flags) {
	for i := 0; i < len(path); i++ {
		if path[i] != '/' {
			continue
		}
		rest := path[i+1:]
		switch {
		case len(rest) > 0 && rest[0] == '/':
			flags |= DoubleSlash
		case endsSegment(rest, 1) && rest[0] == '.', endsSegment(rest, 2) && rest[0] == '.' && rest[1] == '.':
			flags |= DotSegment
		}
	}
	return flags
}

// endsSegment says whether a segment of n bytes stands at the beginning of rest. ';' ends one too: /..;x/ is a dot
// segment to some.
func endsSegment(rest []byte, n int) bool {
	return len(rest) == n || len(rest) > n && (rest[n] == '/' || rest[n] == ';' || rest[n] == '\\')
}

// validUTF8 reads the bytes that a canonical path stands for.
func validUTF8(path []byte) bool {
	var run [utf8.UTFMax]byte
	n := 0
	for len(path) > 0 {
		c := path[0]
		path = path[1:]
		if c == '%' {
			c = unhex(path[0])<<4 | unhex(path[1])
			path = path[2:]
		}
		run[n] = c
		n++
		if r, _ := utf8.DecodeRune(run[:n]); r != utf8.RuneError || c == 0xBD && n == 3 && run[0] == 0xEF && run[1] == 0xBF {
			n = 0
		} else if n == len(run) || utf8.FullRune(run[:n]) {
			return false
		}
	}
	return n == 0
}

const hexDigits = "0123456789ABCDEF"

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c&0xf + 9
}

func unreserved(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~'
}
