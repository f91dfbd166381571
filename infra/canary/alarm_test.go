package canary

import (
	"strings"
	"testing"
	"time"
)

// retained is the state that an alarm had.
const retained = "the state before"

func rule(need, of int, missing string) Alarm {
	return Alarm{Name: "a", Metric: Metric{ofLambda, "Errors", nil, "Sum"}, Period: time.Minute, Periods: of, Datapoints: need,
		Threshold: 1, Comparison: "GreaterThanOrEqualToThreshold", Missing: missing}
}

// TestStatesAsCloudWatchsOwnTables: both tables of "How alarm state is evaluated when data is missing". 0 is within the
// threshold, X breaches it, - is missing; the newest is on the right.
func TestStatesAsCloudWatchsOwnTables(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		need                                     int
		points                                   string
		missing, ignore, breaching, notBreaching string
	}{
		{3, "0 - X - X", OK, OK, OK, OK},
		{3, "0 - - - -", OK, OK, OK, OK},
		{3, "- - - - -", InsufficientData, retained, InAlarm, OK},
		{3, "0 X X - X", InAlarm, InAlarm, InAlarm, InAlarm},
		{3, "- - X - -", InAlarm, retained, InAlarm, OK},
		{2, "0 - X - X", InAlarm, InAlarm, InAlarm, InAlarm},
		{2, "0 0 X 0 X", InAlarm, InAlarm, InAlarm, InAlarm},
		{2, "0 - X - -", OK, OK, InAlarm, OK},
		{2, "- - - - 0", OK, OK, InAlarm, OK},
		{2, "- - - X -", InAlarm, retained, InAlarm, OK},
		// And what its text says besides: too young to be an alarm.
		{3, "- - - - X", retained, retained, InAlarm, OK},
		{3, "- - - X -", retained, retained, InAlarm, OK},
	} {
		var points []point
		for i, c := range strings.Fields(row.points) {
			points = append(points, point{i, map[string]float64{"X": 1}[c], c != "-", false})
		}
		for treat, want := range map[string]string{"missing": row.missing, "": row.missing, "ignore": row.ignore, "breaching": row.breaching, "notBreaching": row.notBreaching} {
			if got := rule(row.need, 3, treat).state(points, retained); got != want {
				t.Errorf("%d of 3, %s, missing data %q: %s, want %s", row.need, row.points, treat, got, want)
			}
		}
	}
}

func TestStatisticsOfAPeriod(t *testing.T) {
	t.Parallel()
	m := &metrics{}
	d := map[string]string{"FunctionName": "f", "Resource": "f:live", "ExecutedVersion": "2"}
	for i := 1; i <= 100; i++ {
		m.invoked("f", "live", "2", i/51, "Duration", float64(i)) // 1 to 50 in minute 0, the rest in minute 1
	}
	for statistic, want := range map[string]float64{"Sum": 5050, "Average": 50.5, "Minimum": 1, "Maximum": 100, "SampleCount": 100, "p50": 50, "p99": 99, "p99.9": 100} {
		if got, there := m.datapoint(Metric{ofLambda, "Duration", d, statistic}, 0, 2); !there || got != want {
			t.Errorf("%s: %v, want %v", statistic, got, want)
		}
	}
	if got, _ := m.datapoint(Metric{ofLambda, "Duration", d, "Maximum"}, 0, 1); got != 50 {
		t.Errorf("the first minute's: %v", got)
	}
	for _, other := range []map[string]string{{"FunctionName": "f"}, {"FunctionName": "f", "Resource": "f:live"}} {
		if got, _ := m.datapoint(Metric{ofLambda, "Duration", other, "SampleCount"}, 0, 2); got != 100 {
			t.Errorf("%v: %v", other, got)
		}
	}
	if _, there := m.datapoint(Metric{ofLambda, "Duration", map[string]string{"FunctionName": "g"}, "Sum"}, 0, 2); there {
		t.Error("another function has a datapoint")
	}
}

// TestPeriodsAreWholeOnes: a period of five minutes has its datapoint when it is over, not before.
func TestPeriodsAreWholeOnes(t *testing.T) {
	t.Parallel()
	m := &metrics{}
	for minute := range 12 {
		m.put(series{ofLambda, "Errors", ""}, minute, 1)
	}
	a := rule(1, 1, "")
	a.Period = 5 * time.Minute
	var sums []float64
	for _, p := range a.points(m, 12) {
		sums = append(sums, p.value)
	}
	if len(sums) != 2 || sums[0] != 5 || sums[1] != 5 {
		t.Errorf("datapoints %v, want those of minutes 0 to 4 and 5 to 9", sums)
	}
}

// TestTooFewForAPercentile: CloudWatch takes a percentile for significant from 10/(1-p) values on, below the median from 10/p.
func TestTooFewForAPercentile(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		statistic string
		low       string
		counts    []int // of slow calls, by the minute
		want      string
	}{
		{"p95", "ignore", []int{200, 200}, InAlarm},
		{"p95", "ignore", []int{200, 199}, retained},
		{"p95", "ignore", []int{199, 200}, retained},
		{"p95", "ignore", []int{1, 200, 200}, InAlarm}, // what is older decides nothing
		{"p95", "ignore", []int{1, 0}, retained},
		{"p95", "ignore", []int{0, 0}, OK},
		{"p95", "evaluate", []int{1, 1}, InAlarm},
		{"p95", "", []int{1, 1}, InAlarm},
		{"p99.9", "ignore", []int{9999, 9999}, retained},
		{"p99.9", "ignore", []int{10000, 10000}, InAlarm},
		{"p10", "ignore", []int{99, 99}, retained},
		{"p10", "ignore", []int{100, 100}, InAlarm},
		{"Maximum", "ignore", []int{1, 1}, InAlarm},
	} {
		m, a := &metrics{}, rule(2, 2, "notBreaching")
		a.Metric.Statistic, a.LowSamples = c.statistic, c.low
		for minute, n := range c.counts {
			for range n {
				m.put(a.Metric.series(), minute, 5)
			}
		}
		if got := a.state(a.points(m, len(c.counts)), retained); got != c.want {
			t.Errorf("%s, low samples %q, of %v: %s, want %s", c.statistic, c.low, c.counts, got, c.want)
		}
	}
	a := rule(2, 2, "")
	a.Metric.Statistic, a.LowSamples = "p95", "ignore"
	if got := a.Rule(); !strings.HasSuffix(got, " in 2 minutes of 200 values or more") {
		t.Errorf("it reads %q", got)
	}
}

func TestAlarmsThatCannotBePlayedAreRefused(t *testing.T) {
	t.Parallel()
	for want, a := range map[string]Alarm{
		"whole minutes":           {Name: "a", Metric: Metric{Statistic: "Sum"}, Period: 10 * time.Second, Periods: 1, Comparison: "GreaterThanThreshold"},
		"at least 1 period":       {Name: "a", Metric: Metric{Statistic: "Sum"}, Period: time.Minute, Comparison: "GreaterThanThreshold"},
		"3 datapoints of 2":       {Name: "a", Metric: Metric{Statistic: "Sum"}, Period: time.Minute, Periods: 2, Datapoints: 3, Comparison: "GreaterThanThreshold"},
		"ComparisonOperator":      {Name: "a", Metric: Metric{Statistic: "Sum"}, Period: time.Minute, Periods: 1, Comparison: "Greater"},
		"TreatMissingData":        {Name: "a", Metric: Metric{Statistic: "Sum"}, Period: time.Minute, Periods: 1, Comparison: "GreaterThanThreshold", Missing: "fine"},
		"EvaluateLowSample":       {Name: "a", Metric: Metric{Statistic: "p95"}, Period: time.Minute, Periods: 1, Comparison: "GreaterThanThreshold", LowSamples: "hope"},
		`the statistic "p101"`:    {Name: "a", Metric: Metric{Statistic: "p101"}, Period: time.Minute, Periods: 1, Comparison: "GreaterThanThreshold"},
		"alarm without a name: a": {Metric: Metric{Statistic: "Sum"}, Period: 0, Periods: 1, Comparison: "GreaterThanThreshold"},
	} {
		if err := a.check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q in it", err, want)
		}
	}
	if err := rule(2, 3, "ignore").check(); err != nil {
		t.Error(err)
	}
}

// TestPower: against what can be worked out by hand.
func TestPower(t *testing.T) {
	t.Parallel()
	one := rule(1, 1, "")
	for _, c := range []struct {
		a      Alarm
		counts []int
		p      float64
		want   float64
	}{
		{one, []int{1}, 0.05, 0.05},
		{one, []int{10}, 0.05, 0.4013},           // 1 - 0.95^10
		{one, []int{10, 0, 10}, 0.05, 0.6415},    // 1 - 0.95^20
		{rule(2, 2, ""), []int{1, 1}, 0.5, 0.25}, // both
		{rule(2, 2, ""), []int{1, 0, 1}, 1, 0},   // never two in a row
		{rule(2, 3, ""), []int{1, 0, 1}, 1, 1},   // two of three
		{rule(2, 3, ""), []int{1, 1, 1}, 0.5, 0.5},
		{one, nil, 1, 0},
	} {
		if got := c.a.power(c.counts, c.p); got < c.want-0.0001 || got > c.want+0.0001 {
			t.Errorf("%s, %v requests failing with %v: %.4f, want %.4f", c.a.Rule(), c.counts, c.p, got, c.want)
		}
	}
	average := rule(1, 1, "")
	average.Metric.Statistic, average.Threshold = "Average", 0.5
	if got := average.power([]int{2}, 0.5); got != 0.75 { // one or two of two
		t.Errorf("an average: %v", got)
	}
}

func TestTypesByTheirNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"AllAtOnce":               "100% at 0:00",
		"Canary10Percent5Minutes": "10% at 0:00, 100% at 5:00",
		"CodeDeployDefault.LambdaCanary10Percent30Minutes": "10% at 0:00, 100% at 30:00",
		"Linear10PercentEvery1Minute":                      "10% at 0:00, 20% at 1:00, 30% at 2:00, 40% at 3:00, 50% at 4:00, 60% at 5:00, 70% at 6:00, 80% at 7:00, 90% at 8:00, 100% at 9:00",
	} {
		k, err := ParseType(name)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		at := time.Duration(0)
		for _, s := range k.plan() {
			got = append(got, strings.TrimSuffix(percent(int(s.share*100+0.5), 100), ".0 %")+"% at "+clock(at))
			at += s.stay
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%s: %s, want %s", name, strings.Join(got, ", "), want)
		}
	}
	if len(Types()) != 9 {
		t.Errorf("%d types", len(Types()))
	}
	for _, bad := range []string{"", "Canary", "Canary10Percent7Minutes", "Linear10PercentEvery1Minutes", "canary10percent5minutes"} {
		if _, err := ParseType(bad); err == nil || !strings.Contains(err.Error(), "Canary10Percent5Minutes") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func FuzzParseType(f *testing.F) {
	f.Add("Canary10Percent5Minutes")
	f.Add("CodeDeployDefault.LambdaAllAtOnce")
	f.Fuzz(func(t *testing.T, name string) {
		k, err := ParseType(name)
		if err == nil && !strings.HasSuffix(name, k.Name) {
			t.Errorf("%q became %s", name, k.Name)
		}
		if plan := k.plan(); plan[len(plan)-1].share != 1 {
			t.Errorf("%q does not end with everybody", name)
		}
	})
}

func FuzzEmbedded(f *testing.F) {
	f.Add(`{"_aws":{"Timestamp":1,"CloudWatchMetrics":[{"Namespace":"Banyan","Dimensions":[["Service"]],"Metrics":[{"Name":"Errors"}]}]},"Service":"donate","Errors":[1,0]}`)
	f.Fuzz(func(t *testing.T, line string) {
		m, k := &metrics{}, &Records{}
		k.follow(m, func() int { return 3 })
		k.Log("f", line)
		for s, minutes := range m.all {
			if s.name == "" && s.namespace == "" && s.dimensions == "" && len(minutes[3]) == 0 {
				t.Errorf("%q made a series without values", line)
			}
		}
	})
}

func TestEmbeddedMetricsCount(t *testing.T) {
	t.Parallel()
	m, k := &metrics{}, &Records{}
	line := `{"_aws":{"Timestamp":1,"CloudWatchMetrics":[{"Namespace":"Banyan","Dimensions":[["Service","Version"],["Service"]],"Metrics":[{"Name":"Errors"},{"Name":"Latency"}]}]},"Service":"donate","Version":"2","Errors":1,"Latency":[3.5,4.5]}`
	k.Log("f", line) // nobody deploys
	k.follow(m, func() int { return 3 })
	k.Log("f", line)
	k.Log("f", `{"msg":"not one of them"}`)
	for want, of := range map[float64]Metric{
		1: {"Banyan", "Errors", map[string]string{"Service": "donate", "Version": "2"}, "Sum"},
		4: {"Banyan", "Latency", map[string]string{"Service": "donate"}, "Average"},
	} {
		if got, _ := m.datapoint(of, 3, 4); got != want {
			t.Errorf("%v: %v, want %v", of, got, want)
		}
	}
}
