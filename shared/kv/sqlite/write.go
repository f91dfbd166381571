package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/banyan-migration/banyan/shared/kv"
)

// Commit makes all the writes or none, in one transaction with whatever else waits. It returns when they are on disk.
func (s *store) Commit(ctx context.Context, writes ...kv.Write) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := kv.Check(writes); err != nil {
		return err
	}
	messages, err := encoded(writes)
	if err != nil || len(writes) == 0 {
		return err
	}
	now := s.db.now().UnixNano()
	return s.db.ask(&commit{ctx: ctx, answer: make(chan error, 1), run: func(ctx context.Context) error {
		return s.write(ctx, writes, messages, now)
	}})
}

// write does one commit within the committer's transaction. A lone condition goes first, so that nothing is there to
// undo when it does not hold; where several must hold, a savepoint undoes the rest.
func (s *store) write(ctx context.Context, writes []kv.Write, messages [][][]byte, now int64) error {
	conditions, first := 0, 0
	for i, w := range writes {
		if w.If != kv.Always {
			conditions++
			first = i
		}
	}
	if conditions < 2 {
		if err := s.one(ctx, writes[first], messages[first], now); err != nil {
			return err
		}
		for i := range writes {
			if i == first {
				continue
			}
			if err := s.one(ctx, writes[i], messages[i], now); err != nil {
				return errBroken{err} // Always holds: only the disk can refuse
			}
		}
		return nil
	}
	if err := s.db.exec(ctx, "SAVEPOINT one"); err != nil {
		return errBroken{err}
	}
	for i := 0; i < len(writes); i++ {
		var err error
		if allNew(writes[i:]) {
			err = s.run(ctx, writes[i:i+run], now)
			i += run - 1
		} else {
			err = s.one(ctx, writes[i], messages[i], now)
		}
		if errors.Is(err, kv.ErrConflict) {
			if undo := s.db.exec(ctx, "ROLLBACK TO one"); undo != nil {
				return errBroken{undo}
			}
			if undo := s.db.exec(ctx, "RELEASE one"); undo != nil {
				return errBroken{undo}
			}
			return err
		}
		if err != nil {
			return errBroken{err}
		}
	}
	if err := s.db.exec(ctx, "RELEASE one"); err != nil {
		return errBroken{err}
	}
	return nil
}

// run is how many new items go into one statement: a call costs more than an item, and a mover's commit has a thousand.
const run = 32

// allNew says whether the next writes make items where there are none, without messages, as many as go into one statement.
func allNew(writes []kv.Write) bool {
	if len(writes) < run {
		return false
	}
	for _, w := range writes[:run] {
		if w.If != kv.Absent || w.Delete || len(w.Messages) > 0 {
			return false
		}
	}
	return true
}

// run makes new items.
func (s *store) run(ctx context.Context, writes []kv.Write, now int64) error {
	args := make([]any, 0, 4*run+1)
	for _, w := range writes {
		args = append(args, []byte(w.Key.Part), []byte(w.Key.Sort), content(w), expiry(w))
	}
	result, err := s.many.ExecContext(ctx, append(args, now)...)
	if err != nil {
		return errBroken{err}
	}
	if n, err := result.RowsAffected(); err != nil {
		return errBroken{err}
	} else if n < run {
		return fmt.Errorf("%w: one of the items from %v to %v", kv.ErrConflict, writes[0].Key, writes[run-1].Key)
	}
	return nil
}

// content is a write's data; NULL would be none.
func content(w kv.Write) []byte {
	if w.Data == nil {
		return []byte{}
	}
	return w.Data
}

func expiry(w kv.Write) int64 {
	if w.Expires.IsZero() {
		return 0
	}
	return w.Expires.UnixNano()
}

// one does one write and its messages.
func (s *store) one(ctx context.Context, w kv.Write, messages [][]byte, now int64) error {
	part, sort := []byte(w.Key.Part), []byte(w.Key.Sort)
	if err := s.item(ctx, w, part, sort, now); err != nil {
		return err
	}
	shard := kv.ShardOf(w.Key)
	for i, body := range messages {
		if _, err := s.caused.ExecContext(ctx, shard, part, sort, w.Messages[i].ID, body); err != nil {
			return errBroken{err}
		}
	}
	return nil
}

func (s *store) item(ctx context.Context, w kv.Write, part, sort []byte, now int64) error {
	data, expires := content(w), expiry(w)
	var result sql.Result
	var err error
	switch {
	case w.Delete:
		return s.remove(ctx, w, part, sort, now)
	case w.If == kv.Always:
		_, err = s.always.ExecContext(ctx, part, sort, data, expires, now)
		return broken(err)
	case w.If == kv.Absent:
		result, err = s.absent.ExecContext(ctx, part, sort, data, expires, now)
	default:
		result, err = s.revised.ExecContext(ctx, part, sort, data, expires, now, int64(w.If))
	}
	if err != nil {
		return errBroken{err}
	}
	if n, err := result.RowsAffected(); err != nil {
		return errBroken{err}
	} else if n == 0 {
		return fmt.Errorf("%w: %v", kv.ErrConflict, w.Key)
	}
	return nil
}

func (s *store) remove(ctx context.Context, w kv.Write, part, sort []byte, now int64) error {
	if w.If != kv.Always {
		var rev int64
		err := s.found.QueryRowContext(ctx, part, sort, now).Scan(&rev)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return errBroken{err}
		}
		if !w.If.Holds(rev) {
			return fmt.Errorf("%w: %v is at revision %d", kv.ErrConflict, w.Key, rev)
		}
	}
	_, err := s.removed.ExecContext(ctx, part, sort)
	return broken(err)
}

func broken(err error) error {
	if err != nil {
		return errBroken{err}
	}
	return nil
}

// Sent confirms messages of one item.
func (s *store) Sent(ctx context.Context, key kv.Key, ids ...string) error {
	if len(ids) == 0 {
		return ctx.Err()
	}
	return s.db.ask(&commit{ctx: ctx, answer: make(chan error, 1), run: func(ctx context.Context) error {
		for _, id := range ids {
			if _, err := s.sent.ExecContext(ctx, kv.ShardOf(key), id, []byte(key.Part), []byte(key.Sort)); err != nil {
				return errBroken{err}
			}
		}
		return nil
	}})
}
