package assess

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/shared/form"
)

// The kinds of group.
const (
	Forms    = "form"    // a webform: its page, its posts, its thank-you page
	Contents = "content" // pages of one type that people made, which a service keeps as records
	Files    = "files"   // what people uploaded, and the images made of it
	Pages    = "pages"   // what editors wrote, and the assets that it needs
	Session  = "session" // what is for people who are signed in, or for the machine itself
)

// Group is a set of routes that move together, and why at this place in the order. Scoring says what the
// scores are.
type Group struct {
	Name     string   `json:"group"`
	Why      []string `json:"why"`
	Kind     string   `json:"kind"`
	Service  string   `json:"service,omitempty"` // that takes it over; empty where there is none in the plan
	Routes   []string `json:"routes"`
	Together []string `json:"together"` // why these move as one
	Shares   []string `json:"shares"`   // with which groups it writes to one service, so that both need a conflict rule (T-2)
	Loses    []string `json:"loses"`    // what the old site does besides storing, which the move would lose
	Value    int      `json:"value"`
	Risk     int      `json:"risk"`
	Effort   int      `json:"effort"`
	Score    int      `json:"score"`
	Requests int64    `json:"requests"`
	Posts    int64    `json:"posts"`
	Failed   int64    `json:"failed"` // posts
	OnNight  int64    `json:"on_the_night"`
	Busy     float64  `json:"busy_percent"` // what it costs now, as a share of the server's time: a log knows no bill
	Monthly  Monthly  `json:"monthly"`      // what it would cost

	bytes, postP95 float64
	form           webform
	hooks          []drupal.Hook
}

// sessions are the addresses of people who are signed in, and of the machine.
var sessions = regexp.MustCompile(`^(user|admin|batch|overlay|overlay-ajax|toolbar|shortcut|node/add|cron\.php|update\.php|install\.php|authorize\.php|xmlrpc\.php)($|/)` +
	`|^node/[^/]+/(edit|delete|revisions|webform|webform-results|submissions?)($|/)|^(system|file)/(ajax|progress|temporary|timezone)|^comment/`)

// groupsOf puts each route into its group and the groups into the order of cutover.
func (a *Assessment) groupsOf(site *Site) {
	byName := map[string]*Group{}
	posted := map[string]bool{}
	for _, r := range a.Routes {
		posted[r.Pattern] = posted[r.Pattern] || r.Writes
	}
	for _, f := range site.forms { // a form that nobody asked for is still one to move
		if site.known {
			byName[slug(f.name())] = &Group{Name: slug(f.name()), Kind: Forms}
		}
	}
	for i := range a.Routes {
		r := &a.Routes[i]
		name, kind := groupOf(*r, posted[r.Pattern])
		g := byName[name]
		if g == nil {
			g = &Group{Name: name, Kind: kind}
			byName[name] = g
		}
		r.Group = name
		g.take(*r)
	}
	for _, g := range byName {
		g.describe(site)
		a.Groups = append(a.Groups, *g)
	}
	slices.SortFunc(a.Groups, func(x, y Group) int { return strings.Compare(x.Name, y.Name) })
	share(a.Groups)
	a.order(site)
}

func groupOf(r Route, posted bool) (name, kind string) {
	folder, rest, below := strings.Cut(r.at, "/")
	switch {
	case r.Form != "":
		return slug(r.Form), Forms
	case sessions.MatchString(r.at):
		return "editors", Session
	case strings.Contains(r.at, "/files/"):
		return "files", Files
	case posted && !strings.ContainsAny(r.at, "{") && r.at != "":
		return slug(r.at), Forms
	case below && rest == "{name}" && (r.kind == "" || contentOf(folder, r.kind).Alias != ""):
		return slug(folder), Contents
	}
	return "pages", Pages
}

var notName = regexp.MustCompile(`[^A-Za-z0-9_-]+`)

func slug(name string) string {
	return cmp.Or(strings.Trim(notName.ReplaceAllString(name, "-"), "-"), "pages")
}

// contentOf is what shared/form knows of a folder's pages, by the type of their nodes or, without a database, by the
// folder's name.
func contentOf(folder, kind string) form.Form {
	for _, c := range form.Contents {
		if kind != "" && c.Bundle == kind || kind == "" && (strings.HasPrefix(c.Alias, folder) || strings.HasPrefix(folder, c.Alias)) {
			return c
		}
	}
	return form.Form{}
}

func (g *Group) take(r Route) {
	g.Routes = append(g.Routes, r.Method+" "+r.Pattern)
	g.Requests, g.OnNight, g.Busy = g.Requests+r.Requests, g.OnNight+r.OnNight, tenth(g.Busy+r.BusyShare)
	g.bytes += float64(r.Bytes)
	if r.Writes {
		g.Posts, g.Failed, g.postP95 = g.Posts+r.Requests, g.Failed+r.Errors, max(g.postP95, r.P95)
	}
	if folder, _, _ := strings.Cut(r.at, "/"); g.Kind == Contents {
		g.Service = contentOf(folder, r.kind).Service
	}
}

// describe says why the routes move as one, and what the old site does besides.
func (g *Group) describe(site *Site) {
	slices.Sort(g.Routes)
	g.Routes, g.Shares, g.Loses = append([]string{}, g.Routes...), []string{}, []string{} // lists that are empty, for who reads the document
	for _, f := range site.forms {
		if g.Kind == Forms && slug(f.name()) == g.Name {
			g.form, g.Service = f, f.known.Service
		}
	}
	for _, h := range site.hooks {
		switch {
		case g.form.nid == 0:
		case h.NID == g.form.nid:
			g.hooks, g.Loses = append(g.hooks, h), append(g.Loses, h.Kind+": "+h.What)
		case h.NID == 0:
			g.hooks, g.Loses = append(g.hooks, h), append(g.Loses, h.Kind+", of any form: "+h.What)
		}
	}
	if g.Kind == Forms && !site.known {
		g.Loses = []string{"not known: no database was asked"}
	}
	switch g.Kind {
	case Forms:
		g.Together = []string{"the form, its posts and its thank-you page are one (D-7): a page of one side posted to the other is refused as out of date",
			"an accepted post opens a session and the thank-you page ends it (D-11)"}
		if g.form.nid != 0 {
			g.Together = append(g.Together, fmt.Sprintf("/%s, /node/%d and ?q= are one page (D-8): a name left out would go on writing to the old site", g.form.name(), g.form.nid))
		}
		if slices.ContainsFunc(g.form.components, func(c form.Component) bool { return c.Type == "file" }) {
			g.Together = append(g.Together, "it takes files: /file/ajax and /system/ajax serve it too, and all other forms with them")
		}
	case Contents:
		g.Together = []string{"one type of node, one table of aliases: a list of them shows them all"}
	case Files:
		g.Together = []string{"images of a style are made from the original when they are first asked for (D-10)"}
	case Pages:
		g.Together = []string{"styles and scripts follow whoever writes the HTML, until the last cached page has expired (D-14)"}
	case Session:
		g.Together = []string{"one cookie signs in for all of them, and only Drupal can check its form tokens (D-1, D-6)"}
		g.Service = ""
	}
	if g.Kind == Files {
		g.Service = "images"
	}
}

// share finds the groups that write to the same service (T-2).
func share(all []Group) {
	writes := func(g Group) []string {
		if g.form.known.Service == "" {
			return nil
		}
		return append([]string{g.form.known.Service}, g.form.known.Parts...)
	}
	for i := range all {
		for _, service := range writes(all[i]) {
			for j := range all {
				if i != j && slices.Contains(writes(all[j]), service) {
					all[i].Shares = append(all[i].Shares, all[j].Name+", in "+service)
				}
			}
		}
	}
}
