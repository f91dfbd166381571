// Package wire reads and writes HTTP/1.1 on bytes: request and response heads, framing, chunks, paths. It is strict, so that no two
// readers can disagree about where a message ends, and pure: it neither waits nor reads a clock.
//
// Everything it returns points into the bytes it was given and lives as long as they do. Nothing here allocates once its
// slices have grown. The rules W- are those of the gateway's wire contract.
package wire

import "strconv"

// Error is a message that the gateway does not accept. Its Text holds none of the message's bytes, so it may be logged and shown.
type Error struct {
	Status int    // what a client is answered: 400 for most; an upstream's error is always 502
	Rule   string // the rule of the wire contract, such as "W-35"
	Text   string
}

func (e *Error) Error() string { return e.Rule + ": " + e.Text }

func bad(rule, text string) *Error { return &Error{400, rule, text} }

// over refuses what is longer than its limit, and says the limit.
func over(status int, rule, text string, limit int, unit string) *Error {
	return &Error{status, rule, text + ": at most " + strconv.Itoa(limit) + " " + unit}
}

// Limits bound a head, in bytes. The zero value allows nothing: use DefaultLimits.
type Limits struct {
	Line  int // the request line, without its CRLF (W-66)
	Field int // one header line, without its CRLF (W-67)
	Head  int // all header lines together
	Count int // header lines
}

// DefaultLimits are W-66's and W-67's.
var DefaultLimits = Limits{Line: 8190, Field: 8190, Head: 32 << 10, Count: 100}

// ResponseLimits are what an upstream's head may take (W-68): Drupal's cache tags grow long.
var ResponseLimits = Limits{Line: 8190, Field: 64 << 10, Head: 64 << 10, Count: 1000}

// What a byte may be part of.
const (
	isText   = 1 << iota // in a field value: tab, 0x20-0x7E, 0x80-0xFF
	isTarget             // in a request target (W-7): 0x21-0x7E but #, 0x80-0xFF
	isHost               // in a host name: no sub-delims, which no name in use has and a list in disguise does
	isHex
)

var kinds, lower = tables()

// tables fills the two tables: the kinds of each byte, and each token byte's lower case (0 for what no token holds).
func tables() (kind [256]uint8, low [256]byte) {
	for c := range 256 {
		if c == '\t' || (c >= 0x20 && c != 0x7F) {
			kind[c] |= isText
		}
		if c > 0x20 && c != 0x7F && c != '#' {
			kind[c] |= isTarget
		}
		letter := 'a' <= c|0x20 && c|0x20 <= 'z' && c < 0x80
		digit := '0' <= c && c <= '9'
		if letter || digit || in("-._~", c) {
			kind[c] |= isHost
		}
		if digit || ('a' <= c|0x20 && c|0x20 <= 'f' && c < 0x80) {
			kind[c] |= isHex
		}
		switch {
		case 'A' <= c && c <= 'Z':
			low[c] = byte(c) + 0x20
		case letter || digit || in("!#$%&'*+-.^_`|~", c):
			low[c] = byte(c)
		}
	}
	return kind, low
}

func in(set string, c int) bool {
	for i := range len(set) {
		if int(set[i]) == c {
			return true
		}
	}
	return false
}

// Fold says whether two texts are equal but for the case of ASCII letters. b is lower case.
func Fold(a []byte, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i, c := range a {
		if 'A' <= c && c <= 'Z' {
			c += 0x20
		}
		if c != b[i] {
			return false
		}
	}
	return true
}

// trim takes spaces and tabs off both ends.
func trim(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}
