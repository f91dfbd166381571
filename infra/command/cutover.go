package command

import (
	"cmp"
	"fmt"
	"maps"
	"os/user"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/banyan-migration/banyan/gateway/dash"
)

// cutoverVerb is `banyan cutover`: a route group's life, against a running gateway.
func cutoverVerb(w *world) *cobra.Command {
	c := &cobra.Command{
		Use:   "cutover",
		Short: "Move a route group to the new side, back again, and say why it stands where it stands",
		Example: `  banyan cutover status
  banyan cutover set donate --weight 100 --why "first hundredth, CHG-12"
  banyan cutover rollback donate --why "declines doubled"`,
	}
	v := &cutoverCalls{world: w}
	v.admin.flags(c)
	c.PersistentFlags().BoolVar(&v.json, "json", false, "one JSON document on standard output")
	c.AddCommand(v.status(), v.plan(), v.set(), v.rollback(), v.override(), v.enter(), v.explain(), v.history(), v.drill(), freezeForms(w, &v.json), simulateVerb(w, &v.json),
		v.act("promote", "Take a group to the next step of its schedule", "the judge has been content since Monday", true),
		v.act("hold", "Let nothing raise a group until it is released", "the acquirer has maintenance tonight", false),
		v.act("freeze", "Let nothing move a group but a rollback", "the week of the appeal", false),
		v.act("release", "End a hold and a freeze", "the appeal is over", true))
	return c
}

// cutoverCalls is what the verbs of cutover share.
type cutoverCalls struct {
	*world
	admin            admin
	json             bool
	who, why, ticket string
	revision         int64 // --if
}

// reasons are the flags of every change.
func (v *cutoverCalls) reasons(c *cobra.Command) *cobra.Command {
	c.Args = oneGroup
	c.Flags().StringVar(&v.why, "why", "", "the reason, kept in the journal (needed)")
	c.Flags().StringVar(&v.who, "who", "", "who asks; absent: the token's own name, or this machine's user")
	c.Flags().StringVar(&v.ticket, "ticket", "", "a ticket's number, kept in the journal")
	return c
}

func oneGroup(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fail(wrong, "%w", errNoGroup)
	}
	return nil
}

func (v *cutoverCalls) actor() string {
	if v.who != "" {
		return v.who
	}
	if u, err := user.Current(); err == nil {
		return cmp.Or(u.Name, u.Username)
	}
	return "unknown"
}

func (v *cutoverCalls) status() *cobra.Command {
	return &cobra.Command{
		Use:     "status",
		Short:   "Where every group stands",
		Example: "  banyan cutover status --json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var s dash.Status
			if err := v.admin.call(c.Context(), "GET", "/v1/status", 0, nil, &s); err != nil {
				return err
			}
			if v.json {
				return printJSON(v.out, s)
			}
			return v.stand(s)
		},
	}
}

// stand prints a line a group within 120 columns, and the sentences that say why below.
func (v *cutoverCalls) stand(s dash.Status) error {
	t := tabwriter.NewWriter(v.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "GROUP\tPHASE\tWEIGHT\tREADS\tWRITES\tVERDICT\tROLLBACK\tREVISION")
	names := slices.Sorted(maps.Keys(s.Groups))
	for _, name := range names {
		g := s.Groups[name]
		fmt.Fprintf(t, "%.32s\t%s\t%s\t%s\t%s\t%s\t%s\t%d\n", name, standing(g), percent(g.Weight), g.ReadAuthority, g.WriteAuthority, g.Verdict, g.Readiness.State, g.Revision)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, name := range names {
		g := s.Groups[name]
		fmt.Fprintf(v.out, "\n%s\n", name)
		fmt.Fprintf(v.out, "  %s: %s\n", g.Verdict, g.Why)
		fmt.Fprintf(v.out, "  a rollback loses: %s; %s\n", g.Readiness.Loses, g.Readiness.Drill)
		fmt.Fprintf(v.out, "  last change: %s by %s: %s\n", g.At.Format(time.RFC3339), g.Who, g.Reason)
		if g.Pending {
			fmt.Fprintf(v.out, "  not everywhere: %s\n", g.Notice)
		}
	}
	fmt.Fprintf(v.out, "\nrevision %d\n", s.Revision)
	if s.Stale {
		fmt.Fprintln(v.out, "the plan's store cannot be reached: this is the last plan that the gateway knew")
	}
	return nil
}

func standing(g dash.Group) string {
	switch {
	case g.Killed:
		return "killed"
	case g.Pending:
		return g.Phase + ", here"
	case g.Frozen != nil:
		return g.Phase + ", frozen"
	case g.Held != nil:
		return g.Phase + ", held"
	}
	return g.Phase
}

// percent writes basis points as people say them.
func percent(weight int) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%d.%02d", weight/100, weight%100), "0"), ".") + " %"
}

func (v *cutoverCalls) set() *cobra.Command {
	var weight int
	var lose bool
	c := v.reasons(&cobra.Command{
		Use:     "set GROUP",
		Short:   "Move a group to a weight",
		Example: `  banyan cutover set donate --weight 100 --why "first hundredth"`,
		RunE: func(c *cobra.Command, args []string) error {
			if !c.Flags().Changed("weight") {
				return fail(wrong, "--weight is missing: basis points, 0 (nobody) to 10000 (everybody)")
			}
			return v.move(c.Context(), args[0], change{body: map[string]any{"weight": weight, "lose": lose}}, true)
		},
	})
	c.Flags().IntVar(&weight, "weight", 0, "basis points: 0 is nobody, 100 one in a hundred, 10000 everybody")
	c.Flags().BoolVar(&lose, "lose", false, "go down although the status says that it loses something")
	v.ifFlag(c)
	return c
}

func (v *cutoverCalls) moved(before, after dash.Group) error {
	if v.json {
		return printJSON(v.out, after)
	}
	fmt.Fprintf(v.out, "%s: %s %s -> %s %s, revision %d\n", after.Group, standing(before), percent(before.Weight), standing(after), percent(after.Weight), after.Revision)
	if after.Killed {
		fmt.Fprintln(v.out, "the kill switch is on: every request goes to legacy until it is off, whatever the weight")
	}
	return nil
}

func (v *cutoverCalls) rollback() *cobra.Command {
	var lose bool
	c := v.reasons(&cobra.Command{
		Use:     "rollback GROUP",
		Short:   "Send a group back to the old side, at once",
		Example: `  banyan cutover rollback donate --why "declines doubled"`,
		RunE: func(c *cobra.Command, args []string) error {
			var after dash.Group
			if err := v.change(c.Context(), args[0], change{verb: "rollback", body: map[string]any{"lose": lose}}, &after); err != nil {
				return err
			}
			if after.Pending {
				return v.alone(after)
			}
			if v.json {
				return printJSON(v.out, after)
			}
			if after.Weight > 0 {
				_, err := fmt.Fprintf(v.out, "%s is past its point of no return: it is frozen at %s, revision %d\n", after.Group, percent(after.Weight), after.Revision)
				return err
			}
			_, err := fmt.Fprintf(v.out, "%s is back on %s, revision %d; lost: %s\n", after.Group, after.From, after.Revision, after.Readiness.Loses)
			return err
		},
	})
	c.Flags().BoolVar(&lose, "lose", false, "although the status says that it loses something")
	return c
}

// alone says that a rollback is done at the gateway that was asked, and not everywhere: there is something left to do.
func (v *cutoverCalls) alone(after dash.Group) error {
	if v.json {
		if err := printJSON(v.out, after); err != nil {
			return err
		}
	}
	return fail(outside, "%s; it goes into the plan by itself when the store is back", after.Notice)
}

func (v *cutoverCalls) override() *cobra.Command {
	var side string
	var lasts time.Duration
	c := v.reasons(&cobra.Command{
		Use:     "override GROUP",
		Short:   "Make a signed header that reaches one side, for a tester",
		Example: `  banyan cutover override donate --side new --for 1h --why "walk through the form before the ramp"`,
		RunE: func(c *cobra.Command, args []string) error {
			var o dash.Override
			if err := v.change(c.Context(), args[0], change{verb: "override", body: map[string]any{"side": side, "for": lasts.String()}}, &o); err != nil {
				return err
			}
			if v.json {
				return printJSON(v.out, o)
			}
			_, err := fmt.Fprintf(v.out, "%s: %s\nuntil %s; who has it has it: there is no taking it back\n", o.Header, o.Value, o.Expires.Format(time.RFC3339))
			return err
		},
	})
	c.Flags().StringVar(&side, "side", "new", "new or legacy")
	c.Flags().DurationVar(&lasts, "for", time.Hour, "how long it holds, at most 720h")
	return c
}
