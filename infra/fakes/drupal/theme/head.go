package theme

import (
	"strings"

	"github.com/banyan-migration/banyan/infra/fakes/drupal/php"
)

// group is the style sheets of one style element.
type group struct {
	Media string
	Paths []string
}

// conditional is a style sheet for an old Internet Explorer.
type conditional struct{ If, Path string }

// script is a script and the version in its query.
type script struct{ Path, Version string }

func below(dir string, names ...string) []string {
	paths := make([]string, len(names))
	for i, n := range names {
		paths[i] = dir + "/" + n + ".css"
	}
	return paths
}

var (
	system   = below("modules/system", "system.base", "system.menus", "system.messages", "system.theme")
	admin    = []string{"modules/system/system.admin.css"}
	overlay  = []string{"misc/ui/jquery.ui.core.css", "misc/ui/jquery.ui.theme.css", "modules/overlay/overlay-parent.css", "modules/contextual/contextual.css"}
	modules  = []string{"modules/comment/comment.css", "modules/field/theme/field.css", "modules/node/node.css", "modules/search/search.css", "modules/user/user.css"}
	toolbar  = []string{"modules/shortcut/shortcut.css", "modules/toolbar/toolbar.css"}
	printed  = []string{"modules/toolbar/toolbar-print.css"}
	webform  = []string{"sites/all/modules/webform/css/webform.css"}
	results  = []string{"sites/all/modules/webform/css/webform-admin.css"}
	bartik   = below("themes/bartik/css", "layout", "style", "colors")
	bartik2  = below("themes/bartik/css", "print")
	bartikIE = []conditional{{"lte IE 7", "themes/bartik/css/ie.css"}, {"IE 6", "themes/bartik/css/ie6.css"}}
	seven    = below("themes/seven", "reset", "style")
	sevenIE  = []conditional{{"lte IE 8", "themes/seven/ie.css"}, {"lte IE 7", "themes/seven/ie7.css"}, {"lte IE 6", "themes/seven/ie6.css"}}
)

// announcements stands in Drupal.settings of a signed-in page after the toolbar's sheets, and nowhere in its head.
const announcements = "modules/announcements_feed/announcements_feed-toolbar.css"

func (p *Page) styles() ([]group, []conditional) {
	groups := []group{{"all", system}}
	add := func(ok bool, media string, paths []string) {
		if ok {
			groups = append(groups, group{media, paths})
		}
	}
	in := p.User != ""
	add(p.Admin, "all", admin)
	add(in && !p.Seven, "all", overlay)
	add(true, "all", modules)
	add(in, "all", toolbar)
	add(in, "print", printed)
	if p.Seven {
		add(true, "all", results)
		add(true, "screen", seven)
		return groups, sevenIE
	}
	add(p.Webform, "all", webform)
	add(true, "all", bartik)
	add(true, "print", bartik2)
	return groups, bartikIE
}

func (p *Page) scripts() []script {
	all := []script{
		{"misc/jquery.js", "v=1.4.4"}, {"misc/jquery-extend-3.4.0.js", "v=1.4.4"},
		{"misc/jquery-html-prefilter-3.5.0-backport.js", "v=1.4.4"}, {"misc/jquery.once.js", "v=1.2"}, {"misc/drupal.js", "tox04o"},
	}
	add := func(ok bool, more ...script) {
		if ok {
			all = append(all, more...)
		}
	}
	in := p.User != ""
	add(in && !p.Seven, script{"misc/ui/jquery.ui.core.min.js", "v=1.8.7"}, script{"misc/jquery.ba-bbq.js", "v=1.4pre"},
		script{"modules/overlay/overlay-parent.js", "v=1.0"}, script{"modules/contextual/contextual.js", "v=1.0"})
	add(in, script{"misc/jquery.cookie.js", "v=1.0"})
	add(!p.Seven, script{"misc/form-single-submit.js", "v=7.105"})
	add(p.Textarea, script{"misc/textarea.js", "v=7.105"})
	add(p.Webform, script{"sites/all/modules/webform/js/webform.js", "tox04o"})
	add(p.Seven, script{"misc/tableheader.js", "tox04o"}, script{"sites/all/modules/webform/js/webform-admin.js", "v=1.0"})
	add(in, script{"modules/toolbar/toolbar.js", "tox04o"})
	return all
}

// adminPaths are what the overlay opens in itself.
const adminPaths = `node/*/webform
node/*/webform/*
node/*/webform-results
node/*/webform-results/*
node/*/submission/*
node/*/edit
node/*/delete
node/*/revisions
node/*/revisions/*/revert
node/*/revisions/*/delete
node/add
node/add/*
overlay/dismiss-message
user/*/shortcuts
admin
admin/*
batch
taxonomy/term/*/edit
user/*/cancel
user/*/edit
user/*/edit/*`

// settings is the object of Drupal.settings.
func (p *Page) settings(v view) string {
	var js, css []string
	for _, s := range v.Scripts {
		js = append(js, s.Path)
	}
	for _, g := range v.Styles {
		css = append(css, g.Paths...)
		if g.Media == "print" && g.Paths[0] == printed[0] {
			css = append(css, announcements)
		}
	}
	for _, c := range v.Explorer {
		css = append(css, c.Path)
	}
	name := "bartik"
	if p.Seven {
		name = "seven"
	}
	var b strings.Builder
	b.WriteString(`{"basePath":"\/","pathPrefix":"","setHasJsCookie":0,"ajaxPageState":{"theme":"` + name +
		`","theme_token":"` + p.ThemeToken + `","js":` + set(js, "1") + `,"css":` + set(css, "1") + "}")
	if p.User != "" && !p.Seven {
		b.WriteString(`,"overlay":{"paths":{"admin":` + php.JSON(adminPaths) +
			`,"non_admin":"admin\/structure\/block\/demo\/*\nadmin\/reports\/status\/php"},"pathPrefixes":[],"ajaxCallback":"overlay-ajax"}`)
	}
	if len(p.Trusted) > 0 {
		b.WriteString(`,"urlIsAjaxTrusted":` + set(p.Trusted, "true"))
	}
	if p.User != "" {
		b.WriteString(`,"tableHeaderOffset":"Drupal.toolbar.height"`)
	}
	b.WriteByte('}')
	return b.String()
}

// set is a JSON object in which every name has the same value.
func set(names []string, value string) string {
	parts := make([]string, len(names))
	for i, n := range names {
		parts[i] = php.JSON(n) + ":" + value
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// Assets are the paths of every file that some page names, without a slash before them.
func Assets() []string {
	paths := []string{"misc/favicon.ico", "misc/feed.png", "themes/bartik/logo.png", "themes/seven/images/arrow-asc.png"}
	for _, p := range []Page{{Webform: true, Textarea: true, Admin: true, User: "u"}, {Seven: true, User: "u"}} {
		styles, explorer := p.styles()
		for _, g := range styles {
			paths = append(paths, g.Paths...)
		}
		for _, c := range explorer {
			paths = append(paths, c.Path)
		}
		for _, s := range p.scripts() {
			paths = append(paths, s.Path)
		}
	}
	return paths
}
