package rehearsal

import (
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/banyan-migration/banyan/infra/canary"
	player "github.com/banyan-migration/banyan/infra/runtime"
	"github.com/banyan-migration/banyan/infra/template"
)

// plan is what the template says of a service and its deployment.
type plan struct {
	service  string
	id       string // in the template, and in the hooks' Handler
	template *template.Template
	function player.Function
	rollout  canary.Rollout
	traffic  traffic
	setting  Setting
}

// The versions, as the player will number them.
const (
	old   = "1"
	fresh = "2"
)

func read(o Options) (*plan, error) {
	p := &plan{service: o.Service, id: strings.ToUpper(o.Service[:min(1, len(o.Service))]) + o.Service[min(1, len(o.Service)):], traffic: trafficOf(o.Service)}
	text, err := os.ReadFile(o.Template)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, wrong("%s is not there: rehearse in the folder that has template.yaml, or name it with --template", o.Template)
	} else if err != nil {
		return nil, err
	}
	if p.template, err = template.Parse(o.Template, text, map[string]string{"Stage": o.Stage, "Canary": "true"}); err != nil {
		return nil, &Wrong{err}
	}
	f, there := p.template.Function(p.id)
	if !there {
		return nil, wrong("%s has no function %s: is %q a service?", o.Template, p.id, o.Service)
	}
	name := o.Type
	if name == "" {
		name = f.Deployment.Type
	}
	kind, err := canary.ParseType(name)
	if err != nil {
		return nil, &Wrong{err}
	}
	if f.Alias == "" {
		return nil, wrong("%s: %s has no AutoPublishAlias, so that no traffic of it can be shifted", o.Template, p.id)
	}
	p.function = player.Function{Name: f.Name, Handler: "bootstrap", Memory: f.Memory, Timeout: f.Timeout}
	if p.function.Name == "" {
		p.function.Name = "banyan-" + o.Stage + "-" + o.Service
	}
	alarms, err := p.alarms(o, f)
	if err != nil {
		return nil, err
	}
	p.rollout = canary.Rollout{Function: p.function.Name, Alias: f.Alias, Type: kind, Alarms: alarms}
	p.setting = Setting{Function: p.function.Name, Stage: o.Stage, Type: kind.Name, Traffic: p.traffic.what, Hooks: []string{}, Missing: p.missing(o)}
	if o.Hooks != "" {
		p.setting.Hooks = []string{"before." + p.id, "after." + p.id}
	}
	return p, nil
}

// alarms are those that the function's deployment names, out of the nested stacks that have them.
func (p *plan) alarms(o Options, f template.Function) ([]canary.Alarm, error) {
	stacks := map[string]*template.Template{}
	var all []canary.Alarm
	for _, wanted := range f.Deployment.Alarms {
		for _, name := range wanted.References() {
			id, output, nested := strings.Cut(name, ".Outputs.")
			within, alarm := p.template, name
			if nested {
				if stacks[id] == nil {
					var err error
					if stacks[id], err = p.nested(o, id); err != nil {
						return nil, err
					}
				}
				within = stacks[id]
				if refers := within.Outputs[output].References(); len(refers) == 1 {
					alarm = refers[0]
				}
			}
			found := false
			for _, a := range within.Alarms {
				if a.ID == alarm {
					all, found = append(all, played(a)), true
				}
			}
			if !found {
				return nil, wrong("%s:%d: %s's deployment is watched by %s, which is no alarm that can be read", o.Template, f.Line, p.id, name)
			}
		}
	}
	return all, nil
}

func (p *plan) nested(o Options, id string) (*template.Template, error) {
	stack, there := p.template.Stack(id)
	if !there {
		return nil, wrong("%s has no stack %s", o.Template, id)
	}
	given, err := stack.Given(func(name string) (string, bool) {
		if name == p.id+".Version.Version" {
			return fresh, true
		}
		return "-", true // keys, topics and Layers are of no interest to an alarm
	})
	if err != nil {
		return nil, wrong("%s: %w", o.Template, err)
	}
	file := filepath.Join(filepath.Dir(o.Template), stack.Template)
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, wrong("%s:%d: %w", o.Template, stack.Line, err)
	}
	t, err := template.Parse(file, text, given)
	if err != nil {
		return nil, &Wrong{err}
	}
	return t, nil
}

func played(a template.Alarm) canary.Alarm {
	return canary.Alarm{Name: a.Name, Metric: canary.Metric{Namespace: a.Namespace, Name: a.Metric, Dimensions: a.Dimensions, Statistic: a.Statistic},
		Period: a.Period, Periods: a.Periods, Datapoints: a.Datapoints, Threshold: a.Threshold, Comparison: a.Comparison, Missing: a.Missing, LowSamples: a.LowSamples}
}

// missing is what a person must know of what the rehearsal leaves out.
func (p *plan) missing(o Options) []string {
	var all []string
	if o.Hooks == "" {
		all = append(all, "the hooks: no bootstrap of theirs is beside the new version's folder; `make build` makes it")
	}
	if p.service == "payments" {
		all = append(all, "the hook's charge: it needs donate and an acquirer's test address")
	}
	return append(all, "the delay of up to some minutes with which AWS's metrics arrive, and cold starts by the thousand")
}

// bootstrap says what is wrong with a version's folder.
func bootstrap(folder string) error {
	file := filepath.Join(folder, "bootstrap")
	info, err := os.Stat(file)
	switch {
	case err != nil:
		return fmt.Errorf("%s has no bootstrap: `make build` makes build/%s/SERVICE/bootstrap; keep the folder of the release before as the old one", folder, runtime.GOARCH)
	case info.IsDir() || info.Mode()&0o111 == 0:
		return fmt.Errorf("%s is no executable file", file)
	}
	f, err := elf.Open(file)
	if err != nil {
		return nil // a script is fine: what cannot run says so itself
	}
	defer f.Close()
	machines := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}
	if m := machines[runtime.GOARCH]; m != f.Machine {
		return fmt.Errorf("%s is for another machine (%v): this one takes build/%s", file, f.Machine, runtime.GOARCH)
	}
	return nil
}

func indented(text string) string {
	if text = strings.TrimSpace(text); text == "" {
		return ""
	}
	return "    " + strings.ReplaceAll(text, "\n", "\n    ") + "\n"
}
