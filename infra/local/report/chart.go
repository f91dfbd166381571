package report

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/banyan-migration/banyan/loadtest"
)

// chart is a drawing in its own units, ready to be written as SVG. A page holds each twice: one for a screen and one for
// a telephone, where shrinking the first would make its letters too small to read.
type chart struct {
	ID, Title, Desc          string
	Class                    string // wide or narrow
	W, H                     float64
	Left, Right, Top, Bottom float64 // of the plot
	YTicks, XTicks, RTicks   []tick
	Bars                     []bar
	Lines                    []line
	Marks                    []mark
}

type tick struct {
	At   float64
	Text string
}

type bar struct {
	X, Y, W, H float64
	Class      string
}

type line struct{ Class, Points string }

// mark is an event: a line across the plot with a number that the list below explains.
type mark struct {
	X, Y  float64
	N     int
	Class string
}

const (
	wide   = 760.0
	narrow = 350.0
)

// frame is an empty chart of the whole night.
func (r *Report) frame(id, title string, width float64) *chart {
	c := &chart{ID: id, Title: title, Class: "wide", W: width, H: 300, Left: 54, Right: width - 44, Top: 40, Bottom: 266}
	ticks := 7
	if width == narrow {
		c.ID, c.Class, ticks = id+"-narrow", "narrow", 4
	}
	length := r.length()
	every := r.every(length, ticks)
	for at := time.Duration(0); at <= length; at += every {
		c.XTicks = append(c.XTicks, tick{c.x(at, length), r.clock(at).Format("15:04")})
	}
	last := -100.0
	for i, e := range r.Events {
		x, y := c.x(e.At, length), 10.0
		if x-last < 20 { // its number would stand on the one before
			y = 28
		} else {
			last = x
		}
		c.Marks = append(c.Marks, mark{x, y, i + 1, e.Kind})
	}
	return c
}

// every is the distance of the times below a chart: whole minutes of the night, so that at most so many fit.
func (r *Report) every(length time.Duration, most int) time.Duration {
	speed := max(r.Run.Speed, 1)
	minutes := 1.0
	for float64(length)*speed/float64(time.Minute)/minutes > float64(most) {
		minutes = nice(minutes * 1.5)
	}
	return time.Duration(minutes * float64(time.Minute) / speed)
}

// length is how long the charts' night is: the replay, and what was still done after it.
func (r *Report) length() time.Duration {
	length := time.Second
	if r.Load != nil {
		length = max(length, time.Duration(r.Load.Seconds*float64(time.Second)))
	}
	for _, e := range r.Events {
		length = max(length, e.At)
	}
	return length
}

func (c *chart) x(at, length time.Duration) float64 {
	return px(c.Left + (c.Right-c.Left)*float64(at)/float64(length))
}

func px(v float64) float64 { return math.Round(v*10) / 10 }

// donations draws what each side took in each minute of the night, and the services' share as a line.
func (r *Report) donations(width float64) *chart {
	c := r.frame("donations", "Donations a minute, by who accepted them", width)
	length := r.length()
	wideness := max(time.Second, length/60).Round(time.Second)
	sides := r.count(wideness)
	perMinute := 60 / (wideness.Seconds() * max(r.Run.Speed, 1)) // from a bar's count to a minute of the night's clock
	top := 1.0
	for _, s := range sides {
		top = max(top, float64(s[0]+s[1])*perMinute)
	}
	step := nice(top / 4)
	top = step * math.Ceil(top/step)
	y := func(v float64) float64 { return px(c.Bottom - (c.Bottom-c.Top)*v/top) }
	for v := 0.0; v <= top; v += step {
		c.YTicks = append(c.YTicks, tick{y(v), short(v)})
	}
	for i, s := range sides {
		x0, x1 := c.x(time.Duration(i)*wideness, length), c.x(min(length, time.Duration(i+1)*wideness), length)
		old := float64(s[0]) * perMinute
		both := old + float64(s[1])*perMinute
		c.bar(x0, x1, y(0), y(old), loadtest.Legacy)
		c.bar(x0, x1, y(old), y(both), loadtest.Services)
	}
	for _, share := range []float64{0, 50, 100} {
		c.RTicks = append(c.RTicks, tick{px(c.Bottom - (c.Bottom-c.Top)*share/100), short(share) + " %"})
	}
	c.Lines = append(c.Lines, line{"share", c.share(r.Events, length)})
	var old, new int64
	for _, s := range sides {
		old, new = old+int64(s[0]), new+int64(s[1])
	}
	c.Desc = fmt.Sprintf("Bars: %s donations that Drupal accepted and %s that the services accepted. Line: the services’ share of visitors. Numbers: the events listed below.",
		thousands(old), thousands(new))
	return c
}

// count is how many donations Drupal and the services accepted in each stretch.
func (r *Report) count(stretch time.Duration) [][2]int {
	all := make([][2]int, r.length()/stretch+1)
	if r.Load == nil {
		return all
	}
	for _, g := range r.Load.Donations {
		i := min(max(0, int(g.At.Sub(r.Load.Started)/stretch)), len(all)-1)
		side := 0
		if g.Side == loadtest.Services {
			side = 1
		}
		all[i][side]++
	}
	return all
}

func (c *chart) bar(x0, x1, from, to float64, class string) {
	if from-to > 0.05 {
		c.Bars = append(c.Bars, bar{px(x0 + 0.5), to, px(max(0.5, x1-x0-1)), px(from - to), class})
	}
}

// share is the weight as a line of steps.
func (c *chart) share(events []Event, length time.Duration) string {
	var b strings.Builder
	y := func(weight int) float64 { return px(c.Bottom - (c.Bottom-c.Top)*float64(weight)/10000) }
	now := 0
	fmt.Fprintf(&b, "%g,%g", c.Left, y(now))
	for _, e := range events {
		if e.Kind == Weight || e.Kind == Rollback {
			x := c.x(e.At, length)
			fmt.Fprintf(&b, " %g,%g %g,%g", x, y(now), x, y(e.Weight))
			now = e.Weight
		}
	}
	fmt.Fprintf(&b, " %g,%g", c.Right, y(now))
	return b.String()
}

// latency draws from post to 302, the median and the 95th of 100, of each side, on a scale of tenfold steps.
func (r *Report) latency(width float64) *chart {
	c := r.frame("latency", "From post to answer, by who answered", width)
	length := r.length()
	low, high := math.Inf(1), 1.0
	if r.Load != nil {
		for _, m := range r.Load.Series {
			for _, t := range []loadtest.Taken{m.Legacy, m.Services} {
				if t.Accepted > 0 {
					low, high = min(low, max(t.P50, 0.1)), max(high, t.P95)
				}
			}
		}
	}
	bottom, top := math.Floor(math.Log10(min(low, 1))), math.Ceil(math.Log10(high*1.01))
	if low > 1 && !math.IsInf(low, 1) {
		bottom = math.Floor(math.Log10(low))
	}
	y := func(ms float64) float64 {
		return px(c.Bottom - (c.Bottom-c.Top)*(math.Log10(max(ms, 0.1))-bottom)/(top-bottom))
	}
	for p := bottom; p <= top; p++ {
		c.YTicks = append(c.YTicks, tick{y(math.Pow(10, p)), ms(math.Pow(10, p))})
	}
	if r.Load != nil {
		for _, side := range []string{loadtest.Legacy, loadtest.Services} {
			c.Lines = append(c.Lines, c.side(r.Load, side, length, y)...)
		}
		c.Desc = fmt.Sprintf("Over the night, Drupal’s median was %s and its 99th of 100 %s; the services’ %s and %s.",
			ms(r.Load.Legacy.Post.P50), ms(r.Load.Legacy.Post.P99), ms(r.Load.Services.Post.P50), ms(r.Load.Services.Post.P99))
	}
	return c
}

// gap is how many moments without a donation a line may cross; over a longer silence there is nothing to draw.
const gap = 2

// side is one side's two measures, each as one line a stretch that has donations.
func (c *chart) side(load *loadtest.Result, side string, length time.Duration, y func(float64) float64) []line {
	var lines []line
	var p50, p95 strings.Builder
	end := func() {
		if p50.Len() > 0 {
			lines = append(lines, line{side + " p95", p95.String()}, line{side, p50.String()})
		}
		p50.Reset()
		p95.Reset()
	}
	silent := 0
	for _, m := range load.Series {
		t := m.Legacy
		if side == loadtest.Services {
			t = m.Services
		}
		if t.Accepted == 0 {
			if silent++; silent > gap {
				end()
			}
			continue
		}
		silent = 0
		x := c.x(time.Duration((m.Second+load.Width/2)*float64(time.Second)), length)
		fmt.Fprintf(&p50, "%g,%g ", x, y(t.P50))
		fmt.Fprintf(&p95, "%g,%g ", x, y(t.P95))
	}
	end()
	return lines
}

// nice is the next of 1, 2, 5, 10, 20 …
func nice(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(max(v, 1))))
	for _, m := range []float64{1, 2, 5} {
		if v <= m*power {
			return m * power
		}
	}
	return 10 * power
}
