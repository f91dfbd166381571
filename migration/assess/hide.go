package assess

import (
	"hash/maphash"
	"net/netip"
	"slices"
	"strings"
)

// enough is how many visitors must have asked for a path that nothing else makes public.
const enough = 20

// hidden is the name of a rest that is shown as private.
const hidden = "…"

// secretive are the folders below which stand people's words and the keys to what is theirs.
var secretive = map[string]bool{"search": true, "unsubscribe": true, "reset": true, "confirm": true, "verify": true, "validate": true, "activate": true, "invite": true, "token": true}

// people are hashes of the first visitors: as many as it takes to be enough.
type people []uint64

func (p *people) add(who uint64) {
	if who != 0 && len(*p) < enough && !slices.Contains(*p, who) {
		*p = append(*p, who)
	}
}

func (p *people) merge(o people) {
	for _, who := range o {
		p.add(who)
	}
}

func (p people) enough() bool { return len(p) >= enough }

// network is what of an IPv6 address is one customer's: the rest changes by the day.
const network = 48

// visitor is a hash of who asks. It is of this process: nobody can look an address up by it.
func visitor(address string) uint64 {
	if strings.IndexByte(address, ':') >= 0 {
		if ip, err := netip.ParseAddr(address); err == nil && !ip.Is4In6() {
			bytes := ip.As16()
			return maphash.Bytes(seed, bytes[:network/8])
		}
	}
	return maphash.String(seed, address)
}

// hide puts those names of each folder together that nothing makes public; or all of them, below a name that is hidden itself:
// the same name in several such folders is not asked for by more people.
func (t *tree) hide(n *node, all bool) {
	var few []string
	for name, k := range n.kids {
		if !k.keep && name != private && (all || !k.people.enough()) && !secretive[strings.ToLower(name)] {
			few = append(few, name)
		}
	}
	for _, name := range few {
		k, into := n.kids[name], n.rest
		delete(n.kids, name)
		t.hide(k, true)
		if into == nil {
			into = n.kids[private]
		}
		if into == nil {
			into = t.put(n, private)
		}
		t.graft(into, k)
	}
	for _, k := range n.kids {
		t.hide(k, all)
	}
	if n.rest != nil {
		t.hide(n.rest, all)
	}
}

// hidden is how many requests are shown with something hidden.
func (t *tree) hidden() (sum int64) {
	for at, n := range t.each() {
		if strings.Contains(at.path, private) {
			for _, s := range n.seen {
				sum += s.requests
			}
		}
	}
	return sum
}
