package judge_test

import (
	"testing"
	"time"

	"github.com/banyan-migration/banyan/gateway/judge"
)

// Times are written as the dashboard writes them: hours up to two days, and no unit that there is none of.
func TestTimesAreWrittenForPeople(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "0 s", 250 * time.Millisecond: "0.3 s", 59*time.Second + 990*time.Millisecond: "1 min", time.Minute: "1 min", 13 * time.Minute: "13 min",
		time.Hour - time.Second: "1 h", time.Hour: "1 h", 18*time.Hour + 5*time.Minute: "18 h 5 min", 24 * time.Hour: "24 h", 47*time.Hour + 59*time.Minute: "47 h 59 min",
		48 * time.Hour: "2 days", 51 * time.Hour: "2 days 3 h", 1200 * 24 * time.Hour: "1,200 days",
	} {
		if got := judge.Span(d); got != want {
			t.Errorf("%s is written %q, want %q", d, got, want)
		}
	}
}
