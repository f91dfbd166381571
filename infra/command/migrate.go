package command

import (
	"context"
	"errors"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/migration/move"
)

func migrateVerb(w *world) *cobra.Command {
	c := &cobra.Command{Use: "migrate", Short: "Move the old site's data into the services, keep both in step, and prove that it is there",
		PersistentPreRun: func(*cobra.Command, []string) { collectSeldom() }}
	c.AddCommand(migrateBackfill(w), migrateSync(w), migrateReverse(w), migrateVerify(w), migrateCertificate(w), migrateFind(w), migrateContent(w))
	return c
}

// migration is what the flags of migrate's verbs say.
type migration struct {
	from, to           string
	rejects, conflicts string
	renames            []string
	throttle           drupal.Throttle
	dry                bool
	reads              bool // the store must be there
	asJSON             bool
}

func (m *migration) flags(c *cobra.Command) {
	c.Flags().StringVar(&m.from, "from", "", "the old site: mysql://USER:${PASSWORD}@HOST/DATABASE, sqlite:FILE, or a dump (FILE.sql or FILE.sql.gz)")
	c.Flags().StringVar(&m.to, "to", "", "the services' store: sqlite:FILE or dynamodb:PREFIX")
	c.Flags().StringArrayVar(&m.renames, "rename", nil, "FORM:NEW=OLD, where the site calls a component NEW that our form calls OLD; NEW is - where the site never asked")
	c.Flags().BoolVar(&m.asJSON, "json", false, "one JSON document")
	_ = c.MarkFlagRequired("from") // both are defined above
	_ = c.MarkFlagRequired("to")
}

// gently are the flags that spare a live site.
func (m *migration) gently(c *cobra.Command) {
	c.Flags().IntVar(&m.throttle.Rate, "rate", 0, "submissions a second at most; 0: as fast as it goes")
	c.Flags().DurationVar(&m.throttle.MaxLag, "max-lag", 0, "wait while a replica of the source is further behind than this; 0: do not ask")
	c.Flags().StringVar(&m.throttle.Flag, "wait-while", "", "wait while a file of this name exists")
}

// stopped says how to go on after a failure in the middle. A broken dump is the caller's, the rest is the world's.
func (m *migration) stopped(verb string, err error) error {
	var damage *drupal.Damage
	if errors.As(err, &damage) {
		return fail(wrong, "%w. Rows that were moved before stay moved; with a whole dump, run `migrate %s` again", err, verb)
	}
	if errors.Is(err, move.ErrComponents) || errors.Is(err, move.ErrOlder) {
		return fail(wrong, "%w", err)
	}
	if errors.Is(err, context.Canceled) {
		err = errors.New("interrupted")
	}
	return fail(outside, "%w. Rows that were moved before stay moved and nothing is lost: when the cause is mended, run the same command again", err)
}

// collectSeldom trades memory that is there for a sixth of the time: a move makes millions of short-lived values, and what stays is
// small. Near the limit the collector comes as often as it must.
func collectSeldom() {
	debug.SetGCPercent(400)
	debug.SetMemoryLimit(120 << 20)
}

// seconds is how long something took, as documents say it.
func seconds(began time.Time) float64 { return float64(time.Since(began).Milliseconds()) / 1000 }
