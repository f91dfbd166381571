package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/banyan-migration/banyan/infra/account"
	"github.com/banyan-migration/banyan/infra/local"
	"github.com/banyan-migration/banyan/shared/event"
	host "github.com/banyan-migration/banyan/shared/host/local"
	"github.com/banyan-migration/banyan/shared/kv"
)

// redrive is what its flags say.
type redrive struct {
	stage, store string
	limit        int
	dry, asJSON  bool
}

func opsRedrive(w *world) *cobra.Command {
	var r redrive
	c := &cobra.Command{
		Use:   "redrive SERVICE",
		Short: "Give a service the messages again that it refused too often",
		Long: "Give a service the messages again that it refused too often and that therefore lie among its dead letters.\n\n" +
			"Mend the cause first. A message may be there twice if this is interrupted, which every service bears; none is lost. One\n" +
			"that the queue refuses, such as one past its size, stays a dead letter, is named by its SQS id and keeps no other from going (status 3).\n\n" +
			"--dry-run says how many there are; on one machine (--store) also of which types. In AWS it cannot: SQS shows no message without handing\n" +
			"it out, which hides it and counts as a receive. There the types are told by what was moved; --limit 10 moves a few first.",
		Example: "  banyan ops redrive payments --stage prod --dry-run\n  banyan ops redrive payments --stage prod\n  banyan ops redrive payments --store sqlite:.banyan/services.db",
		Args:    cobra.ExactArgs(1),
		RunE:    func(c *cobra.Command, args []string) error { return r.run(c.Context(), w, args[0]) },
	}
	c.Flags().StringVar(&r.stage, "stage", "", "the stage in AWS")
	c.Flags().StringVar(&r.store, "store", "", "the services' store on one machine: sqlite:FILE")
	c.Flags().IntVar(&r.limit, "limit", 10_000, "at most so many")
	c.Flags().BoolVar(&r.dry, "dry-run", false, "count them and move nothing; of which types only --store can tell")
	c.Flags().BoolVar(&r.asJSON, "json", false, "one JSON document")
	return c
}

func (r *redrive) run(ctx context.Context, w *world, name string) error {
	if err := deployed(name); err != nil {
		return err
	}
	if (r.stage == "") == (r.store == "") {
		return fail(wrong, "give --stage for a stage in AWS, or --store for one machine")
	}
	if r.limit < 1 {
		return fail(wrong, "--limit: %d moves nothing; --dry-run counts", r.limit)
	}
	move := r.letters
	if r.stage != "" {
		move = r.queues
	}
	moved, err := move(ctx, name)
	if err != nil {
		return err
	}
	if r.asJSON {
		return printJSON(w.out, moved)
	}
	if moved.Count() == 0 {
		printTypes(w.out, moved.Waits)
		_, err = fmt.Fprintf(w.out, "%s: %s, none moved\n", name, plural(moved.Waiting, "dead letter", "dead letters"))
		return err
	}
	printTypes(w.out, moved.Moved)
	_, err = fmt.Fprintf(w.out, "%s has %s again; %d left\n", name, plural(moved.Count(), "message", "messages"), moved.Left)
	return err
}

func printTypes(out io.Writer, of map[string]int) {
	for _, kind := range slices.Sorted(maps.Keys(of)) {
		fmt.Fprintf(out, "%6d %s\n", of[kind], kind)
	}
}

// queues is a redrive of AWS's queues.
func (r *redrive) queues(ctx context.Context, name string) (account.Redriven, error) {
	a, err := openAccount(ctx, r.stage)
	if err != nil {
		return account.Redriven{}, err
	}
	moved, err := a.Redrive(ctx, name, r.limit, r.dry)
	if err != nil {
		return moved, away(err, fmt.Sprintf("%s moved, the others are where they were; call it again", plural(moved.Count(), "message was", "messages were")))
	}
	return moved, nil
}

// letters is a redrive of one machine's dead letters, which lie in the service's own store: each is deleted by a write that
// causes its message once more, so that nothing can come between. A running `up` delivers it within a minute.
func (r *redrive) letters(ctx context.Context, name string) (moved account.Redriven, err error) {
	moved.Moved = map[string]int{}
	if r.dry {
		moved.Waits = map[string]int{}
	}
	there, err := local.StoreIsThere(ctx, r.store, name)
	switch {
	case errors.Is(err, local.ErrNoStore):
		return moved, fail(wrong, "--store: %w", err)
	case err != nil:
		return moved, fail(outside, "--store: %w", err)
	case !there:
		return moved, fail(wrong, "--store: there is no store %s", r.store)
	}
	open, shut, err := local.OpenStore(ctx, r.store, name)
	if err != nil {
		return moved, fail(outside, "--store: %w", err)
	}
	defer func() { err = errors.Join(err, shut()) }()
	dead := host.DeadLetters(open(name))
	for after := ""; ; {
		page, next, err := dead.List(ctx, after, 100)
		if err != nil {
			return moved, away(err, "call it again")
		}
		for _, l := range page {
			moved.Waiting++
			if r.dry || moved.Count() >= r.limit {
				moved.Left++
				if r.dry {
					moved.Waits[l.Value.Message.Type]++
				}
				continue
			}
			again := kv.Write{Key: dead.Key(l.ID), Delete: true, Messages: []event.Message{l.Value.Message}}
			if err := dead.Store.Commit(ctx, again); err != nil {
				return moved, away(err, "the others are where they were; call it again")
			}
			moved.Moved[l.Value.Message.Type]++
		}
		if after = next; after == "" {
			return moved, nil
		}
	}
}
