package simulate

import (
	"time"

	"github.com/banyan-migration/banyan/gateway/judge"
)

// naive is the rule of the facts' table: success below 99 % in a one-minute window is a failed check; so many failed checks in so
// many windows roll back; windows that pass without that advance to the next step, and past the last the ramp has finished. It looks
// at the new side alone. A window in which the new side had no request is no check, as a monitor without data gives none.
type naive struct{ failed, windows int }

// checks is one analysis as far as it has come.
type checks struct{ failed, windows int }

func (r naive) ramp(w *world) outcome {
	for _, weight := range rampSteps {
		w.move(weight)
		var seen checks
		for back, over := false, false; !over; {
			if w.seen >= w.Horizon() {
				return w.ended(false, false)
			}
			c := w.next(time.Minute)
			w.bear(c)
			if back, over = r.check(&seen, c.Side[judge.New]); back {
				return w.ended(true, false)
			}
		}
	}
	return w.ended(false, true)
}

// check takes a window: whether it rolls back, and whether the analysis is over.
func (r naive) check(seen *checks, n judge.Counts) (back, over bool) {
	if n.Requests == 0 {
		return false, false
	}
	seen.windows++
	if n.Failed*100 > n.Requests {
		seen.failed++
	}
	back = seen.failed >= r.failed
	return back, back || seen.windows >= r.windows
}
