package stack

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// stands in for sam: `build` gives what make goes on with, `deploy` notes what it was told, as sam itself reads it.
const standIn = `#!/bin/sh
set -eu
if [ "$1" = build ]; then mkdir -p .aws-sam/build; exec cp template.yaml .aws-sam/build/; fi
while [ "$1" != --parameter-overrides ]; do shift; done
shift
exec PYTHON -c '
import json, sys
from samcli.cli.types import CfnParameterOverridesType
print(json.dumps(CfnParameterOverridesType().convert(tuple(sys.argv[1:]), None, None)))' "$@" >>told
`

// desk is a copy of what `make deploy` needs, where sam and the AWS CLI are stand-ins. The parameter store has one text.
func desk(t *testing.T, store string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	sam, err := filepath.Abs(os.Getenv("BANYAN_SAM"))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{
		"bin/sam": strings.ReplaceAll(standIn, "PYTHON", filepath.Join(filepath.Dir(sam), "python")), "bin/aws": "#!/bin/sh\ncat store\n",
		"store": store, "infra/layer/data.json": "{}", "build/image.digest": "sha256:" + strings.Repeat("d", 64) + "\n",
	}
	for _, own := range []string{"Makefile", "template.yaml", "infra/stack/parameters.sh"} {
		text, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(own)))
		if err != nil {
			t.Fatal(err)
		}
		files[own] = string(text)
	}
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// run is a command at the desk, and what sam was told by it: one mapping for each deployment.
func run(t *testing.T, dir, command string, environment ...string) (told []map[string]string, said string, err error) {
	t.Helper()
	cmd := exec.Command("sh", "-ec", command)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "PATH="+filepath.Join(dir, "bin")+string(os.PathListSeparator)+os.Getenv("PATH")), environment...)
	out, err := cmd.CombinedOutput()
	raw, readErr := os.ReadFile(filepath.Join(dir, "told"))
	if readErr != nil && !os.IsNotExist(readErr) {
		t.Fatal(readErr)
	}
	for line := range bytes.Lines(raw) {
		var one map[string]string
		if err := json.Unmarshal(line, &one); err != nil {
			t.Fatal(err)
		}
		told = append(told, one)
	}
	return told, string(out), err
}

// hard is what a shell, make and sam would each read something into.
var hard = map[string]string{
	"Callers":   `{"` + strings.Repeat("c9", 32) + `": {"name": "the site's own", "roles": ["client"]}}`,
	"ReturnUrl": `https://www.rednosefund.example/thanks?gift={id}&from=$HOME;#top`,
	"Providers": `stripe=70 worldpay=30`,
}

// lines writes parameters one a line.
func lines(of map[string]string) string {
	var b strings.Builder
	for name, value := range of {
		b.WriteString(name + "=" + value + "\n")
	}
	return b.String()
}

// TestParametersReachSamAsTheyWereGiven by a person and by both pipelines, whose own commands are run.
func TestParametersReachSamAsTheyWereGiven(t *testing.T) {
	t.Parallel()
	startTranslator(t)
	steps := func(file, pattern string) string {
		text, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(file)))
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(text), -1) {
			all = append(all, m[1])
		}
		if len(all) != 2 {
			t.Fatalf("%s has the steps %q, want deploy and deploy-gateway", file, all)
		}
		return strings.Join(all, "\n")
	}
	given := lines(hard)
	for name, c := range map[string]struct {
		command     string
		environment []string
		want        []map[string]string // of each deployment
	}{
		"on one line": {"make deploy STAGE=test PARAMETERS='ReturnUrl=https://a.example/?a=1&b={id} Providers=worldpay=100'", nil,
			[]map[string]string{{"Stage": "test", "ReturnUrl": "https://a.example/?a=1&b={id}", "Providers": "worldpay=100"}}},
		"none":              {"make deploy STAGE=test", nil, []map[string]string{{"Stage": "test", "Canary": "true", "Release": "unnamed"}}},
		"the Jenkinsfile":   {steps("Jenkinsfile", `(?m)^    sh '(.*make deploy.*)'$`), []string{"STAGE=prod"}, []map[string]string{hard, {"Stage": "prod"}, hard}},
		"infra/deployer":    {steps("infra/deployer.yaml", `(?m)^ +- (make deploy.*)$`), []string{"STAGE=prod", "DIGEST=d", "PARAMETERS=" + given, "GATEWAY=" + given}, []map[string]string{hard, {"Stage": "prod"}, hard}},
		"the network's too": {"make deploy-gateway STAGE=test DIGEST=d NETWORK='Nat=one'", nil, []map[string]string{{"Nat": "one"}, {"Digest": "d"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := desk(t, given)
			told, said, err := run(t, dir, c.command, c.environment...)
			if err != nil || len(told) != len(c.want) {
				t.Fatalf("%v: sam was told %v\n%s", err, told, said)
			}
			for i, want := range c.want {
				got := maps.Clone(told[i])
				maps.DeleteFunc(got, func(name, _ string) bool { return want[name] == "" })
				if !maps.Equal(got, want) {
					t.Errorf("sam was told\n%v, want\n%v", got, want)
				}
			}
			if hash := told[0]["ReleaseHash"]; strings.Contains(c.command, "make deploy ") {
				built, err := os.ReadFile(filepath.Join(dir, ".aws-sam", "build", "template.yaml"))
				if err != nil || len(hash) != 64 || !strings.Contains(string(built), "Default: '"+hash+"'") {
					t.Errorf("ReleaseHash is %q, and the built template has another one: %v", hash, err)
				}
			}
		})
	}
}

// TestParametersThatWouldBeCutAreRefused before anything is deployed.
func TestParametersThatWouldBeCutAreRefused(t *testing.T) {
	t.Parallel()
	startTranslator(t)
	for text, want := range map[string]string{
		`DomainName=a.example Callers={"c9": {"name": "site"}}`:  "one parameter a line",
		"Callers={}\nReturnUrl https://a.example":                "no Name=value",
		"Callers={\"a\": {\"name\": \"a\\\"b\"}}\nLogLevel=info": `would drop the \`,
	} {
		told, said, err := run(t, desk(t, ""), "make deploy STAGE=test", "PARAMETERS="+text)
		if err == nil || len(told) > 0 || !strings.Contains(said, want) {
			t.Errorf("%s: %v, told %v, want %q:\n%s", text, err, told, want, said)
		}
	}
}

// TestPatternsOfParameters: CloudFormation refuses what a function would fail at, or AWS would after half an hour.
func TestPatternsOfParameters(t *testing.T) {
	t.Parallel()
	tr := startTranslator(t)
	all, err := tr.transform(sources(t), map[string]string{"Stage": "test"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, value string
		holds       bool
	}{
		{"Callers", "{}", true}, {"Callers", hard["Callers"], true}, {"Callers", "{", false}, {"Callers", "{c9:{name:site}}", false}, {"Callers", "", false},
		{"Origins", "https://a.example,http://localhost:8080", true}, {"Origins", "*", false}, {"Origins", "https://*.example", false},
		{"Origins", "https://a.example/", false}, {"Origins", "https://a.example, https://b.example", false},
	} {
		pattern := all[main].Parameters[c.name].AllowedPattern
		if got := regexp.MustCompile("^(?:" + pattern + ")$").MatchString(c.value); pattern == "" || got != c.holds {
			t.Errorf("%s may be %s: %v by %q, want %v", c.name, c.value, got, pattern, c.holds)
		}
	}
}
