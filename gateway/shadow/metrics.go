package shadow

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/banyan-migration/banyan/gateway/diff"
)

var outcomes = [...]diff.Outcome{diff.Equal, diff.Masked, diff.Differs, diff.Capped, diff.Uncomparable}

// count adds a comparison to its group's. A replay is counted apart: it says nothing of the new side.
func (g *Group) count(p Pair) {
	if p.Replay {
		return
	}
	for i, o := range outcomes {
		if p.Result.Outcome == o {
			g.pairs[i].Add(1)
		}
	}
}

var (
	requests = prometheus.NewDesc("banyan_shadow_requests_total", "Copies sent to the other side, by how they ended; replay_ is legacy asked twice.", []string{"group", "result"}, nil)
	dropped  = prometheus.NewDesc("banyan_shadow_dropped_total", "Requests of the sample of which no copy was made, by reason.", []string{"group", "reason"}, nil)
	compared = prometheus.NewDesc("banyan_diff_compared_total", "Pairs of answers compared, by outcome.", []string{"group", "result"}, nil)
)

// Describe is prometheus.Collector's. The set of series changes with the configuration, so nothing is promised.
func (c *Copier) Describe(chan<- *prometheus.Desc) {}

// Collect is prometheus.Collector's.
func (c *Copier) Collect(ch chan<- prometheus.Metric) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for name, g := range c.groups {
		count := func(d *prometheus.Desc, n int64, label string) {
			if n > 0 {
				ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), name, label)
			}
		}
		for i, result := range resultNames {
			count(requests, g.results[i].Load(), result)
			count(requests, g.replays[i].Load(), "replay_"+result)
		}
		for i, why := range dropNames {
			count(dropped, g.drops[i].Load(), why)
		}
		for i, o := range outcomes {
			count(compared, g.pairs[i].Load(), string(o))
		}
	}
}
