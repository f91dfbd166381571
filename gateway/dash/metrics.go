package dash

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/banyan-migration/banyan/gateway/cutover"
)

// planMetrics shows the plan as it stands when it is asked.
type planMetrics struct{ plan *cutover.Plan }

var (
	weightDesc   = prometheus.NewDesc("banyan_gateway_bucket_basis_points", "The group's weight.", []string{"group"}, nil)
	phaseDesc    = prometheus.NewDesc("banyan_gateway_phase", "1 for the group's phase.", []string{"group", "phase"}, nil)
	killedDesc   = prometheus.NewDesc("banyan_gateway_killed", "1 while the kill switch holds the group.", []string{"group"}, nil)
	revisionDesc = prometheus.NewDesc("banyan_gateway_config_revision", "The plan's revision in use here.", nil, nil)
	convergeDesc = prometheus.NewDesc("banyan_gateway_config_converged", "0 while the plan's store cannot be reached.", nil, nil)
	headDesc     = prometheus.NewDesc("banyan_audit_head_sequence", "The journal's last sequence known here.", nil, nil)
)

func (m planMetrics) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{weightDesc, phaseDesc, killedDesc, revisionDesc, convergeDesc, headDesc} {
		out <- d
	}
}

func (m planMetrics) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	truth := map[bool]float64{true: 1}
	s := m.plan.Now()
	for _, name := range s.Names() {
		g := s.Group(name)
		gauge(weightDesc, float64(g.Weight), name)
		gauge(phaseDesc, 1, name, g.Phase)
		gauge(killedDesc, truth[g.Killed], name)
	}
	gauge(revisionDesc, float64(s.Revision))
	gauge(convergeDesc, truth[!s.Stale])
	gauge(headDesc, float64(s.Revision))
}
