package tally

import "sync/atomic"

// The classes in which a visitor counts at most once a minute (J-6).
const (
	came   = iota // the sample
	fell          // a failure
	wrote         // a write that was answered
	took          // an answer's time: of a page,
	_             // and of a write
	broke         // a write that failed
	paired        // a comparison: of a page,
	_             // and of a write
	worse         // one side failed where the other did not
	slower        // one side was slow where the other was not
)

// seen remembers who has counted in this minute. Its size is fixed: where two visitors fall on one place the later one takes it, and
// the earlier, if it comes again within the minute, counts twice.
type seen struct {
	places [1 << 14]atomic.Uint64
}

// first says whether a visitor counts for the first time in a minute. Of several that ask at once one is told yes.
func (s *seen) first(visitor, class, minute uint64) bool {
	h := mix(visitor + class*0x9e3779b97f4a7c15)
	place := &s.places[h>>50]
	mark := h<<16 | minute&0xffff
	was := place.Load()
	return was != mark && place.CompareAndSwap(was, mark) // who loses the race came a moment after
}

// mix spreads a number over all bits, as splitmix64 does.
func mix(h uint64) uint64 {
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}
