package command

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	runbookNamed = regexp.MustCompile(`docs/runbooks/([a-z-]+\.md)`)
	alarmed      = regexp.MustCompile(`Type: AWS::CloudWatch::(?:Composite)?Alarm`)
	graded       = regexp.MustCompile(`(?m)^Grade: (recovers by itself|by hand|needs a decision)$`)
)

// Every alarm's description names a page of docs/runbooks, the page is there and has its grade, every page is some alarm's, and the
// commands that it tells a tired person to type exist.
func TestEveryAlarmHasItsRunbook(t *testing.T) {
	t.Parallel()
	templates, err := filepath.Glob(filepath.Join("..", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for _, file := range append(templates, filepath.Join("..", "..", "template.yaml")) {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		pages := runbookNamed.FindAllSubmatch(raw, -1)
		for _, p := range pages {
			named[string(p[1])] = true
		}
		if alarms := len(alarmed.FindAll(raw, -1)); alarms > len(pages) {
			t.Errorf("%s has %d alarms and names %d runbooks: name a page in each AlarmDescription", file, alarms, len(pages))
		}
	}
	folder := filepath.Join("..", "..", "docs", "runbooks")
	pages, err := os.ReadDir(folder)
	if err != nil || len(named) < 5 {
		t.Fatalf("%d runbooks are named: %v", len(named), err)
	}
	for _, p := range pages {
		if p.Name() == "README.md" {
			continue
		}
		if !named[p.Name()] {
			t.Errorf("docs/runbooks/%s is no alarm's", p.Name())
		}
		delete(named, p.Name())
		raw, err := os.ReadFile(filepath.Join(folder, p.Name()))
		if err != nil {
			t.Fatal(err)
		}
		page := string(raw)
		if !graded.MatchString(page) {
			t.Errorf("docs/runbooks/%s has no line `Grade: recovers by itself`, `by hand` or `needs a decision`", p.Name())
		}
		for _, block := range fenced(page, "sh") {
			for line := range strings.Lines(block) {
				callable(t, p.Name(), strings.Fields(line))
			}
		}
	}
	for page := range named {
		t.Errorf("an alarm names docs/runbooks/%s, which is not there", page)
	}
}

// callable says that a line of a page, where it calls us, calls a verb that is there, with flags that it has.
func callable(t *testing.T, page string, words []string) {
	t.Helper()
	if len(words) == 0 || words[0] != "banyan" {
		return
	}
	verb, _, err := root(&world{out: io.Discard, err: io.Discard}).Find(words[1:])
	if err != nil || verb.HasSubCommands() {
		t.Errorf("docs/runbooks/%s: %q calls no verb: %v", page, words, err)
		return
	}
	for _, w := range words {
		name, is := strings.CutPrefix(w, "--")
		if is && verb.Flags().Lookup(name) == nil && name != "help" {
			t.Errorf("docs/runbooks/%s: `%s` has no flag --%s", page, verb.CommandPath(), name)
		}
	}
}
