package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/banyan-migration/banyan/infra/cost"
	"github.com/banyan-migration/banyan/migration/assess"
)

//go:embed report.html
var text string

var page = template.Must(template.New("report.html").Funcs(template.FuncMap{
	"n": thousands, "short": short, "share": share, "ms": ms, "seconds": seconds, "usd": usd, "cents": cents, "quantity": quantity, "rejected": rejected, "percent": percent,
	"clock": func(t time.Time) string { return t.UTC().Format("15:04:05") },
	"date":  func(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") },
	"add":   func(a, b int) int { return a + b },
}).Parse(text))

// HTML writes the page: one file that loads nothing, in the reader's light or dark, for screens, telephones and paper.
func (r *Report) HTML(w io.Writer) error {
	if err := page.Execute(w, view{r}); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// view is what the template asks.
type view struct{ *Report }

// Headline is the demo in one sentence.
func (v view) Headline() string {
	d := v.Donations
	if !v.Held() {
		for _, c := range v.Checks {
			if !c.Held {
				return "Not everything held: " + c.Name + "."
			}
		}
		return "Nothing was checked."
	}
	return fmt.Sprintf("The donation form left Drupal in the middle of the night: %s gifts accepted, every one stored once, and each of the %s that the services took charged once.",
		thousands(d.Accepted), thousands(d.AcceptedByServices))
}

// Verdict counts the checks.
func (v view) Verdict() string {
	held := 0
	for _, c := range v.Checks {
		if c.Held {
			held++
		}
	}
	if held == len(v.Checks) {
		return fmt.Sprintf("All %d checks held", held)
	}
	return fmt.Sprintf("%d of %d checks do not hold", len(v.Checks)-held, len(v.Checks))
}

// Charts are the drawings in both widths.
func (v view) Charts() [][]*chart {
	return [][]*chart{{v.donations(wide), v.donations(narrow)}, {v.latency(wide), v.latency(narrow)}}
}

// Clock is the night's time of an event.
func (v view) Clock(at time.Duration) string { return v.clock(at).UTC().Format("15:04:05") }

// Acts are the verdicts that moved something.
func (v view) Acts() (acts []Verdict) {
	for _, x := range v.Verdicts {
		if x.Kind != "HOLD" {
			acts = append(acts, x)
		}
	}
	return acts
}

// share writes basis points as people say them.
func share(weight int) string { return short(float64(weight)/100) + " %" }

// Routes are the most asked, as many as a reader looks at.
func (v view) Routes() []assess.Route {
	return v.Assessment.Routes[:min(12, len(v.Assessment.Routes))]
}

// Groups are the estimate's lines by their groups.
func (v view) Groups() []string { return []string{cost.Serving, cost.Forgotten, cost.Strangler} }

// AcceptedByDrupal is what the services did not take.
func (d Donations) AcceptedByDrupal() int64 { return d.Accepted - d.AcceptedByServices }

// Twice is what happened to donations more than once.
func (d Donations) Twice() int64 { return d.Doubled + d.ChargedTwice }

// thousands writes the integer 1234567 as 1,234,567.
func thousands(n any) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func short(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// ms writes milliseconds as a person would say them.
func ms(v float64) string {
	switch {
	case v >= 1000:
		return strconv.FormatFloat(v/1000, 'g', 3, 64) + " s"
	case v == 0:
		return "–"
	}
	return strconv.FormatFloat(v, 'g', 3, 64) + " ms"
}

func seconds(v float64) string {
	if v >= 100 {
		return fmt.Sprintf("%d min %02d s", int(v)/60, int(v)%60)
	}
	return strconv.FormatFloat(v, 'f', 1, 64) + " s"
}

// usd writes dollars with thousands, and the cents where there are any.
func usd(d decimal.Decimal) string {
	whole, part, _ := strings.Cut(d.StringFixed(2), ".")
	if part == "00" && !d.IsZero() {
		return "$" + thousands(whole)
	}
	return "$" + thousands(whole) + "." + part
}

// cents writes a line's cost: one that rounds to nothing is not nothing.
func cents(d decimal.Decimal) string {
	if d.IsPositive() && d.LessThan(decimal.New(5, -3)) {
		return "under $0.01"
	}
	return "$" + d.StringFixed(2)
}

// quantity writes 5,314,286 requests, and 1.75 GB.
func quantity(l cost.Line) string {
	text, unit := l.Quantity.Round(2).String(), l.Unit
	if l.Quantity.GreaterThanOrEqual(decimal.NewFromInt(100)) {
		text = thousands(l.Quantity.StringFixed(0))
	}
	if unit != "GB" && text != "1" {
		unit += "s"
	}
	return text + " " + unit
}

func percent(part, whole int) string {
	if whole == 0 {
		return "–"
	}
	return strconv.FormatFloat(float64(part)/float64(whole)*100, 'f', 1, 64) + " %"
}

// rejected writes 38 amount, 46 draft.
func rejected(by map[string]int) string {
	var all []string
	for _, reason := range slices.Sorted(maps.Keys(by)) {
		all = append(all, thousands(by[reason])+" "+reason)
	}
	if len(all) == 0 {
		return "none"
	}
	return strings.Join(all, ", ")
}
