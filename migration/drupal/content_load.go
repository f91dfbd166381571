package drupal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// passed is what was seen of the tables of a dump whose rows are not loaded: those that nothing of ours reads, and the values of submissions.
type passed struct {
	over   map[string]bool // the tables
	rows   map[string]int64
	values map[string]*valueCount // of tables named webform_submitted_data
	mended findings               // what the dump's reader mended
}

func newPassed() *passed {
	return &passed{over: map[string]bool{}, rows: map[string]int64{}, values: map[string]*valueCount{}, mended: findings{}}
}

// loadContent loads a dump as loosely as it may be broken: nothing is a key, nothing must be there. What a strict table would refuse is
// for Census to name.
func loadContent(ctx context.Context, dump io.Reader, db *sql.DB, p *passed) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("drupal: %w", err)
	}
	defer tx.Rollback()
	l := loader{ctx: ctx, tx: tx, dump: NewDump(dump), loose: true, skip: p.skip, mended: p.met}
	err = l.load()
	if err == nil {
		err = tx.Commit()
	}
	var damage *Damage
	if err != nil && !errors.As(err, &damage) && ctx.Err() == nil {
		err = fmt.Errorf("drupal: %w (a dump's content is loaded into a temporary file, for which TMPDIR names the place; nothing was lost)", err)
	}
	return err
}

// skip goes over the rows of an INSERT that are not to be loaded, and says whether they are such.
func (p *passed) skip(d *Dump, st Statement) (bool, error) {
	switch {
	case strings.HasSuffix(st.Insert, "webform_submitted_data"):
		return true, p.submitted(d, st)
	case isRead(st.Insert):
		return false, nil
	}
	p.over[st.Insert] = true
	for {
		row, err := d.Row()
		if err != nil || row == nil {
			return true, err
		}
		p.rows[st.Insert]++
	}
}

// submitted looks at values while they pass.
func (p *passed) submitted(d *Dump, st Statement) error {
	at := [5]int{}
	for i, name := range valueColumns {
		if at[i] = slices.Index(st.Columns, name); at[i] < 0 {
			return d.damage("table %s has no column %s, or the dump was made with --no-create-info", st.Insert, name)
		}
	}
	v := p.values[st.Insert]
	if v == nil {
		v = newValueCount()
		p.values[st.Insert] = v
	}
	for {
		row, err := d.Row()
		if err != nil || row == nil {
			return err
		}
		values := [5][]byte{}
		for i, column := range at {
			if row[column].Kind != Null {
				values[i] = row[column].Bytes
			}
		}
		v.row(st.Insert, values, row[at[4]].Kind == Mended)
	}
}

// met notes a value that was mended; its row is named by its key, as Census names it.
func (p *passed) met(st Statement, column int, row []Value) {
	p.mended.add("mislabelled charset", st.Insert, st.Columns[column], func() string {
		f := fields{}
		for i, v := range row {
			if v.Kind != Null {
				f[st.Columns[i]] = string(v.Bytes)
			}
		}
		return keyOf(f, strings.Fields(keyNamed(st.Insert)))
	})
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
