package permissions

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Policy is a policy document of a role.
type Policy struct {
	Name      string
	Statement []Statement
}

// Statement is one of a policy. Conditions are not looked at: they narrow what is granted.
type Statement struct {
	Deny      bool
	But       bool // it is about every resource but these; only where it denies
	Actions   []string
	Resources []Pattern
}

// Pattern is the resource of a statement: an ARN, perhaps with wildcards. In a template it is not yet known in parts, which
// may then be anything.
type Pattern struct {
	text string // open stands for what is not known
}

// open stands in a Pattern for what a template fills in later.
const open = "\x00"

func (p Pattern) String() string { return strings.ReplaceAll(p.text, open, "${…}") }

// Parse reads a policy document: of IAM, or of a template with its functions (Fn::Sub, Fn::GetAtt, Fn::Join, Fn::If, Ref).
// It refuses what it would have to guess: NotAction, NotResource that allows, and fields of another shape.
func Parse(name string, document []byte) (Policy, error) {
	p := Policy{Name: name}
	var doc struct{ Statement json.RawMessage }
	if err := json.Unmarshal(document, &doc); err != nil {
		return p, fmt.Errorf("permissions: the policy %s: %w", name, err)
	}
	statements, err := chosen(list(doc.Statement))
	if err != nil || len(statements) == 0 {
		return p, fmt.Errorf("permissions: the policy %s has no statements (%v)", name, err)
	}
	for i, raw := range statements {
		s, err := parseStatement(raw)
		if err != nil {
			return p, fmt.Errorf("permissions: the policy %s, statement %d: %w", name, i+1, err)
		}
		p.Statement = append(p.Statement, s)
	}
	return p, nil
}

// chosen are the statements of a list; where a template chooses, both ways.
func chosen(raw json.RawMessage) (all []json.RawMessage, err error) {
	var given []json.RawMessage
	if err := json.Unmarshal(raw, &given); err != nil {
		return nil, err
	}
	for _, one := range given {
		var choice struct {
			If  []json.RawMessage `json:"Fn::If"`
			Ref string
		}
		switch err := json.Unmarshal(one, &choice); {
		case err != nil:
			return nil, err
		case choice.Ref == "AWS::NoValue":
		case len(choice.If) == 3:
			for _, way := range choice.If[1:] {
				some, err := chosen(list(way))
				if err != nil {
					return nil, err
				}
				all = append(all, some...)
			}
		default:
			all = append(all, one)
		}
	}
	return all, nil
}

func parseStatement(raw json.RawMessage) (s Statement, err error) {
	var in struct {
		Effect                 string
		Action, Resource       json.RawMessage
		NotAction, NotResource json.RawMessage
	}
	if err := json.Unmarshal(raw, &in); err != nil {
		return s, err
	}
	if in.NotAction != nil || in.NotResource != nil && in.Effect != "Deny" {
		return s, errors.New("NotAction and NotResource grant what nobody has named: name it")
	}
	if s.But = in.NotResource != nil; s.But {
		in.Resource = in.NotResource
	}
	if in.Effect != "Allow" && in.Effect != "Deny" {
		return s, fmt.Errorf("its effect is %q", in.Effect)
	}
	s.Deny = in.Effect == "Deny"
	if err := json.Unmarshal(list(in.Action), &s.Actions); err != nil || len(s.Actions) == 0 {
		return s, fmt.Errorf("its actions are no texts (%v)", err)
	}
	var resource any
	if err := json.Unmarshal(in.Resource, &resource); err != nil {
		return s, fmt.Errorf("its resource: %w", err)
	}
	for _, text := range texts(resource) {
		s.Resources = append(s.Resources, Pattern{text})
	}
	if len(s.Resources) == 0 {
		return s, errors.New("it has no resource")
	}
	return s, nil
}

// list makes a list of what may stand alone.
func list(raw json.RawMessage) json.RawMessage {
	if trimmed := bytes.TrimSpace(raw); len(trimmed) > 0 && trimmed[0] != '[' {
		return append(append([]byte{'['}, raw...), ']')
	}
	return raw
}

// texts are what a value of a template may become: one text, or several.
func texts(v any) (all []string) {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		for _, one := range v {
			all = append(all, texts(one)...)
		}
		return all
	case map[string]any:
		return function(v)
	}
	return []string{open}
}

// function is what a function of a template may become.
func function(v map[string]any) (all []string) {
	for name, argument := range v {
		given, _ := argument.([]any)
		switch {
		case name == "Ref" && argument == "AWS::NoValue":
			return nil
		case name == "Fn::Sub" && len(given) > 0:
			return []string{substituted(given[0])}
		case name == "Fn::Sub":
			return []string{substituted(argument)}
		case name == "Fn::If" && len(given) == 3:
			return append(texts(given[1]), texts(given[2])...)
		case name == "Fn::Join" && len(given) == 2:
			return []string{joined(given[0], given[1])}
		}
	}
	return []string{open}
}

func joined(separator, parts any) string {
	between, _ := separator.(string)
	given, is := parts.([]any)
	if !is {
		return open
	}
	var all []string
	for _, part := range given {
		text := open
		if one := texts(part); len(one) == 1 {
			text = one[0]
		}
		all = append(all, text)
	}
	return strings.Join(all, between)
}

// substituted puts open where Fn::Sub has ${…}.
func substituted(v any) string {
	text, is := v.(string)
	if !is {
		return open
	}
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, "${")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		b.WriteString(open)
		if _, text, found = strings.Cut(after, "}"); !found {
			return b.String()
		}
	}
}
