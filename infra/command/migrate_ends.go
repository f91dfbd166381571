package command

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
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
	forms   []form.Form // the site's forms that a service decides about
	waiting []string    // its forms whose service does not exist yet
	store   func(service string) kv.Store
	shut    func() error
}

func (m *migration) open(ctx context.Context) (*ends, error) {
	source, err := drupal.Open(ctx, m.from)
	if err != nil {
		return nil, fail(wrong, "--from: %w", err)
	}
	e := &ends{source: source, shut: func() error { return nil }}
	forms, err := source.Forms(ctx)
	if err != nil {
		return nil, errors.Join(fail(outside, "--from: %w", err), source.Close())
	}
	for _, on := range forms {
		f, known := form.ByAlias(on.Name)
		if known && imports(f.Service) != nil {
			e.forms = append(e.forms, f)
		} else {
			e.waiting = append(e.waiting, on.Name)
		}
	}
	if err := e.target(ctx, m); err != nil {
		return nil, errors.Join(err, source.Close())
	}
	return e, nil
}

// target opens the services' store. A dry run makes none, and verify would otherwise make one and call it empty.
func (e *ends) target(ctx context.Context, m *migration) error {
	names := services(e.forms)
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

func (e *ends) comparison(f form.Form, compared func(int)) verify.Job {
	entry, _ := all.Named(f.Service) // e.forms has those alone that exist
	return verify.Job{Source: e.source, Form: f, Store: e.store(f.Service), Import: entry.Import, Records: entry.Records, Compared: compared}
}

// mention names the forms that nobody takes yet: nothing is left out in silence.
func (e *ends) mention(to io.Writer) {
	if len(e.waiting) > 0 {
		fmt.Fprintf(to, "Not looked at, since their services do not exist yet: %s\n", strings.Join(e.waiting, ", "))
	}
}

// writeRejects puts the rejects of all forms into a file, one JSON line each, readable by its owner alone and in its
// place only when it is whole.
func (e *ends) writeRejects(ctx context.Context, name string) error {
	if name == "" {
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-*") // mode 0600
	if err != nil {
		return fmt.Errorf("--rejects: %w", err)
	}
	defer os.Remove(f.Name()) // nothing is there once it is renamed
	out := bufio.NewWriter(f)
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	for _, on := range e.forms {
		err = errors.Join(err, move.Rejects(ctx, e.store(on.Service), on, func(r move.Reject) error { return lines.Encode(r) }))
	}
	if err = errors.Join(err, out.Flush(), f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return fmt.Errorf("--rejects: %w", err)
	}
	return nil
}
