package cloud

import (
	"encoding/json"
	"time"
)

// embedded is CloudWatch's embedded metric format: a line in the log that CloudWatch makes metrics of, without a call. What is
// no metric in it is there to be searched for.
type embedded struct {
	AWS         directive `json:"_aws"`
	Service     string
	Stage       string
	Executed    string  `json:"ExecutedVersion"` // of the function, as AWS's own metrics name it
	Latency     float64 // milliseconds from the event's arrival to its answer, delivery included
	Errors      int     // answers of 500 and more, messages handed back, failed tasks and ticks
	Cold        int     // 1 for the first event of an environment
	Late        int     // 1 if the time was up before the work was done
	Messages    int     // caused
	Undelivered int     // of them, left to the sweep
	Event       string  `json:"event"`
	Request     string  `json:"request"`
	Release     string  `json:"release,omitempty"`
	Version     string  `json:"version"`
}

type directive struct {
	Timestamp         int64
	CloudWatchMetrics []definition
}

type definition struct {
	Namespace  string
	Dimensions [][]string
	Metrics    []unit
}

type unit struct{ Name, Unit string }

// definitions: each version that ever ran is a metric of its own, so only what a deployment is judged by is told by version.
var definitions = []definition{{
	Namespace:  "Banyan",
	Dimensions: [][]string{{"Service", "Stage"}},
	Metrics: []unit{{"Latency", "Milliseconds"}, {"Errors", "Count"}, {"Cold", "Count"}, {"Late", "Count"},
		{"Messages", "Count"}, {"Undelivered", "Count"}},
}, {
	Namespace:  "Banyan",
	Dimensions: [][]string{{"Service", "Stage", "ExecutedVersion"}},
	Metrics:    []unit{{"Errors", "Count"}},
}}

// measure writes an invocation's line.
func (h *Host) measure(inv *invocation) {
	now := h.now()
	inv.mu.Lock()
	t := inv.tally
	inv.mu.Unlock()
	line := embedded{
		AWS: directive{now.UnixMilli(), definitions}, Service: h.name, Stage: h.stage, Executed: h.executed, Latency: float64(now.Sub(inv.began).Round(time.Microsecond)) / float64(time.Millisecond),
		Errors: t.errors, Late: t.late, Messages: t.messages, Undelivered: t.undelivered,
		Event: inv.event, Request: inv.id, Release: inv.release, Version: h.version,
	}
	if inv.cold {
		line.Cold = 1
	}
	raw, err := json.Marshal(line)
	if err != nil {
		h.log.ErrorContext(inv.ctx, "metrics not written", "error", err.Error())
		return
	}
	h.out.Write(append(raw, '\n')) // a log that cannot be written has nobody to be told
}
