package drupal

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Table is what a CREATE TABLE says that matters outside MySQL.
type Table struct {
	Name    string
	Columns []Column
	Primary []string
	Keys    []Key
	Next    int64 // the next automatic number; 0 where the dump names none
	names   []string
}

// Column is one column of a table.
type Column struct {
	Name     string
	Type     string // int, varchar, longblob, …
	Args     string // what stands in the type's parentheses: 255, or 10,2
	Unsigned bool
	NotNull  bool
	Auto     bool
	Default  *string // nil: none, or NULL
	Letters  string  // its character set, where its type has one and the dump says it: utf8mb4, latin1, …
}

// Key is an index beside the primary one. Prefix lengths and full-text keys are MySQL's own and left out.
type Key struct {
	Name    string
	Unique  bool
	Columns []string
}

// word is a token of a CREATE TABLE or an INSERT's head.
type word struct {
	text string
	name bool // it stood in backquotes or, with --compatible=ansi, in double quotes
	str  bool // it stood in quotes
}

// words cuts SQL into names, strings, words and single signs.
func words(sql string) []word {
	var all []word
	for i := 0; i < len(sql); {
		c := sql[i]
		j := i + 1
		switch {
		case c <= ' ':
		case c == '`' || c == '\'' || c == '"':
			var text strings.Builder
			for ; j < len(sql); j++ {
				if sql[j] == c {
					if j+1 >= len(sql) || sql[j+1] != c {
						break
					}
					j++
				} else if sql[j] == '\\' && c == '\'' && j+1 < len(sql) {
					j++
					text.WriteByte(unescape(sql[j]))
					continue
				}
				text.WriteByte(sql[j])
			}
			j++
			all = append(all, word{text.String(), c != '\'', c == '\''})
		case letter(c):
			for j < len(sql) && letter(sql[j]) {
				j++
			}
			all = append(all, word{text: sql[i:j]})
		default:
			all = append(all, word{text: sql[i:j]})
		}
		i = j
	}
	return all
}

func letter(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c == '.' || c == '-' || c >= 0x80
}

func number(text string) bool {
	_, err := strconv.ParseFloat(text, 64)
	return err == nil
}

func (w word) is(text string) bool { return !w.name && !w.str && strings.EqualFold(w.text, text) }

func (w word) among(texts ...string) bool { return slices.ContainsFunc(texts, w.is) }

// named reports whether the word can name a table or a column: with --skip-quote-names only those names are quoted
// that SQL would take for its own words.
func (w word) named() bool {
	return w.name || !w.str && letter(w.text[0]) && (w.text[0] < '-' || w.text[0] > '9')
}

// parseTable reads one CREATE TABLE statement.
func parseTable(sql string) (*Table, error) {
	all := words(sql)
	open := slices.IndexFunc(all, func(w word) bool { return w.is("(") })
	if open < 1 || !all[open-1].named() {
		return nil, errors.New("a CREATE TABLE names no table")
	}
	t := &Table{Name: all[open-1].text}
	depth, from := 0, open+1
	for i := open; i < len(all); i++ {
		w := all[i]
		switch {
		case w.is("("):
			depth++
		case w.is(")"):
			depth--
		}
		if depth == 1 && w.is(",") || depth == 0 {
			if err := t.add(all[from:i]); err != nil {
				return nil, fmt.Errorf("table %s: %w", t.Name, err)
			}
			from = i + 1
		}
		if depth == 0 {
			return t, t.options(all[i:])
		}
	}
	return nil, fmt.Errorf("the CREATE TABLE of %s does not end", t.Name)
}

// add takes one line of the definition: a column or a key.
func (t *Table) add(line []word) error {
	if len(line) < 2 {
		return errors.New("an empty line in its definition")
	}
	switch first := line[0]; {
	case first.is("PRIMARY"):
		t.Primary = keyed(line)
	case first.among("UNIQUE", "KEY", "INDEX"):
		if i := slices.IndexFunc(line, func(w word) bool { return !w.among("UNIQUE", "KEY", "INDEX") }); i > 0 {
			t.Keys = append(t.Keys, Key{line[i].text, first.is("UNIQUE"), keyed(line)})
		}
	case first.among("CONSTRAINT", "FOREIGN", "CHECK", "FULLTEXT", "SPATIAL"):
	case first.named():
		c := column(line)
		t.Columns = append(t.Columns, c)
		t.names = append(t.names, c.Name)
	}
	return nil
}

// keyed lists the columns of a key, less the lengths of prefixes.
func keyed(line []word) (columns []string) {
	depth := 0
	for _, w := range line {
		switch {
		case w.is("("):
			depth++
		case w.is(")"):
			depth--
		case depth == 1 && w.named() && !w.among("ASC", "DESC"):
			columns = append(columns, w.text)
		}
	}
	return columns
}

func column(line []word) Column {
	c := Column{Name: line[0].text, Type: strings.ToLower(line[1].text)}
	rest := line[2:]
	if len(rest) > 0 && rest[0].is("(") {
		end := slices.IndexFunc(rest, func(w word) bool { return w.is(")") })
		for _, w := range rest[1:max(end, 1)] {
			c.Args += w.text
		}
		rest = rest[max(end, 0):]
	}
	for i, w := range rest {
		next := word{}
		if i+1 < len(rest) {
			next = rest[i+1]
		}
		switch {
		case w.is("UNSIGNED"):
			c.Unsigned = true
		case w.is("NOT") && next.is("NULL"):
			c.NotNull = true
		case w.is("AUTO_INCREMENT"):
			c.Auto = true
		case (w.is("SET") && i > 0 && rest[i-1].is("CHARACTER")) || w.is("CHARSET"):
			c.Letters = next.text
		case w.is("DEFAULT") && (next.str || number(next.text)): // no expressions
			c.Default = &next.text
		}
	}
	return c
}

func (t *Table) options(rest []word) error {
	if len(t.Columns) == 0 {
		return fmt.Errorf("table %s has no columns", t.Name)
	}
	for i, w := range rest {
		if w.is("AUTO_INCREMENT") && i+2 < len(rest) {
			n, err := strconv.ParseInt(rest[i+2].text, 10, 64)
			if err != nil {
				return fmt.Errorf("table %s: AUTO_INCREMENT is %q, not a number", t.Name, rest[i+2].text)
			}
			t.Next = n
		}
		if w.is("CHARSET") && i+2 < len(rest) {
			t.letters(rest[i+2].text)
		}
	}
	return nil
}

// letters gives the columns the table's character set that say none.
func (t *Table) letters(name string) {
	for i, c := range t.Columns {
		if kind := c.kind(); c.Letters == "" && (kind == text || kind == varchar) {
			t.Columns[i].Letters = name
		}
	}
}

// latin says which of an INSERT's columns call themselves latin1; nil: none.
func (t *Table) latin(columns []string) (latin []bool) {
	for i, name := range columns {
		if at := slices.Index(t.names, name); at >= 0 && strings.EqualFold(t.Columns[at].Letters, "latin1") {
			if latin == nil {
				latin = make([]bool, len(columns))
			}
			latin[i] = true
		}
	}
	return latin
}
