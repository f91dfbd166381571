package account

import "bytes"

// private are parts of query keys whose values never reach a log: what people type about themselves and what opens doors.
var private = []string{"pass", "token", "mail", "phone", "name", "address", "postcode", "secret", "hash", "auth", "card", "session", "key"}

// redacted appends a target with the values of private query keys, every value with an @, and Drupal's one-time login
// paths replaced by a tilde.
func redacted(b, target []byte, quote func(b []byte, c byte) []byte) []byte {
	path, query, hasQuery := bytes.Cut(target, []byte{'?'})
	if i := bytes.Index(path, []byte("/user/reset/")); i >= 0 {
		b = plain(b, path[:i+len("/user/reset/")], quote)
		b = append(b, '~')
	} else {
		b = plain(b, path, quote)
	}
	if !hasQuery {
		return b
	}
	b = append(b, '?')
	for more := true; more; {
		var pair []byte
		pair, query, more = bytes.Cut(query, []byte{'&'})
		if i := bytes.IndexByte(pair, '='); i >= 0 && secret(pair[:i], pair[i+1:]) {
			b = append(plain(b, pair[:i+1], quote), '~')
		} else {
			b = plain(b, pair, quote)
		}
		if more {
			b = append(b, '&')
		}
	}
	return b
}

func plain(b, text []byte, quote func(b []byte, c byte) []byte) []byte {
	for _, c := range text {
		b = quote(b, c)
	}
	return b
}

func secret(key, value []byte) bool {
	if bytes.IndexByte(value, '@') >= 0 || bytes.Contains(value, []byte("%40")) {
		return true
	}
	for _, p := range private {
		if holds(key, p) {
			return true
		}
	}
	return false
}

// holds says whether text holds part in any case; part is in lower case.
func holds(text []byte, part string) bool {
	for i := 0; i+len(part) <= len(text); i++ {
		j := 0
		for j < len(part) && text[i+j]|0x20 == part[j] {
			j++
		}
		if j == len(part) {
			return true
		}
	}
	return false
}
