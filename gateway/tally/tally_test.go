package tally_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/gateway/judge"
	"github.com/banyan-migration/banyan/gateway/split"
	"github.com/banyan-migration/banyan/gateway/tally"
)

var noon = time.Date(2026, 3, 15, 12, 0, 0, 0, time.UTC)

func policy() judge.Policy {
	p := judge.Default
	p.Cell = 10 * time.Second
	return p
}

// J-6: a visitor counts once a minute in each class, however often it asks; every request counts as one.
func TestAVisitorCountsOnceAMinute(t *testing.T) {
	t.Parallel()
	ta := tally.New(policy())
	for i := range 12 {
		for _, visitor := range []uint64{7, 8} {
			ta.Count(&tally.Event{At: noon.Add(time.Duration(i) * 10 * time.Second), Side: split.New, Visitor: visitor, Failed: i%2 == 0, Network: true, Took: time.Millisecond}, i)
			ta.Count(&tally.Event{At: noon.Add(time.Duration(i) * 10 * time.Second), Side: split.Legacy, Visitor: visitor, Write: true, Posted: true, Refused: i == 0, Took: time.Second}, i)
		}
	}
	var sum judge.Cell
	cells := ta.Drain(noon.Add(time.Hour))
	for _, c := range cells {
		sum = sum.Plus(c)
	}
	if len(cells) != 12 {
		t.Errorf("%d cells, want 12", len(cells))
	}
	fresh, old := sum.Side[judge.New], sum.Side[judge.Legacy]
	if fresh.Requests != 24 || fresh.Visitors != 4 || fresh.Failed != 4 || fresh.Network != 4 || fresh.Latency.Sum() != 4 {
		t.Errorf("new: %+v", fresh)
	}
	if old.Requests != 24 || old.Visitors != 0 || old.Posts != 4 || old.Refused != 2 || old.Latency.Sum() != 4 {
		t.Errorf("legacy: %+v; a visitor that has come to one side has come", old)
	}
}

// J-6: a write that failed is counted beside those that were answered, once a minute; a page that failed is none.
func TestAFailedWriteIsCountedApart(t *testing.T) {
	t.Parallel()
	ta := tally.New(policy())
	for range 3 {
		ta.Count(&tally.Event{At: noon, Side: split.New, Visitor: 1, Failed: true, Write: true}, 0)
		ta.Count(&tally.Event{At: noon, Side: split.New, Visitor: 2, Failed: true}, 1)
		ta.Count(&tally.Event{At: noon, Side: split.New, Visitor: 3, Client: true, Write: true}, 2)
		ta.Count(&tally.Event{At: noon, Side: split.New, Visitor: 1, Write: true, Posted: true}, 3)
	}
	if got := ta.Drain(noon.Add(time.Minute))[0].Side[judge.New]; got.PostsFailed != 1 || got.Posts != 1 || got.Failed != 2 {
		t.Errorf("%+v", got)
	}
}

// J-6: who came well and fails later in the minute fails in a visit of its own, so that no cell has more failures than visits.
func TestNoCellHasMoreFailuresThanVisits(t *testing.T) {
	t.Parallel()
	ta := tally.New(policy())
	for i, failed := range []bool{false, true, true, false} {
		for visitor := range uint64(5) {
			ta.Count(&tally.Event{At: noon.Add(time.Duration(i) * 10 * time.Second), Side: split.New, Visitor: visitor, Failed: failed}, i)
		}
	}
	var got [][2]int64
	cells := ta.Drain(noon.Add(time.Hour))
	slices.SortFunc(cells, func(a, b judge.Cell) int { return a.At.Compare(b.At) })
	for _, c := range cells {
		got = append(got, [2]int64{c.Side[judge.New].Visitors, c.Side[judge.New].Failed})
	}
	if want := [][2]int64{{5, 0}, {5, 5}, {0, 0}, {0, 0}}; !slices.Equal(got, want) {
		t.Errorf("visits and failures by cell %v, want %v", got, want)
	}
}

// J-6: of a visitor and a minute one comparison counts, whatever it shows, and its replay with it; of the others that one side alone was bad,
// or slow, once. No cell has more of a kind than of all.
func TestAVisitorIsComparedOnceAMinute(t *testing.T) {
	t.Parallel()
	ta := tally.New(policy())
	for i := range 60 { // of which the first shows nothing, but for the last visitor
		for visitor := range uint64(3) {
			at := noon.Add(time.Duration(i) * time.Second)
			first := ta.First(visitor, false, at)
			one := judge.Pairs{Compared: 1, Differing: 1, NewBad: int64(i % 2), NewSlow: int64(1 - i%2)}
			if i == 0 && visitor < 2 {
				one = judge.Pairs{Compared: 1}
			}
			ta.Pair(&tally.Comparison{At: at, Visitor: visitor, First: first, Pairs: one})
			ta.Pair(&tally.Comparison{At: at, Visitor: visitor, First: first, Pairs: judge.Pairs{Replays: 1, Noise: 1}})
			if ta.First(visitor, true, at) != first {
				t.Errorf("writes are not counted apart from pages")
			}
		}
	}
	var sum judge.Pairs
	for _, c := range ta.Drain(noon.Add(time.Hour)) {
		p := c.Pairs
		if p.NewBad+p.LegacyBad > p.Compared || p.NewSlow+p.LegacySlow > p.Compared || p.Differing > p.Compared || p.Noise > p.Replays || p.Critical > p.Compared {
			t.Errorf("%+v", p)
		}
		sum = sum.Plus(p)
	}
	if want := (judge.Pairs{Compared: 8, Differing: 1, NewBad: 3, NewSlow: 3, Replays: 3, Noise: 3}); sum != want {
		t.Errorf("%+v, want %+v", sum, want)
	}
	ta.Pair(&tally.Comparison{At: noon.Add(time.Hour), Visitor: 1, Pairs: judge.Pairs{Compared: 1, Differing: 1, Critical: 1}})
	if got := ta.Drain(noon.Add(2 * time.Hour))[0].Pairs; got != (judge.Pairs{Compared: 1, Critical: 1}) {
		t.Errorf("J-8: an amount counts whoever shows it, and is %+v", got)
	}
}

// Cells are cut at multiples of their length and at the group's revision, and say the weight of that time.
func TestCellsAreCut(t *testing.T) {
	t.Parallel()
	ta := tally.New(policy())
	for i, at := range []time.Duration{0, 9999 * time.Millisecond, 10 * time.Second} {
		ta.Count(&tally.Event{At: noon.Add(at), Revision: 3, Weight: 100, Visitor: uint64(i)}, i)
	}
	ta.Count(&tally.Event{At: noon.Add(5 * time.Second), Revision: 4, Weight: 1000, Visitor: 9}, 0)
	for i := range 2 {
		ta.Pair(&tally.Comparison{At: noon.Add(6 * time.Second), Revision: 4, Weight: 1000, Visitor: uint64(i), First: true, Pairs: judge.Pairs{Compared: 1, NewBad: int64(i)}})
	}
	if cells := ta.Drain(noon.Add(9 * time.Second)); len(cells) != 0 {
		t.Errorf("drained before their end: %v", cells)
	}
	cells := ta.Drain(noon.Add(10 * time.Second))
	if len(cells) != 2 {
		t.Fatalf("%d cells ended, want 2", len(cells))
	}
	for _, c := range cells {
		switch {
		case !c.At.Equal(noon):
			t.Errorf("a cell of %s", c.At)
		case c.Revision == 3 && c.Weight == 100 && c.Side[judge.Legacy].Requests == 2:
		case c.Revision == 4 && c.Weight == 1000 && c.Side[judge.Legacy].Requests == 1 && c.Pairs == judge.Pairs{Compared: 2, NewBad: 1}:
		default:
			t.Errorf("%+v", c)
		}
	}
	if cells := ta.Drain(noon.Add(time.Minute)); len(cells) != 1 || cells[0].Side[judge.Legacy].Requests != 1 {
		t.Errorf("the rest: %+v", cells)
	}
}

// Where no judge runs nobody drains: what is kept does not grow.
func TestNobodyDrains(t *testing.T) {
	t.Parallel()
	ta := tally.New(policy())
	for i := range 1000 {
		ta.Count(&tally.Event{At: noon.Add(time.Duration(i) * time.Minute), Visitor: uint64(i)}, i)
	}
	cells := ta.Drain(noon.Add(24 * time.Hour))
	if len(cells) == 0 || len(cells) > 64 || !cells[0].At.Equal(noon.Add(999*time.Minute)) {
		t.Errorf("%d cells are kept, the first of %s", len(cells), cells[0].At)
	}
}

// What is counted while cells are drained is counted once, whoever comes late.
func TestNothingIsLostWhileDraining(t *testing.T) {
	t.Parallel()
	p := policy()
	p.Cell = time.Millisecond
	ta := tally.New(p)
	const workers, each = 8, 5000
	var group sync.WaitGroup
	for worker := range workers {
		group.Go(func() {
			for i := range each {
				ta.Count(&tally.Event{At: noon.Add(time.Duration(i) * time.Microsecond), Revision: int64(i % 2), Visitor: uint64(i)}, worker)
			}
		})
	}
	done := make(chan struct{})
	go func() { group.Wait(); close(done) }()
	var sum judge.Cell
	take := func(at time.Time) {
		for _, c := range ta.Drain(at) {
			sum = sum.Plus(c)
		}
	}
	for i := 0; ; i++ {
		take(noon.Add(time.Duration(i%6) * time.Millisecond))
		select {
		case <-done:
			take(noon.Add(time.Hour))
			if got := sum.Side[judge.Legacy].Requests; got != workers*each {
				t.Errorf("counted %d, want %d", got, workers*each)
			}
			return
		default:
		}
	}
}

// fail sends requests of a side through a breaker, one every gap.
func fail(b *tally.Breaker, at *time.Time, side split.Side, n int, failed bool, gap time.Duration) {
	for range n {
		*at = at.Add(gap)
		b.Count(&tally.Event{At: *at, Revision: 5, Side: side, Failed: failed}, false)
	}
}

// J-1: twenty failures in a row, or half of forty in a minute, while legacy is well; acts on this replica at once.
func TestBreaker(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		play func(b *tally.Breaker, at *time.Time)
		open bool
		seen bool
	}{
		"19 in a row": {func(b *tally.Breaker, at *time.Time) { fail(b, at, split.New, 19, true, time.Millisecond) }, false, false},
		"20 in a row": {func(b *tally.Breaker, at *time.Time) { fail(b, at, split.New, 20, true, time.Hour) }, true, true},
		"a success between": {func(b *tally.Breaker, at *time.Time) {
			fail(b, at, split.New, 19, true, 10*time.Second)
			fail(b, at, split.New, 1, false, time.Second)
			fail(b, at, split.New, 19, true, 10*time.Second)
		}, false, false},
		"half of forty": {func(b *tally.Breaker, at *time.Time) {
			for range 20 {
				fail(b, at, split.New, 1, false, time.Second)
				fail(b, at, split.New, 1, true, time.Second)
			}
		}, true, true},
		"half of forty in two hours": {func(b *tally.Breaker, at *time.Time) {
			for range 40 {
				fail(b, at, split.New, 1, false, time.Minute)
				fail(b, at, split.New, 1, true, time.Minute)
			}
		}, false, false},
		"a third": {func(b *tally.Breaker, at *time.Time) {
			for range 50 {
				fail(b, at, split.New, 2, false, 100*time.Millisecond)
				fail(b, at, split.New, 1, true, 100*time.Millisecond)
			}
		}, false, false},
		"legacy well": {func(b *tally.Breaker, at *time.Time) {
			fail(b, at, split.Legacy, 100, false, 10*time.Millisecond)
			fail(b, at, split.Legacy, 4, true, 10*time.Millisecond)
			fail(b, at, split.New, 20, true, time.Millisecond)
		}, true, true},
		"legacy fails too": {func(b *tally.Breaker, at *time.Time) {
			fail(b, at, split.Legacy, 94, false, 10*time.Millisecond)
			fail(b, at, split.Legacy, 6, true, 10*time.Millisecond)
			fail(b, at, split.New, 20, true, time.Millisecond)
		}, false, true},
		"legacy has failed, long ago": {func(b *tally.Breaker, at *time.Time) {
			fail(b, at, split.Legacy, 50, true, time.Millisecond)
			fail(b, at, split.New, 20, true, time.Minute)
		}, true, true},
	} {
		b, at := tally.NewBreaker(judge.Default.Breaker), noon
		c.play(b, &at)
		seen := b.Seen(5, at)
		if b.Open(5) != c.open || (seen != nil) != c.seen {
			t.Errorf("%s: open %v, want %v; saw %+v", name, b.Open(5), c.open, seen)
		}
		if c.seen && (seen.Why == "" || seen.Acts() != c.open) {
			t.Errorf("%s: %+v", name, seen)
		}
	}
}

// A trip ends with the group's revision, and what the new side did before it counts no more; past the point of no return it is an alarm alone (T-4).
func TestATripEndsWithTheRevision(t *testing.T) {
	t.Parallel()
	b, at := tally.NewBreaker(judge.Default.Breaker), noon
	fail(b, &at, split.New, 20, true, time.Millisecond)
	if !b.Open(5) || b.Open(6) || b.Seen(6, at) != nil {
		t.Error("the trip is not that of its revision")
	}
	for i := range 30 {
		b.Count(&tally.Event{At: at, Revision: 6, Side: split.New, Failed: i < 19}, false)
		b.Count(&tally.Event{At: at, Revision: 5, Side: split.New, Failed: true}, false) // what ends late
	}
	if b.Open(6) {
		t.Error("failures of before the change broke what came after it")
	}
	for range 20 {
		at = at.Add(time.Second)
		b.Count(&tally.Event{At: at, Revision: 7, Side: split.New, Failed: true}, true)
	}
	if s := b.Seen(7, at); b.Open(7) || s == nil || !s.NoReturn {
		t.Errorf("past the point of no return: open %v, %+v", b.Open(7), s)
	}
}

func TestCountingDoesNotAllocate(t *testing.T) {
	ta, b := tally.New(policy()), tally.NewBreaker(judge.Default.Breaker)
	e := tally.Event{At: noon, Side: split.New, Visitor: 1, Failed: true, Write: true, Posted: true, Took: time.Millisecond}
	ta.Count(&e, 0)
	ok := e
	ok.Failed = false
	if n := testing.AllocsPerRun(1000, func() { e.Visitor++; ta.Count(&e, 1); b.Count(&ok, false) }); n != 0 {
		t.Errorf("%v allocations a request", n)
	}
}

// BenchmarkCount is what the judge and the breaker cost a request, with the look for who asks left out.
func BenchmarkCount(b *testing.B) {
	ta, br := tally.New(policy()), tally.NewBreaker(judge.Default.Breaker)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		e := tally.Event{At: noon, Side: split.New, Took: 12 * time.Millisecond}
		for pb.Next() {
			e.Visitor += 11400714819323198485
			ta.Count(&e, int(e.Visitor&7))
			br.Count(&e, false)
		}
	})
}
