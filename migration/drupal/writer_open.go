package drupal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/go-sql-driver/mysql"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// writer is a Writer into a live database. What differs between the two kinds of database is in its fields.
type writer struct {
	source Source
	site   *schema
	db     *sql.DB
	create string // CREATE TABLE of the origins
	lock   string // behind a SELECT whose rows are to be changed
	grants string // what its user must be allowed, where that can be said
	narrow func(rune) bool
	ready  atomic.Bool // the table of origins is there
	making sync.Mutex
}

// OpenWriter opens the database of an old site, "sqlite:FILE" or "mysql://…", for its successors' records. Its errors
// are the caller's, as Open's.
func OpenWriter(ctx context.Context, source string) (Writer, error) {
	name, prefix := cutPrefix(source)
	file, light := strings.CutPrefix(name, "sqlite:")
	w := &writer{}
	switch {
	case light:
		s, err := openSQLite(ctx, file, prefix)
		if err != nil {
			return nil, err
		}
		return w.opened(s, w.sqlite(s.(*sqliteSource), file))
	case strings.HasPrefix(source, "mysql:"):
		s, err := openMySQL(ctx, source)
		if err != nil {
			return nil, err
		}
		return w.opened(s, w.mysql(ctx, s.(*mysqlSource)))
	}
	return nil, errors.New("a dump cannot be written to: name the site's live database, mysql://USER:PASSWORD@HOST/DATABASE or sqlite:FILE")
}

func (w *writer) opened(s Source, err error) (Writer, error) {
	if w.source = s; err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

func (w *writer) Close() error {
	if w.db == nil {
		return w.source.Close()
	}
	return errors.Join(w.db.Close(), w.source.Close())
}

// origins names our table.
func (w *writer) origins() string { return w.site.prefix + "banyan_origin" }

func (w *writer) sqlite(s *sqliteSource, file string) (err error) {
	w.site = s.site
	dsn := url.URL{Scheme: "file", Opaque: (&url.URL{Path: file}).EscapedPath(), RawQuery: "mode=rw&_pragma=busy_timeout(10000)&_txlock=immediate"}
	w.create = fmt.Sprintf("CREATE TABLE IF NOT EXISTS %s (sid INTEGER NOT NULL PRIMARY KEY, nid INTEGER NOT NULL, service TEXT NOT NULL, id TEXT NOT NULL, "+
		"submitted INTEGER NOT NULL, said INTEGER NOT NULL, wrote INTEGER NOT NULL, UNIQUE (service, id))", backquote(w.origins()))
	w.narrow = func(rune) bool { return false }
	w.db, err = sql.Open("sqlite", dsn.String())
	return err
}

func (w *writer) mysql(ctx context.Context, s *mysqlSource) error {
	w.site = s.site
	table := func(name string) string { return backquote(s.at.config.DBName) + "." + backquote(s.site.prefix+name) }
	// An id is compared byte by byte: the site's own collation may take A for a.
	w.create = fmt.Sprintf("CREATE TABLE IF NOT EXISTS %s (sid BIGINT UNSIGNED NOT NULL PRIMARY KEY, nid BIGINT UNSIGNED NOT NULL, "+
		"service VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, id VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, "+
		"submitted BIGINT NOT NULL, said BIGINT NOT NULL, wrote BIGINT NOT NULL, UNIQUE KEY origin (service, id)) ENGINE=InnoDB", table("banyan_origin"))
	for _, g := range [][2]string{{"SELECT, INSERT, UPDATE", "banyan_origin"}, {"SELECT, INSERT, UPDATE", "webform_submissions"}, {"SELECT, INSERT, DELETE", "webform_submitted_data"}} {
		w.grants += fmt.Sprintf("GRANT %s ON %s TO %s; ", g[0], table(g[1]), backquote(s.at.config.User))
	}
	if s.site.version == 4 {
		w.grants += fmt.Sprintf("GRANT SELECT, UPDATE ON %s TO %s; ", table("webform"), backquote(s.at.config.User))
	}
	w.lock = " FOR UPDATE"
	c := s.at.config.Clone()
	// What does not fit is to be refused, and not cut off.
	c.Params["sql_mode"] = "'STRICT_ALL_TABLES'"
	c.InterpolateParams = true
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return fmt.Errorf("%s: %w", s.at, err)
	}
	w.db = sql.OpenDB(connector)
	return w.tables(ctx)
}

// tables looks whether the site's own tables can take part in a transaction, and which letters they know.
func (w *writer) tables(ctx context.Context) error {
	for _, name := range []string{"webform_submissions", "webform_submitted_data"} {
		var engine sql.NullString
		err := w.db.QueryRowContext(ctx, "SELECT engine FROM information_schema.tables WHERE table_schema = database() AND table_name = ?", w.site.prefix+name).Scan(&engine)
		if err != nil {
			return fmt.Errorf("drupal: %w", err)
		}
		if !strings.EqualFold(engine.String, "InnoDB") {
			return fmt.Errorf("table %[1]s is of the engine %[2]s, which knows no transactions: whoever is killed would leave half a submission there, or write one twice. "+
				"ALTER TABLE %[1]s ENGINE=InnoDB mends it; nothing was written", w.site.prefix+name, engine.String)
		}
	}
	var letters sql.NullString
	err := w.db.QueryRowContext(ctx, "SELECT character_set_name FROM information_schema.columns WHERE table_schema = database() AND table_name = ? AND column_name = 'data'",
		w.site.prefix+"webform_submitted_data").Scan(&letters)
	w.narrow = unknown(letters.String)
	return err
}

// unknown says of a character set's letters which it does not have.
func unknown(set string) func(rune) bool {
	switch set {
	case "utf8", "utf8mb3", "ucs2":
		return beyond
	case "latin1":
		return func(r rune) bool {
			_, is := low[r]
			return r > 0xFF && !is
		}
	case "ascii":
		return func(r rune) bool { return r > 0x7F }
	}
	return func(rune) bool { return false }
}

// beyond are the letters that utf8 lacks where it has three bytes.
func beyond(r rune) bool { return r > 0xFFFF }

// prepare makes our table where it is not.
func (w *writer) prepare(ctx context.Context) error {
	w.making.Lock()
	defer w.making.Unlock()
	there, err := w.known(ctx)
	if err != nil || there {
		return err
	}
	if _, err := w.db.ExecContext(ctx, w.create); err != nil {
		if w.grants == "" {
			return fmt.Errorf("the table %s, which says of each row whose record it is, cannot be made: %w; nothing was written", w.origins(), err)
		}
		return fmt.Errorf("the table %s, which says of each row whose record it is, cannot be made: %w; nothing was written. Whoever administers the database may run: %s; %s"+
			"with the user's host behind its name", w.origins(), err, w.create, w.grants)
	}
	w.ready.Store(true)
	return nil
}

// known says whether our table is there.
func (w *writer) known(ctx context.Context) (bool, error) {
	if w.ready.Load() {
		return true, nil
	}
	_, err := w.db.ExecContext(ctx, "SELECT sid, nid, service, id, submitted, said, wrote FROM "+backquote(w.origins())+" LIMIT 0")
	var no *mysql.MySQLError
	var none *sqlite.Error
	switch {
	case err == nil:
		w.ready.Store(true)
		return true, nil
	case errors.As(err, &no) && no.Number == noTable, errors.As(err, &none) && strings.Contains(none.Error(), "no such table"):
		return false, nil
	case errors.As(err, &no) && no.Number == noAccessToTable: // it may be there or not: the server does not say
		return false, nil
	case errors.As(err, &no) && no.Number == noColumn, errors.As(err, &none) && strings.Contains(none.Error(), "no such column"):
		return false, fmt.Errorf("the site has a table %s, but not one that was made by reverse: %w; nothing was written", w.origins(), err)
	}
	return false, w.explain(err)
}

// explain says what would be right.
func (w *writer) explain(err error) error {
	var no *mysql.MySQLError
	if errors.As(err, &no) && no.Number == noAccessToTable && w.grants != "" {
		return fmt.Errorf("%w; nothing was written. Whoever administers the database may run, with the user's host behind its name: %s", err, w.grants)
	}
	if s, ok := w.source.(*mysqlSource); ok {
		return s.explain(err)
	}
	return fmt.Errorf("drupal: %w", err)
}

// The numbers of MySQL's errors that only a writer meets.
const (
	noColumn = 1054
	sameKey  = 1062
	noTable  = 1146
)

// crossed says that somebody else was in the way, and that the transaction may simply be made again.
func crossed(err error) bool {
	var no *mysql.MySQLError
	if errors.As(err, &no) {
		switch no.Number {
		case sameKey, lockTimeout, deadlock:
			return true
		}
	}
	var busy *sqlite.Error
	return errors.As(err, &busy) && busy.Code()&0xff == sqlite3.SQLITE_BUSY
}
