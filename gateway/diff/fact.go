package diff

// fact is one thing that a document says: at a place, in order.
type fact struct {
	what, name string // the place: html and heading, xml and a path
	value      string
	region     string // the nearest element with an id; says where, and is no part of what is compared
}

// field is the place as differences name it.
func (f fact) field() string {
	if f.name == "" {
		return f.what
	}
	return f.what + " " + f.name
}

func samePlace(a, b fact) bool { return a.what == b.what && a.name == b.name }

func sameFact(a, b fact) bool { return samePlace(a, b) && a.value == b.value }

// facing compares two lists of facts, place by place.
func (x *comparison) facing(l, n []fact) {
	l, n = apart(l, n)
	type both struct{ legacy, new []item }
	by := map[string]*both{}
	var order []string
	place := func(f fact) *both {
		b := by[f.field()]
		if b == nil {
			b = &both{}
			by[f.field()] = b
			order = append(order, f.field())
		}
		return b
	}
	for _, f := range l {
		b := place(f)
		b.legacy = append(b.legacy, item{f.value, f.region})
	}
	for _, f := range n {
		b := place(f)
		b.new = append(b.new, item{f.value, f.region})
	}
	for _, field := range order {
		x.list(field, false, by[field].legacy, by[field].new)
	}
}

// apart leaves out what both lists have alike: where they tell of the same places all along, every fact that is equal, else what
// they begin and end with.
func apart(l, n []fact) (ll, nn []fact) {
	alike := len(l) == len(n)
	for i := 0; alike && i < len(l); i++ {
		alike = samePlace(l[i], n[i])
		if alike && l[i].value != n[i].value {
			ll, nn = append(ll, l[i]), append(nn, n[i])
		}
	}
	if alike {
		return ll, nn
	}
	for len(l) > 0 && len(n) > 0 && sameFact(l[0], n[0]) {
		l, n = l[1:], n[1:]
	}
	for len(l) > 0 && len(n) > 0 && sameFact(l[len(l)-1], n[len(n)-1]) {
		l, n = l[:len(l)-1], n[:len(n)-1]
	}
	return l, n
}
