package cutover

import (
	"fmt"
	"slices"
	"strings"

	"github.com/banyan-migration/banyan/gateway/judge"
	"github.com/banyan-migration/banyan/gateway/split"
	"github.com/banyan-migration/banyan/shared/fault"
)

// seen checks the revision that a change is based on; needed says that it must name one.
func seen(c Change, g Group, needed bool) error {
	switch {
	case c.If == 0 && needed:
		return ErrNoRevision
	case c.If != 0 && c.If != g.Revision:
		return ErrStale
	}
	return nil
}

// weigh is Set: a person's weight, with the phase that goes with it.
func weigh(k Case, c Change, e *Entry) (Group, error) {
	if err := seen(c, k.Group, c.Weight > k.Group.Weight); err != nil {
		return k.Group, err
	}
	switch {
	case c.Weight > k.Group.Weight:
		return raise(k, c.Weight, e, Guard)
	case c.Weight < k.Group.Weight:
		return lower(k, c, e)
	}
	return k.Group, nil
}

// raise gives the new side more, if nobody and nothing says no.
func raise(k Case, weight int, e *Entry, guard func(string, Case) error) (Group, error) {
	g, to := k.Group, PhaseOf(weight)
	if err := still(k); err != nil {
		return g, err
	}
	if err := open(k); err != nil {
		return g, err
	}
	if err := guard(to, k); err != nil {
		return g, err
	}
	e.Warnings = Warnings(Checks(to, k))
	if g.Weight == 0 {
		g.Below = ""
		if g.Phase == Shadow {
			g.Below = Shadow
		}
	}
	g.Weight, g.Phase = weight, to
	return g, nil
}

// still refuses what goes forward while somebody has said stop.
func still(k Case) error {
	g := k.Group
	switch {
	case g.Frozen != nil:
		return refuse("frozen", "frozen by %s: %s; release it first, or roll back", g.Frozen.Who, g.Frozen.Why)
	case g.Held != nil:
		return refuse("held", "held by %s: %s; release it first", g.Held.Who, g.Held.Why)
	}
	return nil
}

// open refuses what sends people over while the kill switch or the calendar says no.
func open(k Case) error {
	if k.Group.Killed {
		return refuse("killed", "the kill switch holds the group on legacy: clear it first")
	}
	if !k.Seed.Policy.Calendar {
		return nil
	}
	if why := k.Seed.Calendar.Closed(k.At); why != "" {
		return refuse("calendar", "%s", why)
	}
	return nil
}

// lower takes from the new side by a person's word, who then has decided anew: what was approved before is so no longer.
func lower(k Case, c Change, e *Entry) (Group, error) {
	g := k.Group
	switch {
	case g.Past():
		_, loses := meter(k)
		return g, refuse("no_return", "a rollback is %s; freeze it, or move on", loses)
	case g.Frozen != nil && c.Weight > 0:
		return g, refuse("frozen", "frozen by %s: %s; release it first, or roll back", g.Frozen.Who, g.Frozen.Why)
	}
	return fall(k, c, e)
}

// fall goes down to c.Weight, unless something would be lost without a word (T-3).
func fall(k Case, c Change, e *Entry) (Group, error) {
	g := k.Group
	if r := Ready(k); r.State != Green {
		if !c.Lose {
			return g, refuse("readiness", "%s: going back loses %s: say that this is meant to be lost, or bring the old side up first", r.State, r.Loses)
		}
		e.Loses = r.Loses
	}
	g.Weight, g.Phase, g.Schedule, g.Asked = c.Weight, PhaseOf(c.Weight), nil, nil
	if c.Weight == 0 {
		if g.Below != "" {
			g.Phase = g.Below
		}
		g.Below = ""
	}
	return g, nil
}

// rollback is to weight 0; past the point of no return it is a freeze, which says so (T-4).
func rollback(k Case, c Change, e *Entry) (Group, error) {
	switch {
	case k.Group.Weight == 0:
		return k.Group, nil
	case !k.Group.Past():
		c.Weight = 0
		return fall(k, c, e)
	}
	_, loses := meter(k)
	e.Action = "freeze"
	e.Why = cut(fmt.Sprintf("in place of a rollback, which is %s: %s", loses, c.Why))
	return freeze(k, Change{Who: c.Who, Why: e.Why}, e)
}

// cut keeps a sentence that we have added to within what a reason may have.
func cut(text string) string { return strings.ToValidUTF8(text[:min(len(text), maxWords)], "") }

func freeze(k Case, c Change, _ *Entry) (Group, error) {
	g := k.Group
	if g.Frozen == nil {
		g.Frozen = &Stop{c.Who, c.Why, k.At}
	}
	return g, nil
}

func hold(k Case, c Change, _ *Entry) (Group, error) {
	g := k.Group
	if g.Held == nil {
		g.Held = &Stop{c.Who, c.Why, k.At}
	}
	return g, nil
}

func release(k Case, c Change, _ *Entry) (Group, error) {
	g := k.Group
	if err := seen(c, g, true); err != nil {
		return g, err
	}
	g.Held, g.Frozen = nil, nil
	return g, nil
}

// enter changes the phase and not the weight.
func enter(k Case, c Change, e *Entry) (Group, error) {
	g, to := k.Group, phaseOf(c.Phase)
	forward := slices.Index(Phases(), c.Phase) > slices.Index(Phases(), g.Phase)
	if err := seen(c, g, forward); err != nil {
		return g, err
	}
	switch {
	case g.Phase == c.Phase:
		return g, nil
	case !slices.Contains(to.from, g.Phase):
		return g, refuse("order", "%s is at weight %d in %s: %s is entered from %s", c.Group, g.Weight, g.Phase, c.Phase, strings.Join(to.from, " or "))
	case g.Frozen != nil || forward && g.Held != nil:
		return g, still(k)
	}
	if forward && g.Weight > 0 {
		if err := open(k); err != nil {
			return g, err
		}
	}
	if err := Guard(c.Phase, k); forward && err != nil {
		return g, err
	}
	if c.Phase == Retired && c.Evidence == "" {
		return g, refuse("backup", "retired is for good: name the backup of the old side's data as the evidence")
	}
	if forward {
		e.Warnings = Warnings(Checks(c.Phase, k))
	}
	if g.Phase = c.Phase; c.Phase == Drain {
		g.Schedule = nil
	}
	return g, nil
}

// maxSteps bounds a schedule.
const maxSteps = 50

// checkSteps says what is wrong with a schedule.
func checkSteps(steps []judge.Step) error {
	if len(steps) == 0 || len(steps) > maxSteps {
		return fault.Wrong("steps", fmt.Sprintf("a schedule has 1 to %d steps; nothing was changed", maxSteps))
	}
	below := 0
	for i, s := range steps {
		field := fmt.Sprintf("steps[%d]", i)
		switch {
		case s.Weight <= below || s.Weight > split.Full:
			return fault.Wrong(field, fmt.Sprintf("weight %d: steps rise, from 1 to %d basis points; nothing was changed", s.Weight, split.Full))
		case s.Dwell < 0 || s.Sample < 0:
			return fault.Wrong(field, "dwell and sample are not below nothing; nothing was changed")
		}
		below = s.Weight
	}
	return nil
}

func approve(k Case, c Change, steps []judge.Step) (Group, error) {
	g := k.Group
	if err := seen(c, g, true); err != nil {
		return g, err
	}
	last := steps[len(steps)-1].Weight
	if last <= g.Weight {
		return g, refuse("schedule", "the last step is weight %d and the group is at %d: it leads nowhere", last, g.Weight)
	}
	g.Schedule = &Schedule{Steps: slices.Clone(steps), Who: c.Who, Why: c.Why, At: k.At}
	return g, nil
}

// step is the judge's raise: to the next step that a person has approved, not before its time.
func step(k Case, c Change, e *Entry) (Group, error) {
	g := k.Group
	if err := seen(c, g, true); err != nil {
		return g, err
	}
	next, ok := g.Schedule.Next(g.Weight)
	if !ok {
		return g, refuse("schedule", "no step above weight %d is approved: a person approves a schedule", g.Weight)
	}
	now, _ := g.Schedule.Of(g.Weight)
	if left := now.Dwell - k.At.Sub(g.since()); left > 0 && now.Dwell > 0 {
		return g, refuse("dwell", "the step of weight %d lasts %s more", g.Weight, span(left))
	}
	return raise(k, next.Weight, e, GuardJudge)
}

// promote is a person's raise to the next step: of the schedule, or of the policy where none is approved.
func promote(k Case, c Change, e *Entry) (Group, error) {
	g := k.Group
	if err := seen(c, g, true); err != nil {
		return g, err
	}
	steps := g.Schedule
	if steps == nil {
		steps = &Schedule{Steps: k.Seed.Policy.Steps}
	}
	next, ok := steps.Next(g.Weight)
	if !ok {
		return g, refuse("schedule", "there is no step above weight %d", g.Weight)
	}
	return raise(k, next.Weight, e, Guard)
}

// sign is one person's signature under the point of no return; the second makes it so.
func sign(k Case, c Change, loses string) (Group, error) {
	g := k.Group
	if err := seen(c, g, true); err != nil {
		return g, err
	}
	asked := g.Asked
	switch {
	case g.NoReturn != nil:
		return g, nil
	case g.Weight < split.Full:
		return g, refuse("order", "%s is at weight %d: the point of no return lies after full", c.Group, g.Weight)
	case asked == nil:
		g.Asked = &NoReturn{Who: [2]string{c.Who}, Loses: loses, At: k.At}
	case strings.EqualFold(strings.TrimSpace(asked.Who[0]), strings.TrimSpace(c.Who)):
		if asked.Loses == loses {
			return g, refuse("second_person", "%s has signed already: another person signs the same text", asked.Who[0])
		}
		g.Asked = &NoReturn{Who: [2]string{c.Who}, Loses: loses, At: k.At}
	case asked.Loses != loses:
		return g, refuse("second_person", "%s has signed another text, %q: both sign the same", asked.Who[0], asked.Loses)
	default:
		g.NoReturn = &NoReturn{Who: [2]string{asked.Who[0], c.Who}, Loses: loses, At: k.At}
		g.Asked, g.Schedule = nil, nil
	}
	return g, nil
}
