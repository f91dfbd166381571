// Package draw turns what was counted, and where groups stood, into drawings with their own words beside them: curves of both sides and
// the map of what stands where. It is arithmetic on values; a page writes the result as SVG.
package draw

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// Chart is a drawing in its own units, ready to be written.
type Chart struct {
	ID, Title, Desc          string
	W, H                     float64
	Left, Right, Top, Bottom float64 // of the plot
	YTicks, XTicks           []Tick
	Lines                    []Line
	Labels                   []Label
	Empty                    string // what stands in place of lines, where there are none
}

// Tick is a mark on an axis.
type Tick struct {
	At   float64
	Text string
}

// Line is a run of points without a gap.
type Line struct{ Class, Points string }

// Label is a word at a line's end, so that colour is never alone.
type Label struct {
	X, Y        float64
	Class, Text string
}

// Window is the time that a chart shows.
type Window struct {
	From, To time.Time
	Zone     *time.Location
}

const (
	chartWide = 460.0
	chartHigh = 214.0
)

func (w Window) frame(id, title string) *Chart {
	c := &Chart{ID: id, Title: title, W: chartWide, H: chartHigh, Left: 52, Right: chartWide - 66, Top: 12, Bottom: chartHigh - 28}
	every, layout := w.every(5)
	_, offset := w.From.In(w.Zone).Zone()
	local := time.Duration(offset) * time.Second
	for at := w.From.Add(local).Truncate(every).Add(-local); !at.After(w.To); at = at.Add(every) {
		if !at.Before(w.From) {
			c.XTicks = append(c.XTicks, Tick{c.x(w, at), at.In(w.Zone).Format(layout)})
		}
	}
	return c
}

var spacings = []time.Duration{time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute,
	10 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour, 48 * time.Hour, 96 * time.Hour, 168 * time.Hour}

// every is the distance of the times below a chart, so that at most so many fit, and how they are written.
func (w Window) every(most int) (time.Duration, string) {
	every := spacings[len(spacings)-1]
	for _, s := range spacings {
		if w.To.Sub(w.From) <= s*time.Duration(most) {
			every = s
			break
		}
	}
	switch {
	case every < time.Minute:
		return every, "15:04:05"
	case every < 24*time.Hour:
		return every, "15:04"
	}
	return every, "2 Jan"
}

func (c *Chart) x(w Window, at time.Time) float64 {
	return px(c.Left + (c.Right-c.Left)*float64(at.Sub(w.From))/float64(max(w.To.Sub(w.From), 1)))
}

func px(v float64) float64 { return math.Round(v*10) / 10 }

// linear sets an axis from nothing to at least top, and gives the place of a value.
func (c *Chart) linear(top float64, say func(float64) string) func(float64) float64 {
	step := nice(top / 4)
	top = step * math.Ceil(top/step)
	y := func(v float64) float64 { return px(c.Bottom - (c.Bottom-c.Top)*min(v, top)/top) }
	for i := range int(math.Round(top/step)) + 1 {
		c.YTicks = append(c.YTicks, Tick{y(float64(i) * step), say(float64(i) * step)})
	}
	return y
}

// tenfold sets an axis in tenfold steps.
func (c *Chart) tenfold(low, high float64, say func(float64) string) func(float64) float64 {
	bottom, top := math.Floor(math.Log10(low)), math.Ceil(math.Log10(high*1.01))
	top = max(top, bottom+1)
	y := func(v float64) float64 {
		return px(c.Bottom - (c.Bottom-c.Top)*(max(math.Log10(v), bottom)-bottom)/(top-bottom))
	}
	for p := bottom; p <= top; p++ {
		c.YTicks = append(c.YTicks, Tick{y(math.Pow(10, p)), say(math.Pow(10, p))})
	}
	return y
}

// nice is the next of … 0.5, 1, 2, 5, 10, 20 …
func nice(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(max(v, 1e-3))))
	for _, m := range []float64{1, 2, 5} {
		if v <= m*power*1.0001 {
			return m * power
		}
	}
	return 10 * power
}

// Middle is where the plot's centre is, from the left.
func (c *Chart) Middle() float64 { return (c.Left + c.Right) / 2 }

// Half is where the plot's centre is, from the top.
func (c *Chart) Half() float64 { return (c.Top + c.Bottom) / 2 }

// points gathers lines and breaks them where there is nothing to draw.
type points struct {
	class string
	text  strings.Builder
	last  [2]float64
	some  bool
	lines []Line
}

func (p *points) add(x, y float64) {
	if p.text.Len() > 0 {
		p.text.WriteByte(' ')
	}
	fmt.Fprintf(&p.text, "%g,%g", x, y)
	p.last, p.some = [2]float64{x, y}, true
}

func (p *points) gap() {
	if s := p.text.String(); s != "" {
		if !strings.Contains(s, " ") { // one point alone is a line of no length, which round ends make a dot
			s += " " + s
		}
		p.lines = append(p.lines, Line{p.class, s})
	}
	p.text.Reset()
}

// end takes the lines into the chart, with a word where the last one ends.
func (c *Chart) end(p *points, label string) {
	p.gap()
	c.Lines = append(c.Lines, p.lines...)
	if p.some && label != "" {
		c.Labels = append(c.Labels, Label{c.Right + 6, p.last[1], p.class, label})
	}
}

// apart moves labels from each other where they would stand on one another.
func (c *Chart) apart() {
	const line = 13.0
	for i := range c.Labels {
		for j := range i {
			if d := c.Labels[i].Y - c.Labels[j].Y; math.Abs(d) < line {
				up, down := &c.Labels[i], &c.Labels[j]
				if d > 0 {
					up, down = down, up
				}
				middle := min(max((up.Y+down.Y)/2, c.Top+line/2), c.Bottom-line/2)
				up.Y, down.Y = px(middle-line/2), px(middle+line/2)
			}
		}
	}
}
