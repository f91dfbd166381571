package cutover

import (
	"maps"
	"slices"
)

// Snapshot is the whole plan at one moment: immutable, read once a request (L-6).
type Snapshot struct {
	Revision int64  // 1 for the first plan, one more a change
	Head     string // the journal's last hash
	Stale    bool   // the store cannot be reached: this is the last plan known here
	groups   map[string]Group
	killAll  bool
}

// Group is where a group stands; a group that the plan does not know is at weight 0. It does not allocate.
func (s *Snapshot) Group(name string) Group {
	if g, ok := s.groups[name]; ok {
		return g
	}
	return Group{Phase: Off, Killed: s.killAll}
}

// Names are the known groups in order, with those that the configuration no longer has.
func (s *Snapshot) Names() []string { return slices.Sorted(maps.Keys(s.groups)) }

// Fixed is a plan that nobody changes, for tests and for tools that only ask.
func Fixed(revision int64, groups map[string]Group) *Snapshot {
	return &Snapshot{Revision: revision, groups: maps.Clone(groups)}
}
