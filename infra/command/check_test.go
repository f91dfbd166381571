package command

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/shared/form"
)

// What a start would refuse, a check says, and every mistake at once: those of the text and those of the forms and their
// frozen pages, each in its line, for a person and as JSON.
func TestCheckSaysWhatAStartRefuses(t *testing.T) {
	t.Parallel()
	const head = "hosts: [\"*\"]\nbackends:\n  drupal: {url: http://127.0.0.1:9001}\n  services: {url: http://127.0.0.1:9002}\ndefault: drupal\n" +
		"groups:\n  a:\n    from: drupal\n    to: services\n    routes:\n"
	for name, c := range map[string]struct {
		text string
		says []string
	}{
		"forms": {
			head + "      - {match: POST /sms, form: {node: 99, service: donate, pay: live}}\n      - {match: POST /gift-aid, form: {node: 3, service: giftaid}}\nbogus: 1\n",
			[]string{`:11: groups.a.routes[0].form.pay: "live" is no way to pay`, ":11: form: node 99 has no live mapping", ":12: form: node 3 has no live mapping", ":13: bogus: unknown key"},
		},
		"service": {head + "      - {match: POST /donate, form: {node: 2, service: zzz}}\n", []string{":11: form: node 2 (donate) goes to the service donate, not \"zzz\""}},
		"pages": {
			head + fmt.Sprintf("      - {match: POST /donate, form: {node: 2, service: donate, pages: %s}}\n", damagedPages(t)),
			[]string{":11: form: the frozen pages of node 2: ", "of type file", "open form.html: no such file", "banyan cutover freeze-forms"},
		},
		"no pages": {head + "      - {match: POST /donate, form: {node: 2, service: donate, pages: /nowhere}}\n", []string{":11: pages: /nowhere is not a folder"}},
	} {
		file := filepath.Join(t.TempDir(), "gateway.yaml")
		if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, out, asJSON := call(t, "gateway", "--config", file, "--check", "--json")
		var report config.Checked
		if err := json.Unmarshal([]byte(out), &report); err != nil || report.OK {
			t.Errorf("%s: %s, %v", name, out, err)
		}
		listed := config.Mistakes(report.Mistakes).Error()
		for _, args := range [][]string{{"--check"}, {"--check", "--json"}, {}} {
			status, _, errs := call(t, append([]string{"gateway", "--config", file}, args...)...)
			for _, says := range c.says {
				if status != wrong || !strings.Contains(errs, says) || !strings.Contains(errs, listed) {
					t.Errorf("%s: gateway %s: status %d, %s\nwant %d and %s", name, strings.Join(args, " "), status, errs, wrong, says)
				}
			}
			if lines := strings.Count(strings.TrimSpace(errs), "\n"); lines != len(report.Mistakes) {
				t.Errorf("%s: %d lines of %d mistakes:\n%s", name, lines, len(report.Mistakes), errs)
			}
		}
		if !strings.Contains(asJSON, listed) {
			t.Errorf("%s: %s", name, asJSON)
		}
	}
}

// damagedPages are the sample's frozen pages with a component that no adapter takes and without the form itself.
func damagedPages(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "pages")
	list := filepath.Join(dir, "components.json")
	if err := os.CopyFS(dir, form.Sample(2)); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(list)
	if err == nil {
		err = os.WriteFile(list, []byte(strings.Replace(string(text), `"type": "textarea"`, `"type": "file"`, 1)), 0o600)
	}
	if err == nil {
		err = os.Remove(filepath.Join(dir, "form.html"))
	}
	if err != nil || !strings.Contains(string(text), `"textarea"`) {
		t.Fatal(err)
	}
	return dir
}

// Without a store the weights are forgotten at a restart: a check says it, and so does a start.
func TestNoStoreIsSaid(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	const says = "store: none is named: a restart forgets weights and journal"
	if out := must(t, "gateway", "--config", y.conf, "--check"); strings.Contains(out, says) {
		t.Errorf("there is one: %s", out)
	}
	text := y.text()
	from := strings.Index(text, "store:")
	y.write(text[:from] + text[from+strings.Index(text[from:], "\n")+1:])
	if out := must(t, "gateway", "--config", y.conf, "--check"); !strings.Contains(out, "gateway.yaml:1: note: "+says) {
		t.Errorf("a check: %s", out)
	}
	p := y.start()
	p.log.until(t, says)
	p.end(t)
}
