package loadtest

import (
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// record counts a run. It is safe for concurrent use.
type record struct {
	onAccept func(Donation)
	start    time.Time
	width    time.Duration // of a moment of the series

	mu         sync.Mutex
	sent, ok   int64
	errors     map[string]int64
	lateSends  int64
	dropped    int64
	notPosted  int64
	all        *hdrhistogram.Histogram // µs, every request
	visits     *hdrhistogram.Histogram // whole visits to a form, from the wanted time to the page after the post
	posts      map[string]*hdrhistogram.Histogram
	moments    []moment
	donations  []Donation
	unanswered []string
	refused    []string
	accepted   map[string]int64
}

// moment is one stretch of a run, a second in runs of up to ten minutes.
type moment struct {
	requests, errors int64
	taken            map[string][]time.Duration // post to 302, by side
}

func newRecord(onAccept func(Donation)) *record {
	return &record{
		onAccept: onAccept, errors: map[string]int64{}, all: histogram(), visits: histogram(), accepted: map[string]int64{},
		posts: map[string]*hdrhistogram.Histogram{Legacy: histogram(), Services: histogram()},
	}
}

// histogram covers 1 µs to an hour with three digits.
func histogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, time.Hour.Microseconds(), 3)
}

func (r *record) begin(length time.Duration) time.Time {
	r.width = max(time.Second, (length / 600).Round(time.Second))
	r.start = time.Now()
	return r.start
}

// request counts one answer, or its absence; the lock is held.
func (r *record) request(from, to time.Time, bad string) *moment {
	r.sent++
	i := int(to.Sub(r.start) / r.width)
	for len(r.moments) <= i {
		r.moments = append(r.moments, moment{taken: map[string][]time.Duration{}})
	}
	m := &r.moments[i]
	m.requests++
	if bad != "" {
		r.errors[bad]++
		m.errors++
	} else {
		r.ok++
	}
	_ = r.all.RecordValue(micros(from, to))
	return m
}

func micros(from, to time.Time) int64 {
	return min(max(1, to.Sub(from).Microseconds()), time.Hour.Microseconds())
}

func (r *record) page(from time.Time, bad string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.request(from, time.Now(), bad)
}

// post counts the post of a form, and what became of the donation if it was one.
func (r *record) post(g Donation, donation bool, from time.Time, bad string) {
	r.mu.Lock()
	m := r.request(from, g.At, bad)
	switch {
	case !donation:
	case bad == "":
		r.donations = append(r.donations, g)
		r.accepted[g.Side]++
		_ = r.posts[g.Side].RecordValue(micros(from, g.At))
		m.taken[g.Side] = append(m.taken[g.Side], g.At.Sub(from))
	case bad == "refused":
		r.refused = append(r.refused, g.Ref)
	default:
		r.unanswered = append(r.unanswered, g.Ref)
	}
	r.mu.Unlock()
	if donation && bad == "" && r.onAccept != nil {
		r.onAccept(g)
	}
}

func (r *record) visit(wanted time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = r.visits.RecordValue(micros(wanted, time.Now()))
}

func (r *record) late()     { r.count(&r.lateSends) }
func (r *record) notSent()  { r.count(&r.dropped) }
func (r *record) unposted() { r.count(&r.notPosted) }

func (r *record) count(n *int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	*n++
}

func (r *record) snapshot(length time.Duration, flying int64) Snapshot {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Snapshot{
		Elapsed: time.Since(r.start), Length: length, Sent: r.sent, OK: r.ok, Errors: r.sent - r.ok, InFlight: flying,
		Late: r.lateSends, NotSent: r.dropped, Legacy: r.accepted[Legacy], Services: r.accepted[Services],
	}
}

// result is called once, when the last visit has ended.
func (r *record) result(p Plan, run string, cpu time.Duration) *Result {
	r.mu.Lock()
	defer r.mu.Unlock()
	seconds := time.Since(r.start).Seconds()
	res := &Result{
		Plan: p.Name, Kind: p.Kind, Seed: p.Seed, Run: run, Started: r.start, Seconds: round(seconds),
		Sent: r.sent, OK: r.ok, Errors: r.errors, LateSends: r.lateSends, NotSent: r.dropped, Unposted: r.notPosted,
		Latency: percentiles(r.all), Visit: percentiles(r.visits), Rate: round(float64(r.sent) / seconds),
		Legacy:    Side{r.accepted[Legacy], percentiles(r.posts[Legacy])},
		Services:  Side{r.accepted[Services], percentiles(r.posts[Services])},
		CPU:       round(cpu.Seconds()),
		Width:     r.width.Seconds(),
		Donations: r.donations, Refused: r.refused, Unanswered: r.unanswered,
	}
	for i, m := range r.moments {
		res.Series = append(res.Series, Moment{
			Second: round(float64(i) * r.width.Seconds()), Requests: m.requests, Errors: m.errors,
			Legacy: taken(m.taken[Legacy]), Services: taken(m.taken[Services]),
		})
	}
	return res
}

func taken(all []time.Duration) Taken {
	if len(all) == 0 {
		return Taken{}
	}
	slices.Sort(all)
	at := func(part float64) float64 {
		return round(float64(all[int(part*float64(len(all)-1))].Microseconds()) / 1000)
	}
	return Taken{Accepted: int64(len(all)), P50: at(0.5), P95: at(0.95)}
}

// processCPU is what this process has used so far, user and system.
func processCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
