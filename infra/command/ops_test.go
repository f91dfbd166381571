package command

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/banyan-migration/banyan/gateway/config"
)

func ops(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "ops", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

var fence = regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```")

// fenced are the blocks of a page in one language.
func fenced(page, language string) []string {
	var all []string
	for _, m := range fence.FindAllStringSubmatch(page, -1) {
		if m[1] == language {
			all = append(all, m[2])
		}
	}
	return all
}

// words are a shell line's, quotes taken off.
func words(line string) []string {
	var all []string
	for _, m := range regexp.MustCompile(`'[^']*'|"[^"]*"|\S+`).FindAllString(line, -1) {
		all = append(all, strings.Trim(m, `'"`))
	}
	return all
}

// known says why a command line is none of ours: a verb, a flag or an argument that does not exist.
func known(args []string) error {
	verb, rest, err := root(&world{in: strings.NewReader(""), out: io.Discard, err: io.Discard}).Find(args)
	if err != nil {
		return err
	}
	if err := verb.ParseFlags(rest); err != nil {
		return err
	}
	return verb.ValidateArgs(verb.Flags().Args())
}

// What the page tells people to type exists, with its flags; what it tells them to write is accepted; what it tells them to watch is there.
func TestThePageBeforeTheFrontHolds(t *testing.T) {
	t.Parallel()
	page := ops(t, "before-you-put-it-in-front.md")
	commands := 0
	for _, block := range fenced(page, "sh") {
		for line := range strings.Lines(block) {
			if w := words(line); w[0] == "banyan" {
				commands++
				if err := known(w[1:]); err != nil {
					t.Errorf("%s: %v", strings.TrimSpace(line), err)
				}
			}
		}
	}
	snippets := fenced(page, "yaml")
	for _, snippet := range snippets {
		if _, err := config.Parse("page.yaml", []byte(snippet), config.Options{Check: true}); err != nil {
			t.Error(err)
		}
	}
	if commands < 10 || len(snippets) == 0 {
		t.Errorf("%d commands and %d snippets were found", commands, len(snippets))
	}
	if err := known([]string{"cutover", "drill", "x", "--nothing"}); err == nil {
		t.Error("an unknown flag is known")
	}
}

// Every metric and every class on the page is one that the gateway's own sources name.
func TestWhatThePageWatchesExists(t *testing.T) {
	t.Parallel()
	var source strings.Builder
	err := filepath.WalkDir(filepath.Join("..", "..", "gateway"), func(path string, d os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		raw, err := os.ReadFile(path)
		source.Write(raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("`((?:banyan|client|upstream|gateway)_[a-z0-9_]+)`").FindAllStringSubmatch(ops(t, "before-you-put-it-in-front.md"), -1)
	for _, m := range found {
		if !strings.Contains(source.String(), `"`+m[1]+`"`) {
			t.Errorf("no metric and no class %s", m[1])
		}
	}
	if len(found) < 18 {
		t.Errorf("%d metrics and classes were found", len(found))
	}
}

// The unit starts what exists, and the socket passes the data port first, as LISTEN_FDS is read.
func TestUnitAndSocketFitTheGateway(t *testing.T) {
	t.Parallel()
	unit, socket := ops(t, "banyan-gateway.service"), ops(t, "banyan-gateway.socket")
	start := regexp.MustCompile(`(?m)^ExecStart=\S+/banyan (.*)$`).FindStringSubmatch(unit)
	if start == nil {
		t.Fatal("no ExecStart")
	}
	if err := known(strings.Fields(start[1])); err != nil {
		t.Errorf("ExecStart: %v", err)
	}
	c, err := config.Parse("page.yaml", []byte(fenced(ops(t, "before-you-put-it-in-front.md"), "yaml")[0]), config.Options{Check: true})
	if err != nil {
		t.Fatal(err)
	}
	var ports []string
	for _, m := range regexp.MustCompile(`(?m)^ListenStream=(.*)$`).FindAllStringSubmatch(socket, -1) {
		ports = append(ports, m[1])
	}
	if !slices.Equal(ports, []string{c.Listen, c.Admin.Listen}) {
		t.Errorf("sockets %v, want %s and %s in this order", ports, c.Listen, c.Admin.Listen)
	}
}

// systemd itself finds nothing wrong with the units.
func TestSystemdTakesTheUnits(t *testing.T) {
	t.Parallel()
	program := os.Getenv("BANYAN_SYSTEMD")
	if program == "" {
		t.Skip("BANYAN_SYSTEMD names no systemd-analyze to verify the units with")
	}
	dir := t.TempDir()
	var files []string
	for _, name := range []string{"banyan-gateway.service", "banyan-gateway.socket"} {
		file := filepath.Join(dir, name)
		files = append(files, file)
		text := strings.ReplaceAll(ops(t, name), "/usr/local/bin/banyan", os.Args[0]) // a program that is there
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	said, err := exec.Command(program, append([]string{"verify", "--man=no", "--recursive-errors=no"}, files...)...).CombinedOutput()
	if err != nil || strings.Contains(string(said), "banyan-gateway") {
		t.Errorf("%v\n%s", err, said)
	}
}
