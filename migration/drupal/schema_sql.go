package drupal

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// readSchema reads a site's webforms from a database with these tables; quote is how it quotes a name.
func readSchema(ctx context.Context, db *sql.DB, tables []string, prefix *string, quote func(string) string) (*schema, error) {
	site := newSchema()
	if err := site.find(tables, prefix); err != nil {
		return nil, err
	}
	for _, t := range tables {
		if name, ours := strings.CutPrefix(t, site.prefix); ours && site.wants(name) {
			if err := each(ctx, db, "SELECT * FROM "+quote(t), func(f fields) error { return site.add(name, f) }); err != nil {
				return nil, err
			}
		}
	}
	for i, f := range site.forms {
		names := fmt.Sprintf("SELECT pid, source, alias FROM %s WHERE source = 'node/%d'", quote(site.prefix+"url_alias"), f.NID)
		titles := fmt.Sprintf("SELECT nid, title FROM %s WHERE nid = %d", quote(site.prefix+"node"), f.NID)
		if err := each(ctx, db, names, func(f fields) error { site.alias(i, f); return nil }); err != nil {
			return nil, err
		}
		if err := each(ctx, db, titles, func(f fields) error { site.forms[i].Title = f["title"]; return nil }); err != nil {
			return nil, err
		}
	}
	site.order()
	return site, nil
}

// each gives the rows of a small query by column name.
func each(ctx context.Context, db *sql.DB, query string, row func(fields) error) error {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return err
	}
	values, into := make([]sql.NullString, len(names)), make([]any, len(names))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		f := fields{}
		for i, v := range values {
			f[names[i]] = v.String
		}
		if err := row(f); err != nil {
			return err
		}
	}
	return rows.Err()
}

// homeless counts the submissions whose node is no webform, which nobody asks for.
func homeless(ctx context.Context, db *sql.DB, site *schema, quote func(string) string, odd *strange) error {
	table := site.prefix + "webform_submissions"
	query := "SELECT count(*) AS n, min(sid) AS sid FROM " + quote(table) + " WHERE nid NOT IN (SELECT nid FROM " + quote(site.prefix+"webform") + ")"
	return each(ctx, db, query, func(f fields) error {
		odd.set("no webform", table, "nid", "sid "+f["sid"], f.number("n"))
		return nil
	})
}
