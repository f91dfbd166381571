// Package loadtest puts a site under load as visitors do, by plan, and counts for itself what the site accepted. It is a
// black box and an open loop: it knows the site's pages and nothing else, and no send ever waits for an answer.
package loadtest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/banyan-migration/banyan/shared/mark"
)

// Options say where a plan is run and who is told of it. The zero value of each but Target is good.
type Options struct {
	Target   string                                   // address that is connected to, such as http://127.0.0.1:8080
	Run      string                                   // stands in every ref, so that runs on one store differ; empty: drawn
	Timeout  time.Duration                            // of one request; zero: 60 s, twice what Drupal's own gateway waits
	InFlight int                                      // visits at most at once; one more is not sent, and counted; zero: 20,000
	Open     func(name string) (io.ReadCloser, error) // opens the log of a night; nil: a file
	Keys     mark.Keys                                // sign the requests' marks; needed unless the plan's mark is none
	Progress func(Snapshot)                           // once a second, from one goroutine
	OnAccept func(Donation)                           // at each accepted donation, from many goroutines
}

func (o Options) whole() Options {
	if o.Timeout == 0 {
		o.Timeout = time.Minute
	}
	if o.InFlight == 0 {
		o.InFlight = 20_000
	}
	if o.Open == nil {
		o.Open = func(name string) (io.ReadCloser, error) { return os.Open(name) }
	}
	if o.Run == "" {
		b := make([]byte, 4)
		_, _ = rand.Read(b) // never fails
		o.Run = hex.EncodeToString(b)
	}
	return o
}

// late is how far behind its time a send may be before it counts as late; timers and the scheduler take about 1 ms.
const late = 10 * time.Millisecond

// attack is one run of a plan.
type attack struct {
	plan    Plan
	options Options
	client  *client
	record  *record
	forms   forms
	flying  atomic.Int64
}

// Run sends what the plan says and waits for the last answer. When ctx ends it sends no more, gives up what is under way
// and returns what it has with ctx's error. Every donation whose post was answered by a 302 is in the result, and each
// whose answer never came is listed apart: it may or may not have been taken.
func Run(ctx context.Context, p Plan, o Options) (*Result, error) {
	o = o.whole()
	c, err := newClient(p, o)
	if err != nil {
		return nil, err
	}
	defer c.pool.close()
	steps, length, err := p.Steps(o.Open)
	if err != nil {
		return nil, err
	}
	a := &attack{plan: p, options: o, client: c, record: newRecord(o.OnAccept)}
	start, cpu := a.record.begin(length), processCPU()
	stop := a.watch(length)
	var visits sync.WaitGroup
	var n uint64
	for s := range steps {
		wanted := start.Add(s.At)
		if !wait(ctx, wanted) {
			break
		}
		n++
		a.send(ctx, &visits, n, s, wanted)
	}
	visits.Wait()
	stop()
	return a.record.result(p, o.Run, processCPU()-cpu), ctx.Err()
}

// send starts a visit, or counts it as not sent where as many are under way as may be.
func (a *attack) send(ctx context.Context, visits *sync.WaitGroup, n uint64, s Step, wanted time.Time) {
	if int(a.flying.Load()) >= a.options.InFlight {
		a.record.notSent()
		return
	}
	if time.Since(wanted) > late {
		a.record.late()
	}
	a.flying.Add(1)
	visits.Go(func() {
		defer a.flying.Add(-1)
		a.visit(ctx, n, s, wanted)
	})
}

func wait(ctx context.Context, until time.Time) bool {
	left := time.Until(until)
	if left <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Snapshot is how a run stands.
type Snapshot struct {
	Elapsed, Length time.Duration
	Sent, OK        int64 // requests
	Errors          int64
	InFlight        int64 // visits under way
	Late, NotSent   int64
	Legacy          int64 // donations that each side accepted
	Services        int64
}

// String is one line for a terminal.
func (s Snapshot) String() string {
	return fmt.Sprintf("%s of %s  %d sent  %d errors  %d in flight  %d late  %d not sent  donations: %d legacy, %d services",
		s.Elapsed.Round(time.Second), s.Length.Round(time.Second), s.Sent, s.Errors, s.InFlight, s.Late, s.NotSent, s.Legacy, s.Services)
}

// watch reports once a second until it is stopped.
func (a *attack) watch(length time.Duration) (stop func()) {
	if a.options.Progress == nil {
		return func() {}
	}
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				a.options.Progress(a.record.snapshot(length, a.flying.Load()))
			case <-end:
				a.options.Progress(a.record.snapshot(length, a.flying.Load()))
				return
			}
		}
	}()
	return func() { close(end); <-ended }
}
