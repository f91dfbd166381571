package assess

import (
	"hash/maphash"
	"maps"
	"slices"
)

// room is how much all tallies of routes together may hold: each most moments, and fewer once they hold manyMoments in all.
type room struct{ held, most int }

// How many moments are kept in all, and of one route at first and at least.
const (
	manyMoments  = 1 << 18
	mostMoments  = 1 << 15
	leastMoments = 1 << 9
)

func (r *room) take(n int) {
	if r.held += n; r.held > manyMoments && r.most > leastMoments {
		r.most /= 2
	}
}

// tally counts by second, minute or hour. Where it has a room that is full, those with fewest requests are forgotten, and a
// peak is then too low by what was forgotten at once at most. Without, it keeps them all.
type tally struct {
	at, n int64 // the one that the last line fell into; most lines fall where the last one did
	seen  map[int64]int64
	room  *room
}

func (t *tally) add(at int64) {
	if at == t.at && t.n > 0 {
		t.n++
		return
	}
	t.flush()
	t.at, t.n = at, 1
}

func (t *tally) flush() {
	if t.n == 0 {
		return
	}
	if t.seen == nil {
		t.seen = map[int64]int64{}
	}
	before := len(t.seen)
	t.seen[t.at] += t.n
	t.n = 0
	if t.room == nil {
		return
	}
	if t.room.take(len(t.seen) - before); len(t.seen) > t.room.most {
		before = len(t.seen)
		t.prune()
		t.room.take(len(t.seen) - before)
	}
}

// prune forgets the half with fewest requests, and those that are equal to the last of them, but for the peak.
func (t *tally) prune() {
	counts := slices.Sorted(maps.Values(t.seen))
	least := counts[len(counts)/2]
	first, most := top(t.seen)
	maps.DeleteFunc(t.seen, func(_, n int64) bool { return n <= least })
	t.seen[first] = most
}

func (t *tally) merge(o *tally) {
	o.flush()
	for at, n := range o.seen {
		t.flush()
		t.at, t.n = at, n
	}
	t.flush()
}

// all is every count that is kept.
func (t *tally) all() map[int64]int64 {
	t.flush()
	return t.seen
}

// peak is the first of those with most requests.
func (t *tally) peak() (at, most int64) { return top(t.all()) }

func top(counts map[int64]int64) (at, most int64) {
	for k, n := range counts {
		if n > most || n == most && k < at {
			at, most = k, n
		}
	}
	return at, most
}

// clock counts the whole log's minutes, by hours: a year of them is two megabytes.
type clock struct {
	hours map[int64]*[60]int32
	at    int64 // the hour of the last line
	page  *[60]int32
}

func (c *clock) add(minute, n int64) {
	hour := floor(minute, 60)
	if c.page == nil || hour != c.at {
		c.at, c.page = hour, c.hours[hour]
	}
	if c.page == nil {
		if c.hours == nil {
			c.hours = map[int64]*[60]int32{}
		}
		c.page = new([60]int32)
		c.hours[hour] = c.page
	}
	c.page[minute-hour*60] += int32(n)
}

func (c *clock) merge(o *clock) {
	for hour, page := range o.hours {
		for m, n := range page {
			if n > 0 {
				c.add(hour*60+int64(m), int64(n))
			}
		}
	}
}

// of is how many requests an hour had.
func (c *clock) of(hour int64) (sum int64) {
	if page := c.hours[hour]; page != nil {
		for _, n := range page {
			sum += int64(n)
		}
	}
	return sum
}

// floor divides downwards, before 1970 too.
func floor(n, by int64) int64 {
	q := n / by
	if n%by < 0 {
		q--
	}
	return q
}

// longest is an hour, in microseconds: a request that took longer is counted as an hour.
const longest = 3_600_000_000

// spread counts how long requests took, in microseconds of three digits: a log's milliseconds stay as they are up to a second,
// the rest is right within one in two hundred, and there are never more than some thousand different ones.
type spread struct {
	counts map[int64]int64
	n, sum int64
}

func (s *spread) add(us int64) {
	us = max(1, min(us, longest))
	if s.counts == nil {
		s.counts = map[int64]int64{}
	}
	s.counts[digits3(us)]++
	s.n++
	s.sum += us
}

// digits3 rounds to three digits.
func digits3(us int64) int64 {
	unit := int64(1)
	for us/unit >= 1000 {
		unit *= 10
	}
	return (us + unit/2) / unit * unit
}

func (s *spread) merge(o *spread) {
	if s.counts == nil && o.counts != nil {
		s.counts = map[int64]int64{}
	}
	for us, n := range o.counts {
		s.counts[us] += n
	}
	s.n, s.sum = s.n+o.n, s.sum+o.sum
}

// ms is what so many of a hundred requests took at most, for each of them; 0 where the log has no times.
func (s *spread) ms(percents ...int64) []float64 {
	all := make([]float64, len(percents))
	sorted := slices.Sorted(maps.Keys(s.counts))
	for i, percent := range percents {
		rank := percent * (s.n - 1) / 100 // the first is 0
		for _, us := range sorted {
			if rank -= s.counts[us]; rank < 0 {
				all[i] = float64(us) / 1000
				break
			}
		}
	}
	return all
}

// crowd is how many different names are told apart; beyond it there are "at least" so many.
const crowd = 1 << 16

var seed = maphash.MakeSeed()

// names counts different ones.
type names map[uint64]struct{}

func (n *names) add(name string) {
	if *n == nil {
		*n = names{}
	}
	if len(*n) < crowd {
		(*n)[maphash.String(seed, name)] = struct{}{}
	}
}

func (n *names) merge(o names) {
	for hash := range o {
		if *n == nil {
			*n = names{}
		}
		if len(*n) < crowd {
			(*n)[hash] = struct{}{}
		}
	}
}
