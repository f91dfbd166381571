package cutover

import (
	"fmt"
	"strings"
	"time"
)

// The states of readiness.
const (
	Green = "green" // a rollback loses nothing
	Amber = "amber" // it loses what Loses lists
	Red   = "red"   // it is impossible, or nobody knows
)

// Readiness says what a rollback right now would lose (T-3).
type Readiness struct {
	State   string    `json:"state"` // green, amber or red; unknown is red
	Loses   string    `json:"loses"` // a sentence
	Waiting int64     `json:"waiting,omitempty"`
	Drilled time.Time `json:"drilled,omitzero"` // the last rehearsal that held; zero: never
	Drill   string    `json:"drill"`            // its age, in words
}

// Ready reads the meter of a group (T-3).
func Ready(c Case) Readiness {
	state, loses := meter(c)
	r := Readiness{State: state, Loses: loses, Waiting: c.Facts.Waiting, Drilled: c.Group.Drilled, Drill: "a rollback was never rehearsed"}
	if !r.Drilled.IsZero() {
		r.Drill = "a rollback was rehearsed " + span(c.At.Sub(r.Drilled)) + " ago"
	}
	return r
}

func meter(c Case) (state, loses string) {
	f := c.Facts
	switch {
	case c.Group.NoReturn != nil:
		return Red, "impossible: the point of no return is signed: " + c.Group.NoReturn.Loses
	case c.Group.Phase == Retired:
		return Red, "impossible: the old side is retired"
	case !c.Seed.Writes:
		return Green, "0 rows: no route of the group writes"
	case c.Seed.AppendOnly && f.Unsynced == 0:
		return Green, "0 rows: every write is a form's submission, kept with its origin and id" + waiting(f.Waiting)
	case !f.Known:
		return Red, "unknown: a route writes without a form, and nothing measures what the old side lacks"
	case c.At.Sub(f.At) > stale(c.Seed.Policy):
		return Red, fmt.Sprintf("unknown: what the old side lacks was last measured %s ago", span(c.At.Sub(f.At)))
	case len(f.Homeless)+len(f.Drift) > 0:
		return Red, "impossible: " + impossible(f)
	case f.Unsynced > 0:
		return Amber, fmt.Sprintf("%d writes of the new side that the old one has not got; reverse sync last ended %s", f.Unsynced, stamp(f.Reversed))
	}
	return Green, "0 rows: the old side has every write of the new one"
}

func waiting(n int64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("; %d wait there", n)
}

// impossible says which fields of the new side the old one cannot take.
func impossible(f Facts) string {
	var parts []string
	for _, field := range f.Homeless {
		parts = append(parts, "field "+field+" has no legacy home")
	}
	for _, what := range f.Drift {
		parts = append(parts, what+" has changed since the mapping was made")
	}
	return strings.Join(parts, "; ")
}
