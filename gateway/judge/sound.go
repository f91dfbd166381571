package judge

import (
	"encoding/json"
	"errors"
)

// No count of a cell is larger, and none of a state.
const (
	mostOfCell  = 1e12
	mostOfState = 1e17
)

// sound says whether a cell can be: no count below zero or beyond all reason, no part above its whole.
func (c *Cell) sound() bool {
	return c.Weight >= 0 && c.Weight <= 10000 && c.Side[Legacy].sound(mostOfCell) && c.Side[New].sound(mostOfCell) && c.Pairs.sound(mostOfCell)
}

func (c *Counts) sound(most int64) bool {
	return within(most, c.Requests, c.Visitors, c.Failed, c.Network, c.Client, c.Posts, c.Refused, c.PostsFailed, c.Gifts, c.Lost) &&
		c.Refused <= c.Posts && c.Lost <= c.Gifts && within(most, c.Latency[:]...)
}

func (p *Pairs) sound(most int64) bool {
	return within(most, p.Compared, p.NewBad, p.LegacyBad, p.NewSlow, p.LegacySlow, p.Differing, p.Replays, p.Noise, p.Critical)
}

func within(most int64, all ...int64) bool {
	for _, n := range all {
		if n < 0 || n > most {
			return false
		}
	}
	return true
}

var errState = errors.New("judge: the stored evidence has a count below zero or beyond all reason: it is not what this program wrote, and was not read")

// UnmarshalJSON reads what was stored, and refuses what no cells could have made.
func (s *State) UnmarshalJSON(text []byte) error {
	type plain State
	var p plain
	if err := json.Unmarshal(text, &p); err != nil {
		return err
	}
	fresh := State(p)
	if !fresh.sound() {
		return errState
	}
	*s = fresh
	return nil
}

func (s *State) sound() bool {
	const most = mostOfState
	ok := within(most, s.Seen, s.Critical, int64(s.Weight), s.PairedBad.Worse, s.PairedBad.Better, s.PairedSlow.Worse, s.PairedSlow.Better) &&
		s.Side[Legacy].sound(most) && s.Side[New].sound(most) && s.Pairs.sound(most) && within(most, s.Past[:]...)
	for _, rate := range s.Before {
		ok = ok && within(most, rate[:]...)
	}
	for _, answers := range s.Slow.Answers {
		ok = ok && within(most, answers[:]...)
	}
	for _, a := range s.attributions() {
		ok = ok && within(most, a.Visits[:]...) && within(most, a.Events[:]...)
	}
	for _, b := range s.bets() {
		ok = ok && b.sound()
	}
	for _, t := range s.Trend {
		for _, n := range [...]float64{t.Late, t.LateFailed, t.Past, t.PastFailed} {
			ok = ok && n >= 0 && n <= most
		}
	}
	return ok
}

func (b *bet) sound() bool {
	for i, worth := range b.Worth {
		if !(worth >= 0 && worth <= sure) || b.Begun[i] == 0 && worth > 0 {
			return false
		}
	}
	return within(mostOfState, b.Begun[:]...)
}
