package command

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/banyan-migration/banyan/infra/local"
	"github.com/banyan-migration/banyan/migration/move"
	"github.com/banyan-migration/banyan/services/all"
	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/kv"
)

// finding is what the flags of find say.
type finding struct {
	to, form, id string
	sid          int64
	asJSON       bool
}

func migrateFind(w *world) *cobra.Command {
	var f finding
	c := &cobra.Command{
		Use:     "find",
		Short:   "Find a service's record by the old site's number, or the number by the record",
		Example: "  banyan migrate find --to sqlite:.banyan/services.db --form donate --sid 33501\n  banyan migrate find --to sqlite:.banyan/services.db --form donate --id 0190f1c2",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return f.find(c.Context(), w) },
	}
	c.Flags().StringVar(&f.to, "to", "", "the services' store: sqlite:FILE or dynamodb:PREFIX")
	c.Flags().StringVar(&f.form, "form", "donate", "the form")
	c.Flags().Int64Var(&f.sid, "sid", 0, "the old site's number of the submission")
	c.Flags().StringVar(&f.id, "id", "", "the service's id of the record")
	c.Flags().BoolVar(&f.asJSON, "json", false, "one JSON document")
	_ = c.MarkFlagRequired("to") // it is defined above
	return c
}

func (f *finding) find(ctx context.Context, w *world) error {
	if (f.sid == 0) == (f.id == "") {
		return fail(wrong, "give --sid, or --id")
	}
	on, known := form.ByAlias(f.form)
	if e, exists := all.Named(on.Service); !known || !exists || e.Import == nil {
		return fail(wrong, "--form: no service takes a form %q", f.form)
	}
	there, err := local.StoreIsThere(ctx, f.to, on.Service)
	switch {
	case errors.Is(err, local.ErrNoStore):
		return fail(wrong, "--to: %w", err)
	case err != nil:
		return fail(outside, "--to: %w", err)
	case !there:
		return fail(wrong, "--to: there is no store %s", f.to)
	}
	open, shut, err := local.OpenStore(ctx, f.to, on.Service)
	if err != nil {
		return fail(outside, "--to: %w", err)
	}
	defer shut()
	store := open(on.Service)
	if f.id == "" {
		f.id, err = move.Find(ctx, store, on, f.sid)
	} else {
		f.sid, err = move.FindOld(ctx, store, on, f.id)
	}
	switch {
	case errors.Is(err, kv.ErrNotFound) && f.id == "":
		return fail(unheld, "submission %d of %s was not moved: `migrate backfill --rejects FILE` lists why, if the old site has it", f.sid, f.form)
	case errors.Is(err, kv.ErrNotFound):
		return fail(unheld, "the old site has no submission that is %s of %s: it was not moved from there, nor written back yet", f.id, on.Service)
	case err != nil:
		return fail(outside, "%w", err)
	case f.asJSON:
		return printJSON(w.out, map[string]any{"form": f.form, "sid": f.sid, "service": on.Service, "id": f.id})
	}
	fmt.Fprintf(w.out, "submission %d of %s is %s in %s; the old site shows it at /node/%d/submission/%d\n", f.sid, f.form, f.id, on.Service, on.Node, f.sid)
	return nil
}
