package cutover

import (
	"time"

	"github.com/banyan-migration/banyan/gateway/judge"
)

// Seed is what the configuration says of a group: where it begins in a plan that does not know it, and what guards its way.
// The zero Seed is a group at weight 0 that writes nothing.
type Seed struct {
	Weight int
	Phase  string

	Writes     bool         // a route may write
	AppendOnly bool         // each of them through a form: the new side only ever adds submissions
	Tables     []string     // what the group's routes write to, by names of which equal ones are the same
	Conflict   string       // which side wins on rows that two groups write (T-2); empty: nobody has said
	Shadowed   bool         // a route asks for copies, so that both sides are compared before anybody is sent over
	Data       bool         // the data behind the group is measured: what is not known of it refuses a step
	Policy     judge.Policy // of the judge
	Calendar   *Calendar    // when nobody may be given more; nil: never
}

// Facts are what the data behind a group says at a moment. They are measured by a Probe; what is not known is red.
type Facts struct {
	At         time.Time     `json:"at"`
	Known      bool          `json:"known"`               // false: nothing below has been measured
	Backfilled bool          `json:"backfilled"`          // every old row was read, and moved or rejected with a reason
	Mismatches int64         `json:"mismatches"`          // rows that the verifier found unequal and nobody has explained
	Verified   time.Time     `json:"verified"`            // when the verifier last ran to its end
	Clean      time.Time     `json:"clean,omitzero"`      // since when each of its runs found no mismatch; zero: the last one did
	Lag        time.Duration `json:"lag"`                 // of sync: the age of the oldest row of the old side that the new one lacks
	Synced     time.Time     `json:"synced"`              // when sync last ran to its end
	Reversed   time.Time     `json:"reversed,omitzero"`   // when reverse sync last ran to its end; zero: never
	Unsynced   int64         `json:"unsynced"`            // rows of the new side that the old one must show or change, and lacks
	Waiting    int64         `json:"waiting"`             // rows of an append-only group that the new side keeps with origin and id: not lost
	Homeless   []string      `json:"homeless,omitempty"`  // fields of the new side that the old one has no place for
	Drift      []string      `json:"drift,omitempty"`     // what has changed in the old side's tables since the mapping was made
	Parity     []string      `json:"parity,omitempty"`    // pages whose status, title, canonical link, redirect or place in the sitemap differ (G27)
	LastHuman  time.Time     `json:"last_human,omitzero"` // when legacy last answered a person for this group
}

// Probe measures the data behind a group. It may take a second; it is never asked on a donor's time.
type Probe func(group string) (Facts, error)

// Witness tells the plan what is known of a group. Its methods answer at once, from memory, and may be called from many
// goroutines.
type Witness interface {
	// Facts are the newest measurement; the zero Facts where there is none.
	Facts(group string) Facts
	// Latest is the judge's newest word; false before the first.
	Latest(group string) (judge.Record, bool)
}

// Case is all that is known of a group when it is asked to move.
type Case struct {
	At      time.Time
	Group   Group // where it stands
	Seed    Seed
	Facts   Facts
	Verdict judge.Record      // the judge's newest word; the zero Record before the first
	Shares  map[string]string // the groups that write the same tables, each with its phase (T-2)
}
