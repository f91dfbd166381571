package drupal

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/banyan-migration/banyan/shared/form"
)

// submission is one row of webform_submissions.
type submission struct {
	sid, at int64
	draft   bool
	origin  string // the service's own id, where reverse wrote the row
}

// gathered is one value of a submission, its text lying in builder.text.
type gathered struct {
	cid      int64
	no       string
	from, to int
}

// builder makes records. All the text of a record lies in one string and all its values in one slice, since a site
// has millions of values and the collector would otherwise see each.
type builder struct {
	form   Form
	keys   map[int64]string
	text   []byte
	values []gathered
	no     string // the last value's number: nearly always "0", kept so as not to be made again

	odd    *strange // nil: nobody counts
	prefix string
}

// met counts an oddity of a value.
func (b *builder) met(kind, column string, sid, cid int64) {
	if b.odd != nil {
		b.odd.add(kind, b.prefix+"webform_submitted_data", column, "sid %d, cid %d", sid, cid)
	}
}

// number is a value's number as a string.
func (b *builder) number(no []byte) string {
	if b.no != string(no) {
		b.no = string(no)
	}
	return b.no
}

func (b *builder) add(cid int64, no string, data []byte) {
	from := len(b.text)
	b.text = append(b.text, data...)
	b.values = append(b.values, gathered{cid, no, from, len(b.text)})
}

// record makes one of what was gathered, and begins the next.
func (b *builder) record(s submission) form.Record {
	r := form.Record{
		Form: b.form.Name, NID: b.form.NID, SID: s.sid, At: time.Unix(s.at, 0).UTC(), Draft: s.draft, Origin: s.origin,
		Values: make(map[string][]string, len(b.values)),
	}
	slices.SortStableFunc(b.values, func(x, y gathered) int {
		return cmp.Or(cmp.Compare(x.cid, y.cid), numbered(x.no, y.no), bytes.Compare(b.text[x.from:x.to], b.text[y.from:y.to]))
	})
	if s.at <= 0 && b.odd != nil {
		b.odd.add("zero date", b.prefix+"webform_submissions", "submitted", "sid %d", s.sid)
	}
	text, all := string(b.text), make([]string, len(b.values))
	for i, v := range b.values {
		all[i] = text[v.from:v.to]
	}
	for i := 0; i < len(all); {
		j := i + 1
		for ; j < len(all) && b.values[j].cid == b.values[i].cid; j++ {
			if b.values[j].no == b.values[j-1].no { // both are kept: which of them is meant nobody knows
				b.met("duplicate", "no", s.sid, b.values[j].cid)
			}
		}
		key, known := b.keys[b.values[i].cid]
		if !known { // the component was deleted from the form, its values were not
			key = fmt.Sprintf("component %d", b.values[i].cid)
			b.met("unknown component", "cid", s.sid, b.values[i].cid)
		}
		r.Values[key] = all[i:j:j]
		i = j
	}
	b.text, b.values = b.text[:0], b.values[:0]
	return r
}

// numbered compares the numbers of a component's values as numbers; a grid's are words.
func numbered(a, b string) int {
	x, errx := strconv.Atoi(a)
	y, erry := strconv.Atoi(b)
	if errx == nil && erry == nil {
		return cmp.Compare(x, y)
	}
	return cmp.Compare(a, b)
}
