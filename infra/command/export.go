package command

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/gateway/dash"
	"github.com/banyan-migration/banyan/gateway/interchange"
)

// exportVerb is `banyan export`: our table in another router's words.
func exportVerb(w *world) *cobra.Command {
	c := &cobra.Command{Use: "export", Short: "Write the gateway's table for another router"}
	for _, target := range interchange.Targets() {
		c.AddCommand(exportTo(w, target))
	}
	return c
}

var exportShorts = map[string]string{
	"alb":        "Write listener rules of an Application Load Balancer, as CloudFormation",
	"apigateway": "Write an HTTP API of API Gateway, as CloudFormation",
	"envoy":      "Write a route configuration of Envoy",
	"nginx":      "Write maps, splits and a server for nginx's http block",
}

// exportCall is one call's flags.
type exportCall struct {
	admin          admin
	config, out    string
	asJSON, asking bool
}

func exportTo(w *world, target string) *cobra.Command {
	var e exportCall
	c := &cobra.Command{
		Use:   target,
		Short: exportShorts[target],
		Long: exportShorts[target] + ".\n\nWeights are those of a running gateway where --admin or --dir names one, else of the store that the configuration names, else\n" +
			"of the file. What the target cannot say is listed on standard error and in the output; nobody is sent to the new side who was not before.",
		Example: fmt.Sprintf("  banyan export %[1]s --config gateway.yaml\n  banyan export %[1]s --dir .banyan --json", target),
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			e.asking = c.Flags().Changed("admin") || c.Flags().Changed("dir")
			s, err := e.source(c.Context())
			if err != nil {
				return err
			}
			out, err := interchange.Export(target, s)
			if err != nil {
				return fail(wrong, "%w", err)
			}
			w.listLeft(out.Left)
			return w.deliver(e.out, out.Text, out, e.asJSON)
		},
	}
	e.admin.flags(c)
	c.Flags().StringVar(&e.config, "config", "gateway.yaml", "the configuration")
	c.Flags().StringVar(&e.out, "out", "", "the file to write, which must not be there yet; absent: standard output")
	c.Flags().BoolVar(&e.asJSON, "json", false, "one JSON document on standard output: {target, text, rules, cannot_say}")
	return c
}

// source is the configuration with the weights that hold now.
func (e *exportCall) source(ctx context.Context) (interchange.Source, error) {
	c, err := readConfig(e.config, config.Options{Check: true})
	if err != nil {
		return interchange.Source{}, err
	}
	s := interchange.Source{Config: c, Weights: map[string]int{}, Said: "the seeds of " + e.config}
	for _, g := range c.Groups {
		s.Weights[g.Name] = g.Weight
	}
	if e.asking {
		err := e.running(ctx, &s)
		return s, err
	}
	if plan := storedPlan(ctx, c); plan != nil {
		s.Said = fmt.Sprintf("the plan's revision %d in %s", plan.Revision, c.Store)
		for _, name := range plan.Names() {
			s.Weights[name] = plan.Group(name).Weight
		}
	}
	return s, nil
}

// running takes the weights of a gateway that runs; a killed group is at 0, whatever its weight.
func (e *exportCall) running(ctx context.Context, s *interchange.Source) error {
	var status dash.Status
	if err := e.admin.call(ctx, "GET", "/v1/status", 0, nil, &status); err != nil {
		return err
	}
	s.Said = fmt.Sprintf("the running gateway's revision %d", status.Revision)
	var missing, killed []string
	for _, g := range s.Config.Groups {
		at, known := status.Groups[g.Name]
		if !known {
			missing = append(missing, g.Name)
		}
		if s.Weights[g.Name] = at.Weight; at.Killed {
			s.Weights[g.Name] = 0
			killed = append(killed, g.Name)
		}
	}
	if len(missing) > 0 {
		return fail(wrong, "the running gateway does not know %s: it runs with another configuration than %s; nothing was written", strings.Join(missing, ", "), e.config)
	}
	if len(killed) > 0 {
		s.Said += ", with the kill switch on for " + strings.Join(killed, ", ")
	}
	return nil
}
