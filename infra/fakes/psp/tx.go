package psp

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// tx is what a job may do.
type tx struct {
	store  *store
	events []event // sent when the job is durable
}

// statement prepares a statement once: reading its SQL would cost more than running it.
func (t *tx) statement(q string) (st *sql.Stmt, err error) {
	if st = t.store.known[q]; st == nil {
		if st, err = t.store.conn.PrepareContext(context.Background(), q); err == nil {
			t.store.known[q] = st
		}
	}
	return st, err
}

func (t *tx) exec(q string, args ...any) error {
	st, err := t.statement(q)
	if err == nil {
		_, err = st.Exec(args...)
	}
	return err
}

func (t *tx) query(q string, args ...any) (*sql.Rows, error) {
	st, err := t.statement(q)
	if err != nil {
		return nil, err
	}
	return st.Query(args...)
}

// id is the next identifier of a kind: its prefix and a number that is the row's own.
func (t *tx) id(kind string) string {
	t.store.last++
	return fmt.Sprintf("%s_%016d", kind, t.store.last)
}

// number is the row that an identifier names, or -1.
func number(id string) int64 {
	_, tail, _ := strings.Cut(id, "_")
	n, err := strconv.ParseInt(tail, 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// put keeps a document under its identifier; ref is what else it can be found by.
func (t *tx) put(id, ref string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	kind, _, _ := strings.Cut(id, "_")
	return t.exec(`INSERT INTO doc (n, kind, ref, body) VALUES (?,?,?,?) ON CONFLICT (n) DO UPDATE SET body = excluded.body`,
		number(id), kind, ref, string(b))
}

// get reads a document; false: there is none.
func (t *tx) get(id string, v any) (bool, error) {
	kind, _, _ := strings.Cut(id, "_")
	return t.read(v, `SELECT body FROM doc WHERE n = ? AND kind = ?`, number(id), kind)
}

// find reads the newest document with this ref.
func (t *tx) find(ref string, v any) (bool, error) {
	return t.read(v, `SELECT body FROM doc WHERE ref = ? AND ref <> '' ORDER BY n DESC LIMIT 1`, ref)
}

// read reads the document that a query finds first.
func (t *tx) read(v any, q string, args ...any) (bool, error) {
	st, err := t.statement(q)
	if err != nil {
		return false, err
	}
	var b []byte
	switch err := st.QueryRow(args...).Scan(&b); {
	case errors.Is(err, sql.ErrNoRows):
		return false, nil
	case err != nil:
		return false, err
	}
	return true, json.Unmarshal(b, v)
}

// each reads the documents of a query into v after v.
func (t *tx) each(query string, args []any, do func(*charge)) error {
	rows, err := t.query(query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var b string
		if err := rows.Scan(&b); err != nil {
			return err
		}
		var c charge
		if err := json.Unmarshal([]byte(b), &c); err != nil {
			return err
		}
		do(&c)
	}
	return rows.Err()
}
