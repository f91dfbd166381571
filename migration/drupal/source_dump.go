package drupal

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/banyan-migration/banyan/shared/form"
)

type dumpSource struct {
	file string
	size int64
	read atomic.Int64 // bytes of the file that Records has seen
	site *schema
	only *string // the prefix that the caller gave
	odd  strange
	ours bool // reverse wrote into the site
	end  lastLine
}

// openDump reads the tables that say what webforms there are. That takes a first reading up to the last of them, and
// a second one for what their nodes are called, which stands before them.
func openDump(ctx context.Context, file string, size int64, prefix *string) (Source, error) {
	s := &dumpSource{file: file, size: size, site: newSchema(), only: prefix}
	err := s.webforms(ctx)
	if err == nil {
		err = s.names(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	s.site.order()
	return s, nil
}

func (s *dumpSource) Forms(context.Context) ([]Form, error) { return s.site.forms, nil }

func (s *dumpSource) Components(_ context.Context, nid int64) ([]Component, error) {
	return s.site.of(nid)
}

func (s *dumpSource) Close() error { return nil }

func (s *dumpSource) Progress() float64 { return float64(s.read.Load()) / float64(max(s.size, 1)) }

// reading is one pass over the file.
type reading struct {
	*Dump
	file *os.File
	seen *edges
}

func (r *reading) close() { r.file.Close() }

// open begins a pass; read, where given, is told how far it has come.
func (s *dumpSource) open(read *atomic.Int64) (*reading, error) {
	f, r, _, err := s.unpacked(read)
	if err != nil {
		return nil, err
	}
	seen := &edges{}
	return &reading{NewDump(io.TeeReader(r, seen)), f, seen}, nil
}

// unpacked opens the file, whose text r gives.
func (s *dumpSource) unpacked(read *atomic.Int64) (f *os.File, r io.Reader, packed bool, err error) {
	f, err = os.Open(s.file)
	if err != nil {
		return nil, nil, false, err
	}
	r = f
	if read != nil {
		read.Store(0)
		r = &counted{f, read}
	}
	b := bufio.NewReaderSize(r, 256<<10)
	if magic, _ := b.Peek(2); string(magic) != "\x1f\x8b" {
		return f, b, false, nil
	}
	z, err := gzip.NewReader(b)
	if err != nil {
		f.Close()
		return nil, nil, false, fmt.Errorf("its gzip is broken: %w", err)
	}
	return f, z, true, nil
}

type counted struct {
	r io.Reader
	n *atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// webforms reads the site's schema. The dump writes tables by name, so the schema is complete where the submissions
// begin; a dump in another order is read to its end.
func (s *dumpSource) webforms(ctx context.Context) error {
	var tables []string
	early := map[string][]fields{} // rows, until the prefix is known
	err := s.pass(ctx, func(r *reading, st Statement) (enough bool, err error) {
		if st.Create != nil {
			tables = append(tables, st.Create.Name)
			return false, nil
		}
		if prefix, ok := strings.CutSuffix(st.Insert, "webform_submissions"); ok && (s.only == nil || *s.only == prefix) && len(early[prefix+"webform"]) > 0 && len(early[prefix+"webform_component"]) > 0 {
			return true, nil
		}
		if at := strings.LastIndex(st.Insert, "webform"); at >= 0 && s.site.wants(st.Insert[at:]) {
			err = r.each(st, func(f fields) error {
				early[st.Insert] = append(early[st.Insert], f)
				return nil
			})
		}
		return false, err
	})
	if err == nil {
		err = s.site.find(tables, s.only)
	}
	if err != nil {
		return err
	}
	s.ours = slices.Contains(tables, s.site.prefix+"banyan_origin")
	for table, rows := range early {
		name, ours := strings.CutPrefix(table, s.site.prefix)
		if !ours {
			continue
		}
		for _, f := range rows {
			if err := s.site.add(name, f); err != nil {
				return err
			}
		}
	}
	return nil
}

// pass goes through the dump until see has enough.
func (s *dumpSource) pass(ctx context.Context, see func(*reading, Statement) (enough bool, err error)) error {
	r, err := s.open(nil)
	if err != nil {
		return err
	}
	defer r.close()
	for {
		st, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		if enough, err := see(r, st); enough || err != nil {
			return err
		}
	}
}

// each gives the rows of a small INSERT by column name.
func (d *Dump) each(st Statement, row func(fields) error) error {
	if st.Columns == nil {
		return d.damage("the columns of table %s are not named; make the dump without --no-create-info", st.Insert)
	}
	for {
		values, err := d.Row()
		if err != nil || values == nil {
			return err
		}
		f := make(fields, len(values))
		for i, v := range values {
			f[st.Columns[i]] = string(v.Bytes)
		}
		if err := row(f); err != nil {
			return d.damage("%v", err)
		}
	}
}

// names reads the forms' path aliases and titles.
func (s *dumpSource) names(ctx context.Context) error {
	at := map[string]int{}
	for i, f := range s.site.forms {
		at[fmt.Sprintf("node/%d", f.NID)] = i
	}
	seen := map[string]bool{}
	return s.pass(ctx, func(r *reading, st Statement) (bool, error) {
		var take func(fields) error
		switch st.Insert {
		case s.site.prefix + "url_alias":
			take = func(f fields) error {
				if i, ok := at[f["source"]]; ok {
					s.site.alias(i, f)
				}
				return nil
			}
		case s.site.prefix + "node":
			take = func(f fields) error {
				if i, ok := at["node/"+f["nid"]]; ok {
					s.site.forms[i].Title = f["title"]
				}
				return nil
			}
		default: // an INSERT of another table, or a CREATE TABLE
			return len(seen) == 2, nil
		}
		seen[st.Insert] = true
		return false, r.each(st, take)
	})
}

func (s *dumpSource) Record(context.Context, int64, int64) (form.Record, error) {
	return form.Record{}, fmt.Errorf("%s is a dump, which is as old as its file: what the site stores now is read from sqlite:FILE", s.file)
}

func (s *dumpSource) Records(ctx context.Context, name string, within Span, yield func(form.Record) error) (int64, error) {
	f, err := find(s.site.forms, name)
	if err != nil {
		return 0, err
	}
	heads, err := s.open(nil)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", s.file, err)
	}
	defer heads.close()
	data, err := s.open(&s.read)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", s.file, err)
	}
	defer data.close()
	m := merge{
		ctx: ctx, within: within, yield: yield, sites: s.site.forms,
		builder: builder{form: f, keys: s.site.keys(f.NID), odd: &s.odd, prefix: s.site.prefix},
		heads:   &cursor{dump: heads.Dump, table: s.site.prefix + "webform_submissions", names: []string{"nid", "sid", "submitted", "is_draft"}, brief: true, chosen: true},
		data:    &cursor{dump: data.Dump, table: s.site.prefix + "webform_submitted_data", names: []string{"nid", "sid", "cid", "no", "data"}, chosen: s.only != nil},
	}
	if table := s.site.prefix + "banyan_origin"; s.ours {
		origins, err := s.open(nil)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", s.file, err)
		}
		defer origins.close()
		m.origins = &cursor{dump: origins.Dump, table: table, names: []string{"sid", "nid", "submitted", "id"}, brief: true, chosen: true}
	} else {
		m.data.late = table
	}
	if err := m.run(); err != nil {
		return 0, m.explain(s.file, err)
	}
	s.end.learn(data.seen)
	return m.orphans, nil
}

func (s *dumpSource) oddities(context.Context) ([]Oddity, error) { return s.odd.all(), nil }

func (s *dumpSource) Live() bool { return false }

func (s *dumpSource) Last(ctx context.Context, name string) (sid int64, err error) {
	_, err = s.Records(ctx, name, Span{}, func(r form.Record) error { sid = r.SID; return nil })
	return sid, err
}

func (s *dumpSource) Sweep(ctx context.Context, name string, within Span, width int64, yield func(Chunk) error) error {
	return Sweep(ctx, s, name, within, width, yield)
}
