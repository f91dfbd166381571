package canary

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/banyan-migration/banyan/infra/runtime"
)

// second is one second of traffic: its requests are all answered before the next begins.
func (d *deployment) second(ctx context.Context) error {
	d.owed += float64(d.Rate) / 60
	n := int(math.Floor(d.owed + 1e-9))
	d.owed -= float64(n)
	var all sync.WaitGroup
	failed := make(chan error, n)
	at, minute := make(chan struct{}, parallel), d.minute()
	for i := range n {
		at <- struct{}{}
		all.Go(func() {
			defer func() { <-at }()
			if err := d.ask(ctx, d.sent+i, minute); err != nil {
				failed <- err
			}
		})
	}
	all.Wait()
	d.sent += n
	select {
	case err := <-failed:
		return err
	default:
	}
	d.passed.Add(1)
	if err := d.pace(ctx); err != nil {
		return err
	}
	if d.passed.Load()%60 == 0 {
		return d.watch()
	}
	return nil
}

// parallel is how many requests of one second are under way at once: enough to need a second environment, few enough for
// two cores.
const parallel = 4

// pace waits until the machine's time is where the deployment's is.
func (d *deployment) pace(ctx context.Context) error {
	if d.Speed <= 0 {
		return ctx.Err()
	}
	wait := time.NewTimer(time.Until(d.began.Add(time.Duration(float64(d.now()) / d.Speed))))
	defer wait.Stop()
	select {
	case <-wait.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ask sends one request through the alias and records what Lambda would tell CloudWatch of it.
func (d *deployment) ask(ctx context.Context, n, minute int) error {
	began := time.Now()
	a, err := d.lambda.Invoke(ctx, runtime.Call{Function: d.Function + ":" + d.Alias, Payload: d.Event(n), Tail: d.Records != nil})
	if err != nil {
		return fmt.Errorf("%s:%s could not be called: %w", d.Function, d.Alias, err)
	}
	put := func(name string, v float64) { d.metrics.invoked(d.Function, d.Alias, a.Version, minute, name, v) }
	switch {
	case a.Status == 429:
		put("Throttles", 1)
		return nil
	case a.Status != 200:
		return fmt.Errorf("%s:%s answered %d: %s", d.Function, d.Alias, a.Status, a.Payload)
	}
	failed := 0.0
	if a.Error != "" {
		failed = 1
	} else if d.fault(a) {
		d.mu.Lock()
		d.faults[a.Version]++
		d.mu.Unlock()
	}
	put("Invocations", 1)
	put("Errors", failed)
	put("Throttles", 0)
	took, there := time.Since(began), true
	if d.Records != nil { // complete when the call returns, as it waited for the whole log
		took, there = d.Records.take(a.Request)
	}
	if there {
		put("Duration", float64(took)/float64(time.Millisecond))
	}
	return nil
}

// fault says whether an answer is an HTTP one of 500 or more: for Lambda an answer like any other.
func (d *deployment) fault(a runtime.Answer) bool {
	var said struct{ StatusCode int }
	return json.Unmarshal(a.Payload, &said) == nil && said.StatusCode >= 500
}
