package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/banyan-migration/banyan/shared/kv"
)

// store is one service's tables. Items lie in the order of their keys, so that a list is one scan and writes with
// ascending keys go to the end; a message is a row until it is confirmed, so that what waits is all there is.
type store struct {
	db   *DB
	name string

	get, list, bounded, unsent              *sql.Stmt // on the readers' pool
	always, absent, revised, removed, found *sql.Stmt // the committer's
	many                                    *sql.Stmt // absent for a run of items
	caused, sent                            *sql.Stmt
}

const schema = `
CREATE TABLE IF NOT EXISTS %[1]s (
  part BLOB NOT NULL, sort BLOB NOT NULL, rev INTEGER NOT NULL, data BLOB, expires INTEGER NOT NULL,
  PRIMARY KEY (part, sort)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS %[1]s_expires ON %[1]s (expires) WHERE expires <> 0;
CREATE TABLE IF NOT EXISTS %[1]s_messages (
  seq INTEGER PRIMARY KEY, shard INTEGER NOT NULL, part BLOB NOT NULL, sort BLOB NOT NULL, id TEXT NOT NULL, body BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS %[1]s_waiting ON %[1]s_messages (shard, id);`

// Times are stored as Unix nanoseconds, 0 for never. "?5" is always now.
const (
	lives      = `(expires = 0 OR expires > ?5)`
	alwaysSQL  = `INSERT INTO %s VALUES (?1, ?2, 1, ?3, ?4) ON CONFLICT DO UPDATE SET rev = CASE WHEN ` + lives + ` THEN rev + 1 ELSE 1 END, data = ?3, expires = ?4`
	absentSQL  = `INSERT INTO %s VALUES (?1, ?2, 1, ?3, ?4) ON CONFLICT DO UPDATE SET rev = 1, data = ?3, expires = ?4 WHERE NOT ` + lives
	manySQL    = `INSERT INTO %s VALUES %s ON CONFLICT DO UPDATE SET rev = 1, data = excluded.data, expires = excluded.expires WHERE NOT (expires = 0 OR expires > ?)`
	revisedSQL = `UPDATE %s SET rev = rev + 1, data = ?3, expires = ?4 WHERE part = ?1 AND sort = ?2 AND rev = ?6 AND ` + lives
	removedSQL = `DELETE FROM %s WHERE part = ?1 AND sort = ?2`
	foundSQL   = `SELECT rev FROM %s WHERE part = ?1 AND sort = ?2 AND (expires = 0 OR expires > ?3)`
	getSQL     = `SELECT rev, data, expires FROM %s WHERE part = ?1 AND sort = ?2 AND (expires = 0 OR expires > ?3)`
	listSQL    = `SELECT sort, rev, data, expires FROM %s WHERE part = ?1 AND sort >= ?2 AND (expires = 0 OR expires > ?3) ORDER BY sort LIMIT ?4`
	boundedSQL = `SELECT sort, rev, data, expires FROM %s WHERE part = ?1 AND sort >= ?2 AND sort < ?5 AND (expires = 0 OR expires > ?3) ORDER BY sort LIMIT ?4`
	causedSQL  = `INSERT INTO %s_messages (shard, part, sort, id, body) VALUES (?1, ?2, ?3, ?4, ?5)`
	sentSQL    = `DELETE FROM %s_messages WHERE shard = ?1 AND id = ?2 AND part = ?3 AND sort = ?4`
	unsentSQL  = `SELECT part, sort, body FROM %s_messages WHERE shard = ?1 ORDER BY seq LIMIT ?2`
	expiredSQL = `DELETE FROM %s WHERE expires <> 0 AND expires <= ?1`
)

// make runs in the committer: it makes the tables, drops what expired while nobody looked, and prepares what writes.
func (s *store) make(ctx context.Context) error {
	if _, err := s.db.writer.ExecContext(ctx, fmt.Sprintf(schema, s.name)); err != nil {
		return errBroken{err}
	}
	if _, err := s.db.writer.ExecContext(ctx, fmt.Sprintf(expiredSQL, s.name), s.db.now().UnixNano()); err != nil {
		return errBroken{err}
	}
	many := fmt.Sprintf(manySQL, s.name, strings.Repeat("(?, ?, 1, ?, ?), ", run-1)+"(?, ?, 1, ?, ?)")
	var err error
	if s.many, err = s.db.prepared(ctx, many); err != nil {
		return errBroken{err}
	}
	for into, text := range map[**sql.Stmt]string{
		&s.always: alwaysSQL, &s.absent: absentSQL, &s.revised: revisedSQL, &s.removed: removedSQL, &s.found: foundSQL, &s.caused: causedSQL, &s.sent: sentSQL,
	} {
		if *into, err = s.db.prepared(ctx, fmt.Sprintf(text, s.name)); err != nil {
			return errBroken{err}
		}
	}
	return nil
}

func (s *store) prepareReads() error {
	for into, text := range map[**sql.Stmt]string{&s.get: getSQL, &s.list: listSQL, &s.bounded: boundedSQL, &s.unsent: unsentSQL} {
		var err error
		if *into, err = s.db.readers.Prepare(fmt.Sprintf(text, s.name)); err != nil {
			return err
		}
	}
	return nil
}

// Get reads one item.
func (s *store) Get(ctx context.Context, key kv.Key) (kv.Item, error) {
	item := kv.Item{Key: key}
	var expires int64
	err := s.get.QueryRowContext(ctx, []byte(key.Part), []byte(key.Sort), s.db.now().UnixNano()).Scan(&item.Rev, &item.Data, &expires)
	if errors.Is(err, sql.ErrNoRows) {
		return kv.Item{}, kv.ErrNotFound
	}
	item.Expires = moment(expires)
	return item, s.db.told("read", err)
}

// List reads items of a part in order.
func (s *store) List(ctx context.Context, part, prefix, after string, limit int) ([]kv.Item, error) {
	from := prefix
	if next := after + "\x00"; after != "" && next > from { // the least key past after
		from = next
	}
	statement, args := s.list, []any{[]byte(part), []byte(from), s.db.now().UnixNano(), limit}
	if end := past(prefix); end != nil {
		statement, args = s.bounded, append(args, end)
	}
	rows, err := statement.QueryContext(ctx, args...)
	if err != nil {
		return nil, s.db.told("list", err)
	}
	defer rows.Close()
	var items []kv.Item
	for rows.Next() {
		var sort []byte
		var expires int64
		item := kv.Item{}
		if err := rows.Scan(&sort, &item.Rev, &item.Data, &expires); err != nil {
			return nil, s.db.told("list", err)
		}
		item.Key, item.Expires = kv.Key{Part: part, Sort: string(sort)}, moment(expires)
		items = append(items, item)
	}
	return items, s.db.told("list", rows.Err())
}

// past is the first key that no longer has the prefix; nil when every later key has.
func past(prefix string) []byte {
	p := []byte(prefix)
	for len(p) > 0 && p[len(p)-1] == 0xff {
		p = p[:len(p)-1]
	}
	if len(p) == 0 {
		return nil
	}
	p[len(p)-1]++
	return p
}

func moment(unixNano int64) time.Time {
	if unixNano == 0 {
		return time.Time{}
	}
	return time.Unix(0, unixNano).UTC()
}

// Unsent lists messages that nobody has confirmed.
func (s *store) Unsent(ctx context.Context, shard, limit int) ([]kv.Unsent, error) {
	rows, err := s.unsent.QueryContext(ctx, shard, limit)
	if err != nil {
		return nil, s.db.told("messages", err)
	}
	defer rows.Close()
	var waiting []kv.Unsent
	for rows.Next() {
		var part, sort, body []byte
		if err := rows.Scan(&part, &sort, &body); err != nil {
			return nil, s.db.told("messages", err)
		}
		u := kv.Unsent{Key: kv.Key{Part: string(part), Sort: string(sort)}}
		if err := json.Unmarshal(body, &u.Message); err != nil {
			return nil, s.db.told("messages", err)
		}
		waiting = append(waiting, u)
	}
	return waiting, s.db.told("messages", rows.Err())
}

// encoded are a write's messages as they are stored, made before the committer's turn: it is the one that all wait for.
func encoded(writes []kv.Write) ([][][]byte, error) {
	all := make([][][]byte, len(writes))
	for i, w := range writes {
		for _, m := range w.Messages {
			raw, err := json.Marshal(m)
			if err != nil {
				return nil, fmt.Errorf("sqlite: message %s %s: %w", m.Type, m.ID, err)
			}
			all[i] = append(all[i], raw)
		}
	}
	return all, nil
}
