package cutover_test

import (
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/gateway/cutover"
)

func at(t *testing.T, rfc3339 string) time.Time {
	t.Helper()
	moment, err := time.Parse(time.RFC3339, rfc3339)
	if err != nil {
		t.Fatal(err)
	}
	return moment
}

func london(t *testing.T, from, to string) *cutover.Calendar {
	t.Helper()
	zone, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	minutes := func(s string) int {
		clock, err := time.Parse("15:04", s)
		if err != nil {
			t.Fatal(err)
		}
		return clock.Hour()*60 + clock.Minute()
	}
	var days []time.Weekday
	for d := range 7 {
		days = append(days, time.Weekday(d))
	}
	return &cutover.Calendar{Zone: zone, Hours: []cutover.Hours{{Days: days, From: minutes(from), To: minutes(to)}}}
}

// J-12: office hours are those of the wall's clock over both changes of it: in London 2027-03-28 has no 01:00 to 02:00, and 2027-10-31
// has that hour twice.
func TestCalendarOverBothChangesOfTheClock(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from, to string
		at, next string // next empty: open
	}{
		{"09:00", "17:00", "2027-03-27T09:00:00Z", ""}, // GMT
		{"09:00", "17:00", "2027-03-27T17:00:00Z", "2027-03-28T08:00:00Z"},
		{"09:00", "17:00", "2027-03-28T08:00:00Z", ""}, // BST
		{"09:00", "17:00", "2027-10-30T16:00:00Z", "2027-10-31T09:00:00Z"},
		{"01:30", "03:00", "2027-03-28T00:59:00Z", "2027-03-28T01:00:00Z"}, // 01:30 is not there: 02:00 BST is the first minute of it
		{"01:30", "03:00", "2027-03-28T02:00:00Z", "2027-03-29T00:30:00Z"},
		{"01:10", "01:40", "2027-03-28T00:59:00Z", "2027-03-29T00:10:00Z"}, // all of it is left out that night
		{"01:30", "01:50", "2027-10-31T00:35:00Z", ""},                     // the first 01:35
		{"01:30", "01:50", "2027-10-31T01:35:00Z", ""},                     // the second
		{"01:30", "01:50", "2027-10-31T01:50:00Z", "2027-11-01T01:30:00Z"},
		{"00:00", "23:59", "2027-10-31T23:59:30Z", "2027-11-01T00:00:00Z"},
	} {
		cal := london(t, c.from, c.to)
		next, ok := cal.Opens(at(t, c.at))
		want := c.next
		if want == "" {
			want = c.at
		}
		if !ok || !next.Equal(at(t, want)) || (cal.Closed(at(t, c.at)) == "") != (c.next == "") {
			t.Errorf("%s to %s, at %s: %q, opens %s %v, want %s", c.from, c.to, c.at, cal.Closed(at(t, c.at)), next.UTC(), ok, want)
		}
	}
}

// J-12: freezes and locks say why, and when the next raise may be: after the last of those that meet.
func TestCalendarSaysWhyAndUntilWhen(t *testing.T) {
	t.Parallel()
	cal := london(t, "09:00", "17:00")
	cal.Shut = []cutover.Window{
		{From: at(t, "2027-03-15T00:00:00Z"), To: at(t, "2027-03-20T00:00:00Z"), Why: "the week of the appeal"},
		{From: at(t, "2027-03-19T18:00:00Z"), To: at(t, "2027-03-20T10:00:00Z"), Why: "the night itself", Lock: true},
	}
	for when, want := range map[string]string{
		"2027-03-14T12:00:00Z": "",
		"2027-03-16T12:00:00Z": "frozen by the calendar: the week of the appeal; open again from Sat 20 Mar 2027 10:00 GMT",
		"2027-03-19T20:00:00Z": "locked: the night itself: only reductions, and the breaker stays armed; open again from Sat 20 Mar 2027 10:00 GMT",
		"2027-03-20T09:59:59Z": "locked: the night itself: only reductions, and the breaker stays armed; open again from Sat 20 Mar 2027 10:00 GMT",
		"2027-03-20T10:00:00Z": "",
	} {
		if got := cal.Closed(at(t, when)); got != want {
			t.Errorf("%s: %q, want %q", when, got, want)
		}
	}
	var none *cutover.Calendar
	if none.Closed(noon) != "" || (&cutover.Calendar{}).Closed(noon) != "" {
		t.Error("where nothing is said it is always open")
	}
	never := &cutover.Calendar{Hours: []cutover.Hours{{Days: nil, From: 0, To: 1}}}
	if got := never.Closed(noon); !strings.Contains(got, "no opening within a year") {
		t.Errorf("never open: %q", got)
	}
}

// Opens is right against a slow walk, minute by minute, over both changes of the clock.
func TestOpensAgainstAWalk(t *testing.T) {
	t.Parallel()
	cal := london(t, "01:15", "01:45")
	cal.Shut = []cutover.Window{{From: at(t, "2027-03-20T00:00:00Z"), To: at(t, "2027-03-28T01:20:00Z"), Why: "x"}}
	for _, day := range []string{"2027-03-26T00:00:00Z", "2027-10-29T00:00:00Z"} {
		open := time.Time{} // the next open minute, walking backwards
		for m := at(t, day).Add(3 * 24 * time.Hour); !m.Before(at(t, day)); m = m.Add(-time.Minute) {
			if cal.Closed(m) == "" {
				open = m
			}
			if open.IsZero() || m.Minute()%13 != 0 {
				continue
			}
			if got, ok := cal.Opens(m); !ok || !got.Equal(open) {
				t.Fatalf("from %s: opens %s, want %s", m, got.UTC(), open)
			}
		}
	}
}
