package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

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
		n.wrong("it has a ${ that begins no variable: one is ${NAME}, letters, digits and '_'") // the text may be a secret's
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
