package judge

import (
	"encoding/json"
	"time"
)

// Step is a weight and what it takes to leave it. In JSON its dwell is in milliseconds.
type Step struct {
	Weight int           // basis points
	Dwell  time.Duration // at least this long; whole milliseconds
	Sample int64         // visitors an arm; 0: the policy's
}

type step struct {
	Weight int   `json:"weight"`
	Dwell  int64 `json:"dwell_ms"`
	Sample int64 `json:"sample,omitempty"`
}

// MarshalJSON writes {"weight","dwell_ms","sample"}.
func (s Step) MarshalJSON() ([]byte, error) {
	return json.Marshal(step{s.Weight, s.Dwell.Milliseconds(), s.Sample})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (s *Step) UnmarshalJSON(text []byte) error {
	var told step
	if err := json.Unmarshal(text, &told); err != nil {
		return err
	}
	*s = Step{told.Weight, time.Duration(told.Dwell) * time.Millisecond, told.Sample}
	return nil
}
