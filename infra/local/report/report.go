// Package report tells the story of a demo: a page for people, which needs nothing but itself, and the same figures as
// one JSON document for scripts. It only tells: whoever ran the demo has judged already.
package report

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/banyan-migration/banyan/infra/cost"
	"github.com/banyan-migration/banyan/loadtest"
	"github.com/banyan-migration/banyan/migration/assess"
)

// Report is everything that a demo knows at its end.
type Report struct {
	Run       Run
	Checks    []Check
	Steps     []Step
	Donations Donations
	Load      *loadtest.Result // the night, with the generator's own count
	Events    []Event          // in order of time
	Verdicts  []Verdict        // the judge's, in order of time
	Forms     []Form
	// Certificate is the fingerprint of the key that signed certificate.html and .json beside the report; empty: none.
	Certificate string
	Assessment  *assess.Assessment
	Case        *cost.Report // the two bills of the case
	Estimate    *cost.Bill   // what the measured traffic would cost a month
}

// Run is how it was run, so that somebody else can do it again.
type Run struct {
	Command string    `json:"command"` // as typed
	Seed    uint64    `json:"seed"`
	Speed   float64   `json:"speed"` // how many times faster than it happened
	Night   time.Time `json:"night"` // the log's time at which the replay begins
	Started time.Time `json:"started"`
	Seconds float64   `json:"seconds"`
	Notes   []string  `json:"notes"` // what else was set, in a sentence each
}

// Check is something that must hold, and the figure that says whether it did.
type Check struct {
	Name   string `json:"name"`
	Held   bool   `json:"held"`
	Figure string `json:"figure"`
}

// Step is a part of the demo.
type Step struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"`
	Figure  string  `json:"figure,omitempty"` // what it came to, in a phrase
}

// Donations is what became of those that were accepted while the night was replayed.
type Donations struct {
	Accepted           int64 `json:"accepted"` // by the load generator's own count
	AcceptedByServices int64 `json:"accepted_by_services"`
	Stored             int64 `json:"stored"`  // of them, in the donate service
	Charged            int64 `json:"charged"` // of those accepted by the services, at the acquirer
	Missing            int64 `json:"missing"`
	Doubled            int64 `json:"doubled"`
	ChargedTwice       int64 `json:"charged_twice"`
	Unconfirmed        int64 `json:"unconfirmed"` // stored, though the donor saw no answer
}

// The kinds of event.
const (
	Approval = "approval" // a person approved a schedule
	Weight   = "weight"   // the services' share was set
	Fault    = "fault"    // something was broken on purpose
	Rollback = "rollback" // the share went back to nothing
	Mend     = "mend"     // what was broken works again
	Reverse  = "reverse"  // the old site got what the services had taken
)

// Event is something that was done while the night was replayed.
type Event struct {
	At     time.Duration `json:"-"` // from the night's start, by the wall clock
	Kind   string        `json:"kind"`
	Weight int           `json:"weight"` // basis points from now on; read for Weight and Rollback only
	Label  string        `json:"label"`
}

// Verdict is what the judge said at a moment, and what the policy for real donors would have said of the same numbers.
type Verdict struct {
	At      time.Duration `json:"-"` // from the night's start, by the wall clock
	ID      string        `json:"id"`
	Weight  int           `json:"weight"` // basis points, when it was said
	Kind    string        `json:"kind"`   // PROMOTE_OK, HOLD, ROLLBACK or FREEZE
	Why     string        `json:"why"`
	Default string        `json:"default"` // as the policy "default": its kind and reason
}

// Form is what became of one form's rows.
type Form struct {
	Name     string         `json:"name"`
	Rows     int64          `json:"rows"`
	Moved    int64          `json:"moved"`
	Rejected map[string]int `json:"rejected"` // by reason
	Waiting  int64          `json:"waiting"`  // parts whose service does not exist yet
	Sum      string         `json:"sum"`      // of what moved, pounds and pence; empty where the form has no money
}

// Held tells whether every check held. A demo that checked nothing has held nothing.
func (r *Report) Held() bool {
	for _, c := range r.Checks {
		if !c.Held {
			return false
		}
	}
	return len(r.Checks) > 0
}

// MarshalJSON writes report.json: design/commands.md names the keys that scripts read.
func (r *Report) MarshalJSON() ([]byte, error) {
	type event struct {
		Event
		Second float64   `json:"second"`
		Clock  time.Time `json:"clock"` // of the night
	}
	events := []event{}
	for _, e := range r.Events {
		events = append(events, event{e, e.At.Seconds(), r.clock(e.At)})
	}
	doc := map[string]any{
		"held": r.Held(), "run": r.Run, "checks": r.Checks, "steps": r.Steps, "donations": r.Donations, "events": events,
		"verdicts": append([]Verdict{}, r.Verdicts...), "forms": r.Forms, "certificate": r.Certificate, "assess": r.Assessment, "cost": money{r.Case, r.Estimate},
	}
	if r.Load != nil {
		load := *r.Load
		load.Donations = nil // thousands of lines, and all counted above
		doc["load"] = load
	}
	return json.Marshal(doc)
}

// money is the case's report with the estimate as one more key.
type money struct {
	*cost.Report
	estimate *cost.Bill
}

func (m money) MarshalJSON() ([]byte, error) {
	doc := map[string]any{}
	if m.Report != nil {
		text, err := json.Marshal(m.Report)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(text, &doc); err != nil {
			return nil, err
		}
	}
	doc["estimate"] = m.estimate
	return json.Marshal(doc)
}

// clock is the night's time at a moment of the replay.
func (r *Report) clock(at time.Duration) time.Time {
	return r.Run.Night.Add(time.Duration(float64(at) * max(r.Run.Speed, 1))).Round(time.Second)
}

// Write puts report.html and report.json into dir, which is made where it is not there.
func (r *Report) Write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "report.json"), append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	f, err := os.Create(filepath.Join(dir, "report.html"))
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	defer f.Close()
	if err := r.HTML(f); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}
