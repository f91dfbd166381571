package diff

import "sync"

// slab hands out tokens, and takes them all back at once: with their lists of attributes, so that the next page needs few new ones.
type slab struct {
	tokens [][]token
	used   int
}

const chunk = 256

func (s *slab) token() *token {
	i, j := s.used/chunk, s.used%chunk
	if i == len(s.tokens) {
		s.tokens = append(s.tokens, make([]token, chunk))
	}
	s.used++
	t := &s.tokens[i][j]
	*t = token{attrs: t.attrs[:0]}
	return t
}

// scratch is what comparing two pages needs room for.
type scratch struct {
	slab slab
	page [2]page
	all  [2][]*token
	open []open
	text []byte
}

var scratches = sync.Pool{New: func() any { return &scratch{open: make([]open, 0, 64), text: make([]byte, 0, 1024)} }}

// keepChunks is how much of a large page's room is kept.
const keepChunks = 16

// back makes the room ready for the next pages, with nothing in it that holds on to these.
func (s *scratch) back() {
	s.slab.tokens = s.slab.tokens[:min(len(s.slab.tokens), keepChunks)]
	for _, c := range s.slab.tokens {
		for i := range c {
			clear(c[i].attrs[:cap(c[i].attrs)])
			c[i] = token{attrs: c[i].attrs[:0]}
		}
	}
	s.slab.used = 0
	for i := range s.page {
		s.page[i] = s.page[i].emptied()
		clear(s.all[i])
		s.all[i] = s.all[i][:0]
	}
	clear(s.open[:cap(s.open)])
	scratches.Put(s)
}

func (p page) emptied() page {
	clear(p.facts)
	clear(p.links)
	clear(p.tree)
	return page{facts: p.facts[:0], links: p.links[:0], tree: p.tree[:0]}
}
