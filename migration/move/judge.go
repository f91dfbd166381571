package move

import (
	"errors"

	"github.com/banyan-migration/banyan/shared/fault"
	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/kv"
	"github.com/banyan-migration/banyan/shared/money"
)

// lot is a batch that was judged: what each part is to store, and what became of the rest.
type lot struct {
	rows    int64
	last    int64 // the batch's highest sid
	keep    []kept
	digests []uint64 // of the kept rows that a later one could double
	rejects []Reject
	refused int64
	waiting int64
}

// kept is a row that is to be moved.
type kept struct {
	sid    int64
	pence  int64
	writes [][]kv.Write // by the job's parts; nil where a part takes nothing
}

// judge decides what becomes of each row, in the order of sids.
type judge struct {
	job  Job
	seen *set
	digester
}

func (j *judge) lot(records []form.Record) *lot {
	l := &lot{rows: int64(len(records)), last: records[len(records)-1].SID}
	for _, r := range records {
		j.row(l, r)
	}
	return l
}

// row applies the reasons in their order: draft, what Import refuses, duplicate.
func (j *judge) row(l *lot, r form.Record) {
	if r.Draft {
		l.rejects = append(l.rejects, reject(r, "draft", "the donor never sent it"))
		return
	}
	first := j.job.Parts[0]
	writes, err := first.Import(r)
	if err == nil && len(writes) == 0 {
		err = errors.New(first.Service + " stored nothing for it")
	}
	pence, wrong := amount(r)
	if err == nil {
		err = wrong
	}
	if err != nil {
		l.rejects = append(l.rejects, refusal(r, err))
		return
	}
	if digest, doubles := j.digest(r); doubles {
		if !j.seen.add(digest) {
			l.rejects = append(l.rejects, reject(r, "duplicate", "the whole submission, transaction included, is that of an earlier row"))
			return
		}
		l.digests = append(l.digests, digest)
	}
	k := kept{sid: r.SID, pence: pence, writes: make([][]kv.Write, len(j.job.Parts))}
	k.writes[0] = writes
	for i, p := range j.job.Parts[1:] {
		if k.writes[i+1], err = p.Import(r); err != nil {
			part := refusal(r, err)
			part.Service = p.Service
			l.rejects = append(l.rejects, part)
			l.refused++
		}
	}
	l.waiting += j.waiting(r)
	l.keep = append(l.keep, k)
}

// asks are the components by whose tick a row has a part for a service.
var asks = map[string]string{"giftaid": "gift_aid", "preferences": "email_consent"}

// waiting counts the parts that no service is there to take.
func (j *judge) waiting(r form.Record) (n int64) {
	for _, service := range j.job.Form.Parts {
		if r.Value(asks[service]) != "1" {
			continue
		}
		n++
		for _, p := range j.job.Parts {
			if p.Service == service {
				n--
			}
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
