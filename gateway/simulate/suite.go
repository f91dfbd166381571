package simulate

import (
	"context"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// Row is what a rule did in a case.
type Row struct {
	Rule       string
	Case       Case
	Ramps      int
	RolledBack int    // all that were
	Early      int    // of them, before there was any harm
	Finished   int    // reached everybody and stayed there; the others were still holding at the horizon
	P50, P95   *int64 // requests of the group from the harm's beginning to the rollback; nil where nothing was found
	Hurt       *int64 // median of the new side's requests that failed or were slow because of the harm until then
}

// outcome is how one ramp ended.
type outcome struct {
	back, early, finished bool
	found, hurt           int64
}

func (w *world) ended(back, finished bool) outcome {
	return outcome{back: back, early: back && w.Harm.any() && !w.struck, finished: finished, found: w.seen - w.since, hurt: w.hurt}
}

type rule interface{ ramp(w *world) outcome }

// Rules are the names of the rules, in the table's order.
var Rules = []string{"ours", "naive", "kayenta"}

var rules = map[string]rule{"ours": ours{}, "naive": naive{failed: 5, windows: 30}, "kayenta": kayenta{}}

// Options is how much is simulated.
type Options struct {
	Ramps   int               // of each row; rows of under 10 requests a minute, whose ramps take 150,000 cells each, have a quarter of it
	Seed    uint64            // the same seed gives the same rows, however many workers there are
	Workers int               // 0: a processor each
	Done    func(n, of int64) // told of each ramp, from many goroutines; nil: nobody is told
}

func (o Options) ramps(c Case) int {
	if c.Rate < 10 {
		return max(1, o.Ramps/4)
	}
	return o.Ramps
}

// Run plays every case by every rule: the rows are in the cases' order, each case's in that of Rules. It ends early, with the
// context's error, when that does.
func Run(ctx context.Context, cases []Case, o Options) ([]Row, error) {
	rows, results := make([]Row, 0, len(cases)*len(Rules)), [][]outcome{}
	total := int64(0)
	for _, c := range cases {
		for _, name := range Rules {
			n := o.ramps(c)
			rows, results = append(rows, Row{Rule: name, Case: c, Ramps: n}), append(results, make([]outcome, n))
			total += int64(n)
		}
	}
	jobs := make(chan job)
	var wait sync.WaitGroup
	var played atomic.Int64
	for range workers(o.Workers) {
		wait.Go(func() {
			for j := range jobs {
				stream := uint64(j.row)<<32 | uint64(j.ramp)
				results[j.row][j.ramp] = rules[rows[j.row].Rule].ramp(newWorld(rows[j.row].Case, newDice(o.Seed, stream)))
				if o.Done != nil {
					o.Done(played.Add(1), total)
				}
			}
		})
	}
	err := deal(ctx, jobs, rows)
	wait.Wait()
	if err != nil {
		return nil, err
	}
	for i := range rows {
		rows[i] = sum(rows[i], results[i])
	}
	return rows, nil
}

type job struct{ row, ramp int }

// deal hands all ramps out, and closes the jobs after the last.
func deal(ctx context.Context, jobs chan<- job, rows []Row) error {
	defer close(jobs)
	for row := range rows {
		for ramp := range rows[row].Ramps {
			select {
			case jobs <- job{row, ramp}:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	return nil
}

func workers(n int) int {
	if n > 0 {
		return n
	}
	return runtime.GOMAXPROCS(0)
}

func sum(r Row, all []outcome) Row {
	var found, hurt []int64
	for _, o := range all {
		switch {
		case o.back:
			r.RolledBack++
			if o.early {
				r.Early++
			} else {
				found, hurt = append(found, o.found), append(hurt, o.hurt)
			}
		case o.finished:
			r.Finished++
		}
	}
	if len(found) > 0 && r.Case.Harm.any() {
		r.P50, r.P95 = rank(found, 0.5), rank(found, 0.95)
		r.Hurt = rank(hurt, 0.5)
	}
	return r
}

// rank is the value that a share of all do not exceed.
func rank(values []int64, share float64) *int64 {
	slices.Sort(values)
	return &values[min(len(values)-1, int(math.Ceil(share*float64(len(values))))-1)]
}

// noise is how many of n ramps may go wrong where a share of them does: a count that is exceeded once in a hundred times.
func noise(n int, share float64) int {
	term := math.Exp(float64(n) * math.Log1p(-share))
	total := term
	for k := 0; k < n; k++ {
		if total >= 0.99 {
			return k
		}
		term *= share / (1 - share) * float64(n-k) / float64(k+1)
		total += term
	}
	return n
}
