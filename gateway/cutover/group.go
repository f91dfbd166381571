package cutover

import (
	"time"

	"github.com/banyan-migration/banyan/gateway/judge"
)

// Group is where one route group stands.
type Group struct {
	Weight   int       `json:"weight"`   // basis points
	Phase    string    `json:"phase"`    // one of the phases
	Revision int64     `json:"revision"` // of the plan that last changed this group
	Who      string    `json:"who"`      // of the last change, whatever it changed
	Why      string    `json:"why"`
	At       time.Time `json:"at"`
	Killed   bool      `json:"-"` // the kill switch is on: legacy, whatever the weight (T-7)
	Pending  *Pending  `json:"-"` // rolled back here, and the store does not know it yet
	Warnings []string  `json:"-"` // of a change's answer alone: the checks that it went on in spite of
	Lost     string    `json:"-"` // of a change's answer alone: what it lost, as its caller wanted

	Since      time.Time `json:"since,omitzero"`       // the present weight and phase were reached
	Below      string    `json:"below,omitempty"`      // the phase that a rollback falls to: shadow, or empty for off
	Experiment int64     `json:"experiment,omitempty"` // the revision at which the present try began: approved at weight 0, or left it; evidence counts from there
	Schedule   *Schedule `json:"schedule,omitempty"`   // nil: nobody has approved one
	Held       *Stop     `json:"held,omitempty"`       // no raise, by a person's word
	Frozen     *Stop     `json:"frozen,omitempty"`     // no move at all but a rollback, by a person's word or the judge's
	Asked      *NoReturn `json:"asked,omitempty"`      // the point of no return, signed by one person so far
	NoReturn   *NoReturn `json:"no_return,omitempty"`  // signed by two
	Drilled    time.Time `json:"drilled,omitzero"`     // the last rollback drill that held
}

// Past says whether nothing leads back: the point of no return is signed, or legacy is gone (T-4).
func (g Group) Past() bool { return g.NoReturn != nil || g.Phase == Retired }

// since is when the weight was reached; a plan of an earlier version has only the time of the last change.
func (g Group) since() time.Time {
	if g.Since.IsZero() {
		return g.At
	}
	return g.Since
}

// Schedule is what a person has allowed a group in advance: the judge may step along it to its last step, never past it (J-10).
type Schedule struct {
	Steps []judge.Step `json:"steps"` // of rising weight
	Who   string       `json:"who"`   // approved it
	Why   string       `json:"why"`
	At    time.Time    `json:"at"`
}

// Next is the first step above a weight; false at the schedule's end. A nil Schedule has none.
func (s *Schedule) Next(weight int) (judge.Step, bool) {
	if s == nil {
		return judge.Step{}, false
	}
	for _, step := range s.Steps {
		if step.Weight > weight {
			return step, true
		}
	}
	return judge.Step{}, false
}

// Of is the step whose weight this is; false where the schedule has none.
func (s *Schedule) Of(weight int) (judge.Step, bool) {
	if s == nil {
		return judge.Step{}, false
	}
	for _, step := range s.Steps {
		if step.Weight == weight {
			return step, true
		}
	}
	return judge.Step{}, false
}

// Stop is a person's or the judge's word that a group stays where it is.
type Stop struct {
	Who string    `json:"who"`
	Why string    `json:"why"`
	At  time.Time `json:"at"`
}

// NoReturn is the named step after which a rollback loses what Loses says (T-4): two different people sign it.
type NoReturn struct {
	Who   [2]string `json:"who"` // the second is empty until that person has signed
	Loses string    `json:"loses"`
	At    time.Time `json:"at"` // of the last signature
}
