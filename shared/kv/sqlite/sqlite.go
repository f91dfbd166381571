// Package sqlite keeps one machine's data in one file: a table a service, and one committer that makes a single
// transaction, and so a single fsync, of all commits that wait at the same moment. What Commit has acknowledged
// survives a killed process and a lost power supply.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"time"

	driver "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/banyan-migration/banyan/shared/fault"
	"github.com/banyan-migration/banyan/shared/kv"
)

// DB is an open file. Safe for concurrent use; several processes may have the same file open.
type DB struct {
	Now func() time.Time // decides what has expired; nil: the clock. Set before the first Store

	path    string
	readers *sql.DB
	writers *sql.DB              // holds the one connection below
	writer  *sql.Conn            // the committer's alone after Open
	turns   map[string]*sql.Stmt // the committer's statements, its alone
	queue   chan *commit
	stop    chan struct{}
	done    chan struct{}
	ending  sync.Once
	mu      sync.Mutex
	stores  map[string]*store
}

// grouped is how many commits may wait for the committer; more wait in Commit.
const grouped = 1024

// Open opens a file, or makes it for its owner's eyes alone. Nobody but Close may close it, and then nothing may be
// asked of it.
func Open(path string) (*DB, error) {
	db := &DB{path: path, queue: make(chan *commit, grouped), stop: make(chan struct{}), done: make(chan struct{}), stores: map[string]*store{}, turns: map[string]*sql.Stmt{}}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) // it will hold people's data; SQLite would let all read it
	if err != nil {
		return nil, fmt.Errorf("sqlite: the file cannot be written, check that its folder is there and ours: %w", err)
	}
	if err := file.Close(); err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	// FULL: with WAL, NORMAL would lose acknowledged commits when the power goes.
	if db.writers, err = sql.Open("sqlite", source(path, "journal_mode(WAL)", "synchronous(FULL)", "cache_size(-16000)", "wal_autocheckpoint(4000)")); err != nil {
		return nil, err
	}
	db.writers.SetMaxOpenConns(1)
	if db.readers, err = sql.Open("sqlite", source(path, "query_only(1)")); err != nil {
		return nil, errors.Join(err, db.writers.Close())
	}
	db.readers.SetMaxOpenConns(4)
	db.readers.SetMaxIdleConns(4)
	if db.writer, err = db.writers.Conn(context.Background()); err != nil {
		return nil, errors.Join(db.told("open", err), db.writers.Close(), db.readers.Close())
	}
	go db.commitAll()
	return db, nil
}

func source(path string, pragmas ...string) string {
	query := url.Values{"_pragma": append([]string{"busy_timeout(10000)"}, pragmas...)}
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath(), RawQuery: query.Encode()}).String()
}

// Close ends when every commit that was asked for is answered. All data then lies in the one file, which may be copied:
// the last connection empties the log into it, if it may write and none of its statements is left.
func (db *DB) Close() error {
	db.ending.Do(func() { close(db.stop) })
	<-db.done
	err := db.readers.Close()
	for _, s := range db.turns {
		err = errors.Join(err, s.Close())
	}
	return errors.Join(err, db.writer.Close(), db.writers.Close())
}

func (db *DB) now() time.Time {
	if db.Now != nil {
		return db.Now()
	}
	return time.Now()
}

var named = regexp.MustCompile(`^[a-z][a-z0-9_]{0,40}$`)

// Store is the part of the file that belongs to a service, by its name in lower-case letters. The same name is the
// same store. It panics if the table cannot be made, as the file cannot then be used at all; Ready says so in advance.
func (db *DB) Store(name string) kv.Store {
	s, err := db.open(name)
	if err != nil {
		panic(err.Error())
	}
	return s
}

// Ready makes the tables of the named services and says what stands against it.
func (db *DB) Ready(names ...string) error {
	for _, name := range names {
		if _, err := db.open(name); err != nil {
			return err
		}
	}
	return nil
}

func (db *DB) open(name string) (*store, error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if s := db.stores[name]; s != nil {
		return s, nil
	}
	if !named.MatchString(name) {
		return nil, fmt.Errorf("sqlite: %q is no name for a store: lower-case letters, digits and _", name)
	}
	s := &store{db: db, name: name}
	made := &commit{ctx: context.Background(), run: s.make, answer: make(chan error, 1)}
	if err := db.ask(made); err != nil {
		return nil, err
	}
	if err := s.prepareReads(); err != nil {
		return nil, db.told("open "+name, err)
	}
	db.stores[name] = s
	return s, nil
}

// told says what failed, on which file, and what became of the data.
func (db *DB) told(what string, err error) error {
	if err == nil || errors.Is(err, kv.ErrConflict) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	failed := (*driver.Error)(nil)
	if !errors.As(err, &failed) {
		return fmt.Errorf("sqlite: %s: %s: %w", db.path, what, err)
	}
	why := ""
	switch failed.Code() & 0xff {
	case lib.SQLITE_FULL:
		why = "the disk is full: make room"
	case lib.SQLITE_IOERR:
		why = "the disk refuses to read or write"
	case lib.SQLITE_BUSY:
		why = "another process has kept the file locked for over 10 seconds"
	case lib.SQLITE_READONLY, lib.SQLITE_CANTOPEN, lib.SQLITE_PERM:
		why = "the file cannot be written: check that its folder is there and ours"
	default:
		return fmt.Errorf("sqlite: %s: %s: %w", db.path, what, err)
	}
	return &fault.Error{Kind: fault.Unavailable, Text: "We cannot keep anything just now. Please try again in a moment",
		Err: fmt.Errorf("sqlite: %s: %s: %s; nothing of this was written and nothing that was acknowledged is lost: %w", db.path, what, why, err)}
}
