package drupal

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/banyan-migration/banyan/shared/form"
)

// mysqlSource is a live MariaDB or MySQL. It is read by pages, each in a transaction of its own that sees one moment.
type mysqlSource struct {
	at       place
	db       *sql.DB
	site     *schema
	forced   map[string]string   // by table, the index that its rows are to be read in the order of, as SQL
	summed   map[string][]string // by table, what Sweep sums up beside nid and sid, as SQL
	origins  atomic.Bool         // the table of origins was seen
	latin    bool                // the values' column calls itself latin1
	odd      strange
	progress progress
}

func openMySQL(ctx context.Context, source string) (Source, error) {
	at, err := parseMySQL(source)
	if err != nil {
		return nil, err
	}
	connector, err := mysql.NewConnector(at.config)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", at, err)
	}
	s := &mysqlSource{at: at, db: sql.OpenDB(connector), forced: map[string]string{}, summed: map[string][]string{}}
	s.db.SetMaxOpenConns(readers)
	s.db.SetMaxIdleConns(readers)
	if err := s.schema(ctx); err != nil {
		s.db.Close()
		return nil, s.explain(err)
	}
	return s, nil
}

// readers is how many connections a source takes at most: an old site's database has some hundred for its visitors.
const readers = 8

func (s *mysqlSource) schema(ctx context.Context) (err error) {
	var tables []string
	err = each(ctx, s.db, "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = database()", func(f fields) error {
		tables = append(tables, f["name"])
		return nil
	})
	if err != nil {
		return err
	}
	if s.site, err = readSchema(ctx, s.db, tables, s.at.prefix, backquote); err != nil {
		return err
	}
	for _, table := range []string{s.heads(), s.data()} {
		if err := s.order(ctx, table); err != nil {
			return err
		}
	}
	return s.columns(ctx)
}

// columns reads what the two tables' columns are.
func (s *mysqlSource) columns(ctx context.Context) error {
	query := "SELECT column_name AS name, coalesce(character_set_name, '') AS letters, table_name AS of, data_type AS kind, is_nullable AS nullable FROM information_schema.columns WHERE table_schema = database() AND table_name IN (" +
		literal(s.heads()) + ", " + literal(s.data()) + ") ORDER BY table_name, ordinal_position"
	return each(ctx, s.db, query, func(f fields) error {
		if f["of"] == s.data() && f["name"] == "data" {
			s.latin = f["letters"] == "latin1"
		}
		if f["name"] != "nid" && f["name"] != "sid" {
			s.summed[f["of"]] = append(s.summed[f["of"]], summed(f))
		}
		return nil
	})
}

func (s *mysqlSource) oddities(ctx context.Context) ([]Oddity, error) {
	err := homeless(ctx, s.db, s.site, backquote, &s.odd)
	return s.odd.all(), s.explain(err)
}

func (s *mysqlSource) heads() string { return s.site.prefix + "webform_submissions" }
func (s *mysqlSource) data() string  { return s.site.prefix + "webform_submitted_data" }

// order finds the index whose order is that of the pages. The server would sometimes rather read another and sort,
// and does so for every page anew.
func (s *mysqlSource) order(ctx context.Context, table string) error {
	indexes := map[string][]string{}
	err := each(ctx, s.db, "SELECT index_name AS name, column_name AS col FROM information_schema.statistics WHERE table_schema = database() AND table_name = "+
		literal(table)+" ORDER BY index_name, seq_in_index", func(f fields) error {
		indexes[f["name"]] = append(indexes[f["name"]], f["col"])
		return nil
	})
	names := []string{}
	for name, columns := range indexes {
		if len(columns) >= 2 && columns[0] == "nid" && columns[1] == "sid" {
			names = append(names, name)
		}
	}
	switch {
	case slices.Contains(names, "PRIMARY"):
		s.forced[table] = " FORCE INDEX (PRIMARY)"
	case len(names) > 0:
		s.forced[table] = " FORCE INDEX (" + backquote(slices.Min(names)) + ")"
	}
	return err
}

func (s *mysqlSource) Forms(context.Context) ([]Form, error) { return s.site.forms, nil }

func (s *mysqlSource) Components(_ context.Context, nid int64) ([]Component, error) {
	return s.site.of(nid)
}

func (s *mysqlSource) Close() error { return s.db.Close() }

func (s *mysqlSource) Live() bool { return true }

func (s *mysqlSource) Made(context.Context) (time.Time, error) { return time.Time{}, nil }

func (s *mysqlSource) Progress() float64 { return s.progress.part() }

func (s *mysqlSource) Last(ctx context.Context, name string) (sid int64, err error) {
	f, err := find(s.site.forms, name)
	if err != nil {
		return 0, err
	}
	err = s.again(ctx, func() error {
		return s.db.QueryRowContext(ctx, fmt.Sprintf("SELECT coalesce(max(sid), 0) FROM %s WHERE nid = %d", backquote(s.heads()), f.NID)).Scan(&sid)
	})
	return sid, s.explain(err)
}

func (s *mysqlSource) Record(ctx context.Context, nid, sid int64) (form.Record, error) {
	i := slices.IndexFunc(s.site.forms, func(f Form) bool { return f.NID == nid })
	if i < 0 {
		return form.Record{}, fmt.Errorf("%w: node %d is no webform", ErrNoRecord, nid)
	}
	p, err := s.page(ctx, s.builder(s.site.forms[i]), Span{sid - 1, sid})
	switch {
	case err != nil:
		return form.Record{}, fmt.Errorf("submission %d of node %d: %w", sid, nid, s.explain(err))
	case len(p.records) == 0:
		return form.Record{}, fmt.Errorf("%w: %d of node %d", ErrNoRecord, sid, nid)
	}
	return p.records[0], nil
}

func (s *mysqlSource) builder(f Form) *builder {
	return &builder{form: f, keys: s.site.keys(f.NID), odd: &s.odd, prefix: s.site.prefix}
}

// Records reads a page ahead: while yield works on one, the server and we are busy with the next.
func (s *mysqlSource) Records(ctx context.Context, name string, within Span, yield func(form.Record) error) (orphans int64, err error) {
	f, err := find(s.site.forms, name)
	if err != nil {
		return 0, err
	}
	last, err := s.Last(ctx, name)
	if err != nil {
		return 0, err
	}
	s.progress.begin(name, within.After, last)
	reading, stop := context.WithCancel(ctx)
	pages, failed := make(chan mysqlPage, 1), make(chan error, 1)
	go func() {
		defer close(pages)
		failed <- s.pages(reading, f, within, pages)
	}()
	for p := range pages {
		orphans += p.orphans
		for _, r := range p.records {
			if err = yield(r); err != nil {
				break
			}
		}
		if err != nil {
			break
		}
		s.progress.add(min(p.until, last) - p.after)
	}
	stop()
	for range pages { // the reader ends
	}
	if read := <-failed; err == nil && read != nil {
		return 0, s.explain(read)
	}
	if err != nil {
		return 0, err
	}
	return orphans, nil
}

func (s *mysqlSource) pages(ctx context.Context, f Form, within Span, to chan<- mysqlPage) error {
	b := s.builder(f)
	for more := true; more; {
		var p mysqlPage
		err := s.again(ctx, func() (err error) { p, err = s.page(ctx, b, within); return err })
		if err != nil {
			return &broken{after: within.After, form: f.Name, err: err}
		}
		select {
		case to <- p:
		case <-ctx.Done():
			return ctx.Err()
		}
		within.After, more = p.until, p.more
	}
	return nil
}

func backquote(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// literal is a text in SQL; what it is given are names from the database's own catalogue.
func literal(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", "''").Replace(text) + "'"
}

// broken is a reading that ended in the middle.
type broken struct {
	after int64
	form  string
	err   error
}

func (b *broken) Error() string {
	return fmt.Sprintf("submissions of %s after sid %d: %v", b.form, b.after, b.err)
}

func (b *broken) Unwrap() error { return b.err }
