package drupal

import (
	"database/sql"
	"slices"
	"strings"
	"time"
)

// heads writes rows of webform_submissions, whose columns differ by webform's version.
type heads struct {
	columns []string // those that a row is given beside sid, in order
	serial  int64    // webform 4 counts each form's submissions: the next number
}

// prepare finds the columns, and takes so many of webform 4's numbers as webform takes them.
func (h *heads) prepare(p *pen, fresh int) error {
	rows, err := p.tx.QueryContext(p.ctx, "SELECT * FROM "+p.w.table("webform_submissions")+" LIMIT 0")
	if err != nil {
		return err
	}
	there, err := rows.Columns()
	if err = closed(rows, err); err != nil {
		return err
	}
	for _, name := range []string{"nid", "uid", "is_draft", "submitted", "remote_addr", "serial", "completed", "modified", "highest_valid_page"} {
		if slices.Contains(there, name) {
			h.columns = append(h.columns, name)
		}
	}
	if fresh == 0 || !slices.Contains(there, "serial") {
		return nil
	}
	one := func(query string) (n int64, err error) {
		var v sql.NullInt64
		err = p.tx.QueryRowContext(p.ctx, query, p.f.NID).Scan(&v)
		return v.Int64, err
	}
	next, err := one("SELECT next_serial FROM " + p.w.table("webform") + " WHERE nid = ?" + p.w.lock)
	if err != nil {
		return err
	}
	used, err := one("SELECT max(serial) FROM " + p.w.table("webform_submissions") + " WHERE nid = ?")
	if err != nil {
		return err
	}
	h.serial = max(next, used+1, 1)
	_, err = p.exec("UPDATE "+p.w.table("webform")+" SET next_serial = ? WHERE nid = ?", h.serial+int64(fresh), p.f.NID)
	return err
}

func closed(rows *sql.Rows, err error) error {
	if worse := rows.Close(); err == nil {
		err = worse
	}
	return err
}

// add makes a row and gives its number. One that was deleted gets the number that it had, unless another has it now, so that
// links to it hold.
func (h *heads) add(p *pen, s *standing) (sid int64, err error) {
	columns, args := slices.Clone(h.columns), make([]any, len(h.columns))
	at := s.record.At.Unix()
	for i, name := range columns {
		switch name {
		case "nid":
			args[i] = p.f.NID
		case "submitted", "completed", "modified":
			args[i] = at
		case "remote_addr":
			args[i] = ""
		case "serial":
			args[i] = h.serial
			h.serial++
		default:
			args[i] = 0
		}
	}
	if s.State == Gone {
		var taken int64
		err := p.tx.QueryRowContext(p.ctx, "SELECT count(*) FROM "+p.w.table("webform_submissions")+" WHERE sid = ?", s.SID).Scan(&taken)
		if err != nil {
			return 0, err
		}
		if taken == 0 {
			columns, args = append(columns, "sid"), append(args, s.SID)
		}
	}
	done, err := p.exec("INSERT INTO "+p.w.table("webform_submissions")+" ("+strings.Join(columns, ", ")+") VALUES ("+marks(len(args))+")", args...)
	if err != nil {
		return 0, err
	}
	if len(columns) > len(h.columns) {
		return s.SID, nil
	}
	return done.LastInsertId()
}

// alter puts a row right that is there.
func (h *heads) alter(p *pen, s *standing) error {
	set, args := "submitted = ?, is_draft = 0", []any{s.record.At.Unix()}
	if slices.Contains(h.columns, "modified") {
		set, args = set+", modified = ?", append(args, time.Now().Unix())
	}
	_, err := p.exec("UPDATE "+p.w.table("webform_submissions")+" SET "+set+" WHERE sid = ? AND nid = ?", append(args, s.SID, p.f.NID)...)
	return err
}
