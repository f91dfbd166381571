package stack

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const main = "template.yaml"

// translator is sam's own, in a process of its own. Safe for concurrent use.
type translator struct {
	mu  sync.Mutex
	in  io.Writer
	out *bufio.Reader
}

// theTranslator ends with this process, which closes its input.
var theTranslator = sync.OnceValues(func() (*translator, error) {
	cmd := exec.Command(filepath.Join(filepath.Dir(os.Getenv("BANYAN_SAM")), "python"), "transform.py")
	cmd.Env = append(os.Environ(), "AWS_DEFAULT_REGION=eu-west-1")
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &translator{in: in, out: bufio.NewReader(out)}, cmd.Start()
})

func startTranslator(t *testing.T) *translator {
	t.Helper()
	if os.Getenv("BANYAN_SAM") == "" {
		t.Skip("BANYAN_SAM is not set: it is the path of sam")
	}
	tr, err := theTranslator()
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// sources are the templates' texts by path.
func sources(t *testing.T) map[string]string {
	t.Helper()
	root := filepath.Join("..", "..")
	paths, err := filepath.Glob(filepath.Join(root, "infra", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, p := range append(paths, filepath.Join(root, main)) {
		text, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		name, err := filepath.Rel(root, p)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.ToSlash(name)] = string(text)
	}
	return files
}

// transform is what the templates are to CloudFormation.
func (tr *translator) transform(files, parameters map[string]string) (map[string]template, error) {
	request, err := json.Marshal(map[string]any{"files": files, "parameters": parameters})
	if err != nil {
		return nil, err
	}
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if _, err := tr.in.Write(append(request, '\n')); err != nil {
		return nil, err
	}
	line, err := tr.out.ReadBytes('\n')
	if err != nil {
		return nil, fmt.Errorf("transform.py ended: %w", err)
	}
	var failed struct{ Error string }
	if err := json.Unmarshal(line, &failed); err == nil && failed.Error != "" {
		return nil, errors.New(failed.Error)
	}
	var all map[string]template
	return all, json.Unmarshal(line, &all)
}

// estate transforms and resolves for an environment, with CodeDeploy on unless the parameters say otherwise.
func (tr *translator) estate(files map[string]string, stage string, parameters ...string) (*estate, error) {
	given := map[string]string{"Stage": stage, "Canary": "true", "DomainName": "services.rednosefund.example", "Certificate": "arn:aws:acm:eu-west-1:111122223333:certificate/own", "OutcomesUrl": "https://www.rednosefund.example/v1/outcomes"}
	for _, p := range parameters {
		name, value, _ := strings.Cut(p, "=")
		given[name] = value
	}
	all, err := tr.transform(files, given)
	if err != nil {
		return nil, err
	}
	return resolve(all, given)
}
