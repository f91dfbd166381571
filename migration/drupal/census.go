package drupal

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
)

// Census is what a source holds, known to us or not.
type Census struct {
	Tables   []TableCount // of the whole database, another site's among them, by name
	Oddities []Oddity     // by table, kind and column
}

// TableCount is a table and what becomes of it.
type TableCount struct {
	Name string
	Rows int64
	// Use is moved (to a service), content (goes with the pages; giving pages, fundraisers and files among it are moved too), read (says what the
	// others mean), left (people's, and nothing of ours takes it), settings (of Drupal itself), log, or cache (Drupal makes it anew); "" for a table
	// that we do not know.
	Use string
}

// Oddity is a kind of strange value, how often it was met, and one place.
type Oddity struct {
	Kind          string // zero date, null, missing user, duplicate row, mislabelled charset, broken serialised value, …
	Table, Column string // Column is empty where the row as such is strange
	Count         int64  // rows; of "values without a submission" the submissions that they were of
	Example       string // the first row's key: "nid 12"; never its value
}

// counting is a census while it is taken.
type counting struct {
	*contentDB
	findings
	sets map[string]*idSet // of a table's column
}

// Census reads every table that we know once, and of the others the number of their rows.
func (d *contentDB) Census(ctx context.Context) (Census, error) {
	c := counting{contentDB: d, findings: findings{}, sets: map[string]*idSet{}}
	var all Census
	names := make([]string, 0, len(d.tables))
	for name := range d.tables {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		t := TableCount{Name: name}
		table, ours := strings.CutPrefix(name, d.prefix)
		if ours {
			t.Use = d.use(table)
		}
		var err error
		if t.Rows, err = c.table(ctx, name, table, ours); err != nil {
			return Census{}, fmt.Errorf("census of table %s: %w", name, err)
		}
		all.Tables = append(all.Tables, t)
	}
	if c.passed != nil {
		c.merge(c.passed.mended, c.prefix)
	}
	all.Oddities = c.sorted()
	return all, nil
}

// table looks at the rows of a table, or only counts them.
func (c *counting) table(ctx context.Context, name, table string, ours bool) (rows int64, err error) {
	switch {
	case ours && table == "webform_submitted_data" && c.version == 7:
		return c.submitted(ctx, name)
	case c.passed != nil && c.passed.over[name]:
		return c.passed.rows[name], nil
	case ours && c.known(table) != nil:
		return c.rows(ctx, name, table)
	}
	err = c.each(ctx, c.db, "SELECT count(*) AS n FROM "+c.quote(name), nil, func(f fields) error {
		rows = f.number("n")
		return nil
	})
	return rows, err
}

// set is the ids in a column; nil where there is no such column.
func (c *counting) set(ctx context.Context, table, column string) (*idSet, error) {
	name := table + "." + column
	if s, made := c.sets[name]; made || !c.has(table, column) {
		return s, nil
	}
	s := &idSet{}
	c.sets[name] = s
	return s, c.each(ctx, c.db, "SELECT DISTINCT "+column+" AS id FROM "+c.q(table), nil, func(f fields) error {
		s.add(f.number("id"))
		return nil
	})
}

// findings are the oddities met so far, by their kind and place.
type findings map[[3]string]*Oddity

func (f findings) add(kind, table, column string, example func() string) {
	at := [3]string{kind, table, column}
	if f[at] == nil {
		f[at] = &Oddity{Kind: kind, Table: table, Column: column, Example: example()}
	}
	f[at].Count++
}

// many adds an oddity that was met n times.
func (f findings) many(kind, table, column string, n int64, example string) {
	if n > 0 {
		f.add(kind, table, column, func() string { return example })
		f[[3]string{kind, table, column}].Count += n - 1
	}
}

// merge adds what others found in tables whose names begin with a prefix.
func (f findings) merge(others findings, prefix string) {
	for _, o := range others {
		if strings.HasPrefix(o.Table, prefix) {
			f.many(o.Kind, o.Table, o.Column, o.Count, o.Example)
		}
	}
}

func (f findings) sorted() []Oddity {
	all := make([]Oddity, 0, len(f))
	for _, o := range f {
		all = append(all, *o)
	}
	slices.SortFunc(all, func(a, b Oddity) int {
		return cmp.Or(strings.Compare(a.Table, b.Table), strings.Compare(a.Kind, b.Kind), strings.Compare(a.Column, b.Column))
	})
	return all
}
