package judge_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/gateway/judge"
)

// Scripts read milliseconds.
func TestAStepInJSON(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]judge.Step{
		`{"weight":100,"dwell_ms":86400000}`:           {Weight: 100, Dwell: 24 * time.Hour},
		`{"weight":5000,"dwell_ms":1500,"sample":400}`: {Weight: 5000, Dwell: 1500 * time.Millisecond, Sample: 400},
	} {
		var got judge.Step
		raw, err := json.Marshal(want)
		if err != nil || string(raw) != text {
			t.Errorf("%+v is written as %s, %v", want, raw, err)
		}
		if err := json.Unmarshal([]byte(text), &got); err != nil || got != want {
			t.Errorf("%s is read as %+v, %v", text, got, err)
		}
	}
}
