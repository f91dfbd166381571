package psp

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the database/sql driver "sqlite"
)

const schema = `
CREATE TABLE IF NOT EXISTS doc (n INTEGER PRIMARY KEY, kind TEXT NOT NULL, ref TEXT NOT NULL, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS doc_ref ON doc (ref) WHERE ref <> '';
CREATE TABLE IF NOT EXISTS answer (key TEXT PRIMARY KEY, asked TEXT NOT NULL, status INTEGER NOT NULL, body TEXT NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS event (n INTEGER PRIMARY KEY, psp TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL, at INTEGER NOT NULL, taken INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS event_waiting ON event (n) WHERE taken = 0;`

// store runs the requests' work one after the other on one connection, as many as have come in one transaction, and
// lets each go on when that is on the disk: the acquirer's "grouped commit".
type store struct {
	db      *sql.DB
	conn    *sql.Conn
	known   map[string]*sql.Stmt // prepared when first used; the committer alone touches them
	remove  string               // a temporary file's folder
	jobs    chan *job
	quit    chan struct{} // closed by close
	done    chan struct{} // closed when the committer has ended
	last    int64         // the highest n of doc and event; the committer alone touches it
	emitted func([]event) // told of the events of each commit, once they are durable

	mu   sync.Mutex // guards lazy
	lazy []*job
}

type job struct {
	work   func(*tx) error
	err    error
	events []event
	done   chan struct{}
}

var errClosed = errors.New("psp: closed")

const group = 256 // jobs a commit at most, so that none waits long

func openStore(file string) (*store, error) {
	s := &store{known: map[string]*sql.Stmt{}, jobs: make(chan *job, group), quit: make(chan struct{}), done: make(chan struct{})}
	if file == "" {
		dir, err := os.MkdirTemp("", "psp")
		if err != nil {
			return nil, err
		}
		s.remove, file = dir, dir+"/psp.db"
	}
	if err := private(file); err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(5000)")
	if err != nil {
		return nil, err
	}
	s.db = db
	ctx := context.Background()
	if s.conn, err = db.Conn(ctx); err == nil {
		_, err = s.conn.ExecContext(ctx, schema)
	}
	if err == nil {
		err = s.conn.QueryRowContext(ctx, `SELECT max(coalesce((SELECT max(n) FROM doc), 0), coalesce((SELECT max(n) FROM event), 0))`).Scan(&s.last)
	}
	if err != nil {
		db.Close()
		return nil, fmt.Errorf("opening %s: %w (charges already in it are untouched)", file, err)
	}
	go s.run()
	return s, nil
}

// private makes a file that its owner alone can read: SQLite would let all read who paid what. The files beside it follow it.
func private(file string) error {
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("the acquirers' file cannot be written, check that its folder is there and ours: %w", err)
	}
	return f.Close()
}

// do runs work alone and returns when what it wrote is durable. An error undoes its writes and nobody else's.
func (s *store) do(work func(*tx) error) error {
	j := &job{work: work, done: make(chan struct{})}
	if !s.queue(j) {
		return errClosed
	}
	select {
	case <-j.done:
		return j.err
	case <-s.done:
		return errClosed
	}
}

// later is do for what may be lost: nobody waits, and it is kept with the next commit or within a second.
func (s *store) later(work func(*tx) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lazy = append(s.lazy, &job{work: work, done: make(chan struct{})})
}

func (s *store) takeLazy() []*job {
	s.mu.Lock()
	defer s.mu.Unlock()
	lazy := s.lazy
	s.lazy = nil
	return lazy
}

func (s *store) queue(j *job) bool {
	select {
	case s.jobs <- j:
		return true
	case <-s.done:
		return false
	}
}

// close commits what has been queued and closes the file. A statement that is still open would keep SQLite from writing what
// lies beside the file into it.
func (s *store) close() error {
	close(s.quit)
	<-s.done
	var err error
	for _, st := range s.known {
		err = errors.Join(err, st.Close())
	}
	err = errors.Join(err, s.conn.Close(), s.db.Close())
	if s.remove != "" {
		err = errors.Join(err, os.RemoveAll(s.remove))
	}
	return err
}

func (s *store) run() {
	defer close(s.done)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case j := <-s.jobs:
			s.commit(j)
		case <-tick.C:
			s.commit(nil)
		case <-s.quit:
			for j := s.next(0); j != nil; j = s.next(0) {
				s.commit(j)
			}
			s.commit(nil)
			return
		}
	}
}

// commit does first and whatever else has come, in one transaction. first is nil where only what may wait is due.
func (s *store) commit(first *job) {
	jobs := s.takeLazy()
	for j := first; j != nil; j = s.next(len(jobs)) {
		jobs = append(jobs, j)
	}
	if len(jobs) == 0 {
		return
	}
	all := &tx{store: s}
	err := all.exec(`BEGIN IMMEDIATE`)
	for _, j := range jobs {
		if err == nil {
			err = s.one(&tx{store: s}, j)
		}
	}
	if err == nil {
		err = all.exec(`COMMIT`)
	}
	if err != nil {
		_ = all.exec(`ROLLBACK`) // it may have rolled back by itself, or never begun
	}
	for _, j := range jobs {
		if err != nil {
			j.err = fmt.Errorf("psp: not stored: %w", err)
		}
		if j.err == nil && len(j.events) > 0 {
			s.emitted(j.events)
		}
		close(j.done)
	}
}

// one runs a job between savepoints. Its own error is the job's; what it returns is the transaction's.
func (s *store) one(t *tx, j *job) error {
	if err := t.exec(`SAVEPOINT job`); err != nil {
		return err
	}
	if j.err = j.work(t); j.err != nil {
		return t.exec(`ROLLBACK TO job`)
	}
	j.events = t.events
	return t.exec(`RELEASE job`)
}

// next is a job that has come meanwhile, if there is one and room for it.
func (s *store) next(have int) *job {
	if have >= group {
		return nil
	}
	select {
	case j := <-s.jobs:
		return j
	default:
		return nil
	}
}
