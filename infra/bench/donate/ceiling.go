package main

import (
	"context"
	"fmt"
	"time"

)

const (
	step  = 1.15             // from one rate to the next
	brief = 12 * time.Second // how long each is held
)

// climb raises the rate step by step until a run misses an aim or the generator itself falls behind, and says which rate
// was the last good one and what kept the next from being good too.
func (w *world) climb(ctx context.Context, peak *measured) (all []*measured, err error) {
	if peak.missed() != nil {
		return nil, nil // the peak itself is over the ceiling, and is told of as such
	}
	good, plan := peak, peak.plan
	plan.Rise, plan.Hold = 2*time.Second, brief
	for {
		plan.Rate *= step
		m, err := w.run(ctx, plan)
		if err != nil {
			return all, err
		}
		all = append(all, m)
		cores, generator := m.busy()
		fmt.Printf("  %4.0f a second: p99 %.1f ms, %d late, settled %t after %.1f s, %.0f %% of the machine busy\n", plan.Rate, m.Services.Post.P99,
			m.LateSends, m.settled, m.settling.Seconds(), cores*100)
		why := m.missed()
		if why == nil && m.LateSends > m.wanted()/20 {
			why = fmt.Errorf("the generator was late with %d of %d", m.LateSends, m.wanted())
		}
		if why == nil {
			good = m
			continue
		}
		rate, _ := good.held()
		fmt.Printf("  ceiling      %.0f a second, p99 %.1f ms; at %.0f: %v\n", rate, good.Services.Post.P99, plan.Rate, why)
		limit := "the disk: commits wait for its fsyncs while cores are free"
		if cores > 0.85 {
			limit = "the processor"
		}
		fmt.Printf("  limited by   %s: %.0f %% of the machine was busy, %.0f %% with generating the load, at %.0f commits a second\n",
			limit, cores*100, generator*100, float64(m.commits)/m.took.Seconds())
		return all, nil
	}
}

