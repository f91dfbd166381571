package dash

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/banyan-migration/banyan/gateway/analysis"
	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/dash/draw"
	"github.com/banyan-migration/banyan/gateway/diff"
	"github.com/banyan-migration/banyan/gateway/judge"
)

// span is a time that a group's curves can show.
type span struct {
	since, name string
	long        time.Duration
}

// windows are those to choose from.
var windows = []span{{"2m", "2 min", 2 * time.Minute}, {"10m", "10 min", 10 * time.Minute}, {"1h", "1 h", time.Hour}, {"6h", "6 h", 6 * time.Hour}, {"24h", "24 h", 24 * time.Hour}, {"168h", "7 days", 7 * 24 * time.Hour}}

// window is a choice of them.
type window struct {
	Since, Name string
	Here        bool
}

// groupBody is a group's page.
type groupBody struct {
	row
	Blame     judge.Blame
	Often     string // what differs most often, where the verdict is about that
	Measured  string
	Drill     string
	Next      string // the next step, in a sentence
	Waits     string // what it waits for
	Windows   []window
	Charts    []*draw.Chart
	Approved  string
	Steps     []scheduled
	Checks    []cutover.Check
	Actions   []action
	Refused   string
	Diffs     compared
	Decisions []Decision
}

// scheduled is a step of a schedule: done, present or to come.
type scheduled struct {
	judge.Step
	State string
}

// compared is what shadowing has found.
type compared struct {
	Sentence string
	Rows     []diff.Row
}

const (
	maxRows      = 50
	maxDecisions = 12
)

func (a *api) groupPage(r *http.Request, v *view) error {
	g, err := a.find(r.PathValue("group"))
	if err != nil {
		return err
	}
	b := &groupBody{row: a.row(g)}
	b.Drill = "A rollback was never rehearsed."
	if !b.Drilled.IsZero() {
		b.Drill = "A rollback was rehearsed " + ago(v, b.Drilled) + "."
	}
	b.Measured = a.measured(v, g.Name)
	b.steps(a, g)
	b.Actions = a.actions(v, b, g)
	b.Refused = mayNot(v.Person, b.Actions)
	b.Diffs = a.compared(g.Name)
	b.curves(a, r, v, g)
	if err := b.said(a, r, g.Name); err != nil {
		return err
	}
	v.Page, v.Title, v.Body = "group", g.Name, b
	if v.Problem == "" && verbs[r.FormValue("done")].do != nil {
		v.Done = doneSentence(r.FormValue("done"), b.Group)
		v.Despite = a.despite(r, r.FormValue("done"), b.Group)
	}
	return nil
}

// doneSentence says after a button what is so now.
func doneSentence(verb string, g Group) string {
	if g.Pending {
		return "Done here, and not everywhere: " + g.Notice + "."
	}
	at := fmt.Sprintf("%s is at %s on %s, in %s, revision %d.", g.Group, percent(g.Weight), g.To, g.Phase, g.Revision)
	return map[string]string{
		"rollback": "Rolled back. ", "hold": "Held. ", "freeze": "Frozen. ", "release": "Released. ", "promote": "Promoted. ", "approve": "The schedule is approved. ",
		"enter": "Entered. ", "drill": "The rehearsal held: every gateway followed. ", "no-return": "Signed. ", "set": "The weight is set. ",
	}[verb] + at
}

// said is what the judge has said.
func (b *groupBody) said(a *api, r *http.Request, group string) error {
	if a.Watch == nil {
		return nil
	}
	if latest, ok := a.Watch.Latest(group); ok {
		b.Blame = latest.Verdict.Blame
		if a.Diffs != nil && analysis.OnAnswers(latest) {
			b.Often = a.Diffs.Commonest(group)
		}
	}
	if a.Plan.Now().Stale { // the records lie in the store: a page in an outage does not wait for it
		return nil
	}
	records, err := a.Watch.Records(r.Context(), group, maxDecisions)
	for _, record := range records {
		b.Decisions = append(b.Decisions, short(record))
	}
	return err
}

// steps says where the group stands in its schedule, and what the next step waits for.
func (b *groupBody) steps(a *api, g *config.Group) {
	schedule := b.Schedule
	if schedule != nil {
		b.Approved = fmt.Sprintf("Approved by %s: %s. The judge steps along it to the last step and never past it.", schedule.Who, schedule.Why)
	} else {
		schedule = &cutover.Schedule{Steps: g.Policy.Steps}
		b.Approved = "What the policy " + g.Policy.Name + " proposes; nobody has approved it, so the judge raises nothing."
	}
	for _, s := range schedule.Steps {
		at := scheduled{s, "to come"}
		switch {
		case s.Weight == b.Weight:
			at.State = "present"
		case s.Weight < b.Weight:
			at.State = "done"
		}
		if at.Sample == 0 {
			at.Sample = g.Policy.Sample
		}
		b.Steps = append(b.Steps, at)
	}
	next, ok := schedule.Next(b.Weight)
	switch {
	case b.Weight == 10000:
		b.Next = "Everybody is on " + b.To + "."
	case !ok:
		b.Next = "There is no step above " + percent(b.Weight) + "."
	case b.Schedule == nil:
		b.Next = fmt.Sprintf("%s of visitors, if somebody approves a schedule or promotes by hand.", percent(next.Weight))
	default:
		b.Next = percent(next.Weight) + " of visitors."
		b.Waits = said("it waits: " + b.Why)
		if b.Verdict == string(judge.PromoteOK) {
			b.Waits = "The judge takes it now."
		}
	}
	if ok {
		b.Checks, _ = a.Plan.Checks(g.Name, cutover.PhaseOf(next.Weight)) // the group is known
	}
}

func (a *api) compared(group string) compared {
	d := a.differing(group)
	t := d.Tally
	if t.Compared == 0 {
		return compared{Sentence: "No request of this group has been compared yet: none of its routes has shadow:, or nobody has come since the group entered shadow."}
	}
	c := compared{Rows: d.Rows[:min(len(d.Rows), maxRows)], Sentence: fmt.Sprintf("%s requests were compared: %s equal, %s equal but for what is masked, %s differing, %s too large, %s without two answers.",
		Thousands(t.Compared), Thousands(t.Equal), Thousands(t.Masked), Thousands(t.Differing), Thousands(t.Capped), Thousands(t.Uncomparable))}
	if t.Replays > 0 {
		c.Sentence += fmt.Sprintf(" The old side was compared with itself %s times, and differed %s times.", Thousands(t.Replays), Thousands(t.Noise))
	}
	return c
}

// usual is the window that is shown where none is asked for: an hour.
const usual = 2

// curves draws the time that was asked for; or the usual one, or a shorter one that holds all there is, as in a demonstration.
func (b *groupBody) curves(a *api, r *http.Request, v *view, g *config.Group) {
	chosen := slices.IndexFunc(windows, func(w span) bool { return w.since == r.FormValue("since") })
	long := windows[usual].long
	if chosen >= 0 {
		long = windows[chosen].long
	}
	var cells []judge.Cell
	if a.Watch != nil {
		cells = a.Watch.Curves(g.Name, v.Now.Add(-long))
	}
	if chosen < 0 {
		chosen = usual
		for chosen > 0 && len(cells) > 0 && v.Now.Sub(cells[0].At) < windows[chosen-1].long {
			chosen--
		}
	}
	for i, w := range windows {
		b.Windows = append(b.Windows, window{w.since, w.name, i == chosen})
	}
	w := draw.Window{From: v.Now.Add(-windows[chosen].long), To: v.Now, Zone: v.Zone}
	b.Charts = draw.Curves(cells, w, max(g.Policy.Cell, 100*time.Millisecond), [2]string{g.From, g.To})
}
