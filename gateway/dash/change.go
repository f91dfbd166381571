package dash

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/dash/who"
	"github.com/banyan-migration/banyan/gateway/judge"
	"github.com/banyan-migration/banyan/shared/fault"
)

// change is the body of every call that changes something.
type change struct {
	Weight   *int   `json:"weight,omitempty"`   // PATCH
	Phase    string `json:"phase,omitempty"`    // :enter; PATCH: what the weight says already, for a caller that wants to be sure
	Side     string `json:"side,omitempty"`     // :override
	For      string `json:"for,omitempty"`      // :override: how long, such as 1h
	Steps    []step `json:"steps,omitempty"`    // :approve; absent: the policy's
	Loses    string `json:"loses,omitempty"`    // :no-return: what a way back would lose
	Lose     bool   `json:"lose,omitempty"`     // :rollback and a smaller weight: what readiness says is lost is meant to be
	Evidence string `json:"evidence,omitempty"` // a verdict's id; of :enter retired the backup's name
	Actor    string `json:"actor,omitempty"`    // needed with the admin token; else the token's name, and no other
	Reason   string `json:"reason"`
	Ticket   string `json:"ticket,omitempty"`
}

// step is a schedule's as callers write it.
type step struct {
	Weight int    `json:"weight"` // basis points
	Dwell  string `json:"dwell"`  // at least, such as 24h
	Sample int64  `json:"sample,omitempty"`
}

// wish is what somebody wants of a group.
type wish struct {
	who.Person
	change
	group    *config.Group
	verb     string
	revision int64 // that was seen; 0: none was named
}

// verb is one thing that can be done to a group.
type verb struct {
	need   who.Role
	raises bool // it can raise, so it names the revision that was seen
	do     func(a *api, ctx context.Context, w wish, c cutover.Change) (any, error)
}

// moves makes a verb of one of the plan's transitions.
func moves(f func(*cutover.Plan, context.Context, cutover.Change) (cutover.Group, error)) func(*api, context.Context, wish, cutover.Change) (any, error) {
	return func(a *api, ctx context.Context, w wish, c cutover.Change) (any, error) {
		at, err := f(a.Plan, ctx, c)
		return a.view(w.group, at), err
	}
}

// verbs are those of POST /v1/groups/{group}:{verb}. Operators only lower.
var verbs = map[string]verb{
	"rollback":  {who.Operate, false, moves((*cutover.Plan).Rollback)},
	"hold":      {who.Operate, false, moves((*cutover.Plan).Hold)},
	"freeze":    {who.Operate, false, moves((*cutover.Plan).Freeze)},
	"release":   {who.Approve, true, moves((*cutover.Plan).Release)},
	"promote":   {who.Approve, true, moves((*cutover.Plan).Promote)},
	"enter":     {who.Approve, true, moves((*cutover.Plan).Enter)},
	"approve":   {who.Approve, true, (*api).approve},
	"no-return": {who.Approve, true, (*api).noReturn},
	"drill":     {who.Approve, false, (*api).drill},
	"override":  {who.Approve, false, (*api).override},
	"set":       {who.Operate, false, (*api).set},
}

// do is what every way in comes to: a button, a verb, a PATCH.
func (a *api) do(ctx context.Context, w wish) (any, error) {
	v, known := verbs[w.verb]
	switch {
	case !known:
		return nil, &fault.Error{Kind: fault.NotFound, Text: fmt.Sprintf("no verb %q: there are %s", w.verb, verbNames())}
	case !w.Role.May(v.need):
		return nil, denied(w.Person, v.need, w.verb)
	case v.raises && w.revision == 0:
		return nil, cutover.ErrNoRevision
	case !v.raises && w.verb != "set":
		w.revision = 0 // a rollback is never too late
	}
	actor, err := w.actor()
	if err != nil {
		return nil, err
	}
	c := cutover.Change{Group: w.group.Name, If: w.revision, Who: actor, Why: w.Reason, Ticket: w.Ticket, Evidence: w.Evidence, Phase: w.Phase, Lose: w.Lose}
	out, err := v.do(a, ctx, w, c)
	if err == nil {
		a.Log.Info("a change by the admin API", "group", w.group.Name, "verb", w.verb, "who", actor)
	}
	return out, err
}

// verbNames are the verbs that a caller may write; a weight is PATCHed.
func verbNames() string {
	var names []string
	for name := range verbs {
		if name != "set" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// actor is who the journal names: a token's own name, or what the admin token says.
func (w wish) actor() (string, error) {
	if !w.Speaks {
		if w.Actor != "" && w.Actor != w.Name {
			return "", fault.Wrong("actor", fmt.Sprintf("this token is %s's: leave actor out; nothing was changed", w.Name))
		}
		return w.Name, nil
	}
	if slices.Contains(machines, strings.ToLower(strings.TrimSpace(w.Actor))) {
		return "", fault.Wrong("actor", w.Actor+" is no person: the journal names it where nobody asked; nothing was changed")
	}
	return w.Actor, nil // the plan refuses an empty one
}

// machines are whom the journal names for what no person did.
var machines = []string{"judge", "gateway"}

func (a *api) patch(r *http.Request, p who.Person) (any, error) {
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
	case c.Side != "" || c.For != "" || c.Steps != nil || c.Loses != "":
		return nil, fault.Wrong("weight", "side and for belong to :override, steps to :approve, loses to :no-return; nothing was changed")
	}
	revision, err := ifMatch(r)
	if err != nil {
		return nil, err
	}
	return a.do(r.Context(), wish{Person: p, change: c, group: g, verb: "set", revision: revision})
}

// verb is POST /v1/groups/{group}:{verb}.
func (a *api) verb(r *http.Request, p who.Person) (any, error) {
	name, verb, _ := strings.Cut(r.PathValue("verb"), ":")
	g, err := a.find(name)
	if err != nil {
		return nil, err
	}
	w := wish{Person: p, group: g, verb: verb}
	if err := read(r, &w.change); err != nil {
		return nil, err
	}
	if verb == "set" {
		verb, w.verb = "", ""
	}
	if verbs[verb].raises {
		if w.revision, err = ifMatch(r); err != nil {
			return nil, err
		}
	}
	return a.do(r.Context(), w)
}

// set moves to a weight. An operator's names no revision, so that the plan itself refuses whatever would be a raise by then.
func (a *api) set(ctx context.Context, w wish, c cutover.Change) (any, error) {
	if w.Weight == nil {
		return nil, fault.Wrong("weight", "weight is missing: 0 to 10000 basis points; nothing was changed")
	}
	c.Weight, c.Phase = *w.Weight, ""
	if !w.Role.May(who.Approve) {
		if c.Weight > a.Plan.Now().Group(c.Group).Weight {
			return nil, denied(w.Person, who.Approve, "a higher weight")
		}
		c.If = 0
	}
	at, err := a.Plan.Set(ctx, c)
	return a.view(w.group, at), err
}

func (a *api) approve(ctx context.Context, w wish, c cutover.Change) (any, error) {
	steps := w.group.Policy.Steps
	if len(w.Steps) > 0 {
		steps = nil
	}
	for i, s := range w.Steps {
		dwell, err := time.ParseDuration(s.Dwell)
		if err != nil {
			return nil, fault.Wrong(fmt.Sprintf("steps[%d].dwell", i), fmt.Sprintf("%q is not a time, such as 24h; nothing was changed", s.Dwell))
		}
		steps = append(steps, judge.Step{Weight: s.Weight, Dwell: dwell, Sample: s.Sample})
	}
	at, err := a.Plan.Approve(ctx, c, steps)
	return a.view(w.group, at), err
}

func (a *api) noReturn(ctx context.Context, w wish, c cutover.Change) (any, error) {
	if w.Speaks { // under any name: two signatures would be one person's
		return nil, &fault.Error{Kind: fault.Denied, Text: "the point of no return is signed by two people, each with a token of their own (admin.tokens) or an ID token: the admin token names nobody; nothing was changed"}
	}
	at, err := a.Plan.NoReturn(ctx, c, w.Loses)
	return a.view(w.group, at), err
}

// Drilled is a rehearsed rollback.
type Drilled struct {
	Group
	Took int64 `json:"took_ms"` // until the last replica had followed
}

// maxFollow is how long a drill waits for the replicas, and between looks at them.
const (
	maxFollow  = 10 * time.Second
	lookFollow = 50 * time.Millisecond
)

func (a *api) drill(ctx context.Context, w wish, c cutover.Change) (any, error) {
	at, took, err := a.Plan.Drill(ctx, c, a.follow)
	return Drilled{a.view(w.group, at), took.Milliseconds()}, err
}

// follow waits until every replica follows a revision.
func (a *api) follow(ctx context.Context, revision int64) error {
	ctx, cancel := context.WithTimeout(ctx, maxFollow)
	defer cancel()
	tick := time.NewTicker(lookFollow)
	defer tick.Stop()
	for {
		behind := a.behind(revision)
		if behind == "" {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s after %s", behind, maxFollow)
		case <-tick.C:
		}
	}
}

func (a *api) behind(revision int64) string {
	if now := a.Plan.Now().Revision; now < revision {
		return fmt.Sprintf("this gateway is on revision %d, not %d,", now, revision)
	}
	if a.Watch != nil {
		for _, r := range a.Watch.Replicas() {
			if r.ID != a.Config().GatewayID && r.Revision < revision {
				return fmt.Sprintf("%s is on revision %d, not %d,", r.ID, r.Revision, revision)
			}
		}
	}
	return ""
}

// typed reads a button's form.
func typed(r *http.Request) (c change, revision int64, err error) {
	f := r.PostForm.Get
	c = change{Reason: strings.TrimSpace(f("reason")), Actor: strings.TrimSpace(f("actor")), Ticket: strings.TrimSpace(f("ticket")), Lose: f("lose") == "yes",
		Phase: f("phase"), Loses: strings.TrimSpace(f("loses")), Evidence: strings.TrimSpace(f("evidence"))}
	if _, err := fmt.Sscanf(cmp.Or(f("revision"), "0"), "%d", &revision); err != nil {
		return c, 0, fault.Wrong("revision", "the form is damaged: open the page again; nothing was changed")
	}
	if p := f("percent"); p != "" {
		var share float64
		if _, err := fmt.Sscanf(p, "%f", &share); err != nil || share < 0 || share > 100 {
			return c, 0, fault.Wrong("weight", fmt.Sprintf("%q is not a share: 0 to 100 percent, with two places at most; nothing was changed", p))
		}
		weight := int(share*100 + 0.5)
		c.Weight = &weight
	}
	return c, revision, nil
}
