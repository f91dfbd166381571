package judge

// stakes are the tests' shares of the stake: a group's chance of a false rollback is spent once, over all tests (J-5). What all of
// them have made of the stake together is an e-process, however they depend on each other (Vovk and Wang 2021). Failures have most,
// since J-4 binds them. The shares sum to 1.
type stakes struct{ failures, paired, slow, pairedSlow, botched, refused, lost, differing float64 }

var (
	shadowed   = stakes{failures: 0.38, paired: 0.38, slow: 0.09, pairedSlow: 0.07, botched: 0.015, refused: 0.015, lost: 0.025, differing: 0.025}
	unshadowed = stakes{failures: 0.57, paired: 0.10, slow: 0.22, pairedSlow: 0.03, botched: 0.015, refused: 0.015, lost: 0.025, differing: 0.025}
)

// stakes are those of an experiment. Where nobody shadows, most of what would lie idle on pairs is put on failures; that is settled
// before the first bet on either.
func (s *State) stakes() *stakes {
	if s.Shadowed {
		return &shadowed
	}
	return &unshadowed
}

// The tests by name.
const (
	Together   = "together"
	Failures   = "failures"
	PairedBad  = "paired failures"
	Slow       = "slow"
	PairedSlow = "paired slow"
	Botched    = "failed posts"
	Refused    = "refused"
	Lost       = "lost"
	Differing  = "differing"
)

// evidence is every test's numbers, all together first. The counts are those of the present weight; where nobody is at legacy, legacy's
// are those of before.
func (s *State) evidence(p *Policy) []Evidence {
	pairs, fresh, old := &s.Pairs, s.Side[New].kinds(), s.Side[Legacy].kinds()
	all := append(make([]Evidence, 0, 9), Evidence{Test: Together, Threshold: 1 / p.Alpha, New: fresh[visits], Legacy: old[visits]})
	waits, usual, slow := &s.Side[Legacy].Latency, [kinds]float64{}, 0.0
	if s.alone() {
		waits, old, usual, slow = &s.Past, s.Before, s.usual(p), s.Past.slow()
	}
	slowNew, slowOld := s.Slow.of(waits, &s.Side[New].Latency, &s.Past, p)
	at := s.stakes()
	for _, t := range [...]struct {
		name         string
		stake, e     float64
		newer, older [2]int64
		usual        float64
	}{
		{Failures, at.failures, s.Failures.Bet.e(), fresh[visits], old[visits], usual[visits]},
		{PairedBad, at.paired, s.PairedBad.e(), [2]int64{pairs.Compared, pairs.NewBad}, [2]int64{pairs.Compared, pairs.LegacyBad}, 0},
		{Slow, at.slow, s.Slow.e(), slowNew, slowOld, slow},
		{PairedSlow, at.pairedSlow, s.PairedSlow.e(), [2]int64{pairs.Compared, pairs.NewSlow}, [2]int64{pairs.Compared, pairs.LegacySlow}, 0},
		{Botched, at.botched, s.Botched.Bet.e(), fresh[writes], old[writes], usual[writes]},
		{Refused, at.refused, s.Refused.Bet.e(), fresh[answered], old[answered], usual[answered]},
		{Lost, at.lost, s.Lost.Bet.e(), fresh[gifts], old[gifts], usual[gifts]},
		{Differing, at.differing, s.Differing.Bet.e(), [2]int64{pairs.Compared, pairs.Differing}, [2]int64{pairs.Replays, pairs.Noise}, 0},
	} {
		all[0].E += t.stake * t.e
		all = append(all, Evidence{Test: t.name, E: min(t.e, sure), Threshold: 1 / p.Alpha / t.stake, New: t.newer, Legacy: t.older, Usual: t.usual})
	}
	all[0].E = min(all[0].E, sure)
	return all
}
