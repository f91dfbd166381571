package cost

import (
	"encoding/json"

	"github.com/shopspring/decimal"
)

// Report sets a month before beside a month after.
type Report struct {
	Then, Now Month
	Unknown   []Unknown
	Scope     []string // what the two months do not have in common; it stands beside the numbers, always
	Sources   []string
}

// Month is what was paid in one.
type Month struct {
	Name  string
	Total decimal.Decimal
	Lines []Line
}

// MarshalJSON writes the total as a decimal string.
func (m Month) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{"month": m.Name, "total": m.Total.StringFixed(2), "currency": "USD", "lines": m.Lines})
}

// Reference is the case: Comic Relief's two bills. Banyan did not earn it and does not claim it as its own result.
func Reference() *Report {
	month := func(name, total, what string) Month {
		d := decimal.RequireFromString(total)
		return Month{Name: name, Total: d, Lines: []Line{{Item: what, Cost: d, Free: d}}}
	}
	return &Report{
		Then: month("March 2015", "83908", "all hosting: several clouds, containers and virtual machines, three donation platforms"),
		Now:  month("March 2019", "5393", "all hosting: one cloud, Lambda"),
		Unknown: []Unknown{
			{"software as a service, payment providers and text messages", "whether these fees are in either figure is not public"},
			{"cost of a donation", "how many donations each month took is not public"},
			{"what each bill is made of", "only the two totals are public"},
		},
		Scope: []string{
			"Both are Red Nose Day months; 2019's quiet months cost less.",
			"The months differ in scope: 2015 is the whole donation and web estate on several clouds (inferred).",
			"Between them lie Drupal 8 and PHP microservices on Cloud Foundry, and services in Node.js: four years, not one step.",
			"It is the case's result and not Banyan's.",
		},
		Sources: []string{
			`Slide "Old vs new" of the talk "Serverless functions deep dive" (D. Poccia, C. Rennie, AWS Summit London, 8 May 2019)`,
			"diginomica, 8 May 2019: $83,000 and $5,000, 93 %",
		},
	}
}

// SavedPercent is by how much the second month is cheaper, with two places.
func (r *Report) SavedPercent() string {
	return r.Then.Total.Sub(r.Now.Total).Mul(decimal.NewFromInt(100)).DivRound(r.Then.Total, 2).StringFixed(2)
}

// Ratio is how many times the first month costs the second, with so many places.
func (r *Report) Ratio(places int32) string {
	return r.Then.Total.DivRound(r.Now.Total, places).StringFixed(places)
}

// MarshalJSON writes the document of `cost report --json`.
func (r *Report) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{
		"then": r.Then, "now": r.Now, "saved_percent": r.SavedPercent(), "ratio": r.Ratio(2), "saved": r.Then.Total.Sub(r.Now.Total).StringFixed(2),
		"unknown": r.Unknown, "scope": r.Scope, "sources": r.Sources, "per_donation": nil,
	})
}
