package assess

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

//go:embed page.html
var text string

var page = template.Must(template.New("page.html").Funcs(template.FuncMap{
	"n": thousands, "ms": ms, "percent": percent, "join": strings.Join, "cents": cents,
	"add":  func(a, b int) int { return a + b },
	"date": func(t time.Time) string { return t.Format("2 January 2006, 15:04 UTC") },
}).Parse(text))

// view is what the template asks.
type view struct{ *Assessment }

// HTML writes the report: one page that loads nothing, in the reader's light or dark, for screens, telephones and paper.
func (a *Assessment) HTML(w io.Writer) error {
	if err := page.Execute(w, view{a}); err != nil {
		return fmt.Errorf("assess: %w", err)
	}
	return nil
}

// Write puts assess.html, assess.json and plan.yaml into dir, which is made where it is not there; each file is whole or
// as it was, and of mode 0600, since what is shown by a rule may still name somebody: who passes it on looks first. site and services are those of Plan.
func (a *Assessment) Write(dir, site, services string) error {
	plan, err := a.Plan(site, services)
	if err != nil {
		return err
	}
	doc, err := json.MarshalIndent(a, "", " ")
	if err != nil {
		return fmt.Errorf("assess: %w", err)
	}
	var html strings.Builder
	if err := a.HTML(&html); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("assess: %w", err)
	}
	return errors.Join(replace(filepath.Join(dir, "assess.html"), []byte(html.String())), replace(filepath.Join(dir, "assess.json"), append(doc, '\n')),
		replace(filepath.Join(dir, "plan.yaml"), plan))
}

// replace writes a file beside the old one and then takes its place: a full disk leaves the old one whole. The mode is
// CreateTemp's.
func replace(name string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*")
	if err != nil {
		return fmt.Errorf("assess: %w", err)
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // what is wrong is said already
		return fmt.Errorf("assess: %w", err)
	}
	return nil
}

// Headline is the assessment in a sentence.
func (v view) Headline() string {
	posts, failed := v.posts()
	name := v.Site
	if name == "" {
		name = "The old site"
	}
	text := fmt.Sprintf("%s has %s routes in %s groups that move together", name, thousands(len(v.Routes)), thousands(len(v.Order)))
	if failed > 0 {
		text += fmt.Sprintf("; it lost %s of %s posts", thousands(failed), thousands(posts))
	}
	return text
}

func (v view) posts() (all, failed int64) {
	for _, g := range v.Order {
		all, failed = all+g.Posts, failed+g.Failed
	}
	return all, failed
}

// Lost is how many posts failed.
func (v view) Lost() int64 {
	_, failed := v.posts()
	return failed
}

// Strange is how many requests asked for what the site does not have.
func (v view) Strange() (sum int64) {
	for _, a := range v.NotHere {
		sum += a.Requests
	}
	return sum
}

// first is how many lines of a table a reader is shown; assess.json has them all.
const first = 100

// Top are the routes that the page lists.
func (v view) Top() []Route { return v.Routes[:min(first, len(v.Routes))] }

// TopAbsent are the addresses that the page lists as not the site's.
func (v view) TopAbsent() []Absent { return v.NotHere[:min(first, len(v.NotHere))] }

// Scoring is what the scores are.
func (v view) Scoring() []string { return Scoring }

// Load are the pictures of the month and of the night.
func (v view) Load() [][]*picture { return [][]*picture{sizes(v.hours), sizes(v.night)} }

// Speed is the picture of latencies, none where the log has no times.
func (v view) Speed() []*picture {
	if len(v.timed()) == 0 {
		return nil
	}
	return sizes(v.latencies)
}

// Timed are the latencies that the log has times of.
func (v view) Timed() []Latency { return v.timed() }

// Map is the picture of what is where.
func (v view) Map() []*picture { return sizes(v.where) }

// Clocks says by which clocks the log was written.
func (v view) Clocks() string {
	var all []string
	for _, z := range v.Zones {
		all = append(all, fmt.Sprintf("%s from %s to %s", z.Offset, z.From.Format("2 January 15:04"), z.To.Format("2 January 15:04")))
	}
	return strings.Join(all, ", ")
}

// Takes is what takes a group over, in words.
func (g Group) Takes() string {
	first, second := g.target()
	if g.Service != "" && g.Kind != Files && len(g.form.known.Parts) == 0 {
		return first
	}
	return first + ", " + second
}

// Answers lists statuses in their order.
func (a Absent) Answers() string { return answers(a.Statuses) }

// Answers lists statuses in their order.
func (r Route) Answers() string { return answers(r.Statuses) }

func answers(statuses map[string]int64) string {
	var all []string
	for code := range 1000 {
		if n := statuses[strconv.Itoa(code)]; n > 0 {
			all = append(all, fmt.Sprintf("%d: %s", code, thousands(n)))
		}
	}
	return strings.Join(all, ", ")
}

// cents writes a sum that may be smaller than a cent.
func cents(sum string) string {
	d, err := decimal.NewFromString(sum)
	if err != nil || d.IsZero() || d.GreaterThanOrEqual(decimal.New(1, -2)) {
		return d.StringFixed(2)
	}
	return "< 0.01"
}

// thousands writes the integer 1234567 as 1,234,567.
func thousands(n any) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// ms writes milliseconds as a person would say them.
func ms(v float64) string {
	switch {
	case v == 0:
		return "–"
	case v < 1000:
		return strconv.FormatFloat(v, 'f', -1, 64) + " ms"
	}
	return strconv.FormatFloat(v/1000, 'f', -1, 64) + " s"
}

func percent(part, whole any) string {
	a, _ := strconv.ParseFloat(fmt.Sprint(part), 64)
	b, _ := strconv.ParseFloat(fmt.Sprint(whole), 64)
	if b == 0 {
		return "–"
	}
	return strconv.FormatFloat(a/b*100, 'f', 1, 64) + " %"
}
