package interchange

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// value is one value of a JSON or YAML file, with its line. A YAML tag such as !Ref is a map of one key, as CloudFormation's long form.
type value struct {
	line int
	kind kind
	text string // of a scalar, as written
	keys []string
	sub  []value // of a list, or of a map in the order of keys
}

type kind uint8

const (
	none kind = iota // null, or not there
	scalar
	array
	object
)

func (v value) get(key string) value {
	for i, k := range v.keys {
		if k == key {
			return v.sub[i]
		}
	}
	return value{line: v.line}
}

// single is the key and value of a map that has one.
func (v value) single() (string, value, bool) {
	if v.kind != object || len(v.keys) != 1 {
		return "", value{}, false
	}
	return v.keys[0], v.sub[0], true
}

// The most that a file may be: beyond it the parsers' own recursion is the danger.
const (
	maxFile  = 8 << 20
	maxLine  = 1 << 20
	maxDepth = 64
)

// Mistake says why a file cannot be read at all, and where.
type Mistake struct {
	File string
	Line int
	Text string
}

func (m *Mistake) Error() string { return fmt.Sprintf("%s:%d: %s", m.File, max(m.Line, 1), m.Text) }

// readTrees reads a file's documents: JSON values one after another, or one YAML document.
func readTrees(name string, src []byte) ([]value, error) {
	src = bytes.TrimPrefix(src, []byte("\ufeff"))
	wrong := func(line int, format string, args ...any) error {
		return &Mistake{name, line, fmt.Sprintf(format, args...)}
	}
	if len(src) > maxFile {
		return nil, wrong(1, "has %d bytes: at most %d are read", len(src), maxFile)
	}
	begin := bytes.TrimLeft(src, " \t\r\n")
	switch {
	case len(begin) == 0:
		return nil, wrong(1, "is empty: the answer of list-routes and list-services as JSON belongs here, or a CloudFormation template")
	case begin[0] == '{' || begin[0] == '[':
		return readJSON(src, wrong)
	}
	return readYAML(src, wrong)
}

// wronger makes an error of a line.
type wronger func(line int, format string, args ...any) error

func readJSON(src []byte, wrong wronger) ([]value, error) {
	j := &jsonReader{d: json.NewDecoder(bytes.NewReader(src)), src: src, line: 1}
	j.d.UseNumber()
	var all []value
	for {
		v, err := j.value(0)
		switch {
		case errors.Is(err, io.EOF) && !j.inside:
			return all, nil
		case errors.Is(err, io.EOF):
			return nil, wrong(j.at(), "is cut: the JSON does not end")
		case err != nil:
			return nil, wrong(j.at(), "not JSON: %v", err)
		}
		all = append(all, v)
	}
}

// jsonReader reads values with their lines.
type jsonReader struct {
	d      *json.Decoder
	src    []byte
	done   int64 // bytes whose lines are counted
	line   int
	inside bool // a value has begun
}

func (j *jsonReader) at() int {
	now := min(j.d.InputOffset(), int64(len(j.src)))
	j.line += bytes.Count(j.src[j.done:now], []byte{'\n'})
	j.done = now
	return j.line
}

func (j *jsonReader) value(depth int) (value, error) {
	if depth > maxDepth {
		return value{}, fmt.Errorf("%d brackets deep: at most %d are read", depth, maxDepth)
	}
	j.inside = depth > 0
	t, err := j.d.Token()
	if err != nil {
		return value{}, err
	}
	j.inside = true
	v := value{line: j.at()}
	switch t := t.(type) {
	case json.Delim:
		v.kind = map[json.Delim]kind{'{': object, '[': array}[t]
		for j.d.More() {
			if err := j.member(&v, depth); err != nil {
				return value{}, err
			}
		}
		_, err = j.d.Token()
	case nil:
	default:
		v.kind, v.text = scalar, fmt.Sprint(t)
	}
	return v, err
}

func (j *jsonReader) member(v *value, depth int) error {
	if v.kind == object {
		key, err := j.d.Token()
		if err != nil {
			return err
		}
		v.keys = append(v.keys, fmt.Sprint(key))
	}
	sub, err := j.value(depth + 1)
	v.sub = append(v.sub, sub)
	return err
}

func readYAML(src []byte, wrong wronger) (all []value, err error) {
	if err := bounded(src, wrong); err != nil {
		return nil, err
	}
	defer func() {
		if p := recover(); p != nil {
			all, err = nil, wrong(1, "cannot be read as YAML: %v", p)
		}
	}()
	file, err := parser.ParseBytes(src, 0, parser.AllowDuplicateMapKey())
	var syntax *yaml.SyntaxError
	switch {
	case errors.As(err, &syntax) && syntax.Token != nil:
		return nil, wrong(syntax.Token.Position.Line, "not YAML: %s", syntax.Message)
	case err != nil:
		return nil, wrong(1, "not YAML: %v", err)
	}
	for _, doc := range file.Docs {
		v, err := fromAST(doc.Body, 0)
		if err != nil {
			return nil, wrong(v.line, "%v", err)
		}
		all = append(all, v)
	}
	return all, nil
}

func bounded(src []byte, wrong wronger) error {
	depth, number := 0, 0
	for line := range bytes.Lines(src) {
		number++
		depth += bytes.Count(line, []byte("[")) + bytes.Count(line, []byte("{")) - bytes.Count(line, []byte("]")) - bytes.Count(line, []byte("}"))
		indent := len(line) - len(bytes.TrimLeft(line, " -"))
		if len(line) > maxLine || depth > maxDepth || indent > 4*maxDepth {
			return wrong(number, "a line of %d bytes, %d brackets and %d columns deep: at most %d, %d and %d are read", len(line), depth, indent, maxLine, maxDepth, 4*maxDepth)
		}
	}
	return nil
}

func fromAST(n ast.Node, depth int) (value, error) {
	v := value{line: astLine(n)}
	if depth > maxDepth {
		return v, fmt.Errorf("%d levels deep: at most %d are read", depth, maxDepth)
	}
	var err error
	add := func(key string, n ast.Node) {
		sub, e := fromAST(n, depth+1)
		if e != nil && err == nil {
			err, v.line = e, sub.line
		}
		v.sub = append(v.sub, sub)
		if v.kind == object {
			v.keys = append(v.keys, key)
		}
	}
	switch n := n.(type) {
	case nil, *ast.NullNode:
	case *ast.TagNode:
		v.kind = object
		add(longForm(n.Start.Value), n.Value)
	case *ast.AnchorNode:
		return fromAST(n.Value, depth+1)
	case *ast.AliasNode, *ast.MergeKeyNode:
		err = errors.New("aliases and merged keys are not read: write the value out")
	case *ast.SequenceNode:
		v.kind = array
		for _, item := range n.Values {
			add("", item)
		}
	case ast.MapNode:
		v.kind = object
		for it := n.MapRange(); it.Next(); {
			add(keyText(it.Key()), it.Value())
		}
	case *ast.LiteralNode:
		v.kind, v.text = scalar, n.Value.Value
	case *ast.StringNode:
		v.kind, v.text = scalar, n.Value
	default:
		v.kind, v.text = scalar, n.GetToken().Value
	}
	return v, err
}

func astLine(n ast.Node) int {
	if n == nil || n.GetToken() == nil || n.GetToken().Position == nil {
		return 0
	}
	return n.GetToken().Position.Line
}

func keyText(k ast.MapKeyNode) string {
	if s, ok := ast.Node(k).(*ast.StringNode); ok {
		return s.Value
	}
	return k.GetToken().Value
}

// longForm is the key that a short tag of CloudFormation stands for: !Ref is Ref, !GetAtt is Fn::GetAtt.
func longForm(tag string) string {
	name := strings.TrimPrefix(tag, "!")
	if name == "Ref" || name == "Condition" {
		return name
	}
	return "Fn::" + name
}
