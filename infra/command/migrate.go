package command

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/migration/move"
	"github.com/banyan-migration/banyan/migration/verify"
)

func migrateVerb(w *world) *cobra.Command {
	c := &cobra.Command{Use: "migrate", Short: "Move the old site's data into the services, and prove that it is there"}
	c.AddCommand(
		migrateMove(w, "backfill", "Move every submission; what is there already stays as it is", move.Job.Backfill),
		migrateMove(w, "sync", "Move the submissions that are newer than the newest one moved before", move.Job.Sync),
		migrateVerify(w),
	)
	return c
}

// migration is what the flags of migrate's verbs say.
type migration struct {
	from, to string
	rejects  string
	rate     int
	dry      bool
	reads    bool // the store must be there
	asJSON   bool
}

func (m *migration) flags(c *cobra.Command) {
	c.Flags().StringVar(&m.from, "from", "", "the old site: a dump (FILE.sql or FILE.sql.gz), or sqlite:FILE")
	c.Flags().StringVar(&m.to, "to", "", "the services' store: sqlite:FILE or dynamodb:PREFIX")
	c.Flags().BoolVar(&m.asJSON, "json", false, "one JSON document")
	_ = c.MarkFlagRequired("from") // both are defined above
	_ = c.MarkFlagRequired("to")
}

func migrateMove(w *world, verb, short string, run func(move.Job, context.Context) (move.Result, error)) *cobra.Command {
	var m migration
	c := &cobra.Command{
		Use:     verb,
		Short:   short,
		Example: "  banyan migrate " + verb + " --from dump.sql.gz --to sqlite:.banyan/services.db --rejects rejects.jsonl",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return m.move(c.Context(), w, verb, run)
		},
	}
	m.flags(c)
	c.Flags().StringVar(&m.rejects, "rejects", "", "file for the rows that cannot be moved, one JSON line each with the reason; it holds people's data")
	c.Flags().BoolVar(&m.dry, "dry-run", false, "say what would be done and write to no store")
	c.Flags().IntVar(&m.rate, "rate", 0, "submissions a second at most; 0: as fast as it goes")
	return c
}

// moved is the document of backfill and sync.
type moved struct {
	Forms   map[string]move.Result `json:"forms"`
	Seconds float64                `json:"seconds"`
}

func (m *migration) move(ctx context.Context, w *world, verb string, run func(move.Job, context.Context) (move.Result, error)) error {
	if m.rate < 0 {
		return fail(wrong, "--rate is %d; it is a number of submissions a second, or 0 for no limit", m.rate)
	}
	if err := m.place(); err != nil {
		return err
	}
	ends, err := m.open(ctx)
	if err != nil {
		return err
	}
	defer ends.close()
	began, doc := time.Now(), moved{Forms: map[string]move.Result{}}
	for _, f := range ends.forms {
		bar := newBar(ctx, w.err, f.Alias, ends.source.Progress)
		job := move.Job{Source: ends.source, Form: f, Parts: move.Parts(f, ends.store), DryRun: m.dry, Moved: bar.add}
		doc.Forms[f.Alias], err = run(job, ctx)
		bar.end()
		if err != nil {
			return m.stopped(verb, err)
		}
	}
	if err := ends.writeRejects(ctx, m.rejects); err != nil {
		return m.stopped(verb, err)
	}
	doc.Seconds = float64(time.Since(began).Milliseconds()) / 1000
	ends.mention(w.err)
	if m.asJSON {
		return printJSON(w.out, doc)
	}
	printMoved(w.out, doc)
	return nil
}

// place says what stands against writing the rejects, before anything is moved.
func (m *migration) place() error {
	if m.rejects == "" {
		return nil
	}
	if m.dry {
		return fail(wrong, "--rejects lists what the store keeps, and --dry-run keeps nothing: leave one of them out; nothing was moved")
	}
	if _, err := os.Stat(filepath.Dir(m.rejects)); err != nil {
		return fail(wrong, "--rejects: %w; nothing was moved", err)
	}
	return nil
}

// stopped says how to go on after a failure in the middle. A broken dump is the caller's, the rest is the world's.
func (m *migration) stopped(verb string, err error) error {
	var damage *drupal.Damage
	if errors.As(err, &damage) {
		return fail(wrong, "%w. Rows that were moved before stay moved; with a whole dump, run `migrate %s` again", err, verb)
	}
	if errors.Is(err, context.Canceled) {
		err = errors.New("interrupted")
	}
	return fail(outside, "%w. Rows that were moved before stay moved and nothing is lost: when the cause is mended, run the same command again", err)
}

func migrateVerify(w *world) *cobra.Command {
	var m migration
	c := &cobra.Command{
		Use:     "verify",
		Short:   "Compare every row of the old site with what the services hold, both ways",
		Example: "  banyan migrate verify --from dump.sql.gz --to sqlite:.banyan/services.db",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return m.verify(c.Context(), w) },
	}
	m.flags(c)
	return c
}

// verified is the document of verify.
type verified struct {
	Forms map[string]verify.Result `json:"forms"`
	Clean bool                     `json:"clean"`
}

func (m *migration) verify(ctx context.Context, w *world) error {
	m.reads = true
	ends, err := m.open(ctx)
	if err != nil {
		return err
	}
	defer ends.close()
	doc := verified{Forms: map[string]verify.Result{}, Clean: true}
	for _, f := range ends.forms {
		bar := newBar(ctx, w.err, f.Alias, ends.source.Progress)
		doc.Forms[f.Alias], err = ends.comparison(f, bar.add).Run(ctx)
		bar.end()
		if err != nil {
			return m.stopped("verify", err)
		}
		if err := doc.Forms[f.Alias].Keep(ctx, ends.store(f.Service), f, time.Now()); err != nil {
			return m.stopped("verify", err)
		}
		doc.Clean = doc.Clean && doc.Forms[f.Alias].Clean()
	}
	ends.mention(w.err)
	if m.asJSON {
		err = printJSON(w.out, doc)
	} else {
		printVerified(w.out, doc)
	}
	if err == nil && !doc.Clean {
		err = fail(unheld, "the two sides are not equal: each difference is named; `migrate backfill` moves what is missing and changes nothing that is there")
	}
	return err
}
