package judge_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/gateway/judge"
)

// evidence is one test's numbers in a verdict.
func evidence(t *testing.T, v judge.Verdict, test string) judge.Evidence {
	t.Helper()
	for _, e := range v.Evidence {
		if e.Test == test {
			return e
		}
	}
	t.Fatalf("a verdict without evidence of %s: %+v", test, v)
	return judge.Evidence{}
}

// J-2: with c = 0, b = 5 to 10 gives these.
func TestDiscordantPairsWeighWhatTheRuleSays(t *testing.T) {
	t.Parallel()
	for b, want := range map[int64]float64{5: 10.5, 6: 18.1, 7: 31.9, 8: 56.8, 9: 102.3, 10: 186.1} {
		if got := judge.Discordant(b, 0); math.Abs(got-want) > 0.06 {
			t.Errorf("%d to 0 weighs %.2f, not %.1f", b, got, want)
		}
	}
	for _, pair := range [][2]int64{{3, 2}, {40, 25}, {25, 40}, {700, 650}, {5100, 4950}, {4950, 5100}, {60300, 60000}} {
		if got, want := math.Log(judge.Discordant(pair[0], pair[1])), integral(pair[0], pair[1]); math.Abs(got-want) > 0.002 {
			t.Errorf("%d to %d weighs e^%.4f, by the integral e^%.4f", pair[0], pair[1], got, want)
		}
	}
}

// integral is the logarithm of J-2 by Simpson's rule.
func integral(b, c int64) float64 {
	const n = 200000
	at := func(i int) float64 {
		p := 0.5 + 0.5*float64(i)/n
		if i == n {
			p = 1 - 1e-300
		}
		l := float64(b) * math.Log(2*p)
		if c > 0 {
			l += float64(c) * math.Log(2*(1-p))
		}
		return math.Exp(l)
	}
	sum := at(0) + at(n)
	for i := 1; i < n; i++ {
		sum += float64(2+2*(i%2)) * at(i)
	}
	return math.Log(2 * sum * 0.5 / n / 3)
}

// If both sides are equally good, the stake is worth at most what it was, on the average over all ways in which the failures of a block
// can fall upon its visits; and exactly what it was over all ways in which pairs can fall (J-2, J-3).
func TestNoBetIsBetterThanFair(t *testing.T) {
	t.Parallel()
	for _, visits := range [][2]int64{{3, 3}, {3, 8}, {8, 3}, {57, 3}, {5, 40}, {200, 200}} {
		for _, failed := range []int64{1, 2, 3, 5} {
			mean, chances := 0.0, 0.0
			for k := max(0, failed-visits[judge.Legacy]); k <= min(failed, visits[judge.New]); k++ {
				var c judge.Cell
				c.Side[judge.Legacy] = judge.Counts{Visitors: visits[judge.Legacy], Failed: failed - k}
				c.Side[judge.New] = judge.Counts{Visitors: visits[judge.New], Failed: k}
				chance := choose(visits[judge.New], k) * choose(visits[judge.Legacy], failed-k) / choose(visits[0]+visits[1], failed)
				mean += chance * evidence(t, judge.Look(after(c), ready, judge.Default), judge.Failures).E
				chances += chance
			}
			if math.Abs(chances-1) > 1e-9 || mean > 1+1e-9 {
				t.Errorf("%d failures among %v visits are worth %.6f on the average", failed, visits, mean)
			}
		}
	}
	for n := range int64(40) {
		mean := 0.0
		for b := range n + 1 {
			mean += choose(n, b) * math.Exp2(-float64(n)) * judge.Discordant(b, n-b)
		}
		if math.Abs(mean-1) > 1e-9 {
			t.Errorf("%d discordant pairs are worth %.9f on the average", n, mean)
		}
	}
}

// choose is how many ways there are to take k of n.
func choose(n, k int64) float64 {
	ways := 1.0
	for i := range k {
		ways *= float64(n-i) / float64(i+1)
	}
	return ways
}

// Before anything was bet, the stake is whole, whoever shadows: its parts sum to 1.
func TestTheStakeIsOne(t *testing.T) {
	t.Parallel()
	for _, shadowed := range []bool{false, true} {
		if e := judge.Look(judge.State{Shadowed: shadowed}, ready, judge.Default).Evidence[0].E; math.Abs(e-1) > 1e-12 {
			t.Errorf("shadowed %v: the stake is %g", shadowed, e)
		}
	}
}

// A month of healthy visits sinks every bet: J-3's own process would need another month to rise again. A fault that comes then is found
// with less than five times the visits of one that is there from the start, which is the price of having looked all month.
func TestALateFaultIsFound(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 3))
	stop := func(s judge.State) (visits int64) {
		for judge.Look(s, ready, judge.Default).Reason != "harm" {
			c := minute(r, 50, 0.5, 0.01)
			c.Side[judge.New].Failed = binomial(r, c.Side[judge.New].Visitors, 0.05)
			s.Add(c, judge.Default)
			visits += 50
		}
		return visits
	}
	var month judge.State
	for range 30 * 24 * 60 {
		month.Add(minute(r, 50, 0.5, 0.01), judge.Default)
	}
	const ramps = 50
	var fresh, late int64
	for range ramps {
		fresh += stop(judge.State{})
		late += stop(month)
	}
	t.Logf("1 to 5 %% is found in %d visits at once, in %d after a month", fresh/ramps, late/ramps)
	if late > 5*fresh {
		t.Errorf("a fault after a month is found in %d visits, a fresh one in %d", late/ramps, fresh/ramps)
	}
}

// answers draws n waits of a median of 142 ms and a 95th percentile of 563 ms, its slower half stretched so that the latter comes later.
func answers(r *rand.Rand, n int, later time.Duration) (h judge.Histogram) {
	const normal95 = 1.645
	usual, stretched := math.Log(563.0/142)/normal95, math.Log((563+later.Seconds()*1000)/142)/normal95
	for range n {
		z := r.NormFloat64()
		wait := 142 * math.Exp(usual*z)
		if z > 0 {
			wait = 142 * math.Exp(stretched*z)
		}
		h[judge.BucketOf(time.Duration(wait*float64(time.Millisecond)))]++
	}
	return h
}

// J-7: answers 200 ms later at the 95th percentile are found; the same answers are not; and one pause is not enough.
func TestSlowAnswersAreFoundByTheirShare(t *testing.T) {
	t.Parallel()
	play := func(seed uint64, cells int, later func(cell int) time.Duration) (judge.Verdict, int) {
		r := rand.New(rand.NewPCG(seed, 7))
		var s judge.State
		for i := range cells {
			c := judge.Cell{Weight: 5000}
			c.Side[judge.Legacy] = judge.Counts{Requests: 50, Visitors: 50, Latency: answers(r, 50, 0)}
			c.Side[judge.New] = judge.Counts{Requests: 50, Visitors: 50, Latency: answers(r, 50, later(i))}
			s.Add(c, judge.Default)
			if v := judge.Look(s, ready, judge.Default); v.Reason == "harm" {
				return v, i + 1
			}
		}
		return judge.Verdict{}, cells
	}
	for seed := range uint64(30) {
		if v, cells := play(seed, 300, func(int) time.Duration { return 0 }); cells < 300 {
			t.Errorf("equal answers were found slow after %d cells: %s", cells, v.Why)
		}
		if v, cells := play(seed, 5, func(i int) time.Duration { return time.Duration(i/4) * 10 * time.Second }); cells < 5 {
			t.Errorf("a pause of one cell was enough: %s", v.Why)
		}
	}
	total := 0
	for seed := range uint64(20) {
		v, cells := play(seed, 1000, func(int) time.Duration { return 200 * time.Millisecond })
		if total += cells; cells == 1000 || evidence(t, v, judge.Slow).New[1] == 0 || !strings.Contains(v.Why, "95\u00a0% took at most") {
			t.Fatalf("200 ms more at the 95th percentile were not found in %d cells of 50 answers an arm: %s", cells, v.Why)
		}
	}
	t.Logf("found in %d answers", total*100/20)
}

// J-8: refused posts, lost gifts, answers that mean something else, and slow pairs are harm of their own.
func TestEachTestFindsItsHarm(t *testing.T) {
	t.Parallel()
	both := func(old, fresh judge.Counts) judge.Cell {
		return judge.Cell{Weight: 5000, Side: [2]judge.Counts{judge.Legacy: old, judge.New: fresh}}
	}
	for name, c := range map[string]struct {
		cell judge.Cell
		test string
		says string
	}{
		"refused":       {both(judge.Counts{Posts: 20, Refused: 1}, judge.Counts{Posts: 20, Refused: 6}), judge.Refused, "the new side refused "},
		"lost":          {both(judge.Counts{Gifts: 20, Lost: 1}, judge.Counts{Gifts: 20, Lost: 6}), judge.Lost, "of legacy's "},
		"lost, unknown": {both(judge.Counts{}, judge.Counts{Gifts: 20, Lost: 14}), judge.Lost, "\u00a0% are borne"},
		"differing": {judge.Cell{Pairs: judge.Pairs{Compared: 20, Differing: 6, Replays: 10}}, judge.Differing,
			"legacy differs from itself in 0 of "},
		"paired failures": {judge.Cell{Pairs: judge.Pairs{Compared: 20, NewBad: 4, LegacyBad: 1}}, judge.PairedBad, "the new side alone failed "},
		"paired slow":     {judge.Cell{Pairs: judge.Pairs{Compared: 20, NewSlow: 6, LegacySlow: 1}}, judge.PairedSlow, "much slower"},
		"failures":        {both(judge.Counts{Visitors: 20}, judge.Counts{Visitors: 20, Failed: 4}), judge.Failures, "the new side failed "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s judge.State
			for range 40 {
				s.Add(c.cell, judge.Default)
			}
			v := judge.Look(s, ready, judge.Default)
			if e := evidence(t, v, c.test); v.Kind != judge.Rollback || v.Reason != "harm" || e.E < e.Threshold || !strings.Contains(v.Why, c.says) {
				t.Errorf("%s (%s): %s; %s weighs %.0f of %.0f", v.Kind, v.Reason, v.Why, c.test, e.E, e.Threshold)
			}
		})
	}
}

// Five in a hundred gifts that come to nothing are borne where legacy tells nothing of its own.
func TestBorneLossesAreNoHarm(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(9, 9))
	stopped := 0
	for range 300 {
		var s judge.State
		for range 300 {
			c := judge.Cell{Weight: 5000}
			c.Side[judge.New] = judge.Counts{Gifts: 5, Lost: binomial(r, 5, 0.05)}
			s.Add(c, judge.Default)
			if judge.Look(s, ready, judge.Default).Reason == "harm" {
				stopped++
				break
			}
		}
	}
	if stopped > 3 {
		t.Errorf("%d of 300 were stopped", stopped)
	}
}

// A slow database behind both: both sides fail more than they used to, the new one worst. A rollback would not help (J-1, J-3).
func TestTroubleBehindBothIsNoReasonToRollBack(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(2, 2))
	var s judge.State
	for range 60 {
		s.Add(minute(r, 200, 0.5, 0.005), judge.Default)
	}
	for i := range 10 {
		c := minute(r, 200, 0.5, 0.1)
		c.Side[judge.New].Failed *= 3
		s.Add(c, judge.Default)
		v := judge.Look(s, ready, judge.Default)
		if v.Kind != judge.Hold || v.Reason != "common" || v.Blame != judge.Both {
			t.Fatalf("cell %d: %s (%s), blamed on %q: %s", i, v.Kind, v.Reason, v.Blame, v.Why)
		}
	}
	for range 60 {
		s.Add(minute(r, 200, 0.5, 0.005), judge.Default)
	}
	if v := judge.Look(s, ready, judge.Default); v.Kind != judge.PromoteOK {
		t.Errorf("after the trouble: %s (%s): %s", v.Kind, v.Reason, v.Why)
	}
	for range 10 {
		c := minute(r, 200, 0.5, 0.005)
		c.Side[judge.New].Failed += 20
		s.Add(c, judge.Default)
	}
	if v := judge.Look(s, ready, judge.Default); v.Kind != judge.Rollback || v.Blame != judge.Service {
		t.Errorf("when the new side alone fails: %s (%s): %s", v.Kind, v.Reason, v.Why)
	}
}
