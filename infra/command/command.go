// Package command is the banyan command line: one file a verb. It wires what the other packages offer and is the only
// place that knows all of them.
package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// The exit statuses of every verb.
const (
	done    = 0
	unheld  = 1 // done, but what was checked does not hold
	wrong   = 2 // the call, or a file it names, is wrong
	outside = 3 // something outside failed; nothing is lost
)

// exit is an error that knows its status.
type exit struct {
	status int
	err    error
}

func (e *exit) Error() string { return e.err.Error() }
func (e *exit) Unwrap() error { return e.err }

func fail(status int, format string, args ...any) error {
	return &exit{status, fmt.Errorf(format, args...)}
}

// world is what a verb may use of its surroundings.
type world struct {
	in       io.Reader
	out, err io.Writer
	gateway  []byte // gateway.yaml, which up and demo start from
}

// Main runs one command and returns its exit status. Results go to out, progress and logs to errw; gateway is the
// gateway.yaml that up and demo start from.
func Main(args []string, gateway []byte, in io.Reader, out, errw io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return run(ctx, args, gateway, in, out, errw)
}

func run(ctx context.Context, args []string, gateway []byte, in io.Reader, out, errw io.Writer) int {
	root := root(&world{in: in, out: out, err: errw, gateway: gateway})
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errw)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return done
	}
	fmt.Fprintln(errw, "banyan:", err)
	var e *exit
	if errors.As(err, &e) {
		return e.status
	}
	return wrong // cobra's own: an unknown verb or flag
}

func root(w *world) *cobra.Command {
	c := &cobra.Command{
		Use:           "banyan",
		Short:         "Take a fundraising site out of Drupal, route by route",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	c.AddCommand(verbs(w)...)
	return c
}

// verbs lists the commands; a verb's file adds its line here.
func verbs(w *world) []*cobra.Command {
	return []*cobra.Command{costVerb(w), cutoverVerb(w), demoVerb(w), gatewayVerb(w), loadtestVerb(w), migrateVerb(w), upVerb(w)}
}
