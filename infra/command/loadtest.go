package command

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/banyan-migration/banyan/infra/local/site"
	"github.com/banyan-migration/banyan/loadtest"
	"github.com/banyan-migration/banyan/shared/mark"
)

func loadtestVerb(w *world) *cobra.Command {
	c := &cobra.Command{Use: "loadtest", Short: "Put a site under load as its visitors would"}
	c.AddCommand(loadtestRun(w))
	return c
}

// attack is what the flags of loadtest run say.
type attack struct {
	target, reconcile string
	seed              uint64
	asJSON            bool
}

func loadtestRun(w *world) *cobra.Command {
	var a attack
	c := &cobra.Command{
		Use:   "run PLAN",
		Short: "Send what a plan says, in an open loop, and count what the site accepted",
		Long: "PLAN is a YAML file, or one of the shipped: drip, ramp, slam, peak, night. The night replays the sample's access log.\n" +
			"Requests are signed as tests with BANYAN_KEY unless the plan says mark: none.",
		Example: "  banyan loadtest run slam --target http://127.0.0.1:8080 --reconcile http://127.0.0.1:9002/reconcile",
		Args:    cobra.ExactArgs(1),
		RunE:    func(c *cobra.Command, args []string) error { return a.run(c.Context(), w, args[0]) },
	}
	c.Flags().StringVar(&a.target, "target", "", "address to connect to; the plan's host is what is asked for")
	c.Flags().StringVar(&a.reconcile, "reconcile", "", `address that answers JSON lines {"ref","id","amount"} of all stored`)
	c.Flags().Uint64Var(&a.seed, "seed", 0, "the plan's seed, if it shall be another")
	c.Flags().BoolVar(&a.asJSON, "json", false, "one JSON document")
	_ = c.MarkFlagRequired("target") // defined above
	return c
}

func (a *attack) run(ctx context.Context, w *world, name string) error {
	p, err := loadtest.Load(name)
	if err != nil {
		return &exit{wrong, err}
	}
	if a.seed != 0 {
		p.Seed = a.seed
	}
	keys, err := mark.ParseKeys(os.Getenv("BANYAN_KEY"))
	if err != nil {
		return &exit{wrong, fmt.Errorf("BANYAN_KEY: %w", err)}
	}
	o := loadtest.Options{Target: a.target, Keys: keys, Open: openLog, Progress: progress(w.err)}
	res, err := loadtest.Run(ctx, p, o)
	if res == nil {
		return &exit{wrong, err}
	}
	if err == nil && a.reconcile != "" {
		err = res.Fetch(ctx, a.reconcile)
	}
	if a.asJSON {
		if err := printJSON(w.out, res); err != nil {
			return &exit{outside, err}
		}
	} else {
		printRun(w.out, res)
	}
	return verdict(res, err)
}

// verdict turns a run into an exit status: a reconciliation that does not hold is what was checked.
func verdict(res *loadtest.Result, err error) error {
	switch {
	case err != nil:
		return &exit{outside, err}
	case res.OK == 0:
		return fail(outside, "loadtest: not one of %d requests was answered well: %v", res.Sent, res.Errors)
	case res.Reconciled != nil && !res.Reconciled.Clean():
		r := res.Reconciled
		return fail(unheld, "loadtest: of %d accepted donations %d are missing, %d are doubled, %d have a wrong amount; %d refused ones are stored",
			r.Accepted, len(r.Missing), len(r.Doubled), len(r.WrongAmount), len(r.Unexpected))
	}
	return nil
}

// openLog opens a plan's log; "sample" is the sample site's.
func openLog(name string) (io.ReadCloser, error) {
	if name == "sample" {
		return io.NopCloser(bytes.NewReader(site.AccessLog)), nil
	}
	return os.Open(name)
}

// progress rewrites one line of a terminal each second; where nobody looks, nothing is written.
func progress(out io.Writer) func(loadtest.Snapshot) {
	if !attended(out) {
		return nil
	}
	return func(s loadtest.Snapshot) {
		end := ""
		if s.Elapsed >= s.Length && s.InFlight == 0 {
			end = "\n"
		}
		fmt.Fprintf(out, "\r\x1b[K%s%s", s, end)
	}
}

func printRun(out io.Writer, r *loadtest.Result) {
	fmt.Fprintf(out, "%s: %d requests in %.1f s (%.1f a second), %d well answered, %d sent late, %d not sent\n",
		r.Plan, r.Sent, r.Seconds, r.Rate, r.OK, r.LateSends, r.NotSent)
	if len(r.Errors) > 0 {
		fmt.Fprintln(out, "errors:", r.Errors)
	}
	ms := func(title string, p loadtest.Percentiles) {
		fmt.Fprintf(out, "%-26s p50 %.1f  p90 %.1f  p99 %.1f  p99.9 %.1f  max %.1f ms\n", title, p.P50, p.P90, p.P99, p.P999, p.Max)
	}
	ms("every request", r.Latency)
	ms("whole visit to a form", r.Visit)
	if r.Legacy.Accepted > 0 {
		ms("post to 302, Drupal", r.Legacy.Post)
	}
	if r.Services.Accepted > 0 {
		ms("post to 302, services", r.Services.Post)
	}
	fmt.Fprintf(out, "donations accepted: %d by Drupal, %d by the services; %d refused, %d without an answer\n",
		r.Legacy.Accepted, r.Services.Accepted, len(r.Refused), len(r.Unanswered))
	if c := r.Reconciled; c != nil {
		fmt.Fprintf(out, "reconciled: %d accepted, %d stored, %d missing, %d doubled, %d with a wrong amount, %d stored without the donor's knowing\n",
			c.Accepted, c.Stored, len(c.Missing), len(c.Doubled), len(c.WrongAmount), len(c.Unconfirmed))
	}
	fmt.Fprintf(out, "this process used %.2f s of processor\n", r.CPU)
}
