package assess

import (
	"cmp"
	"fmt"
	"math"
	"strings"
	"time"
)

// picture is a drawing in its own units. A page holds each twice: one for a screen and one for a telephone, where shrinking
// the first would make its letters too small to read.
type picture struct {
	ID, Title, Desc string
	Class           string // wide or narrow
	W, H            float64
	Rules           []rule
	Bars            []bar
	Lines           []line
	Dots            []dot
	Texts           []label
}

type rule struct{ X1, Y1, X2, Y2 float64 }

type bar struct {
	X, Y, W, H float64
	Class      string
}

type line struct{ Class, Path string }

type dot struct {
	X, Y  float64
	Class string
}

type label struct {
	X, Y  float64
	Class string // its anchor, and what it is
	Text  string
}

const (
	wide   = 760.0
	narrow = 350.0
)

// sizes draws something for a screen and for a telephone.
func sizes(draw func(width float64) *picture) []*picture {
	big, small := draw(wide), draw(narrow)
	big.Class, small.Class, small.ID = "wide", "narrow", small.ID+"-narrow"
	return []*picture{big, small}
}

func px(v float64) float64 { return math.Round(v*10) / 10 }

// nice is the next of 1, 2, 5, 10, 20 … from v on.
func nice(v float64) float64 {
	unit := math.Pow(10, math.Floor(math.Log10(max(v, 1))))
	for _, n := range []float64{1, 2, 5, 10} {
		if n*unit >= v {
			return n * unit
		}
	}
	return 10 * unit
}

// axis is a plot's frame with a scale from 0 to its top.
type axis struct {
	*picture
	left, right, up, down, top float64
}

func frame(id, title string, width, height, most float64) axis {
	a := axis{&picture{ID: id, Title: title, W: width, H: height}, 52, width - 8, 14, height - 30, 0}
	step := nice(most / 4)
	a.top = step * math.Ceil(max(most, 1)/step)
	for v := 0.0; v <= a.top; v += step {
		y := a.y(v)
		a.Rules = append(a.Rules, rule{a.left, y, a.right, y})
		a.Texts = append(a.Texts, label{a.left - 6, y + 4, "end soft", thousands(int64(v))})
	}
	return a
}

func (a axis) y(v float64) float64 { return px(a.down - (a.down-a.up)*v/a.top) }

func (a axis) x(i, n int) float64 { return px(a.left + (a.right-a.left)*float64(i)/float64(n)) }

func (a axis) below(x float64, text string) {
	a.Texts = append(a.Texts, label{px(min(max(x, a.left+14), a.right-14)), a.down + 18, "middle soft", text})
}

// hours draws the load of each hour, or of each day where there are too many hours to tell apart. Its scale is logarithmic:
// beside a show night, all other hours would be nothing.
func (a *Assessment) hours(width float64) *picture {
	each, unit := time.Hour, "hour"
	if a.To.Sub(a.From) > 60*24*time.Hour {
		each, unit = 24*time.Hour, "day"
	}
	for a.To.Sub(a.From)/each > 1500 { // ten years, or a line by a clock that was never set
		each *= 10
		unit = fmt.Sprint(int(each/(24*time.Hour)), " days")
	}
	begin := a.From.Truncate(each)
	n := int(a.To.Sub(begin)/each) + 1
	people, bots, most := make([]int64, n), make([]int64, n), int64(1)
	for _, h := range a.Hours {
		i := min(max(0, int(h.At.Sub(begin)/each)), n-1)
		people[i] += h.Requests - h.Bots
		bots[i] += h.Bots
		most = max(most, people[i]+bots[i])
	}
	decades := math.Ceil(math.Log10(float64(most) + 1))
	f := axis{&picture{ID: "hours", Title: "Requests each " + unit + ", in UTC", W: width, H: 230}, 60, width - 8, 14, 200, decades}
	for d := range int(decades) + 1 {
		y := f.y(float64(d))
		f.Rules = append(f.Rules, rule{f.left, y, f.right, y})
		f.Texts = append(f.Texts, label{f.left - 6, y + 4, "end soft", thousands(int64(math.Pow10(d)))})
	}
	f.Lines = append(f.Lines, line{"bots", f.steps(bots)}, line{"people", f.steps(people)})
	marks := 8
	if width == narrow {
		marks = 4
	}
	form := "2 Jan"
	if each > 24*time.Hour {
		form = "Jan 2006"
	}
	if a.To.Sub(a.From) < 36*time.Hour {
		form = "15:04"
	}
	for every, i := max(1, n/marks), 0; i < n; i += every {
		f.below(f.x(i, n), begin.Add(time.Duration(i)*each).Format(form))
	}
	f.Desc = fmt.Sprintf("One line for people and one for robots. The busiest %s had %s requests. The scale goes in tenfold steps.", unit, thousands(most))
	return f.picture
}

// steps is a line of whole steps over a logarithmic scale; where there was nothing, it lies on the ground.
func (a axis) steps(counts []int64) string {
	var path strings.Builder
	for i, v := range counts {
		y := a.y(math.Log10(float64(max(v, 1))))
		if i == 0 {
			fmt.Fprintf(&path, "M%g %g", a.x(0, len(counts)), y)
		} else {
			fmt.Fprintf(&path, "V%g", y)
		}
		fmt.Fprintf(&path, "H%g", a.x(i+1, len(counts)))
	}
	return path.String()
}

// night draws each minute of the worst night.
func (a *Assessment) night(width float64) *picture {
	f := frame("night", "Requests a minute on the worst night", width, 230, float64(a.Show.PeakPerMinute))
	n := len(a.Show.Minutes)
	var path strings.Builder
	for i, v := range a.Show.Minutes {
		fmt.Fprintf(&path, "%c%g %g", map[bool]rune{true: 'M', false: 'L'}[i == 0], f.x(i, n), f.y(float64(v)))
	}
	f.Lines = append(f.Lines, line{"people", path.String()})
	for h := 0; h <= showHours; h++ {
		if width == wide || h%2 == 0 {
			f.below(f.x(h*60, n), a.Show.From.Add(time.Duration(h)*time.Hour).Format("15:04"))
		}
	}
	x, y := f.x(int(a.Show.Peak.Sub(a.Show.From)/time.Minute), n), f.y(float64(a.Show.PeakPerMinute))
	if !a.Show.Peak.Before(a.Show.From) && a.Show.Peak.Before(a.Show.To) {
		f.Dots = append(f.Dots, dot{x, y, "peak"})
		f.Texts = append(f.Texts, label{px(min(x+8, f.right-90)), y + 4, "start ink", fmt.Sprintf("%s: %s", a.Show.Peak.Format("15:04"), thousands(a.Show.PeakPerMinute))})
	}
	f.Desc = fmt.Sprintf("From %s to %s UTC there were %s requests; the busiest minute was %s with %s.",
		a.Show.From.Format("2 January 15:04"), a.Show.To.Format("15:04"), thousands(a.Show.Requests), a.Show.Peak.Format("15:04"), thousands(a.Show.PeakPerMinute))
	return f.picture
}

// latencies draws what 50, 95 and 99 of 100 requests took, from 1 ms to the slowest, each tenfold as long as the one before.
func (a *Assessment) latencies(width float64) *picture {
	rows := a.timed()
	const high, head = 30.0, 26.0
	names := 250.0
	if width == narrow {
		names = 12
	}
	p := &picture{ID: "latency", Title: "How long answers take", W: width, H: head + high*float64(len(rows)) + 8}
	slowest := 1000.0
	for _, l := range rows {
		slowest = max(slowest, l.P99)
	}
	decades := math.Ceil(math.Log10(slowest))
	left, right := names+6, width-14
	at := func(ms float64) float64 { return px(left + (right-left)*math.Log10(max(ms, 1))/decades) }
	for d := 0.0; d <= decades; d++ {
		x := at(math.Pow(10, d))
		p.Rules = append(p.Rules, rule{x, head - 6, x, p.H - 4})
		p.Texts = append(p.Texts, label{min(max(x, left+12), right-6), head - 12, "middle soft", ms(math.Pow(10, d))})
	}
	for i, l := range rows {
		y := head + high*float64(i) + high/2
		name := label{names, y + 4, "end ink", shorten(l.What, 36)}
		if width == narrow {
			name = label{left, y - 5, "start ink", shorten(l.What, 44)}
			y += 6
		}
		p.Texts = append(p.Texts, name)
		p.Rules = append(p.Rules, rule{at(l.P50), y, at(l.P99), y})
		p.Dots = append(p.Dots, dot{at(l.P99), y, "p99"}, dot{at(l.P95), y, "p95"}, dot{at(l.P50), y, "p50"})
	}
	p.Desc = "For each route three dots: what 50, 95 and 99 of 100 requests took at most. The table below has the figures."
	return p
}

// timed are the latencies that the log has times of.
func (a *Assessment) timed() (all []Latency) {
	for _, l := range a.Latency {
		if l.Requests > 0 {
			all = append(all, l)
		}
	}
	return all
}

func shorten(text string, most int) string {
	if r := []rune(text); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return text
}

// where draws what is where: the monolith's groups on the left in the order of cutover, and what takes each of them over.
func (a *Assessment) where(width float64) *picture {
	const high, head, gap = 40.0, 28.0, 8.0
	p := &picture{ID: "map", Title: "What is where, and where it would go", W: width, H: head + (high+gap)*float64(len(a.Order))}
	box := px((width - 70) / 2)
	if width == narrow {
		box = 150
	}
	to := width - box
	p.Texts = append(p.Texts, label{0, 16, "start soft", "in the monolith"}, label{to, 16, "start soft", "would be"})
	top := int64(1)
	for _, g := range a.Order {
		top = max(top, g.Requests)
	}
	most := int(box / 8.3)
	for i, g := range a.Order {
		y := head + (high+gap)*float64(i)
		p.Bars = append(p.Bars, bar{0, y, box, high, "box"}, bar{0, y + high - 4, px(box * float64(g.Requests) / float64(top)), 4, "people"},
			bar{to, y, box, high, "box " + g.Kind})
		p.Texts = append(p.Texts, label{9, y + 16, "start ink strong", shorten(fmt.Sprintf("%d. %s", i+1, g.Name), most)},
			label{9, y + 31, "start soft", thousands(g.Requests) + " requests"})
		first, second := g.target()
		p.Texts = append(p.Texts, label{to + 9, y + 16, "start ink strong", shorten(first, most)}, label{to + 9, y + 31, "start soft", shorten(second, most)})
		mid := y + high/2
		style := "goes"
		if g.Kind == Session {
			style = "stays"
		}
		p.Lines = append(p.Lines, line{style, fmt.Sprintf("M%g %gL%g %gm-6 -4l6 4l-6 4", box+6, mid, to-6, mid)})
	}
	p.Desc = "Left, the groups of routes in the proposed order, with a bar for their requests; right, what takes each of them over. The table of the order says the same in words."
	return p
}

// target is what takes a group over, in a word and in a few.
func (g Group) target() (first, second string) {
	switch g.Kind {
	case Pages:
		return "frozen files or Drupal 8", "migrate content"
	case Files:
		return "files", "copied with the pages"
	case Session:
		return "nothing", "goes with the monolith"
	}
	if g.Service == "" {
		return "no service yet", "stays until there is one"
	}
	second = "$" + g.Monthly.Total + " a month"
	if parts := g.form.known.Parts; len(parts) > 0 {
		second = "with " + strings.Join(parts, ", ")
	}
	return cmp.Or(g.Service, "-"), second
}
