package drupal

import (
	"bufio"
	"compress/gzip"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"

	"github.com/go-sql-driver/mysql"
)

// OpenContent opens the content of a source, named as for Open. A dump is loaded into a temporary file first (mode 0600, removed by Close),
// without its submissions, caches and logs: of those only the rows are counted and, for Census, looked at while they pass.
func OpenContent(ctx context.Context, source string) (Content, error) {
	d, err := openContent(ctx, source)
	if err != nil {
		return nil, err
	}
	return d, nil
}

func openContent(ctx context.Context, source string) (*contentDB, error) {
	if strings.HasPrefix(source, "mysql:") {
		return openContentMySQL(ctx, source)
	}
	name, prefix := cutPrefix(source)
	if file, ok := strings.CutPrefix(name, "sqlite:"); ok {
		return openContentSQLite(ctx, file, prefix)
	}
	d, err := openContentDump(ctx, name, prefix)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return d, nil
}

func openContentMySQL(ctx context.Context, source string) (*contentDB, error) {
	at, err := parseMySQL(source)
	if err != nil {
		return nil, err
	}
	connector, err := mysql.NewConnector(at.config)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", at, err)
	}
	d := newContentDB(sql.OpenDB(connector))
	d.db.SetMaxOpenConns(readers)
	d.server = &mysqlSource{at: at}
	if err := d.again(ctx, func() error { return d.find(ctx, at.prefix) }); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func openContentSQLite(ctx context.Context, file string, prefix *string) (*contentDB, error) {
	if _, err := os.Stat(file); err != nil {
		return nil, fmt.Errorf("sqlite:FILE names the old site's database: %w", err)
	}
	db, err := sql.Open("sqlite", sqliteFile(file, "mode=ro&_pragma=busy_timeout(10000)"))
	if err != nil {
		return nil, fmt.Errorf("drupal: %w", err)
	}
	d := newContentDB(db)
	if err := d.find(ctx, prefix); err != nil {
		return nil, errors.Join(fmt.Errorf("sqlite:%s: %w", file, err), d.Close())
	}
	return d, nil
}

func sqliteFile(file, options string) string {
	dsn := url.URL{Scheme: "file", Opaque: (&url.URL{Path: file}).EscapedPath(), RawQuery: options}
	return dsn.String()
}

// openContentDump loads a dump into a file that nobody else can read: it holds people.
func openContentDump(ctx context.Context, file string, prefix *string) (*contentDB, error) {
	r, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("the source is a dump (FILE.sql or FILE.sql.gz), sqlite:FILE or mysql://…: %w", err)
	}
	defer r.Close()
	dump, err := unzipped(r)
	if err != nil {
		return nil, err
	}
	d, err := temporary()
	if err != nil {
		return nil, fmt.Errorf("%w (a dump's content is loaded into a temporary file, for which TMPDIR names the place)", err)
	}
	if err = loadContent(ctx, dump, d.db, d.passed); err == nil {
		err = d.find(ctx, prefix)
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// unzipped is what a dump says, gzipped or not.
func unzipped(r io.Reader) (io.Reader, error) {
	b := bufio.NewReaderSize(r, 256<<10)
	if magic, _ := b.Peek(2); string(magic) != "\x1f\x8b" {
		return b, nil
	}
	z, err := gzip.NewReader(b)
	if err != nil {
		return nil, fmt.Errorf("its gzip is broken: %w", err)
	}
	return z, nil
}
