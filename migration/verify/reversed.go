package verify

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"slices"

	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/shared/form"
)

// mark is a record that the service took itself, or a row that it was written back as: 72 bytes, since after a cutover
// all records are such.
type mark struct {
	origin     [16]byte // of a hash of the service's id
	sid        int64    // of a row
	day, pence int64
	sum        sum
}

func originOf(id string) (o [16]byte) {
	full := sha256.Sum256([]byte(id))
	return [16]byte(full[:16])
}

// reversals are both sides of what was written back.
type reversals struct {
	rows, own []mark
	beyond    map[[16]byte]bool // rows past the watermark: in flight
	from      string            // the cursor from which records of the service's own come, or that of the last page
}

func newReversals() *reversals { return &reversals{beyond: map[[16]byte]bool{}} }

func (b *reversals) late(origin string) { b.beyond[originOf(origin)] = true }

func (b *reversals) row(c *canon, r *row) {
	b.rows = append(b.rows, mark{originOf(r.record.Origin), r.record.SID, dayOf(&r.record), r.pence, c.sum(&r.record, r.record.Origin)})
}

// page notes where the service's own records would begin.
func (b *reversals) page(from string) {
	if len(b.own) == 0 {
		b.from = from
	}
}

// took keeps a record that the service took itself; another form's rows are not this comparison's.
func (c *comparison) took(r *form.Record) {
	if r.SID == 0 {
		c.back.own = append(c.back.own, c.mark(r))
	}
}

func (c *comparison) mark(r *form.Record) mark {
	return mark{originOf(r.Origin), r.SID, dayOf(r), c.canon.pence(r), c.canon.sum(r, r.Origin)}
}

func byOrigin(a, b mark) int {
	return cmp.Or(bytes.Compare(a.origin[:], b.origin[:]), cmp.Compare(a.sid, b.sid))
}

// join holds the rows that were written back against the records that they were made of.
func (c *comparison) join(ctx context.Context) error {
	b := c.back
	slices.SortFunc(b.rows, byOrigin)
	slices.SortFunc(b.own, byOrigin)
	var differ []returned
	at := 0
	for _, o := range b.own {
		for ; at < len(b.rows) && bytes.Compare(b.rows[at].origin[:], o.origin[:]) < 0; at++ {
			differ = append(differ, returned{row: b.rows[at]})
		}
		switch {
		case at == len(b.rows) || b.rows[at].origin != o.origin:
			if !b.beyond[o.origin] {
				c.result.Own++
				c.tally.add(ofTarget, o.day, own, o.pence)
			}
			continue
		case b.rows[at].sum == o.sum:
			c.returned(returned{row: b.rows[at], own: &o})
		default:
			differ = append(differ, returned{row: b.rows[at], own: &o})
		}
		for at++; at < len(b.rows) && b.rows[at].origin == o.origin; at++ {
			c.returned(returned{row: b.rows[at]})
			c.differ(Difference{id(b.rows[at].sid), "row", "written back twice", "once", Twice})
		}
	}
	for ; at < len(b.rows); at++ {
		differ = append(differ, returned{row: b.rows[at]})
	}
	return c.review(ctx, differ)
}

// returned is a row that was written back, and the record that it was made of.
type returned struct {
	row     mark
	own     *mark
	source  *form.Record
	target  *form.Record
	changed bool
}

// returned adds one up.
func (c *comparison) returned(r returned) {
	c.result.Reversed++
	c.tally.add(ofSource, r.row.day, reversed, r.row.pence)
	if r.own != nil {
		c.tally.add(ofTarget, r.own.day, reversed, r.own.pence)
	}
}

// review looks again at written-back rows that differ, as settle does at moved ones.
func (c *comparison) review(ctx context.Context, left []returned) error {
	for len(left) > most {
		c.returned(left[len(left)-1])
		c.result.More++
		left = left[:len(left)-1]
	}
	for look := 0; len(left) > 0; look++ {
		var err error
		if left, err = c.compareAgain(ctx, left); err != nil {
			return err
		}
		if !c.job.Source.Live() || c.job.Patience == 0 || look == looks || len(left) == 0 {
			break
		}
		if err := pause(ctx, c.job.Patience/looks); err != nil {
			return err
		}
	}
	for _, r := range left {
		switch {
		case r.changed:
			c.fly(r.row.sid, "changing")
		case r.target == nil:
			c.returned(r)
			c.differ(Difference{id(r.row.sid), "row", "written back", "missing", Missing})
		default:
			c.returned(r)
			for _, d := range c.canon.differing(r.source, r.target) {
				c.differ(d)
			}
		}
	}
	return nil
}

// compareAgain reads both sides of the rows again and gives those that still differ.
func (c *comparison) compareAgain(ctx context.Context, all []returned) (left []returned, err error) {
	if err := c.owned(ctx, all); err != nil {
		return nil, err
	}
	if err := c.written(ctx, all); err != nil {
		return nil, err
	}
	for _, r := range all {
		if r.source == nil { // it was deleted meanwhile
			c.result.RowsSource--
			if r.target != nil {
				c.result.Own++
				c.tally.add(ofTarget, r.own.day, own, r.own.pence)
			}
			continue
		}
		before, ours := r.row, c.mark(r.source)
		r.row = ours
		r.changed = before.sum != ours.sum
		if r.target != nil {
			theirs := c.mark(r.target)
			r.changed = r.changed || r.own == nil || r.own.sum != theirs.sum
			r.own = &theirs
			switch ours.sum {
			case theirs.sum:
				c.result.Settled++
				c.returned(r)
				continue
			case c.narrow(r.target):
				c.result.Narrowed++
				c.returned(r)
				continue
			}
		} else {
			r.own = nil
		}
		left = append(left, r)
	}
	return left, nil
}

// narrow is the print of a record as reverse writes it where the old site's tables do not know all of its letters: they
// are left out knowingly, and reverse has said so.
func (c *comparison) narrow(r *form.Record) sum {
	narrowed := drupal.Narrow(*r)
	return c.canon.sum(&narrowed, r.Origin)
}

// owned finds the records of rows that were written back.
func (c *comparison) owned(ctx context.Context, all []returned) error {
	sought := map[[16]byte]*returned{}
	for i := range all {
		all[i].target = nil
		sought[all[i].row.origin] = &all[i]
	}
	return c.job.pages(ctx, c.job.Store, c.back.from, func(p *page) error {
		for i := range p.records {
			if r := p.records[i]; r.SID == 0 {
				if found := sought[originOf(r.Origin)]; found != nil {
					found.target = &r
				}
			}
		}
		return nil
	})
}

// written reads the rows themselves; a dump has to be read as a whole for that.
func (c *comparison) written(ctx context.Context, all []returned) error {
	if c.job.Source.Live() {
		for i := range all {
			r, err := c.job.Source.Record(ctx, c.job.Form.Node, all[i].row.sid)
			switch {
			case errors.Is(err, drupal.ErrNoRecord):
				all[i].source = nil
			case err != nil:
				return err
			default:
				all[i].source = &r
			}
		}
		return nil
	}
	sought := map[int64]*returned{}
	for i := range all {
		sought[all[i].row.sid] = &all[i]
	}
	_, err := c.job.Source.Records(ctx, c.job.Form.Alias, drupal.Span{}, func(r form.Record) error {
		if found := sought[r.SID]; found != nil {
			found.source = &r
		}
		return nil
	})
	return err
}
