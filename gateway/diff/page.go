package diff

import (
	"fmt"
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
	s := scratches.Get().(*scratch)
	defer s.back()
	l, n := x.page(s, 0, a), (*page)(nil)
	if !x.over {
		n = x.page(s, 1, b)
	}
	if x.over {
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
