package pipeline

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// elsewhere are targets that CI runs as a test runs them, or does not run, and why.
var elsewhere = map[string]string{
	"deploy": "needs an account: samconfig.toml's own bucket and stages, and CodeDeploy, which no emulator plays. infra/worlds deploys the same build by " +
		"the same two programs, sam build and sam deploy, into ministack",
	"deploy-gateway": "run by TestNetworkAndGateway against ministack, without what that does not know",
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(file)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// word is a target's name as it stands after make.
var (
	calls = regexp.MustCompile(`\bmake((?: +[A-Za-z][A-Za-z0-9_=$/.:{}-]*)+)`)
	word  = regexp.MustCompile(`^[a-z][a-z-]*$`)
)

// targets are those that a text calls.
func targets(text string) []string {
	var all []string
	for line := range strings.Lines(text) {
		if trimmed := strings.TrimSpace(line); strings.HasPrefix(trimmed, "#") || strings.HasPrefix(trimmed, "//") {
			continue
		}
		for _, call := range calls.FindAllStringSubmatch(line, -1) {
			for _, w := range strings.Fields(call[1]) {
				if word.MatchString(w) && !slices.Contains(all, w) {
					all = append(all, w)
				}
			}
		}
	}
	return all
}

// rule is a target of the Makefile.
type rule struct {
	needs  []string
	recipe []string
}

func makefile(t *testing.T) map[string]rule {
	t.Helper()
	all := map[string]rule{}
	name := ""
	head := regexp.MustCompile(`^([a-z][a-z-]*):([^=#]*)`)
	for line := range strings.Lines(read(t, "Makefile")) {
		if m := head.FindStringSubmatch(line); m != nil {
			name = m[1]
			all[name] = rule{needs: strings.Fields(m[2])}
		} else if step, is := strings.CutPrefix(line, "\t"); is && name != "" {
			r := all[name]
			r.recipe = append(r.recipe, strings.TrimSpace(strings.ReplaceAll(step, "$(GO)", "go")))
			all[name] = r
		} else {
			name = ""
		}
	}
	return all
}

// byCI are the targets that .ci/run runs: by name, by what they need, or step by step.
func byCI(t *testing.T, all map[string]rule) map[string]bool {
	t.Helper()
	ci, run := read(t, ".ci/run"), map[string]bool{}
	var add func(string)
	add = func(name string) {
		if !run[name] {
			run[name] = true
			for _, n := range all[name].needs {
				add(n)
			}
		}
	}
	for _, name := range targets(ci) {
		add(name)
	}
	for name, r := range all {
		if len(r.recipe) > 0 && !slices.ContainsFunc(r.recipe, func(step string) bool { return !strings.Contains(ci, step) }) {
			add(name)
		}
	}
	return run
}

// Every stage of both pipelines is a make target, both have the same in the same order, and CI runs each, or it is said why not.
func TestStagesAreMakeTargets(t *testing.T) {
	t.Parallel()
	all := makefile(t)
	run := byCI(t, all)
	aws := targets(read(t, "infra/pipeline.yaml") + read(t, "infra/deployer.yaml"))
	jenkins := targets(read(t, "Jenkinsfile"))
	if !slices.Equal(aws, jenkins) {
		t.Errorf("infra/pipeline.yaml runs %v, the Jenkinsfile %v", aws, jenkins)
	}
	for _, must := range []string{"test", "lint", "template", "build", "image", "deploy", "deploy-gateway"} {
		if !slices.Contains(aws, must) {
			t.Errorf("no stage runs make %s", must)
		}
	}
	for _, name := range aws {
		if _, is := all[name]; !is {
			t.Errorf("a stage runs make %s, which the Makefile does not have", name)
		}
		if run[name] == (elsewhere[name] != "") {
			t.Errorf("make %s: CI runs it: %v; said of it: %q", name, run[name], elsewhere[name])
		}
	}
}

// Both ask a person before staging and before prod, and not before test; each stage of the one is a stage of the other.
func TestBothPipelinesAskAPerson(t *testing.T) {
	t.Parallel()
	stages := func(text, begin string) (names, asked []string) {
		for _, part := range regexp.MustCompile(begin).Split(text, -1)[1:] {
			name := regexp.MustCompile(`^[a-z-]+`).FindString(part)
			names = append(names, name)
			if strings.Contains(part, "Provider: Manual") || strings.Contains(part, "input {") {
				asked = append(asked, name)
			}
		}
		return names, asked
	}
	want := []string{"test", "build", "deploy-test", "deploy-staging", "deploy-prod"}
	names, asked := stages(read(t, "Jenkinsfile"), `stage\('`)
	if !slices.Equal(names, want) || !slices.Equal(asked, want[3:]) {
		t.Errorf("the Jenkinsfile has %v and asks before %v", names, asked)
	}
	names, asked = stages(read(t, "infra/pipeline.yaml"), `(?m)^        - Name: `)
	if !slices.Equal(names, append([]string{"source"}, want...)) || !slices.Equal(asked, want[3:]) {
		t.Errorf("infra/pipeline.yaml has %v and asks before %v", names, asked)
	}
}
