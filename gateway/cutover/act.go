package cutover

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/banyan-migration/banyan/gateway/judge"
	"github.com/banyan-migration/banyan/gateway/split"
	"github.com/banyan-migration/banyan/shared/fault"
)

// The methods below are the transitions of the state machine. Each is one revision with its line in the journal, or is refused: a
// *Refused names the predicate that does not hold, ErrStale and ErrNoRevision are about Change.If, a fault about the call, the store
// or the group's name. Each returns when the change is in the store and live here. A change that is so already changes nothing.

// Set moves a group to a weight by a person's word, with the phase that goes with it. Going down it takes back what schedule was
// approved, and falls to the phase that the ramp came from.
func (p *Plan) Set(ctx context.Context, c Change) (Group, error) {
	if c.Weight < 0 || c.Weight > split.Full {
		return Group{}, fault.Wrong("weight", fmt.Sprintf("%d is no weight: 0 to %d basis points; nothing was changed", c.Weight, split.Full))
	}
	return p.change(ctx, "set", c, func(k Case, e *Entry) (Group, error) { return weigh(k, c, e) })
}

// Enter changes the phase and not the weight: to off, backfill, shadow, drain, retired, or from drain back to full. Going forward
// names the revision that was seen.
func (p *Plan) Enter(ctx context.Context, c Change) (Group, error) {
	switch {
	case !slices.Contains(Phases(), c.Phase):
		return Group{}, fault.Wrong("phase", fmt.Sprintf("%q is not a phase: %s; nothing was changed", c.Phase, strings.Join(Phases(), ", ")))
	case c.Phase == Canary:
		return Group{}, fault.Wrong("phase", "canary is entered by its weight, 1 to 9999; nothing was changed")
	}
	return p.change(ctx, "enter", c, func(k Case, e *Entry) (Group, error) { return enter(k, c, e) })
}

// Approve is a person's word that the judge may step along a schedule, to its last step and never past it (J-10).
func (p *Plan) Approve(ctx context.Context, c Change, steps []judge.Step) (Group, error) {
	if err := checkSteps(steps); err != nil {
		return Group{}, err
	}
	return p.change(ctx, "approve", c, func(k Case, _ *Entry) (Group, error) { return approve(k, c, steps) })
}

// Step is the judge's raise, to the next step of the approved schedule. It names its verdict as Evidence.
func (p *Plan) Step(ctx context.Context, c Change) (Group, error) {
	if c.Evidence == "" {
		return Group{}, fault.Wrong("evidence", "a step names the verdict that it stands on; nothing was changed")
	}
	return p.change(ctx, "step", c, func(k Case, e *Entry) (Group, error) { return step(k, c, e) })
}

// Promote is a person's raise to the next step now: of the schedule, or of the policy where none is approved.
func (p *Plan) Promote(ctx context.Context, c Change) (Group, error) {
	return p.change(ctx, "promote", c, func(k Case, e *Entry) (Group, error) { return promote(k, c, e) })
}

// Hold stops raises until a Release; rollbacks and reductions go on. The first word stands.
func (p *Plan) Hold(ctx context.Context, c Change) (Group, error) {
	return p.change(ctx, "hold", c, func(k Case, e *Entry) (Group, error) { return hold(k, c, e) })
}

// Freeze stops every move but a rollback until a Release, by a person's word or the judge's. The first word stands.
func (p *Plan) Freeze(ctx context.Context, c Change) (Group, error) {
	return p.change(ctx, "freeze", c, func(k Case, e *Entry) (Group, error) { return freeze(k, c, e) })
}

// Release ends a hold and a freeze. It can lead to a raise, so it names the revision that was seen.
func (p *Plan) Release(ctx context.Context, c Change) (Group, error) {
	return p.change(ctx, "release", c, func(k Case, e *Entry) (Group, error) { return release(k, c, e) })
}

// NoReturn signs the point of no return with the text of what a rollback loses from there on (T-4). The first call is one person's
// signature; another person's, under the same text, makes it so.
func (p *Plan) NoReturn(ctx context.Context, c Change, loses string) (Group, error) {
	if err := checkWords(Change{Who: c.Who, Why: loses}); err != nil {
		return Group{}, fault.Wrong("loses", fmt.Sprintf("what a rollback loses from here on: one line of at most %d bytes; nothing was changed", maxWords))
	}
	return p.change(ctx, "no_return", c, func(k Case, e *Entry) (Group, error) { e.Loses = loses; return sign(k, c, loses) })
}

// Drill rehearses a rollback without moving anybody: it makes a revision, has follows wait until every replica is on it, and keeps
// the time at which that held. It is refused where a rollback would be: red readiness. It returns how long the replicas took.
func (p *Plan) Drill(ctx context.Context, c Change, follows func(ctx context.Context, revision int64) error) (Group, time.Duration, error) {
	if err := checkWords(c); err != nil {
		return Group{}, 0, err
	}
	r, err := p.Ready(c.Group)
	if err != nil {
		return Group{}, 0, err
	}
	if r.State == Red {
		return p.Now().Group(c.Group), 0, refuse("readiness", "a rollback would not hold: %s", r.Loses)
	}
	began := p.o.Now()
	if err := p.Note(ctx, "drill", c.Who, cut(c.Group+": "+c.Why)); err != nil {
		return Group{}, 0, err
	}
	if err := follows(ctx, p.Now().Revision); err != nil {
		return p.Now().Group(c.Group), 0, refuse("replicas", "not every replica has followed: %v", err)
	}
	took := p.o.Now().Sub(began)
	c.Why = cut(fmt.Sprintf("every replica followed within %s: %s", took.Round(time.Millisecond), c.Why))
	g, err := p.change(ctx, "drilled", c, func(k Case, _ *Entry) (Group, error) {
		k.Group.Drilled = k.At
		return k.Group, nil
	})
	return g, took, err
}
