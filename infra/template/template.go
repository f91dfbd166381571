// Package template reads what a SAM template says of its functions: what they are given, what calls them, and how a new
// version of one comes into use. It reads, and does not judge what it does not need: cfn-lint does that.
package template

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Template is one for certain values of its parameters. Its lists are in the order of the file.
type Template struct {
	Parameters  map[string]Value // given, or by default
	Environment map[string]Value // what Globals give every function
	Functions   []Function
	Stacks      []Stack
	Layers      []Layer
	Alarms      []Alarm
	Outputs     map[string]Value
	APIs        []API
}

// Function is an AWS::Serverless::Function with what Globals say merged in.
type Function struct {
	ID          string // logical
	Name        string // FunctionName; empty: CloudFormation makes one
	Handler     string
	Build       string // Metadata.BuildMethod
	Memory      int    // MB
	Timeout     time.Duration
	Reserved    *int // environments at most; nil: as many as the account has left
	Environment map[string]Value
	Sets        []string // those of its variables that it sets itself, in order; the others are Globals'
	Layers      []Value
	Alias       string // AutoPublishAlias; empty: none
	Deployment  Deployment
	Routes      []Route
	Queues      []Queue
	Schedules   []Schedule
	Others      []Other // events of other types
	Line        int
}

// Deployment is how the alias goes over to a new version.
type Deployment struct {
	Enabled       bool
	Type          string // such as Canary10Percent5Minutes
	Alarms        []Value
	Before, After Value // the hooks PreTraffic and PostTraffic
}

// Route is an HttpApi event. Method is ANY or a method; Path is $default, or has {name} for a segment and {name+} for
// all that follow.
type Route struct {
	Event, Method, Path string
	Authorizer          string // who says whether a caller may; empty: everybody may
	Line                int
}

// API is an AWS::Serverless::HttpApi.
type API struct {
	ID        string
	CORS      *CORS             // nil: none
	Variables map[string]string // of its stage
	Line      int
}

// CORS is which pages may call an API from a browser, and how.
type CORS struct {
	Origins, Methods, Headers []string
	Credentials               bool
}

// Queue is an SQS event.
type Queue struct {
	Event   string
	Queue   Value
	Batch   int           // messages at most, 1 to 10000
	Window  time.Duration // for which a batch is gathered
	Partial bool          // the function says which messages of a batch it could not take
	Line    int
}

// Schedule is a Schedule event: Every is zero where the expression is a cron.
type Schedule struct {
	Event, Expression string
	Every             time.Duration
	Line              int
}

// Other is an event that is only named.
type Other struct {
	Event, Type string
	Line        int
}

// Stack is a nested AWS::CloudFormation::Stack.
type Stack struct {
	ID         string
	Template   string // its file
	Parameters map[string]Value
	Line       int
}

// Given are the stack's parameters as texts; find is Value.Resolve's.
func (s Stack) Given(find func(name string) (string, bool)) (map[string]string, error) {
	given := map[string]string{}
	for name, v := range s.Parameters {
		text, err := v.Resolve(find)
		if err != nil {
			return nil, fmt.Errorf("%s.%s: %w", s.ID, name, err)
		}
		given[name] = text
	}
	return given, nil
}

// Layer is an AWS::Serverless::LayerVersion.
type Layer struct {
	ID   string
	Line int
}

// Function is the one with that logical id.
func (t *Template) Function(id string) (Function, bool) {
	for _, f := range t.Functions {
		if f.ID == id {
			return f, true
		}
	}
	return Function{}, false
}

// Stack is the one with that logical id.
func (t *Template) Stack(id string) (Stack, bool) {
	for _, s := range t.Stacks {
		if s.ID == id {
			return s, true
		}
	}
	return Stack{}, false
}

// Parse reads a template for the given values of its parameters, the others having their defaults. What depends on
// parameters, mappings and conditions alone is resolved; what names a resource remains a reference. The error has every
// mistake, each as file:line: key: what is wrong.
func Parse(file string, text []byte, parameters map[string]string) (*Template, error) {
	r := &reader{file: file, parameters: map[string]Value{}, mappings: map[string]Value{}, conditions: map[string]Value{}}
	root, ok := r.yaml(text)
	if !ok {
		return nil, errors.Join(r.mistakes...)
	}
	t := r.template(root, parameters)
	if len(r.mistakes) > 0 {
		return nil, errors.Join(r.mistakes...)
	}
	return t, nil
}

func (r *reader) template(root Value, given map[string]string) *Template {
	at := cursor{r, "", root}
	r.readParameters(at.field("Parameters"), given)
	for _, m := range at.field("Mappings").entries() {
		r.mappings[m.path[len("Mappings."):]] = m.v
	}
	for _, c := range at.field("Conditions").entries() {
		r.conditions[c.path[len("Conditions."):]] = c.v
	}
	globals := at.field("Globals").field("Function")
	t := &Template{Parameters: r.parameters, Environment: globals.field("Environment").field("Variables").values(), Outputs: map[string]Value{}}
	for _, o := range at.field("Outputs").entries() {
		t.Outputs[o.path[len("Outputs."):]] = o.field("Value").value()
	}
	resources := at.field("Resources")
	if len(resources.entries()) == 0 {
		at.wrong("there is nothing under Resources: a template has at least one")
	}
	for _, e := range resources.entries() {
		id := e.path[len("Resources."):]
		e.path = id // messages name it so, as CloudFormation does
		if on := e.field("Condition"); on.there() && !r.holds(on.text(), on, 0) {
			continue
		}
		switch properties := e.field("Properties"); e.field("Type").text() {
		case "AWS::Serverless::Function":
			t.Functions = append(t.Functions, function(id, e, globals))
		case "AWS::Serverless::HttpApi":
			t.APIs = append(t.APIs, api(id, e))
		case "AWS::CloudFormation::Stack", "AWS::Serverless::Application":
			where := cmp.Or(properties.field("TemplateURL").text(), properties.field("Location").text())
			t.Stacks = append(t.Stacks, Stack{ID: id, Template: where, Parameters: properties.field("Parameters").values(), Line: e.v.line})
		case "AWS::CloudWatch::Alarm":
			t.Alarms = append(t.Alarms, alarm(id, e))
		case "AWS::Serverless::LayerVersion":
			t.Layers = append(t.Layers, Layer{ID: id, Line: e.v.line})
		case "":
			e.wrong("it has no Type")
		}
	}
	return t
}

func (r *reader) readParameters(at cursor, given map[string]string) {
	left := maps.Clone(given)
	for _, p := range at.entries() {
		name := p.path[len("Parameters."):]
		value, has := given[name]
		delete(left, name)
		if !has {
			d := p.field("Default")
			if !d.there() {
				p.wrong("it has no Default, and no value was given for it")
			}
			value = d.text()
		}
		if allowed := p.field("AllowedValues"); allowed.there() && !slices.ContainsFunc(allowed.items(), func(c cursor) bool { return c.text() == value }) {
			p.wrong("%q is none of the AllowedValues", value)
		}
		r.parameters[name] = p.typed(p.field("Type").text(), value)
	}
	for _, name := range slices.Sorted(maps.Keys(left)) {
		at.wrong("there is no parameter %s", name)
	}
}
