package template

import (
	"strconv"
	"time"
)

// Alarm is an AWS::CloudWatch::Alarm on one metric, its words CloudWatch's own.
type Alarm struct {
	ID, Name          string
	Namespace, Metric string
	Dimensions        map[string]string // a value that hangs on a resource stays as it is written, as "!Ref Api"
	Statistic         string            // Statistic, or ExtendedStatistic
	Period            time.Duration
	Periods           int // EvaluationPeriods
	Datapoints        int // DatapointsToAlarm; as many as Periods where it is not said
	Threshold         float64
	Comparison        string // ComparisonOperator
	Missing           string // TreatMissingData
	LowSamples        string // EvaluateLowSampleCountPercentile
	Line              int
}

func alarm(id string, at cursor) Alarm {
	p := at.field("Properties")
	a := Alarm{ID: id, Line: at.v.line, Name: p.field("AlarmName").text(), Namespace: p.field("Namespace").text(), Metric: p.field("MetricName").text(),
		Dimensions: map[string]string{}, Statistic: p.field("Statistic").over(p.field("ExtendedStatistic")).text(),
		Period: time.Duration(p.field("Period").number(60, 1, 86400)) * time.Second, Periods: p.field("EvaluationPeriods").number(1, 1, 1440),
		Comparison: p.field("ComparisonOperator").text(), Missing: p.field("TreatMissingData").text(),
		LowSamples: p.field("EvaluateLowSampleCountPercentile").text()}
	a.Datapoints = p.field("DatapointsToAlarm").number(a.Periods, 1, a.Periods)
	if a.Metric == "" {
		p.wrong("it has no MetricName: an alarm on metric math is not read")
	}
	for _, d := range p.field("Dimensions").items() {
		a.Dimensions[d.field("Name").text()] = d.field("Value").written()
	}
	limit := p.field("Threshold")
	v, err := strconv.ParseFloat(limit.text(), 64)
	if err != nil {
		limit.wrong("%q: a number belongs here", limit.text())
	}
	a.Threshold = v
	return a
}
