package move

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"

	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/shared/fault"
	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/kv"
	"github.com/banyan-migration/banyan/shared/money"
)

// row is a record of the old site and what is to become of it, or, with state gone, the sid of one that is no more.
type row struct {
	form.Record
	source, digest uint64
	state          state // moved, until a row before it is found to be the same
	pence          int64
	waiting        int64
	reject         Reject       // of a refused row
	writes         [][]kv.Write // by the job's parts; nil where a part takes nothing
	parts          []Reject     // of the parts that were refused
	unknown        []string     // components that the form does not know
	judged         bool
}

// jury decides what becomes of rows, apart from what others say of them. It is for one goroutine.
type jury struct {
	job   Job
	known map[string]bool
	keys  []string // that it has met, in order: sorting them for each row would cost more than the hash
	alien []bool   // which of them the form does not know
	text  []byte
}

func (j Job) jury() *jury {
	y := &jury{job: j, known: map[string]bool{}}
	for _, c := range j.Form.Components {
		y.known[c.Key] = true
	}
	return y
}

// row is what a record is known by.
func (y *jury) row(r form.Record) *row {
	w := &row{Record: r, source: drupal.Sum(r), state: moved}
	w.digest = y.digest(w)
	return w
}

// judge applies the reasons in their order: what reverse wrote, draft, what Import refuses.
func (j Job) judge(w *row) {
	r := w.Record
	w.judged = true
	switch {
	case r.Origin != "":
		w.state = reversed
		return
	case r.Draft:
		w.state, w.reject = refused, reject(r, "draft", "the donor never sent it")
		return
	}
	w.writes = make([][]kv.Write, len(j.Parts))
	first := j.Parts[0]
	writes, err := first.Import(r)
	if err == nil && len(writes) == 0 {
		err = errors.New(first.Service + " stored nothing for it")
	}
	pence, wrong := amount(r)
	if err == nil {
		err = wrong
	}
	if err != nil {
		w.state, w.reject, w.writes = refused, refusal(r, err), nil
		return
	}
	w.writes[0], w.pence = writes, pence
	for i, p := range j.Parts[1:] {
		if w.writes[i+1], err = p.Import(r); err != nil {
			part := refusal(r, err)
			part.Service = p.Service
			w.parts = append(w.parts, part)
		}
	}
	w.waiting = j.waiting(r)
}

// digest stands for a whole submission, transaction included; 0 for a row without a transaction, which doubles no
// other: two equal gifts are two gifts. 64 bits give one false duplicate among ten million rows once in 370,000 sites,
// and its reject shows it.
func (y *jury) digest(w *row) uint64 {
	if !y.write(w) {
		for key := range w.Values {
			if at, has := slices.BinarySearch(y.keys, key); !has {
				y.keys = slices.Insert(y.keys, at, key)
				y.alien = slices.Insert(y.alien, at, !y.known[key])
			}
		}
		w.unknown = nil
		y.write(w)
	}
	if w.Value("transaction_id") == "" {
		return 0
	}
	full := sha256.Sum256(y.text)
	return max(1, binary.BigEndian.Uint64(full[:]))
}

// write writes the values down in the order of their keys, or reports that it does not know all of these.
func (y *jury) write(w *row) (all bool) {
	text, met := y.text[:0], 0
	for i, key := range y.keys {
		values, has := w.Values[key]
		if !has {
			continue
		}
		met++
		if y.alien[i] {
			w.unknown = append(w.unknown, key)
		}
		text = appendText(text, key)
		text = binary.AppendUvarint(text, uint64(len(values)))
		for _, v := range values {
			text = appendText(text, v)
		}
	}
	y.text = text
	return met == len(w.Values)
}

// waiting counts the parts of a row that no service is there to take: giftaid takes one of every row, for a declaration
// may come later; preferences those that were asked for.
func (j Job) waiting(r form.Record) (n int64) {
	for _, service := range j.Form.Parts {
		if service == "preferences" && r.Value("email_consent") != "1" {
			continue
		}
		if !slices.ContainsFunc(j.Parts, func(p Part) bool { return p.Service == service }) {
			n++
		}
	}
	return n
}

// amount is what the row is worth in pence; 0 for a form without one.
func amount(r form.Record) (int64, error) {
	if r.Value("amount") == "" {
		return 0, nil
	}
	a, err := money.ParseOld(r.Value("amount"))
	if err != nil {
		return 0, fault.Wrong("amount", err.Error())
	}
	return a.Minor(), nil
}

// decided says whether the service that decides about the form's rows exists.
func (j Job) decided() bool { return len(j.Parts) > 0 && j.Parts[0].Service == j.Form.Service }

// await counts the rows of a form whose service does not exist yet. Nothing is kept of them: there is no store.
func (j Job) await(ctx context.Context) (Result, error) {
	total, y := newResult(), Job{Form: j.Form}.jury()
	var told int
	orphans, err := j.Source.Records(ctx, j.Form.Alias, drupal.Span{}, func(r form.Record) error {
		w := &row{Record: r}
		y.digest(w)
		total.Rows++
		if j.Form.Bundle == "" { // of a node's fields its service will say what it takes
			total.strange(w)
		}
		no := form.Refuse(r)
		switch {
		case r.Origin != "":
			total.Reversed++
		case r.Draft:
			total.Rejected["draft"]++
		case len(no) > 0:
			total.Rejected[no[0].Field]++
		default:
			total.Waiting++
			if pence, err := amount(r); err == nil {
				total.SumPence += pence
			}
		}
		if told++; told == width && j.Moved != nil {
			j.Moved(told)
			told = 0
		}
		return nil
	})
	total.Orphans = orphans
	return total, j.wrapped(total, err)
}
