package judge

// stakes are the tests' shares of the stake: a group's chance of a false rollback is spent once, over all tests (J-5). What all of
// them have made of the stake together is an e-process, however they depend on each other (Vovk and Wang 2021). Failures have most,
// since J-4 binds them. The shares sum to 1.
type stakes struct{ failures, paired, slow, pairedSlow, refused, lost, differing float64 }

var (
	shadowed   = stakes{failures: 0.38, paired: 0.38, slow: 0.09, pairedSlow: 0.07, refused: 0.03, lost: 0.025, differing: 0.025}
	unshadowed = stakes{failures: 0.57, paired: 0.10, slow: 0.22, pairedSlow: 0.03, refused: 0.03, lost: 0.025, differing: 0.025}
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
	Refused    = "refused"
	Lost       = "lost"
	Differing  = "differing"
)

// evidence is every test's numbers, all together first. The counts are those of the present weight.
func (s *State) evidence(p *Policy) []Evidence {
	old, fresh, pairs := &s.Side[Legacy], &s.Side[New], &s.Pairs
	at := s.stakes()
	slowNew, slowOld := s.Slow.of(&old.Latency, &fresh.Latency, &s.Past, p)
	all := append(make([]Evidence, 0, 8), Evidence{Test: Together, Threshold: 1 / p.Alpha,
		New: [2]int64{fresh.Visitors, fresh.Failed}, Legacy: [2]int64{old.Visitors, old.Failed}})
	for _, t := range [...]struct {
		name         string
		stake, e     float64
		newer, older [2]int64
	}{
		{Failures, at.failures, s.Failures.Bet.e(), [2]int64{fresh.Visitors, fresh.Failed}, [2]int64{old.Visitors, old.Failed}},
		{PairedBad, at.paired, s.PairedBad.e(), [2]int64{pairs.Compared, pairs.NewBad}, [2]int64{pairs.Compared, pairs.LegacyBad}},
		{Slow, at.slow, s.Slow.e(), slowNew, slowOld},
		{PairedSlow, at.pairedSlow, s.PairedSlow.e(), [2]int64{pairs.Compared, pairs.NewSlow}, [2]int64{pairs.Compared, pairs.LegacySlow}},
		{Refused, at.refused, s.Refused.Bet.e(), [2]int64{fresh.Posts, fresh.Refused}, [2]int64{old.Posts, old.Refused}},
		{Lost, at.lost, s.Lost.Bet.e(), [2]int64{fresh.Gifts, fresh.Lost}, [2]int64{old.Gifts, old.Lost}},
		{Differing, at.differing, s.Differing.Bet.e(), [2]int64{pairs.Compared, pairs.Differing}, [2]int64{pairs.Replays, pairs.Noise}},
	} {
		all[0].E += t.stake * t.e
		all = append(all, Evidence{Test: t.name, E: min(t.e, sure), Threshold: 1 / p.Alpha / t.stake, New: t.newer, Legacy: t.older})
	}
	all[0].E = min(all[0].E, sure)
	return all
}
