package drupaltest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/shared/form"
)

var _ drupal.Writer = (*Site)(nil)

// written is what a site remembers of a record that was written to it.
type written struct {
	sid         int64
	said, wrote uint64
}

// Lack makes the site have no component of these keys.
func (s *Site) Lack(keys ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range keys {
		s.lacks[key] = true
	}
}

// Forget makes the site know no longer which row was written for a record.
func (s *Site) Forget(origin string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sid := s.origins[origin].sid
	delete(s.origins, origin)
	if r, there := s.rows[sid]; there {
		r.Origin = ""
		s.rows[sid] = r
	}
}

// Add stores a row as the site does by itself: under the next sid, which is returned.
func (s *Site) Add(r form.Record) (sid int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.add(r)
}

func (s *Site) add(r form.Record) int64 {
	for sid := range s.rows {
		s.last = max(s.last, sid)
	}
	s.last++
	r.SID = s.last
	s.rows[r.SID] = r
	return r.SID
}

// Look says how records stand.
func (s *Site) Look(ctx context.Context, name string, records []form.Record) ([]drupal.Row, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rows := make([]drupal.Row, len(records))
	for i, r := range records {
		if r.Origin == "" || r.Form != name {
			return nil, fmt.Errorf("drupaltest: %+v is no record of %s's own", r, name)
		}
		rows[i] = s.look(r)
	}
	return rows, ctx.Err()
}

func (s *Site) look(r form.Record) (row drupal.Row) {
	fit, homeless := s.fit(r)
	row.Homeless = homeless
	w, known := s.origins[r.Origin]
	if !known {
		return row
	}
	row.SID = w.sid
	there, has := s.rows[w.sid]
	switch {
	case !has || there.Origin != r.Origin:
		row.State = drupal.Gone
	case drupal.Sum(there) != w.wrote:
		row.State, row.There = drupal.Edited, there
	case drupal.Sum(fit) != w.said:
		row.State = drupal.Stale
	default:
		row.State = drupal.Same
	}
	return row
}

// fit is what the site can hold of a record.
func (s *Site) fit(r form.Record) (fit form.Record, homeless []string) {
	homeless = slices.Clone(r.Homeless)
	fit = r
	fit.Homeless, fit.At, fit.Values = nil, r.At.UTC().Truncate(time.Second), maps.Clone(r.Values)
	maps.DeleteFunc(fit.Values, func(key string, _ []string) bool {
		if s.lacks[key] {
			homeless = append(homeless, key)
		}
		return s.lacks[key]
	})
	slices.Sort(homeless)
	return fit, homeless
}

// Write stores records, all or none.
func (s *Site) Write(ctx context.Context, name string, records []form.Record, seen []drupal.Row) ([]drupal.Row, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rows := make([]drupal.Row, len(records))
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for i, r := range records {
		rows[i] = s.look(r)
		row := &rows[i]
		asSeen := row.State == seen[i].State && row.SID == seen[i].SID && drupal.Sum(row.There) == drupal.Sum(seen[i].There)
		if row.State == drupal.Same || (row.State == drupal.Edited || row.State == drupal.Gone) && !asSeen {
			continue
		}
		fit, _ := s.fit(r)
		_, taken := s.rows[row.SID]
		switch {
		case row.State == drupal.Missing || row.State == drupal.Gone && taken:
			row.SID = s.add(fit)
		default:
			fit.SID = row.SID
			for key, values := range s.rows[row.SID].Values { // what the record does not name stays
				if _, named := fit.Values[key]; !named {
					fit.Values[key] = values
				}
			}
			s.rows[row.SID] = fit
		}
		row.Wrote = true
		said, _ := s.fit(r)
		s.origins[r.Origin] = written{sid: row.SID, said: drupal.Sum(said), wrote: drupal.Sum(s.rows[row.SID])}
	}
	return rows, nil
}
