package assess

import (
	"cmp"
	"slices"
	"strings"

	"github.com/banyan-migration/banyan/migration/drupal"
)

// Holding is the tables of one use, and how many rows they have together. Use is what drupal.TableCount calls it; "unknown"
// are tables of modules that Banyan does not know, by their names.
type Holding struct {
	Use    string   `json:"use"`
	Tables int      `json:"tables"`
	Rows   int64    `json:"rows"`
	Names  []string `json:"names,omitempty"` // of unknown tables
}

// Strange is a kind of strange value that the database holds; whoever moves it must know.
type Strange struct {
	Kind   string `json:"kind"`
	Table  string `json:"table"`
	Column string `json:"column,omitempty"`
	Count  int64  `json:"count"`
}

// holdings sums a census up.
func holdings(c drupal.Census) (all []Holding, odd []Strange) {
	byUse := map[string]*Holding{}
	for _, t := range c.Tables {
		use := cmp.Or(t.Use, "unknown")
		h := byUse[use]
		if h == nil {
			h = &Holding{Use: use}
			byUse[use] = h
		}
		h.Tables, h.Rows = h.Tables+1, h.Rows+t.Rows
		if t.Use == "" {
			h.Names = append(h.Names, t.Name)
		}
	}
	for _, h := range byUse {
		slices.Sort(h.Names)
		all = append(all, *h)
	}
	slices.SortFunc(all, func(x, y Holding) int { return cmp.Or(cmp.Compare(y.Rows, x.Rows), strings.Compare(x.Use, y.Use)) })
	for _, o := range c.Oddities {
		odd = append(odd, Strange{o.Kind, o.Table, o.Column, o.Count})
	}
	return all, odd
}
