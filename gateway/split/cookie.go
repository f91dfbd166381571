package split

import "bytes"

// CookieName is the one cookie that the gateway sets (D-5). It is never sent to a backend.
const CookieName = "__banyan"

// idSize is the length of a visitor id: 128 random bits in hex.
const idSize = 32

const visitorPurpose = "banyan visitor"

// AppendCookie appends the value of the visitor cookie, 1.KEY.ID.MAC, signed with the ring's first key. The id is 32
// lower-case hex digits, random, and says nothing of the visitor.
func (r *Keyring) AppendCookie(dst []byte, id string) []byte {
	k := &r.keys[0]
	start := len(dst)
	dst = append(dst, "1."...)
	dst = append(append(dst, k.id...), '.')
	dst = append(dst, id...)
	text := dst[start:]
	return k.sign(append(dst, '.'), visitorPurpose, text)
}

// Visitor is the id in a visitor cookie's value, as a part of value, and whether the cookie is one of ours. Anything
// else, from an unknown key or changed by a letter, is as no cookie at all. It does not allocate.
func (r *Keyring) Visitor(value []byte) (id []byte, ok bool) {
	text, mac, ok := cutLast(value)
	if !ok || len(value) > 128 {
		return nil, false
	}
	rest, id, ok := cutLast(text)
	if !ok || !hexID(id) {
		return nil, false
	}
	version, key, ok := bytes.Cut(rest, []byte{'.'})
	if !ok || string(version) != "1" {
		return nil, false
	}
	k := r.find(key)
	if k == nil || !k.verify(visitorPurpose, text, mac) {
		return nil, false
	}
	return id, true
}

func cutLast(b []byte) (before, after []byte, ok bool) {
	i := bytes.LastIndexByte(b, '.')
	if i < 0 {
		return nil, nil, false
	}
	return b[:i], b[i+1:], true
}

func hexID(b []byte) bool {
	for _, c := range b {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return len(b) == idSize
}
