// Package drupal is the legacy site's stand-in: a Drupal 7.105 with webform that answers on the wire as the recorded
// one did, warnings included, and keeps its state in Drupal's own tables in SQLite. It is as slow as the access log
// says, breaks on demand, and says true only what it has committed.
package drupal

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the database's driver

	"github.com/banyan-migration/banyan/infra/fakes/drupal/wire"
)

// Options say where a site stands. DB alone must be set.
type Options struct {
	DB   *sql.DB          // a loaded dump, best from Open; the caller closes it
	Now  func() time.Time // nil: the clock
	Rand io.Reader        // tokens and session ids; nil: crypto/rand

	BaseURL      string   // "http://www.example.org"; "" follows each request's Host
	CookieDomain string   // ".www.example.org"; "" follows Host
	Proxies      []string // addresses whose X-Forwarded-For is believed: reverse_proxy_addresses

	Speed   float64 // service times are divided by it; 0: no waiting at all
	Workers int     // PHP's processes; 0 is 16
	Log     *slog.Logger
}

// Site is one running site, safe for concurrent use.
type Site struct {
	opt     Options
	content *content
	server  wire.Server
	cache   cache
	pace    pace
	faults  faults
	dice    sync.Mutex // opt.Rand need not be safe
	writing sync.Mutex // SQLite takes one writer at a time
}

// Open opens a database file as the site wants it: committed means on the disk, and readers do not wait for writers.
func Open(path string) (*sql.DB, error) {
	name := "file:" + (&url.URL{Path: path}).EscapedPath()
	db, err := sql.Open("sqlite", name+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(10000)&_txlock=immediate")
	if err != nil {
		return nil, fmt.Errorf("drupal: %s: %w", path, err)
	}
	db.SetMaxIdleConns(16) // to open one costs more than to ask it
	return db, nil
}

// Empty takes every submission and session out of a database and lets submissions count from 1 again, as the site
// stood when it was recorded.
func Empty(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("drupal: %w", err)
	}
	defer tx.Rollback()
	for _, q := range []string{
		`DELETE FROM webform_submitted_data`, `DELETE FROM webform_submissions`, `DELETE FROM sessions`, `DELETE FROM flood`,
		`DELETE FROM sqlite_sequence WHERE name = 'webform_submissions'`,
	} {
		if _, err := tx.ExecContext(ctx, q); err != nil {
			return fmt.Errorf("drupal: empty: %w", err)
		}
	}
	return tx.Commit()
}

// New reads the site's content. The database must hold a loaded dump.
func New(opt Options) (*Site, error) {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Rand == nil {
		opt.Rand = rand.Reader
	}
	if opt.Workers == 0 {
		opt.Workers = 16
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	c, err := load(context.Background(), opt.DB)
	if err != nil {
		return nil, err
	}
	s := &Site{opt: opt, content: c}
	s.pace = pace{speed: opt.Speed, workers: make(chan struct{}, opt.Workers)}
	s.cache.now, s.faults.now = opt.Now, opt.Now
	s.server = wire.Server{Handle: s.answer, Now: opt.Now, Log: opt.Log}
	return s, nil
}

// Serve answers a listener's connections until Close, and is nil then.
func (s *Site) Serve(l net.Listener) error {
	if err := s.server.Serve(l); !errors.Is(err, wire.ErrClosed) {
		return err
	}
	return nil
}

// Close ends listeners and connections and waits for requests at work. The database stays open.
func (s *Site) Close() error { return s.server.Close() }
