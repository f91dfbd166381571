package loadtest_test

import (
	"math"
	"strings"
	"testing"
	"testing/quick"
	"time"

	"github.com/banyan-migration/banyan/loadtest"
)

func TestShippedPlansAreRight(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"drip", "ramp", "slam", "peak", "night"} {
		if p, err := loadtest.Load(name); err != nil || p.Name != name {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
	if _, err := loadtest.Load("surge"); err == nil || !strings.Contains(err.Error(), "one of drip, ramp") {
		t.Error(err)
	}
}

func TestWrongPlansNameFieldAndLine(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"kind: drip\nhost: a.example\nrate: -1\nhold: 1s":                   "p.yaml:3: rate: ",
		"kind: drip\nhost: a.example\nrate: 1\nhold: 1s\nrise: 1s":          "p.yaml:5: rise: a drip is steady",
		"kind: slam\nhost: a.example\nrate: 1":                              "p.yaml:1: hold: ",
		"kind: flood\nhost: a.example":                                      "p.yaml:1: kind: must be",
		"kind: drip\nhost: a.example\nrate: 1\nhold: 1s\ncolour: red":       `unknown field "colour"`,
		"kind: night\nhost: a.example\nlog: x\nstart: 2019-03-15T21:00:00Z": "p.yaml:1: end: ",
		"kind: drip\nhost: a.example\nrate: 1\nhold: 1s\nmark: shadow":      "p.yaml:5: mark: ",
	} {
		if _, err := loadtest.Parse("p.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	_, err := loadtest.Parse("p.yaml", []byte("kind: drip"))
	if err == nil || strings.Count(err.Error(), "p.yaml:") != 3 {
		t.Errorf("not every mistake is said at once: %v", err)
	}
}

// A plan sends as many as the area below its rate, in order, within its time.
func TestArrivalsFillTheArea(t *testing.T) {
	t.Parallel()
	law := func(from, rate uint8, rise, hold uint8, jitter uint8) bool {
		p := loadtest.Plan{
			Kind: loadtest.Ramp, From: math.Min(float64(from), float64(rate)+1), Rate: float64(rate) + 1,
			Rise: time.Duration(rise%20) * time.Second, Hold: time.Duration(hold%20+1) * time.Second,
			Jitter: float64(jitter%50) / 100,
		}
		steps, length, err := p.Steps(nil)
		if err != nil {
			return false
		}
		n, last := 0, time.Duration(0)
		for s := range steps {
			if s.At < last {
				return false
			}
			n, last = n+1, s.At
		}
		area := (p.From+p.Rate)/2*p.Rise.Seconds() + p.Rate*p.Hold.Seconds()
		return math.Abs(float64(n)-area) <= 1.001 && last <= length+time.Second
	}
	if err := quick.Check(law, nil); err != nil {
		t.Error(err)
	}
}

func FuzzPlan(f *testing.F) {
	f.Add("kind: night\nhost: a.example\nlog: x\nstart: 2019-03-15T21:00:00Z\nend: 2019-03-15T22:00:00Z\nspeed: 20")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := loadtest.Parse("p.yaml", []byte(text))
		if err == nil && p.Kind != loadtest.Night {
			if _, length, err := p.Steps(nil); err != nil || length <= 0 {
				t.Errorf("%q is accepted and has no steps: %v", text, err)
			}
		}
	})
}
