package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/banyan-migration/banyan/migration/assess"
	"github.com/banyan-migration/banyan/migration/drupal"
)

// assessing is one call's flags.
type assessing struct {
	logs                      []string
	from, out, site, services string
	asJSON                    bool
}

// assessVerb is `banyan assess`: what the monolith does, from its log and its database.
func assessVerb(w *world) *cobra.Command {
	var a assessing
	c := &cobra.Command{
		Use:   "assess --log FILE...",
		Short: "Say what the old site does, and what to move first",
		Long: "Say what the old site does: its routes, when and how often they are asked, how slow they are and how they fail, what they write, what must move\n" +
			"together, what a move would lose and cost, and an order of cutover.\n\n" +
			"Logs are Apache's or nginx's combined format with or without hosts and times, of a load balancer of AWS, or CloudFront's, plain or gzipped; each file's\n" +
			"format is found by itself, and the files may be given in any order. With --from, what the database does not have is not called a route. --out gets\n" +
			"assess.html, assess.json and plan.yaml, a whole configuration for `banyan gateway` with every group at weight 0. None of them holds an address of a\n" +
			"visitor or a query.\n\n" +
			"A segment of a path is shown where the database or Drupal itself has the path, or at least 20 visitors (addresses; of IPv6, networks of 48 bits; no\n" +
			"robots) asked for it. Any other is {…}, and so is what stands below search, unsubscribe, reset, confirm, verify, validate, activate, invite and token,\n" +
			"and what holds an @, seven digits in a row or a long token, whoever asked, unless the database has it; pages of users and of what visitors made are\n" +
			"one {name}. A path that many asked for may name somebody still: the files are of mode 0600; look through them before they are passed on.",
		Example: "  banyan assess --log access.log access.log.1.gz --from drupal7.sql.gz --out assessment\n  banyan gateway --config assessment/plan.yaml --check",
		Args:    cobra.ArbitraryArgs, // what a shell makes of --log access.log*
		RunE: func(c *cobra.Command, more []string) error {
			a.logs = append(a.logs, more...)
			return a.run(c.Context(), w)
		},
	}
	c.Flags().StringArrayVar(&a.logs, "log", nil, "an access log; more may follow it")
	c.Flags().StringVar(&a.from, "from", "", "the old site's database: a dump (FILE.sql or FILE.sql.gz), sqlite:FILE or mysql://USER:PASSWORD@HOST/DATABASE")
	c.Flags().StringVar(&a.out, "out", "", "folder for the report and the plan; absent: none is written")
	c.Flags().StringVar(&a.site, "site", "", "the old site's address in the plan (absent: "+assess.DefaultSite+")")
	c.Flags().StringVar(&a.services, "services", "", "the services' address in the plan (absent: "+assess.DefaultServices+")")
	c.Flags().BoolVar(&a.asJSON, "json", false, "one JSON document")
	return c
}

func (a *assessing) run(ctx context.Context, w *world) error {
	if len(a.logs) == 0 {
		return fail(wrong, "--log is missing: it names the access logs, such as --log /var/log/nginx/access.log*")
	}
	if err := assess.Backends(a.site, a.services); err != nil {
		return fail(wrong, "--site or --services: %w", err)
	}
	size, err := a.size()
	if err != nil {
		return err
	}
	site, err := a.survey(ctx)
	if err != nil {
		return err
	}
	job := &assess.Job{Files: a.logs, Site: site}
	hide := reading(ctx, w.err, size, job.Progress)
	found, err := job.Run(ctx)
	hide()
	switch {
	case errors.Is(err, context.Canceled):
		return fail(outside, "interrupted; nothing was written: run the same command again")
	case err != nil:
		return fail(wrong, "%w. Nothing was written: mend the file or leave it out, and run the command again", err)
	}
	if a.out != "" {
		if err := found.Write(a.out, a.site, a.services); err != nil {
			return fail(outside, "%w. What stood in %s is whole; run the command again when the cause is mended", err, a.out)
		}
	}
	if a.asJSON {
		return printJSON(w.out, found)
	}
	printAssessment(w.out, found)
	if a.out != "" {
		fmt.Fprintf(w.out, "\n%[1]s/assess.html is the report, %[1]s/plan.yaml the plan: banyan gateway --config %[1]s/plan.yaml --check\n", a.out)
	}
	return nil
}

// size is that of all logs, and the first of them that cannot be read.
func (a *assessing) size() (sum int64, err error) {
	for _, name := range a.logs {
		info, err := os.Stat(name)
		switch {
		case err != nil:
			return 0, fail(wrong, "--log: %w", err)
		case info.IsDir():
			return 0, fail(wrong, "--log: %s is a folder: name the files in it, such as %s/*", name, strings.TrimSuffix(name, "/"))
		}
		sum += info.Size()
	}
	return sum, nil
}

// survey asks the database, where one is named.
func (a *assessing) survey(ctx context.Context) (*assess.Site, error) {
	if a.from == "" {
		return nil, nil
	}
	source, err := drupal.Open(ctx, a.from)
	if err != nil {
		return nil, fail(wrong, "--from: %w", err)
	}
	defer source.Close()
	content, err := drupal.OpenContent(ctx, a.from)
	if err != nil {
		return nil, fail(wrong, "--from: %w", err)
	}
	defer content.Close()
	site, err := assess.Survey(ctx, source, content)
	if err != nil {
		return nil, fail(outside, "--from: %w. Nothing was written: run the command again when the cause is mended", err)
	}
	return site, nil
}

// reading shows how much of the files is read, where somebody looks, until it is told to hide.
func reading(ctx context.Context, to io.Writer, size int64, so func() (bytes, lines int64)) (hide func()) {
	if !attended(to) {
		return func() {}
	}
	began := time.Now()
	rate := func(decor.Statistics) string {
		_, lines := so()
		return fmt.Sprintf(" %d lines, %.0f/s, left ", lines, float64(lines)/max(time.Since(began).Seconds(), 0.001))
	}
	bars := mpb.NewWithContext(ctx, mpb.WithOutput(to), mpb.WithWidth(40))
	bar := bars.AddBar(max(size, 1), mpb.PrependDecorators(decor.Name("reading ")),
		mpb.AppendDecorators(decor.Percentage(), decor.Any(rate), decor.AverageETA(decor.ET_STYLE_GO)))
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				bytes, _ := so()
				bar.SetCurrent(min(bytes, size-1))
			}
		}
	}()
	return func() {
		close(stop)
		<-stopped
		bar.Abort(true)
		bars.Wait()
	}
}

// listed is how many lines of a table a person is shown; --json and the report have more.
const listed = 15

func printAssessment(out io.Writer, a *assess.Assessment) {
	fmt.Fprintf(out, "%d requests (%d by robots) from %s to %s UTC; %d lines could not be read\n", a.Requests, a.Bots,
		a.From.Format("2 January 2006 15:04"), a.To.Format("2 January 2006 15:04"), a.Skipped)
	if a.First != "" {
		fmt.Fprintf(out, "  the first: %s\n", a.First)
	}
	if a.Hidden > 0 {
		fmt.Fprintf(out, "%d requests were for paths that are shown with a {…}, since what few ask for may be somebody's\n", a.Hidden)
	}
	if a.Few {
		fmt.Fprintln(out, "the log names fewer than 20 visitors: where a proxy's address stands in their place, let the server log theirs (real_ip, mod_remoteip), or give --from")
	}
	fmt.Fprintf(out, "the worst night: %s to %s UTC, %d requests; the busiest minute, %s, had %d\n\n", a.Show.From.Format("2 January 15:04"),
		a.Show.To.Format("15:04"), a.Show.Requests, a.Show.Peak.Format("15:04"), a.Show.PeakPerMinute)
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "route\trequests\tfailed\tp50 ms\tp95 ms\tmost/s\tgroup")
	for _, r := range a.Routes[:min(listed, len(a.Routes))] {
		fmt.Fprintf(t, "%s %s\t%d\t%d\t%.0f\t%.0f\t%d\t%s\n", r.Method, r.Pattern, r.Requests, r.Errors, r.P50, r.P95, r.PeakPerSecond, r.Group)
	}
	_ = t.Flush() // out keeps its own errors
	andMore(out, len(a.Routes), "routes")
	if len(a.NotHere) > 0 {
		fmt.Fprintln(out, "\nasked for, and not the site's:")
		for _, n := range a.NotHere[:min(listed, len(a.NotHere))] {
			fmt.Fprintf(out, "  %s %s: %d requests for %d addresses; %s\n", n.Method, n.Pattern, n.Requests, n.Addresses, n.Why)
		}
		andMore(out, len(a.NotHere), "of them")
	}
	fmt.Fprintf(out, "\nproposed order of cutover (as services $%s a month in all):\n", a.Cost.Total)
	for i, g := range a.Order {
		fmt.Fprintf(out, "%2d. %s: %s\n", i+1, g.Name, strings.Join(g.Why, "; "))
	}
}

func andMore(out io.Writer, all int, what string) {
	if all > listed {
		fmt.Fprintf(out, "and %d more %s\n", all-listed, what)
	}
}
