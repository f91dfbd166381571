package kv

import "math"

// Limited is a Store that takes only so much in one commit. Who writes in batches cuts them by MaxWrites; a commit past
// the limit is refused whole, with an error that says the limit and that is no conflict.
type Limited interface {
	// MaxWrites is the most writes that one Commit takes.
	MaxWrites() int
}

// MaxWrites is the most writes that one Commit of the store takes: as good as any number for one that is not Limited.
func MaxWrites(s Store) int {
	if l, is := s.(Limited); is {
		return l.MaxWrites()
	}
	return math.MaxInt
}
