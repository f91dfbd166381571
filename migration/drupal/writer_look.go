package drupal

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/banyan-migration/banyan/shared/form"
)

// paper is a record as the site can hold it.
type paper struct {
	record   form.Record
	homeless []string
	said     int64 // stands for all that the record says here
}

// kept is what our table says of a record.
type kept struct {
	sid, submitted int64
	said           int64 // of the paper that was written
	wrote          int64 // Sum of the row as it then read
}

// standing is a record, what we know of it, and its row.
type standing struct {
	paper
	kept
	Row
}

// querier is a database or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func (w *writer) Look(ctx context.Context, name string, records []form.Record) ([]Row, error) {
	f, err := find(w.site.forms, name)
	if err != nil {
		return nil, err
	}
	there, err := w.known(ctx)
	if err != nil {
		return nil, err
	}
	all, err := w.stand(ctx, w.db, f, records, there, "")
	if err != nil {
		return nil, fmt.Errorf("rows of %s that reverse wrote: %w", name, w.explain(err))
	}
	return rowsOf(all), nil
}

func rowsOf(all []standing) []Row {
	rows := make([]Row, len(all))
	for i, s := range all {
		rows[i] = s.Row
	}
	return rows
}

// stand finds out how records stand; there says whether our table is.
func (w *writer) stand(ctx context.Context, q querier, f Form, records []form.Record, there bool, lock string) ([]standing, error) {
	all := make([]standing, len(records))
	cids, types := w.homes(f.NID)
	at := make(map[string]int, len(records))
	for i, r := range records {
		if r.Origin == "" || r.Form != f.Name {
			return nil, fmt.Errorf("record %d is no record of %s's own: its origin is %q, its form %s", i, f.Name, r.Origin, r.Form)
		}
		all[i].paper = w.fit(r, cids, types)
		all[i].Homeless = all[i].homeless
		at[r.Origin] = i
	}
	if len(at) != len(records) {
		return nil, fmt.Errorf("two of %d records of %s have one origin", len(records), f.Name)
	}
	if !there {
		return all, nil
	}
	for some := range slices.Chunk(records, most) {
		if err := w.origin(ctx, q, f, some, func(id string, k kept) { all[at[id]].kept = k }); err != nil {
			return nil, err
		}
	}
	return all, w.states(ctx, q, f, all, lock)
}

// most is how many rows one query asks for by number.
const most = 500

// states reads the rows that were ever written, and says how they stand.
func (w *writer) states(ctx context.Context, q querier, f Form, all []standing, lock string) error {
	sids := []int64{}
	for _, s := range all {
		if s.sid != 0 {
			sids = append(sids, s.sid)
		}
	}
	rows, err := w.read(ctx, q, f, sids, lock)
	if err != nil {
		return err
	}
	for i := range all {
		s := &all[i]
		if s.sid == 0 {
			continue
		}
		s.SID = s.sid
		row, there := rows[s.sid]
		switch {
		case !there || row.At.Unix() != s.submitted: // a database may give the last row's number to another, once that is deleted
			s.State = Gone
		case int64(Sum(row)) != s.wrote:
			s.State, s.There = Edited, row
		case s.kept.said != s.paper.said:
			s.State = Stale
		default:
			s.State = Same
		}
	}
	return nil
}

// origin reads what our table says of records.
func (w *writer) origin(ctx context.Context, q querier, f Form, records []form.Record, found func(id string, k kept)) error {
	args := []any{serviceOf(f.Name)}
	for _, r := range records {
		args = append(args, r.Origin)
	}
	rows, err := q.QueryContext(ctx, "SELECT id, sid, submitted, said, wrote FROM "+backquote(w.origins())+" WHERE service = ? AND id IN ("+marks(len(records))+")", args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		var k kept
		if err := rows.Scan(&id, &k.sid, &k.submitted, &k.said, &k.wrote); err != nil {
			return err
		}
		found(id, k)
	}
	return rows.Err()
}

// serviceOf is whose records a webform's are.
func serviceOf(name string) string {
	if f, ok := form.ByAlias(name); ok {
		return f.Service
	}
	return name
}

func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }

// read gives submissions by their numbers.
func (w *writer) read(ctx context.Context, q querier, f Form, sids []int64, lock string) (map[int64]form.Record, error) {
	records := make(map[int64]form.Record, len(sids))
	b := builder{form: f, keys: w.site.keys(f.NID)}
	for some := range slices.Chunk(sids, most) {
		args := []any{f.NID}
		for _, sid := range some {
			args = append(args, sid)
		}
		rows, err := q.QueryContext(ctx, "SELECT s.sid, s.submitted, s.is_draft, d.cid, d.no, d.data FROM "+w.table("webform_submissions")+" s LEFT JOIN "+
			w.table("webform_submitted_data")+" d ON d.nid = s.nid AND d.sid = s.sid WHERE s.nid = ? AND s.sid IN ("+marks(len(some))+") ORDER BY s.sid"+lock, args...)
		if err != nil {
			return nil, err
		}
		if err := gather(rows, &b, func(r form.Record) { records[r.SID] = r }); err != nil {
			return nil, err
		}
	}
	return records, nil
}

func (w *writer) table(name string) string { return backquote(w.site.prefix + name) }

// gather makes records of joined rows in the order of sids.
func gather(rows *sql.Rows, b *builder, yield func(form.Record)) error {
	defer rows.Close()
	var at submission
	for rows.Next() {
		var now submission
		var cid sql.NullInt64
		var no, data sql.RawBytes
		if err := rows.Scan(&now.sid, &now.at, &now.draft, &cid, &no, &data); err != nil {
			return err
		}
		if now.sid != at.sid && at.sid != 0 {
			yield(b.record(at))
		}
		at = now
		if cid.Valid {
			b.add(cid.Int64, b.number(no), data)
		}
	}
	if at.sid != 0 {
		yield(b.record(at))
	}
	return rows.Err()
}
