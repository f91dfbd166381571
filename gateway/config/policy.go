package config

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/banyan-migration/banyan/gateway/judge"
	"github.com/banyan-migration/banyan/gateway/split"
)

// policy reads a policy's name, or a policy of the group's own: {from: default, sample: 400, steps: [100, 10000], dwell: 12h}.
func (b *builder) policy(g *Group, n node) {
	if !n.mapping() {
		g.Policy = b.named(n)
		return
	}
	said := len(b.mistakes) + len(b.notes)
	own := judge.Default
	for _, p := range n.pairs() {
		if p.key == "from" {
			own = b.named(p.value)
		}
	}
	own.Name, own.Steps = g.Name, slices.Clone(own.Steps)
	dwell := time.Duration(-1)
	fields := policyFields(&own)
	fields["from"] = func(node) {} // read before all others
	fields["dwell"] = func(n node) { dwell = n.duration(0, 1000*time.Hour) }
	n.fields(fields)
	for i := range own.Steps {
		if dwell >= 0 {
			own.Steps[i].Dwell = dwell
		}
	}
	g.Policy = own
	if said != len(b.mistakes)+len(b.notes) {
		return
	}
	if err := own.Check(); err != nil {
		_, text, _ := strings.Cut(err.Error(), strconv.Quote(own.Name)+": ")
		n.wrong("%s", text)
	}
}

// named is a policy that comes with the program.
func (b *builder) named(n node) judge.Policy {
	name, ok := n.scalar()
	if !ok {
		return judge.Default
	}
	p, known := judge.Named(name)
	if !known {
		n.wrong("%q is not a policy: default, demo, or one of the group's own such as {from: default, sample: 400}", name)
		return judge.Default
	}
	if p.Name == judge.Demo.Name {
		b.demos = append(b.demos, n)
	}
	return p
}

func policyFields(p *judge.Policy) map[string]func(node) {
	all := map[string]func(node){
		"steps":          func(n node) { p.Steps = n.steps() },
		"sample":         func(n node) { p.Sample = n.number(0, 1<<31, "visitors an arm") },
		"alpha":          func(n node) { p.Alpha = n.fraction() },
		"margin_percent": func(n node) { p.MarginPercent = int(n.number(0, 1000, "percent of legacy's time")) },
		"lost_percent":   func(n node) { p.LostPercent = n.fraction() },
		"calendar":       func(n node) { p.Calendar = n.flag() },
		"breaker": func(n node) {
			fields := map[string]func(node){"window": func(n node) { p.Breaker.Window = n.duration(time.Second, time.Hour) }}
			for name, at := range map[string]*int{
				"row": &p.Breaker.Row, "percent": &p.Breaker.Percent, "over": &p.Breaker.Over, "legacy": &p.Breaker.Legacy,
			} {
				fields[name] = func(n node) { *at = int(n.number(0, 1_000_000, "requests, or percent")) }
			}
			n.fields(fields)
		},
	}
	for name, at := range map[string]*time.Duration{"cell": &p.Cell, "stale": &p.Stale, "margin": &p.Margin, "overdue": &p.Overdue} {
		all[name] = func(n node) { *at = n.duration(0, 1000*time.Hour) }
	}
	return all
}

// steps reads weights, or {weight: 100, dwell: 24h, sample: 400} each. A plain weight lasts a day at least.
func (n node) steps() []judge.Step {
	var all []judge.Step
	for _, item := range n.items() {
		s := judge.Step{Dwell: 24 * time.Hour}
		if !item.mapping() {
			s.Weight = item.weight()
			all = append(all, s)
			continue
		}
		item.fields(map[string]func(node){
			"weight": func(n node) { s.Weight = n.weight() },
			"dwell":  func(n node) { s.Dwell = n.duration(0, 1000*time.Hour) },
			"sample": func(n node) { s.Sample = n.number(0, 1<<31, "visitors an arm") },
		})
		if s.Weight == 0 {
			item.wrong("weight is missing: 1 to %d basis points", split.Full)
		}
		all = append(all, s)
	}
	if len(all) == 0 {
		n.wrong("is empty: a schedule has a step, such as [100, 1000, 5000, 10000]")
	}
	return all
}

func (n node) weight() int { return int(n.number(1, split.Full, "basis points")) }

// fraction reads a number that need not be whole; whether it is in bounds the policy says.
func (n node) fraction() float64 {
	s, ok := n.scalar()
	if !ok {
		return 0
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		n.wrong("%q is not a number, such as 0.01", s)
	}
	return v
}
