package drupal

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// valueCount is what was seen of webform_submitted_data, a site's largest table. It is read once, in whatever order, and what it refers to is
// compared afterwards.
type valueCount struct {
	findings
	rows  int64
	parts map[[2]int64]*part // by nid and cid
	sids  map[int64]*idSet   // by nid
	last  [3]int64           // the row before: nid, sid, cid
	no    string
}

// part is the values of one component.
type part struct {
	n     int64
	first int64 // its sid
}

func newValueCount() *valueCount {
	return &valueCount{findings: findings{}, parts: map[[2]int64]*part{}, sids: map[int64]*idSet{}}
}

// The columns of webform_submitted_data.
var valueColumns = []string{"nid", "sid", "cid", "no", "data"}

// row takes the columns of valueColumns, and whether the last of them had to be mended.
func (v *valueCount) row(table string, values [5][]byte, mended bool) {
	v.rows++
	at := [3]int64{}
	for i := range at {
		at[i], _ = strconv.ParseInt(string(values[i]), 10, 64)
	}
	key := func() string { return fmt.Sprintf("nid %d, sid %d, cid %d", at[0], at[1], at[2]) }
	for i, value := range values {
		if value == nil {
			v.add("null", table, valueColumns[i], key)
		}
	}
	if v.rows > 1 && at == v.last && string(values[3]) == v.no {
		v.add("duplicate row", table, "", key)
	}
	if at != v.last || v.no != string(values[3]) {
		v.last, v.no = at, string(values[3])
	}
	if mended {
		v.add("mislabelled charset", table, "data", key)
	} else {
		v.text(table, "data", string(values[4]), key)
	}
	p := v.parts[[2]int64{at[0], at[2]}]
	if p == nil {
		p = &part{first: at[1]}
		v.parts[[2]int64{at[0], at[2]}] = p
	}
	p.n++
	sids := v.sids[at[0]]
	if sids == nil {
		sids = &idSet{}
		v.sids[at[0]] = sids
	}
	sids.add(at[1])
}

// submitted counts the values of submissions, which a dump's loading has seen already.
func (c *counting) submitted(ctx context.Context, name string) (int64, error) {
	var v *valueCount
	if c.passed != nil {
		if v = c.passed.values[name]; v == nil {
			v = newValueCount()
		}
	} else {
		v = newValueCount()
		query := "SELECT nid, sid, cid, no, data FROM " + c.quote(name)
		err := c.raw(ctx, c.db, query, nil, func(_ []string, row [][]byte) error {
			values, is := [5][]byte(row), false
			if values[4] != nil {
				values[4], is = c.mended("data", values[4])
			}
			v.row(name, values, is)
			return nil
		})
		if err != nil {
			return 0, err
		}
	}
	c.merge(v.findings, "")
	if err := c.orphans(ctx, name, v); err != nil {
		return 0, err
	}
	return v.rows, c.strangers(ctx, name, v)
}

// orphans notes values whose submission is gone.
func (c *counting) orphans(ctx context.Context, name string, v *valueCount) error {
	if !c.has("webform_submissions", "nid", "sid") {
		return nil
	}
	there := map[int64]*idSet{}
	err := c.each(ctx, c.db, "SELECT nid, sid FROM "+c.q("webform_submissions"), nil, func(f fields) error {
		nid := f.number("nid")
		if there[nid] == nil {
			there[nid] = &idSet{}
		}
		there[nid].add(f.number("sid"))
		return nil
	})
	for _, nid := range slices.Sorted(maps.Keys(v.sids)) {
		n, first := v.sids[nid].without(there[nid])
		c.many("values without a submission", name, "sid", n, fmt.Sprintf("nid %d, sid %d", nid, first))
	}
	return err
}

// strangers notes values of components that their webform does not have.
func (c *counting) strangers(ctx context.Context, name string, v *valueCount) error {
	components, webforms := map[[2]int64]bool{}, map[int64]bool{}
	err := c.all(ctx, "webform_component", "nid, cid", func(f fields) error {
		components[[2]int64{f.number("nid"), f.number("cid")}] = true
		webforms[f.number("nid")] = true
		return nil
	})
	at := slices.SortedFunc(maps.Keys(v.parts), func(a, b [2]int64) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) })
	for _, part := range at {
		if p := v.parts[part]; webforms[part[0]] && !components[part] {
			c.many("value of an unknown component", name, "cid", p.n, fmt.Sprintf("nid %d, sid %d, cid %d", part[0], p.first, part[1]))
		}
	}
	return err
}
