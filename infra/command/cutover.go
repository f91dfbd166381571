package command

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
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
	c.AddCommand(v.status(), v.set(), v.rollback(), v.override(), v.explain(), v.history(), freezeForms(w, &v.json), simulateVerb(w, &v.json))
	return c
}

// cutoverCalls is what the verbs of cutover share.
type cutoverCalls struct {
	*world
	admin    admin
	json     bool
	who, why string
}

// reasons are the flags of every change.
func (v *cutoverCalls) reasons(c *cobra.Command) *cobra.Command {
	c.Args = oneGroup
	c.Flags().StringVar(&v.why, "why", "", "the reason, kept in the journal (needed)")
	c.Flags().StringVar(&v.who, "who", "", "who asks; absent: this machine's user")
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
			t := tabwriter.NewWriter(v.out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(t, "GROUP\tPHASE\tWEIGHT\tREADS\tWRITES\tROLLBACK LOSES\tLAST CHANGE")
			for _, name := range slices.Sorted(maps.Keys(s.Groups)) {
				g := s.Groups[name]
				fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s by %s: %s\n", name, standing(g), percent(g.Weight), g.ReadAuthority, g.WriteAuthority,
					g.Readiness.Loses, g.At.Format(time.RFC3339), g.Who, g.Why)
			}
			fmt.Fprintf(t, "revision %d\n", s.Revision)
			if s.Stale {
				fmt.Fprintln(t, "the plan's store cannot be reached: this is the last plan that the gateway knew")
			}
			return t.Flush()
		},
	}
}

func standing(g dash.Group) string {
	if g.Killed {
		return "killed"
	}
	return g.Phase
}

// percent writes basis points as people say them.
func percent(weight int) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%d.%02d", weight/100, weight%100), "0"), ".") + " %"
}

func (v *cutoverCalls) set() *cobra.Command {
	var weight int
	var revision int64
	c := v.reasons(&cobra.Command{
		Use:     "set GROUP",
		Short:   "Move a group to a weight",
		Example: `  banyan cutover set donate --weight 100 --why "first hundredth"`,
		RunE: func(c *cobra.Command, args []string) error {
			if !c.Flags().Changed("weight") {
				return fail(wrong, "--weight is missing: basis points, 0 (nobody) to 10000 (everybody)")
			}
			if err := orMissing("why", v.why, "the reason, kept in the journal"); err != nil {
				return err
			}
			path := "/v1/groups/" + url.PathEscape(args[0])
			var before dash.Group
			if err := v.admin.call(c.Context(), "GET", path, 0, nil, &before); err != nil {
				return err
			}
			body := map[string]any{"weight": weight, "actor": v.actor(), "reason": v.why}
			var after dash.Group
			if err := v.admin.call(c.Context(), "PATCH", path, cmp.Or(revision, before.Revision), body, &after); err != nil {
				return err
			}
			return v.moved(before, after)
		},
	})
	c.Flags().IntVar(&weight, "weight", 0, "basis points: 0 is nobody, 100 one in a hundred, 10000 everybody")
	c.Flags().Int64Var(&revision, "if", 0, "only if the group is still at this revision; absent: as it is now")
	return c
}

func (v *cutoverCalls) moved(before, after dash.Group) error {
	if v.json {
		return printJSON(v.out, after)
	}
	fmt.Fprintf(v.out, "%s: %s %s -> %s %s, revision %d\n", after.Group, before.Phase, percent(before.Weight), after.Phase, percent(after.Weight), after.Revision)
	if after.Killed {
		fmt.Fprintln(v.out, "the kill switch is on: every request goes to legacy until it is off, whatever the weight")
	}
	return nil
}

func (v *cutoverCalls) rollback() *cobra.Command {
	return v.reasons(&cobra.Command{
		Use:     "rollback GROUP",
		Short:   "Send a group back to the old side, at once",
		Example: `  banyan cutover rollback donate --why "declines doubled"`,
		RunE: func(c *cobra.Command, args []string) error {
			if err := orMissing("why", v.why, "the reason, kept in the journal"); err != nil {
				return err
			}
			var after dash.Group
			body := map[string]any{"actor": v.actor(), "reason": v.why}
			if err := v.admin.call(c.Context(), "POST", "/v1/groups/"+url.PathEscape(args[0])+":rollback", 0, body, &after); err != nil {
				return err
			}
			if v.json {
				return printJSON(v.out, after)
			}
			_, err := fmt.Fprintf(v.out, "%s is back on %s, revision %d; lost: %s\n", after.Group, after.From, after.Revision, after.Readiness.Loses)
			return err
		},
	})
}

func (v *cutoverCalls) override() *cobra.Command {
	var side string
	var lasts time.Duration
	c := v.reasons(&cobra.Command{
		Use:     "override GROUP",
		Short:   "Make a signed header that reaches one side, for a tester",
		Example: `  banyan cutover override donate --side new --for 1h --why "walk through the form before the ramp"`,
		RunE: func(c *cobra.Command, args []string) error {
			if err := orMissing("why", v.why, "the reason, kept in the journal"); err != nil {
				return err
			}
			var o dash.Override
			body := map[string]any{"side": side, "for": lasts.String(), "actor": v.actor(), "reason": v.why}
			if err := v.admin.call(c.Context(), "POST", "/v1/groups/"+url.PathEscape(args[0])+":override", 0, body, &o); err != nil {
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
