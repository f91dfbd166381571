// Package cutover keeps each route group's weight and phase: one plan for all replicas, in a store, changed only with
// a name and a reason, every change in a hash-chained journal. With the store away it goes on with its last good plan.
package cutover

import (
	"maps"
	"slices"
	"time"

	"github.com/banyan-migration/banyan/gateway/split"
)

// The phases of a group's life, each with the weights that it may have. A phase fixes who reads and writes (T-1).
const (
	Off      = "off"      // weight 0
	Backfill = "backfill" // weight 0: old rows are being moved
	Shadow   = "shadow"   // weight 0: the new side gets copies
	Canary   = "canary"   // weight 1 to 9999
	Full     = "full"     // weight 10000
	Drain    = "drain"    // weight 10000: legacy answers forms in flight alone
	Retired  = "retired"  // weight 10000: legacy is gone
)

// PhaseOf is the phase that a weight has.
func PhaseOf(weight int) string {
	switch weight {
	case 0:
		return Off
	case split.Full:
		return Full
	}
	return Canary
}

// Group is where one route group stands.
type Group struct {
	Weight   int       `json:"weight"`   // basis points
	Phase    string    `json:"phase"`    // one of the phases
	Revision int64     `json:"revision"` // of the plan that last changed this group
	Who      string    `json:"who"`
	Why      string    `json:"why"`
	At       time.Time `json:"at"`
	Killed   bool      `json:"-"` // the kill switch is on: legacy, whatever the weight (T-7)

	Experiment int64     `json:"experiment,omitempty"` // the revision at which the present ramp left weight 0; evidence counts from there
	Schedule   *Schedule `json:"schedule,omitempty"`   // nil: nobody has approved one
	Held       *Stop     `json:"held,omitempty"`       // no raise, by a person's word
	Frozen     *Stop     `json:"frozen,omitempty"`     // no move at all but a rollback, by a person's word or the judge's
	NoReturn   *NoReturn `json:"no_return,omitempty"`
	Drilled    time.Time `json:"drilled,omitzero"` // the last rollback drill that held
}

// ReadAuthority is which side answers reads: legacy, new, or bucket.
func (g Group) ReadAuthority() string {
	switch {
	case g.Killed || g.Phase == Off:
		return "legacy"
	case g.Phase == Full:
		return "new"
	}
	return "bucket"
}

// WriteAuthority is which side a record's truth is on. In a canary it is legacy: the new side only appends.
func (g Group) WriteAuthority() string {
	if g.Phase == Full && !g.Killed {
		return "new"
	}
	return "legacy"
}

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
