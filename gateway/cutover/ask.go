package cutover

import (
	"slices"
	"time"

	"github.com/banyan-migration/banyan/gateway/judge"
)

// Heed gives the plan a witness of what is known of the groups; without one nothing is known. It may be called once more.
func (p *Plan) Heed(w Witness) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.witness = w
}

// Ready reads a group's meter (T-3). The error is that there is no such group.
func (p *Plan) Ready(group string) (Readiness, error) {
	k, err := p.Case(group)
	return Ready(k), err
}

// Checks lists what a phase waits for, for a group as it stands; each says whether it holds. The error is that there is no such group.
func (p *Plan) Checks(group, phase string) ([]Check, error) {
	k, err := p.Case(group)
	return Checks(phase, k), err
}

// Guard says which predicate of the data would refuse the judge's step to a weight, as a *Refused; nil: none. Calendar, hold, freeze
// and kill switch are not asked.
func (p *Plan) Guard(group string, weight int) error {
	k, err := p.Case(group)
	if err != nil {
		return err
	}
	return GuardJudge(PhaseOf(weight), k)
}

// Closed says why the calendar allows the group no raise at a moment; "" says that it does, or that the group does not ask it.
func (p *Plan) Closed(group string, at time.Time) string {
	s, _ := p.seedOf(group)
	if !s.Policy.Calendar {
		return ""
	}
	return s.Calendar.Closed(at)
}

// Next is the step that the judge would go to, if all held; false where none is approved.
func (p *Plan) Next(group string) (judge.Step, bool) {
	g := p.Now().Group(group)
	return g.Schedule.Next(g.Weight)
}

// Case is what is known of a group now. The error is that there is no such group.
func (p *Plan) Case(group string) (Case, error) {
	if _, known := p.seedOf(group); !known {
		return Case{}, p.noGroup(group)
	}
	p.mu.Lock()
	doc := p.doc
	p.mu.Unlock()
	return p.caseOf(doc, group), nil
}

func (p *Plan) seedOf(group string) (Seed, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s, known := p.seeds[group]
	return s, known
}

// caseOf gathers what a move of a group stands on, in a plan that need not be live yet.
func (p *Plan) caseOf(doc document, group string) Case {
	p.mu.Lock()
	seeds, w := p.seeds, p.witness
	p.mu.Unlock()
	k := Case{At: p.o.Now().UTC(), Group: doc.group(group), Seed: seeds[group], Shares: map[string]string{}}
	k.Group.Killed = p.o.Kill.Kills(group)
	if w != nil {
		k.Facts = w.Facts(group)
		k.Verdict, _ = w.Latest(group)
	}
	for name, s := range seeds {
		if name != group && slices.ContainsFunc(s.Tables, func(t string) bool { return slices.Contains(k.Seed.Tables, t) }) {
			k.Shares[name] = doc.group(name).Phase
		}
	}
	return k
}
