package move

import (
	"context"
	"sync"
)

// firsts knows the first row of each submission: the least sid that carries its digest. It is what this process has
// seen and what lay in the store when it began; what several processes decide at once, settle puts right in the end. It is
// safe for concurrent use.
type firsts struct {
	mu   sync.Mutex
	sids map[uint64]int64
}

// claim asks whether a row may count as the first of its submission. later is a row that counted until now; 0: none.
func (f *firsts) claim(digest uint64, sid int64) (first bool, later int64) {
	if digest == 0 {
		return true, 0
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	now, known := f.sids[digest]
	if known && now < sid {
		return false, 0
	}
	if known && now > sid {
		later = now
	}
	f.sids[digest] = sid
	return true, later
}

// set says who is the first.
func (f *firsts) set(digest uint64, sid int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sids[digest] = sid
}

// drop forgets a row that is gone, or says something else now, and reports whether it was the first.
func (f *firsts) drop(digest uint64, sid int64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.sids[digest] != sid {
		return false
	}
	delete(f.sids, digest)
	return true
}

// load takes what is in the pages.
func (m *mover) load(ctx context.Context) error {
	m.firsts.sids, m.known, m.top = map[uint64]int64{}, 0, 0
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
