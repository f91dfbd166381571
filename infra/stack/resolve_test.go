package stack

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

// template is one as CloudFormation takes it.
type template struct {
	Parameters map[string]struct {
		Default        any
		AllowedPattern string
	}
	Mappings   map[string]map[string]map[string]any
	Conditions map[string]any
	Rules      map[string]rule
	Resources  map[string]map[string]any
	Outputs    map[string]map[string]any
}

// rule is what parameters must be together.
type rule struct {
	RuleCondition any
	Assertions    []struct {
		Assert            any
		AssertDescription string
	}
}

// resource is one that would be made: all that depends on parameters is resolved, another resource is <STACK/ID> or
// <STACK/ID.ATTRIBUTE>.
type resource struct {
	id         string // STACK/ID; of the main template ID alone
	kind       string
	properties map[string]any
	rest       map[string]any // DeletionPolicy, UpdatePolicy, Metadata …
}

// estate is all that would be made.
type estate struct {
	resources map[string]resource
	exports   map[string][]string // which outputs, as STACK.NAME, export by a name
	imports   map[string][]string
}

// resolve follows the nested stacks of the main template, and takes each other one by itself. Parameters that its rules do not
// allow are an error, as CloudFormation makes nothing of them.
func resolve(all map[string]template, parameters map[string]string) (e *estate, err error) {
	e = &estate{resources: map[string]resource{}, exports: map[string][]string{}, imports: map[string][]string{}}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("resolve: %v", p)
		}
	}()
	given := map[string]any{}
	for name, value := range parameters {
		given[name] = value
	}
	whole := &scope{all: all, file: main, estate: e, parameters: given}
	if wrong := whole.refused(); len(wrong) > 0 {
		return nil, errors.New(strings.Join(wrong, "; "))
	}
	nested := map[string]bool{main: true}
	for file, t := range all {
		for _, r := range t.Resources {
			if url, is := at(r, "Properties", "TemplateURL").(string); is {
				nested[path.Join(path.Dir(file), url)] = true
			}
		}
	}
	whole.everything()
	for _, file := range slices.Sorted(maps.Keys(all)) {
		if !nested[file] {
			own := &scope{all: all, file: file, estate: e, prefix: strings.TrimSuffix(path.Base(file), ".yaml") + "/", parameters: map[string]any{"Stage": given["Stage"]}}
			own.everything()
		}
	}
	return e, nil
}

// scope is one template with its parameters.
type scope struct {
	all        map[string]template
	file       string
	estate     *estate
	prefix     string
	parameters map[string]any
	outputs    map[string]map[string]any // of nested stacks
}

// refused is what the template's rules say against its parameters.
func (s *scope) refused() (wrong []string) {
	for _, name := range slices.Sorted(maps.Keys(s.all[s.file].Rules)) {
		r := s.all[s.file].Rules[name]
		if r.RuleCondition != nil && !s.true(r.RuleCondition) {
			continue
		}
		for _, a := range r.Assertions {
			if !s.true(a.Assert) {
				wrong = append(wrong, a.AssertDescription)
			}
		}
	}
	return wrong
}

// absent is AWS::NoValue.
type absent struct{}

func (s *scope) everything() map[string]any {
	s.outputs = map[string]map[string]any{}
	for _, id := range slices.Sorted(maps.Keys(s.all[s.file].Resources)) {
		raw := s.all[s.file].Resources[id]
		if on, has := raw["Condition"].(string); has && !s.holds(on) {
			continue
		}
		rest, _ := s.value(raw).(map[string]any)
		properties, _ := rest["Properties"].(map[string]any)
		r := resource{id: s.prefix + id, kind: fmt.Sprint(rest["Type"]), properties: properties, rest: rest}
		s.estate.resources[r.id] = r
		if r.kind == "AWS::CloudFormation::Stack" {
			s.stack(id)
		}
	}
	outputs := map[string]any{}
	for name, raw := range s.all[s.file].Outputs {
		if on, has := raw["Condition"].(string); has && !s.holds(on) {
			continue
		}
		out, _ := s.value(raw).(map[string]any)
		outputs[name] = out["Value"]
		if export, has := out["Export"].(map[string]any); has {
			exported := fmt.Sprint(export["Name"])
			s.estate.exports[exported] = append(s.estate.exports[exported], s.prefix+name)
		}
	}
	return outputs
}

// stack is a nested stack's outputs.
func (s *scope) stack(id string) map[string]any {
	if done, has := s.outputs[id]; has {
		return done
	}
	properties, _ := s.value(s.all[s.file].Resources[id]["Properties"]).(map[string]any)
	file := path.Join(path.Dir(s.file), text(properties, "TemplateURL"))
	t, has := s.all[file]
	if !has {
		panic(s.prefix + id + ": there is no template " + file)
	}
	given, _ := properties["Parameters"].(map[string]any)
	for name := range given {
		if _, has := t.Parameters[name]; !has {
			panic(s.prefix + id + ": " + file + " has no parameter " + name)
		}
	}
	own := &scope{all: s.all, file: file, estate: s.estate, prefix: s.prefix + id + "/", parameters: given}
	s.outputs[id] = own.everything()
	return s.outputs[id]
}

// value resolves v; what is not there is left out of its list or mapping.
func (s *scope) value(v any) any {
	switch v := v.(type) {
	case []any:
		var all []any
		for _, item := range v {
			if got := s.value(item); got != (absent{}) {
				all = append(all, got)
			}
		}
		return all
	case map[string]any:
		if len(v) == 1 {
			for name, argument := range v {
				if name == "Ref" || strings.HasPrefix(name, "Fn::") {
					return s.call(name, argument)
				}
			}
		}
		all := map[string]any{}
		for name, item := range v {
			if got := s.value(item); got != (absent{}) {
				all[name] = got
			}
		}
		return all
	}
	return v
}

func (s *scope) call(name string, argument any) any {
	if name == "Fn::If" {
		args := argument.([]any)
		if s.holds(args[0].(string)) {
			return s.value(args[1])
		}
		return s.value(args[2])
	}
	if name == "Ref" || name == "Fn::GetAtt" {
		return s.named(argument)
	}
	got := s.value(argument)
	args, _ := got.([]any)
	switch name {
	case "Fn::Sub":
		return s.substitute(got)
	case "Fn::FindInMap":
		return s.value(s.all[s.file].Mappings[fmt.Sprint(args[0])][fmt.Sprint(args[1])][fmt.Sprint(args[2])])
	case "Fn::Join":
		var parts []string
		for _, p := range listOf(args[1]) {
			parts = append(parts, fmt.Sprint(p))
		}
		return strings.Join(parts, fmt.Sprint(args[0]))
	case "Fn::Split":
		var parts []any
		for p := range strings.SplitSeq(fmt.Sprint(args[1]), fmt.Sprint(args[0])) {
			parts = append(parts, p)
		}
		return parts
	case "Fn::ImportValue":
		imported := fmt.Sprint(got)
		s.estate.imports[imported] = append(s.estate.imports[imported], s.prefix)
		return "<" + imported + ">"
	}
	return fmt.Sprintf("<%s %v>", name, got)
}

// named is what a Ref or a GetAtt says.
func (s *scope) named(argument any) any {
	name, _ := argument.(string)
	if parts, is := argument.([]any); is {
		name = fmt.Sprint(parts[0]) + "." + fmt.Sprint(parts[1])
	}
	if name == "AWS::NoValue" {
		return absent{}
	}
	if given, has := s.parameters[name]; has {
		return given
	}
	if p, has := s.all[s.file].Parameters[name]; has {
		return p.Default
	}
	if id, attribute, is := strings.Cut(name, ".Outputs."); is {
		out, has := s.stack(id)[attribute]
		if !has {
			panic(s.prefix + id + " has no output " + attribute + " here")
		}
		return out
	}
	if strings.HasPrefix(name, "AWS::") {
		return "<" + name + ">"
	}
	if id, _, _ := strings.Cut(name, "."); s.all[s.file].Resources[id] == nil {
		panic(s.prefix + ": there is no " + name)
	}
	return "<" + s.prefix + name + ">"
}

var placeholder = regexp.MustCompile(`\$\{([^!{}]+)\}`)

func (s *scope) substitute(v any) string {
	own := map[string]any{}
	if args, is := v.([]any); is {
		v = args[0]
		own, _ = args[1].(map[string]any)
	}
	return placeholder.ReplaceAllStringFunc(fmt.Sprint(v), func(m string) string {
		name := strings.TrimSpace(m[2 : len(m)-1])
		if value, has := own[name]; has {
			return fmt.Sprint(value)
		}
		return fmt.Sprint(s.named(name))
	})
}

func (s *scope) holds(condition string) bool { return s.true(s.all[s.file].Conditions[condition]) }

func (s *scope) true(v any) bool {
	c, is := v.(map[string]any)
	if !is || len(c) != 1 {
		panic(fmt.Sprintf("no condition: %v", v))
	}
	for name, argument := range c {
		args, _ := argument.([]any)
		switch name {
		case "Condition":
			return s.holds(fmt.Sprint(argument))
		case "Fn::Not":
			return !s.true(args[0])
		case "Fn::And":
			return !slices.ContainsFunc(args, func(a any) bool { return !s.true(a) })
		case "Fn::Or":
			return slices.ContainsFunc(args, s.true)
		case "Fn::Equals":
			return fmt.Sprint(s.value(args[0])) == fmt.Sprint(s.value(args[1]))
		}
	}
	panic(fmt.Sprintf("no condition: %v", v))
}

// listOf is a list, or what stands alone in its place.
func listOf(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	}
	return []any{v}
}

// at follows names into mappings; nil where there is nothing.
func at(v any, path ...string) any {
	for _, name := range path {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	return v
}

// text is at as text; empty where there is nothing.
func text(v any, path ...string) string {
	if v = at(v, path...); v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// of are the resources of a type, in order.
func (e *estate) of(kind string) (all []resource) {
	for _, id := range slices.Sorted(maps.Keys(e.resources)) {
		if e.resources[id].kind == kind {
			all = append(all, e.resources[id])
		}
	}
	return all
}

// meant is the resource that a reference such as <DonateStore/Queue.Arn> means.
func (e *estate) meant(reference any) (resource, bool) {
	name := strings.Trim(fmt.Sprint(reference), "<>")
	if slash := strings.LastIndex(name, "/"); strings.Contains(name[slash+1:], ".") {
		name = name[:slash+1+strings.Index(name[slash+1:], ".")]
	}
	r, has := e.resources[name]
	return r, has
}
