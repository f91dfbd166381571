package verify

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"hash/maphash"
	"slices"

	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/kv"
)

// held is one of the target's imported records.
type held struct {
	sid   int64
	pence int64
	day   int64
	// record is nil where only the print was kept; sum is the print then.
	record *form.Record
	sum    sum
	page   *page
}

// target gives the imported records in the order of their sids.
type target interface {
	// next takes the next record; false at the end.
	next(ctx context.Context) (held, bool, error)
	// listed says whether what was listed beside the record is what the write says.
	listed(h held, w kv.Write) bool
}

// page is what one call of Records gave, and the items that it was made of.
type page struct {
	from    string // the cursor that gives it again
	records []form.Record
	items   []kv.Item
	hint    int // services list their items in the order of their records
	index   map[kv.Key]int
}

// item finds a listed item.
func (p *page) item(key kv.Key) ([]byte, bool) {
	if p.hint < len(p.items) && p.items[p.hint].Key == key {
		p.hint++
		return p.items[p.hint-1].Data, true
	}
	if p.index == nil {
		p.index = make(map[kv.Key]int, len(p.items))
		for i, item := range p.items {
			p.index[item.Key] = i
		}
	}
	i, has := p.index[key]
	if !has {
		return nil, false
	}
	p.hint = i + 1
	return p.items[i].Data, true
}

// overheard is a store that keeps what is listed of it, so that nobody need get it again.
type overheard struct {
	kv.Store
	items []kv.Item
}

func (o *overheard) List(ctx context.Context, part, prefix, after string, limit int) ([]kv.Item, error) {
	items, err := o.Store.List(ctx, part, prefix, after, limit)
	o.items = append(o.items, items...)
	return items, err
}

// limit is how many records are asked for at once.
const limit = 1000

// pages gives every record of the form that the service holds, from a cursor on.
func (j Job) pages(ctx context.Context, store kv.Store, from string, each func(*page) error) error {
	for {
		heard := &overheard{Store: store}
		records, next, err := j.Records(ctx, heard, from, limit)
		if err != nil {
			return err
		}
		if err := each(&page{from: from, records: records, items: heard.items}); err != nil {
			return err
		}
		if next == "" {
			return nil
		}
		from = next
	}
}

// imported says whether a record is a row of this form's, and not one that the service took itself.
func (j Job) imported(r *form.Record) bool { return r.SID != 0 && r.Form == j.Form.Alias }

// errUnsorted says that the records do not come in the order of their sids.
var errUnsorted = errors.New("verify: the records are not in the order of their sids")

// stream is a target whose records come in order: they are held against the source's as they come.
type stream struct {
	c     *comparison
	pages <-chan *page
	err   *error // valid once pages is closed
	now   *page
	at    int
	last  int64
}

func (c *comparison) stream(ctx context.Context) *stream {
	pages, failed := make(chan *page, 2), new(error)
	go func() {
		defer close(pages)
		*failed = c.job.pages(ctx, c.job.Store, "", func(p *page) error {
			select {
			case pages <- p:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	return &stream{c: c, pages: pages, err: failed, now: &page{}}
}

func (s *stream) next(context.Context) (held, bool, error) {
	for {
		for s.at < len(s.now.records) {
			r := &s.now.records[s.at]
			s.at++
			if !s.c.job.imported(r) {
				s.c.took(r)
				continue
			}
			if r.SID < s.last {
				return held{}, false, errUnsorted
			}
			s.last = r.SID
			return held{sid: r.SID, pence: s.c.canon.pence(r), day: dayOf(r), record: r, page: s.now}, true, nil
		}
		p, more := <-s.pages
		if !more {
			return held{}, false, *s.err
		}
		s.c.back.page(p.from)
		s.now, s.at = p, 0
	}
}

func (s *stream) listed(h held, w kv.Write) bool {
	data, has := h.page.item(w.Key)
	return has && bytes.Equal(data, w.Data)
}

// shelf is a target whose records come in no order: it is read first, into prints of 72 bytes a row.
type shelf struct {
	rows  []held
	items []itemPrint
	at    int
}

type itemPrint struct{ key, data uint64 }

var seed = maphash.MakeSeed()

func printOf(key kv.Key, data []byte) itemPrint {
	var h maphash.Hash
	h.SetSeed(seed)
	h.WriteString(key.Part)
	h.WriteByte(0)
	h.WriteString(key.Sort)
	return itemPrint{h.Sum64(), maphash.Bytes(seed, data)}
}

func byKey(a, b itemPrint) int { return cmp.Compare(a.key, b.key) }

func (c *comparison) shelve(ctx context.Context) (*shelf, error) {
	s := &shelf{}
	err := c.job.pages(ctx, c.job.Store, "", func(p *page) error {
		c.back.page(p.from)
		for i := range p.records {
			r := &p.records[i]
			if !c.job.imported(r) {
				c.took(r)
				continue
			}
			s.rows = append(s.rows, held{sid: r.SID, pence: c.canon.pence(r), day: dayOf(r), sum: c.canon.sum(r, id(r.SID))})
		}
		for _, item := range p.items {
			s.items = append(s.items, printOf(item.Key, item.Data))
		}
		return nil
	})
	slices.SortStableFunc(s.rows, func(a, b held) int { return cmp.Compare(a.sid, b.sid) })
	slices.SortFunc(s.items, byKey)
	return s, err
}

func (s *shelf) next(context.Context) (held, bool, error) {
	if s.at == len(s.rows) {
		return held{}, false, nil
	}
	s.at++
	return s.rows[s.at-1], true, nil
}

func (s *shelf) listed(_ held, w kv.Write) bool {
	want := printOf(w.Key, w.Data)
	i, has := slices.BinarySearchFunc(s.items, want, byKey)
	return has && s.items[i] == want
}
