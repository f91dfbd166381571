// Package drupaltest is an old site in memory for tests: a drupal.Source whose rows a test edits while it is read, and a
// drupal.Writer.
package drupaltest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/shared/form"
)

// Site holds submissions by sid. It is safe for concurrent use.
type Site struct {
	mu      sync.Mutex
	rows    map[int64]form.Record
	last    int64 // the greatest sid that there ever was
	origins map[string]written
	lacks   map[string]bool
}

var _ drupal.Source = (*Site)(nil)

// New is a site with these rows.
func New(rows ...form.Record) *Site {
	s := &Site{rows: map[int64]form.Record{}, origins: map[string]written{}, lacks: map[string]bool{}}
	for _, r := range rows {
		s.rows[r.SID] = r
	}
	return s
}

// Put stores a row, in place of the one that has its sid.
func (s *Site) Put(r form.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows[r.SID] = r
}

// Delete takes a row away.
func (s *Site) Delete(sid int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.rows, sid)
}

// All are the rows of a form within a span, by sid.
func (s *Site) All(name string, within drupal.Span) []form.Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.SortedFunc(func(yield func(form.Record) bool) {
		for r := range maps.Values(s.rows) {
			if r.Form == name && within.Has(r.SID) && !yield(r) {
				return
			}
		}
	}, func(a, b form.Record) int { return cmp.Compare(a.SID, b.SID) })
}

// Forms lists none.
func (s *Site) Forms(context.Context) ([]drupal.Form, error) { return nil, nil }

// Components lists none.
func (s *Site) Components(context.Context, int64) ([]drupal.Component, error) { return nil, nil }

// Progress is always whole.
func (s *Site) Progress() float64 { return 1 }

// Close does nothing.
func (s *Site) Close() error { return nil }

// Live is true.
func (s *Site) Live() bool { return true }

// Made is never: it is live.
func (s *Site) Made(context.Context) (time.Time, error) { return time.Time{}, nil }

// Record is one row.
func (s *Site) Record(_ context.Context, nid, sid int64) (form.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.rows[sid]
	if !ok || r.NID != nid {
		return form.Record{}, fmt.Errorf("%w: %d of node %d", drupal.ErrNoRecord, sid, nid)
	}
	return r, nil
}

// Records gives the rows as they stand when it is called.
func (s *Site) Records(ctx context.Context, name string, within drupal.Span, yield func(form.Record) error) (int64, error) {
	for _, r := range s.All(name, within) {
		if err := cmp.Or(ctx.Err(), yield(r)); err != nil {
			return 0, err
		}
	}
	return 0, nil
}

// Last is the greatest sid of a form.
func (s *Site) Last(_ context.Context, name string) (int64, error) {
	if all := s.All(name, drupal.Span{}); len(all) > 0 {
		return all[len(all)-1].SID, nil
	}
	return 0, nil
}

// Sweep sums up the rows.
func (s *Site) Sweep(ctx context.Context, name string, within drupal.Span, width int64, yield func(drupal.Chunk) error) error {
	return drupal.Sweep(ctx, s, name, within, width, yield)
}
