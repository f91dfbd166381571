package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/banyan-migration/banyan/gateway/judge"
	"github.com/banyan-migration/banyan/infra/cost"
	"github.com/banyan-migration/banyan/infra/local/report"
	"github.com/banyan-migration/banyan/infra/local/site"
	"github.com/banyan-migration/banyan/loadtest"
	"github.com/banyan-migration/banyan/migration/assess"
	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/migration/verify"
)

// group is the route group that the demo moves, and form the old form behind it.
const (
	group    = "donate"
	siteHost = "www.rednosefund.example"
)

// show is when the sample's night was busiest.
var show = time.Date(2019, 3, 15, 21, 0, 0, 0, time.UTC)

// DemoOptions say how a demo is played. Config and Out must be set.
type DemoOptions struct {
	Config  []byte    // gateway.yaml
	Out     string    // where the report goes
	Seed    uint64    // of the donors; 0 is 1
	Fast    bool      // ten minutes of the night at twenty times its speed; else an hour at ten times
	Command string    // as it was typed, for the report
	Tell    io.Writer // what a person sees while it runs

	short   bool                                     // a test's night: five minutes at ten times
	settled func(ctx context.Context, d *demo) error // a test's look, when the night is over and nothing is judged yet
}

// Demo plays the whole migration on the sample site: assess, backfill, verify, ramp under a replayed night, a planted fault
// and its rollback, after which Drupal gets what the services took, the ramp to the end, the late rows, a signed
// certificate, the comparison of everybody's books, and the monolith switched off with its pages frozen. The report says
// what held; an error says that the demo could not be played to its end.
func Demo(ctx context.Context, o DemoOptions) (*report.Report, error) {
	dir, err := os.MkdirTemp("", "banyan-demo-")
	if err != nil {
		return nil, fmt.Errorf("local: %w", err)
	}
	defer os.RemoveAll(dir)
	d := &demo{DemoOptions: o, dir: dir, began: time.Now()}
	d.plan = d.night()
	d.report = &report.Report{Case: cost.Reference(), Run: report.Run{Command: o.Command, Seed: d.plan.Seed, Speed: d.plan.Speed, Night: show, Started: d.began,
		Notes: []string{
			fmt.Sprintf("Drupal’s service times are the log’s medians by route, divided by %g.", d.plan.Speed),
			"The acquirers are fakes with 50 ms a call; all people are invented.",
			"A person approves the schedule and mends what was broken; every other move is the judge’s own, by its policy “demo”, which counts in seconds and a few visitors."}}}
	if err := d.play(ctx); err != nil {
		return nil, err
	}
	d.report.Run.Seconds = time.Since(d.began).Seconds()
	if err := d.write(); err != nil {
		return nil, err
	}
	return d.report, nil
}

// write puts the report where it was asked for, with the assessment, its plan and the certificate beside it.
func (d *demo) write() error {
	if err := d.report.Write(d.Out); err != nil {
		return err
	}
	if err := d.report.Assessment.Write(d.Out, "http://drupal.example", "http://services.example"); err != nil {
		return err
	}
	return d.sealed.Save(d.Out)
}

// demo is one that is played.
type demo struct {
	DemoOptions
	dir    string
	began  time.Time
	plan   loadtest.Plan
	report *report.Report
	world  *World
	meter  *meter
	source drupal.Source
	sealed verify.Sealed   // the certificate
	synced int64           // rows that were moved while the night was replayed
	asked  []string        // the addresses that the log has with 200
	left   map[string]bool // those that could not be frozen
}

func (d *demo) night() loadtest.Plan {
	p := loadtest.Plan{Name: "the show's night", Kind: loadtest.Night, Host: siteHost, Form: "/donate", Mark: "none", Seed: max(1, d.Seed),
		Log: "sample", Start: show, End: show.Add(time.Hour), Speed: 10}
	switch {
	case d.short:
		p.End, p.Speed = show.Add(5*time.Minute), 10
	case d.Fast:
		p.End, p.Speed = show.Add(10*time.Minute), 20
	}
	return p
}

func (d *demo) play(ctx context.Context) (err error) {
	steps := []struct {
		name string
		do   func(context.Context) (string, error)
	}{
		{"start the world", d.start},
		{"assess the old site, its log and its database", d.assess},
		{"backfill the old donations", d.backfill},
		{"verify every row", d.verify},
		{"give the services copies of the form's posts", d.shadow},
		{"replay the night; the judge moves the donate form", d.ramp},
		{"fetch the last rows that Drupal took", d.sync},
		{"let every payment settle", d.settle},
		{"write the services’ gifts back into Drupal", d.reverse},
		{"verify every row again, and sign it", d.verifyAgain},
		{"compare everybody's books", d.books},
		{"freeze the pages that nobody rewrites", d.freeze},
		{"switch the monolith off", d.off},
		{"reckon the cost", d.reckon},
	}
	defer func() {
		if d.world != nil {
			closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
			defer cancel()
			err = errors.Join(err, d.world.Close(closing))
		}
	}()
	for _, s := range steps {
		began := time.Now()
		figure, err := s.do(ctx)
		if err != nil {
			return fmt.Errorf("local: %s: %w", s.name, err)
		}
		took := time.Since(began)
		d.report.Steps = append(d.report.Steps, report.Step{Name: s.name, Seconds: took.Seconds(), Figure: figure})
		d.say("%6.1f s  %-44s %s", took.Seconds(), s.name, figure)
	}
	return nil
}

func (d *demo) say(format string, args ...any) { fmt.Fprintf(d.Tell, format+"\n", args...) }

func (d *demo) check(held bool, name, format string, args ...any) {
	c := report.Check{Name: name, Held: held, Figure: fmt.Sprintf(format, args...)}
	d.report.Checks = append(d.report.Checks, c)
}

// assess says what the old site does, from its log and its database.
func (d *demo) assess(ctx context.Context) (string, error) {
	pages, err := drupal.OpenContent(ctx, "sqlite:"+filepath.Join(d.dir, "legacy.db"))
	if err != nil {
		return "", err
	}
	defer pages.Close()
	known, err := assess.Survey(ctx, d.source, pages)
	if err != nil {
		return "", err
	}
	log := filepath.Join(d.dir, "access.log.gz")
	if err := os.WriteFile(log, site.AccessLog, 0o600); err != nil {
		return "", err
	}
	a, err := (&assess.Job{Files: []string{log}, Site: known}).Run(ctx)
	if err != nil {
		return "", err
	}
	d.report.Assessment = a
	return fmt.Sprintf("%d requests, %d routes, busiest minute %s with %d", a.Requests, len(a.Routes), a.Show.Peak.Format("15:04"), a.Show.PeakPerMinute), nil
}

func (d *demo) start(ctx context.Context) (string, error) {
	d.meter = &meter{}
	w, err := start(ctx, Options{Dir: d.dir, Config: d.Config, Speed: d.plan.Speed, Guarded: &judge.Demo, Log: slog.New(slog.DiscardHandler)}, d.meter)
	if err != nil {
		return "", err
	}
	d.world = w
	d.source, err = drupal.Open(ctx, "sqlite:"+filepath.Join(d.dir, "legacy.db"))
	return "gateway " + w.Gateway, err
}
