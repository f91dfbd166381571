package drupal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// LoadSQLite makes the tables of a dump in an empty SQLite database as Drupal 7 on SQLite has them, automatic numbers
// going on where they stood, and loads every row. It is one transaction: after an error the database is as before. A
// broken dump is a *Damage.
func LoadSQLite(ctx context.Context, dump io.Reader, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("drupal: %w", err)
	}
	defer tx.Rollback()
	l := loader{ctx: ctx, tx: tx, dump: NewDump(dump)}
	if err := l.load(); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("drupal: %w", err)
	}
	return nil
}

type loader struct {
	ctx    context.Context
	tx     *sql.Tx
	dump   *Dump
	tables []*Table
	args   []any
	loose  bool                                 // tables without keys and rules: whatever the dump holds fits
	skip   func(*Dump, Statement) (bool, error) // goes over rows that are not to be loaded; nil: all are
	mended func(Statement, int, []Value)        // is told of each value that had to be mended; nil: nobody is
}

func (l *loader) load() error {
	for {
		st, err := l.dump.Next()
		switch {
		case errors.Is(err, io.EOF):
			return l.finish()
		case err != nil:
			return err
		case st.Create != nil:
			l.tables = append(l.tables, st.Create)
			err = l.exec(l.create(st.Create))
		default:
			err = l.insert(st)
		}
		if err != nil {
			return err
		}
	}
}

func (l *loader) create(t *Table) string {
	if l.loose {
		return t.loosely()
	}
	return t.sqlite()
}

func (l *loader) insert(st Statement) error {
	if err := l.ctx.Err(); err != nil {
		return err
	}
	if l.skip != nil {
		if over, err := l.skip(l.dump, st); over || err != nil {
			return err
		}
	}
	return l.rows(st)
}

func (l *loader) exec(query string, args ...any) error {
	if _, err := l.tx.ExecContext(l.ctx, query, args...); err != nil {
		return fmt.Errorf("drupal: table %s of the dump: %w", l.dump.table, err)
	}
	return nil
}

// rows loads one INSERT, some hundred values a call: a call costs more than a row.
func (l *loader) rows(st Statement) error {
	kinds := l.dump.kinds
	if kinds == nil {
		return l.dump.damage("rows for table %s, which the dump does not create; make it without --no-create-info", st.Insert)
	}
	names := make([]string, len(st.Columns))
	for i, c := range st.Columns {
		names[i] = quote(c)
	}
	insert := "INSERT INTO " + quote(st.Insert) + " (" + strings.Join(names, ", ") + ") VALUES "
	batch := max(1, 300/len(kinds))
	row := "(" + strings.Repeat("?, ", len(kinds)-1) + "?)"
	var many *sql.Stmt // of a whole batch, prepared for the first: an INSERT may hold a single row
	defer func() {
		if many != nil {
			many.Close()
		}
	}()
	l.args = l.args[:0]
	for {
		values, err := l.dump.Row()
		if err != nil {
			return err
		}
		if values == nil {
			break
		}
		for i, v := range values {
			if v.Kind == Mended && l.mended != nil {
				l.mended(st, i, values)
			}
			l.args = append(l.args, v.arg(kinds[i]))
		}
		if len(l.args) == batch*len(kinds) {
			if many == nil {
				if many, err = l.tx.PrepareContext(l.ctx, insert+strings.Repeat(row+", ", batch-1)+row); err != nil {
					return l.refused(err)
				}
			}
			if _, err := many.ExecContext(l.ctx, l.args...); err != nil {
				return l.refused(err)
			}
			l.args = l.args[:0]
		}
	}
	if n := len(l.args) / len(kinds); n > 0 {
		if _, err := l.tx.ExecContext(l.ctx, insert+strings.Repeat(row+", ", n-1)+row, l.args...); err != nil {
			return l.refused(err)
		}
	}
	return nil
}

func (l *loader) refused(err error) error {
	return fmt.Errorf("drupal: rows of table %s up to %d: %w", l.dump.table, l.dump.rows, err)
}

// finish makes the indexes, which is faster than keeping them up to date, and sets the automatic numbers.
func (l *loader) finish() error {
	for _, t := range l.tables {
		keys := t.Keys
		if l.loose && len(t.Primary) > 0 {
			keys = append(keys, Key{Name: "PRIMARY", Columns: t.Primary})
		}
		for _, k := range keys {
			unique := ""
			if k.Unique && !l.loose {
				unique = "UNIQUE "
			}
			if err := l.exec("CREATE " + unique + "INDEX " + quote(t.Name+"_"+k.Name) + " ON " + quote(t.Name) + " (" + list(k.Columns) + ")"); err != nil {
				return err
			}
		}
		if l.loose || t.serial() == "" || t.Next == 0 {
			continue
		}
		if err := l.exec("DELETE FROM sqlite_sequence WHERE name = ?", t.Name); err != nil {
			return err
		}
		if err := l.exec("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", t.Name, t.Next-1); err != nil {
			return err
		}
	}
	return nil
}

// The ways in which SQLite stores a column.
const (
	integer = "INTEGER"
	float   = "FLOAT"
	numeric = "NUMERIC"
	varchar = "VARCHAR"
	text    = "TEXT"
	blob    = "BLOB"
)

// kind is how Drupal on SQLite types the column.
func (c Column) kind() string {
	switch {
	case strings.HasSuffix(c.Type, "int"), c.Type == "integer", c.Type == "bit", c.Type == "year":
		return integer
	case c.Type == "float", c.Type == "double", c.Type == "real":
		return float
	case c.Type == "decimal", c.Type == "numeric":
		return numeric
	case strings.HasSuffix(c.Type, "blob"), strings.HasSuffix(c.Type, "binary"):
		return blob
	case strings.HasSuffix(c.Type, "char"), c.Type == "date", c.Type == "datetime", c.Type == "timestamp", c.Type == "time":
		return varchar
	}
	return text
}

// kinds are those of an INSERT's columns.
func (t *Table) kinds(columns []string) ([]string, error) {
	kinds := make([]string, len(columns))
	for i, name := range columns {
		at := slices.Index(t.names, name)
		if at < 0 {
			return nil, fmt.Errorf("table %s has no column %s", t.Name, name)
		}
		kinds[i] = t.Columns[at].kind()
	}
	return kinds, nil
}

// arg is the value as SQLite takes it: bytes into a blob, whole numbers as such, the rest as text that the column's
// affinity turns into what it should be.
func (v Value) arg(kind string) any {
	switch {
	case v.Kind == Null:
		return nil
	case v.Kind == Binary || kind == blob:
		return slices.Clone(v.Bytes)
	case kind == integer:
		if n, err := strconv.ParseInt(string(v.Bytes), 10, 64); err == nil {
			return n
		}
	}
	return string(v.Bytes)
}

// serial is the column that counts by itself and is the whole primary key, or "".
func (t *Table) serial() string {
	for _, c := range t.Columns {
		if c.Auto && slices.Equal(t.Primary, []string{c.Name}) {
			return c.Name
		}
	}
	return ""
}

// sqlite is the table as Drupal's own schema layer writes it for SQLite.
func (t *Table) sqlite() string {
	var lines []string
	serial := t.serial()
	for _, c := range t.Columns {
		if c.Name == serial {
			lines = append(lines, quote(c.Name)+" INTEGER PRIMARY KEY AUTOINCREMENT")
			continue
		}
		line := quote(c.Name) + " " + c.kind()
		if kind := c.kind(); c.Args != "" && (kind == varchar || kind == numeric) {
			line += "(" + c.Args + ")"
		}
		if c.NotNull {
			line += " NOT NULL"
		}
		if c.Unsigned {
			line += " CHECK (" + quote(c.Name) + " >= 0)"
		}
		if c.Default != nil {
			line += " DEFAULT '" + strings.ReplaceAll(*c.Default, "'", "''") + "'"
		}
		lines = append(lines, line)
	}
	if serial == "" && len(t.Primary) > 0 {
		lines = append(lines, "PRIMARY KEY ("+list(t.Primary)+")")
	}
	return "CREATE TABLE " + quote(t.Name) + " (\n  " + strings.Join(lines, ",\n  ") + "\n)"
}

func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func list(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = quote(n)
	}
	return strings.Join(quoted, ", ")
}
