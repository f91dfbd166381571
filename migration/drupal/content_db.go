package drupal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// contentDB is the tables of a site, whatever they lie in. It is safe for concurrent use.
type contentDB struct {
	db      *sql.DB
	prefix  string
	version int
	tables  map[string][]Column // of the whole database, by their full names
	latin   map[string]bool     // names of columns that a live server calls latin1, in whichever table
	passed  *passed             // what a dump's loading left out; nil for a live source
	dir     string              // a dump's temporary folder
	lock    *os.File            // held while it is in use
	now     func() time.Time    // what is later is in the future
	server  *mysqlSource        // says what is wrong with a live server, and when to try again; nil where there is none
}

func newContentDB(db *sql.DB) *contentDB {
	return &contentDB{db: db, tables: map[string][]Column{}, latin: map[string]bool{}, now: time.Now}
}

// again reads one page, and does it again where a live server was gone for a moment.
func (d *contentDB) again(ctx context.Context, page func() error) error {
	if d.server == nil {
		return page()
	}
	return d.server.explain(d.server.again(ctx, page))
}

func (d *contentDB) Version() int { return d.version }

// find reads what tables there are, and which of them are the site's. Two sites in one database are refused, unless the
// prefix is given: they would be mixed.
func (d *contentDB) find(ctx context.Context, prefix *string) error {
	catalogue := `SELECT m.name AS name, p.name AS col, p.type AS type, '' AS letters FROM sqlite_master m JOIN pragma_table_info(m.name) p
		WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite@_%' ESCAPE '@' ORDER BY m.name, p.cid`
	if d.server != nil {
		catalogue = `SELECT c.table_name AS name, c.column_name AS col, c.column_type AS type, c.character_set_name AS letters FROM information_schema.columns c
			JOIN information_schema.tables t ON t.table_schema = c.table_schema AND t.table_name = c.table_name
			WHERE c.table_schema = database() AND t.table_type = 'BASE TABLE' ORDER BY c.table_name, c.ordinal_position`
	}
	clear(d.tables)
	err := d.each(ctx, d.db, catalogue, nil, func(f fields) error {
		kind, args, _ := strings.Cut(strings.ToLower(f["type"]), "(")
		args, _, _ = strings.Cut(args, ")")
		d.tables[f["name"]] = append(d.tables[f["name"]], Column{Name: f["col"], Type: kind, Args: args, Letters: f["letters"]})
		d.latin[f["col"]] = d.latin[f["col"]] || f["letters"] == "latin1"
		return nil
	})
	if err != nil {
		return err
	}
	found := d.sites(prefix)
	switch len(found) {
	case 0:
		return errors.New("the source has neither the tables node and node_revision of a Drupal 7 nor node_field_data of a later one: it is not the database of a Drupal, or not all of it")
	case 1:
		d.prefix, d.version = found[0].prefix, found[0].version
		return nil
	}
	names := make([]string, len(found))
	for i, s := range found {
		names[i] = fmt.Sprintf("%q (Drupal %d)", s.prefix, s.version)
	}
	return fmt.Errorf("the source holds several sites, with the table prefixes %s; give one of them with ?prefix= behind the source's name, such as ?prefix=%s", strings.Join(names, ", "), found[len(found)-1].prefix)
}

type siteFound struct {
	prefix  string
	version int
}

func (d *contentDB) sites(prefix *string) (found []siteFound) {
	for name, columns := range d.tables {
		for mark, version := range map[string]int{"node_revision": 7, "node_field_data": 8} {
			p, ok := strings.CutSuffix(name, mark)
			// Drupal 8 has a node_revision too, but its node has no titles.
			if ok && d.tables[p+"node"] != nil && (version == 8 || has(d.tables[p+"node"], "title")) && has(columns, "nid") && (prefix == nil || *prefix == p) {
				found = append(found, siteFound{p, version})
			}
		}
	}
	slices.SortFunc(found, func(a, b siteFound) int { return strings.Compare(a.prefix, b.prefix) })
	return found
}

func has(columns []Column, name string) bool {
	return slices.ContainsFunc(columns, func(c Column) bool { return c.Name == name })
}

// has says whether the site has a table, named without the prefix, with these columns.
func (d *contentDB) has(table string, columns ...string) bool {
	of := d.tables[d.prefix+table]
	return of != nil && !slices.ContainsFunc(columns, func(c string) bool { return !has(of, c) })
}

// q is a table of the site, named without the prefix, as SQL writes it.
func (d *contentDB) q(table string) string { return d.quote(d.prefix + table) }

func (d *contentDB) quote(name string) string {
	if d.server != nil {
		return "`" + strings.ReplaceAll(name, "`", "``") + "`"
	}
	return quote(name)
}

// queryer is a database, or a transaction that sees one moment of it.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// raw gives the rows of a query as they are; a row is good until the next, and NULL is nil.
func (d *contentDB) raw(ctx context.Context, q queryer, query string, args []any, row func(names []string, values [][]byte) error) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("drupal: %w", err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return fmt.Errorf("drupal: %w", err)
	}
	cells, into, values := make([]cell, len(names)), make([]any, len(names)), make([][]byte, len(names))
	for i := range cells {
		into[i] = &cells[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return fmt.Errorf("drupal: %w", err)
		}
		for i := range cells {
			values[i] = cells[i].value
		}
		if err := row(names, values); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("drupal: %w", err)
	}
	return nil
}

// cell takes one value of a row. sql.RawBytes would make NULL of an empty text that comes first.
type cell struct {
	value []byte // nil: NULL
	space []byte
}

// Scan is database/sql's.
func (c *cell) Scan(v any) error {
	if c.space == nil {
		c.space = make([]byte, 0, 64)
	}
	switch v := v.(type) {
	case nil:
		c.value = nil
		return nil
	case []byte:
		if v == nil {
			v = c.space[:0]
		}
		c.value = v
		return nil
	case string:
		c.space = append(c.space[:0], v...)
	case int64:
		c.space = strconv.AppendInt(c.space[:0], v, 10)
	case float64:
		c.space = strconv.AppendFloat(c.space[:0], v, 'g', -1, 64)
	case time.Time: // SQLite's driver makes one of a column that is called a date
		c.space = v.AppendFormat(c.space[:0], time.DateTime)
	default:
		c.space = fmt.Append(c.space[:0], v)
	}
	c.value = c.space
	return nil
}

// mended is a value as what it says: a latin1 column may hold UTF-8. A dump's values came mended.
func (d *contentDB) mended(column string, v []byte) (mended []byte, is bool) {
	if !d.latin[column] {
		return v, false
	}
	return mend(v)
}

// each gives the rows of a query by column name, without what is NULL. A row is the callee's to keep.
func (d *contentDB) each(ctx context.Context, q queryer, query string, args []any, row func(fields) error) error {
	return d.raw(ctx, q, query, args, func(names []string, values [][]byte) error {
		f := make(fields, len(names))
		for i, v := range values {
			if v != nil {
				v, _ = d.mended(names[i], v)
				f[names[i]] = string(v)
			}
		}
		return row(f)
	})
}

// all gives every row of a table of the site, named without the prefix, in the order of those of the columns that it
// has; a table that is not there has no rows.
func (d *contentDB) all(ctx context.Context, table, order string, row func(fields) error) error {
	if !d.has(table) {
		return nil
	}
	if d.passed != nil && d.passed.over[d.prefix+table] {
		return fmt.Errorf("drupal: table %s is read and was not loaded", table)
	}
	return d.each(ctx, d.db, "SELECT * FROM "+d.q(table)+d.by(table, order), nil, row)
}

// by is the ORDER BY of a reading.
func (d *contentDB) by(table, order string) string {
	columns := slices.DeleteFunc(strings.Split(order, ", "), func(c string) bool { return !d.has(table, c) })
	if len(columns) == 0 {
		return ""
	}
	return " ORDER BY " + strings.Join(columns, ", ")
}
