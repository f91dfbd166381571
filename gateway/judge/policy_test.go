package judge_test

import (
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/gateway/judge"
)

func TestThePoliciesThatComeWithTheProgramCanBe(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"default", "demo"} {
		p, ok := judge.Named(name)
		if err := p.Check(); !ok || err != nil || p.Name != name {
			t.Errorf("%s: %v, %v", name, ok, err)
		}
	}
	if p, ok := judge.Named("reckless"); ok {
		t.Errorf("there is a policy %+v", p)
	}
}

func TestAWrongPolicyNamesItsField(t *testing.T) {
	t.Parallel()
	for field, change := range map[string]func(p *judge.Policy){
		"alpha":           func(p *judge.Policy) { p.Alpha = 0.5 },
		"cell":            func(p *judge.Policy) { p.Cell = time.Millisecond },
		"stale":           func(p *judge.Policy) { p.Stale = time.Second },
		"sample":          func(p *judge.Policy) { p.Sample = -1 },
		"margin":          func(p *judge.Policy) { p.Margin = -time.Second },
		"margin_percent":  func(p *judge.Policy) { p.MarginPercent = -20 },
		"overdue":         func(p *judge.Policy) { p.Overdue = 0 },
		"lost_percent":    func(p *judge.Policy) { p.LostPercent = 0 },
		"breaker.row":     func(p *judge.Policy) { p.Breaker.Row = 0 },
		"breaker.percent": func(p *judge.Policy) { p.Breaker.Percent = 101 },
		"breaker.over":    func(p *judge.Policy) { p.Breaker.Over = 0 },
		"breaker.window":  func(p *judge.Policy) { p.Breaker.Window = 0 },
		"breaker.legacy":  func(p *judge.Policy) { p.Breaker.Legacy = -1 },
		"steps[1].weight": func(p *judge.Policy) { p.Steps = []judge.Step{{Weight: 100}, {Weight: 100}} },
		"steps[0].weight": func(p *judge.Policy) { p.Steps = []judge.Step{{Weight: 10001}} },
		"steps[0].dwell":  func(p *judge.Policy) { p.Steps = []judge.Step{{Weight: 100, Dwell: -1}} },
		"steps[0].sample": func(p *judge.Policy) { p.Steps = []judge.Step{{Weight: 100, Sample: -1}} },
	} {
		p := judge.Default
		change(&p)
		if err := p.Check(); err == nil || !strings.Contains(err.Error(), `"default": `+field) {
			t.Errorf("%s: %v", field, err)
		}
	}
}

// The demo's policy allows in seconds what the default one refuses.
func TestTheDefaultRefusesTheDemosRamp(t *testing.T) {
	t.Parallel()
	now := ready
	now.Since, now.Dwell, now.Sample = noon.Add(-3*time.Second), judge.Demo.Steps[2].Dwell, judge.Demo.Sample
	cell := equal()
	cell.At = noon.Add(-judge.Demo.Cell)
	s := after(cell)
	if v := judge.Look(s, now, judge.Demo); v.Kind != judge.PromoteOK {
		t.Errorf("demo: %s (%s): %s", v.Kind, v.Reason, v.Why)
	}
	now.Dwell, now.Sample = judge.Default.Steps[2].Dwell, judge.Default.Sample
	if v := judge.Look(s, now, judge.Default); v.Kind != judge.Hold || v.Reason != "dwell" {
		t.Errorf("default: %s (%s): %s", v.Kind, v.Reason, v.Why)
	}
}
