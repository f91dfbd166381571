package canary

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/banyan-migration/banyan/infra/runtime"
)

// deployment is one Run.
type deployment struct {
	Rollout
	lambda  Lambda
	metrics *metrics
	report  Report
	began   time.Time     // of the machine
	passed  atomic.Int64  // of the deployment: whole seconds since the calm began
	from    time.Duration // when the calm was over
	share   float64       // of the new version
	owed    float64       // of the next request: what the rate left over
	sent    int
	states  []string // of the alarms
	worst   []*point // the datapoint nearest to, or furthest past, each alarm's threshold
	canary  window
	mu      sync.Mutex
	faults  map[string]int // answers of 500 and more, by version
}

// window is the time in which both versions had traffic, in minutes.
type window struct{ from, to int }

// errOver ends a deployment that was decided.
var errOver = errors.New("decided")

func newDeployment(lambda Lambda, r Rollout) (*deployment, error) {
	var wrong []error
	if r.Rate < 1 {
		wrong = append(wrong, fmt.Errorf("a rate of %d requests a minute: at least 1", r.Rate))
	}
	if r.Old == r.New {
		wrong = append(wrong, fmt.Errorf("version %s is the old one and the new one", r.Old))
	}
	for _, a := range r.Alarms {
		wrong = append(wrong, a.check())
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, err
	}
	d := &deployment{Rollout: r, lambda: lambda, metrics: &metrics{}, began: time.Now(), canary: window{-1, -1}, faults: map[string]int{},
		states: make([]string, len(r.Alarms)), worst: make([]*point, len(r.Alarms))}
	for i := range d.states {
		d.states[i] = InsufficientData
	}
	d.report = Report{Function: r.Function, Type: r.Type.Name}
	if r.Records != nil {
		r.Records.follow(d.metrics, d.minute)
	}
	return d, nil
}

// now is the deployment's time. Functions' logs ask for it too, from other goroutines.
func (d *deployment) now() time.Duration { return time.Duration(d.passed.Load()) * time.Second }

func (d *deployment) minute() int { return int(d.passed.Load() / 60) }

// deploy is CodeDeploy's life of a deployment; errors are not its own.
func (d *deployment) deploy(ctx context.Context) error {
	if err := d.point(0); err != nil {
		return err
	}
	if d.Calm > 0 {
		d.tell("calm", "%s has all of %s's traffic, %d requests a minute", d.old(), d.Alias, d.Rate)
	}
	err := d.stay(ctx, d.Calm)
	if err == nil {
		d.from = d.now()
		err = d.already()
	}
	if err == nil {
		err = d.call(ctx, d.Before, "PreTraffic")
	}
	for _, s := range d.Type.plan() {
		if err == nil {
			err = d.shift(s.share)
		}
		if err == nil {
			err = d.stay(ctx, s.stay)
		}
	}
	if err == nil {
		err = d.call(ctx, d.After, "PostTraffic")
	}
	if err == nil && d.Bake > 0 {
		d.tell("bake", "the alarms are watched for %.0f minutes more", d.Bake.Minutes())
		err = d.stay(ctx, d.Bake)
	}
	if errors.Is(err, errOver) {
		return nil
	}
	if err == nil {
		d.report.Outcome = Promoted
		d.tell(Promoted, "%s keeps all of %s's traffic", d.new(), d.Alias)
	}
	return err
}

func (d *deployment) old() string { return "version " + d.Old }
func (d *deployment) new() string { return "version " + d.New }

// already refuses a deployment that would begin under an alarm, as CodeDeploy does.
func (d *deployment) already() error {
	for i, s := range d.states {
		if s == InAlarm {
			return d.fire(i)
		}
	}
	return nil
}

// point moves the alias.
func (d *deployment) point(share float64) error {
	a := runtime.Alias{Name: d.Alias, Version: d.Old, Canary: d.New, Share: share}
	if share == 0 || share == 1 {
		a.Canary, a.Share = "", 0
	}
	if share == 1 {
		a.Version = d.New
	}
	if err := d.lambda.Point(d.Function, a); err != nil {
		return fmt.Errorf("the alias %s was not moved: %w", d.Alias, err)
	}
	d.share = share
	return nil
}

func (d *deployment) shift(share float64) error {
	if share < 1 && d.canary.from < 0 {
		d.canary.from = d.minute()
	}
	if err := d.point(share); err != nil {
		return err
	}
	if share == 1 {
		d.split()
	}
	d.tell("shift", "%.0f %% of %s's traffic to %s", share*100, d.Alias, d.new())
	return nil
}

// split ends the time in which both versions had traffic.
func (d *deployment) split() {
	if d.canary.from >= 0 && d.canary.to < 0 {
		d.canary.to = max(d.minute(), d.canary.from+1)
	}
}

// restore puts the alias back.
func (d *deployment) restore() {
	if err := d.point(0); err != nil {
		d.tell("rolled back", "%v", err)
	}
}

// back ends the deployment: at once, and whatever the reason.
func (d *deployment) back(why string) error {
	moved := d.share
	d.split()
	d.report.Why, d.report.Outcome = why, RolledBack
	if err := d.point(0); err != nil {
		return err
	}
	if moved == 0 && d.canary.from < 0 {
		d.report.Outcome = Stopped
		d.tell(Stopped, "no traffic was moved: %s", why)
	} else {
		d.tell(RolledBack, "%s has all of %s's traffic again: %s", d.old(), d.Alias, why)
	}
	return errOver
}

// call runs a hook while traffic goes on, a second of it in each of the machine's.
func (d *deployment) call(ctx context.Context, h *Hook, when string) error {
	if h == nil {
		return nil
	}
	began, over := time.Now(), make(chan error, 1)
	go func() { over <- h.Run(ctx) }()
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for {
		select {
		case err := <-over:
			took := time.Since(began).Round(time.Millisecond)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				d.tell("hook", "%s hook %s: Failed after %v", when, h.Name, took)
				return d.back(fmt.Sprintf("the %s hook %s failed: %v", when, h.Name, err))
			}
			d.tell("hook", "%s hook %s: Succeeded in %v", when, h.Name, took)
			return nil
		case <-second.C:
			if err := d.second(ctx); err != nil {
				return err
			}
		}
	}
}

// stay lets time pass.
func (d *deployment) stay(ctx context.Context, so time.Duration) error {
	for end := d.now() + so; d.now() < end; {
		if err := d.second(ctx); err != nil {
			return err
		}
	}
	return nil
}
