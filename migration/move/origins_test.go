package move

import (
	"context"
	"strings"
	"testing"

	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/shared/form"
)

// nameless is a source whose table banyan_origin was left out, as by a dump that names its tables.
type nameless struct{ drupal.Source }

func (s nameless) Records(ctx context.Context, name string, within drupal.Span, yield func(form.Record) error) (int64, error) {
	return s.Source.Records(ctx, name, within, func(r form.Record) error {
		r.Origin = ""
		return yield(r)
	})
}

// What reverse wrote never comes back as a new gift, whether the source says whose it is or not.
func TestASourceWithoutOriginsIsRefused(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.visit("3.00")
	s.take("g1", donation("5.00"))
	s.reverse()
	j := s.job()
	if err := Origins(t.Context(), s.site, s.store, j.Form); err != nil {
		t.Fatal(err)
	}
	j.Source = nameless{s.site}
	for what, run := range map[string]func(context.Context) (Result, error){"sync": j.Sync, "backfill": j.Backfill} {
		if r, err := run(t.Context()); err == nil || !strings.Contains(err.Error(), "g1") || !strings.Contains(err.Error(), "banyan_origin") {
			t.Errorf("%s: %+v, %v", what, r, err)
		}
	}
	if err := Origins(t.Context(), j.Source, s.store, j.Form); err == nil {
		t.Error("the source is taken for one that knows its origins")
	}
}
