package command

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/migration/move"
	"github.com/banyan-migration/banyan/shared/money"
)

func migrateReverse(w *world) *cobra.Command {
	m := migration{reads: true}
	c := &cobra.Command{
		Use:   "reverse",
		Short: "Write what the services took into the old site, so that a rollback finds it there",
		Long: "Writes each record that a service took itself into the old site's database, as a submission like any other, and changes it there when it changes here. " +
			"A table banyan_origin is made beside the site's own, which says whose each row is. A row that somebody has changed or deleted in the old site since " +
			"is written over, and the version that lost is listed in the store for 30 days: --conflicts writes the list.",
		Example: "  banyan migrate reverse --from 'mysql://mover:${DB_PASSWORD}@db.example/drupal' --to sqlite:.banyan/services.db",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return m.reverse(c.Context(), w) },
	}
	m.flags(c)
	c.Flags().BoolVar(&m.dry, "dry-run", false, "say what would be done and write nothing")
	m.lists(c)
	return c
}

func (m *migration) reverse(ctx context.Context, w *world) error {
	if err := m.place(); err != nil {
		return err
	}
	site, err := drupal.OpenWriter(ctx, m.from)
	if err != nil {
		return fail(wrong, "--from: %w", err)
	}
	defer site.Close()
	writer, err := move.RenamedWriter(site, m.renames...)
	if err != nil {
		return fail(wrong, "--rename: %w", err)
	}
	ends, err := m.open(ctx)
	if err != nil {
		return err
	}
	defer ends.close()
	began, doc := time.Now(), moved{Forms: map[string]move.Result{}}
	for _, f := range ends.taken() {
		job := move.Job{Source: ends.source, Form: f, Parts: move.Parts(f, ends.store), DryRun: m.dry, Authority: move.Target}
		if doc.Forms[f.Alias], err = job.Reverse(ctx, writer); err != nil {
			return m.stopped("reverse", err)
		}
	}
	if err := m.write(ctx, ends); err != nil {
		return m.stopped("reverse", err)
	}
	doc.Seconds = seconds(began)
	if m.asJSON {
		return printJSON(w.out, doc)
	}
	printReversed(w.out, doc)
	return nil
}

func printReversed(out io.Writer, doc moved) {
	for _, name := range slices.Sorted(maps.Keys(doc.Forms)) {
		r := doc.Forms[name]
		fmt.Fprintf(out, "%s: %d records of its own: %d written to the old site, %d there already, %d not written%s; together %s\n",
			name, r.Rows, r.Moved, r.Unchanged, r.Rejections(), reasons(r.Rejected), money.GBP(r.SumPence))
		if r.Conflicts > 0 {
			fmt.Fprintf(out, "  %d rows had been changed or deleted in the old site: the versions that lost are listed in the store\n", r.Conflicts)
		}
		if len(r.Homeless) > 0 {
			fmt.Fprintf(out, "  the old site has no place for%s; the services keep it\n", reasons(r.Homeless))
		}
	}
	fmt.Fprintf(out, "in %.1f s\n", doc.Seconds)
}
