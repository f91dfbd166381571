package drupal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/banyan-migration/banyan/shared/form"
)

// withContent adds to a source the rows of form.Contents. Its content is opened when somebody asks for the first of them.
type withContent struct {
	Source
	open func(context.Context) (*contentDB, error)

	mu      sync.Mutex
	content *contentDB // nil: not opened yet
}

// contents is the source with the rows of form.Contents, which lie where its name says.
func contents(s Source, source string) Source {
	return &withContent{Source: s, open: func(ctx context.Context) (*contentDB, error) { return openContent(ctx, source) }}
}

// of is the kind of content that has a name, and where it lies; false where the name is no content's.
func (w *withContent) of(ctx context.Context, name string) (as form.Form, d *contentDB, is bool, err error) {
	i := slices.IndexFunc(form.Contents, func(f form.Form) bool { return f.Alias == name })
	if i < 0 {
		return form.Form{}, nil, false, nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.content == nil {
		w.content, err = w.open(ctx)
	}
	return form.Contents[i], w.content, true, err
}

func (w *withContent) Records(ctx context.Context, name string, within Span, yield func(form.Record) error) (int64, error) {
	as, d, is, err := w.of(ctx, name)
	switch {
	case err != nil:
		return 0, err
	case !is:
		return w.Source.Records(ctx, name, within, yield)
	}
	return 0, d.records(ctx, as, within, yield)
}

// records gives the rows of one of form.Contents.
func (d *contentDB) records(ctx context.Context, as form.Form, within Span, yield func(form.Record) error) error {
	if as.Bundle == "file" {
		return d.files(ctx, within, func(f File) error { return yield(f.Record(as)) })
	}
	return d.nodes(ctx, as.Bundle, within, func(n Node) error { return yield(n.Record(as)) })
}

func (w *withContent) Last(ctx context.Context, name string) (last int64, err error) {
	as, d, is, err := w.of(ctx, name)
	switch {
	case err != nil:
		return 0, err
	case !is:
		return w.Source.Last(ctx, name)
	}
	return d.last(ctx, as)
}

// last is the greatest sid of one of form.Contents; 0 where it has no rows.
func (d *contentDB) last(ctx context.Context, as form.Form) (last int64, err error) {
	table, id, where, args := "node", "nid", " WHERE type = ?", []any{as.Bundle}
	if as.Bundle == "file" {
		table, id, where, args = "file_managed", "fid", "", nil
	}
	if !d.has(table, id) {
		return 0, nil
	}
	err = d.each(ctx, d.db, "SELECT coalesce(max("+id+"), 0) AS last FROM "+d.q(table)+where, args, func(f fields) error {
		last = f.number("last")
		return nil
	})
	return last, err
}

func (w *withContent) Sweep(ctx context.Context, name string, within Span, width int64, yield func(Chunk) error) error {
	_, _, is, err := w.of(ctx, name)
	switch {
	case err != nil:
		return err
	case !is:
		return w.Source.Sweep(ctx, name, within, width, yield)
	}
	return Sweep(ctx, w, name, within, width, yield)
}

// Record is also a row of form.Contents: a node of theirs is known by its nid, which is its sid too, a file by the nid 0.
func (w *withContent) Record(ctx context.Context, nid, sid int64) (form.Record, error) {
	if !w.Live() || nid != 0 && (nid != sid || w.webform(ctx, nid)) {
		return w.Source.Record(ctx, nid, sid)
	}
	for _, f := range form.Contents {
		if (nid == 0) != (f.Bundle == "file") {
			continue
		}
		_, d, _, err := w.of(ctx, f.Alias)
		if err != nil {
			return form.Record{}, err
		}
		var found []form.Record
		err = d.records(ctx, f, Span{After: sid - 1, Until: sid}, func(r form.Record) error { found = append(found, r); return nil })
		if err != nil || len(found) > 0 {
			return append(found, form.Record{})[0], err
		}
	}
	return form.Record{}, fmt.Errorf("%w: %d of node %d", ErrNoRecord, sid, nid)
}

func (w *withContent) webform(ctx context.Context, nid int64) bool {
	forms, err := w.Forms(ctx)
	return err != nil || slices.ContainsFunc(forms, func(f Form) bool { return f.NID == nid })
}

func (w *withContent) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	err := w.Source.Close()
	if w.content != nil {
		err = errors.Join(err, w.content.Close())
		w.content = nil
	}
	return err
}
