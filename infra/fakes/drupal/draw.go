package drupal

import (
	"slices"
	"strings"

	"github.com/banyan-migration/banyan/infra/fakes/drupal/php"
	"github.com/banyan-migration/banyan/infra/fakes/drupal/theme"
)

func plain(s string) string { return php.Plain(s) }

// drawing is what a page of its own adds to the site's frame.
type drawing struct {
	title, name   string // name is the browser's title where it is not the heading
	content, feed string // HTML
	meta          []string
	class         []string
	trail         []theme.Link // after Home in the breadcrumb
	bare          bool         // no breadcrumb
	lost          bool         // no main menu
	tabs, second  []theme.Link
	form, area    bool // a webform, with a text area
	seven         bool
}

// draw puts a page into the frame and tells the visitor's messages on it.
func (v *visit) draw(d drawing) *page {
	p := theme.Page{
		Base: v.base, Site: v.content.name, Meta: d.meta, Title: d.title, Name: d.name, Front: v.front, Menu: !d.lost,
		Tabs: d.tabs, Second: d.second, Content: d.content, Feed: d.feed, Seven: d.seven,
		Destination: php.Encode(v.destination()), Webform: d.form, Textarea: d.area,
		Admin: v.args[0] == "admin" || d.seven, User: v.user.name,
	}
	if !d.bare && !v.front {
		p.Breadcrumb = append([]theme.Link{{Path: "/", Title: "Home"}}, d.trail...)
	}
	forms := v.trusted
	v.trusted = nil
	if !d.seven {
		p.Sidebar = v.sidebar()
	}
	for _, action := range forms {
		v.trust(action)
	}
	p.Trusted = v.trusted
	p.Class = v.class(p.Sidebar != "", d.class...)
	name := "bartik"
	if d.seven {
		name = "seven"
	}
	p.ThemeToken = v.token(name)
	if v.user.uid > 0 {
		p.Class += " toolbar toolbar-drawer"
		if d.seven {
			p.Shortcut = v.token("shortcut-add-link")
		} else {
			p.Overlay = v.token("overlay")
		}
	}
	p.Messages = v.tell()
	return &page{status: 200, kind: html, body: p.Render()}
}

// tell takes the messages that wait.
func (v *visit) tell() []theme.Message {
	var all []theme.Message
	for kind, lines := range v.messages {
		all = append(all, theme.Message{Type: kind, Lines: lines})
	}
	slices.SortFunc(all, func(a, b theme.Message) int { return strings.Compare(a.Type, b.Type) })
	v.messages = nil
	return all
}

// sidebar is the login block, or what a signed-in visitor has in its place; "" where login is the page itself.
func (v *visit) sidebar() string {
	if v.user.uid > 0 {
		v.trust(v.q.Target)
		return theme.Draw("user-blocks", map[string]string{"Action": v.q.Target, "Destination": php.Encode(v.destination()),
			"BuildID": v.buildID(), "Token": v.formToken("search_block_form"), "Actions": v.id("edit-actions"), "Submit": v.id("edit-submit")})
	}
	if v.args[0] == "user" && (len(v.args) == 1 || !isNumber(v.args[1])) {
		return ""
	}
	action := v.content.path(v.path) + "?destination=" + php.Encode(v.destination())
	v.trust(action)
	return v.drawLogin("login-block", action)
}

func isNumber(s string) bool {
	for _, c := range s {
		if c < '0' || c > '9' {
			return false
		}
	}
	return s != ""
}
