package drupal

import (
	"context"
	"net/url"
	"slices"
	"strings"
)

// link8 is a link of Drupal 8, which names links by words.
type link8 struct {
	MenuLink
	id, parent string
}

// links8 reads what modules and themes put into the menus (menu_tree) and what editors did (menu_link_content_data). A
// link's number is its place in this reading, which changes when links come and go.
func (d *contentDB) links8(ctx context.Context) ([]MenuLink, error) {
	all, err := d.editorsLinks(ctx)
	if err != nil {
		return nil, err
	}
	paths := map[string]string{} // of routes, by their names
	err = d.all(ctx, "router", "name", func(f fields) error {
		paths[f["name"]] = strings.TrimPrefix(f["path"], "/")
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = d.all(ctx, "menu_tree", "mlid", func(f fields) error {
		if strings.HasPrefix(f["id"], editorsLink) || strings.HasPrefix(f["menu_name"], "shortcut-set-") {
			return nil // the latter are editors' own; the former are there already
		}
		all = append(all, link8{MenuLink{Menu: f["menu_name"], Title: title(f["title"]), Path: route(f, paths), Weight: int(f.number("weight")), Hidden: f.number("enabled") == 0}, f["id"], f["parent"]})
		return nil
	})
	numbers := map[string]int64{}
	for i, l := range all {
		numbers[l.id] = int64(i + 1)
	}
	links := make([]MenuLink, 0, len(all))
	for i, l := range all {
		l.ID, l.Parent = int64(i+1), numbers[l.parent]
		if !slices.Contains(editors, l.Menu) {
			links = append(links, l.MenuLink)
		}
	}
	return links, err
}

// editorsLink begins the names of links that editors made.
const editorsLink = "menu_link_content:"

func (d *contentDB) editorsLinks(ctx context.Context) (all []link8, err error) {
	if !d.has("menu_link_content_data", "id", "link__uri") || !d.has("menu_link_content", "id", "uuid") {
		return nil, nil
	}
	where := ""
	if d.has("menu_link_content_data", "default_langcode") {
		where = " WHERE l.default_langcode = 1"
	}
	query := "SELECT l.*, m.uuid AS banyan_uuid FROM " + d.q("menu_link_content_data") + " l JOIN " + d.q("menu_link_content") + " m ON m.id = l.id" + where + " ORDER BY l.id"
	err = d.each(ctx, d.db, query, nil, func(f fields) error {
		all = append(all, link8{MenuLink{Menu: f["menu_name"], Title: f["title"], Path: address(pathOf(f["link__uri"]), arrayOf(f["link__options"])),
			Weight: int(f.number("weight")), Hidden: f.number("enabled") == 0}, editorsLink + f["banyan_uuid"], f["parent"]})
		return nil
	})
	return all, err
}

// title is what a link of a module says, before anybody translates it.
func title(serialised string) string {
	v, err := php(serialised)
	if err != nil {
		return serialised
	}
	if o, ok := v.(Object); ok {
		v = o.Fields["string"]
	}
	text, _ := v.(string)
	return text
}

// route is where a row of menu_tree leads. One whose parts we cannot fill in is named as Drupal names it.
func route(f fields, paths map[string]string) string {
	parameters, _ := url.ParseQuery(f["route_param_key"])
	switch name := f["route_name"]; {
	case f["url"] != "":
		return pathOf(f["url"])
	case name == "<front>", name == "<nolink>":
		return name
	case name == "entity.node.canonical":
		return "node/" + parameters.Get("node")
	case name == "entity.taxonomy_term.canonical":
		return "taxonomy/term/" + parameters.Get("taxonomy_term")
	case paths[name] != "" && !strings.Contains(paths[name], "{"):
		return paths[name]
	}
	return "route:" + f["route_name"]
}
