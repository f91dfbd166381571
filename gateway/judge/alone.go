package judge

import "math"

// counted is what legacy showed in the whole experiment, of each kind of event: of how many, how many were bad.
type counted [kinds][2]int64

// The kinds of events.
const (
	visits = iota
	writes
	answered // of the writes
	gifts
	kinds
)

func (c *Counts) kinds() counted {
	return counted{visits: {c.Visitors, c.Failed}, writes: {c.Posts + c.PostsFailed, c.PostsFailed}, answered: {c.Posts, c.Refused}, gifts: {c.Gifts, c.Lost}}
}

func (c *counted) add(side *Counts) {
	for kind, n := range side.kinds() {
		c[kind][0] += n[0]
		c[kind][1] += n[1]
	}
}

const (
	// least is a share of failures that is no matter, though legacy never failed.
	least = 0.005
	// unknown is the share of failures that is borne where legacy was seen too seldom to say: J-1's, below which a side is well.
	unknown = 0.05
	// tolerance is how many times legacy's odds are borne. The same minutes would tell trouble behind both sides, and the hour of the day,
	// from the new side's fault, and there are none; twice is the smallest harm that J-9 asks to be found.
	tolerance = 2
	// surely is how many standard deviations above what legacy showed its rate is taken to be: 99 times of 100 it is below.
	surely = 2.326
)

// spell is the most that a cell may lift a bet, as a logarithm: as much as one failure could. So one cell is never enough, as trouble that
// is over in seconds may have been behind legacy too, had anybody been there.
var spell = math.Log(20)

// alone says whether nobody is at legacy. The new side is then weighed against what legacy showed before: against the hypothesis that its
// rate is at most the usual one, which was settled before the cell, a likelihood ratio is a fair bet or a worse one (Wald 1945). So the
// stake that was bet on attribution goes on, whatever has become of it, and alpha is still spent once.
func (s *State) alone() bool { return s.Weight >= 10000 }

// weigh takes what the new side showed alone.
func (s *State) weigh(fresh *Counts, p *Policy) {
	bets := [kinds]*bet{visits: &s.Failures.Bet, writes: &s.Botched.Bet, answered: &s.Refused.Bet, gifts: &s.Lost.Bet}
	usual := s.usual(p)
	for kind, n := range fresh.kinds() {
		if usual[kind] < 1 {
			var g gains
			g.events(n[1], n[0]-n[1], usual[kind], 1)
			bets[kind].take(&g, spell)
		}
	}
	s.Slow.alone(&fresh.Latency, &s.Past, p)
}

// usual is the share of bad events that is borne, by kind; 1 is all, and nothing to bet on. People mistype, so that nobody can say how
// many posts are usually refused until legacy was seen to.
func (s *State) usual(p *Policy) (share [kinds]float64) {
	share[visits] = borne(s.Before[visits], least, unknown)
	share[writes] = borne(s.Before[writes], least, unknown)
	share[gifts] = borne(s.Before[gifts], min(least, p.LostPercent/100), p.LostPercent/100)
	if share[answered] = 1; s.Before[answered][0] >= settled {
		share[answered] = borne(s.Before[answered], least, 1)
	}
	return share
}

// borne is the share that is borne where so many of so many were bad: twice the odds of what the rate may be, but no less than least. That
// little is known lifts it no higher than to unknown.
func borne(n [2]int64, least, unknown float64) float64 {
	all, bad := float64(n[0]), float64(min(n[0], n[1]))
	if all == 0 {
		return max(least, unknown)
	}
	const z = surely
	high := (bad + z*z/2 + z*math.Sqrt(bad*(all-bad)/all+z*z/4)) / (all + z*z) // Wilson 1927
	return max(least, min(tolerated(high), max(unknown, tolerated(bad/all))))
}

// tolerated is a share of that many times the odds.
func tolerated(share float64) float64 { return tolerance * share / (1 + (tolerance-1)*share) }

// alone takes the new side's waits of a cell, where there are none of legacy: against how often legacy exceeded the first of the lower
// and the first of the upper limits.
func (s *slower) alone(fresh, past *Histogram, p *Policy) {
	at, ok := past.quantiles()
	if !ok {
		return
	}
	all := fresh.Sum()
	for i, limit := range [...]int{at[0], at[upper]} {
		var g gains
		late := fresh.beyond(p.limit(limit))
		g.events(late, all-late, past.usual(limit), 1)
		s.Bets[i].take(&g, burst)
	}
}

// slow is the share of slow waits that is borne where these are legacy's; 0 where too little is known.
func (h *Histogram) slow() float64 {
	if at, ok := h.quantiles(); ok {
		return h.usual(at[upper])
	}
	return 0
}

// usual is the share of waits beyond a bucket that is borne.
func (h *Histogram) usual(bucket int) float64 {
	return borne([2]int64{h.Sum(), h.beyond(bucket)}, least, 1)
}
