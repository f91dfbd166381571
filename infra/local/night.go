package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/judge"
	"github.com/banyan-migration/banyan/infra/local/report"
	"github.com/banyan-migration/banyan/infra/local/site"
	"github.com/banyan-migration/banyan/loadtest"
)

// length is how long the night takes here.
func (d *demo) length() time.Duration {
	return time.Duration(float64(d.plan.End.Sub(d.plan.Start)) / d.plan.Speed)
}

// schedule is what a person approves for the night. At a hundredth a fast night would show the judge nobody.
func (d *demo) schedule() []judge.Step {
	first, dwell := 100, d.length()/30
	if d.Fast || d.short {
		first, dwell = 500, time.Second
	}
	return []judge.Step{{Weight: first, Dwell: dwell, Sample: 1}, {Weight: 2000, Dwell: dwell, Sample: 3}, {Weight: 5000, Dwell: 4 * dwell, Sample: 5}, {Weight: 10000}}
}

// shadow lets the gateway give copies of the form's posts to the services, now that every old row is there; the gateway looks for
// itself, and sees what was moved a second ago with its next measurement.
func (d *demo) shadow(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		_, err := d.world.tell(ctx, group, "enter", map[string]any{"phase": cutover.Shadow, "reason": "every old row is moved and verified"})
		if err == nil {
			return "phase shadow: what the services would store is compared with what Drupal stores", nil
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return "", err
		}
	}
}

// ramp replays the night's traffic while the judge moves the group, something breaks, and is mended.
func (d *demo) ramp(ctx context.Context) (string, error) {
	d.meter.Reset()
	work, running := errgroup.WithContext(ctx)
	following, stop := context.WithCancel(running)
	defer stop()
	n := newNight(d)
	defer n.stop()
	work.Go(func() error { return n.play(running) })
	work.Go(func() error { return d.follow(following) })
	work.Go(func() (err error) {
		defer stop()
		d.report.Load, err = loadtest.Run(running, d.plan, loadtest.Options{Target: d.world.Gateway, Timeout: 30 * time.Second,
			Open: func(string) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(site.AccessLog)), nil }})
		return err
	})
	work.Go(func() error {
		select {
		case err := <-d.world.Failed():
			return err
		case <-following.Done():
			return nil
		}
	})
	if err := work.Wait(); err != nil {
		return "", err
	}
	if err := n.judged(ctx); err != nil {
		return "", err
	}
	l := d.report.Load
	return fmt.Sprintf("%d requests, %d donations accepted: %d by Drupal, %d by the services", l.Sent, l.Accepted(), l.Legacy.Accepted, l.Services.Accepted), nil
}

// night is the script of what people do, and of what they wait for the judge to do.
type night struct {
	*demo
	began time.Time
	moves chan cutover.Group // each new place of the group
	stop  func()             // of the watching
	at    cutover.Group
	found time.Duration // from the fault to the rollback
}

func newNight(d *demo) *night {
	n := &night{demo: d, began: time.Now(), moves: make(chan cutover.Group, 256)}
	n.at = d.world.gate.Plan.Now().Group(group)
	n.stop = d.world.gate.Plan.Watch(func(s *cutover.Snapshot) {
		select {
		case n.moves <- s.Group(group):
		default: // a night has some ten moves
		}
	})
	return n
}

var errDawn = errors.New("the night was over before")

// play makes what people do, each when what it waits for has come.
func (n *night) play(ctx context.Context) error {
	ctx, cancel := context.WithDeadlineCause(ctx, n.began.Add(n.length()), errDawn)
	defer cancel()
	err := n.script(ctx)
	if errors.Is(err, errDawn) {
		n.check(false, "the judge moves every donor to the services within the night", "%v", err)
		return nil
	}
	return err
}

func (n *night) script(ctx context.Context) error {
	half := n.schedule()[2].Weight
	if err := n.approve(ctx, "the first ramp"); err != nil {
		return err
	}
	if err := n.until(ctx, "half of the donors", func(g cutover.Group) bool { return g.Weight >= half }); err != nil {
		return err
	}
	if err := n.pause(ctx, 30); err != nil {
		return err
	}
	n.copies()
	n.world.desk.broken.Store(true)
	fault := time.Now()
	n.tell(report.Fault, 0, "a fault is planted: the services answer 500")
	if err := n.until(ctx, "the judge's rollback", func(g cutover.Group) bool { return g.Weight == 0 }); err != nil {
		return err
	}
	n.found = time.Since(fault)
	if err := n.rolledBack(ctx); err != nil {
		return err
	}
	if err := n.pause(ctx, 30); err != nil {
		return err
	}
	n.world.desk.broken.Store(false)
	n.tell(report.Mend, 0, "the services are mended")
	if err := n.pause(ctx, 30); err != nil {
		return err
	}
	if err := n.approve(ctx, "the second ramp: the fault is mended"); err != nil {
		return err
	}
	err := n.until(ctx, "every donor at the services", func(g cutover.Group) bool { return g.Weight == 10000 })
	if err == nil {
		n.check(true, "the judge moves every donor to the services within the night", "%.1f s before its end", (n.length() - time.Since(n.began)).Seconds())
	}
	return err
}

// rolledBack gives Drupal, which takes every donor again, what the services took in the meantime.
func (n *night) rolledBack(ctx context.Context) error {
	r, err := n.giveBack(ctx)
	if err != nil {
		return err
	}
	n.check(r.Rows > 0 && r.Moved == r.Rows, "after the rollback Drupal has every gift that the services had taken", "%d gifts written back", r.Moved)
	n.tell(report.Reverse, 0, fmt.Sprintf("%d gifts of the services’ are written back into Drupal", r.Moved))
	return nil
}

// approve is the person's part: from here the judge steps by itself, to the schedule's end and no further.
func (n *night) approve(ctx context.Context, why string) error {
	steps := []map[string]any{}
	for _, s := range n.schedule() {
		steps = append(steps, map[string]any{"weight": s.Weight, "dwell": s.Dwell.String(), "sample": s.Sample})
	}
	_, err := n.world.tell(ctx, group, "approve", map[string]any{"steps": steps, "reason": why})
	n.tell(report.Approval, 0, "a person approves the schedule: "+why)
	return err
}

// until waits for the group to stand as it should, and tells each move on the way.
func (n *night) until(ctx context.Context, what string, there func(cutover.Group) bool) error {
	for !there(n.at) {
		select {
		case g := <-n.moves:
			was := n.at
			if n.at = g; g.Weight == was.Weight {
				continue
			}
			kind := report.Weight
			if g.Weight < was.Weight {
				kind = report.Rollback
			}
			n.tell(kind, g.Weight, fmt.Sprintf("%s: %s, says %s: %s", share(g.Weight), g.Phase, g.Who, g.Why))
		case <-ctx.Done():
			return fmt.Errorf("%w: %s", context.Cause(ctx), what)
		}
	}
	return nil
}

func share(weight int) string { return fmt.Sprintf("%g %%", float64(weight)/100) }

// pause is a part of the night.
func (n *night) pause(ctx context.Context, part time.Duration) error {
	select {
	case <-time.After(n.length() / part):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (n *night) tell(kind string, weight int, label string) {
	at := time.Since(n.began)
	n.report.Events = append(n.report.Events, report.Event{At: at, Kind: kind, Weight: weight, Label: label})
	n.say("%9.1f s  %s", at.Seconds(), label)
}
