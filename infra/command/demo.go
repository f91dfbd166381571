package command

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/banyan-migration/banyan/infra/local"
	"github.com/banyan-migration/banyan/infra/local/report"
)

// demoVerb is `banyan demo`: the main job, end to end.
func demoVerb(w *world) *cobra.Command {
	o := local.DemoOptions{Config: w.files.Gateway, Tell: w.err}
	var asJSON bool
	c := &cobra.Command{
		Use:   "demo",
		Short: "Play the whole migration on the sample site, and report what held",
		Long: "Play the whole migration on the sample site: assess, backfill, verify, move the donate form under a replayed night, plant a\n" +
			"fault, roll back, mend, move on, fetch the late rows, and compare everybody's books. Exits with 0 only if every check held,\n" +
			"with 3 when it was interrupted: its world goes with it.",
		Example: "  banyan demo --fast\n  banyan demo --out report --seed 7",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return playDemo(c.Context(), w, o, asJSON) },
	}
	c.Flags().StringVar(&o.Out, "out", "report", "the folder for report.html and report.json")
	c.Flags().Uint64Var(&o.Seed, "seed", 1, "of the invented donors")
	c.Flags().BoolVar(&o.Fast, "fast", false, "ten minutes of the night at twenty times its speed, in place of an hour at ten times")
	c.Flags().BoolVar(&asJSON, "json", false, "report.json on standard output")
	return c
}

func playDemo(ctx context.Context, w *world, o local.DemoOptions, asJSON bool) error {
	o.Command = "banyan demo"
	if o.Fast {
		o.Command += " --fast"
	}
	r, err := local.Demo(ctx, o)
	if err != nil && ctx.Err() != nil {
		return fail(outside, "the demo was interrupted: its world is removed, no report was written; play it again. It was at: %w", err)
	}
	if err != nil {
		return fail(outside, "the demo could not be played to its end: %w", err)
	}
	if asJSON {
		if err := json.NewEncoder(w.out).Encode(r); err != nil {
			return fail(outside, "%w", err)
		}
	} else if err := tellChecks(w, r, o.Out); err != nil {
		return err
	}
	return heldOrNot(r)
}

// heldOrNot is the demo's exit status: 1 names each check that does not hold.
func heldOrNot(r *report.Report) error {
	if r.Held() {
		return nil
	}
	var bad []string
	for _, c := range r.Checks {
		if !c.Held {
			bad = append(bad, fmt.Sprintf("%s: %s", c.Name, c.Figure))
		}
	}
	return fail(unheld, "%d of %d checks do not hold:\n  %s", len(bad), len(r.Checks), strings.Join(bad, "\n  "))
}

func tellChecks(w *world, r *report.Report, out string) error {
	var b strings.Builder
	b.WriteString("\n")
	for _, c := range r.Checks {
		mark := "held    "
		if !c.Held {
			mark = "NOT HELD"
		}
		fmt.Fprintf(&b, "  %s  %s\n            %s\n", mark, c.Name, c.Figure)
	}
	page, err := filepath.Abs(filepath.Join(out, "report.html"))
	if err != nil {
		return fail(outside, "%w", err)
	}
	fmt.Fprintf(&b, "\nthe report: file://%s\n", page)
	if _, err = fmt.Fprint(w.out, b.String()); err != nil {
		return fail(outside, "%w", err)
	}
	w.show(page)
	return nil
}
