package command

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"github.com/banyan-migration/banyan/gateway"
	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/gateway/cutover"
)

// gatewayVerb is `banyan gateway`: the gateway alone, in front of real backends.
func gatewayVerb(w *world) *cobra.Command {
	var file string
	var check, asJSON bool
	c := &cobra.Command{
		Use:   "gateway",
		Short: "Run the gateway in front of real backends",
		Long: "Run the gateway in front of real backends.\n\n" +
			"SIGHUP, or a changed file, reloads: a bad file keeps the old one in use and says what is wrong. SIGTERM drains. SIGUSR1\n" +
			"sends every group to the old side, as the kill file and BANYAN_KILL=all|GROUP do. Sockets passed by LISTEN_FDS, the\n" +
			"data port first and then the admin port, are used in place of listen and admin.listen: a restart then drops no connection.",
		Example: "  banyan gateway --config gateway.yaml --check\n  banyan gateway --config gateway.yaml",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if check {
				return checkConfig(c.Context(), w, file, asJSON)
			}
			return runGateway(c.Context(), w, file, asJSON)
		},
	}
	c.Flags().StringVar(&file, "config", "gateway.yaml", "the configuration")
	c.Flags().BoolVar(&check, "check", false, "say every mistake, the names that each form takes, and where the store differs; start nothing")
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON document on standard output; the access log goes to standard error")
	return c
}

// readConfig reads a file and tries its forms; its mistakes are the caller's to mend.
func readConfig(file string, o config.Options) (*config.Config, error) {
	o.Form = gateway.CheckForm
	c, err := config.Read(file, o)
	var mistakes config.Mistakes
	switch {
	case errors.As(err, &mistakes):
		return nil, fail(wrong, "%s cannot be used; nothing was started or changed\n%w", file, mistakes)
	case errors.Is(err, fs.ErrNotExist):
		return nil, fail(wrong, "%w: --config names a gateway.yaml", err)
	case err != nil:
		return nil, fail(outside, "%w; nothing was started or changed", err)
	}
	return c, nil
}

func checkConfig(ctx context.Context, w *world, file string, asJSON bool) error {
	c, err := readConfig(file, config.Options{Check: true})
	var mistakes config.Mistakes
	if err != nil && !errors.As(err, &mistakes) {
		return err
	}
	report := config.Report(c, mistakes, storedPlan(ctx, c))
	if asJSON {
		if printed := printJSON(w.out, report); printed != nil {
			return printed
		}
		return err
	}
	if err != nil {
		return err
	}
	var b strings.Builder
	report.Print(&b, file)
	_, err = fmt.Fprintf(w.out, "%s%s is right\n", &b, file)
	return err
}

// storedPlan is the plan of a store that is there already; a check makes none.
func storedPlan(ctx context.Context, c *config.Config) *cutover.Snapshot {
	if c == nil {
		return nil
	}
	plan, err := peek(ctx, c.Store)
	if err != nil && c.Shared() { // a file's trouble is its opener's to tell; of a table nobody knows better
		c.Notes = append(c.Notes, config.Note{Line: 1, Text: fmt.Sprintf("store: %s cannot be read here, so where it differs from this file is not known: %v", c.Store, err)})
	}
	return plan
}

func peek(ctx context.Context, name string) (*cutover.Snapshot, error) {
	if there, err := storeExists(ctx, name); !there {
		return nil, err
	}
	store, shut, err := openPlan(ctx, name)
	if err != nil {
		return nil, err
	}
	defer shut()
	ctx, cancel := context.WithTimeout(ctx, answers)
	defer cancel()
	return cutover.Peek(ctx, store)
}
