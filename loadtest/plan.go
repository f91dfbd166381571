package loadtest

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// Kinds of plan. The first three send donations at a rate; night replays an access log.
const (
	Drip  = "drip"  // steady, for hours: does anything move when something else happens
	Ramp  = "ramp"  // a slow rise to a top that is held: where does the curve bend
	Slam  = "slam"  // a sudden rise, as after an appeal film: what breaks while scaling catches up
	Night = "night" // the requests of a log, each at its own time
)

// Plan says what to send and when. The same plan with the same seed sends the same, at the same times.
type Plan struct {
	Name string `yaml:"name"`
	Kind string `yaml:"kind"`
	Host string `yaml:"host"` // the site's name, sent as Host whatever the target's address
	Form string `yaml:"form"` // path of the donation form; absent: /donate
	Mark string `yaml:"mark"` // test (also when absent): every request is signed as a test; none: it is like a donor's
	Seed uint64 `yaml:"seed"`

	Rate   float64       `yaml:"rate"`   // drip: donations a second; ramp, slam: at the top
	From   float64       `yaml:"from"`   // ramp: donations a second at the start
	Rise   time.Duration `yaml:"rise"`   // ramp, slam: from the start to the top
	Hold   time.Duration `yaml:"hold"`   // how long the rate is held
	Jitter float64       `yaml:"jitter"` // 0 to 0.5: how far a send may be off its place, as a part of the distance to the next

	Log   string    `yaml:"log"`   // night: the access log, which Options.Open opens
	Start time.Time `yaml:"start"` // night: of the lines to replay, and
	End   time.Time `yaml:"end"`   // the first moment that is not replayed
	Speed float64   `yaml:"speed"` // night: how many times faster than it happened; absent: 1
}

//go:embed plans/*.yaml
var shipped embed.FS

// Load reads a plan from a file, or the shipped one of that name: drip, ramp, slam, peak, night.
func Load(name string) (Plan, error) {
	if !strings.ContainsAny(name, "./") {
		text, err := shipped.ReadFile("plans/" + name + ".yaml")
		if err != nil {
			return Plan{}, fmt.Errorf("loadtest: no plan is called %q: name a file, or one of drip, ramp, slam, peak, night", name)
		}
		return Parse(name, text)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return Plan{}, fmt.Errorf("loadtest: %w", err)
	}
	return Parse(name, text)
}

// Parse reads a plan's YAML; name stands in errors. Everything that is wrong is said at once.
func Parse(name string, text []byte) (Plan, error) {
	p := Plan{Form: "/donate", Mark: "test", Seed: 1}
	if err := yaml.UnmarshalWithOptions(text, &p, yaml.Strict()); err != nil {
		return Plan{}, fmt.Errorf("loadtest: %s: %s", name, strings.TrimSpace(yaml.FormatError(err, false, true)))
	}
	if p.Kind == Night && p.Speed == 0 {
		p.Speed = 1
	}
	if p.Name == "" {
		p.Name = p.Kind
	}
	var errs []error
	for _, w := range p.wrong() {
		errs = append(errs, fmt.Errorf("loadtest: %s:%d: %s: %s", name, line(text, w.field), w.field, w.should))
	}
	return p, errors.Join(errs...)
}

// mistake is a field and what would be right.
type mistake struct{ field, should string }

func (p Plan) wrong() []mistake {
	var all []mistake
	need := func(ok bool, field, should string) {
		if !ok {
			all = append(all, mistake{field, should})
		}
	}
	need(p.Host != "", "host", "the site's name must be given, such as www.rednosefund.example")
	need(strings.HasPrefix(p.Form, "/"), "form", "must be a path, such as /donate")
	need(p.Mark == "test" || p.Mark == "none", "mark", "must be test or none")
	need(p.Jitter >= 0 && p.Jitter <= 0.5, "jitter", "must be between 0 and 0.5")
	switch p.Kind {
	case Night:
		need(p.Log != "", "log", "a night needs an access log")
		need(!p.Start.IsZero(), "start", "a night needs the time of its first line, such as 2019-03-15T21:00:00Z")
		need(p.End.After(p.Start), "end", "must be after start")
		need(p.Speed > 0 && p.Speed <= 1000, "speed", "must be above 0 and at most 1000")
		need(p.Rate == 0 && p.From == 0, "rate", "a night takes its rate from the log")
	case Drip, Ramp, Slam:
		need(p.Rate > 0 && p.Rate <= 100_000, "rate", "donations a second must be above 0 and at most 100000")
		need(p.From >= 0 && p.From <= p.Rate, "from", "must be between 0 and rate")
		need(p.Hold > 0 || p.Rise > 0, "hold", "a duration must be given, such as 60s")
		need(p.Rise >= 0 && p.Hold >= 0, "rise", "durations must not be negative")
		need(p.Kind != Drip || p.Rise == 0 && p.From == 0, "rise", "a drip is steady; a ramp rises")
		need(p.Log == "" && p.Speed == 0, "log", "only a night replays a log")
	default:
		need(false, "kind", "must be drip, ramp, slam or night")
	}
	return all
}

// line finds where a field stands; a field that is absent belongs to the first line.
func line(text []byte, field string) int {
	for i, l := range bytes.Split(text, []byte("\n")) {
		if bytes.HasPrefix(l, []byte(field+":")) {
			return i + 1
		}
	}
	return 1
}
