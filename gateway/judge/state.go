package judge

import "time"

// State is the evidence of one experiment so far: a route group's ramp from its beginning to its end or its rollback; the next try
// begins with the zero State. It is a plain value of a few kilobytes, however long the experiment lasts; what JSON writes of it JSON
// reads back bit for bit.
type State struct {
	Seen     int64     `json:"seen"`     // cells
	Last     time.Time `json:"last"`     // the newest cell with a visit or a pair
	Revision int64     `json:"revision"` // the newest of all cells
	Weight   int       `json:"weight"`   // at that revision
	Unsound  bool      `json:"unsound"`  // the newest cell was not a possible one, and was left out

	Side     [2]Counts `json:"side"` // since Weight was reached
	Pairs    Pairs     `json:"pairs"`
	Critical int64     `json:"critical"` // pairs of the whole experiment
	Told     bool      `json:"told"`     // legacy's outcomes are known too
	Shadowed bool      `json:"shadowed"` // pairs were compared before the first bet on failures
	Past     Histogram `json:"past"`     // legacy's waits of the whole experiment
	Before   counted   `json:"before"`   // legacy's rates of the whole experiment
	Trend    [2]trend  `json:"trend"`
	Common   bool      `json:"common"` // both sides fail more than they used to

	Failures   attribution `json:"failures"`
	Mirror     attribution `json:"mirror"`  // is legacy the worse one?
	Botched    attribution `json:"botched"` // posts that failed
	Refused    attribution `json:"refused"`
	Lost       attribution `json:"lost"`
	Differing  attribution `json:"differing"`
	Slow       slower      `json:"slow"`
	PairedBad  paired      `json:"paired_bad"`
	PairedSlow paired      `json:"paired_slow"`
}

// Add takes a cell that follows those before it. A cell that cannot be (a negative count) is left out, and makes Look hold until a
// sound one has come. A cell of an older revision than the newest is left out, too: a replica that lags behind the plan would else set
// the step's counts back with every cell. The same cell twice counts twice: whoever merges the replicas' cells sees to that.
func (s *State) Add(c Cell, p Policy) {
	s.Seen++
	if s.Unsound = p.Check() != nil || !c.sound(); s.Unsound || c.Revision < s.Revision {
		return
	}
	s.Revision = c.Revision
	if c.Weight != s.Weight || s.Seen == 1 {
		s.turn(c.Weight)
	}
	old, fresh := &c.Side[Legacy], &c.Side[New]
	if old.Visitors+fresh.Visitors+c.Pairs.Compared > 0 {
		s.Last = c.At
	}
	s.Shadowed = s.Shadowed || c.Pairs.Compared > 0 && s.Failures.Bet.Begun[0] == 0
	s.watch(old, fresh)
	if !s.Common {
		if s.alone() {
			s.weigh(fresh, &p)
		} else {
			s.unpaired(old, fresh, &p)
		}
		s.pair(&c.Pairs)
		s.Before.add(old)
	}
	s.Critical += c.Pairs.Critical
	s.Past.add(&old.Latency)
	s.Side[Legacy].add(old)
	s.Side[New].add(fresh)
	s.Pairs = s.Pairs.Plus(c.Pairs)
}

// turn begins a new weight: its own counts, its own blocks, and fresh bets beside the old.
func (s *State) turn(weight int) {
	s.Weight = weight
	s.Side, s.Pairs = [2]Counts{}, Pairs{}
	for _, a := range s.attributions() {
		a.Visits, a.Events = [2]int64{}, [2]int64{}
	}
	s.Slow.clear()
	for _, b := range s.bets() {
		if b.Begun[0] > 0 {
			b.begin()
		}
	}
}

func (s *State) attributions() [6]*attribution {
	return [...]*attribution{&s.Failures, &s.Mirror, &s.Botched, &s.Refused, &s.Lost, &s.Differing}
}

func (s *State) bets() [10]*bet {
	return [...]*bet{&s.Failures.Bet, &s.Mirror.Bet, &s.Botched.Bet, &s.Refused.Bet, &s.Lost.Bet, &s.Differing.Bet,
		&s.Slow.Bets[0], &s.Slow.Bets[1], &s.PairedBad.Late, &s.PairedSlow.Late}
}

// watch looks whether both sides fail together. Nothing is bet on such a cell: whoever is worse then, a rollback would not help.
func (s *State) watch(old, fresh *Counts) {
	s.Trend[Legacy].add(old.Visitors, old.Failed)
	s.Trend[New].add(fresh.Visitors, fresh.Failed)
	s.Common = s.Trend[Legacy].rose() && s.Trend[New].rose()
}

// unpaired takes what donors' own requests showed.
func (s *State) unpaired(old, fresh *Counts, p *Policy) {
	visits, failed := [2]int64{old.Visitors, fresh.Visitors}, [2]int64{old.Failed, fresh.Failed}
	s.Failures.add(visits, failed, false)
	s.Mirror.add(visits, failed, true)
	s.Botched.add([2]int64{old.Posts + old.PostsFailed, fresh.Posts + fresh.PostsFailed}, [2]int64{old.PostsFailed, fresh.PostsFailed}, false)
	s.Refused.add([2]int64{old.Posts, fresh.Posts}, [2]int64{old.Refused, fresh.Refused}, false)
	s.Slow.add(&old.Latency, &fresh.Latency, &s.Past, p)
	if s.Told = s.Told || old.Gifts > 0; s.Told {
		s.Lost.add([2]int64{old.Gifts, fresh.Gifts}, [2]int64{old.Lost, fresh.Lost}, false)
		return
	}
	var g gains
	g.events(fresh.Lost, fresh.Gifts-fresh.Lost, p.LostPercent/100, 1)
	s.Lost.Bet.take(&g, unlimited)
}

// pair takes what shadowing showed. Answers that differ are held against legacy's that differ from themselves.
func (s *State) pair(c *Pairs) {
	s.PairedBad.add(c.NewBad, c.LegacyBad)
	s.PairedSlow.add(c.NewSlow, c.LegacySlow)
	s.Differing.add([2]int64{c.Replays, c.Compared}, [2]int64{c.Noise, c.Differing}, false)
}
