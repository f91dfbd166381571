// Package rehearsal sets one service of template.yaml up on this machine, twice, and deploys the second over the first as
// CodeDeploy would: the same alarms, the same hooks, the same preference, real bootstraps. Tables, topic and acquirers
// are fakes that begin empty and are gone afterwards.
package rehearsal

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/banyan-migration/banyan/infra/canary"
	"github.com/banyan-migration/banyan/infra/runtime"
)

// Options are one rehearsal.
type Options struct {
	Service  string
	Old, New string // folders that hold a bootstrap
	Hooks    string // the folder of the hooks' bootstrap; empty: none are called
	Template string // the file; what is nested lies beside it
	Stage    string // whose preference is rehearsed, as prod
	Type     string // the deployment preference; empty: the stage's
	Rate     int    // requests a minute
	Speed    float64
	Begin    func(Setting)      // told once everything stands, before the first event
	Tell     func(canary.Event) // nil: nobody
}

// Setting is what is rehearsed.
type Setting struct {
	Function string   `json:"function"`
	Stage    string   `json:"stage"`
	Type     string   `json:"type"`
	Hooks    []string `json:"hooks"`
	Traffic  string   `json:"traffic"` // what the requests are
	Missing  []string `json:"missing"` // what AWS would have and the rehearsal has not
}

// Wrong is an error in what Run was called with, or in a file that it names.
type Wrong struct{ Err error }

func (w *Wrong) Error() string { return w.Err.Error() }
func (w *Wrong) Unwrap() error { return w.Err }

func wrong(format string, args ...any) error { return &Wrong{fmt.Errorf(format, args...)} }

// calm and bake are how long traffic flows before and after.
const (
	calm = 2 * time.Minute
	bake = 5 * time.Minute
)

// Run rehearses. Its error is Wrong, or says what outside of it failed; nothing is left behind in either case.
func Run(ctx context.Context, o Options) (canary.Report, Setting, error) {
	p, err := read(o)
	if err != nil {
		return canary.Report{}, Setting{}, err
	}
	for flag, folder := range map[string]string{"--old": o.Old, "--new": o.New} {
		if err := bootstrap(folder); err != nil {
			return canary.Report{}, p.setting, wrong("%s: %w", flag, err)
		}
	}
	dir, err := os.MkdirTemp("", "banyan-rehearsal-")
	if err != nil {
		return canary.Report{}, p.setting, err
	}
	defer os.RemoveAll(dir)
	s, err := open(ctx, p, dir)
	if err != nil {
		return canary.Report{}, p.setting, err
	}
	defer s.close()
	r, err := s.publish(ctx, o)
	if err != nil {
		return canary.Report{}, p.setting, err
	}
	if o.Begin != nil {
		o.Begin(p.setting)
	}
	report, err := canary.Run(ctx, s.player, r)
	return report, p.setting, err
}

// publish makes the two versions and the hooks, and asks each version for its health.
func (s *stage) publish(ctx context.Context, o Options) (canary.Rollout, error) {
	r := s.plan.rollout
	for _, v := range []struct {
		into         *string
		folder, flag string
	}{{&r.Old, o.Old, "--old"}, {&r.New, o.New, "--new"}} {
		f := s.plan.function
		f.Code, f.Layers, f.Environment = v.folder, []string{s.layer}, s.variables
		number, err := s.player.Publish(f)
		if err != nil {
			return r, wrong("%s %s: %w", v.flag, v.folder, err)
		}
		*v.into = number
		if err := s.begins(ctx, number, v.flag+" "+v.folder); err != nil {
			return r, err
		}
	}
	r.Rate, r.Speed, r.Calm, r.Bake, r.Records, r.Tell = o.Rate, o.Speed, calm, bake, &s.records, o.Tell
	r.Event = s.plan.traffic.event
	if o.Hooks == "" {
		return r, nil
	}
	var err error
	if r.Before, err = s.hook(o.Hooks, "before", s.plan.function.Name+":"+r.New); err == nil {
		r.After, err = s.hook(o.Hooks, "after", s.plan.function.Name+":"+r.Alias)
	}
	return r, err
}

// begins asks a version for its health, so that one that cannot start is told apart from one that fails.
func (s *stage) begins(ctx context.Context, number, where string) error {
	a, err := s.player.Invoke(ctx, runtime.Call{Function: s.plan.function.Name + ":" + number, Payload: get("/" + s.plan.service + "/health"), Tail: true})
	if err != nil {
		return err
	}
	if a.Error == "" && a.Status == 200 {
		return nil
	}
	return fmt.Errorf("%s never became ready: %s\n%sin AWS the PreTraffic hook would refuse it; mend it, or run `make build` if the file is of another machine or an older tree. No deployment was begun",
		where, a.Payload, indented(s.said(a)))
}
