package drupal

import (
	"context"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// rows looks at every row of a table that we know.
func (c *counting) rows(ctx context.Context, name, table string) (n int64, err error) {
	look := linked{counting: c, knownTable: *c.known(table), ctx: ctx, table: name, short: table, seen: &idSet{}, texts: map[string]bool{}}
	var text, mislabelled []bool // by column
	order := []string{}
	for _, column := range strings.Fields(look.key) {
		if c.has(table, column) {
			order = append(order, column)
		}
	}
	query := "SELECT * FROM " + c.quote(name)
	if len(order) > 0 {
		query += " ORDER BY " + strings.Join(order, ", ")
	}
	err = c.raw(ctx, c.db, query, nil, func(names []string, values [][]byte) error {
		if text == nil {
			for _, column := range names {
				text = append(text, c.isText(name, column))
			}
			mislabelled = make([]bool, len(names))
		}
		n++
		f := make(fields, len(names))
		key := func() string { return keyOf(f, order) }
		for i, v := range values {
			if v != nil {
				v, mislabelled[i] = c.mended(names[i], v)
				f[names[i]] = string(v)
			}
		}
		for i, column := range names {
			switch {
			case mislabelled[i]:
				c.add("mislabelled charset", name, column, key)
				mislabelled[i] = false
			case text[i]:
				c.text(name, column, f[column], key)
			}
		}
		look.order = order
		return look.look(f)
	})
	return n, err
}

// kind is the type of a column of the table.
func (l *linked) kind(column string) string {
	for _, c := range l.tables[l.table] {
		if c.Name == column {
			kind, _, _ := strings.Cut(c.Type, " ") // int unsigned
			return strings.Replace(kind, "integer", "int", 1)
		}
	}
	return ""
}

// isText says whether people's words may stand in a column: it is no number and no bytes.
func (d *contentDB) isText(table, column string) bool {
	for _, c := range d.tables[table] {
		if c.Name == column {
			kind := c.Type
			return strings.Contains(kind, "char") || strings.Contains(kind, "text") || strings.Contains(kind, "date") || strings.Contains(kind, "time")
		}
	}
	return false
}

// text looks at what a column of words holds.
func (f findings) text(table, column string, v string, key func() string) {
	switch {
	case zeroDate(v):
		f.add("zero date", table, column, key)
	case !utf8.ValidString(v):
		f.add("invalid UTF-8", table, column, key)
	case mislabelled(v):
		f.add("mislabelled charset", table, column, key)
	}
}

// keyOf names a row by its key.
func keyOf(f fields, columns []string) string {
	parts := make([]string, 0, len(columns))
	for _, column := range columns {
		if v, there := f[column]; there {
			parts = append(parts, column+" "+v)
		}
	}
	return strings.Join(parts, ", ")
}

// linked is a table whose rows are being looked at, and what was seen of it.
type linked struct {
	*counting
	knownTable
	ctx          context.Context
	table, short string
	order        []string
	seen         *idSet
	texts        map[string]bool
	err          error
}

// odd notes an oddity of the row.
func (l *linked) odd(kind, column string, f fields) {
	l.add(kind, l.table, column, func() string { return keyOf(f, l.order) })
}

func (l *linked) look(f fields) error {
	for _, column := range strings.Fields(l.need) {
		if _, there := f[column]; !there && l.has(l.short, column) {
			l.odd("null", column, f)
		}
	}
	for _, column := range strings.Fields(l.times) {
		if _, there := f[column]; there {
			l.time(column, f)
		}
	}
	for _, column := range strings.Fields(l.php) {
		l.serialised(column, f)
	}
	for _, r := range l.refers {
		if _, there := f[r.column]; there {
			l.refer(r, f.number(r.column), f)
		}
	}
	l.numbers(f)
	if l.row != nil {
		l.row(l, f)
	}
	return l.err
}

// numbers notes what is no number in a column of ids, which SQLite allows: such a row is found by nobody who asks for its number.
func (l *linked) numbers(f fields) {
	for _, column := range l.order {
		v, there := f[column]
		if _, err := strconv.ParseInt(v, 10, 64); there && err != nil && strings.HasSuffix(l.kind(column), "int") {
			l.odd("no number", column, f)
		}
	}
}

func (l *linked) time(column string, f fields) {
	switch at := f.number(column); {
	case at == 0:
		l.odd("zero date", column, f)
	case at < 0:
		l.odd("time before 1970", column, f)
	case at > l.now().Add(24*time.Hour).Unix():
		l.odd("time in the future", column, f)
	}
}

func (l *linked) serialised(column string, f fields) {
	text := f[column]
	if text == "" || !l.has(l.short, column) {
		return
	}
	v, err := php(text)
	switch {
	case err != nil:
		l.odd("broken serialised value", column, f)
	case unread(v) > 0:
		l.odd("object in a serialised value", column, f)
	}
}

// refer notes a reference to what is not there.
func (l *linked) refer(r refer, id int64, f fields) {
	set, err := l.set(l.ctx, r.table, r.id)
	if err != nil {
		l.err = err
	}
	if set == nil || set.has(id) {
		return
	}
	l.odd(r.kind, r.column, f)
}
