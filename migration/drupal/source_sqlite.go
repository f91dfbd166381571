package drupal

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"slices"
	"sync/atomic"

	_ "modernc.org/sqlite" // the driver

	"github.com/banyan-migration/banyan/shared/form"
)

// page is how many submissions are read at once: each page is one statement, so that a live site's writers wait for
// no long reader and no submission is seen half.
const page = 500

type sqliteSource struct {
	db    *sql.DB
	site  *schema
	last  atomic.Int64 // the sid that Records has come to
	until atomic.Int64 // the greatest there is
}

func openSQLite(ctx context.Context, file string, prefix *string) (Source, error) {
	if _, err := os.Stat(file); err != nil {
		return nil, fmt.Errorf("sqlite:FILE names the old site's database: %w", err)
	}
	dsn := url.URL{Scheme: "file", Opaque: (&url.URL{Path: file}).EscapedPath(), RawQuery: "mode=ro&_pragma=busy_timeout(10000)"}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, fmt.Errorf("drupal: %w", err)
	}
	s := &sqliteSource{db: db}
	if s.site, err = s.schema(ctx, prefix); err != nil {
		db.Close()
		return nil, fmt.Errorf("sqlite:%s: %w", file, err)
	}
	return s, nil
}

func (s *sqliteSource) schema(ctx context.Context, prefix *string) (*schema, error) {
	var tables []string
	err := each(ctx, s.db, "SELECT name FROM sqlite_master WHERE type = 'table'", func(f fields) error {
		tables = append(tables, f["name"])
		return nil
	})
	if err != nil {
		return nil, err
	}
	return readSchema(ctx, s.db, tables, prefix, quote)
}

func (s *sqliteSource) Forms(context.Context) ([]Form, error) { return s.site.forms, nil }

func (s *sqliteSource) Components(_ context.Context, nid int64) ([]Component, error) {
	return s.site.of(nid)
}

func (s *sqliteSource) Close() error { return s.db.Close() }

func (s *sqliteSource) Progress() float64 {
	return float64(s.last.Load()) / float64(max(s.until.Load(), 1))
}

func (s *sqliteSource) Records(ctx context.Context, name string, within Span, yield func(form.Record) error) (int64, error) {
	f, err := find(s.site.forms, name)
	if err != nil {
		return 0, err
	}
	submissions, data := quote(s.site.prefix+"webform_submissions"), quote(s.site.prefix+"webform_submitted_data")
	var until, orphans int64
	err = s.db.QueryRowContext(ctx, "SELECT coalesce(max(sid), 0) FROM "+submissions+" WHERE nid = ?", f.NID).Scan(&until)
	if err != nil {
		return 0, fmt.Errorf("drupal: %w", err)
	}
	if within.Until > 0 {
		until = min(until, within.Until)
	}
	s.until.Store(until)
	b := builder{form: f, keys: s.site.keys(f.NID)}
	query := `SELECT s.sid, s.submitted, s.is_draft, %s, d.cid, d.no, d.data FROM
		(SELECT sid, submitted, is_draft FROM ` + submissions + ` WHERE nid = ?1 AND sid > ?2 AND sid <= ?4 ORDER BY sid LIMIT ?3) s
		LEFT JOIN ` + data + ` d ON d.nid = ?1 AND d.sid = s.sid %s ORDER BY s.sid`
	for from := within.After; ; {
		records, err := s.page(ctx, &b, query, from, until)
		if err != nil {
			return 0, fmt.Errorf("drupal: submissions of %s after sid %d: %w", name, from, err)
		}
		if len(records) == 0 {
			break
		}
		for _, r := range records {
			from = r.SID
			s.last.Store(from)
			if err := yield(r); err != nil {
				return 0, err
			}
		}
	}
	err = s.db.QueryRowContext(ctx, "SELECT count(DISTINCT sid) FROM "+data+" d WHERE nid = ?1 AND sid > ?2 AND (?3 = 0 OR sid <= ?3) AND NOT EXISTS (SELECT 1 FROM "+
		submissions+" s WHERE s.sid = d.sid AND s.nid = ?1)", f.NID, within.After, within.Until).Scan(&orphans)
	if err != nil {
		return 0, fmt.Errorf("drupal: %w", err)
	}
	return orphans, nil
}

func (s *sqliteSource) Record(ctx context.Context, nid, sid int64) (form.Record, error) {
	i := slices.IndexFunc(s.site.forms, func(f Form) bool { return f.NID == nid })
	if i < 0 {
		return form.Record{}, fmt.Errorf("%w: node %d is no webform", ErrNoRecord, nid)
	}
	b := builder{form: s.site.forms[i], keys: s.site.keys(nid)}
	records, err := s.page(ctx, &b, `SELECT s.sid, s.submitted, s.is_draft, %s, d.cid, d.no, d.data FROM `+quote(s.site.prefix+"webform_submissions")+` s
		LEFT JOIN `+quote(s.site.prefix+"webform_submitted_data")+` d ON d.nid = ?1 AND d.sid = s.sid %s WHERE s.nid = ?1 AND s.sid = ?2`, sid, sid)
	switch {
	case err != nil:
		return form.Record{}, fmt.Errorf("drupal: submission %d of node %d: %w", sid, nid, err)
	case len(records) == 0:
		return form.Record{}, fmt.Errorf("%w: %d of node %d", ErrNoRecord, sid, nid)
	}
	return records[0], nil
}

// origins says how the rows that reverse wrote are known. It is asked in the transaction that reads the rows, so that
// they are either known or not yet there.
func (s *sqliteSource) origins(ctx context.Context, tx *sql.Tx) (column, join string, err error) {
	table := s.site.prefix + "banyan_origin"
	var there bool
	err = tx.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?", table).Scan(&there)
	if err != nil || !there {
		return "NULL", "", err
	}
	return "o.id", "LEFT JOIN " + quote(table) + " o ON o.sid = s.sid", nil
}

// page runs a query of the form's node, a sid and at most so many submissions.
func (s *sqliteSource) page(ctx context.Context, b *builder, query string, after, until int64) ([]form.Record, error) {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	id, join, err := s.origins(ctx, tx)
	if err != nil {
		return nil, err
	}
	rows, err := tx.QueryContext(ctx, fmt.Sprintf(query, id, join), b.form.NID, after, page, until)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var records []form.Record
	var at submission
	for rows.Next() {
		var now submission
		var cid sql.NullInt64
		var id, no sql.NullString
		var data sql.RawBytes
		if err := rows.Scan(&now.sid, &now.at, &now.draft, &id, &cid, &no, &data); err != nil {
			return nil, err
		}
		now.origin = id.String
		if now.sid != at.sid && at.sid != 0 {
			records = append(records, b.record(at))
		}
		at = now
		if cid.Valid {
			b.add(cid.Int64, no.String, data)
		}
	}
	if at.sid != 0 {
		records = append(records, b.record(at))
	}
	return records, rows.Err()
}

func (s *sqliteSource) Live() bool { return true }

func (s *sqliteSource) Last(ctx context.Context, name string) (sid int64, err error) {
	f, err := find(s.site.forms, name)
	if err == nil {
		err = s.db.QueryRowContext(ctx, "SELECT coalesce(max(sid), 0) FROM "+quote(s.site.prefix+"webform_submissions")+" WHERE nid = ?", f.NID).Scan(&sid)
	}
	return sid, err
}

func (s *sqliteSource) Sweep(ctx context.Context, name string, within Span, width int64, yield func(Chunk) error) error {
	return Sweep(ctx, s, name, within, width, yield)
}
