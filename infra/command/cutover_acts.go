package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/banyan-migration/banyan/gateway/dash"
)

// change is one that somebody asks for: what every one has, and what this one has besides.
type change struct {
	verb     string // of POST /v1/groups/GROUP:VERB; empty: PATCH
	revision int64  // that was seen; 0: the change needs none
	body     map[string]any
}

// change asks for it under the caller's name. A token of a person's own has its name already and takes no other: then nothing was changed,
// and it is asked again without.
func (v *cutoverCalls) change(ctx context.Context, group string, c change, out any) error {
	if err := orMissing("why", v.why, "the reason, kept in the journal"); err != nil {
		return err
	}
	if c.body == nil {
		c.body = map[string]any{}
	}
	c.body["reason"], c.body["actor"] = v.why, v.actor()
	if v.ticket != "" {
		c.body["ticket"] = v.ticket
	}
	method, path := "PATCH", groupPath(group)
	if c.verb != "" {
		method, path = "POST", path+":"+c.verb
	}
	err := v.admin.call(ctx, method, path, c.revision, c.body, out)
	var no *dash.Refused
	if v.who == "" && errors.As(err, &no) && no.Field == "actor" {
		delete(c.body, "actor")
		err = v.admin.call(ctx, method, path, c.revision, c.body, out)
	}
	return err
}

func groupPath(group string) string { return "/v1/groups/" + url.PathEscape(group) }

// seen is a group as it stands, and the revision that a change is based on.
func (v *cutoverCalls) seen(ctx context.Context, group string) (dash.Group, int64, error) {
	var g dash.Group
	if err := v.admin.call(ctx, "GET", groupPath(group), 0, nil, &g); err != nil {
		return g, 0, err
	}
	if v.revision > 0 {
		return g, v.revision, nil
	}
	return g, g.Revision, nil
}

// act is a verb that moves a group, or stops it.
func (v *cutoverCalls) act(verb, short, example string, raises bool) *cobra.Command {
	c := v.reasons(&cobra.Command{
		Use:     verb + " GROUP",
		Short:   short,
		Example: fmt.Sprintf("  banyan cutover %s donate --why %q", verb, example),
		RunE: func(c *cobra.Command, args []string) error {
			return v.move(c.Context(), args[0], change{verb: verb}, raises)
		},
	})
	if raises {
		v.ifFlag(c)
	}
	return c
}

func (v *cutoverCalls) ifFlag(c *cobra.Command) {
	c.Flags().Int64Var(&v.revision, "if", 0, "only if the group is still at this revision; absent: as it is now")
}

// move makes a change and says from where to where.
func (v *cutoverCalls) move(ctx context.Context, group string, ask change, raises bool) error {
	if err := orMissing("why", v.why, "the reason, kept in the journal"); err != nil {
		return err
	}
	before, revision, err := v.seen(ctx, group)
	if err != nil {
		return err
	}
	if raises {
		ask.revision = revision
	}
	var after dash.Group
	if err := v.change(ctx, group, ask, &after); err != nil {
		return err
	}
	if err := aside(v.err, "", after.Lost, after.Warnings); err != nil {
		return err
	}
	return v.moved(before, after)
}

func (v *cutoverCalls) enter() *cobra.Command {
	var phase, evidence string
	c := v.reasons(&cobra.Command{
		Use:   "enter GROUP",
		Short: "Take a group into a phase whose weight is the same: off, backfill, shadow, drain, retired",
		Example: `  banyan cutover enter donate --phase shadow --why "backfill is done, verify is clean"
  banyan cutover enter donate --phase retired --evidence backup-2026-11-20 --why "40 days without a visitor"`,
		RunE: func(c *cobra.Command, args []string) error {
			if err := orMissing("phase", phase, "off, backfill, shadow, full (from drain), drain or retired"); err != nil {
				return err
			}
			ask := change{verb: "enter", body: map[string]any{"phase": phase}}
			if evidence != "" {
				ask.body["evidence"] = evidence
			}
			return v.move(c.Context(), args[0], ask, true)
		},
	})
	c.Flags().StringVar(&phase, "phase", "", "the phase (needed)")
	c.Flags().StringVar(&evidence, "evidence", "", "what shows that it may: for retired the backup's name")
	v.ifFlag(c)
	return c
}

func (v *cutoverCalls) plan() *cobra.Command {
	var approve bool
	c := v.reasons(&cobra.Command{
		Use:   "plan GROUP",
		Short: "Show a group's schedule and what its next step waits for; --approve lets the judge step along it",
		Example: `  banyan cutover plan donate
  banyan cutover plan donate --approve --why "trustees' meeting of 3 November"`,
		RunE: func(c *cobra.Command, args []string) error {
			var p dash.Planned
			if err := v.admin.call(c.Context(), "GET", groupPath(args[0])+"/plan", 0, nil, &p); err != nil {
				return err
			}
			if approve {
				revision := p.Revision
				if v.revision > 0 {
					revision = v.revision
				}
				var after dash.Group
				if err := v.change(c.Context(), args[0], change{verb: "approve", revision: revision}, &after); err != nil {
					return err
				}
				p.Approved, p.Revision = after.Schedule, after.Revision
			}
			if v.json {
				return printJSON(v.out, p)
			}
			return v.planned(p)
		},
	})
	c.Flags().BoolVar(&approve, "approve", false, "accept the schedule, up to its last step (J-10); needs --why")
	v.ifFlag(c)
	return c
}

func (v *cutoverCalls) planned(p dash.Planned) error {
	steps, by := p.Proposed, fmt.Sprintf("proposed by policy %s; nobody has approved it, so the judge does not raise", p.Policy)
	if p.Approved != nil {
		steps, by = p.Approved.Steps, fmt.Sprintf("approved by %s: %s", p.Approved.Who, p.Approved.Why)
	}
	t := tabwriter.NewWriter(v.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "%s is at %s, revision %d; %s\n", p.Group, percent(p.Weight), p.Revision, by)
	fmt.Fprintln(t, "\tSTEP\tAT LEAST\tVISITORS A SIDE")
	for _, s := range steps {
		here := ""
		if s.Weight == p.Weight {
			here = "->"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", here, percent(s.Weight), dash.Lasting(s.Dwell), dash.Thousands(cmp.Or(s.Sample, p.Sample)))
	}
	for _, c := range p.Checks {
		holds := map[bool]string{true: "holds", false: "waits"}[c.Holds]
		if !c.Holds && c.Warns {
			holds = "warning"
		}
		fmt.Fprintf(t, "%s\t%s: %s\n", holds, c.Predicate, c.Text)
	}
	return t.Flush()
}
