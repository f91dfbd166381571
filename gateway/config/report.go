package config

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/banyan-migration/banyan/gateway/cutover"
)

// Checked is what --check says of a file: its mistakes; or the names that each form takes (D-8), what is worth
// knowing, and where the plan's store stands otherwise than the file's seeds.
type Checked struct {
	OK       bool                `json:"ok"`
	Mistakes []Mistake           `json:"mistakes"`
	Notes    []Note              `json:"notes"`
	Names    map[string][]string `json:"names"` // by group: every route, a form's names included
	Differs  []Difference        `json:"differs"`
}

// Difference is a group that the store has elsewhere than the file would seed it: the store wins.
type Difference struct {
	Group  string `json:"group"`
	Line   int    `json:"line"`
	File   int    `json:"file"`       // the seed, in basis points
	Seed   string `json:"file_phase"` // and its phase
	Store  int    `json:"store"`      // the weight in force
	Phase  string `json:"phase"`      // in force
	Reason string `json:"why"`        // of the last change
}

// Report gathers what is to be said of a configuration, or of the mistakes that are in its place. plan may be nil,
// when the store is not known.
func Report(c *Config, mistakes Mistakes, plan *cutover.Snapshot) Checked {
	r := Checked{OK: len(mistakes) == 0, Mistakes: append([]Mistake{}, mistakes...), Notes: []Note{}, Names: map[string][]string{}, Differs: []Difference{}}
	if c == nil {
		return r
	}
	r.Notes = append(r.Notes, c.Notes...)
	for _, g := range c.Groups {
		for _, route := range g.Routes {
			r.Names[g.Name] = append(r.Names[g.Name], route.ID)
		}
		if plan == nil || !slices.Contains(plan.Names(), g.Name) {
			continue
		}
		if at := plan.Group(g.Name); at.Weight != g.Weight || at.Phase != g.Phase {
			r.Differs = append(r.Differs, Difference{g.Name, g.Line, g.Weight, g.Phase, at.Weight, at.Phase, at.Why})
		}
	}
	return r
}

// Print writes a report for a person.
func (r Checked) Print(w io.Writer, file string) {
	for _, m := range r.Mistakes {
		fmt.Fprintln(w, m)
	}
	for _, n := range r.Notes {
		fmt.Fprintf(w, "%s:%d: note: %s\n", file, n.Line, n.Text)
	}
	for _, d := range r.Differs {
		fmt.Fprintf(w, "%s:%d: note: groups.%s: the store has weight %d (%s, %q), the file %d (%s): the store wins\n", file, d.Line, d.Group, d.Store, d.Phase, d.Reason,
			d.File, d.Seed)
	}
	names := make([]string, 0, len(r.Names))
	for name := range r.Names {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		all := strings.Join(r.Names[name], "\n  ")
		fmt.Fprintf(w, "%s takes\n  %s\n", name, all)
		if strings.Contains(all, "?!q") {
			fmt.Fprintln(w, "  (?!q: only without q in the query, by which Drupal would take another page)")
		}
	}
}
