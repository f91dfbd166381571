package dash

import (
	"fmt"
	"slices"

	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/dash/who"
	"github.com/banyan-migration/banyan/gateway/judge"
)

// action is a button with the words around it. Its effect is said before it is pressed.
type action struct {
	Verb, Label, Button string
	Effect, Sure        string
	Warnings            []string // what it would go on in spite of
	Lose                string   // what must be agreed to be lost; empty: nothing is
	Class               string   // lowers, raises or other
	Allowed, Open       bool
	Steps               []judge.Step // to choose the last from
	Phases              []string     // to choose from
	Weight              string       // a share to type; as it stands now
	Loses               bool         // what is lost is to be typed
	Signed              string       // what the first person has typed of it
	Backup              bool         // the backup's name is to be typed
	need                who.Role
}

// actions are what can be done to a group as it stands, each with what it would do now.
func (a *api) actions(v *view, b *groupBody, g *config.Group) []action {
	all := append(lowering(b), raising(b, g)...)
	for i := range all {
		all[i].need = verbs[all[i].Verb].need
		all[i].Allowed = v.Role.May(all[i].need)
		all[i].Open = v.Verb == all[i].Verb
		all[i].Warnings = a.warned(all[i], b)
	}
	return all
}

func lowering(b *groupBody) (all []action) {
	if b.Weight > 0 && b.NoReturn == nil {
		act := action{Verb: "rollback", Label: "Roll back", Button: "Roll back " + b.Name, Class: "lowers",
			Effect: fmt.Sprintf("All visitors of %s go to %s again, on every gateway within a second. Lost by it: %s.", b.Name, b.From, b.Readiness.Loses),
			Sure:   fmt.Sprintf("Yes: %s of visitors go from %s back to %s.", percent(b.Weight), b.To, b.From)}
		if b.Readiness.State != cutover.Green {
			act.Lose = "I accept the loss: " + b.Readiness.Loses + "."
		}
		all = append(all, act)
	}
	if b.Frozen == nil {
		effect := "Nobody is moved, up or down, until somebody releases it. A rollback stays possible."
		if b.NoReturn != nil {
			effect = "Nobody is moved until somebody releases it. Past the point of no return this is what a rollback has become."
		}
		all = append(all, action{Verb: "freeze", Label: "Freeze", Button: "Freeze " + b.Name, Class: "lowers", Effect: effect,
			Sure: fmt.Sprintf("Yes: %s stays at %s.", b.Name, percent(b.Weight))})
	}
	if b.Held == nil {
		all = append(all, action{Verb: "hold", Label: "Hold", Button: "Hold " + b.Name, Class: "lowers",
			Effect: fmt.Sprintf("The new side, %s, gets no more visitors until somebody releases it. The judge goes on looking, and still rolls back on harm.", b.To),
			Sure:   fmt.Sprintf("Yes: %s is not raised above %s.", b.Name, percent(b.Weight))})
	}
	if b.Weight > 0 && b.NoReturn == nil {
		all = append(all, action{Verb: "set", Label: "Set the weight", Button: "Set the weight", Class: "other", Weight: share(b.Weight),
			Effect: fmt.Sprintf("The new side, %s, gets this share of visitors instead of %s. Who has been on it stays on it while the share rises. Operators may only lower it.", b.To, percent(b.Weight)),
			Sure:   "Yes: visitors move at once."})
	}
	return all
}

func raising(b *groupBody, g *config.Group) (all []action) {
	name := b.Name
	if b.Held != nil || b.Frozen != nil {
		all = append(all, action{Verb: "release", Label: "Release", Button: "Release " + name, Class: "raises",
			Effect: "The hold and the freeze end. The judge may raise the group again, along what is approved.", Sure: "Yes: the judge may raise " + name + " again."})
	}
	schedule := b.Schedule
	if schedule == nil {
		schedule = &cutover.Schedule{Steps: g.Policy.Steps}
	}
	if next, ok := schedule.Next(b.Weight); ok {
		all = append(all, action{Verb: "promote", Label: "Promote", Button: "Promote to " + percent(next.Weight), Class: "raises",
			Effect: fmt.Sprintf("The new side, %s, gets %s of visitors instead of %s, now, whatever the judge waits for. The data must be there, and the calendar open.", b.To, percent(next.Weight), percent(b.Weight)),
			Sure:   fmt.Sprintf("Yes: %s of visitors go to %s.", percent(next.Weight), b.To)})
	}
	if above := stepsAbove(g.Policy.Steps, b.Weight); len(above) > 0 {
		all = append(all, action{Verb: "approve", Label: "Approve the schedule", Button: "Approve", Class: "raises", Steps: above,
			Effect: fmt.Sprintf("The judge may raise %s along the policy's steps, each after its time and its evidence, up to the step that you choose and never past it.", name),
			Sure:   "Yes: the judge may raise it without asking again."})
	}
	all = append(all, action{Verb: "drill", Label: "Rehearse a rollback", Button: "Rehearse", Class: "other",
		Effect: "Every gateway follows a new revision, as it would follow a rollback, and the time is taken. No visitor is moved.", Sure: "Yes: rehearse it now."})
	if phases := enterable(b.Phase); len(phases) > 0 {
		all = append(all, action{Verb: "enter", Backup: slices.Contains(phases, cutover.Retired), Label: "Enter another phase", Button: "Enter", Class: "raises", Phases: phases,
			Effect: "The phase says who reads, who writes and which way rows are carried. It is refused, with the reason, while the data is not there.", Sure: "Yes: enter it."})
	}
	if b.Weight == 10000 && b.NoReturn == nil {
		act := action{Verb: "no-return", Label: "Sign the point of no return", Button: "Sign", Class: "raises", Loses: true,
			Effect: "Two different people sign what a way back would lose, in the same words. From then on there is no rollback, only a freeze.", Sure: "Yes: there is no way back after the second signature."}
		if b.Asked != nil {
			act.Signed = b.Asked.Loses
		}
		all = append(all, act)
	}
	return all
}

func stepsAbove(steps []judge.Step, weight int) (above []judge.Step) {
	for _, s := range steps {
		if s.Weight > weight {
			above = append(above, s)
		}
	}
	return above
}

// enterable are the phases that may follow or go before one without moving anybody.
func enterable(phase string) []string {
	return map[string][]string{
		cutover.Off: {cutover.Backfill, cutover.Shadow}, cutover.Backfill: {cutover.Shadow, cutover.Off}, cutover.Shadow: {cutover.Backfill, cutover.Off},
		cutover.Full: {cutover.Drain}, cutover.Drain: {cutover.Full, cutover.Retired},
	}[phase]
}
