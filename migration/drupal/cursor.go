package drupal

import (
	"errors"
	"io"
	"slices"
	"strings"
)

// cursor goes over the rows of one table of a dump.
type cursor struct {
	dump   *Dump
	table  string
	names  []string // the columns that it gives, in this order
	at     []int    // their places in a row
	in     bool     // rows of the table are at hand
	brief  bool     // another table's CREATE TABLE ends it, once its own was seen
	chosen bool     // the caller said which of several sites is meant
	late   string   // a table that must not come behind: its rows are needed at the first of these
	out    []Value
}

// next is the next row, or nil at the end: for one that is not brief, at the end of a whole dump. What follows the
// table is read over, so that a dump that was cut is never taken for a short one.
func (c *cursor) next() ([]Value, error) {
	for {
		if c.in {
			row, err := c.dump.Row()
			if err != nil {
				return nil, err
			}
			if row != nil {
				for i, at := range c.at {
					c.out[i] = row[at]
				}
				return c.out, nil
			}
			c.in = false
		}
		st, err := c.dump.Next()
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if st.Create != nil {
			if c.brief && c.out != nil {
				return nil, nil
			}
			if err := c.alone(st.Create.Name); err != nil {
				return nil, err
			}
		}
		if st.Insert == c.table {
			if err := c.enter(st); err != nil {
				return nil, err
			}
		}
	}
}

// alone refuses a second site, which Open may not have come to: its rows would be left out in silence.
func (c *cursor) alone(table string) error {
	const mark = "webform_submitted_data"
	if table == c.late {
		return c.dump.damage("table %s comes behind the submissions, and says which of them are not the site's own; make the dump of the whole database, which has it before them", table)
	}
	if c.chosen {
		return nil
	}
	if strings.HasSuffix(table, mark) && strings.HasSuffix(c.table, mark) && table != c.table {
		return c.dump.damage("the dump holds several sites, with the tables %s and %s; say which is meant by the beginning of its tables' names, such as FILE?prefix=%s", c.table, table, strings.TrimSuffix(c.table, mark))
	}
	return nil
}

func (c *cursor) enter(st Statement) error {
	c.at = c.at[:0]
	for _, name := range c.names {
		at := slices.Index(st.Columns, name)
		if at < 0 {
			return c.dump.damage("table %s has no column %s, or the dump was made with --no-create-info", c.table, name)
		}
		c.at = append(c.at, at)
	}
	c.out, c.in = make([]Value, len(c.names)), true
	return nil
}
