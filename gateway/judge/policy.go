package judge

import (
	"fmt"
	"time"
)

// Policy is what matters to a group: how sure a rollback must be, how much evidence a raise needs, and how large a harm is worth a word.
// Default and Demo are the two that come with the program; a configuration may change numbers under a name of its own.
type Policy struct {
	Name  string        `json:"name"`
	Alpha float64       `json:"alpha"` // the chance of a false rollback over a whole experiment (J-5): 0.01
	Cell  time.Duration `json:"cell"`  // how long a cell is
	Stale time.Duration `json:"stale"` // how old the newest cell may be

	Steps    []Step `json:"steps"`    // the schedule that `cutover plan` proposes
	Sample   int64  `json:"sample"`   // visitors an arm before a raise (J-9)
	Calendar bool   `json:"calendar"` // raises obey the calendar (J-12)

	Margin        time.Duration `json:"margin"`         // slower than legacy by more than the larger of this …
	MarginPercent int           `json:"margin_percent"` // … and this share of legacy's time (J-7) counts
	Overdue       time.Duration `json:"overdue"`        // an outcome not known by then is lost: 15 minutes
	LostPercent   float64       `json:"lost_percent"`   // share of lost outcomes that is borne where legacy reports none: who leaves the acquirer's page gives nothing

	Breaker Breaker `json:"breaker"`
}

// Breaker is J-1: what makes a replica act alone, without statistics.
type Breaker struct {
	Row     int           `json:"row"`     // failures of the new side in a row: 20
	Percent int           `json:"percent"` // or this share of failures: 50
	Over    int           `json:"over"`    // over at least so many requests: 40
	Window  time.Duration `json:"window"`  // within this time: a minute
	Legacy  int           `json:"legacy"`  // while legacy fails less than this share: 5 percent
}

var breaker = Breaker{Row: 20, Percent: 50, Over: 40, Window: time.Minute, Legacy: 5}

// Default is for real people: days, not minutes.
var Default = Policy{Name: "default", Alpha: 0.01, Cell: 10 * time.Second, Stale: 10 * time.Minute,
	Steps:  []Step{{Weight: 100, Dwell: 24 * time.Hour}, {Weight: 1000, Dwell: 24 * time.Hour}, {Weight: 5000, Dwell: 48 * time.Hour}, {Weight: 10000, Dwell: 7 * 24 * time.Hour}},
	Sample: 1827, Calendar: true, Margin: 50 * time.Millisecond, MarginPercent: 20, Overdue: 15 * time.Minute, LostPercent: 30, Breaker: breaker}

// Demo plays a night in half a minute; whoever uses it says so.
var Demo = Policy{Name: "demo", Alpha: 0.01, Cell: 500 * time.Millisecond, Stale: 20 * time.Second,
	Steps:  []Step{{Weight: 100, Dwell: time.Second, Sample: 1}, {Weight: 1000, Dwell: time.Second, Sample: 3}, {Weight: 5000, Dwell: 2 * time.Second}, {Weight: 10000, Dwell: time.Second}},
	Sample: 5, Margin: 50 * time.Millisecond, MarginPercent: 20, Overdue: 2 * time.Minute, LostPercent: 5, Breaker: breaker}

// Named is a policy that comes with the program.
func Named(name string) (Policy, bool) {
	switch name {
	case Default.Name:
		return Default, true
	case Demo.Name:
		return Demo, true
	}
	return Policy{}, false
}

// Check says which field of a policy cannot be, and what could.
func (p *Policy) Check() error {
	field, want := "", ""
	switch b := &p.Breaker; {
	case !(p.Alpha >= 1e-6 && p.Alpha <= 0.1):
		field, want = "alpha", "0.000001 to 0.1: the chance of a false rollback"
	case p.Cell < 100*time.Millisecond || p.Cell > 10*time.Minute:
		field, want = "cell", "100ms to 10m"
	case p.Stale < p.Cell:
		field, want = "stale", "at least a cell, "+p.Cell.String()
	case p.Sample < 0:
		field, want = "sample", "0 or more visitors an arm"
	case p.Margin < 0 || p.Margin > time.Minute:
		field, want = "margin", "0s to 1m"
	case p.MarginPercent < 0 || p.MarginPercent > 1000:
		field, want = "margin_percent", "0 to 1000"
	case p.Overdue <= 0:
		field, want = "overdue", "a time above 0s"
	case !(p.LostPercent >= 0.01 && p.LostPercent <= 99):
		field, want = "lost_percent", "0.01 to 99"
	case b.Row < 1:
		field, want = "breaker.row", "at least 1"
	case b.Percent < 1 || b.Percent > 100:
		field, want = "breaker.percent", "1 to 100"
	case b.Over < 1:
		field, want = "breaker.over", "at least 1"
	case b.Window <= 0:
		field, want = "breaker.window", "a time above 0s"
	case b.Legacy < 0 || b.Legacy > 100:
		field, want = "breaker.legacy", "0 to 100"
	default:
		return p.checkSteps()
	}
	return fmt.Errorf("judge: policy %q: %s must be %s", p.Name, field, want)
}

func (p *Policy) checkSteps() error {
	weight := 0
	for i, step := range p.Steps {
		switch {
		case step.Weight <= weight || step.Weight > 10000:
			return fmt.Errorf("judge: policy %q: steps[%d].weight is %d: it must be above %d and at most 10000", p.Name, i, step.Weight, weight)
		case step.Dwell < 0:
			return fmt.Errorf("judge: policy %q: steps[%d].dwell is %s: it must be 0s or more", p.Name, i, step.Dwell)
		case step.Sample < 0:
			return fmt.Errorf("judge: policy %q: steps[%d].sample is %d: it must be 0 or more visitors an arm", p.Name, i, step.Sample)
		}
		weight = step.Weight
	}
	return nil
}
