package move

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/shared/form"
)

// renamedWriter is a writer into a site some of whose components have other names than the services know.
type renamedWriter struct {
	drupal.Writer
	names
	theirs map[string]map[string]string // by form: the site's key of ours
}

// RenamedWriter writes under the site's names what Renamed reads under ours: of FORM:NEW=OLD, what we call OLD goes to
// the component NEW. Its errors are the caller's.
func RenamedWriter(w drupal.Writer, renamings ...string) (drupal.Writer, error) {
	n, err := read(renamings)
	if err != nil {
		return nil, err
	}
	r := renamedWriter{w, n, map[string]map[string]string{}}
	for _, alias := range slices.Sorted(maps.Keys(n.ours)) {
		r.theirs[alias] = map[string]string{}
		for _, theirs := range slices.Sorted(maps.Keys(n.ours[alias])) {
			ours := n.ours[alias][theirs]
			if other, twice := r.theirs[alias][ours]; twice {
				return nil, fmt.Errorf("%s: both %s and %s would be %s, and what a service took can be written to one of them only: name that one", alias, other, theirs, ours)
			}
			r.theirs[alias][ours] = theirs
		}
	}
	return r, nil
}

// Look says how records stand; There is as the site calls it.
func (w renamedWriter) Look(ctx context.Context, name string, records []form.Record) ([]drupal.Row, error) {
	theirs, homeless := w.turned(records)
	rows, err := w.Writer.Look(ctx, name, theirs)
	return w.back(name, rows, homeless), err
}

// Write writes under the site's names.
func (w renamedWriter) Write(ctx context.Context, name string, records []form.Record, seen []drupal.Row) ([]drupal.Row, error) {
	theirs, homeless := w.turned(records)
	rows, err := w.Writer.Write(ctx, name, theirs, seen)
	return w.back(name, rows, homeless), err
}

// turned gives records the site's keys. What the site means something else by, and has no other name for, is homeless, as
// is what was so before.
func (w renamedWriter) turned(records []form.Record) (turned []form.Record, homeless [][]string) {
	turned, homeless = slices.Clone(records), make([][]string, len(records))
	for i, r := range records {
		values := make(map[string][]string, len(r.Values))
		homeless[i] = slices.Clone(r.Homeless)
		for key, v := range r.Values {
			theirs, has := w.theirs[r.Form][key]
			_, taken := w.ours[r.Form][key]
			switch {
			case has:
				values[theirs] = v
			case taken:
				homeless[i] = append(homeless[i], key)
			default:
				values[key] = v
			}
		}
		turned[i].Values, turned[i].Homeless = values, nil
	}
	return turned, homeless
}

// back names all that is homeless as we do.
func (w renamedWriter) back(name string, rows []drupal.Row, homeless [][]string) []drupal.Row {
	for i := range rows {
		for _, text := range rows[i].Homeless {
			key, _, _ := strings.Cut(text, ":")
			if ours, is := w.ours[name][key]; is {
				text = ours + strings.TrimPrefix(text, key)
			}
			homeless[i] = append(homeless[i], text)
		}
		slices.Sort(homeless[i])
		rows[i].Homeless = homeless[i]
	}
	return rows
}
