package assess

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/shared/form"
)

// Site is what is known of a site besides its log. Unknown and Survey make one; it is read only then.
type Site struct {
	Name    string // as the site calls itself; empty where it is not known
	Version int    // of Drupal, 7 or 8; 0 where it is not known

	known   bool // a database was read: what it does not have, the site does not have
	forms   []webform
	names   map[string]string // node/1 -> about-us
	aliases map[string]string // about-us -> node/1; redirects too
	kinds   map[string]string // node/1 -> page
	files   map[string]bool   // photo.jpg
	router  []string          // paths that modules answer, % for what differs
	hooks   []drupal.Hook
	census  drupal.Census
}

// webform is a form of the site.
type webform struct {
	nid        int64
	alias      string // empty where the node has none
	title      string
	known      form.Form // of shared/form; zero where nobody has written a mapping
	components []form.Component
}

// name is the form's alias, or node/N.
func (f webform) name() string { return cmp.Or(f.alias, fmt.Sprintf("node/%d", f.nid)) }

// Unknown is a site of which only shared/form's webforms and Drupal's own addresses are known.
func Unknown() *Site {
	s := &Site{names: map[string]string{}, aliases: map[string]string{}, kinds: map[string]string{}, files: map[string]bool{}}
	for _, f := range form.Forms {
		s.forms = append(s.forms, webform{nid: f.Node, alias: f.Alias, known: f, components: f.Components})
		s.names[fmt.Sprintf("node/%d", f.Node)] = f.Alias
	}
	return s
}

// Survey asks a database what the site has. An error is the database's.
func Survey(ctx context.Context, source drupal.Source, content drupal.Content) (*Site, error) {
	s := Unknown()
	s.known, s.Version, s.names = true, content.Version(), map[string]string{}
	if err := s.askForms(ctx, source); err != nil {
		return nil, err
	}
	name, err := content.Variable(ctx, "site_name")
	if err != nil {
		return nil, err
	}
	s.Name, _ = name.(string)
	return s, s.ask(ctx, content)
}

func (s *Site) askForms(ctx context.Context, source drupal.Source) error {
	forms, err := source.Forms(ctx)
	if err != nil {
		return err
	}
	s.forms = nil
	for _, f := range forms {
		w := webform{nid: f.NID, title: f.Title}
		if page := fmt.Sprintf("node/%d", f.NID); f.Name != page {
			w.alias, s.names[page] = f.Name, f.Name
		}
		if known, ok := form.ByAlias(f.Name); ok && known.Node == f.NID {
			w.known = known
		}
		components, err := source.Components(ctx, f.NID)
		if err != nil {
			return err
		}
		for _, c := range components {
			w.components = append(w.components, form.Component{Key: c.Key, Type: c.Type, Name: c.Name, Mandatory: c.Mandatory})
		}
		s.forms = append(s.forms, w)
	}
	return nil
}

func (s *Site) ask(ctx context.Context, content drupal.Content) error {
	err := content.Nodes(ctx, func(n drupal.Node) error {
		s.kinds["node/"+strconv.FormatInt(n.NID, 10)] = n.Type
		return nil
	})
	if err != nil {
		return err
	}
	err = content.Aliases(ctx, func(a drupal.Alias) error {
		s.aliases[a.Alias] = a.Source
		s.names[a.Source] = a.Alias // the newest comes last, and is the one that Drupal links to
		return nil
	})
	if err != nil {
		return err
	}
	err = content.Redirects(ctx, func(r drupal.Redirect) error {
		s.aliases[r.From] = r.To
		return nil
	})
	if err != nil {
		return err
	}
	err = content.Files(ctx, func(f drupal.File) error {
		if _, name, ok := strings.Cut(f.URI, "://"); ok {
			s.files[name] = true
		}
		return nil
	})
	if err != nil {
		return err
	}
	if s.hooks, err = content.Hooks(ctx); err != nil {
		return err
	}
	if s.census, err = content.Census(ctx); err != nil {
		return err
	}
	return content.Routes(ctx, func(r drupal.Route) error {
		s.router = append(s.router, r.Path)
		return nil
	})
}

// page is the address of what was asked for, without a slash before it, and by which of its names it was called (D-8):
// node/1, ?q=about-us and index.php?q=about-us are about-us.
func (s *Site) page(target string) (address string, spelled int) {
	at, query, _ := strings.Cut(target, "?")
	at = strings.Trim(at, "/")
	spelled = byPath
	if at == "index.php" || at == "" && query != "" {
		at = ""
		if q := asked(query); q != "" {
			at, spelled = q, byQuery
		}
	}
	at = readable(at)
	if strings.HasPrefix(at, "node/") {
		if name := s.names[at]; name != "" {
			return name, max(spelled, byNode)
		}
	}
	return at, spelled
}

// asked is the path that ?q= names. A query that cannot be read names none.
func asked(query string) string {
	if !strings.HasPrefix(query, "q=") && !strings.Contains(query, "&q=") {
		return ""
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return ""
	}
	return strings.Trim(values.Get("q"), "/")
}

// readable undoes the encoding of what need not have been encoded. A slash that is encoded is no slash.
func readable(at string) string {
	if strings.IndexByte(at, '%') < 0 {
		return at
	}
	text, err := url.PathUnescape(at)
	if err != nil || !utf8.ValidString(text) || strings.Count(text, "/") != strings.Count(at, "/") ||
		strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return at
	}
	return text
}

// lacks says that the database does not have an address of a pattern.
func (s *Site) lacks(address string, check int) bool {
	if !s.known {
		return false
	}
	switch check {
	case checkAlias:
		return s.aliases[address] == ""
	case checkNode:
		parts := strings.SplitN(address, "/", 3)
		return len(parts) > 1 && s.kinds["node/"+parts[1]] == ""
	case checkFile:
		return !s.files[fileOf(address)]
	}
	return false
}

// fileOf is the managed file behind an address below sites/default/files; that of an image style is its original.
func fileOf(address string) string {
	_, name, _ := strings.Cut(address, "/files/")
	if rest, ok := strings.CutPrefix(name, "styles/"); ok {
		parts := strings.SplitN(rest, "/", 3)
		return parts[len(parts)-1]
	}
	return name
}
