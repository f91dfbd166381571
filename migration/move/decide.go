package move

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/banyan-migration/banyan/shared/kv"
)

// step is what one row asks of the stores.
type step struct {
	page      *page
	entry     entry
	writes    [][]kv.Write // by the job's parts
	beside    []kv.Write   // rejects and conflicts
	contested []uint64     // digests whose first row may be another now
	counts    Result
}

// decide holds a row against what is known of it. nil: there is nothing to do and nothing to count.
func (h *hand) decide(ctx context.Context, p *page, w *row, look bool) (*step, error) {
	at, known := p.find(w.SID)
	var old entry
	if known {
		old = p.rows[at]
	}
	same := known && w.state != gone && old.source == w.source
	if same && !h.again && !p.widened || !known && w.state == gone {
		return nil, nil
	}
	if id := h.m.written[w.SID]; id != "" && w.Origin == "" && w.state != gone {
		return nil, errOrigin{h.m.job.Form.Alias, w.SID, id}
	}
	if !w.judged && w.state != gone {
		h.m.job.judge(w)
	}
	s := &step{page: p, writes: make([][]kv.Write, len(h.m.job.Parts))}
	if old.state == moved && w.state == refused && (same || !h.willing) { // by rules that are newer than the move, or not before it is known how many: what is there stays
		if !same {
			h.withhold(p, w.SID)
		}
		if !same && !h.again {
			return nil, nil
		}
		s.entry = old
		s.count(w, moved, there)
		return s, nil
	}
	s.entry = entry{sid: w.SID, state: w.state, source: w.source, digest: w.digest, parts: make([]held, len(h.m.job.Parts))}
	h.order(s, w, old)
	v, err := h.parts(ctx, s, w, old, same, look)
	if err != nil {
		return nil, err
	}
	h.rejects(s, w, old)
	switch {
	case h.settling && s.entry.state == old.state:
	case h.recounting:
		s.recount(w, old.state)
	default:
		s.count(w, s.entry.state, v)
		if w.state == gone && old.state == moved && v != conflicted {
			s.counts.Deleted++
		}
	}
	return s, nil
}

// order decides whether the row is the first of its submission, and notes where another may be now.
func (h *hand) order(s *step, w *row, old entry) {
	f := &h.m.firsts
	if w.state == moved {
		first, contested := f.claim(w.digest, w.SID)
		if !first {
			s.entry.state = doubled
			contested = old.state != doubled || old.digest != w.digest // another mover may have taken the first away since we saw it
		}
		if contested {
			s.contested = append(s.contested, w.digest)
		}
	}
	counted := old.digest != 0 && (old.state == moved || old.state == doubled)
	if counted && (s.entry.state != moved || old.digest != w.digest) && f.drop(old.digest, w.SID) {
		s.contested = append(s.contested, old.digest)
	}
}

// parts brings each service to hold its part, and returns what that was for the row as a whole.
func (h *hand) parts(ctx context.Context, s *step, w *row, old entry, same, look bool) (all verdict, err error) {
	j := h.m.job
	for i := range j.Parts {
		p := part{store: h.m.stores[i], authority: j.Authority, same: same, look: look}
		if old.parts != nil {
			p.have = old.parts[i]
		}
		switch {
		case s.entry.state == moved:
			p.want = w.writes[i]
		case s.entry.state == doubled && i > 0 && len(p.have.keys) == 0:
			p.have = given(w.writes[i]) // a mover that took it for the first and was killed may have given this part, and no more
		}
		c, err := p.reconcile(ctx)
		if err != nil {
			return all, err
		}
		s.writes[i], s.entry.parts[i] = c.writes, c.held
		if c.verdict == conflicted {
			s.beside = append(s.beside, j.conflict(w, j.Parts[i].Service, c))
		}
		if i == 0 || c.verdict == conflicted || c.verdict == edited && all == there {
			all = c.verdict
		}
	}
	return all, nil
}

// conflict lists the losing version of a row, once for each version that the source had.
func (j Job) conflict(w *row, service string, c change) kv.Write {
	v := Conflict{Form: j.Form.Alias, SID: w.SID, Service: service, Stands: "source", Target: c.lost, At: j.now().UTC()}
	if j.Authority == Target {
		v.Stands, v.Source = "target", w.Values
	}
	data, err := json.Marshal(v)
	if err != nil {
		panic("move: " + err.Error()) // texts, and JSON that was looked at
	}
	sort := fmt.Sprintf("%019d/%s/%016x", w.SID, service, w.source)
	return kv.Write{Key: kv.Key{Part: conflictsPart(j.Form), Sort: sort}, Data: data, Expires: j.now().Add(retention)}
}

// rejects puts down why a row was not moved, or a part of it, and takes away what no longer holds.
func (h *hand) rejects(s *step, w *row, old entry) {
	j := h.m.job
	switch s.entry.state {
	case refused:
		s.beside = append(s.beside, rejected(j, w.reject))
	case doubled:
		s.beside = append(s.beside, rejected(j, reject(w.Record, "duplicate", "the whole submission, transaction included, is that of an earlier row")))
	default:
		if old.state == refused || old.state == doubled {
			s.beside = append(s.beside, kv.Write{Key: rejectKey(j.Form, w.SID, ""), Delete: true})
		}
	}
	for i, p := range j.Parts {
		now := false
		for _, r := range w.parts {
			if r.Service == p.Service && s.entry.state == moved {
				s.beside, now = append(s.beside, rejected(j, r)), true
			}
		}
		if old.parts != nil && old.parts[i].refused && !now {
			s.beside = append(s.beside, kv.Write{Key: rejectKey(j.Form, w.SID, p.Service), Delete: true})
		}
		s.entry.parts[i].refused = now
	}
}

// count adds a row to the result, as what it was found to be.
func (s *step) count(w *row, now state, v verdict) {
	r := &s.counts
	if now == gone && v != conflicted {
		return
	}
	r.Rows++
	r.strange(w)
	if now == moved {
		s.worth(w, 1)
	}
	if v == conflicted {
		r.Conflicts++
		return
	}
	switch now {
	case moved:
		switch v {
		case wrote:
			r.Moved++
		case edited:
			r.Edited++
		default:
			r.Unchanged++
		}
	case reversed:
		r.Reversed++
	default:
		r.Rejected = map[string]int64{s.reason(w): 1}
	}
}

func (s *step) reason(w *row) string {
	if s.entry.state == doubled {
		return "duplicate"
	}
	return w.reject.Reason
}

func (s *step) worth(w *row, sign int64) {
	s.counts.SumPence += sign * w.pence
	s.counts.Waiting += sign * w.waiting
	s.counts.RefusedParts += sign * int64(len(w.parts))
}

// recount corrects what was counted of a row before it was known which of several is the first.
func (s *step) recount(w *row, before state) {
	r := &s.counts
	switch {
	case before == moved && s.entry.state == doubled:
		r.Moved--
		r.Rejected = map[string]int64{"duplicate": 1}
		s.worth(w, -1)
	case before == doubled && s.entry.state == moved:
		r.Moved++
		r.Rejected = map[string]int64{"duplicate": -1}
		s.worth(w, 1)
	}
}
