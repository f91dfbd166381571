package drupal

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"slices"
	"time"

	_ "modernc.org/sqlite" // the driver

	"github.com/banyan-migration/banyan/shared/form"
)

// page is how many submissions are read at once: each page is one statement, so that a live site's writers wait for
// no long reader and no submission is seen half.
const page = 500

type sqliteSource struct {
	db       *sql.DB
	site     *schema
	odd      strange
	progress progress
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

func (s *sqliteSource) Progress() float64 { return s.progress.part() }

func (s *sqliteSource) oddities(ctx context.Context) ([]Oddity, error) {
	err := homeless(ctx, s.db, s.site, quote, &s.odd)
	return s.odd.all(), err
}

func (s *sqliteSource) builder(f Form) *builder {
	return &builder{form: f, keys: s.site.keys(f.NID), odd: &s.odd, prefix: s.site.prefix}
}

func (s *sqliteSource) Records(ctx context.Context, name string, within Span, yield func(form.Record) error) (int64, error) {
	f, err := find(s.site.forms, name)
	if err != nil {
		return 0, err
	}
	until, err := s.Last(ctx, name)
	if err != nil {
		return 0, err
	}
	s.progress.begin(name, within.After, until)
	if within.Until > 0 {
		until = min(until, within.Until)
	}
	b := s.builder(f)
	for from := within.After; ; {
		records, err := s.page(ctx, b, Span{from, until}, page)
		if err != nil {
			return 0, fmt.Errorf("drupal: submissions of %s after sid %d: %w", name, from, err)
		}
		if len(records) == 0 {
			break
		}
		for _, r := range records {
			if err := yield(r); err != nil {
				return 0, err
			}
		}
		last := records[len(records)-1].SID
		s.progress.add(last - from)
		from = last
	}
	return s.orphans(ctx, b, within)
}

// orphans counts the submissions of which only values are left.
func (s *sqliteSource) orphans(ctx context.Context, b *builder, within Span) (orphans int64, err error) {
	query := fmt.Sprintf("SELECT d.sid, min(d.cid) AS cid FROM %s d WHERE d.nid = %d AND d.sid > %d AND (%d = 0 OR d.sid <= %d) AND NOT EXISTS (SELECT 1 FROM %s s WHERE s.sid = d.sid AND s.nid = d.nid) GROUP BY d.sid",
		s.table("webform_submitted_data"), b.form.NID, within.After, within.Until, within.Until, s.table("webform_submissions"))
	err = each(ctx, s.db, query, func(f fields) error {
		orphans++
		b.met("orphan", "sid", f.number("sid"), f.number("cid"))
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("drupal: %w", err)
	}
	return orphans, nil
}

func (s *sqliteSource) table(name string) string { return quote(s.site.prefix + name) }

func (s *sqliteSource) Record(ctx context.Context, nid, sid int64) (form.Record, error) {
	i := slices.IndexFunc(s.site.forms, func(f Form) bool { return f.NID == nid })
	if i < 0 {
		return form.Record{}, fmt.Errorf("%w: node %d is no webform", ErrNoRecord, nid)
	}
	records, err := s.page(ctx, s.builder(s.site.forms[i]), Span{sid - 1, sid}, 1)
	switch {
	case err != nil:
		return form.Record{}, fmt.Errorf("drupal: submission %d of node %d: %w", sid, nid, err)
	case len(records) == 0:
		return form.Record{}, fmt.Errorf("%w: %d of node %d", ErrNoRecord, sid, nid)
	}
	return records[0], nil
}

// page reads the first submissions within a span, at most so many. Whether reverse ever wrote here is asked in the same
// transaction: a row that it wrote is then either known as such or not yet there.
func (s *sqliteSource) page(ctx context.Context, b *builder, within Span, most int) ([]form.Record, error) {
	tx, err := s.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	defer tx.Rollback() // it only read
	var origins int
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?", s.site.prefix+"banyan_origin").Scan(&origins); err != nil {
		return nil, err
	}
	id, join := "NULL", ""
	if origins > 0 {
		id, join = "o.id", " LEFT JOIN "+s.table("banyan_origin")+" o ON "+itsOrigin
	}
	rows, err := tx.QueryContext(ctx, `SELECT s.sid, s.submitted, s.is_draft, s.id, d.cid, d.no, d.data FROM
		(SELECT s.sid, s.submitted, s.is_draft, `+id+` AS id FROM `+s.table("webform_submissions")+` s`+join+` WHERE s.nid = ?1 AND s.sid > ?2 AND s.sid <= ?3 ORDER BY s.sid LIMIT ?4) s
		LEFT JOIN `+s.table("webform_submitted_data")+` d ON d.nid = ?1 AND d.sid = s.sid ORDER BY s.sid`, b.form.NID, within.After, within.Until, most)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	b.text, b.values = b.text[:0], b.values[:0]
	var records []form.Record
	var at submission
	for rows.Next() {
		var now submission
		var submitted, draft, cid sql.NullInt64
		var origin, no sql.NullString
		var data sql.RawBytes
		if err := rows.Scan(&now.sid, &submitted, &draft, &origin, &cid, &no, &data); err != nil {
			return nil, err
		}
		if now.sid != at.sid && at.sid != 0 {
			records = append(records, b.record(at))
		}
		now.at, now.draft, now.origin = submitted.Int64, draft.Int64 != 0, origin.String
		at = now
		if cid.Valid {
			if data == nil {
				b.met("null", "data", at.sid, cid.Int64)
			}
			b.add(cid.Int64, no.String, data)
		}
	}
	if at.sid != 0 {
		records = append(records, b.record(at))
	}
	return records, rows.Err()
}

func (s *sqliteSource) Live() bool { return true }

func (s *sqliteSource) Made(context.Context) (time.Time, error) { return time.Time{}, nil }

func (s *sqliteSource) Last(ctx context.Context, name string) (sid int64, err error) {
	f, err := find(s.site.forms, name)
	if err != nil {
		return 0, err
	}
	if err := s.db.QueryRowContext(ctx, "SELECT coalesce(max(sid), 0) FROM "+s.table("webform_submissions")+" WHERE nid = ?", f.NID).Scan(&sid); err != nil {
		return 0, fmt.Errorf("drupal: %w", err)
	}
	return sid, nil
}

func (s *sqliteSource) Sweep(ctx context.Context, name string, within Span, width int64, yield func(Chunk) error) error {
	return Sweep(ctx, s, name, within, width, yield)
}
