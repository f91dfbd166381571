package diff

import (
	"slices"
	"strconv"
	"strings"
)

// most is how many differences of one comparison are kept: a page that is wholly another needs no longer list.
const most = 32

// comparison is one run of a Comparer.
type comparison struct {
	c       *Comparer
	request Request
	heads   [2][][2]string // of the answers
	masks   []*mask        // those in scope
	all     []Difference
	used    []string // masks that hid something
	learned []string // fields that learned noise hid
	dom     string
	work    int  // bytes that may still be looked at
	over    bool // a cap was passed
}

func (c *Comparer) begin(r Request) *comparison {
	x := &comparison{c: c, request: r, work: c.caps.Work}
	now := c.now()
	for _, m := range *c.masks.Load() {
		if m.covers(r, now) {
			x.masks = append(x.masks, m)
		}
	}
	return x
}

// spend counts work, and says whether there is some left.
func (x *comparison) spend(bytes int) bool {
	if x.work -= bytes; x.work < 0 {
		x.over = true
	}
	return !x.over
}

// result is what was found. A difference is louder than a cap, a cap louder than a mask.
func (x *comparison) result() Result {
	r := Result{Outcome: Equal, Differences: x.all, Masks: x.used, Learned: x.learned, DOM: x.dom}
	switch {
	case slices.ContainsFunc(x.all, func(d Difference) bool { return d.Kind != Cut }):
		r.Outcome = Differs
	case x.over:
		r.Outcome = Capped
	case len(x.used)+len(x.learned) > 0:
		r.Outcome = Masked
	}
	return r
}

// found keeps a difference that no mask hides, unless learning says that it is noise.
func (x *comparison) found(field, kind, legacy, new string, critical bool) {
	d := Difference{Field: x.c.red.named(field), Kind: kind, Critical: critical}
	if learnable(d) && x.c.noise.is(x.request.Group, stem(d.Field)) {
		x.learned = once(x.learned, stem(d.Field))
		return
	}
	if len(x.all) == most && !critical {
		return
	}
	d.Legacy, d.New = x.c.red.shown(field, legacy, new, x.own())
	if len(x.all) < most {
		x.all = append(x.all, d)
	} else {
		x.all[most-1] = d // what is critical is never lost in a long list
	}
}

func once(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// single compares one value, which an empty one says is not there.
func (x *comparison) single(field, legacy, new string) {
	if legacy != new {
		x.list(field, false, one(legacy), one(new))
	}
}

func one(value string) []item {
	if value == "" {
		return nil
	}
	return []item{{value: value}}
}

func items(values []string) []item {
	all := make([]item, len(values))
	for i, v := range values {
		all[i].value = v
	}
	return all
}

// item is a value among others of one field, and the part of the page that it stands in.
type item struct{ value, region string }

func (i item) field(base string) string {
	if i.region == "" {
		return base
	}
	return base + " in #" + i.region
}

// list compares the values of a field. What both have is taken away, what a mask hides too; the rest is paired in order. With set,
// neither order nor number counts.
func (x *comparison) list(field string, set bool, legacy, new []item) {
	if !x.spend(size(legacy) + size(new)) {
		return
	}
	l, n := without(legacy, new, set, func(i item) string { return i.value })
	if len(l)+len(n) == 0 {
		if !set && len(legacy) > 0 {
			x.order(field, legacy, new)
		}
		return
	}
	if field == "html text" && joined(l) == joined(n) {
		return // markup parts it in other places
	}
	l, n = x.masked(field, l, n)
	for _, p := range pairs(l, n) {
		switch l, n := p[0], p[1]; {
		case n == nil:
			x.found(l.field(field), Missing, l.value, "", x.critical(field, l.value, ""))
		case l == nil:
			x.found(n.field(field), Extra, "", n.value, x.critical(field, "", n.value))
		default:
			x.found(l.field(field), Changed, l.value, n.value, x.critical(field, l.value, n.value))
		}
	}
}

func joined(all []item) string {
	var b strings.Builder
	for _, i := range all {
		b.WriteString(i.value + " ")
	}
	return b.String()
}

// pairs sets one list against the other: what stands in the same part of a page first, then the rest in order.
func pairs(l, n []item) (all [][2]*item) {
	left := map[string][]*item{}
	for i := range n {
		left[n[i].region] = append(left[n[i].region], &n[i])
	}
	taken := map[*item]bool{}
	for i := range l {
		p := [2]*item{&l[i]}
		if same := left[l[i].region]; len(same) > 0 {
			p[1], left[l[i].region] = same[0], same[1:]
			taken[p[1]] = true
		}
		all = append(all, p)
	}
	open := 0
	for i := range n {
		if taken[&n[i]] {
			continue
		}
		for open < len(l) && all[open][1] != nil {
			open++
		}
		if open < len(l) {
			all[open][1] = &n[i]
		} else {
			all = append(all, [2]*item{nil, &n[i]})
		}
	}
	return all
}

// order compares lists of the same values.
func (x *comparison) order(field string, legacy, new []item) {
	for i := range legacy {
		if legacy[i].value == new[i].value {
			continue
		}
		where := legacy[i].field(field)
		for _, m := range x.masks {
			if (m.Kind == Set || m.Kind == Drop && m.pattern == nil) && m.matches(where) {
				x.used = once(x.used, m.ID)
				return
			}
		}
		x.found(where, Order, legacy[i].value, new[i].value, false)
		return
	}
}

// size is how many bytes a list has.
func size(all []item) int {
	n := 16 * len(all)
	for _, i := range all {
		n += len(i.value)
	}
	return n
}

// without is what each list has beyond the other; with set, neither keeps a value twice.
func without(legacy, new []item, set bool, key func(item) string) (l, n []item) {
	left := make(map[string]int, len(new))
	for _, i := range new {
		left[key(i)]++
	}
	both := map[string]bool{}
	for _, i := range legacy {
		k := key(i)
		switch {
		case left[k] > 0 && !set:
			left[k]--
		case left[k] > 0:
			both[k] = true
		case set && both[k]:
		default:
			l = append(l, i)
			both[k] = set
		}
	}
	for _, i := range slices.Backward(new) {
		if k := key(i); left[k] > 0 && !both[k] {
			left[k]--
			if set {
				left[k] = 0
			}
			n = append(n, i)
		}
	}
	slices.Reverse(n)
	return l, n
}

func status(a Answer) string { return strconv.Itoa(a.Status) }
