package drupal

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
)

// Oddities are the strange values that the source's Records met since it was opened, by table, column and kind: zero
// date, null, orphan, duplicate, mislabelled charset, unknown component, no webform. A row that was read twice is
// counted twice. A source that keeps no such count has none.
func Oddities(ctx context.Context, s Source) ([]Oddity, error) {
	of, counts := innermost(s).(interface {
		oddities(context.Context) ([]Oddity, error)
	})
	if !counts {
		return nil, nil
	}
	return of.oddities(ctx)
}

// strange counts oddities. It is safe for concurrent use.
type strange struct {
	mu    sync.Mutex
	kinds map[[3]string]*Oddity
}

// add counts one; key says where it is, by ids alone.
func (s *strange) add(kind, table, column, key string, ids ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kinds == nil {
		s.kinds = map[[3]string]*Oddity{}
	}
	at := [3]string{table, column, kind}
	if s.kinds[at] == nil {
		s.kinds[at] = &Oddity{Kind: kind, Table: table, Column: column, Example: fmt.Sprintf(key, ids...)}
	}
	s.kinds[at].Count++
}

// set says how many there are in all.
func (s *strange) set(kind, table, column, key string, n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := [3]string{table, column, kind}
	if delete(s.kinds, at); n > 0 {
		if s.kinds == nil {
			s.kinds = map[[3]string]*Oddity{}
		}
		s.kinds[at] = &Oddity{Kind: kind, Table: table, Column: column, Count: n, Example: key}
	}
}

func (s *strange) all() []Oddity {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Oddity, 0, len(s.kinds))
	for _, o := range s.kinds {
		all = append(all, *o)
	}
	slices.SortFunc(all, func(a, b Oddity) int {
		return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Kind, b.Kind))
	})
	return all
}
