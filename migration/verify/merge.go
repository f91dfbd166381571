package verify

import (
	"context"
	"slices"
	"sort"

	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/shared/form"
)

// merge holds the two streams against each other.
//
//	source  1  2  3     5  6 …     each judged by the service's own rules
//	target  1     3  4  5  5 …     2 is missing or rejected, 4 is extra, 5 is there twice
func (c *comparison) merge(ctx context.Context, shelved bool) (err error) {
	ctx, stop := context.WithCancel(ctx)
	var t target
	if shelved {
		if t, err = c.shelve(ctx); err != nil {
			stop()
			return err
		}
	} else {
		s := c.stream(ctx)
		defer func() {
			for range s.pages { // its goroutine ends with this run
			}
		}()
		t = s
	}
	rows := c.read(ctx)
	defer func() {
		for range rows.lots {
		}
	}()
	defer stop()
	z := &zip{c: c, target: t}
	if err := z.step(ctx); err != nil {
		return err
	}
	for lot := range rows.lots {
		for i := range lot {
			if err := z.row(ctx, &lot[i]); err != nil {
				return err
			}
		}
	}
	if c.result.Orphans = rows.orphans; rows.err != nil {
		return rows.err
	}
	return z.before(ctx, 1<<63-1)
}

// zip is one passage over both sides.
type zip struct {
	c      *comparison
	target target
	now    held
	more   bool // now is a record
}

func (z *zip) step(ctx context.Context) (err error) {
	z.now, z.more, err = z.target.next(ctx)
	return err
}

// before passes the target's records below a sid: the source does not have them.
func (z *zip) before(ctx context.Context, sid int64) error {
	for z.more && z.now.sid < sid {
		copies, err := z.copies(ctx)
		if err != nil {
			return err
		}
		if c := z.c; c.until > 0 && copies[0].sid > c.until {
			c.further(copies)
		} else {
			c.again(copies[0].sid, nil, copies)
		}
	}
	return nil
}

// further keeps records beyond the watermark; of many only the prints.
func (c *comparison) further(copies []held) {
	for _, h := range copies {
		if h.record != nil && len(c.ahead) >= most {
			h.sum, h.record = c.canon.sum(h.record, id(h.sid)), nil
		} else if h.record != nil {
			record := *h.record
			h.record = &record
		}
		h.page = nil
		c.ahead = append(c.ahead, h)
	}
}

// copies are the target's records of one sid: more than one is a difference.
func (z *zip) copies(ctx context.Context) (all []held, err error) {
	for sid := z.now.sid; z.more && z.now.sid == sid; err = z.step(ctx) {
		if err != nil {
			return nil, err
		}
		all = append(all, z.now)
	}
	return all, err
}

func (z *zip) row(ctx context.Context, r *row) error {
	c, sid := z.c, r.record.SID
	if err := z.before(ctx, sid); err != nil {
		return err
	}
	c.compared()
	if r.record.Origin != "" {
		c.back.row(c.canon, r)
	}
	if !z.more || z.now.sid != sid {
		if r.reason == "" && r.record.Origin == "" {
			c.again(sid, r, nil)
		} else {
			c.count(r, nil)
		}
		return nil
	}
	h := z.now
	if err := z.step(ctx); err != nil {
		return err
	}
	if z.more && z.now.sid == sid {
		more, err := z.copies(ctx)
		c.again(sid, r, append([]held{h}, more...))
		return err
	}
	if r.reason != "" || r.record.Origin != "" {
		c.again(sid, r, []held{h})
		return nil
	}
	return c.pair(ctx, z.target, r, h)
}

// pair holds a row against its record: what they say, and what the service keeps besides.
func (c *comparison) pair(ctx context.Context, t target, r *row, h held) error {
	s := c.canon.sum(&r.record, id(h.sid))
	theirs := h.sum
	if h.record != nil {
		if theirs = s; !c.canon.same(&r.record, h.record) {
			theirs = c.canon.sum(h.record, id(h.sid))
		}
	}
	equal := s == theirs
	for i := 0; equal && i < len(r.writes); i++ {
		if !t.listed(h, r.writes[i]) {
			wrong, err := c.stored(ctx, h.sid, r.writes[i])
			if err != nil {
				return err
			}
			equal = len(wrong) == 0
		}
	}
	if !equal {
		c.again(h.sid, r, []held{h})
		return nil
	}
	c.moved(ofSource, dayOf(&r.record), r.pence)
	c.moved(ofTarget, h.day, h.pence)
	c.source.add(h.sid, s)
	c.held.add(h.sid, s)
	return nil
}

// moved adds a row that is on a side, or should be.
func (c *comparison) moved(of side, day, pence int64) {
	if of == ofSource {
		c.result.SumPenceSource += pence
	} else {
		c.result.RowsTarget++
		c.result.SumPenceTarget += pence
	}
	c.tally.add(of, day, moved, pence)
}

// count adds a source row and the target's records of its sid as they stand. Those of the prints that are known go into
// the digests.
func (c *comparison) count(r *row, records []held) {
	switch {
	case r == nil:
	case r.record.Origin != "": // counted with the records that it was written from
	case r.reason != "":
		c.result.Rejected[r.reason]++
		c.tally.add(ofSource, dayOf(&r.record), rejected, r.pence)
	default:
		c.moved(ofSource, dayOf(&r.record), r.pence)
		c.source.put(r.record.SID, c.canon.sum(&r.record, id(r.record.SID)))
	}
	for _, h := range records {
		if h.record != nil {
			h.sum = c.canon.sum(h.record, id(h.sid))
		}
		c.moved(ofTarget, h.day, h.pence)
		c.held.put(h.sid, h.sum)
	}
}

// again puts a sid aside, to be looked at again: it differs.
func (c *comparison) again(sid int64, r *row, copies []held) {
	c.source.keep(sid)
	c.held.keep(sid)
	if len(c.pending) >= most {
		c.result.More++
		c.count(r, copies)
		return
	}
	p := &pending{sid: sid, seen: len(copies)}
	if r != nil {
		kept := *r
		p.row, p.twin = &kept, r.reason == "duplicate"
		c.result.RowsSource-- // it is counted as it stands in the end
	}
	for _, h := range copies {
		if h.record != nil { // without the rest of its page
			record := *h.record
			h.record, h.page = &record, nil
		}
		p.records = append(p.records, h)
	}
	c.pending = append(c.pending, p)
}

// beyond looks at what came while both sides were read: it is in flight, whatever it says.
func (c *comparison) beyond(ctx context.Context) error {
	if c.until == 0 {
		return nil
	}
	late := map[int64]bool{}
	_, err := c.job.Source.Records(ctx, c.job.Form.Alias, drupal.Span{After: c.until}, func(r form.Record) error {
		late[r.SID] = true
		if r.Origin != "" {
			c.back.late(r.Origin)
		}
		return nil
	})
	if err != nil {
		return err
	}
	sids := make([]int64, 0, len(late))
	for sid := range late {
		sids = append(sids, sid)
	}
	sort.Slice(sids, func(i, j int) bool { return sids[i] < sids[j] })
	for _, sid := range sids {
		c.fly(sid, "beyond the watermark")
	}
	c.ahead = slices.DeleteFunc(c.ahead, func(h held) bool { return late[h.sid] })
	for i := 0; i < len(c.ahead); {
		j := i + 1
		for j < len(c.ahead) && c.ahead[j].sid == c.ahead[i].sid {
			j++
		}
		c.again(c.ahead[i].sid, nil, c.ahead[i:j])
		i = j
	}
	return nil
}

// flying is how many rows in flight are listed.
const flying = 1000

func (c *comparison) fly(sid int64, why string) {
	c.result.InFlight++
	if len(c.result.Moving) < flying {
		c.result.Moving = append(c.result.Moving, Moving{id(sid), why})
	}
}
