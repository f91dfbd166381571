package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/banyan-migration/banyan/infra/local"
	"github.com/banyan-migration/banyan/shared/kv/dynamo"
)

// upVerb is `banyan up`: the demo's world, left running.
func upVerb(w *world) *cobra.Command {
	o := local.Options{Config: w.files.Gateway, Speed: 1}
	var asJSON, lambda bool
	c := &cobra.Command{
		Use:   "up",
		Short: "Run the whole world on this machine: Drupal's stand-in, gateway, services, acquirers",
		Long: "Run the whole world on this machine: Drupal's stand-in, the gateway, every service and the acquirers' fakes.\n\n" +
			"State lies in DIR and survives a restart; ctrl-C stops cleanly, and a killed process loses nothing that was acknowledged.\n\n" +
			"With --lambda every service runs as its real bootstrap (make build), played as AWS Lambda plays it by what template.yaml says, on DynamoDB,\n" +
			"SNS and SQS: on fakes of ours with their state in DIR, or on the emulator that AWS_ENDPOINT_URL names. What is stored without --lambda\n" +
			"is not seen with it. Functions log to DIR/functions.log, which becomes functions.log.1 at 64 MB, with LOG_LEVEL=debug|info|warn|error at that level and to standard error.",
		Example: "  banyan up\n  banyan up --listen 127.0.0.1:9000 --json\n  make build && build/banyan up --lambda",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			if lambda {
				if o.Lambda, err = asFunctions(w); err != nil {
					return err
				}
			}
			return up(c.Context(), w, o, asJSON)
		},
	}
	c.Flags().BoolVar(&lambda, "lambda", false, "services as Lambda functions, from build/ARCH beside this program or below the working folder")
	c.Flags().StringVar(&o.Dir, "dir", ".banyan", "where the state lies")
	c.Flags().StringVar(&o.Listen, "listen", "127.0.0.1:8080", "the gateway's address")
	c.Flags().BoolVar(&asJSON, "json", false, "one line of JSON on standard output when it is ready")
	return c
}

// asFunctions says from which build the services' functions are, and on which account they stand.
func asFunctions(w *world) (*local.Lambda, error) {
	build, err := buildFolder()
	if err != nil {
		return nil, err
	}
	l := &local.Lambda{Template: w.files.Template, Build: build, LogLevel: os.Getenv("LOG_LEVEL"), Endpoint: strings.TrimSuffix(os.Getenv("AWS_ENDPOINT_URL"), "/")}
	if l.LogLevel != "" {
		var mu sync.Mutex
		l.Log = func(function, line string) {
			mu.Lock()
			defer mu.Unlock()
			fmt.Fprintf(w.err, "%s %s\n", function, strings.TrimSuffix(line, "\n"))
		}
	}
	if l.Endpoint != "" && !dynamo.Emulator(l.Endpoint) {
		return nil, fail(wrong, "AWS_ENDPOINT_URL is %q: --lambda plays on this machine, so it names an emulator, such as http://127.0.0.1:4566; unset, fakes of our own are used. Nothing was started", l.Endpoint)
	}
	return l, nil
}

// buildFolder is build/ARCH beside this program, or below the working folder.
func buildFolder() (string, error) {
	program, err := os.Executable()
	if err != nil {
		return "", fail(outside, "%w", err)
	}
	beside, below := filepath.Join(filepath.Dir(program), runtime.GOARCH), filepath.Join("build", runtime.GOARCH)
	if found, err := os.Stat(beside); err == nil && found.IsDir() {
		return beside, nil
	}
	return below, nil
}

// played is the line about the account that functions stand on.
func played(here *local.World, o local.Options) string {
	if o.Lambda == nil {
		return ""
	}
	whose := "their state in " + o.Dir
	if o.Lambda.Endpoint != "" {
		whose = "by AWS_ENDPOINT_URL"
	}
	said := fmt.Sprintf("DynamoDB, SNS and SQS           %s (%s)\n\n", here.AWS, whose)
	for _, f := range here.Functions {
		said += fmt.Sprintf("  %-24s %4d MB  %3.0f s  %s\n", f.Name, f.Memory, f.Timeout.Seconds(), f.Fed)
	}
	return said
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
	if errors.Is(err, local.ErrNoBuild) {
		return fail(wrong, "%w", err)
	}
	if err != nil {
		return fail(outside, "%w; what was stored before is untouched", err)
	}
	if asJSON {
		err = json.NewEncoder(w.out).Encode(here)
	} else {
		_, err = fmt.Fprintf(w.out, welcome, here.Gateway, here.Admin, here.Legacy, here.Services, here.PSP, o.Dir, played(here, o))
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
%[7]s
  curl -i %[4]s/donations -H 'Content-Type: application/json' -d '{"amount":"10","first_name":"Ann","last_name":"Lee","email":"ann@example.org","payment":{"method":"test"}}'
  curl -i %[4]s/payments/health
  curl '%[4]s/postcode/lookup?query=SE1+7TP'
  banyan cutover set donate --dir %[6]s --weight 10000 --why "everybody to the services"

ctrl-C ends it; the state is kept in %[6]s
`
