package assess

import (
	"cmp"
	"iter"
	"strings"
)

// How many different names a folder may have before they become one {name}; the root's are the site's pages, and each is
// a route of its own, so it keeps more.
const (
	fanout     = 20
	rootFanout = 200
	rootMost   = 2000 // of the root, before the least asked are put together
	deepest    = 12   // folders; what lies below is put together
	nodesMost  = 5000
)

// Checks that the names of a pattern stand one by one.
const (
	unchecked = iota
	checkAlias
	checkNode
	checkFile
)

// tree is the addresses of a site, by their segments.
type tree struct {
	root  *node
	nodes int
	most  int // nodes: what the site is known to have, and room for what the log shows besides
	room  room
	limit int // of a folder's names; smaller once there are too many nodes
}

// node is a segment.
type node struct {
	kids map[string]*node
	rest *node  // all other kids, once there are too many, or from the start where the site is known to number them
	name string // of a rest: what its addresses differ in
	seen map[string]*seen

	depth int
	keep  bool // the site is known to have it: it is never put together with others
	page  bool // the database has this very address
	below bool // Drupal answers for it and for all that lies below
	whole bool // what lies below is the same: files in folders
	check int
	kind  string // of a page or of a pattern's pages: the type of the node

	secret bool   // what lies below is never shown
	people people // who asked for it or for what lies below; of a node that is kept, nobody is counted
}

func newTree() *tree {
	return &tree{root: &node{}, nodes: 1, most: nodesMost, room: room{most: mostMoments}, limit: fanout}
}

// plant makes sure of an address that the site is known to have; % stands for any segment. Of what is never shown, it is the
// top.
func (t *tree) plant(path string) *node {
	n := t.root
	for name := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		switch {
		case name == "":
			continue
		case n.whole && n.name == hidden:
			return n
		case name == "%" && n.rest != nil:
			n = n.rest
			continue
		case name == "%":
			n.rest = t.grow(n)
			n = n.rest
		default:
			next := n.kids[name]
			if next == nil {
				next = t.put(n, name)
			}
			n = next
		}
		n.keep = true
	}
	return n
}

func (t *tree) grow(n *node) *node {
	t.nodes++
	return &node{depth: n.depth + 1}
}

func (t *tree) put(n *node, name string) *node {
	if n.kids == nil {
		n.kids = map[string]*node{}
	}
	next := t.grow(n)
	if next.secret = n.secret || secretive[strings.ToLower(name)]; next.secret {
		next.rest = t.grow(next)
		next.rest.name, next.rest.keep, next.rest.whole = hidden, true, true
	}
	n.kids[strings.Clone(name)] = next
	return next
}

// at is where an address is counted, and the check that its pattern asks for. who asks is a hash, 0 for who does not count.
func (t *tree) at(path string, who uint64) (n *node, pattern bool, check int) {
	if t.nodes > t.most {
		t.squeeze()
	}
	n = t.root
	n.people.add(who)
	for path != "" && !n.whole {
		var name string
		name, path, _ = strings.Cut(path, "/")
		if name == "" {
			continue
		}
		next := n.kids[name]
		if next == nil {
			if name = shown(name); name == private {
				next = n.kids[name]
			}
		}
		if next == nil {
			pattern = pattern || n.rest != nil
			next = t.other(n, name)
		}
		pattern = pattern || name == private || next == n.rest
		n = next
		if !n.keep {
			n.people.add(who)
		}
		check = max(check, n.check)
	}
	return n, pattern, check
}

// other is the node of a name that was not met before.
func (t *tree) other(n *node, name string) *node {
	most := t.limit
	if n.depth == 0 {
		most = rootMost
	}
	switch {
	case n.rest != nil:
	case n.depth >= deepest || len(n.kids) >= most:
		t.fold(n)
	default:
		return t.put(n, name)
	}
	return n.rest
}

// fold puts a folder's names together. The root keeps those that are asked for most: without a database, a page is known
// by that.
func (t *tree) fold(n *node) {
	if n.rest == nil {
		n.rest = t.grow(n)
	}
	var all, files int64
	requests := map[string]int64{}
	for name, k := range n.kids {
		requests[name] = k.requests()
		all += requests[name]
		if strings.Contains(name, ".") {
			files++
		}
	}
	if n.rest.name == "" && files*2 > int64(len(n.kids)) {
		n.rest.name = "file"
	}
	for name, k := range n.kids {
		if k.keep || name == private || n.depth == 0 && requests[name]*rootFanout > all {
			continue
		}
		delete(n.kids, name)
		t.graft(n.rest, k)
	}
}

func (n *node) requests() (sum int64) {
	for _, s := range n.seen {
		sum += s.requests
	}
	for _, k := range n.kids {
		sum += k.requests()
	}
	if n.rest != nil {
		sum += n.rest.requests()
	}
	return sum
}

// graft adds another node's addresses, perhaps of another tree, to this one's.
func (t *tree) graft(n, o *node) {
	if n.name == "" {
		n.name = o.name
	}
	n.people.merge(o.people)
	for method, s := range o.seen {
		t.get(n, method).merge(s)
	}
	for name, k := range o.kids {
		next := n.kids[name]
		if next == nil {
			next = t.other(n, name)
		}
		t.graft(next, k)
	}
	if o.rest != nil {
		t.fold(n)
		t.graft(n.rest, o.rest)
	}
}

// squeeze makes the tree small again: a scan for holes, or a site whose folders are as many as its pages.
func (t *tree) squeeze() {
	enough := t.most - nodesMost/2
	for t.limit > 1 && t.count() > enough {
		t.limit /= 2
		t.tidy(t.root)
	}
	if t.count() > enough {
		t.fold(t.root)
	}
	t.nodes = t.count()
}

func (t *tree) count() (nodes int) {
	for range t.each() {
		nodes++
	}
	return nodes
}

// tidy folds every folder that has too many names.
func (t *tree) tidy(n *node) {
	most := t.limit
	if n.depth == 0 {
		most = rootFanout
	}
	loose := 0
	for _, k := range n.kids {
		if !k.keep {
			loose++
		}
	}
	if loose > most || n.rest != nil && loose > 0 {
		t.fold(n)
	}
	for _, k := range n.kids {
		t.tidy(k)
	}
	if n.rest != nil {
		t.tidy(n.rest)
	}
}

// place is where a node stands: its pattern, and whether Drupal answers for it because of a folder above.
type place struct {
	path  string
	below bool
}

// each gives every node.
func (t *tree) each() iter.Seq2[place, *node] {
	return func(yield func(place, *node) bool) { t.root.walk(place{}, yield) }
}

func (n *node) walk(at place, yield func(place, *node) bool) bool {
	at.below = at.below || n.below
	if !yield(at, n) {
		return false
	}
	for name, k := range n.kids {
		if !k.walk(place{at.path + "/" + name, at.below}, yield) {
			return false
		}
	}
	if n.rest == nil {
		return true
	}
	return n.rest.walk(place{at.path + "/{" + cmp.Or(n.rest.name, "name") + "}", at.below}, yield)
}

// get is what a method of an address got.
func (t *tree) get(n *node, method string) *seen {
	s := n.seen[method]
	if s == nil {
		if n.seen == nil {
			n.seen = map[string]*seen{}
		}
		s = newSeen(&t.room)
		n.seen[method] = s
	}
	return s
}
