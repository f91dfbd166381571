package main

import (
	"context"
	"fmt"
	"time"

	"github.com/banyan-migration/banyan/loadtest"
)

const (
	step  = 1.15             // from one rate to the next
	brief = 12 * time.Second // how long each is held
)

// climb raises the rate step by step until a run misses an aim twice, or the generator itself falls behind, and says which
// rate was the last good one and what kept the next from being good too.
func (w *world) climb(ctx context.Context, peak *measured) (all []*measured, err error) {
	if peak.missed() != nil {
		return nil, nil // the peak itself is over the ceiling, and is told of as such
	}
	good, plan := peak, peak.plan
	plan.Rise, plan.Hold = 2*time.Second, brief
	for {
		plan.Rate *= step
		runs, why, err := w.try(ctx, plan)
		all = append(all, runs...)
		if err != nil {
			return all, err
		}
		last := runs[len(runs)-1]
		if why == nil {
			good = last
			continue
		}
		rate, _ := good.held()
		fmt.Printf("  ceiling      %.0f a second, p99 %.1f ms; at %.0f: %v\n  limited by   %s\n", rate, good.Services.Post.P99, plan.Rate, why, last.limit())
		return all, nil
	}
}

// try holds a rate, and once more where it was missed: a machine that others use has bad moments.
func (w *world) try(ctx context.Context, plan loadtest.Plan) (runs []*measured, why error, err error) {
	for range 2 {
		m, err := w.run(ctx, plan)
		if err != nil {
			return runs, nil, err
		}
		runs = append(runs, m)
		fmt.Printf("  %4.0f a second: p99 %.1f ms, %d late, %.0f commits a second; %s\n", plan.Rate, m.Services.Post.P99, m.LateSends,
			float64(m.commits)/m.took.Seconds(), m.cores())
		if why = m.missed(); why == nil && m.LateSends > m.wanted()/20 {
			why = fmt.Errorf("the generator was late with %d of %d", m.LateSends, m.wanted())
		}
		if why == nil {
			return runs, nil, nil
		}
	}
	return runs, why, nil
}

// limit is what a run over the ceiling had too little of.
func (m *measured) limit() string {
	limit := "the disk: commits wait for its fsyncs while cores are idle"
	if m.machine > 0.85 {
		limit = "the processor"
	}
	return limit + ": " + m.cores()
}
