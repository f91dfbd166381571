package account

import "bytes"

// private are parts of query keys whose values never reach a log: what people type about themselves and what opens doors.
var private = []string{"pass", "token", "mail", "phone", "name", "address", "postcode", "secret", "hash", "auth", "card", "session", "key"}

// privateBy holds them by their first letter.
var privateBy = func() (by [256][]string) {
	for _, p := range private {
		by[p[0]] = append(by[p[0]], p)
	}
	return by
}()

// redacted appends a target with the values of private query keys, every value with an @, and Drupal's one-time login
// paths replaced by a tilde.
func redacted(b, target []byte, how string) []byte {
	path, query, hasQuery := bytes.Cut(target, []byte{'?'})
	if i := bytes.Index(path, []byte("/user/reset/")); i >= 0 {
		b = quote(b, path[:i+len("/user/reset/")], how)
		b = append(b, '~')
	} else {
		b = quote(b, path, how)
	}
	if !hasQuery {
		return b
	}
	b = append(b, '?')
	for more := true; more; {
		var pair []byte
		pair, query, more = bytes.Cut(query, []byte{'&'})
		if i := bytes.IndexByte(pair, '='); i >= 0 && secret(pair[:i], pair[i+1:]) {
			b = append(quote(b, pair[:i+1], how), '~')
		} else {
			b = quote(b, pair, how)
		}
		if more {
			b = append(b, '&')
		}
	}
	return b
}

func secret(key, value []byte) bool {
	if bytes.IndexByte(value, '@') >= 0 || bytes.Contains(value, []byte("%40")) {
		return true
	}
	for i, c := range key {
		for _, p := range privateBy[c|0x20] {
			if begins(key[i:], p) {
				return true
			}
		}
	}
	return false
}

// begins says whether text begins with part in any case; part is in lower case.
func begins(text []byte, part string) bool {
	if len(text) < len(part) {
		return false
	}
	for i := range len(part) {
		if text[i]|0x20 != part[i] {
			return false
		}
	}
	return true
}
