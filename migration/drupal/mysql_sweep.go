package drupal

import (
	"context"
	"database/sql/driver"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// sweepSpan is about how many sids one statement of a sweep covers: as many as take the server half a second.
const sweepSpan = 50_000

// Sweep has the server hash every submission, and sums the hashes up here: what crosses the network is a twentieth of
// the rows. Hashing each value by itself, so that the server could sum up too, costs it three times as much.
func (s *mysqlSource) Sweep(ctx context.Context, name string, within Span, width int64, yield func(Chunk) error) error {
	f, err := find(s.site.forms, name)
	if err != nil {
		return err
	}
	last, err := s.Last(ctx, name)
	if err != nil {
		return err
	}
	if within.Until > 0 {
		last = min(last, within.Until)
	}
	for after := within.After; after < last; {
		// A range of the caller's never lies in two statements.
		until := min(((after+1)/width+max(1, sweepSpan/width))*width-1, last)
		var chunks []Chunk
		err := s.again(ctx, func() (err error) { chunks, err = s.sweep(ctx, f, Span{after, until}, width); return err })
		if err != nil {
			return s.explain(&broken{after: after, form: name, err: err})
		}
		for _, c := range chunks {
			if err := yield(c); err != nil {
				return err
			}
		}
		after = until
	}
	return nil
}

// sweep sums up the ranges of a span as they are at one moment.
func (s *mysqlSource) sweep(ctx context.Context, f Form, within Span, width int64) (chunks []Chunk, err error) {
	var sums map[int64]*Chunk // by their ranges' numbers
	err = s.moment(ctx, func(t mysqlMoment) error {
		sums = map[int64]*Chunk{}
		where := fmt.Sprintf(" WHERE nid = %d AND sid > %d AND sid <= %d ", f.NID, within.After, within.Until)
		heads := "SELECT sid, " + hash("concat(sid, ';', "+strings.Join(s.summed[s.heads()], ", ")+")") + " FROM " + backquote(s.heads()) + s.forced[s.heads()] + where
		err := t.sums(heads, func(sid int64, sum uint64) {
			at := sid / width
			if sums[at] == nil {
				sums[at] = &Chunk{Span: Span{at*width - 1, (at+1)*width - 1}}
			}
			sums[at].Rows++
			sums[at].Sum += sum
		})
		if err != nil {
			return err
		}
		order := " ORDER BY cid, no, data"
		if strings.Contains(s.forced[s.data()], "PRIMARY") {
			order = "" // they lie in the order of the key
		}
		values := "SELECT sid, " + hash("concat(sid, ';', group_concat("+strings.Join(s.summed[s.data()], ", ")+order+" SEPARATOR ';'))") + " FROM " + backquote(s.data()) + s.forced[s.data()] + where + "GROUP BY sid ORDER BY sid"
		return t.sums(values, func(sid int64, sum uint64) {
			if c := sums[sid/width]; c != nil { // else orphans alone
				c.Sum += sum
			}
		})
	})
	for _, c := range sums {
		chunks = append(chunks, *c)
	}
	slices.SortFunc(chunks, func(a, b Chunk) int { return int(a.After - b.After) })
	return chunks, err
}

// summed is the text of a column as SQL, such that no two rows have one text: a number ends with a semicolon, the length
// of a text goes before it, and NULL is neither. A text is taken as the bytes that it has, in whatever character set.
func summed(column fields) string {
	c := backquote(column["name"])
	text := "length(" + c + "), ':', cast(" + c + " AS BINARY)"
	if strings.HasSuffix(column["kind"], "int") {
		text = c + ", ';'"
	}
	if column["nullable"] == "YES" {
		return "coalesce(concat(" + text + "), '-')"
	}
	return text
}

// hash is 64 bits of a text's hash, as digits. Of a text longer than the server's max_allowed_packet it is that of none:
// Drupal's own values end at 16 MB.
func hash(text string) string { return "left(md5(coalesce(" + text + ", '')), 16)" }

func (t mysqlMoment) sums(query string, sum func(sid int64, sum uint64)) error {
	return t.each(query, 2, func(row []driver.Value) error {
		digits, _ := row[1].([]byte)
		n, err := strconv.ParseUint(string(digits), 16, 64)
		if err != nil {
			return fmt.Errorf("a sum of a row: %w", err)
		}
		sum(whole(row[0]), n)
		return nil
	})
}
