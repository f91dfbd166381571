package draw

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Stand is where one group stood at a moment.
type Stand struct {
	Group    string
	From, To string // backends; To is empty for a group that the configuration no longer has
	Weight   int    // basis points
	Phase    string
	Since    time.Time // zero: it had not been heard of yet
	Moved    bool      // it has been on its way at least once
}

// Place is a backend as the map shows it.
type Place struct {
	Name string
	Kind string // such as drupal7; empty: services
}

// Map is a drawing of what is in the monolith, what is on the way and what stands outside.
type Map struct {
	ID, Title, Desc string
	Class           string // wide or narrow
	W, H            float64
	Frames          []Frame
}

// Frame is one place with what stands in it.
type Frame struct {
	X, Y, W, H  float64
	Class, Name string
	About       string
	Boxes       []Box
}

// Box is one group. Fill is how wide the new side's part of it is.
type Box struct {
	X, Y, W, H, Fill float64
	Class            string
	Name, About      string
	Full             string // the whole name
}

// Bar is where the box's share is drawn.
func (b Box) Bar() float64 { return b.Y + b.H - 5 }

// The map's measures.
const (
	boxHigh  = 50.0
	boxGap   = 10.0
	padding  = 14.0
	titled   = 50.0 // a frame's head
	gap      = 18.0
	mapWide  = 1040.0
	mapSmall = 350.0
)

// Places draws the map: on a screen the three columns stand side by side, on a telephone below one another. monolith is where what no
// route takes goes.
func Places(places []Place, monolith string, stands []Stand, zone *time.Location, small bool) (m Map) {
	defer m.edge()
	inside, way, outside := frames(places, monolith, stands, zone)
	m = Map{ID: "drawn", Class: "wide", Title: "What is in the monolith, and what stands outside", W: mapWide}
	if small {
		m.ID, m.Class, m.W = "drawn-narrow", "narrow", mapSmall
		_, m.H = column(slices.Concat([]*Frame{inside, way}, outside), 0, 0, mapSmall)
		m.take(inside, way)
		m.take(outside...)
		return m
	}
	wide := (mapWide - 2*gap) / 3
	for i, frames := range [][]*Frame{{inside}, {way}, outside} {
		_, h := column(frames, float64(i)*(wide+gap), 0, wide)
		m.H = max(m.H, h)
	}
	for _, f := range []*Frame{inside, way} {
		f.H = m.H
	}
	if len(outside) > 0 {
		last := outside[len(outside)-1]
		last.H = m.H - last.Y
	}
	m.take(inside, way)
	m.take(outside...)
	return m
}

// edge leaves room for the strokes of the outermost frames.
func (m *Map) edge() { m.W, m.H = m.W+2, m.H+2 }

func (m *Map) take(frames ...*Frame) {
	for _, f := range frames {
		m.Frames = append(m.Frames, *f)
		m.Desc += fmt.Sprintf("%s: ", f.Name)
		for i, b := range f.Boxes {
			if i > 0 {
				m.Desc += ", "
			}
			m.Desc += b.Full
		}
		if len(f.Boxes) == 0 {
			m.Desc += "nothing"
		}
		m.Desc += ". "
	}
}

// column sets frames below one another, and gives where the next would begin and how high all are.
func column(frames []*Frame, x, y, w float64) (next, high float64) {
	for _, f := range frames {
		f.X, f.Y, f.W = x, y, w
		each := (w - 2*padding - boxGap) / 2
		for i := range f.Boxes {
			b := &f.Boxes[i]
			b.X, b.Y = px(x+padding+float64(i%2)*(each+boxGap)), px(y+titled+float64(i/2)*(boxHigh+boxGap))
			b.Fill, b.W, b.H = px(b.Fill*each), px(each), boxHigh
		}
		rows := max((len(f.Boxes)+1)/2, 1)
		f.H = titled + float64(rows)*(boxHigh+boxGap) + padding - boxGap
		y += f.H + gap
	}
	return y, y - gap
}

func frames(places []Place, monolith string, stands []Stand, zone *time.Location) (inside, way *Frame, outside []*Frame) {
	inside = &Frame{Class: "inside", Name: "In the monolith", About: monolith, Boxes: []Box{{Class: "rest", Name: "everything else", Full: "everything else", About: "no route takes it"}}}
	way = &Frame{Class: "way", Name: "On the way", About: "visitors are split between both sides"}
	by := map[string]*Frame{}
	for _, p := range places {
		if p.Name == monolith {
			inside.About = about(p)
			continue
		}
		by[p.Name] = &Frame{Class: "outside", Name: "Outside: " + p.Name, About: about(p)}
		outside = append(outside, by[p.Name])
	}
	slices.SortFunc(stands, func(a, b Stand) int { return cmp.Compare(a.Group, b.Group) })
	for _, s := range stands {
		box := Box{Name: clip(s.Group), Full: s.Group, About: s.about(zone), Fill: float64(s.Weight) / 10000}
		at := by[s.To]
		switch {
		case s.Weight > 0 && s.Weight < 10000:
			box.Class, at = "split", way
		case s.Weight == 0 && by[s.From] != nil: // from a place that is outside already
			box.Class, box.Fill, at = "there", 1, by[s.From]
		case s.Weight == 0 || at == nil:
			box.Class, at = "still", inside
		default:
			box.Class = "there"
		}
		at.Boxes = append(at.Boxes, box)
	}
	return inside, way, outside
}

func about(p Place) string {
	switch p.Kind {
	case "drupal7":
		return p.Name + ", Drupal 7"
	case "drupal8":
		return "Drupal 8"
	}
	return "stands on its own"
}

func (s Stand) about(zone *time.Location) string {
	switch {
	case s.Since.IsZero():
		return "not yet in the plan"
	case s.Weight > 0 && s.Weight < 10000:
		return percent(float64(s.Weight)/100) + " of visitors"
	case s.Weight == 0 && s.Phase != "off":
		return s.Phase
	case s.Weight == 0 && !s.Moved:
		return "not moved yet"
	case s.Weight == 0:
		return "back " + s.Since.In(zone).Format("2 Jan 2006")
	}
	return "since " + s.Since.In(zone).Format("2 Jan 2006")
}

// named is how wide a group's name may be in its box.
const named = 128.0

// clip is as much of a name as its box has room for, in the widths that letters of its size have in common fonts.
func clip(s string) string {
	wide, fits := 0.0, 0
	for i, letter := range s {
		switch {
		case strings.ContainsRune("fijlrt-. ", letter):
			wide += 6
		case strings.ContainsRune("mwMW", letter):
			wide += 14
		default:
			wide += 9.5
		}
		if wide > named {
			return s[:fits] + "…"
		}
		if wide <= named-14 {
			fits = i + utf8.RuneLen(letter)
		}
	}
	return s
}
