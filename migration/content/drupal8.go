package content

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/banyan-migration/banyan/gateway/frozen"
	"github.com/banyan-migration/banyan/migration/drupal"
)

// Handover is what the package for Drupal 8 holds.
type Handover struct {
	Nodes     int            `json:"nodes"`
	Types     map[string]int `json:"types"`
	Aliases   int            `json:"aliases"`
	Redirects int            `json:"redirects"`
	Menus     int            `json:"menu_links"`
	Files     int            `json:"files"`
	Absent    []frozen.Left  `json:"absent"` // files that the database names and the site did not give
}

// handOver writes the package: data as JSON lists, uploaded files, and migrations for migrate_plus that read both.
func (c *crawl) handOver(ctx context.Context, m *frozen.Manifest) (h Handover, err error) {
	dir, err := c.keep.grow("drupal8")
	if err != nil {
		return h, err
	}
	w := &handing{crawl: c, dir: dir, h: Handover{Types: map[string]int{}, Absent: []frozen.Left{}}, fields: map[string][]string{}}
	if err := os.MkdirAll(filepath.Join(dir, "data"), 0o755); err != nil {
		return h, kept(err)
	}
	for _, part := range []func(context.Context) error{w.nodes, w.addresses, w.menus, func(ctx context.Context) error { return w.files(ctx, m) }, w.migrations} {
		if err := part(ctx); err != nil {
			return h, err
		}
	}
	return w.h, nil
}

// handing is a package being written.
type handing struct {
	*crawl
	dir    string
	h      Handover
	fields map[string][]string // by type of node, those that some node has
}

// list writes a file {"data": [...]}, which migrate_plus reads by item_selector data, row by row.
type list struct {
	f *os.File
	w *bufio.Writer
	n int
}

func (h *handing) list(name string) (*list, error) {
	f, err := os.Create(filepath.Join(h.dir, "data", name+".json"))
	if err != nil {
		return nil, kept(err)
	}
	l := &list{f: f, w: bufio.NewWriter(f)}
	l.w.WriteString(`{"data": [`) // its error stays until Flush
	return l, nil
}

func (l *list) add(row any) error {
	text, err := json.Marshal(row)
	if err != nil {
		return err
	}
	sep := ",\n"
	if l.n == 0 {
		sep = "\n"
	}
	l.n++
	l.w.WriteString(sep)
	_, err = l.w.Write(text)
	return kept(err)
}

func (l *list) close() error {
	l.w.WriteString("\n]}\n")
	err := l.w.Flush()
	if closing := l.f.Close(); err == nil {
		err = closing
	}
	return kept(err)
}

func (h *handing) nodes(ctx context.Context) error {
	lists := map[string]*list{}
	err := h.o.Content.Nodes(ctx, func(n drupal.Node) error {
		l := lists[n.Type]
		if l == nil {
			var err error
			if l, err = h.list("node_" + safe(n.Type)); err != nil {
				return err
			}
			lists[n.Type] = l
		}
		row := map[string]any{"nid": n.NID, "vid": n.VID, "type": n.Type, "langcode": language(n.Language), "title": n.Title, "status": one(n.Published),
			"promote": one(n.Promoted), "uid": n.Author, "created": n.Created.Unix(), "changed": n.Changed.Unix()}
		for name, values := range n.Fields {
			row["field."+name] = values
			if !slices.Contains(h.fields[n.Type], name) {
				h.fields[n.Type] = append(h.fields[n.Type], name)
			}
		}
		h.h.Nodes++
		h.h.Types[n.Type]++
		return l.add(row)
	})
	for _, l := range lists {
		if closing := l.close(); err == nil {
			err = closing
		}
	}
	for _, names := range h.fields {
		slices.Sort(names)
	}
	return err
}

func (h *handing) addresses(ctx context.Context) error {
	aliases, err := h.list("aliases")
	if err != nil {
		return err
	}
	err = h.o.Content.Aliases(ctx, func(a drupal.Alias) error {
		h.h.Aliases++
		return aliases.add(map[string]any{"pid": a.PID, "path": "/" + a.Source, "alias": "/" + a.Alias, "langcode": language(a.Language)})
	})
	if closing := aliases.close(); err == nil {
		err = closing
	}
	if err != nil {
		return err
	}
	redirects, err := h.list("redirects")
	if err != nil {
		return err
	}
	err = h.o.Content.Redirects(ctx, func(r drupal.Redirect) error {
		h.h.Redirects++
		return redirects.add(map[string]any{"id": h.h.Redirects, "from": r.From, "to": uri(r.To), "status": r.Status})
	})
	if closing := redirects.close(); err == nil {
		err = closing
	}
	return err
}

func (h *handing) menus(ctx context.Context) error {
	l, err := h.list("menu_links")
	if err != nil {
		return err
	}
	err = h.o.Content.Menus(ctx, func(m drupal.MenuLink) error {
		h.h.Menus++
		return l.add(map[string]any{"id": m.ID, "parent": m.Parent, "menu": menuOf(m.Menu), "title": m.Title, "link": uri(m.Path), "weight": m.Weight, "enabled": one(!m.Hidden)})
	})
	if closing := l.close(); err == nil {
		err = closing
	}
	return err
}

// files lists the uploaded files that the site gave, and puts them beside.
func (h *handing) files(ctx context.Context, m *frozen.Manifest) error {
	folder, err := h.public(ctx)
	if err != nil {
		return err
	}
	there := map[string]*frozen.Page{}
	for i := range m.Pages {
		there[m.Pages[i].At] = &m.Pages[i]
	}
	l, err := h.list("files")
	if err != nil {
		return err
	}
	err = h.o.Content.Files(ctx, func(f drupal.File) error {
		if f.Temporary {
			return nil
		}
		name, public := strings.CutPrefix(f.URI, "public://")
		t, ok := h.spell("/"+folder+"/"+escape(name), "")
		p := there[t.path]
		if !public || !ok || p == nil || p.Hash == "" || !filepath.IsLocal(name) {
			h.h.Absent = append(h.h.Absent, frozen.Left{At: f.URI, Why: "the site did not give it: copy it from the old server's disk"})
			return nil
		}
		if err := h.keep.place(p, filepath.Join(h.dir, "files", filepath.FromSlash(name))); err != nil {
			return err
		}
		h.h.Files++
		return l.add(map[string]any{"fid": f.FID, "uri": f.URI, "path": "files/" + name, "filename": f.Name, "filemime": f.Type, "filesize": p.Size, "changed": f.Changed.Unix()})
	})
	if closing := l.close(); err == nil {
		err = closing
	}
	return err
}

func one(is bool) int {
	if is {
		return 1
	}
	return 0
}

// language is Drupal 8's name of a language.
func language(code string) string {
	if code == "" {
		return "und"
	}
	return code
}

// uri is a link as Drupal 8 keeps it.
func uri(path string) string {
	switch {
	case strings.Contains(path, "://"):
		return path
	case path == "" || path == "<front>":
		return "internal:/"
	case strings.HasPrefix(path, "node/"):
		return "entity:" + path
	}
	return "internal:/" + path
}

// menuOf is Drupal 8's name of a menu.
func menuOf(name string) string {
	if to, known := map[string]string{"main-menu": "main", "user-menu": "account", "management": "admin", "navigation": "tools"}[name]; known {
		return to
	}
	return name
}

// safe is a name that may stand in a file's.
func safe(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_' {
			return r
		}
		return '_'
	}, strings.ToLower(name))
}
