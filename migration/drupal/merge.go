package drupal

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/banyan-migration/banyan/shared/form"
)

// merge joins the two tables of submissions, which lie in a dump one after the other and in the order of their keys,
// by reading the dump twice at once.
//
//	webform_submissions     (sid)            7      8      9
//	webform_submitted_data  (nid, sid, cid)  7 7 7  8 8 8  9 9 9
type merge struct {
	ctx     context.Context
	within  Span
	yield   func(form.Record) error
	builder builder
	sites   []Form // all webforms of the site
	heads   *cursor
	data    *cursor
	origins *cursor // of the rows that reverse wrote; nil: none
	orphans int64

	values  []Value  // the data cursor's row, nil at its end
	last    [2]int64 // its nid and sid
	lastSID int64    // of heads
	origin  [3]int64 // sid, nid and time of the origins' row
	id      string   // and its id
	lost    int64    // submissions whose node is no webform
	lostSID int64    // the first of them
}

func (m *merge) run() error {
	if err := m.step(); err != nil {
		return err
	}
	for n := 0; ; n++ {
		if n%1024 == 0 && m.ctx.Err() != nil {
			return m.ctx.Err()
		}
		s, ok, err := m.head()
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		if err := m.gather(s.sid); err != nil {
			return err
		}
		if !m.within.Has(s.sid) {
			continue
		}
		if err := m.yield(m.builder.record(s)); err != nil {
			return stopped{err}
		}
	}
	for m.values != nil { // left-over values, and the rest of the dump
		if err := m.orphan(); err != nil {
			return err
		}
	}
	m.builder.odd.set("no webform", m.heads.table, "nid", fmt.Sprintf("sid %d", m.lostSID), m.lost)
	return nil
}

// stopped wraps what yield returned, so that it goes back as it was.
type stopped struct{ error }

func (m *merge) explain(file string, err error) error {
	var s stopped
	if errors.As(err, &s) {
		return s.error
	}
	return fmt.Errorf("%s: %w", file, err)
}

// head is the form's next submission.
func (m *merge) head() (submission, bool, error) {
	for {
		row, err := m.heads.next()
		if err != nil || row == nil {
			return submission{}, false, err
		}
		n, err := integers(m.heads, row)
		if err != nil {
			return submission{}, false, err
		}
		if n[1] <= m.lastSID {
			return submission{}, false, m.disorder(m.heads)
		}
		m.lastSID = n[1]
		if n[0] == m.builder.form.NID {
			id, err := m.written(n)
			return submission{sid: n[1], at: n[2], draft: n[3] != 0, origin: id}, true, err
		}
		if !slices.ContainsFunc(m.sites, func(f Form) bool { return f.NID == n[0] }) {
			if m.lost++; m.lost == 1 {
				m.lostSID = n[1]
			}
		}
	}
}

// written is the service's id of a row that reverse wrote, or "": both tables are in the order of sids.
func (m *merge) written(head [4]int64) (id string, err error) {
	for m.origins != nil && m.origin[0] < head[1] {
		row, err := m.origins.next()
		if err != nil {
			return "", err
		}
		if row == nil {
			m.origins = nil
			break
		}
		n, err := integers(m.origins, row[:3])
		if err != nil {
			return "", err
		}
		if n[0] <= m.origin[0] {
			return "", m.disorder(m.origins)
		}
		m.origin, m.id = [3]int64(n[:3]), string(row[3].Bytes)
	}
	if m.origin == [3]int64{head[1], head[0], head[2]} {
		return m.id, nil
	}
	return "", nil
}

// gather takes the values of a submission. What lies before it belongs to none.
func (m *merge) gather(sid int64) error {
	for m.values != nil && m.last[1] < sid {
		if err := m.orphan(); err != nil {
			return err
		}
	}
	for m.values != nil && m.last[1] == sid {
		cid, err := m.integer(2)
		if err != nil {
			return err
		}
		if m.within.Has(sid) {
			m.keep(sid, cid)
		}
		if err := m.step(); err != nil {
			return err
		}
	}
	return nil
}

// keep takes the value at hand.
func (m *merge) keep(sid, cid int64) {
	data := m.values[4]
	if data.Kind == Null {
		m.builder.met("null", "data", sid, cid)
	}
	if data.Kind == Mended {
		m.builder.met("mislabelled charset", "data", sid, cid)
	}
	m.builder.add(cid, m.builder.number(m.values[3].Bytes), data.Bytes)
}

func (m *merge) orphan() error {
	sid := m.last[1]
	if m.within.Has(sid) {
		m.orphans++
		cid, err := m.integer(2)
		if err != nil {
			return err
		}
		m.builder.met("orphan", "sid", sid, cid)
	}
	for m.values != nil && m.last[1] == sid {
		if err := m.step(); err != nil {
			return err
		}
	}
	return nil
}

// step goes to the form's next value.
func (m *merge) step() error {
	for {
		row, err := m.data.next()
		m.values = row
		if err != nil || row == nil {
			return err
		}
		nid, err := m.integer(0)
		if err != nil {
			return err
		}
		sid, err := m.integer(1)
		if err != nil {
			return err
		}
		if nid < m.last[0] || nid == m.last[0] && sid < m.last[1] {
			return m.disorder(m.data)
		}
		m.last = [2]int64{nid, sid}
		if nid == m.builder.form.NID {
			return nil
		}
	}
}

func (m *merge) disorder(c *cursor) error {
	return c.dump.damage("the rows of %s are not in the order of their key, which reading in flat memory needs; make the dump with --order-by-primary", c.table)
}

func (m *merge) integer(i int) (int64, error) {
	n, ok := integer64(m.values[i].Bytes)
	if !ok {
		return 0, m.data.dump.damage("column %s holds %q where a number belongs", m.data.names[i], m.values[i].Bytes[:min(len(m.values[i].Bytes), 10)])
	}
	return n, nil
}

func integers(c *cursor, row []Value) (n [4]int64, err error) {
	for i, v := range row {
		var ok bool
		if v.Kind == Null {
			continue
		}
		if n[i], ok = integer64(v.Bytes); !ok {
			return n, c.dump.damage("column %s holds %q where a number belongs", c.names[i], v.Bytes[:min(len(v.Bytes), 10)])
		}
	}
	return n, nil
}

// integer64 is strconv.ParseInt on bytes, for the two thirds of a dump that are such numbers.
func integer64(b []byte) (n int64, ok bool) {
	if len(b) > 1 && b[0] == '-' { // a time before 1970
		n, ok = integer64(b[1:])
		return -n, ok && b[1] != '-'
	}
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}
