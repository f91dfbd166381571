package command

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/banyan-migration/banyan/gateway/interchange"
)

// importVerb is `banyan import`: another router's table as a gateway.yaml.
func importVerb(w *world) *cobra.Command {
	c := &cobra.Command{Use: "import", Short: "Read another router's table into a gateway.yaml"}
	c.AddCommand(importSpaces(w))
	return c
}

func importSpaces(w *world) *cobra.Command {
	var out string
	var asJSON bool
	c := &cobra.Command{
		Use:   "refactor-spaces FILE",
		Short: "Read an application of AWS Migration Hub Refactor Spaces",
		Long: "Read an application of AWS Migration Hub Refactor Spaces: its CloudFormation template, or what the API says of it, one answer after\n" +
			"another in one file. An active route has weight 10000, an inactive one 0. What cannot be said here is listed on standard error\n" +
			"and in the file itself.",
		Example: "  aws migration-hub-refactor-spaces list-routes … >app.json\n  aws migration-hub-refactor-spaces list-services … >>app.json\n" +
			"  banyan import refactor-spaces app.json --out gateway.yaml\n  banyan gateway --config gateway.yaml --check",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fail(wrong, "name one file: a CloudFormation template, or the JSON of list-routes and list-services")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			src, err := os.ReadFile(args[0])
			if err != nil {
				return fail(wrong, "%w", err)
			}
			in, err := interchange.RefactorSpaces(args[0], src)
			if err != nil {
				return fail(wrong, "%w; nothing was written", err)
			}
			w.listLeft(in.Left)
			return w.deliver(out, in.YAML, in, asJSON)
		},
	}
	c.Flags().StringVar(&out, "out", "", "the file to write, which must not be there yet; absent: standard output")
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON document on standard output: {yaml, groups, routes, cannot_say}")
	return c
}

// listLeft says on standard error what the target cannot say.
func (w *world) listLeft(left []interchange.Left) {
	for _, l := range left {
		fmt.Fprintln(w.err, "not said:", l)
	}
}

// deliver writes a text to a new file or to standard output, or a document about it.
func (w *world) deliver(out, text string, document any, asJSON bool) error {
	if out != "" {
		if err := writeNew(out, text); err != nil {
			return err
		}
	}
	switch {
	case asJSON:
		return printJSON(w.out, document)
	case out == "":
		_, err := fmt.Fprint(w.out, text)
		return err
	}
	_, err := fmt.Fprintf(w.out, "%s is written\n", out)
	return err
}

// writeNew writes a file that is not there yet: an import never takes the place of a configuration in use.
func writeNew(name, text string) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	switch {
	case errors.Is(err, fs.ErrExist):
		return fail(wrong, "%s is there already and was not touched: give another name", name)
	case err != nil:
		return fail(outside, "%w; nothing was written", err)
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Close()); err != nil {
		return fail(outside, "%w; %s is not whole: remove it and try again", err, name)
	}
	return nil
}
