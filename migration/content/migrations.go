package content

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// migrations writes the YAML that migrate_plus reads: a group, and a migration for each kind of thing. Its paths are relative to the package,
// which stands in the Drupal's root as banyan.
func (h *handing) migrations(ctx context.Context) error {
	fields, err := h.o.Content.Fields(ctx)
	if err != nil {
		return err
	}
	kinds := map[string]string{}
	for _, f := range fields {
		kinds[f.Name] = f.Type
	}
	all := map[string]string{
		"README.md": handoverText,
		"migrations/migrate_plus.migration_group.banyan.yml": "id: banyan\nlabel: The old site's content\ndescription: Written by banyan migrate content\nsource_type: JSON files\n",
		"migrations/migrate_plus.migration.banyan_file.yml":  fileYAML,
	}
	all["migrations/migrate_plus.migration.banyan_alias.yml"] = migration("banyan_alias", "Addresses", "aliases", "pid", []string{"path", "alias", "langcode"},
		"  path: path\n  alias: alias\n  langcode: "+langcode, "entity:path_alias", h.every())
	all["migrations/migrate_plus.migration.banyan_redirect.yml"] = migration("banyan_redirect", "Redirects", "redirects", "id", []string{"from", "to", "status"},
		"  'redirect_source/path': from\n  'redirect_redirect/uri': to\n  status_code: status\n", "entity:redirect", nil)
	all["migrations/migrate_plus.migration.banyan_menu_link.yml"] = migration("banyan_menu_link", "Menus", "menu_links", "id",
		[]string{"parent", "menu", "title", "link", "weight", "enabled"}, menuProcess, "entity:menu_link_content", h.every())
	for _, kind := range sortedKeys(h.h.Types) {
		name := "banyan_node_" + safe(kind)
		columns := []string{"vid", "type", "langcode", "title", "status", "promote", "uid", "created", "changed"}
		process := "  nid: nid\n  title: title\n  langcode: " + langcode + "  status: status\n  promote: promote\n  uid:\n    plugin: default_value\n    default_value: 1\n  created: created\n  changed: changed\n" +
			"  type:\n    plugin: default_value\n    default_value: " + quoteYAML(kind) + "\n"
		for _, field := range h.fields[kind] {
			columns = append(columns, "field."+field)
			process += fieldProcess(field, kinds[field])
		}
		all["migrations/migrate_plus.migration."+name+".yml"] = migration(name, "Nodes of type "+kind, "node_"+safe(kind), "nid", columns, process, "entity:node", []string{"banyan_file"})
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		file := filepath.Join(h.dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return kept(err)
		}
		if err := os.WriteFile(file, []byte(all[name]), 0o644); err != nil {
			return kept(err)
		}
	}
	return nil
}

// every are the migrations of all nodes, which addresses and menus lead to.
func (h *handing) every() (all []string) {
	for _, kind := range sortedKeys(h.h.Types) {
		all = append(all, "banyan_node_"+safe(kind))
	}
	return all
}

const langcode = "\n    plugin: static_map\n    source: langcode\n    map: {und: en}\n    bypass: true\n"

// migration is one migration's YAML.
func migration(id, label, data, key string, columns []string, process, destination string, after []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "id: %s\nlabel: %s\nmigration_group: banyan\nsource:\n  plugin: url\n  data_fetcher_plugin: file\n  data_parser_plugin: json\n  item_selector: data\n"+
		"  urls: [banyan/data/%s.json]\n  constants: {package: banyan/}\n  ids:\n    %s: {type: integer}\n  fields:\n", id, quoteYAML(label), data, key)
	for _, column := range append([]string{key}, columns...) {
		fmt.Fprintf(&b, "    - {name: %s, selector: %s}\n", name(column), quoteYAML(column))
	}
	fmt.Fprintf(&b, "process:\n%sdestination:\n  plugin: %s\n", process, quoteYAML(destination))
	if len(after) > 0 {
		fmt.Fprintf(&b, "migration_dependencies:\n  required: [%s]\n", strings.Join(after, ", "))
	}
	return b.String()
}

// name is a column's in a migration.
func name(column string) string { return strings.ReplaceAll(column, ".", "__") }

// fieldProcess says how the values of a field go over: texts with the new site's format, files by their new id, and all else as it is.
func fieldProcess(field, kind string) string {
	from := name("field." + field)
	each := fmt.Sprintf("  %s:\n    plugin: sub_process\n    source: %s\n    process:\n", field, from)
	switch {
	case strings.HasPrefix(kind, "text"):
		return each + "      value: value\n      summary: summary\n      format:\n        plugin: static_map\n        source: format\n" +
			"        map: {filtered_html: basic_html, full_html: full_html, plain_text: plain_text}\n        default_value: basic_html\n"
	case kind == "image" || kind == "file":
		return each + "      target_id:\n        plugin: migration_lookup\n        migration: banyan_file\n        source: fid\n        no_stub: true\n" +
			"      alt: alt\n      title: title\n      description: description\n"
	}
	return fmt.Sprintf("  %s: %s\n", field, from)
}

func quoteYAML(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

const menuProcess = `  title: title
  menu_name: menu
  'link/uri': link
  weight: weight
  enabled: enabled
  parent_id:
    - plugin: skip_on_empty
      method: process
      source: parent
    - plugin: migration_lookup
      migration: banyan_menu_link
  parent:
    plugin: menu_link_parent
    source: ['@parent_id', menu, link]
`

var fileYAML = migration("banyan_file", "Uploaded files", "files", "fid", []string{"uri", "path", "filename", "filemime", "filesize", "changed"}, `  fid: fid
  filename: filename
  filemime: filemime
  created: changed
  changed: changed
  status:
    plugin: default_value
    default_value: 1
  source_path:
    plugin: concat
    source: [constants/package, path]
  uri:
    plugin: file_copy
    source: ['@source_path', uri]
`, "entity:file", nil)

const handoverText = `# The old site's content for Drupal 8 and later

What editors made: nodes with the fields of their live revision, unpublished ones too (status 0), addresses, redirects, menus, uploaded files. No
people and no submissions: those are the services'. Every node is uid 1's here.

1. The new site has the content types and fields of the same machine names (data/node_TYPE.json names them), and the modules migrate, migrate_plus,
   migrate_tools, path_alias and, for data/redirects.json, redirect.
2. Put this folder into the Drupal's root as banyan, and its migrations into a module's config/install, or import them:
   drush config:import --partial --source=../banyan/migrations
3. drush migrate:import --group=banyan (drush migrate:rollback --group=banyan takes it back).

Node ids stay, so that node/N answers as before; an empty site is the place for them. Formats of texts are mapped: filtered_html is basic_html there. A field
of another type than text, image or file goes over as it was stored: look at its migration's process first.

The same JSON is what JSON:API would be given; a program that posts it needs no migrate at all.

Not tried by the program that wrote it: there was no Drupal 8 to run it in. Its tests hold the shape: every migration's source is a file here, every column
that a process reads is in it.
`
