package cost

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"

	"github.com/shopspring/decimal"
)

//go:embed report.html
var text string

var page = template.Must(template.New("report.html").Parse(text))

// HTML writes the report as one page that loads nothing.
func (r *Report) HTML(w io.Writer) error {
	if err := page.Execute(w, r); err != nil {
		return fmt.Errorf("cost: %w", err)
	}
	return nil
}

// Months are both, the earlier first.
func (r *Report) Months() []Month { return []Month{r.Then, r.Now} }

// Share is the second month as a percentage of the first, with two places.
func (r *Report) Share() string {
	return r.Now.Total.Mul(decimal.NewFromInt(100)).DivRound(r.Then.Total, 2).StringFixed(2)
}
