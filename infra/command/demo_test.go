package command

import (
	"bufio"
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/banyan-migration/banyan/infra/local/report"
)

// A demo of which a check does not hold exits with 1 and names it, with the figure that says who it is about; one that holds
// exits with 0; one that checked nothing has held nothing.
func TestDemoExitsByWhatHeld(t *testing.T) {
	t.Parallel()
	good := report.Check{Name: "the ledger sums to nothing", Held: true, Figure: "9 accounts"}
	lost := report.Check{Name: "no donation that anybody was thanked for is lost", Figure: "375 of 376 stored: lt-1-42"}
	twice := report.Check{Name: "each donation is charged once", Figure: "1 twice: lt-1-43"}
	for _, c := range []struct {
		checks []report.Check
		status int
		says   []string
	}{
		{[]report.Check{good, good}, done, nil},
		{[]report.Check{good, lost}, unheld, []string{"1 of 2 checks do not hold", lost.Name + ": " + lost.Figure}},
		{[]report.Check{twice, good, lost}, unheld, []string{"2 of 3", lost.Name + ": " + lost.Figure, twice.Name + ": " + twice.Figure}},
		{nil, unheld, []string{"0 of 0"}},
	} {
		err := heldOrNot(&report.Report{Checks: c.checks})
		status := done
		if e := (*exit)(nil); errors.As(err, &e) {
			status = e.status
		} else if err != nil {
			t.Errorf("%v has no status", err)
		}
		if status != c.status {
			t.Errorf("%v: status %d, not %d", c.checks, status, c.status)
		}
		for _, part := range c.says {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%v\nlacks %q", err, part)
			}
		}
		if err != nil && strings.Contains(err.Error(), good.Name) {
			t.Errorf("%v\nnames what holds", err)
		}
	}
}

func TestDemoTellsEveryCheckAndWhereTheReportIs(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	checks := []report.Check{{Name: "one", Held: true, Figure: "1 of 1"}, {Name: "two", Figure: "0 of 1"}}
	if err := tellChecks(&world{out: &out}, &report.Report{Checks: checks}, "somewhere"); err != nil {
		t.Fatal(err)
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	want := "\n  held      one\n            1 of 1\n  NOT HELD  two\n            0 of 1\n\nthe report: file://" + filepath.Join(here, "somewhere", "report.html") + "\n"
	if out.String() != want {
		t.Errorf("got  %q\nwant %q", out.String(), want)
	}
}

// Ctrl-C in the middle of the night: status 3 with a sentence, and nothing of the demo is left, neither its world nor half a report.
func TestDemoInterrupted(t *testing.T) {
	t.Parallel()
	temporary, out := t.TempDir(), filepath.Join(t.TempDir(), "report")
	demo := exec.CommandContext(t.Context(), os.Args[0], "demo", "--fast", "--out", out)
	demo.Env = append(os.Environ(), "BANYAN_TEST_AS_COMMAND=1", "TMPDIR="+temporary)
	said, err := demo.StderrPipe()
	if err == nil {
		err = demo.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	var tail []string
	for line := bufio.NewScanner(said); line.Scan(); {
		tail = append(tail, line.Text())
		if strings.HasSuffix(line.Text(), " s  a person approves the schedule: the first ramp") {
			worlds, err := os.ReadDir(temporary)
			if err = errors.Join(err, demo.Process.Signal(os.Interrupt)); err != nil || len(worlds) != 1 {
				t.Errorf("the night plays in %v (%v)", worlds, err)
			}
		}
	}
	_ = demo.Wait() // the status says what it would
	text := strings.Join(tail, "\n")
	if status := demo.ProcessState.ExitCode(); status != outside || !strings.Contains(text, "the demo was interrupted: its world is removed, no report was written; play it again") {
		t.Errorf("status %d: %s", status, text)
	}
	left, err := os.ReadDir(temporary)
	if _, written := os.Stat(out); err != nil || len(left) > 0 || !errors.Is(written, fs.ErrNotExist) {
		t.Errorf("left: %v, %v, the report %v", left, err, written)
	}
}
