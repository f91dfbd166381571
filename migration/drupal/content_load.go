package drupal

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// passed is what was seen of the tables of a dump whose rows are not loaded.
type passed struct {
	rows map[string]int64
}

func newPassed() *passed { return &passed{rows: map[string]int64{}} }

var (
	// What may be large and is no content. The table's prefix is not known while the dump is read.
	bulk = regexp.MustCompile(`^(.*_)?(cache|cache_\w+|cachetags|watchdog|sessions|semaphore|flood|history|accesslog|batch|queue|search_(index|dataset|total|node_links)|` +
		`key_value_expire|webform_submitted_data|webform_submission_data)$`)
	// A field's table may end in any word.
	ofField = regexp.MustCompile(`(^|_)field_(data|revision)_|__`)
	// Older revisions are counted, not read.
	older = regexp.MustCompile(`(^|_)(field_revision_\w+|node_revision__\w+|node_r__\w+)$`)
)

func isBulk(table string) bool {
	return older.MatchString(table) || bulk.MatchString(table) && !ofField.MatchString(table)
}

// loadContent loads a dump as loosely as it may be broken: nothing is a key, nothing must be there. What a strict table would refuse is
// for Census to name.
func loadContent(ctx context.Context, dump io.Reader, db *sql.DB, p *passed) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("drupal: %w", err)
	}
	defer tx.Rollback()
	l := loader{ctx: ctx, tx: tx, dump: NewDump(dump), loose: true, skip: p.skip}
	if err := l.load(); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("drupal: %w", err)
	}
	return nil
}

// skip goes over the rows of an INSERT that are not to be loaded, and says whether they are such.
func (p *passed) skip(d *Dump, st Statement) (bool, error) {
	if !isBulk(st.Insert) {
		return false, nil
	}
	for {
		row, err := d.Row()
		if err != nil || row == nil {
			return true, err
		}
		p.rows[st.Insert]++
	}
}

// loosely is the table without any promise that its rows might break.
func (t *Table) loosely() string {
	lines := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		kind := c.kind()
		if kind == numeric { // SQLite would make 250 of 250.00
			kind = text
		}
		lines[i] = quote(c.Name) + " " + kind
	}
	return "CREATE TABLE " + quote(t.Name) + " (" + strings.Join(lines, ", ") + ")"
}
