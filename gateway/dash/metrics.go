package dash

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/banyan-migration/banyan/gateway/cutover"
)

// planMetrics shows what the engine does not know of the plan: the kill switch and the journal.
type planMetrics struct{ plan *cutover.Plan }

var (
	killedDesc = prometheus.NewDesc("banyan_gateway_killed", "1 while the kill switch holds the group.", []string{"group"}, nil)
	headDesc   = prometheus.NewDesc("banyan_audit_head_sequence", "The journal's last sequence known here.", nil, nil)
)

func (m planMetrics) Describe(out chan<- *prometheus.Desc) {
	out <- killedDesc
	out <- headDesc
}

func (m planMetrics) Collect(out chan<- prometheus.Metric) {
	s := m.plan.Now()
	for _, name := range s.Names() {
		killed := 0.0
		if s.Group(name).Killed {
			killed = 1
		}
		out <- prometheus.MustNewConstMetric(killedDesc, prometheus.GaugeValue, killed, name)
	}
	out <- prometheus.MustNewConstMetric(headDesc, prometheus.GaugeValue, float64(s.Revision))
}
