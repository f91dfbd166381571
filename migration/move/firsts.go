package move

import (
	"context"
	"sync"
)

// firsts knows the first row of each submission: the least sid that carries its digest. It is what this process has
// seen and what lay in the store when it began; what several processes decide at once, settle puts right in the end. It is
// safe for concurrent use.
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

// settle says who is the first.
func (f *firsts) settle(digest uint64, sid int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sids[digest] = sid
	delete(f.contested, digest)
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
			if e.state == moved {
				m.firsts.claim(e.digest, e.sid)
			}
		}
		m.known += int64(len(p.rows))
		return nil
	})
}
