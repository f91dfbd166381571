package analysis

import (
	"cmp"
	"slices"
	"time"

	"github.com/banyan-migration/banyan/gateway/judge"
)

// curve is a group's cells of all replicas: the newest as they came, those of a day by the minute, older ones by the hour. Each list
// is in order of time and revision, one cell a time and revision.
type curve struct{ cells, minutes, hours []judge.Cell }

// The bounds of a curve's lists: two hours of ten seconds, a day, a month.
const (
	mostCells   = 720
	mostMinutes = 24 * 60
	mostHours   = 30 * 24
)

func (a *Analysis) curve(group string) *curve {
	c := a.curves[group]
	if c == nil {
		c = &curve{}
		a.curves[group] = c
	}
	return c
}

func order(x, y judge.Cell) int {
	return cmp.Or(x.At.Compare(y.At), cmp.Compare(x.Revision, y.Revision))
}

func insert(all []judge.Cell, c judge.Cell) []judge.Cell {
	at, there := slices.BinarySearchFunc(all, c, order)
	if there {
		all[at] = all[at].Plus(c)
		return all
	}
	return slices.Insert(all, at, c)
}

func (v *curve) add(c judge.Cell) {
	v.cells = insert(v.cells, c)
	thin(&v.cells, mostCells, &v.minutes, time.Minute)
	thin(&v.minutes, mostMinutes, &v.hours, time.Hour)
	if over := len(v.hours) - mostHours; over > 0 {
		v.hours = slices.Delete(v.hours, 0, over)
	}
}

// thin adds what is too much of one list to a coarser one.
func thin(from *[]judge.Cell, most int, to *[]judge.Cell, by time.Duration) {
	if over := len(*from) - most; over > 0 {
		for _, c := range (*from)[:over] {
			c.At = c.At.Truncate(by)
			*to = insert(*to, c)
		}
		*from = slices.Delete(*from, 0, over)
	}
}

// Curves are a group's cells of all replicas since a time, in order, for drawing: the newest as they were counted, a day's
// by the minute, older ones by the hour.
func (a *Analysis) Curves(group string, since time.Time) []judge.Cell {
	a.mu.Lock()
	defer a.mu.Unlock()
	v := a.curves[group]
	if v == nil {
		return nil
	}
	var all []judge.Cell
	for _, some := range [][]judge.Cell{v.hours, v.minutes, v.cells} {
		from, _ := slices.BinarySearchFunc(some, since, func(c judge.Cell, t time.Time) int { return c.At.Compare(t) })
		all = append(all, some[from:]...)
	}
	return all
}
