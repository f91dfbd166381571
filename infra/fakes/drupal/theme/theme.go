// Package theme draws the stand-in's pages: templates made from the recorded ones, whose white space is Drupal's own,
// and the lists of style sheets and scripts that each kind of page names. Nothing here knows a database or a wire.
package theme

import (
	"bytes"
	"embed"
	"strings"
	"text/template"

	"github.com/banyan-migration/banyan/infra/fakes/drupal/php"
)

//go:embed templates/*.html
var files embed.FS

// text/template, not html/template: what is escaped, and how, must be what Drupal did.
var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"plain":  php.Plain,
	"query":  func(s string) string { return php.Plain(php.Encode(s)) },
	"dashes": func(s string) string { return strings.ReplaceAll(s, "_", "-") },
	"even":   func(i int) bool { return i%2 == 0 },
}).ParseFS(files, "templates/*.html"))

// Page is one whole page. Paths begin with a slash; what is called HTML is escaped already.
type Page struct {
	Base        string // scheme and host of absolute addresses
	Site        string // the site's name
	Meta        []string
	Title       string // the heading; none on the front page
	Name        string // in the browser's title bar; "" is the title
	Class       string // of the body
	Front       bool   // the path is the front page's
	Menu        bool   // the main menu stands; a page that was not found has none
	Messages    []Message
	Breadcrumb  []Link
	Tabs        []Link
	Sidebar     string // HTML
	Content     string // HTML
	Feed        string // HTML
	Destination string // where links that come back lead: the path and its query, encoded

	User     string // who is signed in, "" for nobody
	Overlay  string // the token of the overlay's link, Bartik alone
	Shortcut string // the token of the shortcut's link, Seven alone
	Seven    bool   // the administration theme
	Second   []Link // Seven's second row of tabs

	ThemeToken string
	Trusted    []string // form actions, in the order of Drupal.settings
	Webform    bool     // a webform stands on the page
	Textarea   bool     // with a text area in it
	Admin      bool     // an administration path
}

// Message is one box of messages; its lines are HTML.
type Message struct {
	Type  string // "error", "status"
	Lines []string
}

// Link is a tab or a part of the breadcrumb.
type Link struct {
	Path, Title string
	Active      bool
}

// view is what the templates see: the page and what follows from it.
type view struct {
	*Page
	HeadTitle string
	Styles    []group
	Explorer  []conditional
	Scripts   []script
	Settings  string
	Secondary []Link
}

// Render draws the page.
func (p *Page) Render() []byte {
	v := view{Page: p, HeadTitle: p.Title, Scripts: p.scripts(), Secondary: p.Second}
	if p.Name != "" {
		v.HeadTitle = p.Name
	}
	v.Styles, v.Explorer = p.styles()
	v.Settings = p.settings(v)
	name := "bartik"
	if p.Seven {
		name = "seven"
	}
	return execute(name, v)
}

// Draw is one part of a page as HTML: a template's name and its data.
func Draw(name string, data any) string { return string(execute(name, data)) }

func execute(name string, data any) []byte {
	var b bytes.Buffer
	b.Grow(24 << 10)
	if err := templates.ExecuteTemplate(&b, name, data); err != nil {
		panic("theme: " + err.Error()) // a template and its data are both ours
	}
	return b.Bytes()
}
