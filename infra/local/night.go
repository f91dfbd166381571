package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/banyan-migration/banyan/infra/local/report"
	"github.com/banyan-migration/banyan/infra/local/site"
	"github.com/banyan-migration/banyan/loadtest"
)

// turn is something that happens in the night, at a part of its length.
type turn struct {
	at     float64
	kind   string
	weight int
	label  string
}

// turns are the demo's: up to half, a fault, back to nothing, and up again to the end.
var turns = []turn{
	{0.08, report.Weight, 100, "1 % of the donors to the services"},
	{0.17, report.Weight, 1000, "10 %"},
	{0.28, report.Weight, 5000, "50 %"},
	{0.44, report.Fault, 0, "a fault is planted: the services answer 500"},
	{0.48, report.Rollback, 0, "rolled back to Drupal"},
	{0.55, report.Mend, 0, "the services are mended"},
	{0.58, report.Weight, 100, "1 %, again"},
	{0.63, report.Weight, 1000, "10 %"},
	{0.69, report.Weight, 5000, "50 %"},
	{0.78, report.Weight, 10000, "every donor to the services"},
}

// ramp replays the night's traffic, and moves the group while it does.
func (d *demo) ramp(ctx context.Context) (string, error) {
	d.meter.Reset()
	length := time.Duration(float64(d.plan.End.Sub(d.plan.Start)) / d.plan.Speed)
	work, ctx := errgroup.WithContext(ctx)
	work.Go(func() error { return d.steer(ctx, length) })
	work.Go(func() (err error) {
		d.report.Load, err = loadtest.Run(ctx, d.plan, loadtest.Options{Target: d.world.Gateway, Timeout: 30 * time.Second,
			Open: func(string) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(site.AccessLog)), nil }})
		return err
	})
	work.Go(func() error {
		select {
		case err := <-d.world.Failed():
			return err
		case <-ctx.Done():
			return nil
		case <-time.After(length):
			return nil
		}
	})
	if err := work.Wait(); err != nil {
		return "", err
	}
	l := d.report.Load
	return fmt.Sprintf("%d requests, %d donations accepted: %d by Drupal, %d by the services", l.Sent, l.Accepted(), l.Legacy.Accepted, l.Services.Accepted), nil
}

// steer makes the turns at their times.
func (d *demo) steer(ctx context.Context, length time.Duration) error {
	began := time.Now()
	for _, t := range turns {
		due := time.Duration(t.at * float64(length))
		select {
		case <-time.After(time.Until(began.Add(due))):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if err := d.turn(ctx, t, time.Since(began)); err != nil {
			return errors.Join(fmt.Errorf("%s at %s", t.label, due), err)
		}
	}
	return nil
}

func (d *demo) turn(ctx context.Context, t turn, at time.Duration) error {
	d.report.Events = append(d.report.Events, report.Event{At: at, Kind: t.kind, Weight: t.weight, Label: t.label})
	d.say("%9.1f s  %s", at.Seconds(), t.label)
	switch t.kind {
	case report.Fault:
		d.world.desk.broken.Store(true)
	case report.Mend:
		d.world.desk.broken.Store(false)
	case report.Rollback:
		began := time.Now()
		if err := d.world.Rollback(ctx, group, "planted fault: gifts are refused with 500"); err != nil {
			return err
		}
		took := time.Since(began)
		d.check(took < time.Second, "the rollback is in force within a second", "%d ms from the call to weight 0", took.Milliseconds())
	default:
		return d.world.Weigh(ctx, group, t.weight, t.label)
	}
	return nil
}
