package config

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/parser"
)

// reader gathers what a file says and what is wrong with it.
type reader struct {
	file     string
	getenv   func(string) (string, bool)
	host     func() (string, error)
	check    bool // an unset ${NAME} is a note, not a mistake
	mistakes Mistakes
	notes    []Note
	forms    []form // in file order, those that could be read whole
	folders  []folder
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
