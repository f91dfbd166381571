package diff

import (
	"fmt"
	"strings"

	"golang.org/x/net/html/atom"
)

// page is what an HTML page means (F-5).
type page struct {
	facts []fact // title, headings, images, messages, text …, in order
	links []item // a set
	forms []*webForm
	data  []string // JSON-LD
	tree  []string // the elements' names in order: the DOM, for information
}

// pages compares two HTML pages by their meaning. It is false over a cap.
func (x *comparison) pages(a, b []byte) bool {
	l, okL := x.page(a)
	n, okN := x.page(b)
	if !okL || !okN {
		return false
	}
	x.facing(l.facts, n.facts)
	if !sameItems(l.links, n.links) {
		x.list("html link", true, l.links, n.links)
	}
	x.forms(l.forms, n.forms)
	x.data(l.data, n.data)
	x.dom = trees(l.tree, n.tree)
	return !x.over
}

func sameItems(a, b []item) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].value != b[i].value {
			return false
		}
	}
	return true
}

// data compares JSON-LD by what it says.
func (x *comparison) data(l, n []string) {
	if len(l) != len(n) {
		x.list("html json-ld", false, items(l), items(n))
		return
	}
	for i := range l {
		if l[i] != n[i] && !x.documents("html json-ld ", []byte(l[i]), []byte(n[i])) {
			x.over = true
		}
	}
}

// trees says where two trees part.
func trees(l, n []string) string {
	for i := range min(len(l), len(n)) {
		if l[i] != n[i] {
			return fmt.Sprintf("%d elements against %d; the first that differs is number %d, %s against %s", len(l), len(n), i+1, short(l[i]), short(n[i]))
		}
	}
	if len(l) != len(n) {
		return fmt.Sprintf("%d elements against %d", len(l), len(n))
	}
	return ""
}

// inline are elements that part no text; voids have no end tag.
var (
	inline = tagSet("a abbr b bdi bdo cite code data del dfn em font i ins kbd label mark q s samp small span strong sub sup time tt u var wbr img input")
	voids  = tagSet("area base br col embed hr img input link meta param source track wbr")
	unseen = tagSet("script style template noscript svg math")
)

func tagSet(names string) map[string]bool {
	all := map[string]bool{}
	for name := range strings.FieldsSeq(names) {
		all[name] = true
	}
	return all
}

// tagName is a tag's name without a copy, where HTML knows it.
func tagName(name []byte) string {
	if a := atom.Lookup(name); a != 0 {
		return a.String()
	}
	return string(name)
}
