package command

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/migration/move"
	"github.com/banyan-migration/banyan/shared/form"
)

// moving is what the flags of backfill and sync say besides.
type moving struct {
	migration
	workers int
	deletes int64
	target  bool
	follow  time.Duration
}

func migrateBackfill(w *world) *cobra.Command {
	var m moving
	c := &cobra.Command{
		Use:   "backfill",
		Short: "Move every submission; what is there already stays as it is",
		Long: "Moves every row of every form whose service exists, each exactly once, and counts the rest. Killed, it goes on where it stopped; started twice, on one machine " +
			"or on several with one store, the runs share the work. What was edited in the old site since follows.",
		Example: "  banyan migrate backfill --from dump.sql.gz --to sqlite:.banyan/services.db --rejects rejects.jsonl\n" +
			"  banyan migrate backfill --from 'mysql://reader:${DB_PASSWORD}@db.example/drupal' --to dynamodb:prod --rate 2000 --max-lag 5s --wait-while /tmp/pause",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return m.move(c.Context(), w, "backfill", move.Job.Backfill) },
	}
	m.both(c)
	c.Flags().BoolVar(&m.dry, "dry-run", false, "say what would be done and write to no store")
	c.Flags().IntVar(&m.workers, "workers", 0, "ranges of rows that are moved at once; 0: one a core")
	return c
}

func migrateSync(w *world) *cobra.Command {
	var m moving
	c := &cobra.Command{
		Use:   "sync",
		Short: "Bring over what the old site took, edited or deleted since",
		Long: "Moves the rows that are newer than the newest one moved before, and sweeps over all of them for edits and deletes. Deletes follow; more than a hundredth of the rows " +
			"at once stop it, since a source that is not whole looks the same. A dump that is older than what was synced before is refused. With --follow it goes on until it is interrupted.",
		Example: "  banyan migrate sync --from dump.sql.gz --to sqlite:.banyan/services.db\n" +
			"  banyan migrate sync --from 'mysql://reader:${DB_PASSWORD}@db.example/drupal' --to sqlite:.banyan/services.db --follow 250ms",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if m.follow > 0 {
				return m.keepUp(c.Context(), w)
			}
			return m.move(c.Context(), w, "sync", move.Job.Sync)
		},
	}
	m.both(c)
	c.Flags().BoolVar(&m.dry, "dry-run", false, "say what would be done and write to no store")
	c.Flags().DurationVar(&m.follow, "follow", 0, "go on, and look for new rows this often")
	c.Flags().Int64Var(&m.deletes, "deletes", 0, "follow so many deletes at once, however great a share of the rows they are")
	c.Flags().BoolVar(&m.target, "services-win", false, "of a row that both sides changed, the services' version stands: they have the write authority")
	return c
}

func (m *moving) both(c *cobra.Command) {
	m.flags(c)
	m.gently(c)
	m.lists(c)
}

// moved is the document of backfill, sync and reverse.
type moved struct {
	Forms   map[string]move.Result `json:"forms"`
	Nobody  map[string]int64       `json:"unknown_forms,omitempty"` // rows of webforms that no service of ours knows
	Strange []drupal.Oddity        `json:"oddities,omitempty"`      // that were met on the way
	Seconds float64                `json:"seconds"`
}

func (m *moving) job(e *ends, f form.Form) move.Job {
	j := move.Job{Source: e.source, Form: f, Parts: move.Parts(f, e.store), DryRun: m.dry, Workers: m.workers, Deletes: m.deletes}
	if m.target {
		j.Authority = move.Target
	}
	return j
}

// begin opens both ends, if nothing speaks against what was asked.
func (m *moving) begin(ctx context.Context) (*ends, error) {
	if m.workers < 0 || m.deletes < 0 || m.follow < 0 {
		return nil, fail(wrong, "--workers, --deletes and --follow cannot be less than 0")
	}
	if err := m.place(); err != nil {
		return nil, err
	}
	ends, err := m.open(ctx)
	if err != nil {
		return nil, err
	}
	if err := ends.there(); err != nil {
		ends.close()
		return nil, err
	}
	return ends, nil
}

func (m *moving) move(ctx context.Context, w *world, verb string, run func(move.Job, context.Context) (move.Result, error)) error {
	ends, err := m.begin(ctx)
	if err != nil {
		return err
	}
	defer ends.close()
	began, doc := time.Now(), moved{Forms: map[string]move.Result{}}
	for _, f := range ends.forms {
		bar := newBar(ctx, w.err, f.Alias, ends.source.Progress)
		job := m.job(ends, f)
		job.Moved = bar.add
		r, err := run(job, ctx)
		bar.end()
		if err != nil {
			return m.stopped(verb, err)
		}
		if f.Bundle == "" || r.Rows > 0 { // a site need not have such nodes
			doc.Forms[f.Alias] = r
		}
	}
	if doc.Nobody, err = ends.strangers(ctx); err != nil {
		return m.stopped(verb, err)
	}
	if doc.Strange, err = drupal.Oddities(ctx, ends.counts); err != nil {
		return m.stopped(verb, err)
	}
	if err := m.write(ctx, ends); err != nil {
		return m.stopped(verb, err)
	}
	doc.Seconds = seconds(began)
	if m.asJSON {
		return printJSON(w.out, doc)
	}
	printMoved(w.out, doc)
	return nil
}

// keepUp follows every form that a service takes until somebody interrupts it, and tells what each round brought.
func (m *moving) keepUp(ctx context.Context, w *world) error {
	if m.dry {
		return fail(wrong, "--dry-run says what one run would do: leave --follow out")
	}
	ends, err := m.begin(ctx)
	if err != nil {
		return err
	}
	defer ends.close()
	forms := ends.taken()
	if len(forms) == 0 {
		return fail(wrong, "no service takes a form of this site yet: there is nothing to follow")
	}
	work, running := errgroup.WithContext(ctx)
	var one sync.Mutex // of the output
	for _, f := range forms {
		work.Go(func() error {
			return m.job(ends, f).Follow(running, m.follow, func(r move.Result) {
				one.Lock()
				defer one.Unlock()
				m.tell(w, f.Alias, r)
			})
		})
	}
	err = work.Wait()
	if after := m.write(context.WithoutCancel(ctx), ends); err == nil {
		err = after
	}
	if err != nil && ctx.Err() == nil {
		return m.stopped("sync", err)
	}
	return nil
}

// tell says what a round brought, in a line.
func (m *moving) tell(w *world, name string, r move.Result) {
	if m.asJSON {
		_ = json.NewEncoder(w.out).Encode(map[string]any{"at": time.Now().UTC(), "form": name, "result": r}) // the next line may be heard
		return
	}
	fmt.Fprintf(w.out, "%s  %s: %s\n", time.Now().Format(time.TimeOnly), name, happened(r, false))
}
