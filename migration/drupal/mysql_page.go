package drupal

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/banyan-migration/banyan/shared/form"
)

// leaf is how many submissions a page of a live database has: enough that what a page costs beside its rows (four
// round trips) is nothing, few enough that a few pages in memory are a few megabytes.
const leaf = 2000

// mysqlPage is a run of submissions as they stood at one moment.
type mysqlPage struct {
	records []form.Record
	orphans int64
	after   int64 // the sid that it begins after
	until   int64 // the sid that it reaches to
	more    bool  // there may be rows behind it
}

// page reads the first submissions within a span with their values, both tables in the order of sids:
//
//	webform_submissions     (sid)            7      8      9
//	webform_submitted_data  (nid, sid, cid)  7 7 7  8 8 8  9 9 9
//
// It lies in memory before anybody works on it: whoever is slow would keep the server's transaction open.
func (s *mysqlSource) page(ctx context.Context, b *builder, within Span) (p mysqlPage, err error) {
	err = s.moment(ctx, func(t mysqlMoment) (err error) { p, err = t.page(s, b, within); return err })
	return p, err
}

// moment lets see read what the database holds at one moment.
func (s *mysqlSource) moment(ctx context.Context, see func(mysqlMoment) error) error {
	c, err := s.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	var read error
	err = c.Raw(func(raw any) error {
		t := mysqlMoment{ctx, raw.(mysqlConn)}
		if read = t.exec("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"); read == nil {
			read = see(t)
		}
		if read == nil {
			read = t.exec("COMMIT")
		}
		if read != nil {
			return driver.ErrBadConn // it may stand in the middle of anything: it is not used again
		}
		return nil
	})
	if read != nil {
		err = read
	}
	return err
}

// mysqlConn is a connection below database/sql, which costs as much for each value of a row as the row itself.
type mysqlConn interface {
	driver.QueryerContext
	driver.ExecerContext
}

// mysqlMoment is a transaction that reads what was there when it began.
type mysqlMoment struct {
	ctx  context.Context
	conn mysqlConn
}

func (t mysqlMoment) page(s *mysqlSource, b *builder, within Span) (p mysqlPage, err error) {
	b.text, b.values = b.text[:0], b.values[:0]
	heads, err := t.heads(s, b.form.NID, within)
	if err != nil {
		return p, err
	}
	p = mysqlPage{records: make([]form.Record, 0, len(heads)), after: within.After, until: within.Until, more: len(heads) == leaf}
	if p.more {
		p.until = heads[len(heads)-1].sid
	}
	if p.until == 0 {
		p.until = math.MaxInt64
	}
	return p, t.values(s, b, heads, &p)
}

func (t mysqlMoment) heads(s *mysqlSource, nid int64, within Span) (heads []submission, err error) {
	until := ""
	if within.Until > 0 {
		until = fmt.Sprintf(" AND s.sid <= %d", within.Until)
	}
	id, join, err := t.origins(s)
	if err != nil {
		return nil, err
	}
	query := fmt.Sprintf("SELECT s.sid, s.submitted, s.is_draft, %s FROM %s s%s%s WHERE s.nid = %d AND s.sid > %d%s ORDER BY s.sid LIMIT %d",
		id, backquote(s.heads()), s.forced[s.heads()], join, nid, within.After, until, leaf)
	err = t.each(query, 4, func(row []driver.Value) error {
		h := submission{sid: whole(row[0]), at: whole(row[1]), draft: whole(row[2]) != 0}
		if origin, ok := row[3].([]byte); ok {
			h.origin = string(origin)
		}
		heads = append(heads, h)
		return nil
	})
	return heads, err
}

// itsOrigin is when a row is the one that reverse wrote: a database may give the number of its last row, once that is
// deleted, to another.
const itsOrigin = "o.sid = s.sid AND o.nid = s.nid AND o.submitted = s.submitted"

// origins says how the rows that reverse wrote are known. The table is looked for after the transaction began, so
// that its rows are either known or not yet there.
func (t mysqlMoment) origins(s *mysqlSource) (column, join string, err error) {
	table := s.site.prefix + "banyan_origin"
	if !s.origins.Load() {
		there := false
		err := t.each("SELECT 1 FROM information_schema.tables WHERE table_schema = database() AND table_name = "+literal(table), 1, func([]driver.Value) error {
			there = true
			return nil
		})
		if err != nil || !there {
			return "NULL", "", err
		}
		s.origins.Store(true)
	}
	return "o.id", " LEFT JOIN " + backquote(table) + " o ON " + itsOrigin, nil
}

// values reads the values of a page's submissions and makes records of both.
func (t mysqlMoment) values(s *mysqlSource, b *builder, heads []submission, p *mysqlPage) error {
	query := fmt.Sprintf("SELECT sid, cid, no, data FROM %s%s WHERE nid = %d AND sid > %d AND sid <= %d ORDER BY sid",
		backquote(s.data()), s.forced[s.data()], b.form.NID, p.after, p.until)
	next, last := 0, int64(0)
	before := func(sid int64) { // the submissions that end before a sid
		for ; next < len(heads) && heads[next].sid < sid; next++ {
			p.records = append(p.records, b.record(heads[next]))
		}
	}
	err := t.each(query, 4, func(row []driver.Value) error {
		sid := whole(row[0])
		if sid != last {
			before(sid)
			if next == len(heads) || heads[next].sid != sid {
				p.orphans++
				b.met("orphan", "sid", sid, whole(row[1]))
			}
			last = sid
		}
		if next == len(heads) || heads[next].sid != sid {
			return nil
		}
		cid := whole(row[1])
		no, _ := row[2].([]byte)
		data, there := row[3].([]byte)
		if !there {
			b.met("null", "data", sid, cid)
		}
		if s.latin {
			mended, is := mend(data)
			if data = mended; is {
				b.met("mislabelled charset", "data", sid, cid)
			}
		}
		b.add(cid, b.number(no), data)
		return nil
	})
	before(math.MaxInt64)
	return err
}

func (t mysqlMoment) exec(statement string) error {
	_, err := t.conn.ExecContext(t.ctx, statement, nil)
	return err
}

// each gives the rows of a query; a row is good until the next.
func (t mysqlMoment) each(query string, columns int, row func([]driver.Value) error) error {
	rows, err := t.conn.QueryContext(t.ctx, query, nil)
	if err != nil {
		return err
	}
	values := make([]driver.Value, columns)
	for err == nil {
		if err = rows.Next(values); err == nil {
			err = row(values)
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return errors.Join(err, rows.Close())
}

// whole is a number of a column that holds numbers; NULL is 0.
func whole(v driver.Value) int64 {
	switch v := v.(type) {
	case int64:
		return v
	case uint64:
		return int64(v)
	case []byte:
		n, _ := integer64(v)
		return n
	}
	return 0
}
