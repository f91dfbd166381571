package command

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/dash"
)

func (v *cutoverCalls) explain() *cobra.Command {
	var q dash.Question
	c := &cobra.Command{
		Use:   "explain",
		Short: "Say where a request would go, and why",
		Example: `  banyan cutover explain --request 'POST /donate'
  banyan cutover explain --request 'GET /?q=node/2' --key 0123456789abcdef0123456789abcdef`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := orMissing("request", q.Request, "METHOD and path, such as 'POST /donate'"); err != nil {
				return err
			}
			var e dash.Explanation
			if err := v.admin.call(c.Context(), "POST", "/v1/explain", 0, q, &e); err != nil {
				return err
			}
			if v.json {
				return printJSON(v.out, e)
			}
			where := fmt.Sprintf("%s (%s)", e.Backend, e.Side)
			switch {
			case e.Status != 0:
				where = fmt.Sprintf("nobody: the gateway answers %d", e.Status)
			case e.Backend == "":
				where = "either side"
			}
			_, err := fmt.Fprintf(v.out, "%s -> %s\nreason %s: %s\nroute %s, group %s, revision %d\n", e.Request, where, e.Reason, e.Why,
				cmp.Or(e.Route, "none"), cmp.Or(e.Group, "none"), e.Revision)
			return err
		},
	}
	c.Flags().StringVar(&q.Request, "request", "", "METHOD and target, such as 'POST /donate' (needed)")
	c.Flags().StringVar(&q.Host, "host", "", "the Host; absent: the site's first")
	c.Flags().StringVar(&q.Key, "key", "", "what the group's bucket is drawn from: a visitor's id, an address, a header's value")
	return c
}

// page is how many entries of the journal are read at a time.
const page = 500

func (v *cutoverCalls) history() *cobra.Command {
	return &cobra.Command{
		Use:     "history [GROUP]",
		Short:   "Read the journal of changes, and check that nobody altered it",
		Example: "  banyan cutover history donate",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			entries, broken, err := v.journal(c.Context())
			if err != nil {
				return err
			}
			if len(args) == 1 {
				entries = slices.DeleteFunc(entries, func(e cutover.Entry) bool {
					return !slices.ContainsFunc(e.Changes, func(d cutover.Delta) bool { return d.Group == args[0] })
				})
			}
			if err := v.tell(entries); err != nil {
				return err
			}
			if broken != nil {
				return fail(unheld, "%w", broken)
			}
			return nil
		},
	}
}

// journal reads all of it; broken says where its chain breaks.
func (v *cutoverCalls) journal(ctx context.Context) (all []cutover.Entry, broken, err error) {
	var last cutover.Entry
	for {
		var answer struct{ Entries []cutover.Entry }
		path := fmt.Sprintf("/v1/history?limit=%d&after=%d", page, last.Sequence)
		if err := v.admin.call(ctx, "GET", path, 0, nil, &answer); err != nil {
			return nil, nil, err
		}
		all = append(all, answer.Entries...)
		if last, broken = cutover.Follow(last, answer.Entries); broken != nil || len(answer.Entries) < page {
			return all, broken, nil
		}
	}
}

func (v *cutoverCalls) tell(entries []cutover.Entry) error {
	if v.json {
		return printJSON(v.out, map[string]any{"entries": entries})
	}
	for _, e := range entries {
		var moves []string
		for _, d := range e.Changes {
			moves = append(moves, fmt.Sprintf("%s %s -> %s", d.Group, percent(d.From), percent(d.To)))
		}
		if _, err := fmt.Fprintf(v.out, "%d  %s  %s by %s: %s  %s\n", e.Sequence, e.At.Format(time.RFC3339), e.Action, e.Who, e.Why, strings.Join(moves, ", ")); err != nil {
			return err
		}
	}
	return nil
}
