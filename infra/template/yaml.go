package template

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// reader gathers what a template says and what is wrong with it.
type reader struct {
	file                             string
	parameters, mappings, conditions map[string]Value
	mistakes                         []error
}

func (r *reader) wrong(line int, format string, args ...any) {
	mistake := fmt.Errorf("%s:%d: %s", r.file, max(line, 1), fmt.Sprintf(format, args...))
	if !slices.ContainsFunc(r.mistakes, func(said error) bool { return said.Error() == mistake.Error() }) {
		r.mistakes = append(r.mistakes, mistake)
	}
}

// The most that a template may be: CloudFormation takes 1 MB, and beyond the others the parser's recursion is the danger.
const (
	maxFile  = 1 << 20
	maxLine  = 8192
	maxDepth = 64
)

// yaml reads the text into its one document.
func (r *reader) yaml(text []byte) (root Value, ok bool) {
	if !r.bounded(text) {
		return Value{}, false
	}
	defer func() { // the parser is not above a panic
		if p := recover(); p != nil {
			r.wrong(1, "cannot be read as YAML: %v", p)
			ok = false
		}
	}()
	file, err := parser.ParseBytes(text, 0)
	var syntax *yaml.SyntaxError
	switch {
	case errors.As(err, &syntax) && syntax.Token != nil:
		r.wrong(syntax.Token.Position.Line, "not YAML: %s", syntax.Message)
	case err != nil:
		r.wrong(1, "not YAML: %v", err)
	case len(file.Docs) != 1 || file.Docs[0].Body == nil:
		r.wrong(1, "a template is one document")
	default:
		root = r.value(file.Docs[0].Body, 0)
		return root, len(r.mistakes) == 0
	}
	return Value{}, false
}

func (r *reader) bounded(text []byte) bool {
	if len(text) > maxFile {
		r.wrong(1, "has %d bytes: CloudFormation takes at most %d", len(text), maxFile)
		return false
	}
	depth, number := 0, 0
	for line := range bytes.Lines(text) {
		number++
		for _, c := range line {
			switch c {
			case '[', '{':
				depth++
			case ']', '}':
				depth--
			}
		}
		indent := len(line) - len(bytes.TrimLeft(line, " -?"))
		if len(line) > maxLine || depth > maxDepth || indent > 4*maxDepth || bytes.Count(line, []byte("!")) > maxDepth {
			r.wrong(number, "a line of %d bytes, %d brackets and %d spaces deep: that is not read", len(line), depth, indent)
			return false
		}
	}
	return true
}

func lineOf(n ast.Node) int {
	if n == nil || n.GetToken() == nil || n.GetToken().Position == nil {
		return 1
	}
	return n.GetToken().Position.Line
}

func (r *reader) value(n ast.Node, depth int) Value {
	line := lineOf(n)
	if depth > maxDepth {
		r.wrong(line, "nested too deep")
		return Value{}
	}
	switch n := n.(type) {
	case *ast.TagNode:
		return r.called(strings.TrimPrefix(n.Start.Value, "!"), r.value(n.Value, depth+1), line)
	case *ast.StringNode:
		return Value{kind: scalar, text: n.Value, line: line}
	case *ast.LiteralNode:
		return Value{kind: scalar, text: n.Value.Value, line: line}
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return Value{kind: scalar, text: n.GetToken().Value, line: line}
	case nil, *ast.NullNode:
		return Value{line: line}
	case *ast.SequenceNode:
		all := Value{kind: list, line: line}
		for _, v := range n.Values {
			all.items = append(all.items, r.value(v, depth+1))
		}
		return all
	case ast.MapNode:
		return r.fields(n, line, depth)
	}
	r.wrong(line, "anchors, aliases and merge keys are not read: write the value out")
	return Value{}
}

func (r *reader) fields(n ast.MapNode, line, depth int) Value {
	all := Value{kind: mapping, fields: map[string]Value{}, line: line}
	for it := n.MapRange(); it.Next(); {
		key := r.value(it.Key(), depth+1)
		if key.kind != scalar {
			r.wrong(line, "a key is text")
			continue
		}
		if _, twice := all.fields[key.text]; twice {
			r.wrong(key.line, "%s stands twice", key.text)
		}
		v := r.value(it.Value(), depth+1)
		if function, long := strings.CutPrefix(key.text, "Fn::"); long || key.text == "Ref" {
			return r.called(function, v, line)
		}
		v.line = key.line // where a person looks for it
		all.fields[key.text] = v
	}
	return all
}

// called is a call of an intrinsic function with its arguments in one form: GetAtt has one text, Sub its pieces.
func (r *reader) called(function string, with Value, line int) Value {
	args := []Value{with}
	if with.kind == list {
		args = with.items
	}
	switch function {
	case "Ref", "Condition":
		if with.kind != scalar {
			r.wrong(line, "%s wants a name", function)
			return Value{}
		}
	case "GetAtt":
		names := make([]string, len(args))
		for i, a := range args {
			names[i] = a.text
		}
		name := strings.Join(names, ".")
		if id, attribute, _ := strings.Cut(name, "."); id == "" || attribute == "" {
			r.wrong(line, "GetAtt wants Resource.Attribute")
			return Value{}
		}
		args = []Value{{kind: scalar, text: name, line: line}}
	case "Sub":
		if len(args) == 0 || len(args) > 2 || args[0].kind != scalar || len(args) == 2 && args[1].kind != mapping {
			r.wrong(line, "Sub wants a text, or a list of a text and a map")
			return Value{}
		}
		var own map[string]Value
		if len(args) == 2 {
			own = args[1].fields
		}
		return substitution(args[0].text, own, line)
	}
	return Value{kind: call, text: function, items: args, line: line}
}
