package cutover

import "time"

// Calendar says when nobody may be given more: outside office hours, in the week of the appeal, on its night (J-12). Times are those of
// its zone, over both changes of the clock.
type Calendar struct {
	Zone *time.Location
}

// Closed says why no raise may happen at a moment; "" says that one may. A nil Calendar is always open.
func (c *Calendar) Closed(at time.Time) string { return "" }
