package judge

import "math"

// trend is one side's failures of late beside its own past. A cell pushes a sixth of "of late" into the past: with cells of ten
// seconds, of late is about the last minute.
type trend struct {
	Late       float64 `json:"late"` // visits
	LateFailed float64 `json:"late_failed"`
	Past       float64 `json:"past"`
	PastFailed float64 `json:"past_failed"`
}

const (
	keep   = 5.0 / 6 // of the late visits stay late
	few    = 20      // visits that are too few to forget, or to judge by
	memory = 100000  // visits of the past that weigh; older ones fade
	rise   = 4       // standard deviations above the past that are no chance
)

func (t *trend) add(visits, failed int64) {
	if t.Late > few {
		t.Past += t.Late * (1 - keep)
		t.PastFailed += t.LateFailed * (1 - keep)
		t.Late *= keep
		t.LateFailed *= keep
	}
	if t.Past > memory {
		t.Past /= 2
		t.PastFailed /= 2
	}
	t.Late += float64(visits)
	t.LateFailed += float64(failed)
}

// rose says whether the side fails of late more than twice as often as before, by more than chance.
func (t *trend) rose() bool {
	if t.Late < few || t.Past < few {
		return false
	}
	usual := t.Late * (t.PastFailed + 1) / (t.Past + 1)
	return t.LateFailed > 2*usual && t.LateFailed > usual+rise*math.Sqrt(usual+1)
}
