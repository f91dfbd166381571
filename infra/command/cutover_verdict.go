package command

import (
	"context"
	"fmt"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/banyan-migration/banyan/gateway/dash"
	"github.com/banyan-migration/banyan/gateway/judge"
)

// lastVerdict is the id of a group's newest.
func (v *cutoverCalls) lastVerdict(ctx context.Context, group string) (string, error) {
	var all struct{ Decisions []dash.Decision }
	if err := v.admin.call(ctx, "GET", "/v1/decisions?limit=1&group="+url.QueryEscape(group), 0, nil, &all); err != nil {
		return "", err
	}
	if len(all.Decisions) == 0 {
		return "", fail(wrong, "the judge has not looked at %s yet: there is no verdict to explain", group)
	}
	return all.Decisions[0].ID, nil
}

// explainVerdict takes what a verdict was made from and makes it again here, by this program's arithmetic (J-14).
func (v *cutoverCalls) explainVerdict(ctx context.Context, id string) error {
	var record judge.Record
	if err := v.admin.call(ctx, "GET", "/v1/decisions/"+url.PathEscape(id), 0, nil, &record); err != nil {
		return err
	}
	again, broken := record.Again()
	w := dash.Why{Decision: record, Again: again, Same: broken == nil}
	if broken != nil {
		w.Wrong = broken.Error()
	}
	if v.json {
		if err := printJSON(v.out, w); err != nil {
			return err
		}
	} else if err := v.verdict(record); err != nil {
		return err
	}
	if broken != nil {
		return fail(unheld, "%w", broken)
	}
	if v.json {
		return nil
	}
	_, err := fmt.Fprintf(v.out, "made again here from these inputs: the same, number by number\n")
	return err
}

func (v *cutoverCalls) verdict(r judge.Record) error {
	s := r.Situation
	fmt.Fprintf(v.out, "%s: %s (%s)\n%s\n", r.ID, r.Verdict.Kind, r.Verdict.Reason, r.Verdict.Why)
	if r.Verdict.Blame != judge.Nobody {
		fmt.Fprintf(v.out, "blame: %s\n", r.Verdict.Blame)
	}
	t := tabwriter.NewWriter(v.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "TEST\tNEW SIDE\tOLD SIDE\tEVIDENCE\tENOUGH AT")
	for _, e := range r.Verdict.Evidence {
		before := "" // what legacy showed while donors were there
		if e.Usual > 0 {
			before = "before: "
		}
		fmt.Fprintf(t, "%s\t%d of %d\t%s%d of %d\t%s\t%s\n", e.Test, e.New[1], e.New[0], before, e.Legacy[1], e.Legacy[0], dash.Evidence(e.E), dash.Evidence(e.Threshold))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	t = tabwriter.NewWriter(v.out, 0, 0, 2, ' ', 0)
	for _, row := range [][2]any{
		{"at", s.At.Format(time.RFC3339)}, {"revision, phase, weight", fmt.Sprintf("%d, %s, %s since %s", s.Revision, s.Phase, percent(s.Weight), s.Since.Format(time.RFC3339))},
		{"next step", nextStep(s)}, {"rollback", s.Readiness + ": " + s.Loses}, {"calendar", s.Closed}, {"guard", s.Guard}, {"held", s.Held}, {"frozen", s.Frozen},
		{"breaker", s.Breaker}, {"replicas", fmt.Sprintf("%d of %d have reported, the newest %s ago", s.Reports, s.Replicas, s.Age)},
		{"policy", fmt.Sprintf("%s, version %d of the arithmetic", r.Policy.Name, r.Verdict.Version)}, {"cells since the last look", len(r.Cells)},
	} {
		if text := fmt.Sprint(row[1]); text != "" {
			fmt.Fprintf(t, "%s\t%s\n", row[0], text)
		}
	}
	return t.Flush()
}

func nextStep(s judge.Situation) string {
	if s.Next == 0 {
		return "none is approved"
	}
	return fmt.Sprintf("%s, after %s here and %s visitors a side", percent(s.Next), dash.Lasting(s.Dwell), dash.Thousands(s.Sample))
}
