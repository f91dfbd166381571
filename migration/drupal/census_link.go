package drupal

import (
	"slices"
	"strconv"
	"strings"
)

// once notes a row whose number another row has.
func (l *linked) once(f fields) {
	if column := l.order[0]; !l.seen.add(f.number(column)) {
		l.odd("duplicate row", "", f)
	}
}

// submission notes a submission of what is no webform, or no more.
func (l *linked) submission(f fields) {
	l.once(f)
	gone := refer{column: "nid", table: "node", id: "nid", kind: "submission of a missing node"}
	if nodes, err := l.set(l.ctx, "node", "nid"); err == nil && nodes.has(f.number("nid")) {
		gone = refer{column: "nid", table: "webform", id: "nid", kind: "submission of no webform"}
	}
	l.refer(gone, f.number("nid"), f)
}

// entities are where the things lie that have fields.
var entities = map[string][2]string{
	"node": {"node", "nid"}, "user": {"users", "uid"}, "taxonomy_term": {"taxonomy_term_data", "tid"}, "comment": {"comment", "cid"}, "file": {"file_managed", "fid"},
	"media": {"media", "mid"},
}

// field notes values of what is not there, or that Drupal has marked as deleted, and values that refer to nothing.
func (l *linked) field(f fields) {
	if f["deleted"] != "" && f["deleted"] != "0" {
		l.odd("deleted value", "", f)
		return
	}
	kind := f["entity_type"]
	if kind == "" {
		kind, _, _ = strings.Cut(l.short, "__")
	}
	if of, is := entities[kind]; is {
		l.refer(refer{column: "entity_id", table: of[0], id: of[1], kind: "value of a missing " + kind}, f.number("entity_id"), f)
	}
	for column, v := range f {
		switch {
		case v == "" || v == "0":
		case strings.HasSuffix(column, "_fid"):
			l.refer(refer{column: column, table: "file_managed", id: "fid", kind: "missing file"}, f.number(column), f)
		case strings.HasSuffix(column, "_tid"):
			l.refer(refer{column: column, table: "taxonomy_term_data", id: "tid", kind: "missing term"}, f.number(column), f)
		}
	}
}

// path notes a way to something that is not there, where it is a way to a node, a term or a user.
func (l *linked) path(kind, column, path string, f fields) {
	path = strings.TrimPrefix(path, "/")
	for prefix, of := range map[string]string{"node/": "node", "taxonomy/term/": "taxonomy_term", "user/": "user"} {
		rest, is := strings.CutPrefix(path, prefix)
		if id, err := strconv.ParseInt(rest, 10, 64); is && err == nil {
			l.refer(refer{column: column, table: entities[of][0], id: entities[of][1], kind: kind}, id, f)
		}
	}
}

// alias notes an address that two paths have in one language: which of them a visitor gets is chance. Case does not matter to Drupal.
func (l *linked) alias(f fields) {
	t := l.aliasTable()
	if t == nil {
		return
	}
	a, live := t.alias(f)
	if !live {
		return
	}
	same := strings.ToLower(a.Alias) + "\x00" + a.Language
	if l.texts[same] {
		l.odd("duplicate alias", "alias", f)
	}
	l.texts[same] = true
	l.path("alias of nothing", t.source, a.Source, f)
}

func (l *linked) redirect(f fields) {
	if l.version == 8 {
		l.path("redirect to nothing", "redirect_redirect__uri", pathOf(f["redirect_redirect__uri"]), f)
		return
	}
	l.path("redirect to nothing", "redirect", f["redirect"], f)
}

func (l *linked) menu(f fields) { l.path("link to nothing", "link_path", f["link_path"], f) }

// file notes a file that nothing uses; one that nobody finished uploading is used by nothing.
func (l *linked) file(f fields) {
	l.once(f)
	if f.number("status") == 0 {
		return
	}
	l.refer(refer{column: "fid", table: "file_usage", id: "fid", kind: "file without a use"}, f.number("fid"), f)
}

// components are the types of webform 3 and 4 and of its common companions.
var components = []string{"textfield", "textarea", "email", "select", "hidden", "number", "date", "time", "file", "grid", "markup", "fieldset", "pagebreak",
	"select_or_other", "phone", "civicrm_contact", "civicrm_options", "multifile", "matrix"}

func (l *linked) component(f fields) {
	if !slices.Contains(components, f["type"]) {
		l.odd("unknown component type", "type", f)
	}
	same := f["nid"] + "\x00" + f["form_key"]
	if l.texts[same] {
		l.odd("form key twice", "form_key", f)
	}
	l.texts[same] = true
}
