package assess

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// shapes are Drupal's own addresses whose names are numbers or files, and what they are.
var shapes = []struct {
	path, name string
	check      int
	whole      bool
}{
	{"node/%", "nid", checkNode, false},
	{"user/%", "uid", 0, false},
	{"taxonomy/term/%", "tid", 0, false},
	{"comment/%", "cid", 0, false},
	{"sites/default/files/%", "file", checkFile, true},
	{"sites/default/files/css/%", "file", 0, true},
	{"sites/default/files/js/%", "file", 0, true},
	{"sites/default/files/styles/%", "style", 0, false},
	{"sites/default/files/styles/%/public/%", "file", checkFile, true},
	{"system/files/%", "file", 0, true},
	{"system/files/styles/%", "style", 0, false},
}

// fixed are those beside them that are pages.
var fixed = []string{"user/login", "user/logout", "user/password", "user/register", "user/autocomplete", "user/reset", "user/%/edit", "user/%/cancel", "node/add",
	"admin/content", "admin/structure", "admin/people", "admin/config", "admin/modules", "admin/reports", "admin/appearance", "comment/reply/%", "comment/%/edit",
	"batch", "overlay", "overlay-ajax", "toolbar", "shortcut", "file/ajax", "file/progress", "system/ajax", "system/temporary", "system/timezone", "rss.xml", "sitemap.xml"}

// ofNode are those below a node.
var ofNode = []string{"edit", "delete", "revisions", "webform", "webform-results", "submission", "submissions", "done"}

// tree is a tree that has what is known to be there.
func (s *Site) tree() *tree {
	t := newTree()
	for _, shape := range shapes {
		n := t.plant(shape.path)
		n.name, n.check, n.whole = shape.name, shape.check, shape.whole
	}
	for _, page := range slices.Concat(fixed, core) {
		t.plant(page)
	}
	for _, page := range ofNode {
		t.plant("node/%/" + page)
	}
	for _, p := range s.router {
		t.plant(p).below = true
	}
	for _, f := range s.forms {
		t.plant(fmt.Sprintf("node/%d", f.nid)).page = true
		for _, page := range ofNode {
			t.plant(fmt.Sprintf("node/%d/%s", f.nid, page))
		}
		if f.alias != "" {
			t.plant(f.alias).page = true
		}
	}
	s.plantAliases(t)
	t.most = t.nodes + nodesMost
	return t
}

// plantAliases makes a page of each alias, or a pattern of those that are of one type of node and too many for their folder, or
// people's.
func (s *Site) plantAliases(t *tree) {
	type shelf struct{ folder, kind string }
	many := map[shelf][]string{}
	for alias, source := range s.aliases {
		at := shelf{path.Dir("/" + alias)[1:], s.kinds[source]}
		if strings.HasPrefix(source, "user/") || strings.HasPrefix(source, "blog/") {
			at.kind = person
		}
		many[at] = append(many[at], alias)
	}
	for at, all := range many {
		most := fanout
		if at.folder == "" {
			most = rootFanout
		}
		slices.Sort(all)
		if len(all) > most || personal(at.kind) {
			n := t.plant(at.folder + "/%")
			n.page, n.kind, n.check = true, at.kind, checkAlias
			all = slices.DeleteFunc(all, func(alias string) bool { return !s.isForm(alias) })
		}
		for _, alias := range all {
			n := t.plant(alias)
			n.page, n.kind = true, at.kind
		}
	}
}

// person is the kind of an alias that is a user's.
const person = "user"

// personal says that pages of this kind are called by who made them.
func personal(kind string) bool {
	return kind == person || kind != "" && contentOf("", kind).Alias != ""
}

func (s *Site) isForm(alias string) bool {
	return slices.ContainsFunc(s.forms, func(f webform) bool { return f.alias == alias })
}
