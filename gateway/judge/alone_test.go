package judge_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/gateway/judge"
)

// everybody is a group at full weight, its data still on both sides.
var everybody = func() judge.Situation {
	now := ready
	now.Weight, now.Next, now.Phase = 10000, 0, "full"
	return now
}()

var usualWaits = answers(rand.New(rand.NewPCG(1, 2)), 95, 0)

// past is a canary in which both sides failed so, up to the smallest sample that the default policy raises on.
func past(r *rand.Rand, rate float64) (s judge.State) {
	for range 20 {
		c := minute(r, 190, 0.5, rate)
		for side := range c.Side {
			c.Side[side].Posts, c.Side[side].Latency = 15, usualWaits
			c.Side[side].Refused, c.Side[side].PostsFailed = binomial(r, 15, 0.1), binomial(r, 15, rate)
		}
		s.Add(c, judge.Default)
	}
	return s
}

// full is so many visits of which one in six writes, none at legacy.
func full(r *rand.Rand, n int64, rate, ofPosts float64) judge.Cell {
	c := judge.Cell{At: noon, Revision: 7, Weight: 10000}
	fresh := &c.Side[judge.New]
	fresh.Requests, fresh.Visitors, fresh.Failed = n, n, binomial(r, n, rate)
	writes := binomial(r, n, 1.0/6)
	fresh.PostsFailed = binomial(r, writes, ofPosts)
	fresh.Posts = writes - fresh.PostsFailed
	fresh.Refused = binomial(r, fresh.Posts, 0.1)
	return c
}

// J-5, J-10: where nobody is at legacy the judge goes on, and a new side that is as good as legacy was, at any hour, stays.
func TestAHealthyGroupStaysAtFullWeight(t *testing.T) {
	t.Parallel()
	for i, rate := range []float64{0.000001, 0.005, 0.02} {
		for j, n := range []int64{50, 1000} {
			t.Run(fmt.Sprintf("%g %% at %d a minute", 100*rate, n), func(t *testing.T) {
				t.Parallel()
				const groups, allowed, hours = 1000, 18, 3 // a true 1 % exceeds it once in a hundred times
				r, stopped := rand.New(rand.NewPCG(uint64(i), uint64(j))), 0
				for range groups {
					s := past(r, rate*drift(r))
					for at, now := 0, 0.0; at < hours*60; at++ {
						if at%60 == 0 {
							now = rate * drift(r)
						}
						s.Add(full(r, n, now, now), judge.Default)
						if stakes(&s) > 1 && judge.Look(s, everybody, judge.Default).Kind != judge.Hold {
							stopped++
							break
						}
					}
				}
				t.Logf("%d of %d", stopped, groups)
				if stopped > allowed {
					t.Errorf("%d of %d healthy groups were rolled back: at most %d may be", stopped, groups, allowed)
				}
			})
		}
	}
}

// drift is an hour's factor: up to 1.3 times as much or as little.
func drift(r *rand.Rand) float64 { return math.Pow(1.3, 2*r.Float64()-1) }

// stakes is the most that any bet has come to.
func stakes(s *judge.State) (most float64) {
	for _, b := range [...]*[7]float64{&s.Failures.Bet.Worth, &s.Botched.Bet.Worth, &s.Refused.Bet.Worth} {
		for _, worth := range b {
			most = max(most, worth)
		}
	}
	return most
}

// Harm that begins when nobody is left at legacy is found: after so many visits, one in six of which writes.
func TestHarmAtFullWeightIsFound(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name          string
		rate, ofPosts float64
		within        int64 // visits, in nine of ten groups
	}{
		{"every post fails", 0.005, 1, 90},
		{"every post fails, and its visit", 0.17, 1, 90},
		{"+5 points", 0.055, 0.055, 1000},
		{"+20 points", 0.205, 0.205, 90},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			const groups, allowed = 200, 20
			r, late, total := rand.New(rand.NewPCG(4, 4)), 0, int64(0)
			for range groups {
				s, seen := past(r, 0.005), int64(0)
				for judge.Look(s, everybody, judge.Default).Kind != judge.Rollback {
					s.Add(full(r, 8, row.rate, row.ofPosts), judge.Default)
					seen += 8
				}
				total += seen
				if seen > row.within {
					late++
				}
			}
			t.Logf("found in %d visits, in %d of %d groups not within %d", total/groups, late, groups, row.within)
			if late > allowed {
				t.Errorf("in %d of %d groups not found within %d visits", late, groups, row.within)
			}
		})
	}
}

// Played for real: every post fails, and all pages are well. J-1 sees nothing, since most requests do not fail.
func TestTheVerdictSaysThatNobodyIsLeftAtLegacy(t *testing.T) {
	t.Parallel()
	cell := judge.Cell{At: noon, Revision: 7, Weight: 10000}
	cell.Side[judge.New] = judge.Counts{Requests: 30, Visitors: 40, Failed: 2, PostsFailed: 2}
	network := cell
	network.Side[judge.New].Network = 2
	slow, refused, lost := cell, cell, cell
	slow.Side[judge.New] = judge.Counts{Requests: 20, Visitors: 20, Latency: judge.Histogram{40: 20}}
	refused.Side[judge.New] = judge.Counts{Requests: 20, Visitors: 20, Posts: 20, Refused: 12}
	lost.Side[judge.New] = judge.Counts{Requests: 20, Visitors: 20, Gifts: 20, Lost: 14}
	red := func(s *judge.Situation) { s.Readiness, s.Loses = "red", "12 gifts" }
	for name, c := range map[string]struct {
		cell judge.Cell
		now  func(s *judge.Situation)
		kind judge.Kind
		who  judge.Blame
		says []string
	}{
		"posts fail": {cell, nil, judge.Rollback, judge.Service, []string{"no donor is at legacy now, so that the new side is compared with what legacy showed before",
			"it failed ", " posts; of legacy's ", " are borne; if no more than that were bad"}},
		"on the way":      {network, nil, judge.Rollback, judge.Network, []string{"most failures were on the way to it ("}},
		"a red meter":     {cell, red, judge.Freeze, judge.Service, []string{"12 gifts", "no donor is at legacy now"}},
		"slow answers":    {slow, nil, judge.Rollback, judge.Service, []string{"it was slow in "}},
		"posts refused":   {refused, nil, judge.Rollback, judge.Service, []string{"it refused "}},
		"gifts that fail": {lost, nil, judge.Rollback, judge.Service, []string{"it lost "}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, now := past(rand.New(rand.NewPCG(1, 1)), 0.005), everybody
			if c.now != nil {
				c.now(&now)
			}
			var v judge.Verdict
			for cells := 0; v.Reason != "harm"; cells++ {
				if cells == 40 {
					t.Fatalf("not found: %s", v.Why)
				}
				s.Add(c.cell, judge.Default)
				v = judge.Look(s, now, judge.Default)
			}
			if v.Kind != c.kind || v.Blame != c.who {
				t.Errorf("%s, blamed on %q: %s", v.Kind, v.Blame, v.Why)
			}
			for _, says := range c.says {
				if !strings.Contains(v.Why, says) {
					t.Errorf("%q is not in: %s", says, v.Why)
				}
			}
			t.Log(v.Why)
		})
	}
}

// A group that was put at full weight by hand has no past: 5 % of failures are borne, and refusals are not judged.
func TestWithoutAPastAStatedShareIsBorne(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(2, 9))
	var well, ill judge.State
	for range 600 {
		well.Add(full(r, 50, 0.03, 0.03), judge.Default)
		if v := judge.Look(well, everybody, judge.Default); v.Reason != "done" || !strings.Contains(v.Why, "legacy was not seen, and 5\u00a0% are borne") {
			t.Fatalf("%s (%s): %s", v.Kind, v.Reason, v.Why)
		}
	}
	if e := evidence(t, judge.Look(well, everybody, judge.Default), judge.Refused); e.E != 1 || e.Usual != 1 {
		t.Errorf("refusals were judged by nothing: %+v", e)
	}
	for range 5 {
		ill.Add(full(r, 12, 0.17, 1), judge.Default)
	}
	if v := judge.Look(ill, everybody, judge.Default); v.Kind != judge.Rollback {
		t.Errorf("%s (%s): %s", v.Kind, v.Reason, v.Why)
	}
}

// What fails for some seconds may have failed at legacy, too: one cell is never enough, whatever it holds.
func TestOneCellAloneIsNeverEnough(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 1))
	s := past(r, 0.005)
	s.Add(full(r, 5000, 1, 1), judge.Default)
	if v := judge.Look(s, everybody, judge.Default); v.Kind != judge.Hold {
		t.Errorf("after one cell: %s: %s", v.Kind, v.Why)
	}
	for range 3 {
		s.Add(full(r, 5000, 1, 1), judge.Default)
	}
	if v := judge.Look(s, everybody, judge.Default); v.Kind != judge.Rollback {
		t.Errorf("after four: %s: %s", v.Kind, v.Why)
	}
}

// If the new side fails as often as is borne, the stake is worth what it was, on the average over all ways to fail; if less often, less.
func TestNoBetAgainstThePastIsBetterThanFair(t *testing.T) {
	t.Parallel()
	for _, legacy := range [][2]int64{{0, 0}, {30, 0}, {30, 4}, {2000, 0}, {2000, 10}, {2000, 900}} {
		before := judge.Cell{Weight: 5000}
		before.Side[judge.Legacy] = judge.Counts{Visitors: legacy[0], Failed: legacy[1]}
		var usual float64
		worth := func(n, bad int64) float64 {
			s := after(before)
			c := judge.Cell{Weight: 10000}
			c.Side[judge.New] = judge.Counts{Visitors: n, Failed: bad}
			s.Add(c, judge.Default)
			e := evidence(t, judge.Look(s, everybody, judge.Default), judge.Failures)
			usual = e.Usual
			return e.E
		}
		worth(1, 0)
		for _, n := range []int64{1, 3, 12} {
			for _, part := range []float64{0.5, 1} {
				mean, p := 0.0, part*usual
				for bad := range n + 1 {
					mean += choose(n, bad) * math.Pow(p, float64(bad)) * math.Pow(1-p, float64(n-bad)) * worth(n, bad)
				}
				if mean > 1+1e-9 || part == 1 && n == 1 && mean < 1-1e-9 {
					t.Errorf("after %v of legacy's, %d visits that fail in %.4f are worth %.9f", legacy, n, p, mean)
				}
			}
		}
	}
}

// Played for real, one second after a fault began: nobody may follow to where there is no control.
func TestNobodyFollowsWhilePostsFail(t *testing.T) {
	t.Parallel()
	now := ready
	now.Since, now.Dwell, now.Sample = noon.Add(-time.Hour), time.Second, 5
	visits := judge.Cell{At: noon, Revision: 7, Weight: 5000}
	visits.Side[judge.Legacy] = judge.Counts{Requests: 40, Visitors: 30, Posts: 9}
	visits.Side[judge.New] = judge.Counts{Requests: 40, Visitors: 23, Failed: 5, Posts: 4, PostsFailed: 5}
	quiet := visits
	quiet.Side[judge.New].Failed = 0
	for name, cells := range map[string][]judge.Cell{"at once": {visits}, "after a healthy time": {equal(), equal(), visits}, "posts alone": {quiet}} {
		if v := judge.Look(after(cells...), now, judge.Demo); v.Kind != judge.Hold || v.Reason != "doubt" {
			t.Errorf("%s: %s (%s): %s", name, v.Kind, v.Reason, v.Why)
		}
	}
}
