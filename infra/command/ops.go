package command

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/spf13/cobra"

	"github.com/banyan-migration/banyan/infra/account"
	"github.com/banyan-migration/banyan/services/all"
)

// opsVerb is `banyan ops`: what operators do by hand.
func opsVerb(w *world) *cobra.Command {
	c := &cobra.Command{Use: "ops", Short: "What operators do by hand: rehearsed deployments, dead letters, the check before a night, restore drills"}
	c.AddCommand(opsCanary(w), opsRedrive(w), opsPreflight(w), opsDrill(w))
	return c
}

var stages = regexp.MustCompile(`^[a-z][a-z0-9]{0,20}$`)

// openAccount opens the AWS account of the surroundings for a stage.
func openAccount(ctx context.Context, stage string) (*account.Account, error) {
	if !stages.MatchString(stage) {
		return nil, fail(wrong, "--stage: %q is none; it is the Stage that template.yaml was deployed with, such as prod", stage)
	}
	a, err := account.Open(ctx, stage)
	if err != nil {
		return nil, fail(wrong, "%w", err)
	}
	return a, nil
}

// deployed checks a service's name, as it was typed.
func deployed(name string) error {
	if _, known := all.Named(name); known {
		return nil
	}
	var names []string
	for _, e := range all.Services {
		names = append(names, e.Name)
	}
	return fail(wrong, "there is no service %q; they are %q", name, names)
}

// away says how to go on after AWS, or the way to it, failed.
func away(err error, goOn string) error {
	if errors.Is(err, context.Canceled) {
		err = errors.New("interrupted")
	}
	return fail(outside, "%w; %s", err, goOn)
}

// markOf says whether a check held, as a person reads it.
func markOf(held bool) string {
	if held {
		return "ok   "
	}
	return "WRONG"
}

func plural(n int, one, many string) string {
	if n == 1 {
		return fmt.Sprint(n, " ", one)
	}
	return fmt.Sprint(n, " ", many)
}
