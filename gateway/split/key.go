package split

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// Kind is what of a request a group's bucket is drawn from (S-2).
type Kind uint8

// The kinds of key.
const (
	Visitor Kind = iota // the signed visitor id of our cookie; one is made where there is none
	Session             // the session cookie's hash: signed-in areas only (D-12)
	Address             // the client's address
	URL                 // method and canonical path, so that a CDN stays coherent
	Header              // one named header's value
)

// Key is a group's choice of key. The zero Key is Visitor.
type Key struct {
	Kind   Kind
	Header string // the header's name, for Header alone
}

// ParseKey reads what gateway.yaml says: visitor, session, address, url or header:NAME.
func ParseKey(s string) (Key, error) {
	switch s {
	case "visitor":
		return Key{Kind: Visitor}, nil
	case "session":
		return Key{Kind: Session}, nil
	case "address":
		return Key{Kind: Address}, nil
	case "url":
		return Key{Kind: URL}, nil
	}
	name, ok := strings.CutPrefix(s, "header:")
	if ok && Token(name) {
		return Key{Kind: Header, Header: name}, nil
	}
	return Key{}, fmt.Errorf("%q is not a key: visitor, session, address, url or header:NAME", s)
}

func (k Key) String() string {
	switch k.Kind {
	case Session:
		return "session"
	case Address:
		return "address"
	case URL:
		return "url"
	case Header:
		return "header:" + k.Header
	}
	return "visitor"
}

// Append adds to dst the key as it is hashed: v: and the visitor's id, s: and the session's hash, a: and the address,
// h:NAME: and the value, or the method and the path. What a kind does not use is ignored. HEAD counts as GET, so that
// a page and its head are on one side.
func (k Key) Append(dst []byte, value, method, path []byte) []byte {
	switch k.Kind {
	case Session:
		sum := sha256.Sum256(value)
		return hex.AppendEncode(append(dst, "s:"...), sum[:16])
	case Address:
		return append(append(dst, "a:"...), value...)
	case URL:
		if string(method) == "HEAD" {
			method = []byte("GET")
		}
		dst = append(append(dst, method...), ' ')
		return append(dst, path...)
	case Header:
		dst = append(append(dst, "h:"...), k.Header...)
		return append(append(dst, ':'), value...)
	}
	return append(append(dst, "v:"...), value...)
}

// Token says whether s is an HTTP token, as names of headers and methods are.
func Token(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return s != ""
}
