package command

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/spf13/cobra"

	"github.com/banyan-migration/banyan/infra/local"
)

// upVerb is `banyan up`: the demo's world, left running.
func upVerb(w *world) *cobra.Command {
	o := local.Options{Config: w.gateway, Speed: 1}
	var asJSON bool
	c := &cobra.Command{
		Use:   "up",
		Short: "Run the whole world on this machine: Drupal's stand-in, gateway, services, acquirers",
		Long: "Run the whole world on this machine: Drupal's stand-in, the gateway, every service and the acquirers' fakes.\n\n" +
			"State lies in DIR and survives a restart; ctrl-C stops cleanly, and a killed process loses nothing that was acknowledged.",
		Example: "  banyan up\n  banyan up --listen 127.0.0.1:9000 --json",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return up(c.Context(), w, o, asJSON) },
	}
	c.Flags().StringVar(&o.Dir, "dir", ".banyan", "where the state lies")
	c.Flags().StringVar(&o.Listen, "listen", "127.0.0.1:8080", "the gateway's address")
	c.Flags().BoolVar(&asJSON, "json", false, "one line of JSON on standard output when it is ready")
	return c
}

func up(ctx context.Context, w *world, o local.Options, asJSON bool) error {
	if _, _, err := net.SplitHostPort(o.Listen); err != nil {
		return fail(wrong, "--listen: %w; it is an address such as 127.0.0.1:8080; nothing was started", err)
	}
	o.Log = slog.New(slog.NewTextHandler(w.err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	here, err := local.Start(ctx, o)
	if err != nil && ctx.Err() != nil {
		return fail(outside, "interrupted before everything was up; what was stored before is untouched, start it again. It was at: %w", err)
	}
	if err != nil {
		return fail(outside, "%w; what was stored before is untouched", err)
	}
	if asJSON {
		err = json.NewEncoder(w.out).Encode(here)
	} else {
		_, err = fmt.Fprintf(w.out, welcome, here.Gateway, here.Admin, here.Legacy, here.Services, here.PSP, o.Dir)
	}
	if err == nil {
		select {
		case <-ctx.Done():
		case err = <-here.Failed():
		}
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	if closed := here.Close(ending); err == nil {
		err = closed
	}
	if err != nil {
		return fail(outside, "%w; what was acknowledged is stored, start again", err)
	}
	return nil
}

// welcome has the addresses and a line to try for each service.
const welcome = `the site, through the gateway   %[1]s/donate
the gateway's admin API         %[2]s/v1/status
Drupal's stand-in               %[3]s/
the services                    %[4]s/
the acquirers                   %[5]s/_/charges

  curl -i %[4]s/donations -H 'Content-Type: application/json' -d '{"amount":"10","first_name":"Ann","last_name":"Lee","email":"ann@example.org","payment":{"method":"test"}}'
  curl -i %[4]s/payments/health
  curl '%[4]s/postcode/lookup?query=SE1+7TP'
  banyan cutover set donate --dir %[6]s --weight 10000 --why "everybody to the services"

ctrl-C ends it; the state is kept in %[6]s
`
