package drupal

import (
	"cmp"
	"context"
	"slices"
	"strings"
)

// The menus that only editors see.
var editors = []string{"management", "devel", "development", "admin", "tools"}

func (d *contentDB) Menus(ctx context.Context, yield func(MenuLink) error) error {
	links, err := d.links7(ctx)
	if d.version == 8 {
		links, err = d.links8(ctx)
	}
	if err != nil {
		return err
	}
	for _, l := range order(links) {
		if err := yield(l); err != nil {
			return err
		}
	}
	return nil
}

func (d *contentDB) links7(ctx context.Context) (links []MenuLink, err error) {
	err = d.all(ctx, "menu_links", "mlid", func(f fields) error {
		path := f["link_path"]
		switch {
		case slices.Contains(editors, f["menu_name"]), strings.HasPrefix(f["menu_name"], "shortcut-set-"):
			return nil
		case f.number("hidden") < 0: // a module's page, never shown in a menu
			return nil
		case f.number("external") == 0 && strings.Contains(path, "%"): // such a link has no page of its own
			return nil
		}
		links = append(links, MenuLink{ID: f.number("mlid"), Parent: f.number("plid"), Menu: f["menu_name"], Title: f["link_title"],
			Path: address(path, arrayOf(f["options"])), Weight: int(f.number("weight")), Hidden: f.number("hidden") != 0})
		return nil
	})
	return links, err
}

// order puts parents before their children, and brothers as their menu shows them. A link whose parent is not there,
// or that is its own, is at the top.
func order(links []MenuLink) []MenuLink {
	slices.SortStableFunc(links, func(a, b MenuLink) int {
		return cmp.Or(strings.Compare(a.Menu, b.Menu), cmp.Compare(a.Weight, b.Weight), strings.Compare(a.Title, b.Title), cmp.Compare(a.ID, b.ID))
	})
	at := map[int64]int{}
	for i, l := range links {
		at[l.ID] = i
	}
	children := map[int64][]int{}
	for i, l := range links {
		if p, there := at[l.Parent]; !there || links[p].Menu != l.Menu || circular(links, at, i) {
			links[i].Parent = 0
		}
		children[links[i].Parent] = append(children[links[i].Parent], i)
	}
	ordered := make([]MenuLink, 0, len(links))
	var add func(parent int64)
	add = func(parent int64) {
		of := children[parent]
		delete(children, parent) // two links may have one number
		for _, i := range of {
			ordered = append(ordered, links[i])
			add(links[i].ID)
		}
	}
	add(0)
	return ordered
}

// circular says whether a link is among its own parents.
func circular(links []MenuLink, at map[int64]int, i int) bool {
	up := i
	for range links {
		next, there := at[links[up].Parent]
		if !there || links[up].Parent == 0 {
			return false
		}
		if up = next; up == i {
			return true
		}
	}
	return false
}

func (d *contentDB) Routes(ctx context.Context, yield func(Route) error) error {
	if d.version == 8 {
		return d.all(ctx, "router", "name", func(f fields) error {
			return yield(Route{Path: strings.TrimPrefix(f["pattern_outline"], "/"), Call: f["name"]})
		})
	}
	return d.all(ctx, "menu_router", "path", func(f fields) error {
		return yield(Route{Path: f["path"], Title: f["title"], Call: f["page_callback"]})
	})
}
