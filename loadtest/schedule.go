package loadtest

import (
	"cmp"
	"fmt"
	"io"
	"iter"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/banyan-migration/banyan/shared/accesslog"
)

// Step is one thing that a visitor does: look at a page, or go to a form's page, fill the form in and send it.
type Step struct {
	At     time.Duration // from the start of the run
	Method string        // GET or HEAD of a page that is looked at; POST for a form
	Target string
	Donate bool // the form is the donation form: its post must be answered by a 302
	Addr   string
	Agent  string
}

// leg is a stretch of a plan in which the rate goes in a straight line from one value to another.
type leg struct {
	from, to float64 // a second
	over     time.Duration
}

func (p Plan) legs() []leg {
	return []leg{{p.From, p.Rate, p.Rise}, {p.Rate, p.Rate, p.Hold}}
}

// Steps are the plan's steps in order of time, and how long the plan lasts. open is asked for the log of a night.
func (p Plan) Steps(open func(name string) (io.ReadCloser, error)) (iter.Seq[Step], time.Duration, error) {
	if p.Kind != Night {
		return p.donations(), p.Rise + p.Hold, nil
	}
	in, err := open(p.Log)
	if err != nil {
		return nil, 0, fmt.Errorf("loadtest: the log of the night: %w", err)
	}
	defer in.Close()
	steps, err := p.replay(accesslog.NewReader(p.Log, in))
	if err != nil {
		return nil, 0, err
	}
	return slices.Values(steps), time.Duration(float64(p.End.Sub(p.Start)) / p.Speed), nil
}

func (p Plan) donations() iter.Seq[Step] {
	return func(yield func(Step) bool) {
		r := rand.New(rand.NewPCG(p.Seed, 1))
		for at := range arrivals(p.legs(), p.Jitter, r) {
			if !yield(Step{At: at, Method: "POST", Target: p.Form, Donate: true, Addr: address(r), Agent: browser}) {
				return
			}
		}
	}
}

// address is one of the 131,072 that are kept for benchmarks (198.18.0.0/15, RFC 2544): donors of a night seldom share one,
// so that a limit on the posts of an address does not meet them.
func address(r *rand.Rand) string {
	n := r.IntN(1 << 17)
	return fmt.Sprintf("198.%d.%d.%d", 18+n>>16, n>>8&0xff, n&0xff)
}

// arrivals are the moments at which the integral of the rate passes the whole numbers: within a leg from a to b over T
// seconds, n arrivals have come when a·t + (b-a)/2T·t² = n, which is solved for t. What a leg leaves below one arrival
// goes into the next, so that a plan sends as many as its area says.
func arrivals(legs []leg, jitter float64, r *rand.Rand) iter.Seq[time.Duration] {
	return func(yield func(time.Duration) bool) {
		var base time.Duration
		carried := 0.0 // of the next arrival, by earlier legs
		for _, l := range legs {
			t := l.over.Seconds()
			area := (l.from + l.to) / 2 * t
			for n := 1 - carried; n <= area; n++ {
				at, rate := l.when(n)
				at += (r.Float64() - 0.5) * 2 * jitter / rate
				if !yield(base + time.Duration(max(at, 0)*float64(time.Second))) {
					return
				}
			}
			carried += area
			carried -= math.Floor(carried)
			base += l.over
		}
	}
}

// when is the second in which n have arrived, and the rate then.
func (l leg) when(n float64) (at, rate float64) {
	slope := (l.to - l.from) / l.over.Seconds()
	if slope == 0 {
		return n / l.from, l.from
	}
	rate = math.Sqrt(l.from*l.from + 2*slope*n)
	return (rate - l.from) / slope, rate
}

// replay turns the log's lines between Start and End into steps. A line is written when its answer has gone, so the
// request began its duration earlier; within the logged second its place is drawn from the seed. A POST becomes the visit
// to a form, with the form's page before and the page after it, so a night asks somewhat more than its log: the log has
// lines of those pages too, and no sure sign whose they are. Lines that no client could have sent are left out.
func (p Plan) replay(log *accesslog.Reader) ([]Step, error) {
	r := rand.New(rand.NewPCG(p.Seed, 1))
	var steps []Step
	for l := range log.Lines() {
		within := time.Duration(r.Int64N(int64(time.Second)))
		if l.At.Before(p.Start) || !l.At.Before(p.End) || !sendable(l) {
			continue
		}
		began := max(0, l.At.Sub(p.Start)+within-l.Duration)
		s := Step{At: time.Duration(float64(began) / p.Speed), Method: l.Method, Target: l.Target, Addr: l.Addr, Agent: l.Agent}
		if l.Method == "POST" {
			s.Donate = l.Path() == p.Form
		}
		steps = append(steps, s)
	}
	if err := log.Err(); err != nil {
		return nil, fmt.Errorf("loadtest: %w", err)
	}
	if len(steps) == 0 {
		return nil, fmt.Errorf("loadtest: %s has no line between %s and %s: nothing was sent",
			p.Log, p.Start.Format(time.RFC3339), p.End.Format(time.RFC3339))
	}
	slices.SortStableFunc(steps, func(a, b Step) int { return cmp.Compare(a.At, b.At) })
	return steps, nil
}

// sendable refuses what is no GET, HEAD or POST of a path in the characters that a head may hold.
func sendable(l accesslog.Line) bool {
	if l.Method != "GET" && l.Method != "HEAD" && l.Method != "POST" {
		return false
	}
	odd := func(c rune) bool { return c < ' ' || c > '~' }
	return strings.HasPrefix(l.Target, "/") && !strings.HasPrefix(l.Target, "//") &&
		!strings.ContainsFunc(l.Target, odd) && !strings.Contains(l.Target, " ") && !strings.ContainsFunc(l.Agent, odd)
}
