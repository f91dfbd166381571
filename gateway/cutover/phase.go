package cutover

import (
	"time"

	"github.com/banyan-migration/banyan/gateway/judge"
)

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

// NoReturn is the named step after which a rollback loses what Loses says (T-4): two people have signed it.
type NoReturn struct {
	Who   [2]string `json:"who"`
	Loses string    `json:"loses"`
	At    time.Time `json:"at"`
}

// Facts are what the data behind a group says at a moment. They are measured by a Probe; what is not known is red.
type Facts struct {
	At         time.Time     `json:"at"`
	Known      bool          `json:"known"`              // false: nothing below has been measured
	Backfilled bool          `json:"backfilled"`         // every old row was read, and moved or rejected with a reason
	Mismatches int64         `json:"mismatches"`         // rows that the verifier found unequal and nobody has explained
	Verified   time.Time     `json:"verified"`           // when the verifier last ran to its end
	Lag        time.Duration `json:"lag"`                // of sync: the age of the oldest row of the old side that the new one lacks
	Synced     time.Time     `json:"synced"`             // when sync last ran to its end
	Unsynced   int64         `json:"unsynced"`           // rows of the new side that the old one must show or change, and lacks
	Waiting    int64         `json:"waiting"`            // rows of an append-only group that the new side keeps with origin and id: not lost
	Homeless   []string      `json:"homeless,omitempty"` // fields of the new side that the old one has no place for
}

// Probe measures the data behind a group. It may take a second; it is never asked on a donor's time.
type Probe func(group string) (Facts, error)

// Readiness says what a rollback right now would lose (T-3).
type Readiness struct {
	State   string `json:"state"` // green, amber or red; unknown is red
	Loses   string `json:"loses"` // a sentence
	Waiting int64  `json:"waiting,omitempty"`
}
