package cutover

import (
	"fmt"
	"slices"
	"time"
)

// Calendar says when nobody may be given more: outside office hours, in the week of the appeal, on its night (J-12). Times are those of
// its zone, over both changes of the clock. It is immutable.
type Calendar struct {
	Zone  *time.Location // nil: UTC
	Hours []Hours        // when raises may happen; none: at any hour
	Shut  []Window       // when none may, whatever the hour
}

// Hours are the same clock times on some days of the week.
type Hours struct {
	Days     []time.Weekday
	From, To int // minutes after midnight by the wall's clock; To is not within
}

// Window is a time in which no raise may happen: a freeze, or the lock of an appeal night, in which reductions alone are allowed
// and the breaker stays armed.
type Window struct {
	From, To time.Time // To is not within
	Why      string
	Lock     bool
}

// Closed says why no raise may happen at a moment, and until when; "" says that one may. A nil Calendar is always open.
func (c *Calendar) Closed(at time.Time) string {
	why := c.shut(at)
	if why == "" {
		return ""
	}
	next, ok := c.Opens(at)
	if !ok {
		return why + "; the calendar has no opening within a year"
	}
	return fmt.Sprintf("%s; open again from %s", why, next.In(c.zone()).Format("Mon 2 Jan 2006 15:04 MST"))
}

func (c *Calendar) zone() *time.Location {
	if c.Zone == nil {
		return time.UTC
	}
	return c.Zone
}

func (c *Calendar) shut(at time.Time) string {
	if c == nil {
		return ""
	}
	if w := c.window(at); w != nil {
		if w.Lock {
			return "locked: " + w.Why + ": only reductions, and the breaker stays armed"
		}
		return "frozen by the calendar: " + w.Why
	}
	if !c.office(at) {
		return "outside the hours in which somebody is there"
	}
	return ""
}

// Frozen says whether a moment lies in a freeze or a lock, whatever the hour. A nil Calendar has none.
func (c *Calendar) Frozen(at time.Time) bool { return c != nil && c.window(at) != nil }

// window is the one that a moment lies in; of several the one that ends last.
func (c *Calendar) window(at time.Time) (found *Window) {
	for i := range c.Shut {
		w := &c.Shut[i]
		if !at.Before(w.From) && at.Before(w.To) && (found == nil || w.To.After(found.To)) {
			found = w
		}
	}
	return found
}

// office compares by the wall's clock: an hour that comes twice is open twice, and one that is left out is not there.
func (c *Calendar) office(at time.Time) bool {
	if len(c.Hours) == 0 {
		return true
	}
	wall := at.In(c.zone())
	minute := wall.Hour()*60 + wall.Minute()
	return slices.ContainsFunc(c.Hours, func(h Hours) bool {
		return slices.Contains(h.Days, wall.Weekday()) && h.From <= minute && minute < h.To
	})
}

// Opens is the first moment from at on in which a raise may happen; false where there is none within a year.
func (c *Calendar) Opens(at time.Time) (time.Time, bool) {
	for last := at.AddDate(1, 0, 0); at.Before(last); {
		if c.shut(at) == "" {
			return at, true
		}
		if w := c.window(at); w != nil {
			at = w.To
			continue
		}
		at = c.nextHours(at)
	}
	return time.Time{}, false
}

// nextHours is the next minute of office hours after a moment outside them. It walks, a week and a day at most: on a night on which the
// clock changes, no shorter way is right for every hour.
func (c *Calendar) nextHours(at time.Time) time.Time {
	for range 8 * 24 * 60 {
		at = at.Truncate(time.Minute).Add(time.Minute)
		if c.office(at) {
			return at
		}
	}
	return at.AddDate(2, 0, 0)
}
