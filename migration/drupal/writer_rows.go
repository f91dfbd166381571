package drupal

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/banyan-migration/banyan/shared/form"
)

// rounds is how often a transaction is made that somebody else is in the way of.
const rounds = 5

func (w *writer) Write(ctx context.Context, name string, records []form.Record, seen []Row) (rows []Row, err error) {
	f, err := find(w.site.forms, name)
	if err != nil {
		return nil, err
	}
	if len(seen) != len(records) {
		return nil, fmt.Errorf("drupal: %d records of %s, of which %d were looked at", len(records), name, len(seen))
	}
	if err := w.prepare(ctx); err != nil {
		return nil, err
	}
	for range rounds {
		if rows, err = w.once(ctx, f, records, seen); !crossed(err) {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%d records of %s were not written, none of them: %w", len(records), name, w.explain(err))
	}
	return rows, nil
}

// once is one transaction.
func (w *writer) once(ctx context.Context, f Form, records []form.Record, seen []Row) ([]Row, error) {
	tx, err := w.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	all, err := w.stand(ctx, tx, f, records, true, w.lock)
	if err != nil {
		return nil, err
	}
	p := pen{w: w, ctx: ctx, tx: tx, f: f}
	p.cids, _ = w.homes(f.NID)
	if err := p.write(all, seen); err != nil {
		return nil, err
	}
	return rowsOf(all), tx.Commit()
}

// pen writes within a transaction.
type pen struct {
	w    *writer
	ctx  context.Context
	tx   *sql.Tx
	f    Form
	cids map[string]int64
	head heads
}

func (p *pen) exec(query string, args ...any) (sql.Result, error) {
	return p.tx.ExecContext(p.ctx, query, args...)
}

// write makes and alters what is to be, and leaves the rest.
func (p *pen) write(all []standing, seen []Row) error {
	var todo []*standing
	fresh := 0
	for i := range all {
		s := &all[i]
		switch s.State {
		case Same:
			continue
		case Edited, Gone:
			if !s.same(seen[i]) {
				continue
			}
		}
		s.Wrote = true
		todo = append(todo, s)
		if s.State == Missing || s.State == Gone {
			fresh++
		}
	}
	if len(todo) == 0 {
		return nil
	}
	if err := p.heads(todo, fresh); err != nil {
		return err
	}
	if err := p.values(todo); err != nil {
		return err
	}
	return p.remember(todo)
}

// heads are the rows of webform_submissions.
func (p *pen) heads(todo []*standing, fresh int) (err error) {
	if err := p.head.prepare(p, fresh); err != nil {
		return err
	}
	for _, s := range todo {
		if s.State == Missing || s.State == Gone {
			s.SID, err = p.head.add(p, s)
		} else {
			err = p.head.alter(p, s)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// wide is how many values of a row's columns one statement carries at most.
const wide = 5000

// values are the rows of webform_submitted_data. What a record says nothing of stays as it is: it may be an editor's.
func (p *pen) values(todo []*standing) error {
	table := p.w.table("webform_submitted_data")
	var args []any
	for i, s := range todo {
		if s.State != Missing && len(s.record.Values) > 0 {
			old := []any{p.f.NID, s.SID}
			for key := range s.record.Values {
				old = append(old, p.cids[key])
			}
			if _, err := p.exec("DELETE FROM "+table+" WHERE nid = ? AND sid = ? AND cid IN ("+marks(len(old)-2)+")", old...); err != nil {
				return err
			}
		}
		for key, values := range s.record.Values {
			for no, v := range values {
				args = append(args, p.f.NID, s.SID, p.cids[key], fmt.Sprint(no), v)
			}
		}
		if len(args) >= wide || i == len(todo)-1 && len(args) > 0 {
			if _, err := p.exec("INSERT INTO "+table+" (nid, sid, cid, no, data) VALUES "+tuples(len(args)/5, 5), args...); err != nil {
				return err
			}
			args = args[:0]
		}
	}
	return nil
}

func tuples(rows, columns int) string {
	return strings.TrimSuffix(strings.Repeat("("+marks(columns)+"), ", rows), ", ")
}

// remember reads the rows back, so that whatever the database made of them is not taken for somebody's edit, and notes
// them in our table.
func (p *pen) remember(todo []*standing) error {
	sids := make([]int64, len(todo))
	for i, s := range todo {
		sids[i] = s.SID
	}
	rows, err := p.w.read(p.ctx, p.tx, p.f, sids, p.w.lock)
	if err != nil {
		return err
	}
	var args []any
	for _, s := range todo {
		row, there := rows[s.SID]
		if !there {
			return fmt.Errorf("submission %d was written and is not there", s.SID)
		}
		is := []any{s.SID, p.f.NID, row.At.Unix(), s.paper.said, int64(Sum(row)), serviceOf(p.f.Name), s.record.Origin}
		if s.State == Missing {
			args = append(args, is...)
			continue
		}
		if _, err := p.exec("UPDATE "+backquote(p.w.origins())+" SET sid = ?, nid = ?, submitted = ?, said = ?, wrote = ? WHERE service = ? AND id = ?", is...); err != nil {
			return err
		}
	}
	for some := range slices.Chunk(args, wide/7*7) {
		_, err := p.exec("INSERT INTO "+backquote(p.w.origins())+" (sid, nid, submitted, said, wrote, service, id) VALUES "+tuples(len(some)/7, 7), some...)
		if err != nil {
			return err
		}
	}
	return nil
}
