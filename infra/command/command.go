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
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/banyan-migration/banyan/shared/fault"
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
	files    Files
}

// Files are what up and demo start from, and what preflight looks for in AWS.
type Files struct {
	Gateway  []byte // gateway.yaml
	Template []byte // template.yaml
	Alarms   []byte // infra/alarms.yaml, which template.yaml nests
}

// Main runs one command and returns its exit status. Results go to out, progress and logs to errw; files may be nil where
// none of them is asked for.
func Main(args []string, files *Files, in io.Reader, out, errw io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return run(ctx, args, files, in, out, errw)
}

func run(ctx context.Context, args []string, files *Files, in io.Reader, out, errw io.Writer) int {
	if files == nil {
		files = &Files{}
	}
	root := root(&world{in: in, out: out, err: errw, files: *files})
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errw)
	verb, err := root.ExecuteContextC(ctx)
	if err == nil {
		return done
	}
	var e *exit
	if errors.As(err, &e) {
		fmt.Fprintln(errw, "banyan:", ours(err))
		return e.status
	}
	fmt.Fprintf(errw, "banyan: %v; `%s --help` shows how it is called\n", err, verb.CommandPath()) // cobra's own: an unknown verb or flag
	return wrong
}

// ours is an error less what it would say to a donor, where it also says what we should know.
func ours(err error) string {
	text := err.Error()
	var f *fault.Error
	if errors.As(err, &f) && f.Err != nil {
		text = strings.Replace(text, f.Text+": ", "", 1)
	}
	return text
}

func root(w *world) *cobra.Command {
	c := &cobra.Command{
		Use:           "banyan",
		Short:         "Take a fundraising site out of Drupal, route by route",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	c.AddCommand(verbs(w)...)
	for _, group := range c.Commands() {
		strict(group)
	}
	return c
}

// strict makes a command that only holds others refuse a verb that is not among them: cobra would print its help and
// call that a success.
func strict(c *cobra.Command) {
	for _, verb := range c.Commands() {
		strict(verb)
	}
	if !c.HasSubCommands() || c.Runnable() {
		return
	}
	c.DisableFlagsInUseLine = true
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return c.Help()
		}
		return fmt.Errorf("%q is not a verb of `%s`", args[0], c.CommandPath())
	}
}

// verbs lists the commands; a verb's file adds its line here.
func verbs(w *world) []*cobra.Command {
	return []*cobra.Command{assessVerb(w), costVerb(w), cutoverVerb(w), demoVerb(w), exportVerb(w), gatewayVerb(w), importVerb(w), loadtestVerb(w), migrateVerb(w), opsVerb(w), upVerb(w)}
}
