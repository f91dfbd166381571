package config

import (
	"encoding/hex"

	"github.com/banyan-migration/banyan/gateway/split"
)

// tokens reads {NAME: {role: operate, sha256: HEX}}: who may come in, and what for. The token itself is nowhere.
func (b *builder) tokens(n node) {
	for _, p := range n.pairs() {
		t := Token{Name: p.key}
		switch {
		case !split.Name(p.key):
			p.value.wrong("%q is not a name: letters, digits, '-' and '_'", p.key)
		case p.key == "judge" || p.key == "gateway" || p.key == "admin":
			p.value.wrong("%s is nobody's name: the journal means something else by it", p.key)
		}
		said := len(b.mistakes) + len(b.notes)
		hashed := false
		p.value.fields(map[string]func(node){
			"role":   func(n node) { t.Role = n.choice("view", "operate", "approve", "report") },
			"sha256": func(n node) { hashed = true; t.SHA256 = n.sum() },
		})
		switch {
		case said != len(b.mistakes)+len(b.notes):
		case t.Role == "" || !hashed:
			p.value.wrong("role and sha256 are both needed: {role: operate, sha256: …}, the hash as sha256sum prints it")
		}
		for _, other := range b.Admin.Tokens {
			if hashed && other.SHA256 == t.SHA256 {
				p.value.wrong("is the token of %s too: each has its own, or the journal does not say who it was", other.Name)
			}
		}
		b.Admin.Tokens = append(b.Admin.Tokens, t)
	}
}

// sum reads a SHA-256 in hex.
func (n node) sum() (sum [32]byte) {
	s, ok := n.scalar()
	if !ok {
		return sum
	}
	raw, err := hex.DecodeString(s)
	if err != nil || len(raw) != len(sum) {
		n.wrong("not a SHA-256: 64 hex digits, as printf %%s TOKEN | sha256sum prints them") // whatever it is, it is not repeated: it may be the token
		return sum
	}
	return [32]byte(raw)
}
