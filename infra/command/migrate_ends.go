package command

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"

	"github.com/banyan-migration/banyan/infra/local"
	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/migration/move"
	"github.com/banyan-migration/banyan/migration/verify"
	"github.com/banyan-migration/banyan/services/all"
	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/kv"
)

// ends are the two ends of a migration.
type ends struct {
	source  drupal.Source
	counts  drupal.Source // the same, without its new names: what it has met that is strange
	forms   []form.Form   // of the site that we know, then what nodes and files it may have
	unknown []string      // webforms of the site that we do not
	gone    []form.Form   // whose rows were moved, and which the site has no more
	store   func(service string) kv.Store
	shut    func() error
}

func (m *migration) open(ctx context.Context) (*ends, error) {
	source, err := drupal.Open(ctx, m.from)
	var away *net.OpError
	switch {
	case errors.As(err, &away):
		return nil, fail(outside, "--from: %w", err)
	case err != nil:
		return nil, fail(wrong, "--from: %w", err)
	}
	e := &ends{source: source, counts: source, shut: func() error { return nil }}
	if e.source, err = move.Renamed(drupal.Slow(source, m.throttle), m.renames...); err != nil {
		return nil, errors.Join(fail(wrong, "--rename: %w", err), source.Close())
	}
	if err := e.list(ctx); err != nil {
		return nil, errors.Join(fail(outside, "--from: %w", err), source.Close())
	}
	if err := e.target(ctx, m); err != nil {
		return nil, errors.Join(err, source.Close())
	}
	if err := e.lost(ctx); err != nil {
		e.close()
		return nil, fail(outside, "--to: %w", err)
	}
	if err := e.origins(ctx); err != nil {
		e.close()
		return nil, fail(wrong, "--from: %w", err)
	}
	return e, nil
}

// lost finds the forms whose rows were moved and which the site no longer has under their names: nobody would miss them otherwise.
func (e *ends) lost(ctx context.Context) error {
	for _, f := range form.Forms {
		if imports(f.Service) == nil || slices.ContainsFunc(e.forms, func(has form.Form) bool { return has.Alias == f.Alias }) {
			continue
		}
		mark, err := move.Mark(ctx, e.store(f.Service), f)
		if err != nil {
			return err
		}
		if mark > 0 {
			e.gone = append(e.gone, f)
		}
	}
	return nil
}

// origins refuses a source that does not know what reverse wrote into it.
func (e *ends) origins(ctx context.Context) error {
	for _, f := range e.taken() {
		if err := move.Origins(ctx, e.source, e.store(f.Service), f); err != nil {
			return err
		}
	}
	return nil
}

// there refuses to go on without a form whose rows were moved before.
func (e *ends) there() error {
	if len(e.gone) == 0 {
		return nil
	}
	has := make([]string, 0, len(e.forms)+len(e.unknown))
	for _, f := range e.forms {
		if f.Bundle == "" {
			has = append(has, f.Alias)
		}
	}
	has = append(has, e.unknown...)
	return fail(wrong, "the site no longer has the webform %s, whose rows were moved before; it has %s. If its page was given another address, give it that one back as well; nothing was moved or deleted",
		e.gone[0].Alias, strings.Join(has, ", "))
}

// without is a source that has no row of the forms that it does not know.
type without struct{ drupal.Source }

func (without) Records(context.Context, string, drupal.Span, func(form.Record) error) (int64, error) {
	return 0, nil
}

func (without) Record(context.Context, int64, int64) (form.Record, error) {
	return form.Record{}, drupal.ErrNoRecord
}

func (without) Last(context.Context, string) (int64, error) { return 0, nil }

// list finds what there is to move.
func (e *ends) list(ctx context.Context) error {
	forms, err := e.source.Forms(ctx)
	if err != nil {
		return err
	}
	for _, on := range forms {
		if f, known := form.ByAlias(on.Name); known {
			e.forms = append(e.forms, f)
		} else {
			e.unknown = append(e.unknown, on.Name)
		}
	}
	e.forms = append(e.forms, form.Contents...) // last: a dump is read once more for them
	return nil
}

// taken are the forms whose service exists.
func (e *ends) taken() (forms []form.Form) {
	for _, f := range e.forms {
		if imports(f.Service) != nil {
			forms = append(forms, f)
		}
	}
	return forms
}

// strangers counts the rows of the webforms that we do not know: nothing is left out in silence.
func (e *ends) strangers(ctx context.Context) (map[string]int64, error) {
	rows := map[string]int64{}
	for _, name := range e.unknown {
		rows[name] = 0
		err := e.source.Sweep(ctx, name, drupal.Span{}, 1_000_000, func(c drupal.Chunk) error {
			rows[name] += c.Rows
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// target opens the services' store. A dry run makes none, and verify would otherwise make one and call it empty.
func (e *ends) target(ctx context.Context, m *migration) error {
	names := services(form.Forms)
	there, err := local.StoreIsThere(ctx, m.to, names...)
	switch {
	case errors.Is(err, local.ErrNoStore):
		return fail(wrong, "--to: %w", err)
	case err == nil && !there && m.reads:
		return fail(wrong, "--to: there is no store %s: `banyan migrate backfill` makes it", m.to)
	case err == nil && !there && m.dry:
		empty := kv.NewMem()
		e.store = func(string) kv.Store { return empty }
		return nil
	case err == nil:
		e.store, e.shut, err = local.OpenStore(ctx, m.to, names...)
	}
	if err != nil {
		return fail(outside, "--to: %w", err)
	}
	return nil
}

// imports is a service's Import, or nil where there is no such service yet.
func imports(service string) func(form.Record) ([]kv.Write, error) {
	entry, _ := all.Named(service)
	return entry.Import
}

// services are those that take the forms or parts of them.
func services(forms []form.Form) (names []string) {
	for _, f := range forms {
		for _, name := range append([]string{f.Service}, f.Parts...) {
			if imports(name) != nil && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

func (e *ends) close() { _ = errors.Join(e.shut(), e.source.Close()) } // what was committed is on the disk already

func (e *ends) comparison(f form.Form) verify.Job {
	j := verify.Job{Source: e.source, Form: f}
	if entry, _ := all.Named(f.Service); entry.Import != nil {
		j.Store, j.Import, j.Records = e.store(f.Service), entry.Import, entry.Records
	}
	return j
}
