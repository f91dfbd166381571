package analysis

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/judge"
)

// situation is what a look knows besides the cells.
func (a *Analysis) situation(group string, g cutover.Group, p judge.Policy, now time.Time) judge.Situation {
	ready := a.Readiness(group)
	s := judge.Situation{At: now.UTC(), Group: group, Revision: g.Revision, Phase: g.Phase, Weight: g.Weight, Since: g.Since, Killed: g.Killed,
		Readiness: ready.State, Loses: ready.Loses, Closed: a.o.Plan.Closed(group, now), Age: max(0, now.Sub(a.horizon(now)))}
	if g.Held != nil {
		s.Held = g.Held.Why
	}
	if g.Frozen != nil {
		s.Frozen = g.Frozen.Why
	}
	if next, ok := g.Schedule.Next(g.Weight); ok {
		s.Next = next.Weight
		if err, refused := a.o.Plan.Guard(group, next.Weight), (*cutover.Refused)(nil); errors.As(err, &refused) {
			s.Guard = refused.Text
		} else if err != nil {
			s.Guard = err.Error()
		}
	}
	if g.Weight > 0 || g.Phase == cutover.Shadow { // in shadow the sample is what was compared
		s.Sample = p.Sample
		if step, ok := g.Schedule.Of(g.Weight); ok {
			if s.Dwell = step.Dwell; step.Sample > 0 {
				s.Sample = step.Sample
			}
		}
	}
	s.Replicas, s.Reports = a.presence(p.Stale)
	for _, peer := range a.peers {
		if t := peer.Trips[group]; t != nil && peer.lives() && t.Revision == g.Revision && (s.Breaker == "" || s.Common) {
			s.Breaker, s.Common = t.Why, t.Common
		}
	}
	return s
}

// act does what a verdict says, through the plan. It is done again with every look until the plan has it; the plan does it once.
func (a *Analysis) act(ctx context.Context, group string, g cutover.Group, r judge.Record, id string) {
	v := r.Verdict
	c := cutover.Change{Group: group, If: g.Revision, Who: "judge", Why: line(v.Why+a.differs(group, r), v.Reason), Evidence: id}
	var err error
	switch {
	case v.Kind == judge.PromoteOK && r.Situation.Next > g.Weight:
		_, err = a.o.Plan.Step(ctx, c)
	case v.Kind == judge.Rollback && g.Weight > 0 && !(g.Past() && g.Frozen != nil):
		c.Lose = v.Reason == "breaker" // J-1 acts whatever the meter says, short of T-4
		_, err = a.o.Plan.Rollback(ctx, c)
	case v.Kind == judge.Freeze && g.Frozen == nil && g.Weight > 0:
		_, err = a.o.Plan.Freeze(ctx, c)
	}
	if err == nil || a.refused[group] == id {
		return
	}
	a.refused[group] = id
	if refused := (*cutover.Refused)(nil); errors.As(err, &refused) || errors.Is(err, cutover.ErrStale) {
		a.o.Log.Info("the plan does not do what the judge says", "group", group, "verdict", v.Kind, "record", id, "error", err)
		return
	}
	a.o.Log.Warn("what the judge says could not be done: it is tried again", "group", group, "verdict", v.Kind, "record", id, "error", err)
}

// differs is what a person asks first of a verdict on answers that differ: in what. The ledger knows it; it is no evidence.
func (a *Analysis) differs(group string, r judge.Record) string {
	if a.o.Differs == nil || !OnAnswers(r) {
		return ""
	}
	what := a.o.Differs(group)
	if what == "" {
		return ""
	}
	return "; " + what
}

// OnAnswers says whether a verdict is against the new side, or in doubt of it, above all because the answers differ.
func OnAnswers(r judge.Record) bool {
	if v := r.Verdict; v.Reason != "harm" && v.Reason != "doubt" && v.Reason != "noise" || len(v.Evidence) == 0 {
		return false
	}
	critical, most := r.Before.Critical, r.Verdict.Evidence[0]
	for _, c := range r.Cells {
		critical += c.Pairs.Critical
	}
	for i, e := range r.Verdict.Evidence[1:] { // the first is all tests together
		if i == 0 || e.E/e.Threshold > most.E/most.Threshold {
			most = e
		}
	}
	return critical > 0 || r.Verdict.Reason == "noise" || most.Test == judge.Differing
}

// line makes a sentence fit for the journal.
func line(why, reason string) string {
	why = strings.Join(strings.Fields(why), " ")
	if why == "" {
		return reason
	}
	if len(why) > 900 {
		why = strings.ToValidUTF8(why[:900], "") + " …"
	}
	return why
}

// measure asks the probe for every group, again and again, while this replica leads.
func (a *Analysis) measure(ctx context.Context) {
	for {
		a.mu.Lock()
		leads := a.leads
		a.mu.Unlock()
		wait := 10 * time.Second
		for _, name := range a.names() {
			wait = min(wait, max(a.o.Policy(name).Stale/5, 100*time.Millisecond))
			if !leads || ctx.Err() != nil {
				continue
			}
			a.measureOne(name)
		}
		if !leads {
			wait = min(wait, time.Second)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

func (a *Analysis) measureOne(group string) {
	defer a.caught()
	facts, err := a.o.Probe(group)
	if err != nil {
		a.o.Log.Warn("the data behind a group cannot be measured: its readiness turns red when the last measurement is too old", "group", group, "error", err)
		return
	}
	a.take(map[string]cutover.Facts{group: facts})
}

// take keeps measurements, this replica's own or the leader's.
func (a *Analysis) take(all map[string]cutover.Facts) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for group, facts := range all {
		if !facts.At.Before(a.facts[group].At) {
			a.facts[group] = facts
		}
	}
}
