package dash

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/banyan-migration/banyan/gateway/analysis"
	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/dash/who"
	"github.com/banyan-migration/banyan/gateway/judge"
	"github.com/banyan-migration/banyan/gateway/split"
)

// link is a page in the navigation.
type link struct {
	Name, Path string
	Here       bool
}

func links(v *view) []link {
	all := []link{{"Groups", "/", v.Path == "/" || v.Path == "/groups"}, {"Map", "/map", false}, {"Journal", "/journal", v.Path == "/decisions"}, {"Routes", "/routes", false}, {"Gateways", "/replicas", false}}
	for i := range all {
		all[i].Here = all[i].Here || all[i].Path == v.Path
	}
	return all
}

// row is a group with what a page says of it besides.
type row struct {
	Group
	Name string
	Rest int    // basis points on the old side
	Data string // where its data is, in a sentence
}

func (a *api) row(g *config.Group) row {
	at := a.Plan.Now().Group(g.Name)
	return row{Group: a.view(g, at), Name: g.Name, Rest: split.Full - at.Weight, Data: dataOf(g, at)}
}

// dataOf says where a group's data is, and which way it is carried.
func dataOf(g *config.Group, at cutover.Group) string {
	if !g.HasWrites() {
		return "No route of the group writes: there is nothing to move."
	}
	truth := g.From
	if at.WriteAuthority() == "new" {
		truth = g.To
	}
	sync := map[string]string{
		cutover.NoSync: "nothing is carried over", cutover.SyncToNew: "new rows are carried to " + g.To,
		cutover.SyncToLegacy: "new rows are carried back to " + g.From, cutover.SyncBoth: "what either side takes is carried to the other",
	}[at.SyncDirection()]
	return fmt.Sprintf("The truth is in %s; %s.", truth, sync)
}

// measured says what the data behind a group was when it was last looked at; empty where nobody looks.
func (a *api) measured(v *view, group string) string {
	known, err := a.Plan.Case(group)
	f := known.Facts
	if err != nil || !f.Known {
		return ""
	}
	moved := "not every old row is moved"
	if f.Backfilled {
		moved = "every old row is moved or rejected with a reason"
	}
	text := fmt.Sprintf("Measured %s: %s; %s rows differ, verified %s; the new side is %s behind.", ago(v, f.At), moved, Thousands(f.Mismatches), ago(v, f.Verified), Lasting(f.Lag))
	if f.Unsynced > 0 {
		text += fmt.Sprintf(" The old side lacks %s writes.", Thousands(f.Unsynced))
	}
	return text
}

func (a *api) overview(_ *http.Request, v *view) error {
	var rows []row
	moved, way, red := 0, 0, 0
	for _, g := range a.Config().Groups {
		r := a.row(g)
		rows = append(rows, r)
		switch {
		case r.Weight == split.Full:
			moved++
		case r.Weight > 0:
			way++
		}
		if r.Readiness.State != cutover.Green && r.Weight > 0 {
			red++
		}
	}
	head := fmt.Sprintf("%d of %d groups have left the monolith", moved, len(rows))
	if way > 0 {
		head += fmt.Sprintf(", %d on the way", way)
	}
	lead := "Every group that has moved can go back without a loss."
	switch {
	case red > 0:
		lead = fmt.Sprintf("%d of those that have moved would lose something by going back, or nobody knows what.", red)
	case moved+way == 0:
		lead = "Everything goes to the old side."
	}
	v.Page, v.Title = "overview", "Groups"
	v.Body = struct {
		Headline, Lead string
		Rows           []row
	}{head, lead, rows}
	return nil
}

func (a *api) routesPage(r *http.Request, v *view) error {
	type group struct {
		Name, From, To, By string
		Routes             []string
	}
	body := struct {
		Request, Key, Host, Default string
		Answer                      *Explanation
		Groups                      []group
	}{Request: strings.TrimSpace(r.FormValue("request")), Key: strings.TrimSpace(r.FormValue("key")), Host: strings.TrimSpace(r.FormValue("host")), Default: a.Config().Default}
	for _, g := range a.Config().Groups {
		at := group{Name: g.Name, From: g.From, To: g.To, By: g.Key.String()}
		for _, route := range g.Routes {
			at.Routes = append(at.Routes, route.ID)
		}
		body.Groups = append(body.Groups, at)
	}
	if body.Request != "" {
		e, err := a.ask(Question{Request: body.Request, Key: body.Key, Host: body.Host})
		if err != nil {
			_, p := problem(err)
			v.Problem = p.Error
		} else {
			body.Answer = &e
		}
	}
	v.Page, v.Title, v.Body = "routes", "Routes", body
	return nil
}

func (a *api) replicasPage(_ *http.Request, v *view) error {
	c := a.convergence()
	body := struct {
		Headline, Lead string
		Revision       int64
		Replicas       []analysis.Replica
	}{Revision: c.Revision, Replicas: c.Replicas, Lead: "A change is live on every gateway within a second. The kill switch needs no network at all."}
	switch {
	case len(c.Replicas) == 0:
		body.Headline = fmt.Sprintf("This gateway is on revision %d", c.Revision)
		body.Lead = "Gateways tell of each other through the judge, and it has not spoken here."
	case len(c.Replicas) == 1 && c.Converged == 1:
		body.Headline = fmt.Sprintf("The one gateway is on revision %d", c.Revision)
	case c.Converged == len(c.Replicas):
		body.Headline = fmt.Sprintf("All %d gateways are on revision %d", c.Converged, c.Revision)
	default:
		body.Headline = fmt.Sprintf("%d of %d gateways are on revision %d", c.Converged, len(c.Replicas), c.Revision)
	}
	v.Page, v.Title, v.Body = "replicas", "Gateways", body
	return nil
}

// maxCells is how many of a verdict's cells its page shows; the API gives all.
const maxCells = 60

func (a *api) decisionPage(r *http.Request, v *view) error {
	if a.Watch == nil {
		return errNoJudge
	}
	record, err := a.Watch.Record(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	body := struct {
		Why
		Cells []judge.Cell
		More  int
		Facts [][2]string
	}{Why: again(record), Cells: slices.Clone(record.Cells), Facts: facts(v, record)}
	if len(body.Cells) > maxCells {
		body.More, body.Cells = len(body.Cells), body.Cells[len(body.Cells)-maxCells:]
	}
	slices.Reverse(body.Cells)
	v.Page, v.Title, v.Body = "decision", string(record.Verdict.Kind)+" of "+record.Situation.Group, body
	return nil
}

// facts are a verdict's inputs besides the counts, those that say something.
func facts(v *view, record judge.Record) (all [][2]string) {
	s := record.Situation
	add := func(name, text string) {
		if text != "" {
			all = append(all, [2]string{name, text})
		}
	}
	add("phase", fmt.Sprintf("%s, %s of visitors, revision %d", s.Phase, percent(s.Weight), s.Revision))
	add("since", s.Since.In(v.Zone).Format("2 Jan 2006, 15:04:05"))
	if s.Next > 0 {
		add("next step", fmt.Sprintf("%s, after %s here and %s visitors an arm", percent(s.Next), Lasting(s.Dwell), Thousands(s.Sample)))
	} else {
		add("next step", "none is approved")
	}
	add("a rollback", s.Readiness+": loses "+s.Loses)
	add("calendar", s.Closed)
	add("data", s.Guard)
	add("held", s.Held)
	add("frozen", s.Frozen)
	if s.Killed {
		add("kill switch", "on")
	}
	add("gateways", fmt.Sprintf("%d of %d have reported; the newest counts were %s old", s.Reports, s.Replicas, Lasting(s.Age)))
	add("breaker", s.Breaker)
	add("blame", string(record.Verdict.Blame))
	add("policy", fmt.Sprintf("%s: a false rollback in at most %g of 100 experiments", record.Policy.Name, record.Policy.Alpha*100))
	add("arithmetic", fmt.Sprintf("version %d", record.Verdict.Version))
	add("id", record.ID)
	return all
}

// pageSize is how many entries a page of the journal shows.
const pageSize = 50

func (a *api) journalPage(r *http.Request, v *view) error {
	before, err := number(r, "before", a.Plan.Now().Revision+1, 1<<62)
	if err != nil {
		return err
	}
	name := r.FormValue("group")
	entries, more, err := a.back(r, before, name)
	if err != nil {
		return err
	}
	body := struct {
		Entries      []cutover.Entry
		Low, High    int64
		Group        string
		Groups       []string
		Older, Newer string
		Verified     *Verified
	}{Entries: entries, Group: name, Groups: a.Plan.Now().Names()}
	at := func(before int64) string {
		q := url.Values{"before": {fmt.Sprint(before)}}
		if name != "" {
			q.Set("group", name)
		}
		return "/journal?" + q.Encode()
	}
	if len(entries) > 0 {
		body.High, body.Low = entries[0].Sequence, entries[len(entries)-1].Sequence
		if more {
			body.Older = at(body.Low)
		}
	}
	if before <= a.Plan.Now().Revision {
		body.Newer = at(before + pageSize)
	}
	if r.FormValue("verify") != "" {
		out, err := a.verify(r)
		if err != nil {
			return err
		}
		verified := out.(Verified)
		body.Verified = &verified
	}
	v.Page, v.Title, v.Body = "journal", "Journal", body
	return nil
}

// back reads entries backwards from before one, the newest first, of one group or all; more says that there are older ones.
func (a *api) back(r *http.Request, before int64, group string) (page []cutover.Entry, more bool, err error) {
	for before > 1 && len(page) <= pageSize {
		after := max(0, before-1-500)
		entries, err := a.Plan.History(r.Context(), after, int(before-1-after))
		if err != nil {
			return nil, false, err
		}
		if len(entries) == 0 {
			break
		}
		for _, e := range slices.Backward(entries) {
			if group == "" || slices.ContainsFunc(e.Changes, func(d cutover.Delta) bool { return d.Group == group }) {
				page = append(page, e)
			}
		}
		before = after + 1
	}
	if len(page) > pageSize {
		return page[:pageSize], true, nil
	}
	return page, false, nil
}

// mayNot is what a role may not do, for the sentence below the buttons.
func mayNot(p who.Person, all []action) string {
	var names []string
	for _, act := range all {
		if !p.Role.May(act.need) {
			names = append(names, strings.ToLower(act.Label))
		}
	}
	return strings.Join(names, ", ")
}
