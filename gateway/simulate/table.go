package simulate

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// MarshalJSON writes the keys that scripts read. base_error is a share; requests_to_find and donors_hurt are null where nothing was found.
func (r Row) MarshalJSON() ([]byte, error) {
	harm := r.Case.Harm.Name
	if harm == "" {
		harm = "none"
	}
	return json.Marshal(struct {
		Rule    string  `json:"rule"`
		Case    string  `json:"case"`
		Rate    int     `json:"rate_per_minute"`
		Base    float64 `json:"base_error"`
		Harm    string  `json:"harm"`
		Ramps   int     `json:"ramps"`
		Back    int     `json:"rolled_back"`
		Early   int     `json:"rolled_back_before_harm"`
		Done    int     `json:"finished"`
		P50     *int64  `json:"requests_to_find_p50"`
		P95     *int64  `json:"requests_to_find_p95"`
		Hurt    *int64  `json:"donors_hurt_p50"`
		Dwell   int64   `json:"dwell_requests"`
		Horizon int64   `json:"horizon_requests"`
	}{r.Rule, r.Case.Name, r.Case.Rate, r.Case.Base, harm, r.Ramps, r.RolledBack, r.Early, r.Finished, r.P50, r.P95, r.Hurt, r.Case.Dwell(), r.Case.Horizon()})
}

// grid is a table as text: a title, a head, and lines of as many cells.
type grid struct {
	title string
	lines [][]string
}

// grids are the two tables of a suite: where no rollback is wanted, and where one is.
func grids(rows []Row) [2]grid {
	calm := grid{title: "Nothing is wrong with the new side: share of ramps rolled back (none should be), and share that finished."}
	harm := grid{title: "The new side is worse: share of ramps in which that was found; the group's requests from the harm to the rollback (median / 95 %);\n" +
		"requests of the new side that the harm had hurt by then (median). A rule that rolls back healthy ramps finds harm by luck as well."}
	calmHead, harmHead := []string{"case", "a minute", "errors", "ramps", "dwell", "horizon"}, []string{"harm", "a minute", "errors", "ramps"}
	for _, rule := range Rules {
		calmHead = append(calmHead, rule+" back", "finished")
		harmHead = append(harmHead, rule+" found", "requests", "hurt")
	}
	calm.lines, harm.lines = [][]string{calmHead}, [][]string{harmHead}
	for i := 0; i < len(rows); i += len(Rules) {
		c := rows[i].Case
		head := []string{c.String(), perMinute(c.Rate), fmt.Sprintf("%g %%", 100*c.Base), fmt.Sprint(rows[i].Ramps)}
		if c.Name == "harm" {
			harm.lines = append(harm.lines, append(head, found(rows[i:i+len(Rules)])...))
			continue
		}
		line := append(head, short(c.Dwell()), short(c.Horizon()))
		for _, r := range rows[i : i+len(Rules)] {
			line = append(line, r.share(r.RolledBack), r.share(r.Finished))
		}
		calm.lines = append(calm.lines, line)
	}
	return [2]grid{calm, harm}
}

func found(rows []Row) (cells []string) {
	for _, r := range rows {
		if r.P50 == nil {
			cells = append(cells, r.share(0), "-", "-")
			continue
		}
		cells = append(cells, r.share(r.RolledBack-r.Early), short(*r.P50)+" / "+short(*r.P95), short(*r.Hurt))
	}
	return cells
}

func (r Row) share(n int) string { return fmt.Sprintf("%.1f %%", 100*float64(n)/float64(r.Ramps)) }

// short writes a count with three digits at most.
func short(n int64) string {
	for _, unit := range []struct {
		size int64
		name string
	}{{1_000_000, "M"}, {1000, "k"}} {
		if n >= unit.size {
			return fmt.Sprintf("%.3g", float64(n)/float64(unit.size)) + unit.name
		}
	}
	return fmt.Sprint(n)
}

// Text writes the tables for a terminal, at most 150 columns wide.
func Text(out io.Writer, rows []Row) error {
	for _, g := range grids(rows) {
		width := g.widths()
		if _, err := fmt.Fprintf(out, "%s\n\n", g.title); err != nil {
			return err
		}
		for _, line := range g.lines {
			if _, err := fmt.Fprintln(out, strings.TrimRight(aligned(line, width, "  "), " ")); err != nil {
				return err
			}
		}
		if _, err := fmt.Fprintln(out); err != nil {
			return err
		}
	}
	return nil
}

// Markdown writes the tables for the README.
func Markdown(out io.Writer, rows []Row) error {
	for _, g := range grids(rows) {
		width := g.widths()
		if _, err := fmt.Fprintf(out, "%s\n\n", g.title); err != nil {
			return err
		}
		for i, line := range g.lines {
			if _, err := fmt.Fprintf(out, "| %s |\n", aligned(line, width, " | ")); err != nil {
				return err
			}
			if i == 0 {
				rule := "|---|" + strings.Repeat("--:|", len(line)-1)
				if _, err := fmt.Fprintln(out, rule); err != nil {
					return err
				}
			}
		}
		if _, err := fmt.Fprintln(out); err != nil {
			return err
		}
	}
	return nil
}

func (g grid) widths() []int {
	width := make([]int, len(g.lines[0]))
	for _, line := range g.lines {
		for i, cell := range line {
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	return width
}

// aligned puts the first cell to the left of its column and the others to the right.
func aligned(line []string, width []int, between string) string {
	var b strings.Builder
	for i, cell := range line {
		pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(cell))
		if i == 0 {
			b.WriteString(cell + pad)
			continue
		}
		b.WriteString(between + pad + cell)
	}
	return b.String()
}
