package command

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/banyan-migration/banyan/shared/fault"
)

// A call that is wrong ends with 2 and says how it is right, in every group of verbs.
func TestWrongCalls(t *testing.T) {
	t.Parallel()
	for call, says := range map[string]string{
		"nonsense":                "`banyan --help`",
		"migrate nonsense":        `"nonsense" is not a verb of ` + "`banyan migrate`",
		"cutover nonsense donate": "`banyan cutover --help`",
		"loadtest nonsense":       "`banyan loadtest --help`",
		"cost prices nonsense":    "`banyan cost prices --help`",
		"migrate backfill":        `"from", "to" not set; ` + "`banyan migrate backfill --help`",
		"up --nonsense":           "unknown flag: --nonsense; `banyan up --help`",
		"up --listen nonsense":    "--listen: address nonsense: missing port in address; it is an address such as",
		"demo nonsense":           "`banyan demo --help`",
	} {
		var out, errs bytes.Buffer
		if status := run(t.Context(), strings.Fields(call), nil, strings.NewReader(""), &out, &errs); status != wrong || out.Len() > 0 || !strings.Contains(errs.String(), says) {
			t.Errorf("%s: %d, %s%s, want %d and %q", call, status, &out, &errs, wrong, says)
		}
	}
}

// Every verb shows how it is called; a group alone shows its verbs, and that is no failure.
func TestEveryVerbHasAnExample(t *testing.T) {
	t.Parallel()
	var look func(*cobra.Command)
	look = func(c *cobra.Command) {
		if !c.HasSubCommands() && c.Example == "" {
			t.Errorf("`%s` has no example", c.CommandPath())
		}
		if c.Short == "" {
			t.Errorf("`%s` does not say what it does", c.CommandPath())
		}
		for _, verb := range c.Commands() {
			look(verb)
		}
	}
	look(root(&world{out: io.Discard, err: io.Discard}))
	var out bytes.Buffer
	if status := run(t.Context(), []string{"migrate"}, nil, strings.NewReader(""), &out, &out); status != done || !strings.Contains(out.String(), "backfill") {
		t.Errorf("%d, %s", status, &out)
	}
}

// Whoever types a command is told the cause, and not what a donor would be told of it.
func TestCausesAreForUs(t *testing.T) {
	t.Parallel()
	full := &fault.Error{Kind: fault.Unavailable, Text: "Please try again in a moment", Err: errors.New("the disk is full: make room")}
	if got, want := ours(fail(outside, "move: %w. Run it again", full)), "move: the disk is full: make room. Run it again"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := ours(fault.Wrong("amount", "an amount in pounds")); got != "amount: an amount in pounds" {
		t.Errorf("%q: a fault without a cause keeps its words", got)
	}
}
