package dash

import (
	"net/http"
	"time"

	"github.com/banyan-migration/banyan/gateway/analysis"
	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/dash/who"
	"github.com/banyan-migration/banyan/gateway/diff"
	"github.com/banyan-migration/banyan/gateway/judge"
	"github.com/banyan-migration/banyan/shared/fault"
)

// errNoJudge is for what only a judge can say.
var errNoJudge = &fault.Error{Kind: fault.Unavailable, Text: "no judge runs in this gateway: there are no verdicts; nothing was changed"}

// Decision is a verdict in short.
type Decision struct {
	ID       string        `json:"id"`
	At       time.Time     `json:"at"`
	Group    string        `json:"group"`
	Revision int64         `json:"revision"`
	Weight   int           `json:"weight"`
	Verdict  judge.Verdict `json:"verdict"`
}

func short(r judge.Record) Decision {
	return Decision{ID: r.ID, At: r.Situation.At, Group: r.Situation.Group, Revision: r.Situation.Revision, Weight: r.Situation.Weight, Verdict: r.Verdict}
}

// decisions is GET /v1/decisions?group=NAME&limit=N, the newest first; every group's newest without group.
func (a *api) decisions(r *http.Request) (any, error) {
	if a.Watch == nil {
		return nil, errNoJudge
	}
	limit, err := number(r, "limit", 50, 500)
	if err != nil {
		return nil, err
	}
	all := []Decision{}
	name := r.URL.Query().Get("group")
	if name == "" {
		for _, g := range a.Config().Groups {
			if latest, ok := a.Watch.Latest(g.Name); ok {
				all = append(all, short(latest))
			}
		}
		return map[string]any{"decisions": all}, nil
	}
	if _, err := a.find(name); err != nil {
		return nil, err
	}
	records, err := a.Watch.Records(r.Context(), name, int(limit))
	if err != nil {
		return nil, err
	}
	for _, record := range records {
		all = append(all, short(record))
	}
	return map[string]any{"decisions": all}, nil
}

func (a *api) decision(r *http.Request) (any, error) {
	if a.Watch == nil {
		return nil, errNoJudge
	}
	return a.Watch.Record(r.Context(), r.PathValue("id"))
}

// Why is a verdict with all that it was made from, and the same made again from that (J-14).
type Why struct {
	Decision judge.Record  `json:"decision"`
	Again    judge.Verdict `json:"again"`
	Same     bool          `json:"same"`            // bit for bit
	Wrong    string        `json:"wrong,omitempty"` // where it is not the same: what that says
}

func (a *api) why(r *http.Request) (any, error) {
	if a.Watch == nil {
		return nil, errNoJudge
	}
	record, err := a.Watch.Record(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return again(record), nil
}

func again(record judge.Record) Why {
	verdict, err := record.Again()
	w := Why{Decision: record, Again: verdict, Same: err == nil}
	if err != nil {
		w.Wrong = err.Error()
	}
	return w
}

// Diffs is what comparing the sides has found.
type Diffs struct {
	Tally   diff.Tally    `json:"tally"`
	Rows    []diff.Row    `json:"rows"`
	Samples []diff.Sample `json:"samples,omitempty"`
}

// diffs is GET /v1/diffs?group=NAME&samples=N, by group; samples are single comparisons, equal ones too (F-12).
func (a *api) diffs(r *http.Request) (any, error) {
	samples, err := number(r, "samples", 0, 200)
	if err != nil {
		return nil, err
	}
	all := map[string]Diffs{}
	name := r.URL.Query().Get("group")
	if name != "" {
		if _, err := a.find(name); err != nil {
			return nil, err
		}
	}
	for _, g := range a.Config().Groups {
		if name == "" || g.Name == name {
			d := a.differing(g.Name)
			if a.Diffs != nil && samples > 0 {
				d.Samples = a.Diffs.Samples(g.Name, int(samples))
			}
			all[g.Name] = d
		}
	}
	return map[string]any{"groups": all}, nil
}

func (a *api) differing(group string) Diffs {
	if a.Diffs == nil {
		return Diffs{Rows: []diff.Row{}}
	}
	return Diffs{Tally: a.Diffs.Tally(group), Rows: append([]diff.Row{}, a.Diffs.Rows(group)...)}
}

func (a *api) readinesses(*http.Request) (any, error) {
	all := map[string]cutover.Readiness{}
	for _, g := range a.Config().Groups {
		all[g.Name] = a.readiness(g)
	}
	return map[string]any{"groups": all}, nil
}

// Replicas says which gateways follow the plan, and how many follow its newest revision (T-8).
type Replicas struct {
	Revision  int64              `json:"revision"`
	Converged int                `json:"converged"`
	Stale     bool               `json:"stale"`
	Replicas  []analysis.Replica `json:"replicas"`
}

func (a *api) replicas(*http.Request) (any, error) { return a.convergence(), nil }

func (a *api) convergence() Replicas {
	plan := a.Plan.Now()
	all := Replicas{Revision: plan.Revision, Stale: plan.Stale, Replicas: []analysis.Replica{}}
	if a.Watch == nil {
		return all
	}
	all.Replicas = append(all.Replicas, a.Watch.Replicas()...)
	for _, r := range all.Replicas {
		if r.Revision >= plan.Revision {
			all.Converged++
		}
	}
	return all
}

// maxOutcomes bounds one call: a service that has more asks again.
const maxOutcomes = 1000

// outcomes is POST /v1/outcomes, for services: [{request, ok}]. The same outcome may come twice.
func (a *api) outcomes(r *http.Request, _ who.Person) (any, error) {
	if a.Watch == nil {
		return nil, errNoJudge
	}
	var all []analysis.Outcome
	if err := read(r, &all); err != nil {
		return nil, err
	}
	if len(all) > maxOutcomes {
		return nil, fault.Wrong("", "more than 1000 outcomes in a call: send them in parts; nothing was taken")
	}
	for _, o := range all {
		if o.Request == "" || len(o.Request) > 128 {
			return nil, fault.Wrong("request", "an outcome names its request's id, of at most 128 bytes; nothing was taken")
		}
	}
	if err := a.Watch.Outcomes(r.Context(), all); err != nil {
		return nil, err
	}
	return map[string]any{"taken": len(all)}, nil
}
