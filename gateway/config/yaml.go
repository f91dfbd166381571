package config

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// reader gathers what a file says and what is wrong with it.
type reader struct {
	file     string
	getenv   func(string) (string, bool)
	check    bool // an unset ${NAME} is a note, not a mistake
	mistakes Mistakes
	notes    []Note
}

func (r *reader) wrong(line int, format string, args ...any) {
	r.mistakes = append(r.mistakes, Mistake{r.file, max(line, 1), fmt.Sprintf(format, args...)})
}

func (r *reader) note(line int, format string, args ...any) {
	r.notes = append(r.notes, Note{line, fmt.Sprintf(format, args...)})
}

// The most that a file may be: beyond it the parser's own recursion is the danger.
const (
	maxFile  = 1 << 20
	maxLine  = 4096
	maxDepth = 64
)

// YAML forbids braces in a plain scalar between braces, so ${NAME} and /{parameter} would need quotes in
// {match: GET /gallery/{id}}. They are set aside under private letters before parsing and put back after it.
var (
	variable  = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)
	parameter = regexp.MustCompile(`/\{([A-Za-z0-9_-]+)\}`)
	aside     = regexp.MustCompile("\ue000([A-Za-z0-9_]+)\ue001")
	restore   = strings.NewReplacer("\ue000", "${", "\ue001", "}", "\ue002", "{", "\ue003", "}")
)

// parse reads YAML into its one document; what is no YAML is one mistake, the first.
func (r *reader) parse(src []byte) (root node, ok bool) {
	if !r.bounded(src) {
		return node{}, false
	}
	src = variable.ReplaceAll(src, []byte("\ue000$1\ue001"))
	src = parameter.ReplaceAll(src, []byte("/\ue002$1\ue003"))
	defer func() {
		if p := recover(); p != nil {
			r.wrong(1, "cannot be read as YAML: %v", p)
			ok = false
		}
	}()
	file, err := parser.ParseBytes(src, 0, parser.AllowDuplicateMapKey())
	var syntax *yaml.SyntaxError
	switch {
	case errors.As(err, &syntax) && syntax.Token != nil:
		r.wrong(syntax.Token.Position.Line, "not YAML: %s", restore.Replace(syntax.Message))
	case err != nil:
		r.wrong(1, "not YAML: %v", err)
	case len(file.Docs) > 1:
		r.wrong(file.Docs[1].GetToken().Position.Line, "a second document: one file is one configuration")
	case len(file.Docs) == 0 || file.Docs[0].Body == nil:
		r.wrong(1, "is empty: a configuration has listen, hosts, backends, default and groups")
	default:
		return node{r: r, ast: file.Docs[0].Body}, true
	}
	return node{}, false
}

func (r *reader) bounded(src []byte) bool {
	if len(src) > maxFile {
		r.wrong(1, "has %d bytes: at most %d are read", len(src), maxFile)
		return false
	}
	depth, number := 0, 0
	for line := range bytes.Lines(src) {
		number++
		for _, c := range line {
			switch c {
			case '[', '{':
				depth++
			case ']', '}':
				depth--
			}
		}
		if len(line) > maxLine || depth > maxDepth {
			r.wrong(number, "a line of %d bytes, %d brackets deep: at most %d and %d are read", len(line), depth, maxLine, maxDepth)
			return false
		}
	}
	return true
}

// node is one value of the file with its path for messages, such as groups.donate.weight.
type node struct {
	r    *reader
	ast  ast.Node
	path string
}

func (n node) line() int {
	if n.ast == nil || n.ast.GetToken() == nil || n.ast.GetToken().Position == nil {
		return 1
	}
	return n.ast.GetToken().Position.Line
}

func (n node) wrong(format string, args ...any) {
	prefix := ""
	if n.path != "" {
		prefix = n.path + ": "
	}
	n.r.wrong(n.line(), "%s%s", prefix, fmt.Sprintf(format, args...))
}

// pair is one entry of a mapping.
type pair struct {
	key   string
	value node
	line  int
}

// pairs reads a mapping; a key that stands twice is a mistake, and its first value counts.
func (n node) pairs() []pair {
	m, ok := n.ast.(ast.MapNode)
	if !ok {
		n.wrong("a mapping belongs here: key: value")
		return nil
	}
	var all []pair
	seen := map[string]int{}
	for it := m.MapRange(); it.Next(); {
		k := node{r: n.r, ast: it.Key(), path: n.path}
		key, plain := k.scalar()
		if !plain {
			continue
		}
		if first, twice := seen[key]; twice {
			k.wrong("%s stands twice, first in line %d: once is right", key, first)
			continue
		}
		seen[key] = k.line()
		path := key
		if n.path != "" {
			path = n.path + "." + key
		}
		all = append(all, pair{key, node{n.r, it.Value(), path}, k.line()})
	}
	return all
}

// fields reads a mapping whose keys are known; an unknown one is a mistake.
func (n node) fields(known map[string]func(node)) {
	for _, p := range n.pairs() {
		read, ok := known[p.key]
		if !ok {
			names := slices.Collect(maps.Keys(known))
			n.r.wrong(p.line, "%s: unknown key%s; the keys here are %s", p.value.path, nearest(p.key, names), list(names))
			continue
		}
		read(p.value)
	}
}

// items reads a list; one value alone is no list.
func (n node) items() []node {
	s, ok := n.ast.(*ast.SequenceNode)
	if !ok {
		n.wrong("a list belongs here: [one, another]")
		return nil
	}
	all := make([]node, len(s.Values))
	for i, v := range s.Values {
		all[i] = node{n.r, v, fmt.Sprintf("%s[%d]", n.path, i)}
	}
	return all
}

// scalar is the text of a plain value, with ${NAME} put in. It is false where there is nothing to check: a mistake is
// said already, or the variable is not set where the file is only checked.
func (n node) scalar() (string, bool) {
	var text string
	switch v := n.ast.(type) {
	case *ast.StringNode:
		text = v.Value
	case *ast.LiteralNode:
		text = strings.TrimRight(v.Value.Value, "\n")
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		text = n.ast.GetToken().Value
	case *ast.AliasNode, *ast.AnchorNode, *ast.TagNode, *ast.MergeKeyNode:
		n.wrong("anchors, aliases and tags are not read: write the value out")
		return "", false
	case nil, *ast.NullNode:
		n.wrong("is empty: give it a value, or leave the key out")
		return "", false
	default:
		n.wrong("one value belongs here, not a list or a mapping")
		return "", false
	}
	return n.expand(text)
}

func (n node) expand(text string) (string, bool) {
	ok := true
	text = aside.ReplaceAllStringFunc(text, func(found string) string {
		name := aside.FindStringSubmatch(found)[1]
		value, set := n.r.getenv(name)
		switch {
		case set && value != "":
		case n.r.check:
			n.r.note(n.line(), "%s: ${%s} is not set here", n.path, name)
			value, ok = "unset", false
		default:
			n.wrong("${%s} is not set: set it in the environment, or write the value here", name)
			value, ok = "unset", false
		}
		return value
	})
	text = restore.Replace(text)
	if ok && strings.Contains(text, "${") {
		n.wrong("%q: a variable is ${NAME}, letters, digits and '_'", text)
		return "", false
	}
	return text, ok
}

func (n node) mapping() bool {
	_, ok := n.ast.(ast.MapNode)
	return ok
}

func (n node) null() bool {
	_, null := n.ast.(*ast.NullNode)
	return null || n.ast == nil
}

// text is a value that must not be empty.
func (n node) text() string {
	s, ok := n.scalar()
	if ok && s == "" {
		n.wrong("is empty: give it a value, or leave the key out")
	}
	return s
}

func (n node) flag() bool {
	s, ok := n.scalar()
	if ok && s != "true" && s != "false" {
		n.wrong("%q is neither true nor false", s)
	}
	return s == "true"
}

// number reads a whole number of a unit between two bounds.
func (n node) number(least, most int64, unit string) int64 {
	s, ok := n.scalar()
	if !ok {
		return least
	}
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil || v < least || v > most {
		n.wrong("%s is not right: a whole number of %s from %d to %d", s, unit, least, most)
		return least
	}
	return v
}

// duration reads 10s, 250ms, 1m30s.
func (n node) duration(least, most time.Duration) time.Duration {
	s, ok := n.scalar()
	if !ok {
		return least
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < least || d > most {
		n.wrong("%q is not right: a time from %s to %s with its unit, such as 10s or 250ms", s, least, most)
		return least
	}
	return d
}

// texts hands out the values of a list, those that there is something to check of.
func (n node) texts(f func(item node, s string)) {
	for _, item := range n.items() {
		if s, ok := item.scalar(); ok {
			f(item, s)
		}
	}
}
