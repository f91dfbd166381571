package dash

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/split"
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
	Group          string    `json:"group"`
	Phase          string    `json:"phase"`
	Weight         int       `json:"weight"` // basis points
	ReadAuthority  string    `json:"read_authority"`
	WriteAuthority string    `json:"write_authority"`
	Verdict        string    `json:"verdict"` // HOLD: without a judge a person decides
	Why            string    `json:"why"`     // of the last change
	Who            string    `json:"who"`
	At             time.Time `json:"at"`
	Revision       int64     `json:"revision"` // the plan's that last changed the group; its ETag
	Killed         bool      `json:"killed"`
	From           string    `json:"from"`
	To             string    `json:"to"`
	Readiness      Readiness `json:"readiness"`
}

// Readiness says what a rollback would lose (T-3).
type Readiness struct {
	State string `json:"state"` // green or red; unknown is red
	Loses string `json:"loses"`
}

func (a *api) status(*http.Request) (any, error) {
	plan := a.Plan.Now()
	s := Status{Groups: map[string]Group{}, Revision: plan.Revision, Stale: plan.Stale}
	for _, g := range a.Config().Groups {
		s.Groups[g.Name] = view(g, plan.Group(g.Name))
	}
	return s, nil
}

func view(g *config.Group, at cutover.Group) Group {
	return Group{
		Group: g.Name, Phase: at.Phase, Weight: at.Weight, ReadAuthority: at.ReadAuthority(), WriteAuthority: at.WriteAuthority(),
		Verdict: "HOLD", Why: at.Why, Who: at.Who, At: at.At, Revision: at.Revision, Killed: at.Killed, From: g.From, To: g.To,
		Readiness: readiness(g),
	}
}

// readiness knows the routes alone: what the sides hold is measured by a later part, and what is not known is red.
func readiness(g *config.Group) Readiness {
	switch {
	case !g.HasWrites():
		return Readiness{"green", "0 rows: no route of the group writes"}
	case g.AppendOnly():
		return Readiness{"green", "0 rows: every write is a form's submission, kept with its origin and id"}
	}
	return Readiness{"red", "unknown: a route writes without a form, and nothing measures what the old side lacks"}
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
	return view(g, a.Plan.Now().Group(g.Name)), nil
}

// change is the body of every call that changes something.
type change struct {
	Weight *int   `json:"weight,omitempty"` // PATCH
	Phase  string `json:"phase,omitempty"`  // PATCH: what the weight says already, for a caller that wants to be sure
	Side   string `json:"side,omitempty"`   // :override
	For    string `json:"for,omitempty"`    // :override: how long, such as 1h
	Actor  string `json:"actor"`
	Reason string `json:"reason"`
}

func (a *api) patch(r *http.Request) (any, error) {
	g, err := a.find(r.PathValue("group"))
	if err != nil {
		return nil, err
	}
	var c change
	if err := read(r, &c); err != nil {
		return nil, err
	}
	switch {
	case c.Weight == nil:
		return nil, fault.Wrong("weight", "weight is missing: 0 to 10000 basis points; nothing was changed")
	case c.Phase != "" && c.Phase != cutover.PhaseOf(*c.Weight):
		return nil, fault.Wrong("phase", fmt.Sprintf("%s does not go with weight %d, whose phase is %s; nothing was changed", c.Phase, *c.Weight, cutover.PhaseOf(*c.Weight)))
	case c.Side != "" || c.For != "":
		return nil, fault.Wrong("side", "side and for belong to :override; nothing was changed")
	}
	revision, err := ifMatch(r)
	if err != nil {
		return nil, err
	}
	at, err := a.Plan.Set(r.Context(), cutover.Change{Group: g.Name, Weight: *c.Weight, If: revision, Who: c.Actor, Why: c.Reason})
	return view(g, at), err
}

// verb is POST /v1/groups/{group}:{verb}.
func (a *api) verb(r *http.Request) (any, error) {
	name, verb, _ := strings.Cut(r.PathValue("verb"), ":")
	g, err := a.find(name)
	if err != nil {
		return nil, err
	}
	var c change
	if err := read(r, &c); err != nil {
		return nil, err
	}
	switch verb {
	case "rollback":
		at, err := a.Plan.Rollback(r.Context(), g.Name, c.Actor, c.Reason)
		return view(g, at), err
	case "override":
		return a.override(r, g.Name, c)
	}
	return nil, &fault.Error{Kind: fault.NotFound, Text: fmt.Sprintf("no verb %q: rollback or override", verb)}
}

// maxOverride bounds how long an override may hold: who has it keeps it.
const maxOverride = 30 * 24 * time.Hour

// Override is a header for a tester, until it expires (S-4).
type Override struct {
	Header  string    `json:"header"`
	Value   string    `json:"value"`
	Expires time.Time `json:"expires"`
}

func (a *api) override(r *http.Request, group string, c change) (any, error) {
	side := map[string]split.Side{"new": split.New, "legacy": split.Legacy}
	want, known := side[c.Side]
	if !known {
		return nil, fault.Wrong("side", fmt.Sprintf("%q is no side: new or legacy", c.Side))
	}
	d, err := time.ParseDuration(c.For)
	if err != nil || d < time.Second || d > maxOverride {
		return nil, fault.Wrong("for", fmt.Sprintf("%q is not right: how long it holds, from 1s to %s, such as 1h", c.For, maxOverride))
	}
	o := split.Override{Side: want, Group: group, Expires: a.Now().Add(d).UTC().Truncate(time.Second)}
	why := fmt.Sprintf("%s: %s until %s: %s", group, c.Side, o.Expires.Format(time.RFC3339), c.Reason)
	if c.Reason == "" {
		why = "" // the journal refuses it
	}
	if err := a.Plan.Note(r.Context(), "override", c.Actor, why); err != nil {
		return nil, err
	}
	return Override{split.OverrideHeader, a.Keys.SignOverride(o), o.Expires}, nil
}

// history is GET /v1/history?after=SEQUENCE&limit=N.
func (a *api) history(r *http.Request) (any, error) {
	after, err := number(r, "after", 0, 1<<62)
	if err != nil {
		return nil, err
	}
	limit, err := number(r, "limit", 100, 1000)
	if err != nil {
		return nil, err
	}
	entries, err := a.Plan.History(r.Context(), after, int(limit))
	return map[string]any{"entries": entries}, err
}

func number(r *http.Request, name string, absent, most int64) (int64, error) {
	s := r.URL.Query().Get(name)
	if s == "" {
		return absent, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || n > most {
		return 0, fault.Wrong(name, fmt.Sprintf("%q is not a number from 0 to %d", s, most))
	}
	return n, nil
}
