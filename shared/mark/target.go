package mark

import "strings"

// appendTarget appends what is signed of a request's target: its path in one spelling, and its query as it is. An HTTP API of AWS
// hands a path over decoded, so whoever checks cannot know how it was sent; services route by the decoded path, and what is
// two requests to them is signed as two. (Nothing of ours routes by whether a slash was escaped.) As in net/url, a path with a % that begins no escape has none at all.
func appendTarget(dst []byte, target string) []byte {
	path, query, _ := strings.Cut(target, "?")
	escaped := allEscapes(path)
	for i := 0; i < len(path); i++ {
		c := path[i]
		if c == '%' && escaped {
			c = digit(path[i+1])<<4 | digit(path[i+2])
			i += 2
		}
		if 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("/-._~", c) >= 0 {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', upper[c>>4], upper[c&15])
		}
	}
	if query != "" {
		dst = append(append(dst, '?'), query...)
	}
	return dst
}

const upper = "0123456789ABCDEF"

// allEscapes says whether two hexadecimal digits follow each % of a path.
func allEscapes(path string) bool {
	for {
		i := strings.IndexByte(path, '%')
		if i < 0 {
			return true
		}
		if len(path) < i+3 || digit(path[i+1]) > 15 || digit(path[i+2]) > 15 {
			return false
		}
		path = path[i+3:]
	}
}

// digit is a hexadecimal digit's value; more than 15: it is none.
func digit(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return (c | 0x20) - 'a' + 10
	}
	return 16
}
