// Package assess says what a monolith does, from what its access log shows: which routes there are, how often they are
// asked, how slow they are, how they fail, and what to move first. It knows nothing that the log does not say.
package assess

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/banyan-migration/banyan/shared/accesslog"
	"github.com/banyan-migration/banyan/shared/form"
)

// Assessment is what a log shows. Bots are in every count, since the server had to answer them, and counted apart.
type Assessment struct {
	Requests int       `json:"requests"`
	Bots     int       `json:"bots"`
	Skipped  int       `json:"skipped_lines"` // that could not be read
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Routes   []Route   `json:"routes"` // the most asked first
	Show     Show      `json:"show"`
	Order    []Group   `json:"order"` // of cutover, as proposed
}

// Route is a method and a pattern of paths. Errors are answers of 500 and above.
type Route struct {
	Method        string  `json:"method"`
	Pattern       string  `json:"pattern"` // {name} stands for a segment that many paths differ in
	Requests      int     `json:"requests"`
	Bots          int     `json:"bots"`
	Errors        int     `json:"errors"`
	P50           float64 `json:"p50_ms"` // zero where the log has no times
	P95           float64 `json:"p95_ms"`
	PeakPerSecond int     `json:"peak_per_second"`
	PeakPerMinute int     `json:"peak_per_minute"`
	Writes        bool    `json:"writes"`
	Form          string  `json:"form,omitempty"` // the webform that the route shows, takes or thanks for
	Backend       string  `json:"backend"`        // who answers it today
}

// Show is the log's night: the seven hours with most requests, which is how long the case's show lasts.
type Show struct {
	From          time.Time `json:"from"`
	To            time.Time `json:"to"`
	Requests      int       `json:"requests"`
	Peak          time.Time `json:"peak"` // the busiest minute
	PeakPerMinute int       `json:"peak_per_minute"`
}

// showHours is how long a show lasts (story.md section 6.2).
const showHours = 7

// Read assesses a log from its first line to its last; the lines may be in any order. An error is of the file, and
// nothing is assessed then: half a log would give half a plan.
func Read(log *accesslog.Reader) (*Assessment, error) {
	var a Assessment
	root := &node{}
	minutes := tally{}
	for l := range log.Lines() {
		a.Requests++
		if l.Bot() {
			a.Bots++
		}
		if a.From.IsZero() || l.At.Before(a.From) {
			a.From = l.At
		}
		if l.At.After(a.To) {
			a.To = l.At
		}
		minutes[l.At.Unix()/60]++
		root.leaf(l).add(l)
	}
	if err := log.Err(); err != nil {
		return nil, err
	}
	if a.Requests == 0 {
		return nil, errors.Join(errors.New("assess: the log has no line that can be read"), log.First)
	}
	a.Skipped = log.Skipped
	a.Routes = root.routes()
	slices.SortStableFunc(a.Routes, func(x, y Route) int {
		return cmp.Or(cmp.Compare(y.Requests, x.Requests), strings.Compare(x.Pattern, y.Pattern), strings.Compare(x.Method, y.Method))
	})
	a.Show = minutes.show()
	a.Order = order(a.Routes)
	return &a, nil
}

// tally counts requests by second or by minute of Unix time.
type tally map[int64]int32

func (t tally) peak() (at int64, most int) {
	for k, n := range t {
		if int(n) > most || int(n) == most && k < at {
			at, most = k, int(n)
		}
	}
	return at, most
}

// show finds the busiest hours in a row; the first of equals.
func (t tally) show() Show {
	hours := tally{}
	for minute, n := range t {
		hours[minute/60] += n
	}
	var best Show
	for first := range hours {
		sum := 0
		for h := range int64(showHours) {
			sum += int(hours[first+h])
		}
		from := time.Unix(first*3600, 0).UTC()
		if sum > best.Requests || sum == best.Requests && from.Before(best.From) {
			best = Show{From: from, To: from.Add(showHours * time.Hour), Requests: sum}
		}
	}
	at, most := t.peak()
	best.Peak, best.PeakPerMinute = time.Unix(at*60, 0).UTC(), most
	return best
}

// Group is a set of routes that move together, and why at this place.
type Group struct {
	Name string   `json:"group"`
	Why  []string `json:"why"`
}

// order proposes the forms by the posts that the old site lost, then by their number: what fails under load is what a
// move mends, and what is asked most proves it best.
func order(routes []Route) []Group {
	var posts []Route
	for _, r := range routes {
		if r.Writes && r.Form != "" {
			posts = append(posts, r)
		}
	}
	slices.SortStableFunc(posts, func(x, y Route) int {
		return cmp.Or(cmp.Compare(y.Errors, x.Errors), cmp.Compare(y.Requests, x.Requests))
	})
	var all []Group
	for _, p := range posts {
		why := []string{
			fmt.Sprintf("%d of %d posts failed", p.Errors, p.Requests),
			fmt.Sprintf("95 of 100 posts took up to %.0f ms", p.P95),
		}
		if f, ok := form.ByAlias(p.Form); ok && len(f.Parts) > 0 {
			why = append(why, "a row is "+f.Service+"'s, with parts for "+strings.Join(f.Parts, " and "))
		}
		all = append(all, Group{p.Form, why})
	}
	return all
}
