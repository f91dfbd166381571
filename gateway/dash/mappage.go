package dash

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/dash/draw"
	"github.com/banyan-migration/banyan/gateway/split"
	"github.com/banyan-migration/banyan/shared/fault"
)

// moment is a move of one group, out of the journal.
type moment struct {
	at    time.Time
	delta cutover.Delta
}

// moments reads every move out of the whole journal, in order.
func (a *api) moments(ctx context.Context) (all []moment, err error) {
	for after := int64(0); ; {
		entries, err := a.Plan.History(ctx, after, 500)
		if err != nil {
			return nil, err
		}
		if len(entries) == 0 {
			return all, nil
		}
		for _, e := range entries {
			for _, d := range e.Changes {
				all = append(all, moment{e.At, d})
			}
			after = e.Sequence
		}
	}
}

// standsAt is where every group stood at a moment: those of the configuration, and those that only the journal knows.
func (a *api) standsAt(all []moment, at time.Time) []draw.Stand {
	stands := map[string]*draw.Stand{}
	for _, g := range a.Config().Groups {
		stands[g.Name] = &draw.Stand{Group: g.Name, From: g.From, To: g.To, Phase: cutover.Off}
	}
	for _, m := range all {
		s := stands[m.delta.Group]
		if s == nil {
			s = &draw.Stand{Group: m.delta.Group, From: a.Config().Default}
			stands[m.delta.Group] = s
		}
		if m.at.After(at) {
			continue
		}
		if s.Weight != m.delta.To || s.Phase != m.delta.Phase || s.Since.IsZero() {
			s.Since = m.at
		}
		s.Weight, s.Phase, s.Moved = m.delta.To, m.delta.Phase, s.Moved || m.delta.To > 0
	}
	list := make([]draw.Stand, 0, len(stands))
	for _, s := range stands {
		list = append(list, *s)
	}
	slices.SortFunc(list, func(x, y draw.Stand) int { return strings.Compare(x.Group, y.Group) })
	return list
}

// asked reads ?at=: a day, whose end is meant, or a moment. Without it now is meant.
func (a *api) when(r *http.Request, zone *time.Location) (at time.Time, past bool, err error) {
	text, now := r.FormValue("at"), a.Now()
	if text == "" {
		return now, false, nil
	}
	if at, err = time.Parse(time.RFC3339Nano, text); err == nil {
		return at, at.Before(now), nil
	}
	day, err := time.ParseInLocation(time.DateOnly, text, zone)
	if err != nil {
		return now, false, fault.Wrong("at", fmt.Sprintf("%q is not a day such as 2026-03-01, nor a moment such as 2026-03-01T12:00:00Z", text))
	}
	at = day.AddDate(0, 0, 1).Add(-time.Nanosecond)
	if !at.Before(now) {
		return now, false, nil
	}
	return at, true, nil
}

// mapped is the page of the map.
type mapped struct {
	Headline, Lead     string
	Date, First, Today string
	Earlier, Later     string
	At                 time.Time
	Past               bool
	Days, Day          int // of the slider
	Maps               []draw.Map
	Stands             []standing
}

// standing is a line of the map's table.
type standing struct {
	draw.Stand
	Where string
}

func (a *api) mapPage(r *http.Request, v *view) error {
	at, past, err := a.when(r, v.Zone)
	if err != nil {
		return err
	}
	all, err := a.moments(r.Context())
	if err != nil {
		return err
	}
	stands := a.standsAt(all, at)
	body := mapped{At: at, Past: past, Date: at.In(v.Zone).Format(time.DateOnly), Today: v.Now.In(v.Zone).Format(time.DateOnly), First: at.In(v.Zone).Format(time.DateOnly)}
	if len(all) > 0 {
		body.First = all[0].at.In(v.Zone).Format(time.DateOnly)
		body.Days, body.Day = days(all[0].at, v.Now, v.Zone), days(all[0].at, at, v.Zone)
	}
	body.neighbours(all, at)
	inside, way, out := body.sort(stands)
	body.Headline = strings.TrimSuffix(said(fmt.Sprintf("%s in the monolith, %s on the way, %s outside", groups(inside), count(way), count(out))), ".")
	body.Lead = "As it stands now."
	if past {
		body.Lead = "As it stood on " + at.In(v.Zone).Format("2 January 2006, 15:04:05") + "."
	}
	for _, small := range []bool{false, true} {
		body.Maps = append(body.Maps, draw.Places(a.places(), a.Config().Default, stands, v.Zone, small))
	}
	v.Page, v.Title, v.Body = "map", "Map", body
	return nil
}

func (a *api) places() (all []draw.Place) {
	for _, b := range a.Config().Backends {
		all = append(all, draw.Place{Name: b.Name, Kind: b.Kind})
	}
	slices.SortFunc(all, func(x, y draw.Place) int { return strings.Compare(x.Name, y.Name) })
	return all
}

// neighbours are the moments before and after the one that is shown, at which something moved.
func (m *mapped) neighbours(all []moment, at time.Time) {
	var earlier, present time.Time
	for _, each := range all {
		if each.at.After(at) {
			m.Later = each.at.UTC().Format(time.RFC3339Nano)
			break
		}
		if !each.at.Equal(present) {
			earlier, present = present, each.at
		}
	}
	if !earlier.IsZero() {
		m.Earlier = earlier.UTC().Format(time.RFC3339Nano)
	}
}

// sort counts what stands where, and says it of each group.
func (m *mapped) sort(stands []draw.Stand) (inside, way, out int) {
	for _, s := range stands {
		where := "outside, in " + s.To
		switch s.Weight {
		case 0:
			where = "in the monolith, " + s.From
			inside++
		case split.Full:
			out++
		default:
			where = "on the way, between " + s.From + " and " + s.To
			way++
		}
		m.Stands = append(m.Stands, standing{s, where})
	}
	return inside, way, out
}

func groups(n int) string {
	if n == 1 {
		return "one group"
	}
	return count(n) + " groups"
}

func count(n int) string {
	if words := []string{"none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"}; n < len(words) {
		return words[n]
	}
	return fmt.Sprint(n)
}

func days(from, to time.Time, zone *time.Location) int {
	day := func(t time.Time) time.Time {
		y, m, d := t.In(zone).Date()
		return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	}
	return int(day(to).Sub(day(from)).Hours() / 24)
}
