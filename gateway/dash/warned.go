package dash

import (
	"net/http"
	"slices"
	"strings"

	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/split"
)

// warned is what a button would go on in spite of, before it is pressed.
func (a *api) warned(act action, b *groupBody) []string {
	switch {
	case act.Verb == "promote":
		return cutover.Warnings(b.Checks)
	case act.Verb == "set" && b.Weight < split.Full:
		return a.ahead(b, cutover.Canary, cutover.Full)
	case act.Verb == "enter":
		return a.ahead(b, act.Phases...)
	}
	return nil
}

// ahead is what a group would enter the phases in spite of that do not lie behind it: each text once, with the phases that it is about
// where it is not about all of them.
func (a *api) ahead(b *groupBody, phases ...string) (texts []string) {
	about := map[string][]string{}
	for _, phase := range phases {
		if slices.Index(cutover.Phases(), phase) < slices.Index(cutover.Phases(), b.Phase) {
			continue
		}
		checks, _ := a.Plan.Checks(b.Name, phase) // the group is known
		for _, text := range cutover.Warnings(checks) {
			if about[text] == nil {
				texts = append(texts, text)
			}
			about[text] = append(about[text], phase)
		}
	}
	for i, text := range texts {
		if in := about[text]; len(in) < len(phases) {
			texts[i] = "in " + strings.Join(in, " and ") + ": " + text
		}
	}
	return texts
}

// despite is what the change that a button has just made went on in spite of, as the journal has it.
func (a *api) despite(r *http.Request, verb string, g Group) []string {
	if g.Pending {
		return nil
	}
	last, err := a.Plan.History(r.Context(), g.Revision-1, 1)
	switch {
	case err != nil:
		return []string{"what stands in the journal, which cannot be read just now"}
	case len(last) == 0 || last[0].Action != verb:
		return nil
	}
	return last[0].Warnings
}
