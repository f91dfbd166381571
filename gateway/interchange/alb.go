package interchange

import (
	"encoding/json"
	"fmt"
	"regexp"

	"github.com/banyan-migration/banyan/gateway/split"
)

// What an Application Load Balancer takes: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html
const (
	albRules   = 100
	albPattern = 128
	albWeight  = 999
)

// stack is a CloudFormation template; its maps are written in the order of their keys.
type stack struct {
	Version     string         `json:"AWSTemplateFormatVersion"`
	Description string         `json:"Description"`
	Metadata    map[string]any `json:"Metadata"`
	Parameters  map[string]any `json:"Parameters,omitempty"`
	Resources   map[string]any `json:"Resources"`
}

func (s stack) text(e *exporter) string {
	s.Version = "2010-09-09"
	s.Metadata = map[string]any{"Banyan": map[string]any{"CannotSay": e.sorted()}}
	raw, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		panic(err) // maps, lists and strings of our own
	}
	return string(raw) + "\n"
}

type m = map[string]any

var albChars = regexp.MustCompile(`^[A-Za-z0-9_.$/~"'@:+&-]*$`)

// alb writes listener rules, in W-14's order by priority. Conditions and actions have the shape of `aws elbv2 create-rule` too.
func alb(e *exporter) string {
	s := stack{Description: "Listener rules, exported from gateway.yaml", Parameters: m{"ListenerArn": m{"Type": "String"}}, Resources: m{}}
	groups := map[string]string{}
	for i, b := range e.backends() {
		groups[b.Name] = camel("TargetGroup", b.Name, i)
		s.Parameters[groups[b.Name]] = m{"Type": "String", "Description": fmt.Sprintf("ARN of the target group of %s, %s", b.Name, e.address(b))}
	}
	priority := 0
	add := func(conditions []any, action m) {
		priority++
		s.Resources[fmt.Sprintf("Rule%03d", priority)] = m{"Type": "AWS::ElasticLoadBalancingV2::ListenerRule",
			"Properties": m{"ListenerArn": m{"Ref": "ListenerArn"}, "Priority": priority, "Conditions": conditions, "Actions": []any{action}}}
	}
	for _, p := range e.Config.Deny.Paths() {
		add([]any{m{"Field": "path-pattern", "PathPatternConfig": m{"Values": []string{p, p + "/*"}}}},
			m{"Type": "fixed-response", "FixedResponseConfig": m{"StatusCode": "403"}})
		e.add(0, "deny", "is compared with the path as it came: one that is encoded, or asked for by ?q=, is not refused there (W-11)")
	}
	var kept []rule
	for _, r := range e.rules {
		conditions, ok := e.albConditions(r)
		if !ok {
			continue
		}
		kept = append(kept, r)
		add(conditions, e.albForward(r, groups))
	}
	e.rules = kept
	if priority > albRules {
		e.add(0, "the rules", "%d, and a load balancer takes %d unless its quota is raised", priority, albRules)
	}
	e.add(0, "default", "the listener's own default action has to forward to %s (parameter %s)", e.Config.Default, groups[e.Config.Default])
	e.add(0, "Host", "turn on routing.http.preserve_host_header.enabled, or Drupal's cookies change their name (W-17, W-19, D-1)")
	e.add(0, "hosts, limits, timeouts", "belong to the load balancer's own attributes and to the backends: none is exported (W-16, W-69, W-70)")
	e.add(0, "paths", "are matched as they come: what is encoded oddly is not sent to %s alone (W-10, W-11)", e.Config.Default)
	e.add(0, "overrides and pins", "X-Banyan-Side is signed and nothing there checks it; no visitor is kept where a write of theirs is (S-4, T-5)")
	return s.text(e)
}

func (e *exporter) albConditions(r rule) ([]any, bool) {
	path := m{"Values": []string{r.path}}
	text := r.path
	if r.params {
		text = r.regex()
		path = m{"RegexValues": []string{text}}
	}
	plain := r.path
	if r.prefix {
		plain = plain[:len(plain)-1]
	}
	if len(text) > albPattern || !r.params && !albChars.MatchString(plain) {
		e.add(r.line, r.id, "its path is no pattern there (%d characters at most, few signs): its requests go where a wider rule or the default sends them", albPattern)
		return nil, false
	}
	all := []any{m{"Field": "path-pattern", "PathPatternConfig": path}}
	if r.host != "" {
		all = append(all, m{"Field": "host-header", "HostHeaderConfig": m{"Values": []string{r.host}}})
	}
	if methods := r.methods(); methods != nil {
		all = append(all, m{"Field": "http-request-method", "HttpRequestMethodConfig": m{"Values": methods}})
	}
	return all, true
}

func (e *exporter) albForward(r rule, groups map[string]string) m {
	target := func(name string, weight int) m { return m{"TargetGroupArn": m{"Ref": groups[name]}, "Weight": weight} }
	to := []any{target(r.from, 1)}
	switch {
	case r.weight == split.Full:
		to = []any{target(r.to, 1)}
	case r.weight > 0:
		on, off := albShare(r.weight)
		if on*split.Full != r.weight*(on+off) {
			e.add(r.groupLine, "group "+r.group, "weights are whole numbers up to %d there: %d to %d in place of %d basis points, the next smaller share", albWeight, on, off, r.weight)
		}
		e.add(r.groupLine, "group "+r.group, "each request is drawn anew: stickiness by application cookie does not work with weighted target groups, so a visitor changes sides (A1, S-2)")
		if to = []any{target(r.to, on), target(r.from, off)}; on == 0 {
			to = []any{target(r.from, 1)}
		}
	}
	return m{"Type": "forward", "ForwardConfig": m{"TargetGroups": to}}
}

// albShare is a weight as two whole numbers up to 999, never more than it.
func albShare(weight int) (on, off int) {
	a, b := weight, split.Full-weight
	for b != 0 {
		a, b = b, a%b
	}
	on, off = weight/a, (split.Full-weight)/a
	switch {
	case on <= albWeight && off <= albWeight:
		return on, off
	case on < off:
		return weight * albWeight / (split.Full - weight), albWeight
	}
	return albWeight, (albWeight*(split.Full-weight) + weight - 1) / weight
}
