// Package dashtest plays a group's traffic to the real judge and keeps what it says, so that tests of the pages and of the API have
// verdicts and curves without waiting for any.
package dashtest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/banyan-migration/banyan/gateway/analysis"
	"github.com/banyan-migration/banyan/gateway/judge"
	"github.com/banyan-migration/banyan/shared/kv"
)

// Watch is a dash.Watch in memory. It is safe for concurrent use.
type Watch struct {
	mu       sync.Mutex
	cells    map[string][]judge.Cell
	records  map[string][]judge.Record
	states   map[string]judge.State
	replicas []analysis.Replica
	outcomes map[string]bool
}

// NewWatch has seen nothing.
func NewWatch() *Watch {
	return &Watch{cells: map[string][]judge.Cell{}, records: map[string][]judge.Record{}, states: map[string]judge.State{}, outcomes: map[string]bool{}}
}

// Traffic is what comes to a group for a while.
type Traffic struct {
	From    time.Time
	Cells   int
	Weight  int        // basis points
	Rate    float64    // requests a second of both sides together
	Failing [2]float64 // share of each side's visitors that fail
	Median  [2]time.Duration
	Pairs   judge.Pairs // of each cell
	Seed    uint64
}

// Play makes the cells of a traffic and has the judge look after every tenth; the situation's times and weight are the traffic's.
func (w *Watch) Play(group string, p judge.Policy, s judge.Situation, t Traffic) {
	w.mu.Lock()
	defer w.mu.Unlock()
	random := rand.New(rand.NewPCG(t.Seed, 1))
	state := w.states[group]
	record := judge.Record{Before: state, Policy: p}
	for i := range t.Cells {
		c := t.cell(i, p, random)
		state.Add(c, p)
		record.Cells = append(record.Cells, c)
		w.cells[group] = append(w.cells[group], c)
		if i%10 == 9 || i == t.Cells-1 {
			s.Group, s.Weight, s.Since, s.At = group, t.Weight, t.From, c.At.Add(p.Cell)
			record.Situation, record.Verdict = s, judge.Look(state, s, p)
			record.ID = fmt.Sprintf("%s-%d", group, len(w.records[group])+1)
			w.records[group] = append(w.records[group], record)
			record = judge.Record{Before: state, Policy: p}
		}
	}
	w.states[group] = state
}

func (t Traffic) cell(i int, p judge.Policy, random *rand.Rand) judge.Cell {
	c := judge.Cell{At: t.From.Add(time.Duration(i) * p.Cell).Truncate(p.Cell), Weight: t.Weight, Pairs: t.Pairs}
	wave := 1 + 0.3*float64(i%40)/40
	for range int(t.Rate * wave * p.Cell.Seconds() * (0.8 + 0.4*random.Float64())) {
		side := judge.Legacy
		if random.IntN(10000) < t.Weight {
			side = judge.New
		}
		at := &c.Side[side]
		at.Requests++
		at.Visitors++
		if random.Float64() < t.Failing[side] {
			at.Failed++
		}
		at.Latency[judge.BucketOf(time.Duration(float64(t.Median[side])*(0.5+random.ExpFloat64())))]++
	}
	return c
}

// Reported sets the gateways that live.
func (w *Watch) Reported(all ...analysis.Replica) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.replicas = all
}

// Spoil changes a stored verdict's inputs, as somebody might by hand.
func (w *Watch) Spoil(group, id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range w.records[group] {
		if r := &w.records[group][i]; r.ID == id {
			r.Before.Seen += 7
			r.Situation.Killed = !r.Situation.Killed
		}
	}
}

// Latest is as analysis.Analysis has it, and so are the methods below.
func (w *Watch) Latest(group string) (judge.Record, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.records[group]
	if len(all) == 0 {
		return judge.Record{}, false
	}
	return all[len(all)-1], true
}

// Record is a stored verdict by its id.
func (w *Watch) Record(_ context.Context, id string) (judge.Record, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, all := range w.records {
		for _, r := range all {
			if r.ID == id {
				return r, nil
			}
		}
	}
	return judge.Record{}, kv.ErrNotFound
}

// Records are a group's verdicts, the newest first.
func (w *Watch) Records(_ context.Context, group string, limit int) ([]judge.Record, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := slices.Clone(w.records[group])
	slices.Reverse(all)
	return all[:min(len(all), limit)], nil
}

// Curves are a group's cells since a time.
func (w *Watch) Curves(group string, since time.Time) (some []judge.Cell) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.cells[group] {
		if !c.At.Before(since) {
			some = append(some, c)
		}
	}
	return some
}

// Replicas are the gateways that live.
func (w *Watch) Replicas() []analysis.Replica {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.replicas)
}

// Outcomes keeps what services tell.
func (w *Watch) Outcomes(_ context.Context, all []analysis.Outcome) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, o := range all {
		w.outcomes[o.Request] = o.OK
	}
	return nil
}

// Told is what was told of a request; false where nothing was.
func (w *Watch) Told(request string) (good, known bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	good, known = w.outcomes[request]
	return good, known
}
