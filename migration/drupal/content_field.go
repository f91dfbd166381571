package drupal

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// fieldTable is where the values of one field lie.
type fieldTable struct {
	Field
	table   string // without the site's prefix
	columns []Column
	targets map[string]string // what a column refers to, by its short name: file, taxonomy_term, media
}

func (d *contentDB) Fields(ctx context.Context) ([]Field, error) {
	tables, err := d.nodeFields(ctx)
	all := make([]Field, len(tables))
	for i, t := range tables {
		all[i] = t.Field
	}
	return all, err
}

// The columns of a field's table that are not the field's own.
var fieldKeys = []string{"entity_type", "bundle", "deleted", "entity_id", "revision_id", "language", "langcode", "delta"}

// nodeFields finds the tables of the fields that nodes have, by the field's name.
func (d *contentDB) nodeFields(ctx context.Context) ([]fieldTable, error) {
	settings, err := d.fieldSettings(ctx)
	if err != nil {
		return nil, err
	}
	mark := "field_data_"
	if d.version == 8 {
		mark = "node__"
	}
	var all []fieldTable
	for name, columns := range d.tables {
		table, ours := strings.CutPrefix(name, d.prefix)
		field, is := strings.CutPrefix(table, mark)
		if !ours || !is || !d.has(table, "entity_id", "delta") {
			continue
		}
		s, told := settings[table]
		if told {
			field = s.field
		}
		if s.elsewhere {
			continue
		}
		t := fieldTable{Field: Field{Name: field, Type: s.kind}, table: table, targets: map[string]string{}}
		for _, c := range columns {
			if slices.Contains(fieldKeys, c.Name) {
				continue
			}
			t.columns = append(t.columns, c)
			short := strings.TrimPrefix(c.Name, field+"_")
			t.Columns = append(t.Columns, short)
			if target := s.refers(short); target != "" {
				t.targets[short] = target
			}
		}
		slices.SortStableFunc(t.Columns, func(a, b string) int { return cmp.Compare(rank(a), rank(b)) })
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b fieldTable) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// rank puts a main column first.
func rank(column string) int {
	if i := slices.Index(mains, column); i >= 0 {
		return i
	}
	return len(mains)
}

// fieldSetting is what a site says about a field, by the table that it lies in.
type fieldSetting struct {
	field, kind, target string
	elsewhere           bool // what has the field are not nodes
}

// refers says what a column of such a field names.
func (s fieldSetting) refers(column string) string {
	switch {
	case column == "fid", column == "target_id" && (s.kind == "file" || s.kind == "image"):
		return "file"
	case column == "tid":
		return "taxonomy_term"
	case column == "target_id" && slices.Contains([]string{"file", "taxonomy_term", "media"}, s.target):
		return s.target
	}
	return ""
}

// fieldSettings reads field_config, or Drupal 8's field.storage.node.*. Settings that cannot be read are as if they were not there: Census counts them.
func (d *contentDB) fieldSettings(ctx context.Context) (map[string]fieldSetting, error) {
	if d.version == 7 {
		return d.fieldSettings7(ctx)
	}
	all := map[string]fieldSetting{}
	if !d.has("config", "name", "data") {
		return all, nil
	}
	const mark = "field.storage.node."
	return all, d.each(ctx, d.db, "SELECT name, data FROM "+d.q("config")+" WHERE name LIKE '"+mark+"%' ORDER BY name", nil, func(f fields) error {
		field := strings.TrimPrefix(f["name"], mark)
		v, err := php(f["data"])
		m, _ := v.(map[string]any)
		if err != nil || m == nil {
			return nil
		}
		kind, _ := m["type"].(string)
		table := "node__" + field
		if uuid, _ := m["uuid"].(string); len(table) > 48 { // Drupal leaves 16 signs for a prefix
			sum := sha256.Sum256([]byte(uuid))
			table = "node__" + hex.EncodeToString(sum[:])[:10]
		}
		all[table] = fieldSetting{field: field, kind: kind, target: target(f["data"])}
		return nil
	})
}

func (d *contentDB) fieldSettings7(ctx context.Context) (map[string]fieldSetting, error) {
	has := map[string]map[string]bool{} // by field, by what has it
	err := d.all(ctx, "field_config_instance", "id", func(f fields) error {
		if of := f["field_name"]; f.number("deleted") == 0 {
			if has[of] == nil {
				has[of] = map[string]bool{}
			}
			has[of][f["entity_type"]] = true
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	all := map[string]fieldSetting{}
	return all, d.all(ctx, "field_config", "id", func(f fields) error {
		if name := f["field_name"]; f.number("deleted") == 0 {
			all["field_data_"+name] = fieldSetting{name, f["type"], target(f["data"]), len(has[name]) > 0 && !has[name]["node"]}
		}
		return nil
	})
}

// target is the kind of thing that a field's settings say it refers to.
func target(data string) string {
	v, _ := php(data)
	m, _ := v.(map[string]any)
	settings, _ := m["settings"].(map[string]any)
	kind, _ := settings["target_type"].(string)
	return kind
}

// fieldValue is a value and where it stands.
type fieldValue struct {
	language string
	delta    int64
	columns  map[string]string
}

// field reads the values of one field of the nodes at hand.
func (s *nodeSheet) field(ctx context.Context, t fieldTable) error {
	where, args := "entity_id >= ? AND entity_id <= ?", []any{s.from, s.to}
	if has(t.columnsAll(s.contentDB), "entity_type") {
		where += " AND entity_type = 'node'"
	}
	if has(t.columnsAll(s.contentDB), "deleted") {
		where += " AND deleted = 0"
	}
	if s.bundle != "" {
		where, args = where+" AND bundle = ?", append(args, s.bundle)
	}
	found := map[int64][]fieldValue{}
	ids := map[string][]string{} // by what they name
	err := s.each(ctx, s.tx, "SELECT * FROM "+s.q(t.table)+" WHERE "+where, args, func(f fields) error {
		nid := f.number("entity_id")
		if s.at[nid] == nil {
			return nil // its node is gone, or not asked for
		}
		v := fieldValue{cmp.Or(f["langcode"], f["language"]), f.number("delta"), map[string]string{}}
		for _, c := range t.columns {
			text, there := f[c.Name]
			if !there {
				continue
			}
			if c.Type == "numeric" || c.Type == "decimal" {
				text = padded(text, c.Args)
			}
			short := strings.TrimPrefix(c.Name, t.Name+"_")
			v.columns[short] = text
			if target := t.targets[short]; target != "" {
				ids[target] = append(ids[target], text)
			}
		}
		found[nid] = append(found[nid], v)
		return nil
	})
	if err != nil {
		return fmt.Errorf("field %s: %w", t.Name, err)
	}
	names, err := s.resolve(ctx, ids)
	if err != nil {
		return fmt.Errorf("field %s: %w", t.Name, err)
	}
	for nid, values := range found {
		s.put(s.at[nid], t, values, names)
	}
	return nil
}

func (t fieldTable) columnsAll(d *contentDB) []Column { return d.tables[d.prefix+t.table] }

// put orders the values: those in the node's own language first.
func (s *nodeSheet) put(n *Node, t fieldTable, values []fieldValue, names map[string]map[string]named) {
	foreign := func(v fieldValue) int {
		if v.language == n.Language || v.language == "und" || v.language == "" {
			return 0
		}
		return 1
	}
	slices.SortFunc(values, func(a, b fieldValue) int {
		return cmp.Or(cmp.Compare(foreign(a), foreign(b)), strings.Compare(a.language, b.language), cmp.Compare(a.delta, b.delta))
	})
	for _, v := range values {
		if foreign(v) == 1 {
			v.columns["language"] = v.language
		}
		for column, target := range t.targets {
			if is, known := names[target][v.columns[column]]; known {
				is.into(v.columns)
			}
		}
		n.Fields[t.Name] = append(n.Fields[t.Name], v.columns)
	}
}
