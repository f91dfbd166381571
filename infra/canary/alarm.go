package canary

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Alarm is a CloudWatch alarm, with CloudWatch's own words in it.
type Alarm struct {
	Name       string
	Metric     Metric
	Period     time.Duration // whole minutes
	Periods    int           // EvaluationPeriods
	Datapoints int           // DatapointsToAlarm; zero: all of Periods
	Threshold  float64
	Comparison string // GreaterThanThreshold, GreaterThanOrEqualToThreshold, LessThanThreshold, LessThanOrEqualToThreshold
	Missing    string // TreatMissingData: missing (also where it is empty), ignore, breaching, notBreaching
	LowSamples string // EvaluateLowSampleCountPercentile: evaluate (also where it is empty), ignore
}

// The states of an alarm.
const (
	OK               = "OK"
	InAlarm          = "ALARM"
	InsufficientData = "INSUFFICIENT_DATA"
)

var comparisons = map[string]struct {
	sign  string
	holds func(v, threshold float64) bool
}{
	"GreaterThanThreshold":          {">", func(v, t float64) bool { return v > t }},
	"GreaterThanOrEqualToThreshold": {"≥", func(v, t float64) bool { return v >= t }},
	"LessThanThreshold":             {"<", func(v, t float64) bool { return v < t }},
	"LessThanOrEqualToThreshold":    {"≤", func(v, t float64) bool { return v <= t }},
}

// check is every reason why an alarm cannot be played.
func (a Alarm) check() error {
	var wrong []error
	say := func(format string, args ...any) {
		wrong = append(wrong, fmt.Errorf("alarm %s: "+format, append([]any{cmp.Or(a.Name, "without a name")}, args...)...))
	}
	if a.Period < time.Minute || a.Period%time.Minute != 0 {
		say("a period of %v: whole minutes are played", a.Period)
	}
	if a.Periods < 1 || a.Datapoints < 0 || a.Datapoints > a.Periods {
		say("%d datapoints of %d periods: at least 1 period, and at most all of them", a.Datapoints, a.Periods)
	}
	if _, known := comparisons[a.Comparison]; !known {
		say("ComparisonOperator %q is not known", a.Comparison)
	}
	if !slices.Contains([]string{"", "missing", "ignore", "breaching", "notBreaching"}, a.Missing) {
		say("TreatMissingData %q is not known", a.Missing)
	}
	if !slices.Contains([]string{"", "evaluate", "ignore"}, a.LowSamples) {
		say("EvaluateLowSampleCountPercentile %q is not known", a.LowSamples)
	}
	if _, is := percentile(a.Metric.Statistic); !is && !slices.Contains([]string{"Sum", "Average", "Minimum", "Maximum", "SampleCount"}, a.Metric.Statistic) {
		say("the statistic %q of %s is not known", a.Metric.Statistic, a.Metric.Name)
	}
	return errors.Join(wrong...)
}

// needed is how many datapoints must breach.
func (a Alarm) needed() int { return cmp.Or(a.Datapoints, a.Periods) }

func (a Alarm) breaches(v float64) bool { return comparisons[a.Comparison].holds(v, a.Threshold) }

// least is how many values a datapoint must be of to decide anything: CloudWatch calls a percentile of fewer not significant,
// and an alarm may ignore it.
func (a Alarm) least() int {
	p, is := percentile(a.Metric.Statistic)
	if !is || a.LowSamples != "ignore" {
		return 1
	}
	return int(math.Ceil(1000/min(p, 100-p) - 1e-6)) // 100-99.9 is a little more than 0.1, or less
}

// Rule says what it takes, as Sum of Errors ≥ 2 in 2 of 3 minutes.
func (a Alarm) Rule() string {
	length := "minutes"
	if a.Period > time.Minute {
		length = "periods of " + clock(a.Period)
	}
	often := fmt.Sprintf("%d of %d %s", a.needed(), a.Periods, length)
	if a.needed() == a.Periods {
		often = fmt.Sprintf("%d %s", a.Periods, length)
	}
	if a.Periods == 1 {
		often = "a " + strings.TrimSuffix(length, "s")
	}
	if n := a.least(); n > 1 {
		often += fmt.Sprintf(" of %d values or more", n)
	}
	return fmt.Sprintf("%s of %s %s %s in %s", a.Metric.Statistic, a.Metric.Name, comparisons[a.Comparison].sign, strconv.FormatFloat(a.Threshold, 'g', -1, 64), often)
}

// point is one datapoint: at its period's beginning, or missing.
type point struct {
	minute int
	value  float64
	there  bool
	few    bool // of fewer values than the alarm decides by
}

// points are the datapoints of the periods that ended by a minute, oldest first: as many as CloudWatch looks at, which is
// two more than it needs.
func (a Alarm) points(m *metrics, now int) []point {
	length := int(a.Period / time.Minute)
	last := now / length // periods begin at whole multiples of their length
	var all []point
	for p := max(0, last-a.Periods-2); p < last; p++ {
		v, there := m.datapoint(a.Metric, p*length, (p+1)*length)
		few := there && len(m.values(a.Metric.series(), p*length, (p+1)*length)) < a.least()
		all = append(all, point{p * length, v, there, few})
	}
	return all
}

// state is what CloudWatch makes of the datapoints in its evaluation range, oldest first, and of the state before
// (AmazonCloudWatch, "How alarm state is evaluated when data is missing"; its tables are in the test). Where one of too few
// values would decide, the state stays: CloudWatch's documentation says so of a period, and nothing of several.
func (a Alarm) state(points []point, before string) string {
	var real []point
	for _, p := range points {
		if p.there {
			real = append(real, p)
		}
	}
	if slices.ContainsFunc(real[max(0, len(real)-a.Periods):], func(p point) bool { return p.few }) {
		return before
	}
	if len(real) >= a.Periods { // enough of them: how missing ones are treated is of no interest
		if a.breaching(real[len(real)-a.Periods:]) >= a.needed() {
			return InAlarm
		}
		return OK
	}
	breaching, filled := a.breaching(real), a.Periods-len(real)
	switch a.Missing {
	case "breaching":
		breaching += filled
	case "notBreaching":
	case "ignore":
		if breaching == len(real) {
			return before
		}
	default:
		if len(real) == 0 {
			return InsufficientData
		}
		if breaching == len(real) && breaching < a.needed() {
			// Nothing good has been seen. Where the oldest bad datapoint is as old as an alarm takes, it is an alarm.
			for i, p := range points {
				if p.there && len(points)-i >= a.needed() {
					return InAlarm
				}
			}
			return before
		}
	}
	if breaching >= a.needed() {
		return InAlarm
	}
	return OK
}

func (a Alarm) breaching(points []point) (n int) {
	for _, p := range points {
		if a.breaches(p.value) {
			n++
		}
	}
	return n
}
