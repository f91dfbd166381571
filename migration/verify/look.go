package verify

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/kv"
)

// pending is a sid whose two sides differed when it was last looked at.
type pending struct {
	sid     int64
	row     *row // nil: the source does not have it
	twin    bool // the row doubled an earlier one when all were read
	records []held
	seen    int  // how many records the stream saw
	odd     bool // they lie under keys that are not their own
	print   [2]sum
	changed bool // since the look before
	differ  []Difference
}

// settle looks again at what differs, until it is equal, time is up, or it stands still.
func (c *comparison) settle(ctx context.Context) error {
	if err := c.recall(ctx, func(p *pending) bool { return len(p.records) > 0 && p.records[0].record == nil }); err != nil {
		return err
	}
	for _, p := range c.pending {
		p.print = c.print(p)
	}
	for look := 0; len(c.pending) > 0; look++ {
		if err := c.look(ctx); err != nil {
			return err
		}
		if !c.job.Source.Live() || c.job.Patience == 0 || look == looks {
			break
		}
		if err := pause(ctx, c.job.Patience/looks); err != nil {
			return err
		}
	}
	for _, p := range c.pending {
		c.conclude(p)
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// look looks at every pending row once and settles those that are equal.
func (c *comparison) look(ctx context.Context) error {
	live := c.job.Source.Live()
	if live {
		j := c.job.judge()
		for _, p := range c.pending {
			if err := c.refresh(ctx, j, p); err != nil {
				return err
			}
		}
		// What the stream saw and its key no longer finds is deleted, or lies under a key that is not its own.
		gone := func(p *pending) bool { return p.seen > 0 && len(p.records) == 0 }
		if err := c.recall(ctx, gone); err != nil {
			return err
		}
	}
	var left []*pending
	for _, p := range c.pending {
		before := p.print
		p.print = c.print(p)
		p.changed = p.print != before
		var err error
		if p.differ, err = c.weigh(ctx, p); err != nil {
			return err
		}
		if len(p.differ) > 0 {
			left = append(left, p)
			continue
		}
		if live && !c.late(p) {
			c.result.Settled++
		}
		c.conclude(p)
	}
	c.pending = left
	return nil
}

// late says that the source has the row, and took it after the watermark.
func (c *comparison) late(p *pending) bool { return c.until > 0 && p.sid > c.until && p.row != nil }

// conclude says what a row came to.
func (c *comparison) conclude(p *pending) {
	if c.late(p) {
		c.fly(p.sid, "beyond the watermark")
		return
	}
	if p.row != nil {
		c.result.RowsSource++
	}
	if len(p.differ) > 0 && p.changed {
		c.fly(p.sid, "changing")
		if p.row != nil {
			c.tally.add(ofSource, dayOf(&p.row.record), inFlight, p.row.pence)
		}
		for _, h := range p.records {
			c.tally.add(ofTarget, h.day, inFlight, h.pence)
		}
		return
	}
	c.count(p.row, p.records)
	for _, d := range p.differ {
		c.differ(d)
	}
}

func (c *comparison) differ(d Difference) { c.result.Differences = append(c.result.Differences, d) }

// print is what both sides of a row say now.
func (c *comparison) print(p *pending) (both [2]sum) {
	if p.row != nil {
		both[0] = c.canon.sum(&p.row.record, p.row.reason+" "+p.row.record.Origin)
	}
	for _, h := range p.records {
		if h.record != nil {
			both[1] = c.canon.sum(h.record, id(int64(len(p.records))))
		}
	}
	return both
}

// refresh reads both sides of a row again. One that is there twice stays so: nothing in flight looks like that.
func (c *comparison) refresh(ctx context.Context, j *judge, p *pending) error {
	nid := c.job.Form.Node
	if p.row != nil {
		nid = p.row.record.NID
	} else if len(p.records) > 0 && p.records[0].record != nil {
		nid = p.records[0].record.NID
	}
	now, err := c.job.Source.Record(ctx, nid, p.sid)
	switch {
	case errors.Is(err, drupal.ErrNoRecord):
		p.row = nil
	case err != nil:
		return err
	default:
		twin := p.twin && p.row != nil && c.canon.same(&p.row.record, &now)
		r := j.alone(now)
		if p.row = &r; twin && r.reason == "" {
			r.reason = "duplicate"
		}
	}
	if p.seen > 1 || p.odd {
		return nil
	}
	return c.fetch(ctx, p)
}

// fetch gets the record of a row by the key under which the service's own rules would put it.
func (c *comparison) fetch(ctx context.Context, p *pending) error {
	var writes []kv.Write
	var err error
	if p.row != nil {
		writes, err = c.job.Import(p.row.record)
	}
	if (p.row == nil || err != nil) && len(p.records) > 0 && p.records[0].record != nil {
		writes, err = c.job.Import(*p.records[0].record)
	}
	if err != nil || len(writes) == 0 {
		return nil // no rule of the service's would have put it there
	}
	p.records = nil
	only := narrow{c.job.Store, kv.NewMem()}
	for _, w := range writes {
		item, err := c.job.Store.Get(ctx, w.Key)
		if errors.Is(err, kv.ErrNotFound) {
			continue
		}
		if err == nil {
			err = only.some.Commit(ctx, kv.Write{Key: item.Key, Data: item.Data})
		}
		if err != nil {
			return err
		}
	}
	return c.job.pages(ctx, only, "", func(page *page) error {
		for i := range page.records {
			if r := &page.records[i]; c.job.imported(r) && r.SID == p.sid {
				p.records = append(p.records, c.hold(r))
			}
		}
		return nil
	})
}

func (c *comparison) hold(r *form.Record) held {
	return held{sid: r.SID, pence: c.canon.pence(r), day: dayOf(r), record: r}
}

// narrow is a store of which only a few items are listed.
type narrow struct {
	kv.Store
	some *kv.Mem
}

func (n narrow) List(ctx context.Context, part, prefix, after string, limit int) ([]kv.Item, error) {
	return n.some.List(ctx, part, prefix, after, limit)
}

// recall reads the whole target again for the records of some rows.
func (c *comparison) recall(ctx context.Context, which func(*pending) bool) error {
	sought := map[int64]*pending{}
	for _, p := range c.pending {
		if which(p) {
			sought[p.sid] = p
			p.records = nil
		}
	}
	if len(sought) == 0 {
		return nil
	}
	return c.job.pages(ctx, c.job.Store, "", func(page *page) error {
		for i := range page.records {
			r := page.records[i]
			if p := sought[r.SID]; p != nil && c.job.imported(&r) {
				p.records, p.odd = append(p.records, c.hold(&r)), true
			}
		}
		return nil
	})
}

// weigh names what differs of a row, or nothing.
func (c *comparison) weigh(ctx context.Context, p *pending) ([]Difference, error) {
	sid := id(p.sid)
	if len(p.records) == 0 {
		if p.row == nil || p.row.reason != "" || p.row.record.Origin != "" {
			return nil, nil
		}
		return []Difference{{sid, "row", "there", "missing", Missing}}, nil
	}
	var all []Difference
	if len(p.records) > 1 {
		all = append(all, Difference{sid, "row", "once", "twice", Twice})
	}
	switch {
	case p.row == nil:
		return append(all, Difference{sid, "row", "missing", "there", Extra}), nil
	case p.row.record.Origin != "":
		return append(all, Difference{sid, "row", "written back from the service", "imported", Refused}), nil
	case p.row.reason != "":
		return append(all, Difference{sid, "row", "rejected: " + p.row.reason, "there", Refused}), nil
	}
	if values := c.canon.differing(&p.row.record, p.records[0].record); len(values) > 0 {
		return append(all, values...), nil // what is kept besides follows from them
	}
	for _, w := range p.row.writes {
		wrong, err := c.stored(ctx, p.sid, w)
		if err != nil {
			return nil, err
		}
		all = append(all, wrong...)
	}
	return slices.Clip(all), nil
}
