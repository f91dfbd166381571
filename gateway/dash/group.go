package dash

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/judge"
	"github.com/banyan-migration/banyan/shared/fault"
)

// Status is where everything stands: the answer of GET /v1/status, and of `banyan cutover status --json`.
type Status struct {
	Groups   map[string]Group `json:"groups"`
	Revision int64            `json:"revision"`
	Stale    bool             `json:"stale"` // the store cannot be reached; this is the last plan known
}

// Group is where one group stands.
type Group struct {
	Group          string            `json:"group"`
	Phase          string            `json:"phase"`
	Weight         int               `json:"weight"` // basis points
	ReadAuthority  string            `json:"read_authority"`
	WriteAuthority string            `json:"write_authority"`
	Verdict        string            `json:"verdict"`            // HOLD before the judge's first: a person decides
	Why            string            `json:"why"`                // the verdict's sentence; before the first, the last change's reason
	Decision       string            `json:"decision,omitempty"` // the verdict's id
	Reason         string            `json:"reason"`             // of the last change
	Who            string            `json:"who"`
	At             time.Time         `json:"at"`
	Revision       int64             `json:"revision"` // the plan's that last changed the group; its ETag
	Killed         bool              `json:"killed"`
	Broken         bool              `json:"broken,omitempty"`   // this gateway's breaker has taken everybody back until the plan changes (J-1)
	Pending        bool              `json:"pending,omitempty"`  // rolled back at this gateway alone: the store does not know it yet
	Notice         string            `json:"notice,omitempty"`   // what to do about it
	Warnings       []string          `json:"warnings,omitempty"` // of a change's answer alone: the checks that it went on in spite of
	Lost           string            `json:"lost,omitempty"`     // of a change's answer alone: what it lost, as its caller wanted
	From           string            `json:"from"`
	To             string            `json:"to"`
	Readiness      cutover.Readiness `json:"readiness"`
	Schedule       *cutover.Schedule `json:"schedule,omitempty"`
	Held           *cutover.Stop     `json:"held,omitempty"`
	Frozen         *cutover.Stop     `json:"frozen,omitempty"`
	Asked          *cutover.NoReturn `json:"asked,omitempty"` // the point of no return, signed by one person so far
	NoReturn       *cutover.NoReturn `json:"no_return,omitempty"`
	Drilled        time.Time         `json:"drilled,omitzero"`
	Policy         string            `json:"policy"`
}

func (g Group) revision() int64 { return g.Revision }

func (a *api) status(*http.Request) (any, error) { return a.stand(), nil }

func (a *api) stand() Status {
	plan := a.Plan.Now()
	s := Status{Groups: map[string]Group{}, Revision: plan.Revision, Stale: plan.Stale}
	for _, g := range a.Config().Groups {
		s.Groups[g.Name] = a.view(g, plan.Group(g.Name))
	}
	return s
}

func (a *api) view(g *config.Group, at cutover.Group) Group {
	v := Group{
		Group: g.Name, Phase: at.Phase, Weight: at.Weight, ReadAuthority: at.ReadAuthority(), WriteAuthority: at.WriteAuthority(),
		Verdict: string(judge.Hold), Why: at.Why, Reason: at.Why, Who: at.Who, At: at.At, Revision: at.Revision, Killed: at.Killed,
		From: g.From, To: g.To, Readiness: a.readiness(g), Policy: g.Policy.Name,
		Schedule: at.Schedule, Held: at.Held, Frozen: at.Frozen, Asked: at.Asked, NoReturn: at.NoReturn, Drilled: at.Drilled,
		Warnings: at.Warnings, Lost: at.Lost,
	}
	if at.Pending != nil {
		v.Pending, v.Notice = true, alone(v)
	}
	v.Broken = a.Broken != nil && a.Broken(g.Name, at.Revision)
	if a.Watch != nil {
		if latest, ok := a.Watch.Latest(g.Name); ok {
			v.Verdict, v.Why, v.Decision = string(latest.Verdict.Kind), latest.Verdict.Why, latest.ID
		}
	}
	return v
}

// alone says what a rollback that the store does not have has done, and how to go on.
func alone(g Group) string {
	what := fmt.Sprintf("this gateway sends %s to %s now", g.Group, g.From)
	if g.Weight > 0 {
		what = fmt.Sprintf("%s is past its point of no return, so this gateway holds it frozen now", g.Group)
	}
	return what + "; the store cannot be reached, so other gateways are not told: call each (--admin), or use the kill file"
}

// readiness is the meter, by which the plan itself refuses what would lose something.
func (a *api) readiness(g *config.Group) cutover.Readiness {
	r, err := a.Plan.Ready(g.Name)
	if err != nil { // a group that the plan has not taken in yet
		return cutover.Readiness{State: cutover.Red, Loses: "unknown: the plan does not know the group"}
	}
	return r
}

func (a *api) find(name string) (*config.Group, error) {
	var names []string
	for _, g := range a.Config().Groups {
		if g.Name == name {
			return g, nil
		}
		names = append(names, g.Name)
	}
	return nil, &fault.Error{Kind: fault.NotFound, Field: "group", Text: fmt.Sprintf("no group %q; there are %s", name, strings.Join(names, ", "))}
}

func (a *api) group(r *http.Request) (any, error) {
	g, err := a.find(r.PathValue("group"))
	if err != nil {
		return nil, err
	}
	return a.view(g, a.Plan.Now().Group(g.Name)), nil
}

// Planned is a group's schedule: what is approved, what the policy proposes, and what the next step asks of the data.
type Planned struct {
	Group    string            `json:"group"`
	Revision int64             `json:"revision"`
	Weight   int               `json:"weight"`
	Policy   string            `json:"policy"`
	Approved *cutover.Schedule `json:"approved"` // null: nobody has approved one
	Proposed []judge.Step      `json:"proposed"`
	Sample   int64             `json:"sample"` // visitors a side, for a step that names none
	Checks   []cutover.Check   `json:"checks"`
}

func (a *api) planned(r *http.Request) (any, error) {
	g, err := a.find(r.PathValue("group"))
	if err != nil {
		return nil, err
	}
	at := a.Plan.Now().Group(g.Name)
	p := Planned{Group: g.Name, Revision: at.Revision, Weight: at.Weight, Policy: g.Policy.Name, Approved: at.Schedule, Proposed: g.Policy.Steps, Sample: g.Policy.Sample, Checks: []cutover.Check{}}
	steps := at.Schedule
	if steps == nil {
		steps = &cutover.Schedule{Steps: g.Policy.Steps}
	}
	if next, ok := steps.Next(at.Weight); ok {
		if p.Checks, err = a.Plan.Checks(g.Name, cutover.PhaseOf(next.Weight)); err != nil {
			return nil, err
		}
	}
	return p, nil
}
