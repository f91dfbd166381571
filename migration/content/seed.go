package content

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/banyan-migration/banyan/migration/drupal"

	pages "github.com/banyan-migration/banyan/gateway/drupal"
)

// seed queues every address that the database, the log and an earlier freeze know of.
func (c *crawl) seed(ctx context.Context) error {
	c.add(target{path: "/"}, false)
	for _, usual := range []string{"/favicon.ico", "/robots.txt", "/sitemap.xml", "/rss.xml", "/node"} {
		c.guess(usual)
	}
	for at := range c.keep.was { // what a log alone has told of, too
		c.guess(at)
	}
	aliases := map[string][]string{} // by system path
	source := c.o.Content
	if err := source.Aliases(ctx, func(a drupal.Alias) error {
		aliases[a.Source] = append(aliases[a.Source], a.Alias)
		return nil
	}); err != nil {
		return err
	}
	if err := source.Nodes(ctx, func(n drupal.Node) error { c.node(n, aliases); return nil }); err != nil {
		return err
	}
	for _, system := range sortedKeys(aliases) {
		if strings.HasPrefix(system, "node/") || strings.HasPrefix(system, "user/") {
			continue // an orphan, or a person's page
		}
		for _, path := range append(aliases[system], system) {
			c.guess("/" + path)
		}
	}
	if err := source.Redirects(ctx, func(r drupal.Redirect) error { c.link("/" + escape(r.From)); return nil }); err != nil {
		return err
	}
	if err := source.Menus(ctx, func(l drupal.MenuLink) error {
		if !l.Hidden && l.Path != "<front>" && !strings.Contains(l.Path, "%") {
			if strings.Contains(l.Path, "://") {
				c.link(l.Path)
			} else {
				c.guess("/" + l.Path)
			}
		}
		return nil
	}); err != nil {
		return err
	}
	folder, err := c.public(ctx)
	if err != nil {
		return err
	}
	if err := source.Files(ctx, func(f drupal.File) error {
		if name, public := strings.CutPrefix(f.URI, "public://"); public {
			c.guess("/" + folder + "/" + escape(name))
		}
		return nil
	}); err != nil || c.o.Seen == nil {
		return err
	}
	for seen := range c.o.Seen {
		c.link(seen)
	}
	return nil
}

// public is where the web server gives the site's public files.
func (c *crawl) public(ctx context.Context) (string, error) {
	v, err := c.o.Content.Variable(ctx, "file_public_path")
	if folder, is := v.(string); is && folder != "" {
		return strings.Trim(folder, "/"), err
	}
	return "sites/default/files", err
}

// node queues a node under all its names, or notes that they are not to be asked for.
func (c *crawl) node(n drupal.Node, aliases map[string][]string) {
	system := fmt.Sprintf("node/%d", n.NID)
	live := slices.Contains(c.o.Live, n.NID)
	for _, alias := range append(aliases[system], system) {
		t, ok := c.spell("/"+escape(alias), "")
		if !ok {
			continue
		}
		c.nodes[t.path] = n.NID
		switch {
		case live:
			for _, name := range pages.Names(n.NID, alias) {
				if name.Q == "" && !name.Done {
					c.live[name.Path] = n.NID
				}
			}
			c.live[t.path] = n.NID
			c.guess("/" + system + "/done")
		case n.Published:
			c.published[t.path] = true
			if n.Changed.After(c.changed[t.path]) {
				c.changed[t.path] = n.Changed
			}
		default:
			c.hidden[t.path] = true
		}
		c.add(t, false)
	}
}

// link queues an address as a page or a log has it; guess one that the site may well not have.
func (c *crawl) link(link string) {
	if t, ok := c.resolve(c.site, link); ok {
		c.add(t, false)
	}
}

func (c *crawl) guess(path string) {
	if t, ok := c.resolve(c.site, path); ok {
		c.add(t, true)
	}
}

// escape writes a path of the database as addresses have it.
func escape(path string) string { return (&url.URL{Path: path}).EscapedPath() }

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
