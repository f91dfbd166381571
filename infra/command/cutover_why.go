package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/dash"
)

func (v *cutoverCalls) explain() *cobra.Command {
	var q dash.Question
	var verdict string
	c := &cobra.Command{
		Use:   "explain [GROUP]",
		Short: "Say why the judge said what it said, made again from its inputs; or where a request would go",
		Example: `  banyan cutover explain donate
  banyan cutover explain donate --verdict 01KA5D --json
  banyan cutover explain --request 'POST /donate'
  banyan cutover explain --request 'GET /?q=node/2' --key 0123456789abcdef0123456789abcdef`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case len(args) == 0 && q.Request == "" && verdict == "":
				return fail(wrong, "--request is missing: METHOD and path, such as 'POST /donate'; or name a group, whose last verdict is explained")
			case q.Request != "" && (len(args) > 0 || verdict != ""):
				return fail(wrong, "--request goes alone: a verdict and a request are explained one at a time")
			case q.Request != "":
				return v.explainRequest(c.Context(), q)
			case verdict == "":
				var err error
				if verdict, err = v.lastVerdict(c.Context(), args[0]); err != nil {
					return err
				}
			}
			return v.explainVerdict(c.Context(), verdict)
		},
	}
	c.Flags().StringVar(&verdict, "verdict", "", "a verdict's id; absent: the group's last")
	c.Flags().StringVar(&q.Request, "request", "", "METHOD and target, such as 'POST /donate'")
	c.Flags().StringVar(&q.Host, "host", "", "the Host; absent: the site's first")
	c.Flags().StringVar(&q.Key, "key", "", "what the group's bucket is drawn from: a visitor's id, an address, a header's value")
	return c
}

func (v *cutoverCalls) explainRequest(ctx context.Context, q dash.Question) error {
	var e dash.Explanation
	if err := v.admin.call(ctx, "POST", "/v1/explain", 0, q, &e); err != nil {
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
}

// page is how many entries of the journal are read at a time.
const page = 500

func (v *cutoverCalls) history() *cobra.Command {
	var verify bool
	var export, file string
	c := &cobra.Command{
		Use:   "history [GROUP]",
		Short: "Read the journal of changes, and check that nobody altered it",
		Example: `  banyan cutover history donate
  banyan cutover history --verify
  banyan cutover history --export journal.jsonl
  banyan cutover history --verify --file journal.jsonl`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if file != "" {
				return v.verifyFile(file)
			}
			entries, broken, err := v.journal(c.Context())
			if err != nil {
				return err
			}
			switch {
			case export != "":
				err = v.exportJournal(export, entries)
			case verify:
				last, _ := cutover.Follow(cutover.Entry{}, entries) // broken says where it ends
				if broken == nil {
					broken, err = v.cut(c.Context())
				}
				err = errors.Join(err, v.verified(last, broken))
			default:
				err = v.tell(ofGroup(entries, args))
			}
			if err == nil && broken != nil {
				return fail(unheld, "%w", broken)
			}
			return err
		},
	}
	c.Flags().BoolVar(&verify, "verify", false, "say only how many entries hold, and the last one's hash")
	c.Flags().StringVar(&export, "export", "", "write the whole journal to a new file, a line an entry, each sealed by the next")
	c.Flags().StringVar(&file, "file", "", "check a file that --export wrote; no gateway is asked")
	return c
}

func ofGroup(entries []cutover.Entry, args []string) []cutover.Entry {
	if len(args) == 0 {
		return entries
	}
	return slices.DeleteFunc(entries, func(e cutover.Entry) bool {
		return !slices.ContainsFunc(e.Changes, func(d cutover.Delta) bool { return d.Group == args[0] })
	})
}

// verified says how far the chain holds.
func (v *cutoverCalls) verified(last cutover.Entry, broken error) error {
	if v.json {
		return printJSON(v.out, map[string]any{"held": broken == nil, "entries": last.Sequence, "head": last.Hash})
	}
	_, err := fmt.Fprintf(v.out, "%d entries hold; the last one's hash is %s\n", last.Sequence, last.Hash)
	return err
}

func (v *cutoverCalls) verifyFile(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return fail(wrong, "--file: %w", err)
	}
	defer f.Close()
	last, broken := cutover.VerifyFile(f)
	if err := v.verified(last, broken); err != nil {
		return err
	}
	if broken != nil {
		return fail(unheld, "%s: %w", name, broken)
	}
	return nil
}

// cut asks the gateway, which knows the newest entry's hash, whether the journal still has it: a chain without its end holds as well.
func (v *cutoverCalls) cut(ctx context.Context) (broken, err error) {
	var answer dash.Verified
	if err := v.admin.call(ctx, "GET", "/v1/journal/verify", 0, nil, &answer); err != nil {
		return nil, err
	}
	if !answer.Holds {
		return errors.New(answer.Wrong), nil
	}
	return nil, nil
}

func (v *cutoverCalls) exportJournal(name string, entries []cutover.Entry) error {
	var b strings.Builder
	if err := cutover.WriteLines(&b, entries); err != nil {
		return fail(outside, "%w; nothing was written", err)
	}
	return v.deliver(name, b.String(), map[string]any{"file": name, "entries": len(entries)}, v.json)
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
			move := fmt.Sprintf("%s %s -> %s", d.Group, percent(d.From), percent(d.To))
			if d.Was != "" && d.Was != d.Phase {
				move += fmt.Sprintf(" (%s -> %s)", d.Was, d.Phase)
			}
			moves = append(moves, move)
		}
		if _, err := fmt.Fprintf(v.out, "%d  %s  %s by %s: %s  %s\n", e.Sequence, e.At.Format(time.RFC3339), e.Action, e.Who, e.Why, strings.Join(moves, ", ")); err != nil {
			return err
		}
		if err := aside(v.out, "   ", e.Loses, e.Warnings); err != nil {
			return err
		}
	}
	return nil
}

// aside is what a change says besides, a line each: what it lost, and what it went on in spite of.
func aside(out io.Writer, indent, lost string, warnings []string) error {
	var b strings.Builder
	if lost != "" {
		fmt.Fprintf(&b, "%slost: %s\n", indent, lost)
	}
	for _, w := range warnings {
		fmt.Fprintf(&b, "%swarning: %s\n", indent, w)
	}
	_, err := io.WriteString(out, b.String())
	return err
}
