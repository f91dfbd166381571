package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/banyan-migration/banyan/infra/account"
	"github.com/banyan-migration/banyan/infra/local"
	"github.com/banyan-migration/banyan/services/all"
	"github.com/banyan-migration/banyan/shared/kv"
)

// restore is what the flags of drill say.
type restore struct {
	stage, at, from string
	keep, asJSON    bool
}

// drill is what is kept of a restore drill, in the service's own table.
type drill struct {
	At    time.Time `json:"at"`
	AsOf  time.Time `json:"as_of"`
	Items int       `json:"items"`
}

func drills(store kv.Store) kv.Table[drill] {
	return kv.Table[drill]{Store: store, Name: account.Notes}
}

const lastDrill = "drill"

func opsDrill(w *world) *cobra.Command {
	var r restore
	c := &cobra.Command{
		Use:   "drill SERVICE",
		Short: "Restore a service's table from its point-in-time copy into another, prove what it holds, delete it",
		Long: "Restore a service's table from its point-in-time copy into another table, prove that each item in it is an earlier state of what\n" +
			"lives, and delete it again. The live table is only read, but for the note of the drill, which preflight looks for.\n\n" +
			"The drill counts if no copy is wrong, if some of what was restored still lives, and, without --as-of, if at least half as many items were\n" +
			"restored as live. Of a table that is empty there is nothing to restore, and the drill counts. Status 1 if it does not.\n\n" +
			"With --from the restored table is also verified against the old site, as `banyan migrate verify` does it.",
		Example: "  banyan ops drill donate --stage prod\n  banyan ops drill donate --stage prod --as-of 2026-03-13T21:00:00Z --from dump.sql.gz",
		Args:    cobra.ExactArgs(1),
		RunE:    func(c *cobra.Command, args []string) error { return r.run(c.Context(), w, args[0]) },
	}
	c.Flags().StringVar(&r.stage, "stage", "prod", "the stage in AWS")
	c.Flags().StringVar(&r.at, "as-of", "", "the moment to restore, RFC 3339; the latest that AWS has")
	c.Flags().StringVar(&r.from, "from", "", "verify the restored table against this source too")
	c.Flags().BoolVar(&r.keep, "keep", false, "keep the restored table")
	c.Flags().BoolVar(&r.asJSON, "json", false, "one JSON document")
	return c
}

// drillDone is what a drill found.
type drillDone struct {
	account.Restored
	account.Compared
	Verified *verified `json:"verified,omitempty"`
	Kept     bool      `json:"kept"`
	Seconds  float64   `json:"seconds"`
}

func (r *restore) run(ctx context.Context, w *world, name string) error {
	if err := deployed(name); err != nil {
		return err
	}
	var as time.Time
	if r.at != "" {
		var err error
		if as, err = time.Parse(time.RFC3339, r.at); err != nil {
			return fail(wrong, "--as-of: %q is no time such as 2026-03-13T21:00:00Z", r.at)
		}
	}
	if e, _ := all.Named(name); r.from != "" && e.Records == nil {
		return fail(wrong, "--from: %s keeps nothing of the old site's forms, there is nothing to verify it against", name)
	}
	a, err := openAccount(ctx, r.stage)
	if err != nil {
		return err
	}
	began := time.Now()
	fmt.Fprintf(w.err, "restoring %s; AWS takes some minutes for it\n", name)
	copied, err := a.Restore(ctx, name, as)
	if err != nil {
		return away(err, "the live table was only read")
	}
	found, err := r.prove(ctx, w, a, name, copied)
	found.Kept = r.keep
	if !r.keep {
		err = errors.Join(err, a.Drop(context.WithoutCancel(ctx), copied))
	}
	if err != nil {
		return away(err, "the live table was only read")
	}
	found.Seconds = seconds(began)
	return r.conclude(ctx, w, name, found)
}

// prove compares the restored table with the live one, and with the old site where that was asked for.
func (r *restore) prove(ctx context.Context, w *world, a *account.Account, name string, copied account.Restored) (found drillDone, err error) {
	found.Restored = copied
	if found.Compared, err = a.Compare(ctx, copied); err != nil || r.from == "" {
		return found, err
	}
	m := &proving{migration: migration{reads: true, from: r.from, to: "dynamodb:banyan-" + r.stage + "-drill"}}
	doc, err := m.compareAll(ctx, w)
	if err == nil {
		found.Verified = &doc
	}
	return found, err
}

// conclude prints what was found, and keeps the day if all of it is well.
func (r *restore) conclude(ctx context.Context, w *world, name string, found drillDone) error {
	var err error
	if r.asJSON {
		err = printJSON(w.out, found)
	} else {
		err = printDrill(w.out, name, found)
	}
	if err != nil {
		return fail(outside, "%w", err)
	}
	if why := found.unheld(r.at == ""); why != "" {
		return fail(unheld, "%s: the drill does not count", why)
	}
	open, shut, err := local.OpenStore(ctx, "dynamodb:banyan-"+r.stage, name)
	if err != nil {
		return fail(outside, "the drill held, and its day cannot be kept: %w", err)
	}
	table := drills(open(name))
	note := table.Put(lastDrill, drill{At: time.Now().UTC(), AsOf: found.As, Items: found.Items}, kv.Always)
	if err := errors.Join(table.Store.Commit(ctx, note), shut()); err != nil {
		return fail(outside, "the drill held, and its day cannot be kept: %w", err)
	}
	return nil
}

// unheld says why a drill does not count; latest: the newest copy was restored, which is minutes old.
func (d drillDone) unheld(latest bool) string {
	switch {
	case d.Wrongs > 0:
		return plural(d.Wrongs, "item of the restored table is", "items of the restored table are") + " no earlier state of what lives; keep it with --keep and look at the keys named"
	case d.Items == 0 && d.Living > 0:
		return fmt.Sprintf("the restored table is empty and %s; a copy of nothing proves nothing", plural(d.Living, "item lives", "items live"))
	case d.Items > 0 && d.Gone == d.Items:
		return "nothing of what was restored lives any more; is it a copy of this table?"
	case latest && 2*d.Items < d.Living:
		return fmt.Sprintf("%s restored, and %d live; look whether the table grew so fast, and if so drill again later or with --as-of", plural(d.Items, "item was", "items were"), d.Living)
	case d.Verified != nil && !d.Verified.Clean:
		return "the restored table is not what the old site has"
	}
	return ""
}

func printDrill(out io.Writer, name string, d drillDone) error {
	_, err := fmt.Fprintf(out, "%s as of %s: %s restored, %d live now; %d as they are now, %d written since, %d deleted since, %d wrong; %.0f s\n",
		name, d.As.Format(time.RFC3339), plural(d.Items, "item", "items"), d.Living, d.Same, d.Changed, d.Gone, d.Wrongs, d.Seconds)
	if d.Items == 0 && d.Living == 0 {
		_, err = fmt.Fprintln(out, "  nothing to restore: the live table is empty too")
	}
	for _, key := range d.Wrong {
		_, err = fmt.Fprintln(out, "  wrong:", key)
	}
	if more := d.Wrongs - len(d.Wrong); more > 0 {
		_, err = fmt.Fprintf(out, "  and %d more\n", more)
	}
	if d.Verified != nil {
		printVerified(out, *d.Verified)
	}
	return err
}

// drilled is when each service's table was last restored and proved.
func drilled(ctx context.Context, stage string, services []string) (map[string]time.Time, error) {
	at := map[string]time.Time{}
	for _, name := range services {
		to := "dynamodb:banyan-" + stage
		if there, err := local.StoreIsThere(ctx, to, name); err != nil || !there {
			if err != nil {
				return nil, err
			}
			continue
		}
		open, shut, err := local.OpenStore(ctx, to, name)
		if err != nil {
			return nil, err
		}
		last, _, err := drills(open(name)).Get(ctx, lastDrill)
		if err := errors.Join(ignore(err, kv.ErrNotFound), shut()); err != nil {
			return nil, err
		}
		if !last.At.IsZero() {
			at[name] = last.At
		}
	}
	return at, nil
}

// ignore is err, but for one that is expected.
func ignore(err, expected error) error {
	if errors.Is(err, expected) {
		return nil
	}
	return err
}
