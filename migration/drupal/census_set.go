package drupal

import (
	"maps"
	"math/bits"
	"slices"
)

// idSet is a set of ids: a bit each, in blocks, since a site has millions of them close together.
type idSet struct{ blocks map[int64]*[1024]uint64 }

// add says whether the id is new.
func (s *idSet) add(id int64) bool {
	block := s.blocks[id>>16]
	if block == nil {
		if s.blocks == nil {
			s.blocks = map[int64]*[1024]uint64{}
		}
		block = new([1024]uint64)
		s.blocks[id>>16] = block
	}
	word, bit := &block[id>>6&1023], uint64(1)<<(id&63)
	isNew := *word&bit == 0
	*word |= bit
	return isNew
}

// has is false for a set that is nil.
func (s *idSet) has(id int64) bool {
	if s == nil || s.blocks[id>>16] == nil {
		return false
	}
	return s.blocks[id>>16][id>>6&1023]&(1<<(id&63)) != 0
}

// without counts the ids that another set does not have, and gives the smallest of them.
func (s *idSet) without(other *idSet) (n, smallest int64) {
	for _, at := range slices.Sorted(maps.Keys(s.blocks)) {
		for i, word := range s.blocks[at] {
			if other != nil && other.blocks[at] != nil {
				word &^= other.blocks[at][i]
			}
			if word != 0 && n == 0 {
				smallest = at<<16 + int64(i)<<6 + int64(bits.TrailingZeros64(word))
			}
			n += int64(bits.OnesCount64(word))
		}
	}
	return n, smallest
}
