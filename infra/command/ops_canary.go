package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/banyan-migration/banyan/infra/canary"
	"github.com/banyan-migration/banyan/infra/canary/rehearsal"
)

// opsCanary is `banyan ops canary`: a deployment rehearsed.
func opsCanary(w *world) *cobra.Command {
	o := rehearsal.Options{Stage: "prod"}
	var asJSON bool
	c := &cobra.Command{
		Use:   "canary SERVICE --old DIR --new DIR",
		Short: "Rehearse a deployment on this machine, with the alarms and hooks of template.yaml",
		Long: "Rehearse a deployment on this machine: the new version gets the service's traffic step by step, as the stage prod of template.yaml has\n" +
			"it, its hooks are called, and its alarms roll it back. Both versions are real bootstraps, asked what the service is asked; tables, topic and\n" +
			"acquirers are fakes that begin empty. Minutes pass as fast as the machine answers their requests, or as --speed says.\n\n" +
			"It says too what the alarms could not have seen with so little traffic. Status 1 if the version was rolled back, or got no traffic.",
		Example: "  make build && cp -r build/amd64/donate /tmp/released\n" +
			"  banyan ops canary donate --old /tmp/released --new build/amd64/donate\n" +
			"  banyan ops canary postcode --old build/amd64/postcode --new build/amd64/postcode --type Linear10PercentEvery1Minute --rate 60 --speed 60",
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.Service = args[0]
			return rehearse(c.Context(), w, o, asJSON)
		},
	}
	f := c.Flags()
	f.StringVar(&o.Old, "old", "", "the folder with the bootstrap that is live now")
	f.StringVar(&o.New, "new", "", "the folder with the bootstrap to be deployed, such as build/amd64/donate")
	f.StringVar(&o.Template, "template", "template.yaml", "where alarms, hooks and preference stand; what it nests lies beside it")
	f.StringVar(&o.Type, "type", "", "the deployment preference, such as Canary10Percent5Minutes; empty: the template's for prod")
	f.IntVar(&o.Rate, "rate", 600, "requests a minute")
	f.Float64Var(&o.Speed, "speed", 0, "how many seconds pass in one; 0: as many as the machine can answer")
	f.BoolVar(&asJSON, "json", false, "one JSON document")
	c.MarkFlagRequired("old")
	c.MarkFlagRequired("new")
	return c
}

func rehearse(ctx context.Context, w *world, o rehearsal.Options, asJSON bool) error {
	if err := deployed(o.Service); err != nil {
		return err
	}
	if o.Rate < 1 || o.Rate > 60_000 {
		return fail(wrong, "--rate %d: requests a minute, from 1 to 60000", o.Rate)
	}
	if o.Speed < 0 || o.Speed > 100_000 {
		return fail(wrong, "--speed %v: how many seconds pass in one, up to 100000; 0 is as many as the machine can answer", o.Speed)
	}
	if hooks := filepath.Join(filepath.Dir(filepath.Clean(o.New)), "hooks"); there(filepath.Join(hooks, "bootstrap")) {
		o.Hooks = hooks
	}
	progress := w.out
	if asJSON {
		progress = w.err
	}
	o.Begin = func(s rehearsal.Setting) { begun(progress, o, s) }
	o.Tell = func(e canary.Event) { fmt.Fprintf(progress, "%6s  %s\n", e.Clock, e.Text) }
	began := time.Now()
	report, setting, err := rehearsal.Run(ctx, o)
	var bad *rehearsal.Wrong
	switch {
	case errors.As(err, &bad):
		return fail(wrong, "%w", err)
	case ctx.Err() != nil:
		return fail(outside, "interrupted; it was a rehearsal, and nothing of it is left")
	case err != nil:
		return fail(outside, "%w", err)
	}
	took := time.Since(began)
	if asJSON {
		err = printJSON(w.out, struct {
			canary.Report
			Service string            `json:"service"`
			Setting rehearsal.Setting `json:"setting"`
			Seconds float64           `json:"seconds"`
		}{report, o.Service, setting, took.Seconds()})
	} else {
		ended(w.out, report, setting, took)
	}
	if err == nil && report.Outcome != canary.Promoted {
		err = fail(unheld, "the new %s was not promoted: %s", o.Service, report.Why)
	}
	return err
}

func there(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

func begun(out io.Writer, o rehearsal.Options, s rehearsal.Setting) {
	fmt.Fprintf(out, "%s by %s, with the alarms of %s\n", s.Function, s.Type, o.Template)
	fmt.Fprintf(out, "  version 1  %s\n  version 2  %s\n", o.Old, o.New)
	fmt.Fprintf(out, "  traffic    %d a minute: %s\n\n", o.Rate, s.Traffic)
}

func ended(out io.Writer, r canary.Report, s rehearsal.Setting, took time.Duration) {
	fmt.Fprintf(out, "\n%s after %s, which were %.1f s here\n\n", r.Outcome, minutes(r.Took), took.Seconds())
	fmt.Fprintf(out, "  %-9s %9s %7s %11s %10s %9s %9s\n", "", "requests", "failed", "500 or more", "throttled", "p50", "p99")
	for _, c := range []canary.Count{r.Old, r.New} {
		fmt.Fprintf(out, "  version %s %9d %7d %11d %10d %6.1f ms %6.1f ms\n", c.Version, c.Invocations, c.Errors, c.Faults, c.Throttles, c.P50, c.P99)
	}
	fmt.Fprintln(out)
	for _, a := range r.Alarms {
		state := a.State
		if !a.Played {
			state = "not played: nothing here tells it anything"
		} else if a.Worst != "" {
			state += ", at worst " + a.Worst
		}
		fmt.Fprintf(out, "  %-36s %-36s %s\n", a.Name, a.Rule, state)
	}
	fmt.Fprintln(out)
	if r.Fired != nil && r.Fired.Diluted != "" {
		fmt.Fprintf(out, "  diluted:  %s\n", r.Fired.Diluted)
	}
	for label, text := range map[string]string{"unseen": r.Unseen, "sight": r.Sight.Text} {
		if text != "" {
			fmt.Fprintf(out, "  %-9s %s\n", label+":", text)
		}
	}
	for _, m := range s.Missing {
		fmt.Fprintf(out, "  %-9s %s\n", "left out:", m)
	}
}

// minutes is a time as 5 min 30 s.
func minutes(d time.Duration) string {
	if s := int(d.Seconds()) % 60; s > 0 {
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), s)
	}
	return fmt.Sprintf("%d min", int(d.Minutes()))
}
