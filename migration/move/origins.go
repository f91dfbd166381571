package move

import (
	"context"
	"fmt"
	"strconv"

	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/kv"
)

// errOrigin says that a source does not know what reverse wrote into it: its gifts would come back as new ones.
type errOrigin struct {
	form string
	sid  int64
	id   string
}

func (e errOrigin) Error() string {
	return fmt.Sprintf("submission %d of %s is the service's own %s, which reverse wrote there, and the source does not say so: its table banyan_origin is missing, not whole, or not to be read. "+
		"Make the dump with all tables, or grant SELECT on the whole database; nothing was changed", e.sid, e.form, e.id)
}

// Origins refuses a source that holds a row which reverse wrote, as the store's map of ids knows, and does not name its origin.
// It looks at one such row, the last: whoever reads all of them meets the others.
func Origins(ctx context.Context, source drupal.Source, store kv.Store, f form.Form) error {
	var last int64
	var id string
	err := reversedSids(ctx, store, f, func(sid int64, of string) {
		if sid > last {
			last, id = sid, of
		}
	})
	if err != nil || last == 0 {
		return err
	}
	_, err = source.Records(ctx, f.Alias, drupal.Span{After: last - 1, Until: last}, func(r form.Record) error {
		if r.Origin == "" {
			return errOrigin{f.Alias, last, id}
		}
		return nil
	})
	return err
}

// reversedSids gives every number that the old site has given to a record of the service's own.
func reversedSids(ctx context.Context, store kv.Store, f form.Form, yield func(sid int64, id string)) error {
	for after := ""; ; {
		rows, next, err := sidsOf(store, f).List(ctx, after, 1000)
		if err != nil {
			return fmt.Errorf("move: %w", err)
		}
		for _, row := range rows {
			sid, err := strconv.ParseInt(row.ID, 10, 64)
			if err != nil {
				return fmt.Errorf("move: %q is no number of a submission: %w", row.ID, err)
			}
			yield(sid, row.Value)
		}
		if after = next; next == "" {
			return nil
		}
	}
}
