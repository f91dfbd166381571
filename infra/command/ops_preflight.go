package command

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/banyan-migration/banyan/infra/account"
	"github.com/banyan-migration/banyan/infra/template"
	"github.com/banyan-migration/banyan/services/all"
)

func opsPreflight(w *world) *cobra.Command {
	var stage string
	var night account.Night
	var asJSON bool
	c := &cobra.Command{
		Use:   "preflight",
		Short: "Look at everything in AWS that a night needs: concurrency, mail, alarms, the Layer, restore drills",
		Long: "Look at everything in AWS that a night needs, and change nothing: how many functions may run at once, how fast mail may go,\n" +
			"whether mail has its quota and a good name, whether each alarm that template.yaml makes is there, armed and silent, and somebody has\n" +
			"confirmed that they hear of it, whether all services have the Layer that was published last, and how old each\n" +
			"table's last restore drill is. Status 1 if something does not hold.",
		Example: "  banyan ops preflight --stage prod --rate 350",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return preflight(c.Context(), w, stage, night, asJSON)
		},
	}
	c.Flags().StringVar(&stage, "stage", "prod", "the stage in AWS")
	c.Flags().IntVar(&night.Rate, "rate", 350, "donations a second at the peak")
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON document")
	return c
}

func preflight(ctx context.Context, w *world, stage string, night account.Night, asJSON bool) error {
	if night.Rate < 1 {
		return fail(wrong, "--rate: %d; it is donations a second at the peak", night.Rate)
	}
	a, err := openAccount(ctx, stage)
	if err != nil {
		return err
	}
	for _, e := range all.Services {
		night.Services = append(night.Services, e.Name)
	}
	if night.Alarms, err = wantedAlarms(w.files, stage); err != nil {
		first, _, _ := strings.Cut(err.Error(), "\n") // the others follow from it
		return fail(wrong, "--stage %s: %s", stage, first)
	}
	night.Mails = slices.Contains(night.Services, "mailer")
	if night.Drills, err = drilled(ctx, stage, night.Services); err != nil {
		return away(err, "nothing was changed")
	}
	checks, err := a.Preflight(ctx, night)
	if err != nil {
		return away(err, "nothing was changed")
	}
	held := !slices.ContainsFunc(checks, func(c account.Check) bool { return !c.Held })
	if asJSON {
		err = printJSON(w.out, map[string]any{"stage": stage, "checks": checks, "held": held, "at": time.Now().UTC()})
	} else {
		printChecks(w, checks)
	}
	if err == nil && !held {
		err = fail(unheld, "the stage %s is not ready for %d donations a second", stage, night.Rate)
	}
	return err
}

// nestedAlarms is where template.yaml says that the alarms of a service are.
const nestedAlarms = "infra/alarms.yaml"

// wantedAlarms are the names of the alarms that template.yaml makes for a stage, by service; "": those of the whole stage.
func wantedAlarms(files Files, stage string) (map[string][]string, error) {
	whole, err := template.Parse("template.yaml", files.Template, map[string]string{"Stage": stage})
	if err != nil {
		return nil, err
	}
	wanted := map[string][]string{}
	add := func(service string, alarms []template.Alarm) {
		for _, a := range alarms {
			wanted[service] = append(wanted[service], a.Name)
		}
	}
	add("", whole.Alarms)
	for _, s := range whole.Stacks {
		if s.Template != nestedAlarms {
			continue
		}
		given, err := s.Given(func(string) (string, bool) { return "-", true }) // versions, topics and keys are in no name
		if err != nil {
			return nil, err
		}
		t, err := template.Parse(nestedAlarms, files.Alarms, given)
		if err != nil {
			return nil, err
		}
		add(given["Service"], t.Alarms)
	}
	return wanted, nil
}

func printChecks(w *world, checks []account.Check) {
	for _, c := range checks {
		fmt.Fprintf(w.out, "%s  %-26s %s\n", markOf(c.Held), c.Name, c.Figure)
		if c.Do != "" {
			fmt.Fprintf(w.out, "       %-26s -> %s\n", "", c.Do)
		}
	}
}
