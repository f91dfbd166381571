package assess

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/banyan-migration/banyan/shared/form"
)

// Scoring is how the scores come about, for whoever doubts them.
var Scoring = []string{
	"Value, of 100: 40 for the group's share of the posts that the old site lost, 30 for its share of all posts on the worst night (of all requests, where nobody posts), 30 for its share of the server's time.",
	"Risk, of 100: 30 where money is taken, 20 where tax relief or consent is, 10 for each thing that the old site does besides storing (30 at most), 10 where another group writes to the same service, " +
		"10 where no service is known, 40 where people are signed in.",
	"Effort, of 100: 10 for every four fields (40 at most), 10 for each further service that takes a part, 20 where no mapping for live posts is written yet, 20 where files are taken, " +
		"10 for each thing that the old site does besides storing (20 at most).",
	"Score: three times the value less risk and effort. Forms and records come first by it; then files; then pages, which are frozen or handed on, since they link to all others; what people are signed in for goes with the monolith itself.",
}

var kinds = []string{Forms, Contents, Files, Pages, Session}

// rank is the part of the order that a kind belongs to.
func rank(kind string) int { return max(1, slices.Index(kinds, kind)) }

// order scores the groups and proposes what to move first.
func (a *Assessment) order(site *Site) {
	var lost, nightPosts, night int64
	for _, g := range a.Groups {
		lost, night = lost+g.Failed, night+g.OnNight
	}
	onNight := map[string]int64{}
	for _, r := range a.Routes {
		if r.Writes {
			nightPosts += r.OnNight
			onNight[r.Group] += r.OnNight
		}
	}
	for i := range a.Groups {
		g := &a.Groups[i]
		share := part(onNight[g.Name], nightPosts, 30)
		if g.Posts == 0 {
			share = part(g.OnNight, night, 30)
		}
		g.Value = part(g.Failed, lost, 40) + share + part(int64(g.Busy*10), 1000, 30)
		g.risk()
		g.effort()
		g.Score = 3*g.Value - g.Risk - g.Effort
		g.Why = append(g.reasons(site), fmt.Sprintf("value %d, risk %d, effort %d: score %d", g.Value, g.Risk, g.Effort, g.Score))
	}
	a.Order = slices.Clone(a.Groups)
	slices.SortStableFunc(a.Order, func(x, y Group) int {
		return cmp.Or(cmp.Compare(rank(x.Kind), rank(y.Kind)), cmp.Compare(y.Score, x.Score), cmp.Compare(y.Requests, x.Requests))
	})
}

// part is n's share of all in points, to the nearest.
func part(n, all, points int64) int {
	if all == 0 {
		return 0
	}
	return int((2*n*points + all) / (2 * all))
}

// step is what one thing counts that makes a move riskier or dearer.
const step = 10

func (g *Group) risk() {
	services := append([]string{g.form.known.Service}, g.form.known.Parts...)
	if slices.ContainsFunc(g.form.components, func(c form.Component) bool { return c.Key == "amount" }) {
		g.Risk += 3 * step
	}
	if slices.Contains(services, "giftaid") || slices.Contains(services, "preferences") {
		g.Risk += 2 * step
	}
	g.Risk += min(3, len(g.hooks)) * step
	if len(g.Shares) > 0 {
		g.Risk += step
	}
	if g.Kind == Forms && g.form.known.Service == "" {
		g.Risk += step
	}
	if g.Kind == Session {
		g.Risk += 4 * step
	}
	g.Risk = min(100, g.Risk)
}

func (g *Group) effort() {
	g.Effort = (min(4, (len(g.form.components)+3)/4) + len(g.form.known.Parts) + min(2, len(g.hooks))) * step
	if g.Kind != Pages && g.form.known.Target == "" {
		g.Effort += 2 * step
	}
	if slices.ContainsFunc(g.form.components, func(c form.Component) bool { return c.Type == "file" }) || g.Kind == Files {
		g.Effort += 2 * step
	}
	g.Effort = min(100, g.Effort)
}

// reasons are what the scores stand for, in words; the first is what the old site lost.
func (g *Group) reasons(site *Site) (why []string) {
	if g.Posts > 0 {
		why = append(why, fmt.Sprintf("%d of %d posts failed", g.Failed, g.Posts))
	} else {
		why = append(why, fmt.Sprintf("%d requests, none of them a post", g.Requests))
	}
	if g.postP95 > 0 {
		why = append(why, fmt.Sprintf("95 of 100 posts took up to %.0f ms", g.postP95))
	}
	if g.OnNight > 0 {
		why = append(why, fmt.Sprintf("%d requests on the worst night, %.1f %% of the server's time", g.OnNight, g.Busy))
	}
	if f := g.form.known; len(f.Parts) > 0 {
		why = append(why, "a row is "+f.Service+"'s, with parts for "+strings.Join(f.Parts, " and "))
	}
	if len(g.hooks) > 0 {
		things := "one thing"
		if len(g.hooks) > 1 {
			things = fmt.Sprint(len(g.hooks), " things")
		}
		why = append(why, things+" that it does besides storing must be made again or given up")
	}
	switch g.Kind {
	case Contents:
		why = append(why, fmt.Sprintf("records that %s keeps; nobody signs in to read them", cmp.Or(g.Service, "a service")))
	case Files:
		why = append(why, "they follow the pages that show them")
	case Pages:
		why = append(why, "they link to all others: they are frozen or handed on when the forms have gone (migrate content)")
	case Session:
		why = append(why, "nothing here moves: it goes when the monolith goes")
	case Forms:
		if g.form.known.Service == "" {
			why = append(why, "no service has a mapping for it yet")
		}
		if g.Requests == 0 && site.known {
			why = append(why, "the database has it and the log does not: ask whether anybody needs it")
		}
	}
	return why
}
