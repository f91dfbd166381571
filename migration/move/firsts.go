package move

import (
	"context"
	"maps"
	"sync"
)

// firsts knows the first row of each submission: the least sid that carries its digest. It is what this process has
// seen and what lay in the store when it began, or when a sweep last passed. What several processes decide at once, neither
// seeing the other's row, the next load or sweep finds contested, and settle puts it right. It is safe for concurrent use.
type firsts struct {
	mu        sync.Mutex
	sids      map[uint64]int64
	contested map[uint64]bool // where another row may be the first than one that counts, until settle has looked
}

func newFirsts() firsts {
	return firsts{sids: map[uint64]int64{}, contested: map[uint64]bool{}}
}

// claim asks whether a row may count as the first of its submission, and whether a row that counted until now is then
// one too many. It may be asked again, and says the same.
func (f *firsts) claim(digest uint64, sid int64) (first, contested bool) {
	if digest == 0 {
		return true, false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	now, known := f.sids[digest]
	if known && now < sid {
		return false, false
	}
	if known && now > sid {
		f.contested[digest] = true
	}
	f.sids[digest] = sid
	return true, f.contested[digest]
}

// drop forgets a row that is gone, or says something else now, and says whether another may now be the first.
func (f *firsts) drop(digest uint64, sid int64) (contested bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.sids[digest] == sid {
		delete(f.sids, digest)
		f.contested[digest] = true
	}
	return f.contested[digest]
}

// observe holds a row as it is stored against what is known: there may be two that count, or none.
func (f *firsts) observe(e entry) {
	if e.digest == 0 || e.state != moved && e.state != doubled {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	first, known := f.sids[e.digest]
	if e.state == moved && known && first != e.sid || e.state == doubled && (!known || first > e.sid) {
		f.contested[e.digest] = true
	}
	if e.state == moved && (!known || e.sid < first) {
		f.sids[e.digest] = e.sid
	}
}

// doubtful are the digests that settle has to look at.
func (f *firsts) doubtful() map[uint64]bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.contested)
}

// looked forgets doubts that settle has looked into.
func (f *firsts) looked(digests map[uint64]bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	maps.DeleteFunc(f.contested, func(digest uint64, _ bool) bool { return digests[digest] })
}

// settle says who is the first.
func (f *firsts) settle(digest uint64, sid int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sids[digest] = sid
}

// load takes what is in the pages, and what reverse has written.
func (m *mover) load(ctx context.Context) error {
	m.firsts, m.known, m.top, m.written = newFirsts(), 0, 0, map[int64]string{}
	err := reversedSids(ctx, m.store, m.job.Form, func(sid int64, id string) { m.written[sid] = id })
	if err != nil {
		return err
	}
	return m.each(ctx, 0, -1, func(p *page) error {
		for _, e := range p.rows {
			m.top = max(m.top, e.sid)
			m.firsts.observe(e)
		}
		m.known += int64(len(p.rows))
		return nil
	})
}
