package drupal

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// schema is what a site's tables say about its webforms. Both sources fill it from rows of text.
type schema struct {
	prefix     string
	version    int
	forms      []Form
	components map[int64][]Component
	conditions map[[2]int64]bool // nid and cid of what webform 4 shows on a condition
}

// find finds the site among the names of all tables; prefix, where given, says which. Two sites in one database are
// refused otherwise: they would be mixed.
func (s *schema) find(tables []string, prefix *string) error {
	const mark = "webform_component"
	found := []string{}
	for _, t := range tables {
		p, ok := strings.CutSuffix(t, mark)
		if ok && (prefix == nil || *prefix == p) && slices.Contains(tables, p+"webform_submissions") {
			found = append(found, p)
		}
	}
	switch {
	case len(found) == 0 && prefix != nil:
		return fmt.Errorf("the source has no tables %swebform_component and %swebform_submissions: ?prefix= is what the names of the site's tables begin with", *prefix, *prefix)
	case len(found) == 0:
		return errors.New("the source has no tables webform_component and webform_submissions: it is not the database of a Drupal with webforms, or not all of it")
	case len(found) > 1:
		return fmt.Errorf("the source holds several sites, with the table prefixes %q; give one of them with ?prefix= behind the source's name, such as %s", found, "?prefix="+found[len(found)-1])
	}
	s.prefix, s.version = found[0], 3
	if slices.Contains(tables, s.prefix+"webform_conditional") {
		s.version = 4
	}
	return nil
}

// fields are one row by column name; what is NULL or not there is "".
type fields map[string]string

func (f fields) number(name string) int64 {
	n, _ := strconv.ParseInt(f[name], 10, 64) // a column that webform's other version does not have is 0
	return n
}

// add takes one row of a webform table, named without the prefix.
func (s *schema) add(table string, f fields) error {
	switch table {
	case "webform":
		s.forms = append(s.forms, Form{NID: f.number("nid"), Name: "node/" + f["nid"], Version: s.version})
	case "webform_conditional_actions": // webform 4: what a condition shows or hides
		s.conditions[[2]int64{f.number("nid"), f.number("target")}] = true
	case "webform_conditional": // webform 4 before its actions had a table of their own
		if f["target"] != "" {
			s.conditions[[2]int64{f.number("nid"), f.number("target")}] = true
		}
	case "webform_component":
		return s.component(f)
	}
	return nil
}

func (s *schema) component(f fields) error {
	nid := f.number("nid")
	c := Component{
		CID: f.number("cid"), PID: f.number("pid"), Key: f["form_key"], Name: f["name"], Type: f["type"], Value: f["value"],
		Mandatory: f.number("mandatory") == 1 || f.number("required") == 1, // webform 3 and 4
		Weight:    f.number("weight"),
	}
	if f["extra"] != "" {
		extra, err := php(f["extra"])
		if err != nil {
			return fmt.Errorf("node %d, component %d (%s): its settings in webform_component.extra are %w", nid, c.CID, c.Key, err)
		}
		c.Extra, _ = extra.(map[string]any)
	}
	switch on := c.Extra["conditional_component"].(type) { // webform 3
	case string:
		c.Conditional = on != "" && on != "0"
	case int64:
		c.Conditional = on != 0
	}
	s.components[nid] = append(s.components[nid], c)
	return nil
}

// order ends the reading of the webform tables.
func (s *schema) order() {
	slices.SortFunc(s.forms, func(a, b Form) int { return cmp.Compare(a.NID, b.NID) })
	for nid, all := range s.components {
		slices.SortFunc(all, func(a, b Component) int {
			return cmp.Or(cmp.Compare(a.Weight, b.Weight), cmp.Compare(a.CID, b.CID))
		})
		for i, c := range all {
			all[i].Conditional = c.Conditional || s.conditions[[2]int64{nid, c.CID}]
		}
	}
}

// keys names the components of a form by number. A key that stands twice in a form (in two fieldsets) keeps its
// number behind it from the second on: one value must not hide another, and one that an editor adds later must not take
// the name of the one that was there, wherever it is shown.
func (s *schema) keys(nid int64) map[int64]string {
	keys := map[int64]string{}
	taken := map[string]bool{}
	for _, c := range slices.SortedFunc(slices.Values(s.components[nid]), func(a, b Component) int { return cmp.Compare(a.CID, b.CID) }) {
		keys[c.CID] = c.Key
		if taken[c.Key] {
			keys[c.CID] = fmt.Sprintf("%s %d", c.Key, c.CID)
		}
		taken[c.Key] = true
	}
	return keys
}

func newSchema() *schema {
	return &schema{components: map[int64][]Component{}, conditions: map[[2]int64]bool{}}
}

// wants reports whether rows of a table, named without the prefix, are to be added.
func (s *schema) wants(table string) bool {
	switch table {
	case "webform", "webform_component", "webform_conditional", "webform_conditional_actions":
		return true
	}
	return false
}

// alias takes a row of url_alias that is about the i-th form's node; as in Drupal the newest counts.
func (s *schema) alias(i int, f fields) {
	if pid := f.number("pid"); pid > s.forms[i].pid {
		s.forms[i].pid, s.forms[i].Name = pid, f["alias"]
	}
}

// of lists the components of a form.
func (s *schema) of(nid int64) ([]Component, error) {
	if !slices.ContainsFunc(s.forms, func(f Form) bool { return f.NID == nid }) {
		return nil, fmt.Errorf("node %d is no webform", nid)
	}
	return s.components[nid], nil
}
