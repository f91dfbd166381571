package analysis

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/judge"
)

type verdictKey struct{ group, test, verdict string }

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

var (
	verdictsTotal = desc("banyan_judge_verdicts_total", "Looks of the judge while this replica led, by the reason and the kind of the verdict.", "group", "test", "verdict")
	evidenceNow   = desc("banyan_judge_evidence", "How much likelier the numbers are if the new side is worse, by test, at the newest stored verdict.", "group", "test")
	sampleNow     = desc("banyan_judge_sample", "What a test's smaller side has counted at the newest stored verdict.", "group", "test")
	readinessNow  = desc("banyan_readiness_state", "Rollback readiness: 0 red, 1 amber, 2 green.", "group")
	unsyncedNow   = desc("banyan_readiness_unsynced_writes", "Rows of the new side that the old one must show or change, and lacks.", "group")
	lagNow        = desc("banyan_sync_lag_seconds", "Age of the oldest row of the old side that the new one lacks.", "group")
)

// Describe is prometheus.Collector's. The groups change with the configuration, so nothing is promised.
func (a *Analysis) Describe(chan<- *prometheus.Desc) {}

// Collect is prometheus.Collector's.
func (a *Analysis) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, n float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, n, labels...)
	}
	for _, name := range a.names() {
		gauge(readinessNow, map[string]float64{cutover.Amber: 1, cutover.Green: 2}[a.Readiness(name).State], name)
		if f := a.Facts(name); f.Known {
			gauge(unsyncedNow, float64(f.Unsynced), name)
			gauge(lagNow, f.Lag.Seconds(), name)
		}
		if r, known := a.Latest(name); known {
			for _, e := range r.Verdict.Evidence {
				gauge(evidenceNow, e.E, name, e.Test)
				gauge(sampleNow, float64(min(e.New[0], e.Legacy[0])), name, e.Test)
			}
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for k, n := range a.verdicts {
		ch <- prometheus.MustNewConstMetric(verdictsTotal, prometheus.CounterValue, float64(n), k.group, k.test, k.verdict)
	}
}

// count keeps a look: the newest stored one for Latest, each for the metrics.
func (a *Analysis) count(r judge.Record, told bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if told {
		a.latest[r.Situation.Group] = r
	}
	a.verdicts[verdictKey{r.Situation.Group, r.Verdict.Reason, strings.ToLower(string(r.Verdict.Kind))}]++
}
