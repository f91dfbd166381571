package command

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/gateway/simulate"
	"github.com/banyan-migration/banyan/shared/accesslog"
)

// simulation is what `cutover simulate` is called with.
type simulation struct {
	*world
	json      *bool
	suite     bool
	markdown  bool
	ramps     int
	seed      uint64
	logs      []string
	synthetic bool
	group     string
	harm      string
}

// simulateVerb plays ramps that never happened.
func simulateVerb(w *world, json *bool) *cobra.Command {
	s := &simulation{world: w, json: json}
	c := &cobra.Command{
		Use:   "simulate [PLANFILE]",
		Short: "Play a plan over a log, or thousands of ramps by our rule and by others'",
		Long: `With a gateway.yaml, play a group's plan over an access log or an invented day and say what would have happened: each step with its
time, each change of the verdict with its sentence. The status is 1 where it would have been rolled back.

With --suite, play thousands of drawn ramps, healthy and harmed, by our rule, by the naive one and by Kayenta's, and say how often
each is wrong and how soon it is right. The status is 1 where our rule does not keep what it promises: one healthy ramp in a hundred
rolled back at most, and harm found in four ramps of five.`,
		Example: `  banyan cutover simulate --suite
  banyan cutover simulate --suite --ramps 2000 --markdown
  banyan cutover simulate gateway.yaml --group donate --log sample --harm +5%
  banyan cutover simulate gateway.yaml --group donate --synthetic`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if s.suite == (len(args) == 1) {
				return fail(wrong, "simulate takes either --suite or a PLANFILE such as gateway.yaml")
			}
			if s.suite {
				return s.runSuite(c)
			}
			return s.runPlan(args[0])
		},
	}
	f := c.Flags()
	f.BoolVar(&s.suite, "suite", false, "the tables of healthy and harmed ramps by three rules")
	f.IntVar(&s.ramps, "ramps", 100, "ramps a row of the suite; rows at 3 requests a minute have a quarter")
	f.BoolVar(&s.markdown, "markdown", false, "the suite's tables as the README has them")
	f.Uint64Var(&s.seed, "seed", 1, "another seed draws other ramps, the same one the same")
	f.StringArrayVar(&s.logs, "log", nil, "an access log of any size, plain or .gz, or the word sample; several in the order of their time")
	f.BoolVar(&s.synthetic, "synthetic", false, "an invented day instead of a log, again and again until the plan ends")
	f.StringVar(&s.group, "group", "", "the group; needed where the plan has several")
	f.StringVar(&s.harm, "harm", "", "what the new side does worse than the log says: +5% (failures) or +200ms")
	c.MarkFlagsMutuallyExclusive("log", "synthetic")
	return c
}

func (s *simulation) runSuite(c *cobra.Command) error {
	if s.ramps < 1 {
		return fail(wrong, "--ramps %d: at least 1 ramp a row", s.ramps)
	}
	o := simulate.Options{Ramps: s.ramps, Seed: s.seed, Done: ramped(s.err)}
	rows, err := simulate.Run(c.Context(), simulate.Suite(), o)
	if err != nil {
		return fail(outside, "simulate: %w before all ramps were played; nothing is changed by playing them", err)
	}
	switch {
	case *s.json:
		err = printJSON(s.out, map[string]any{"rows": rows, "seed": s.seed})
	case s.markdown:
		err = simulate.Markdown(s.out, rows)
	default:
		err = simulate.Text(s.out, rows)
	}
	if err != nil {
		return err
	}
	var broken []error
	for _, r := range rows {
		if err := r.Promise(); err != nil {
			broken = append(broken, err)
		}
	}
	if broken != nil {
		return fail(unheld, "simulate: our rule does not keep its promise: %w", errors.Join(broken...))
	}
	return nil
}

func (s *simulation) runPlan(file string) error {
	c, err := config.Read(file, config.Options{Check: true})
	if err != nil {
		return fail(wrong, "%w", err)
	}
	g, err := s.pick(c)
	if err != nil {
		return err
	}
	harm, err := simulate.ParseHarm(s.harm)
	if err != nil {
		return fail(wrong, "--harm: %w", err)
	}
	story, err := s.played(simulate.Play{Config: c, Group: g, Harm: harm, Seed: s.seed})
	if err != nil {
		return err
	}
	if err := s.tell(story); err != nil {
		return err
	}
	if story.End == simulate.RolledBack {
		return fail(unheld, "simulate: %s would have been rolled back", story.Group)
	}
	return nil
}

// played is the story over the logs, or over the invented day.
func (s *simulation) played(p simulate.Play) (simulate.Story, error) {
	if !s.synthetic && len(s.logs) == 0 {
		return simulate.Story{}, fail(wrong, "simulate needs what the site was asked: --log FILE, --log sample, or --synthetic")
	}
	var read logs
	lines := read.lines(s.logs)
	if s.synthetic {
		lines = simulate.Synthetic(p.Group, s.seed)
	}
	story := p.Run(lines)
	switch {
	case read.err != nil:
		return story, read.err
	case story.From.IsZero():
		return story, fail(wrong, "simulate: there is no request to play: the log has no readable line, or every route of %s asks for a query or a header", p.Group.Name)
	case read.skipped > 0:
		story.Notes = append(story.Notes, fmt.Sprintf("%d lines could not be read and were left out; the first: %v", read.skipped, read.first))
	}
	return story, nil
}

func (s *simulation) pick(c *config.Config) (*config.Group, error) {
	var names []string
	for _, g := range c.Groups {
		if g.Name == s.group || s.group == "" && len(c.Groups) == 1 {
			return g, nil
		}
		names = append(names, g.Name)
	}
	if s.group == "" {
		return nil, fail(wrong, "%s has %d groups: --group says which is played: %s", c.File, len(names), strings.Join(names, ", "))
	}
	return nil, fail(wrong, "%s has no group %q: it has %s", c.File, s.group, strings.Join(names, ", "))
}

// logs is the reading of several logs, one after another.
type logs struct {
	skipped int
	first   error // why the first line could not be read
	err     error
}

func (r *logs) lines(names []string) iter.Seq[accesslog.Line] {
	return func(yield func(accesslog.Line) bool) {
		for _, name := range names {
			if more := r.read(name, yield); !more {
				return
			}
		}
	}
}

func (r *logs) read(name string, yield func(accesslog.Line) bool) (more bool) {
	in, err := openLog(name)
	if err != nil {
		status := outside
		if errors.Is(err, fs.ErrNotExist) {
			status = wrong
		}
		r.err = fail(status, "--log: %w", err)
		return false
	}
	defer in.Close()
	log := accesslog.NewReader(name, in)
	for l := range log.Lines() {
		if !yield(l) {
			return false
		}
	}
	if r.skipped += log.Skipped; r.first == nil {
		r.first = log.First
	}
	if err := log.Err(); err != nil {
		r.err = fail(outside, "--log: %w; nothing was changed", err)
	}
	return r.err == nil
}

func (s *simulation) tell(story simulate.Story) error {
	if *s.json {
		return printJSON(s.out, story)
	}
	fmt.Fprintf(s.out, "%s by policy %s, %s to %s\n\n", story.Group, story.Policy, story.From.Format(time.DateTime), story.To.Format(time.DateTime))
	for _, e := range story.Events {
		what := "verdict " + string(e.Kind) + " (" + e.Reason + ")"
		if e.Step {
			what = "WEIGHT " + percent(e.Weight)
		}
		fmt.Fprintf(s.out, "%s  %9d  %-24s  %s\n", e.At.Format(time.DateTime), e.Request, what, e.Why)
	}
	fmt.Fprintf(s.out, "\n%s after %d judged requests: legacy failed %d of %d, the new side %d of %d; %d donors hurt by the harm\n", endings[story.End],
		story.Requests[0]+story.Requests[1], story.Failed[0], story.Requests[0], story.Failed[1], story.Requests[1], story.Hurt)
	fmt.Fprintf(s.out, "%d requests of the group are no evidence: robots', and those that no draw placed\n", story.Unjudged)
	for _, note := range story.Notes {
		fmt.Fprintln(s.out, "note:", note)
	}
	return nil
}

var endings = map[string]string{
	simulate.RolledBack: "rolled back",
	simulate.Finished:   "finished: everybody is on the new side, and stayed there for its dwell,",
	simulate.LogEnded:   "the log ends",
}

// ramped shows how far the ramps are, once a second, where a person looks.
func ramped(out io.Writer) func(n, of int64) {
	if !attended(out) {
		return nil
	}
	begun := time.Now()
	var told atomic.Int64
	return func(n, of int64) {
		passed := time.Since(begun)
		second, before := int64(passed/time.Second), told.Load()
		switch {
		case n == of:
			fmt.Fprint(out, "\r\x1b[K")
		case second >= 2 && second > before && told.CompareAndSwap(before, second):
			rate := float64(n) / passed.Seconds()
			fmt.Fprintf(out, "\r\x1b[K%d of %d ramps, %.0f a second, %.0f s left", n, of, rate, float64(of-n)/rate)
		}
	}
}
