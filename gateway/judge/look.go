package judge

import "math"

// Version is that of the arithmetic. A verdict can be made again, bit for bit, by its own version only.
const Version = 2

// doubt is how much of the evidence that a rollback needs, as a power of it, may stand against a raise: at an alpha of 0.01 a rollback
// takes 100 of all tests together, and from 5 of any test alone a group stays where it is. To hold costs little, since healthy evidence
// sinks again; to raise would cost donors, since harm that is found slowly is found after the last step.
const doubt = 0.35

// look is one look at an experiment: what all rules are asked about.
type look struct {
	State
	now      Situation
	policy   Policy
	wrong    error      // with the policy; there is no evidence then
	evidence []Evidence // all tests together first
}

// Look is the verdict on an experiment as it stands: the same for the same arguments, and for any arguments one of the four. It is
// told by the first of these that holds, with its reason in brackets:
//
//	the group is killed (killed)                                            HOLD
//	a replica's breaker tripped (breaker, J-1)                              ROLLBACK whatever the meter says; HOLD (common) if legacy fails too
//	the policy cannot be, the counts cannot be, half the replicas are
//	silent, the newest cell is too old (policy, data, quorum, stale;
//	J-10, J-15), or there is none yet (no_traffic)                          HOLD
//	an effect differs in an amount or a consent (J-8), or all tests
//	together have reached 1/alpha (J-5) (harm)                              ROLLBACK; FREEZE if the meter is not green (J-11) or the group is frozen
//	both sides fail more than they used to (common)                         HOLD
//	a freeze or a hold stands (frozen, held)                                HOLD
//	nobody has come for longer than a cell may be old (no_traffic)          HOLD
//	everybody has it, or nobody approved more (done, approval)              HOLD
//	a guard, the calendar, the dwell or the sample refuses (guard,
//	calendar, dwell, sample; J-9, J-12)                                     HOLD
//	a test alone is a third of the way to harm, as a logarithm (doubt), or
//	answers differ and nobody knows how often legacy's own do (noise)       HOLD
//	none of them                                                            PROMOTE_OK (clean)
func Look(s State, now Situation, p Policy) Verdict {
	l := look{State: s, now: now, policy: p, wrong: p.Check()}
	if l.wrong == nil {
		l.evidence = s.evidence(&p)
	}
	v := l.verdict()
	v.Version, v.Evidence = Version, l.evidence
	return v
}

// verdict asks rule after rule; the first that has something to say is it. Above harm stands what makes numbers worthless or is no
// matter of statistics; below it only what keeps a group from having more.
func (l *look) verdict() (v Verdict) {
	switch {
	case l.killed(&v), l.broken(&v):
	case l.misled(&v), l.unsound(&v), l.quorum(&v), l.stale(&v):
	case l.harm(&v), l.common(&v):
	case l.frozen(&v), l.held(&v), l.quiet(&v), l.last(&v), l.guarded(&v), l.closed(&v), l.dwells(&v), l.sampled(&v), l.doubtful(&v):
	default:
		v = Verdict{Kind: PromoteOK, Reason: "clean", Why: l.clean(), Blame: l.aside()}
	}
	return v
}

// hold is what most rules come to.
func (v *Verdict) hold(reason, why string, blame Blame) bool {
	v.Kind, v.Reason, v.Why, v.Blame = Hold, reason, why, blame
	return true
}

func (l *look) killed(v *Verdict) bool {
	if !l.now.Killed {
		return false
	}
	return v.hold("killed", "the kill switch is on: everybody is answered by legacy until a person takes it back", Nobody)
}

// broken is J-1. At weight 0 there is nothing to take back.
func (l *look) broken(v *Verdict) bool {
	switch {
	case l.now.Breaker == "" || l.now.Weight == 0:
		return false
	case l.now.Common:
		return v.hold("common", l.now.Breaker+", but legacy fails too: something behind both is in trouble, and a rollback would not help", Both)
	}
	why := "rolled back at once: " + l.now.Breaker
	if l.now.Readiness != "green" {
		why += "; this loses: " + or(l.now.Loses, "nobody has measured what")
	}
	*v = Verdict{Kind: Rollback, Reason: "breaker", Why: why, Blame: l.reached()}
	return true
}

func (l *look) misled(v *Verdict) bool {
	if l.wrong == nil {
		return false
	}
	return v.hold("policy", l.wrong.Error()+". Until it is right nothing moves", Nobody)
}

func (l *look) unsound(v *Verdict) bool {
	if l.Unsound {
		return v.hold("data", "the newest counts cannot be (a count below zero, or a part above its whole): they are left out until sound ones come", Nobody)
	}
	return false
}

func (l *look) quorum(v *Verdict) bool {
	if l.now.Reports*2 > l.now.Replicas {
		return false
	}
	return v.hold("quorum", join("only ", count(int64(l.now.Reports)), " of ", count(int64(l.now.Replicas)), " replicas have said what they counted: more than half must"), Nobody)
}

// stale holds for a clock that went back, too: the newest cell then lies ahead of now.
func (l *look) stale(v *Verdict) bool {
	switch {
	case l.Seen == 0:
		return v.hold("no_traffic", "nothing has been counted yet", Nobody)
	case l.now.Age > l.policy.Stale:
		return v.hold("stale", join("the newest counts are ", span(l.now.Age), " old, and ", span(l.policy.Stale), " is the most they may be"), Nobody)
	case l.now.Age < -l.policy.Stale:
		return v.hold("stale", join("the newest counts are ", span(-l.now.Age), " ahead of the clock, which has been set back"), Nobody)
	}
	return false
}

// harm is J-5, J-8 and J-11.
func (l *look) harm(v *Verdict) bool {
	all := l.evidence[0]
	if l.Critical == 0 && all.E < all.Threshold {
		return false
	}
	what, blame := l.proof(), l.culprit()
	switch {
	case l.now.Weight == 0:
		return v.hold("harm", "the new side must not have donors: "+what, blame)
	case l.now.Frozen != "":
		*v = Verdict{Kind: Freeze, Reason: "harm", Why: "frozen (" + l.now.Frozen + "), or it would be rolled back: " + what, Blame: blame}
		return true
	case l.now.Readiness != "green":
		why := join("frozen and not rolled back, since the meter is ", or(l.now.Readiness, "red"), " and a rollback loses: ",
			or(l.now.Loses, "nobody has measured what"), ". A person must decide: ", what)
		*v = Verdict{Kind: Freeze, Reason: "harm", Why: why, Blame: blame}
		return true
	}
	*v = Verdict{Kind: Rollback, Reason: "harm", Why: "rolled back: " + what, Blame: blame}
	return true
}

func (l *look) common(v *Verdict) bool {
	if !l.Common {
		return false
	}
	return v.hold("common", join("both sides fail more than they used to: of late ", l.Trend[New].of(), " on the new side, ",
		l.Trend[Legacy].of(), " on legacy. Something behind both is in trouble, and a rollback would not help"), Both)
}

func (l *look) frozen(v *Verdict) bool {
	if l.now.Frozen == "" {
		return false
	}
	return v.hold("frozen", "frozen: "+l.now.Frozen, l.aside())
}

func (l *look) held(v *Verdict) bool {
	if l.now.Held == "" {
		return false
	}
	return v.hold("held", "held: "+l.now.Held, l.aside())
}

func (l *look) quiet(v *Verdict) bool {
	idle := l.now.At.Sub(l.Last)
	switch {
	case l.Last.IsZero():
		return v.hold("no_traffic", "nobody has come yet", Nobody)
	case idle > l.policy.Stale+l.policy.Cell:
		return v.hold("no_traffic", join("nobody has come for ", span(idle), ": a step up waits until somebody is there to see it"), l.aside())
	}
	return false
}

// last holds where no step is left.
func (l *look) last(v *Verdict) bool {
	switch {
	case l.now.Next > l.now.Weight:
		return false
	case l.now.Weight >= 10000:
		e := l.evidence[1]
		return v.hold("done", join("everybody is on the new side: ", count(e.New[1]), " of ", count(e.New[0]),
			" visits failed, and no visits to legacy are left to compare them with; ", borneOf(e)), l.aside())
	}
	return v.hold("approval", join("nobody has approved more than ", percent(l.now.Weight)), l.aside())
}

func (l *look) guarded(v *Verdict) bool {
	if l.now.Guard == "" {
		return false
	}
	return v.hold("guard", "the step to "+percent(l.now.Next)+" is refused: "+l.now.Guard, l.aside())
}

func (l *look) closed(v *Verdict) bool {
	if !l.policy.Calendar || l.now.Closed == "" {
		return false
	}
	return v.hold("calendar", "the calendar allows no raise now: "+l.now.Closed, l.aside())
}

func (l *look) dwells(v *Verdict) bool {
	so := l.now.At.Sub(l.now.Since)
	if so >= l.now.Dwell {
		return false
	}
	return v.hold("dwell", join(span(max(so, 0)), " of ", span(l.now.Dwell), " at ", percent(l.now.Weight), " have passed"), l.aside())
}

// sampled is J-9: never less than one visitor a side. At weight 0 the sample is what shadow compared.
func (l *look) sampled(v *Verdict) bool {
	if l.now.Weight == 0 {
		if l.Pairs.Compared >= l.now.Sample {
			return false
		}
		return v.hold("sample", join(count(l.Pairs.Compared), " of ", count(l.now.Sample), " requests compared in shadow"), l.aside())
	}
	want := max(l.now.Sample, 1)
	for _, side := range [...]int{New, Legacy} {
		if n := l.Side[side].Visitors; n < want {
			reason := "sample"
			if n == 0 {
				reason = "no_traffic"
			}
			return v.hold(reason, join(count(n), " of ", count(want), " visitors on ", sides[side], " at ", percent(l.now.Weight)), l.aside())
		}
	}
	return false
}

func (l *look) doubtful(v *Verdict) bool {
	c, most := &l.Pairs, l.evidence[1]
	for _, e := range l.evidence[2:] {
		if e.E > most.E {
			most = e
		}
	}
	switch {
	case most.E >= math.Pow(l.evidence[0].Threshold, doubt):
		return v.hold("doubt", join("no step up while it is in doubt: ", l.shown(most), "; if both were equally good, this would come at most once in ",
			count(int64(most.E)), " ramps"), l.aside())
	case c.Differing > 0 && c.Replays == 0:
		return v.hold("noise", join("the answers differ in ", count(c.Differing), " of ", count(c.Compared),
			" requests, and legacy was never asked twice, so that nobody knows how often it differs from itself"), l.aside())
	}
	return false
}
