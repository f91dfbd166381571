package draw

import (
	"fmt"
	"math"
	"time"

	"github.com/banyan-migration/banyan/gateway/judge"
)

// most is how many points a curve has at most. Failures are rare: fewer points say more of them.
const (
	most = 120
	few  = 36
)

// stretch is the cells of a while, added up.
type stretch struct {
	at     time.Time
	weight int
	side   [2]judge.Counts
	long   time.Duration // the first and the last may be cut short
}

// stretches adds cells up into at most so many of equal length, and gives how long each is. cell is how long one cell is.
func stretches(cells []judge.Cell, w Window, cell time.Duration, most time.Duration) ([]stretch, time.Duration) {
	every := max(cell, time.Millisecond)
	for _, s := range append([]time.Duration{every}, spacings...) {
		if every = max(s, cell); w.To.Sub(w.From) <= every*most {
			break
		}
	}
	var all []stretch
	var first, last time.Time
	for _, c := range cells {
		if c.At.Before(w.From) || c.At.After(w.To) {
			continue
		}
		at := c.At.Truncate(every)
		if len(all) == 0 || !all[len(all)-1].at.Equal(at) {
			all = append(all, stretch{at: at, long: every})
		}
		if first.IsZero() {
			first = c.At
		}
		last = c.At
		now := &all[len(all)-1]
		now.weight = c.Weight
		for side := range now.side {
			now.side[side] = now.side[side].Plus(c.Side[side])
		}
	}
	if n := len(all); n > 0 {
		all[n-1].long = last.Add(cell).Sub(all[n-1].at)
		all[0].long -= first.Sub(all[0].at)
	}
	return all, every
}

var classes = [2]string{"legacy", "new"}

// Curves draws a group's cells: the new side's share, requests a minute, failures and latency of both sides. names are the sides' own.
func Curves(cells []judge.Cell, w Window, cell time.Duration, names [2]string) []*Chart {
	all, every := stretches(cells, w, cell, most)
	rare, longer := stretches(cells, w, cell, few)
	return []*Chart{share(all, w, names), rate(all, every, w, names), failures(rare, longer, w, names), latency(all, every, w, names)}
}

func (c *Chart) silent(all []stretch) bool {
	if len(all) == 0 {
		c.Empty = "No requests were counted in this time."
		c.Desc = c.Empty
	}
	return len(all) == 0
}

func percent(v float64) string { return fmt.Sprintf("%g %%", v) }

func share(all []stretch, w Window, names [2]string) *Chart {
	c := w.frame("share", "Share of visitors on "+names[judge.New])
	y := c.linear(100, percent)
	if c.silent(all) {
		return c
	}
	p := &points{class: "share"}
	for i, s := range all {
		if i > 0 && all[i-1].weight != s.weight {
			p.add(c.x(w, s.at), y(float64(all[i-1].weight)/100))
		}
		p.add(c.x(w, later(s.at, w.From)), y(float64(s.weight)/100))
	}
	now := float64(all[len(all)-1].weight) / 100
	p.add(c.Right, y(now))
	c.end(p, percent(now))
	if c.Desc = fmt.Sprintf("From %s to %s.", percent(float64(all[0].weight)/100), percent(now)); all[0].weight == all[len(all)-1].weight {
		c.Desc = percent(now) + " at both ends."
	}
	return c
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

func rate(all []stretch, every time.Duration, w Window, names [2]string) *Chart {
	c := w.frame("rate", "Requests a minute")
	top, asked := 1.0, [2]int64{}
	value := func(s stretch, side int) float64 { return float64(s.side[side].Requests) / s.long.Minutes() }
	for _, s := range all {
		for side := range 2 {
			top, asked[side] = max(top, value(s, side)), asked[side]+s.side[side].Requests
		}
	}
	y := c.linear(top, func(v float64) string { return fmt.Sprintf("%g", v) })
	if c.silent(all) {
		return c
	}
	for side := range 2 {
		if asked[side] == 0 {
			continue
		}
		p := &points{class: classes[side]}
		for i, s := range all {
			if i > 0 && s.at.Sub(all[i-1].at) > 3*every {
				p.gap()
			}
			p.add(c.x(w, later(s.at.Add(every/2), w.From)), y(value(s, side)))
		}
		c.end(p, names[side])
	}
	c.apart()
	c.Desc = fmt.Sprintf("%s answered %d requests, %s %d.", names[0], asked[0], names[1], asked[1])
	return c
}

func failures(all []stretch, every time.Duration, w Window, names [2]string) *Chart {
	c := w.frame("failures", "Failures of 100 visitors")
	top, bad, seen := 1.0, [2]int64{}, [2]int64{}
	value := func(n judge.Counts) float64 { return min(100, 100*float64(n.Failed)/float64(max(n.Visitors, 1))) }
	for _, s := range all {
		for side, n := range s.side {
			top, bad[side], seen[side] = max(top, value(n)), bad[side]+n.Failed, seen[side]+n.Visitors
		}
	}
	y := c.linear(top, percent)
	if c.silent(all) {
		return c
	}
	for side := range 2 {
		p := &points{class: classes[side]}
		for _, s := range all {
			if s.side[side].Visitors > 0 {
				p.add(c.x(w, later(s.at.Add(every/2), w.From)), y(value(s.side[side])))
			}
		}
		c.end(p, names[side])
	}
	c.apart()
	c.Desc = fmt.Sprintf("%s failed %d of %d visitors, %s %d of %d.", names[0], bad[0], seen[0], names[1], bad[1], seen[1])
	return c
}

func latency(all []stretch, every time.Duration, w Window, names [2]string) *Chart {
	c := w.frame("latency", "Time to the answer")
	low, high := math.Inf(1), 1.0
	var whole [2]judge.Histogram
	for _, s := range all {
		for side, n := range s.side {
			whole[side] = whole[side].Plus(n.Latency)
			if waits(n.Latency) > 0 {
				low, high = min(low, ms(n.Latency, 0.5)), max(high, ms(n.Latency, 0.95))
			}
		}
	}
	if math.IsInf(low, 1) {
		low, high = 1, 1000
	}
	y := c.tenfold(low, high, sayMS)
	if c.silent(all) {
		return c
	}
	for side := range 2 {
		if waits(whole[side]) == 0 {
			continue
		}
		p50, p95 := &points{class: classes[side]}, &points{class: classes[side] + " p95"}
		for _, s := range all {
			if h := s.side[side].Latency; waits(h) > 0 {
				x := c.x(w, later(s.at.Add(every/2), w.From))
				p50.add(x, y(ms(h, 0.5)))
				p95.add(x, y(ms(h, 0.95)))
			}
		}
		c.end(p95, "")
		c.end(p50, names[side])
		c.Desc += fmt.Sprintf("%s: median %s, 95th of 100 (dashed) %s. ", names[side], sayMS(ms(whole[side], 0.5)), sayMS(ms(whole[side], 0.95)))
	}
	c.apart()
	for _, q := range []float64{0.95, 0.99} {
		if at, from, to := judge.Ratio(whole[judge.New], whole[judge.Legacy], q); at > 0 {
			c.Desc += fmt.Sprintf("The %.0fth of 100 takes %s %.2f times as long as %s (19 times of 20 between %.2f and %.2f). ", 100*q, names[judge.New], at, names[judge.Legacy], from, to)
		}
	}
	c.Desc += "The scale goes in tenfold steps."
	return c
}

func sayMS(v float64) string {
	switch {
	case v >= 999.5:
		return fmt.Sprintf("%.3g s", v/1000)
	case v < 9.95:
		return fmt.Sprintf("%.2g ms", v)
	}
	return fmt.Sprintf("%.0f ms", v)
}
