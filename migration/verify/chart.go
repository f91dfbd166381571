package verify

// chart is a form's days as bars: what each side has of it, one behind the other, so that a gap can be seen.
type chart struct {
	Bars  []bar
	Most  string // what the tallest bar stands for
	First string
	Last  string
	Width int64
}

type bar struct{ X, W, Source, Target int64 }

// The drawing, in its own units.
const (
	chartWidth  = 760
	chartHeight = 120
	fewDays     = 4 // below it a table says all
)

func chartOf(days []dayRow, money bool) chart {
	value := func(rows, pence int64) int64 {
		if money {
			return pence
		}
		return rows
	}
	most := int64(0)
	for _, d := range days {
		most = max(most, value(d.Moved.RowsSource, d.Moved.PenceSource), value(d.Moved.RowsTarget, d.Moved.PenceTarget))
	}
	if len(days) < fewDays || most == 0 {
		return chart{}
	}
	step := max(chartWidth/int64(len(days)), 1)
	c := chart{Most: count(most) + " rows", First: dayInWords(days[0].Day), Last: dayInWords(days[len(days)-1].Day), Width: step * int64(len(days))}
	if money {
		c.Most = pounds(most)
	}
	height := func(v int64) int64 { // without overflow for any sum of money
		if v <= 0 {
			return 0
		}
		return max(v/max(most/chartHeight, 1), 1)
	}
	for i, d := range days {
		c.Bars = append(c.Bars, bar{int64(i) * step, max(step-step/5, 1),
			min(height(value(d.Moved.RowsSource, d.Moved.PenceSource)), chartHeight), min(height(value(d.Moved.RowsTarget, d.Moved.PenceTarget)), chartHeight)})
	}
	return c
}

// Half is where the second side's bar begins.
func (b bar) Half() int64 { return b.X + b.W/2 }

// Rest is the width of the second side's bar.
func (b bar) Rest() int64 { return max(b.W-b.W/2, 1) }
