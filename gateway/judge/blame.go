package judge

// reached says whose the new side's failures are: the network's if most never reached the side's program.
func (l *look) reached() Blame {
	if fresh := &l.Side[New]; fresh.Failed > 0 && 2*fresh.Network > fresh.Failed {
		return Network
	}
	return Service
}

// culprit says whose the harm is.
func (l *look) culprit() Blame {
	if test := l.leading().Test; l.Critical == 0 && (test == Failures || test == Botched) {
		return l.reached()
	}
	return Service
}

// aside says who is worth a word although nothing is held against the new side: legacy if the mirrored test says so, clients if
// they end, or have refused, more than one request in ten and far more than the sides do.
func (l *look) aside() Blame {
	old, fresh := &l.Side[Legacy], &l.Side[New]
	client, failed, all := old.Client+fresh.Client, old.Failed+fresh.Failed, old.Requests+fresh.Requests
	switch {
	case l.Mirror.Bet.e()*l.policy.Alpha >= 1:
		return Old
	case client >= few && client > 2*failed && 10*client > all:
		return Client
	}
	return Nobody
}

// leading is the test that says most for its part of the stake.
func (l *look) leading() Evidence {
	best := l.evidence[1]
	for _, e := range l.evidence[2:] {
		if e.E/e.Threshold > best.E/best.Threshold {
			best = e
		}
	}
	return best
}
