package move

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/kv"
)

// width is how many sids a page spans: some 35 KB of what is known of a thousand rows, a tenth of what DynamoDB keeps in
// one item.
const width = 1000

// state is what became of a row.
type state byte

const (
	moved    state = iota + 1
	refused        // a draft, or what the first service's Import refuses
	doubled        // the whole submission is that of an earlier row
	reversed       // reverse wrote it there
	gone           // never in a page: the old site no longer has it
)

// entry is what is known of one row.
type entry struct {
	sid    int64
	state  state
	source uint64 // drupal.Sum of the row as it was last looked at
	digest uint64 // of the submission, where it could double another or be doubled; else 0
	parts  []held // by the page's services
}

// held is what a service was given of a row: the items' keys, and a sum of what was written under them.
type held struct {
	keys    []kv.Key
	sum     uint64
	refused bool // the service refused its part, and a reject says so
}

// page holds what was last moved of the rows whose sids lie in one range of width.
type page struct {
	no       int64
	rev      kv.Condition // Absent for one that is not stored yet
	services []string     // whose parts the entries have, in this order
	swept    drupal.Chunk // the source's own sum of the rows when they were last found to be as the entries say; no Rows: unknown
	rows     []entry      // by sid
	changed  bool         // since it was read from the store
	widened  bool         // a service has come since it was written: what it takes of the rows is not there
}

func pagesPart(f form.Form) string { return "move/" + f.Alias + "/pages" }

func pageKey(f form.Form, no int64) kv.Key {
	return kv.Key{Part: pagesPart(f), Sort: fmt.Sprintf("%016d", no)}
}

// find is where a row's entry is or would be.
func (p *page) find(sid int64) (at int, has bool) {
	if n := len(p.rows); n == 0 || p.rows[n-1].sid < sid { // rows come in order
		return n, false
	}
	return slices.BinarySearchFunc(p.rows, sid, func(e entry, sid int64) int { return int(e.sid - sid) })
}

// put takes an entry, in place of what is known of the row; a gone one is taken away.
func (p *page) put(e entry) {
	at, has := p.find(e.sid)
	switch {
	case e.state == gone && has:
		p.rows = slices.Delete(p.rows, at, at+1)
	case e.state == gone:
		return
	case has:
		p.rows[at] = e
	default:
		p.rows = slices.Insert(p.rows, at, e)
	}
	p.changed, p.swept = true, drupal.Chunk{}
}

// same says whether a source's sum of the page's range is that of the rows as the page knows them.
func (p *page) same(c drupal.Chunk) bool {
	if c.Rows == p.swept.Rows && c.Sum == p.swept.Sum {
		return true
	}
	var sum uint64
	for _, e := range p.rows {
		sum += e.source
	}
	return c.Rows == int64(len(p.rows)) && c.Sum == sum
}

// format begins each stored page, so that a later version knows what it reads.
const format = 1

// read makes a page of what is stored of one, its parts in the order of the job's services. A service that is new to it has
// been given nothing of its rows.
func (j Job) read(item kv.Item) (*page, error) {
	var no int64
	if _, err := fmt.Sscanf(item.Key.Sort, "%d", &no); err != nil {
		return nil, fmt.Errorf("%v is no page: %w", item.Key, err)
	}
	p, err := decode(no, item.Data)
	if err != nil {
		return nil, fmt.Errorf("the page %v cannot be read: %w; nothing of the rows is lost: delete the items of the part %s and run backfill, which finds what is there",
			item.Key, err, item.Key.Part)
	}
	p.rev = kv.Condition(item.Rev)
	services := j.services()
	if slices.Equal(services, p.services) {
		return p, nil
	}
	for i := range p.rows {
		parts := make([]held, len(services))
		for k, name := range services {
			if at := slices.Index(p.services, name); at >= 0 {
				parts[k] = p.rows[i].parts[at]
			}
		}
		p.rows[i].parts = parts
	}
	p.services, p.swept = services, drupal.Chunk{}
	p.widened = true
	return p, nil
}

func (j Job) services() []string {
	names := make([]string, len(j.Parts))
	for i, p := range j.Parts {
		names[i] = p.Service
	}
	return names
}

// each reads the stored pages from one number to another, in order; to below 0: to the end.
func (m *mover) each(ctx context.Context, from, to int64, yield func(*page) error) error {
	part, after := pagesPart(m.job.Form), ""
	if from > 0 {
		after = pageKey(m.job.Form, from-1).Sort
	}
	for {
		limit := 20
		if to >= 0 {
			limit = int(min(20, to-from+1))
		}
		items, err := m.store.List(ctx, part, "", after, limit)
		if err != nil {
			return err
		}
		if len(items) == 0 {
			return nil
		}
		for _, item := range items {
			if to >= 0 && strings.Compare(item.Key.Sort, pageKey(m.job.Form, to).Sort) > 0 {
				return nil
			}
			p, err := m.job.read(item)
			if err == nil {
				err = yield(p)
			}
			if err != nil {
				return err
			}
			after = item.Key.Sort
		}
	}
}

// pages are those of a range of numbers that are stored, by number.
func (m *mover) pages(ctx context.Context, from, to int64) (map[int64]*page, error) {
	found := map[int64]*page{}
	err := m.each(ctx, from, to, func(p *page) error {
		found[p.no] = p
		return nil
	})
	return found, err
}
