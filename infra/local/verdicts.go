package local

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/banyan-migration/banyan/gateway/judge"
	"github.com/banyan-migration/banyan/infra/local/report"
)

// allVerdicts is more than a night has.
const allVerdicts = 10_000

// judged looks at what the judge said in the night, each verdict made again from what it was made of.
func (n *night) judged(ctx context.Context) error {
	records, err := n.world.gate.Analysis.Records(ctx, group, allVerdicts)
	if err != nil {
		return err
	}
	slices.Reverse(records) // the newest come first
	var raised, refused, unlike int
	var rollback *judge.Record
	for i, r := range records {
		if _, err := r.Again(); err != nil {
			unlike++
		}
		strict := byDefault(r)
		n.report.Verdicts = append(n.report.Verdicts, report.Verdict{At: r.Situation.At.Sub(n.began), ID: r.ID, Weight: r.Situation.Weight,
			Kind: string(r.Verdict.Kind), Why: r.Verdict.Why, Default: fmt.Sprintf("%s: %s", strict.Kind, strict.Reason)})
		switch r.Verdict.Kind {
		case judge.PromoteOK:
			if raised++; strict.Kind == judge.Hold {
				refused++
			}
		case judge.Rollback:
			rollback = &records[i]
		}
	}
	n.check(len(records) > 0 && unlike == 0, "every verdict comes out the same when it is made again from its numbers", "%d verdicts, %d differ", len(records), unlike)
	n.check(raised > 0 && refused == raised, "the policy “default” refuses every step of this ramp", "%d of %d steps refused", refused, raised)
	if rollback == nil || n.found == 0 {
		n.check(false, "the judge sees the fault and rolls back by itself", "it did not")
		return nil
	}
	n.check(rollback.Verdict.Blame == judge.Service, "the judge sees the fault and rolls back by itself", "%.1f s after it was planted, %s", n.found.Seconds(), rollback.Verdict.Why)
	took, err := n.inForce(ctx, rollback)
	if err != nil {
		return err
	}
	var old, fresh int64
	for _, c := range n.world.gate.Analysis.Curves(group, rollback.Situation.At) {
		if c.Weight == 0 {
			old, fresh = old+c.Side[judge.Legacy].Requests, fresh+c.Side[judge.New].Requests
		}
	}
	n.check(old > 0 && fresh == 0, "after the rollback no donor is sent to the services", "%d requests until the second ramp, %d of them to the services; it came %d ms after the judge's look",
		old, fresh, took.Milliseconds())
	return nil
}

// copies looks at what was compared as long as nothing is broken on purpose.
func (n *night) copies() {
	t := n.world.gate.Diffs.Tally(group)
	figure := fmt.Sprintf("%d copies compared, %d differ", t.Compared, t.Differing)
	for _, row := range n.world.gate.Diffs.Rows(group) {
		figure += fmt.Sprintf("; %s of %s: %q became %q (%d times)", row.Example.Field, row.Route, row.Example.Legacy, row.Example.New, row.Count)
	}
	n.check(t.Compared > 0 && t.Differing == 0, "the services answer copies as Drupal answered the donor, and would have stored what it stored", "%s", figure)
}

// byDefault is what the policy for real donors says of the same numbers.
func byDefault(r judge.Record) judge.Verdict {
	r.Policy = judge.Default
	s := r.Before
	for _, c := range r.Cells {
		s.Add(c, r.Policy)
	}
	now := r.Situation
	now.Sample = r.Policy.Sample
	for _, step := range r.Policy.Steps {
		if now.Dwell = step.Dwell; step.Weight >= now.Weight {
			break
		}
	}
	return judge.Look(s, now, r.Policy)
}

// inForce is how long a rollback took, from the look at the numbers to the plan that every replica follows.
func (n *night) inForce(ctx context.Context, verdict *judge.Record) (time.Duration, error) {
	entries, err := n.world.gate.Plan.History(ctx, 0, allVerdicts)
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		if e.Action == "rollback" && e.Evidence == verdict.ID {
			return e.At.Sub(verdict.Situation.At), nil
		}
	}
	return 0, fmt.Errorf("local: no rollback in the journal names the verdict %s", verdict.ID)
}
