package config

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // a container without a base image has no zones of its own

	"github.com/banyan-migration/banyan/gateway/cutover"
)

// calendar reads when nobody may be given more (J-12).
func (b *builder) calendar(n node) {
	c := &cutover.Calendar{Zone: time.UTC}
	var zone, hours, freeze, lock node
	n.fields(map[string]func(node){
		"zone":   func(n node) { zone = n },
		"hours":  func(n node) { hours = n },
		"freeze": func(n node) { freeze = n },
		"lock":   func(n node) { lock = n },
	})
	if zone.ast == nil {
		n.wrong("zone is missing: whose clock this is, such as Europe/London")
	} else if name, ok := zone.scalar(); ok {
		at, err := time.LoadLocation(name)
		if err != nil || name == "" || name == "Local" {
			zone.wrong("%q is not a zone: a name such as Europe/London, or UTC", name)
		} else {
			c.Zone = at
		}
	}
	if hours.ast != nil {
		for _, item := range hours.items() {
			c.Hours = append(c.Hours, item.hours())
		}
	}
	for _, list := range []struct {
		node
		lock bool
	}{{freeze, false}, {lock, true}} {
		if list.ast == nil {
			continue
		}
		for _, item := range list.items() {
			c.Shut = append(c.Shut, item.window(c.Zone, list.lock))
		}
	}
	b.Calendar = c
}

var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// hours reads {days: [mon, tue], from: 09:30, to: 16:00}; days absent are Monday to Friday.
func (n node) hours() cutover.Hours {
	h := cutover.Hours{Days: []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday}, From: -1, To: -1}
	said := len(n.r.mistakes)
	n.fields(map[string]func(node){
		"days": func(n node) {
			h.Days = nil
			n.texts(func(item node, s string) {
				day := slices.Index(weekdays, strings.ToLower(s))
				if day < 0 {
					item.wrong("%q is not a day: %s", s, strings.Join(weekdays, ", "))
				}
				h.Days = append(h.Days, time.Weekday(day))
			})
		},
		"from": func(n node) { h.From = n.clock() },
		"to":   func(n node) { h.To = n.clock() },
	})
	if said == len(n.r.mistakes) && (h.From < 0 || h.To <= h.From || len(h.Days) == 0) {
		n.wrong("these are no hours: {days: [mon, tue], from: 09:30, to: 16:00}, from before to, within one day")
	}
	return h
}

var clock = regexp.MustCompile(`^([01]\d|2[0-3]):([0-5]\d)$|^(24):(00)$`)

// clock reads minutes after midnight, 00:00 to 24:00.
func (n node) clock() int {
	s, ok := n.scalar()
	if !ok {
		return -1
	}
	m := clock.FindStringSubmatch(s)
	if m == nil {
		n.wrong("%q is not a clock's time: 00:00 to 24:00, such as 09:30", s)
		return -1
	}
	hour, _ := strconv.Atoi(m[1] + m[3])
	minute, _ := strconv.Atoi(m[2] + m[4])
	return hour*60 + minute
}

// window reads {from: 2027-03-15, to: 2027-03-21, why: the week of the appeal}; a day that it ends on is within it.
func (n node) window(zone *time.Location, lock bool) cutover.Window {
	w := cutover.Window{Lock: lock}
	said := len(n.r.mistakes) + len(n.r.notes)
	n.fields(map[string]func(node){
		"from": func(n node) { w.From, _ = n.moment(zone) },
		"to": func(n node) {
			day := false
			if w.To, day = n.moment(zone); day {
				w.To = w.To.AddDate(0, 0, 1)
			}
		},
		"why": func(n node) { w.Why = n.text() },
	})
	switch {
	case said != len(n.r.mistakes)+len(n.r.notes):
	case w.Why == "":
		n.wrong("why is missing: what whoever is refused will read, such as the week of the appeal")
	case w.From.IsZero() || !w.To.After(w.From):
		n.wrong("from and to are both needed, to not before from: {from: 2027-03-15, to: 2027-03-21, why: the week of the appeal}")
	}
	return w
}

// moment reads a day, or a day and a time, by the calendar's clock.
func (n node) moment(zone *time.Location) (at time.Time, day bool) {
	s, ok := n.scalar()
	if !ok {
		return at, false
	}
	if at, err := time.ParseInLocation(time.DateOnly, s, zone); err == nil {
		return at, true
	}
	at, err := time.ParseInLocation("2006-01-02 15:04", s, zone)
	if err != nil {
		n.wrong("%q is not a moment: write 2027-03-15, or 2027-03-19 18:00", s)
	}
	return at, false
}
