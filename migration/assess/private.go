package assess

import "strings"

// private stands for a segment that may name a person or be a key to something of theirs.
const private = "{…}"

// shown is the segment, or private where it holds an @, seven digits in a row, sixteen hexadecimal digits in a row or
// thirty characters that are no words: an e-mail address, a telephone number, a token.
func shown(name string) string {
	digits, hex, run, longestRun, number := 0, 0, 0, 0, false
	for i := range len(name) {
		c := name[i]
		switch {
		case c == '@' || c == '{' || c == '}' || c < ' ' || c == 0x7f:
			return private
		case c == '%' && strings.HasPrefix(name[i:], "%40"):
			return private
		case '0' <= c && c <= '9':
			digits, hex, run, number = digits+1, hex+1, run+1, true
		case 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F':
			digits, hex, run = 0, hex+1, run+1
		case c == '-' || c == '_' || c == '.' || c == '+':
			digits, hex, run = 0, 0, 0
		default:
			digits, hex, run = 0, 0, run+1
		}
		longestRun = max(longestRun, run)
		if digits >= 7 || hex >= 16 {
			return private
		}
	}
	if len(name) >= 30 && (number || longestRun > 20) {
		return private
	}
	return name
}
