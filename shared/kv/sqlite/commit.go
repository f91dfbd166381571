package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"runtime"
)

// commit is one caller's wish, answered once.
type commit struct {
	ctx    context.Context
	run    func(ctx context.Context) error // within the committer's transaction; an error means that it left nothing behind
	answer chan error
}

var errClosed = errors.New("sqlite: the file is closed")

// ask hands a commit to the committer and waits for its answer. Once it is handed over it is carried out, whatever
// becomes of the caller: the answer of a commit that may have happened is waited for.
func (db *DB) ask(c *commit) error {
	select {
	case <-db.stop:
		return errClosed
	default:
	}
	select {
	case db.queue <- c:
	case <-c.ctx.Done():
		return c.ctx.Err()
	case <-db.stop:
		return errClosed
	}
	select {
	case err := <-c.answer:
		return err
	case <-db.done: // closed between the two
		select {
		case err := <-c.answer:
			return err
		default:
			return errClosed
		}
	}
}

// commitAll is the committer: whatever waits when it comes round becomes one transaction.
//
//	Commit ──┐
//	Commit ──┼── queue ── BEGIN · each in turn, or not at all · COMMIT (one fsync) ── answers
//	Commit ──┘
func (db *DB) commitAll() {
	defer close(db.done)
	group := make([]*commit, 0, grouped)
	for {
		group = group[:0]
		select {
		case c := <-db.queue:
			group = append(group, c)
		case <-db.stop:
			select { // what was handed over before the end is carried out
			case c := <-db.queue:
				group = append(group, c)
			default:
				return
			}
		}
		runtime.Gosched() // those who are about to ask, many of them just answered, come along: fewer fsyncs for all
	more:
		for len(group) < grouped {
			select {
			case c := <-db.queue:
				group = append(group, c)
			default:
				break more
			}
		}
		db.commitGroup(group)
	}
}

// commitGroup makes one transaction of a group. If that fails as a whole, each is tried alone: one commit that the
// disk has no room for does not take the others with it.
func (db *DB) commitGroup(group []*commit) {
	answers, err := db.transact(group)
	if err != nil && len(group) > 1 {
		for _, c := range group {
			db.commitGroup([]*commit{c})
		}
		return
	}
	for i, c := range group {
		if err != nil {
			answers[i] = db.told("commit", err)
		}
		c.answer <- answers[i]
	}
}

// errBroken marks a failure after which the transaction as a whole is worth nothing.
type errBroken struct{ error }

func (e errBroken) Unwrap() error { return e.error }

func (db *DB) transact(group []*commit) (answers []error, err error) {
	ctx := context.Background() // a caller that leaves must not break the group
	answers = make([]error, len(group))
	if err := db.exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		return answers, err
	}
	wrote := false
	for i, c := range group {
		if answers[i] = c.ctx.Err(); answers[i] != nil {
			continue
		}
		answers[i] = c.run(ctx)
		if broken := (errBroken{}); errors.As(answers[i], &broken) {
			db.exec(ctx, "ROLLBACK") // it may have rolled back by itself: SQLITE_FULL does
			return answers, broken.error
		}
		wrote = wrote || answers[i] == nil
	}
	end := "COMMIT"
	if !wrote {
		end = "ROLLBACK" // nothing to sync for
	}
	if err := db.exec(ctx, end); err != nil {
		db.exec(ctx, "ROLLBACK")
		return answers, err
	}
	return answers, nil
}

// exec runs one of the committer's own few statements: every commit begins and ends with them.
func (db *DB) exec(ctx context.Context, statement string) error {
	prepared, err := db.prepared(ctx, statement)
	if err == nil {
		_, err = prepared.ExecContext(ctx)
	}
	return err
}

// prepared is a statement of the committer's, made when it is first needed.
func (db *DB) prepared(ctx context.Context, statement string) (*sql.Stmt, error) {
	if s := db.turns[statement]; s != nil {
		return s, nil
	}
	s, err := db.writer.PrepareContext(ctx, statement)
	if err == nil {
		db.turns[statement] = s
	}
	return s, err
}
