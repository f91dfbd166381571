package report_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/banyan-migration/banyan/infra/cost"
	"github.com/banyan-migration/banyan/infra/local/report"
	"github.com/banyan-migration/banyan/infra/local/site"
	"github.com/banyan-migration/banyan/loadtest"
	"github.com/banyan-migration/banyan/migration/assess"
	"github.com/banyan-migration/banyan/shared/accesslog"
)

var update = flag.Bool("update", false, "write the golden files anew")

// sample is a report as a fast demo would make it, the same each time.
func sample(t *testing.T) *report.Report {
	t.Helper()
	a, err := assess.Read(accesslog.NewReader("access.log.gz", bytes.NewReader(site.AccessLog)))
	if err != nil {
		t.Fatal(err)
	}
	book, err := cost.Prices(cost.Region)
	if err != nil {
		t.Fatal(err)
	}
	bill, err := cost.Estimate(book, cost.Measured{
		Donations: 231, Requests: 1034, Messages: 462, AnswerSize: 700,
		Functions: []cost.Function{{Name: "donate", Calls: 1265, Duration: 6 * time.Millisecond}, {Name: "payments", Calls: 693, Duration: 58 * time.Millisecond},
			{Name: "postcode", Calls: 88, Duration: 900 * time.Microsecond}},
		Writes: []cost.Items{{Table: "donate", Count: 462, Bytes: 1400}, {Table: "payments", Count: 924, Bytes: 900}},
		Reads:  []cost.Items{{Table: "donate", Count: 300, Bytes: 1400}},
	}, 600_000)
	if err != nil {
		t.Fatal(err)
	}
	r := &report.Report{
		Run: report.Run{Command: "banyan demo --fast", Seed: 1, Speed: 20, Night: time.Date(2019, 3, 15, 21, 0, 0, 0, time.UTC),
			Started: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), Seconds: 47.3, Notes: []string{"Drupal’s service times are the log’s medians, divided by 20"}},
		Checks: []report.Check{{"every row is moved or rejected with its reason", true, "3,898 moved, 102 rejected, £362,908.77"},
			{"every accepted donation is stored exactly once", true, "352 of 352"},
			{"every donation that the services accepted is charged once and in the ledger", true, "231 of 231"},
			{"the planted fault was rolled back", true, "weight 0 after 1.2 s"}, {"no visitor was cut off by the rollback", true, "0 of 5,134 requests"}},
		Steps: []report.Step{{"assess the log", 0.2, "60,000 lines, 33 routes"}, {"backfill", 0.9, "4,000 rows"}, {"verify", 0.4, "clean"},
			{"the night, with the ramp", 33.1, "352 donations"}, {"sync the late rows", 0.3, "121 rows"}, {"verify again", 0.5, "clean"}},
		Donations: report.Donations{Accepted: 352, AcceptedByServices: 231, Stored: 352, Charged: 231, Unconfirmed: 2},
		Events: []report.Event{{3 * time.Second, report.Weight, 100, "1 % of visitors to the services"}, {6 * time.Second, report.Weight, 1000, "10 %"},
			{9 * time.Second, report.Weight, 5000, "50 %"}, {12 * time.Second, report.Fault, 0, "a fault is planted: the donate service answers 500"},
			{13 * time.Second, report.Rollback, 0, "rolled back to Drupal"}, {15 * time.Second, report.Mend, 0, "the service is mended"},
			{16 * time.Second, report.Weight, 1000, "10 %"}, {19 * time.Second, report.Weight, 5000, "50 %"}, {22 * time.Second, report.Weight, 10000, "everybody"}},
		Forms:      []report.Form{{Name: "donate", Rows: 4000, Moved: 3898, Rejected: map[string]int{"draft": 46, "amount": 38, "email": 18}, Waiting: 4102, Sum: "362,908.77"}},
		Assessment: a, Case: cost.Reference(), Estimate: bill,
	}
	r.Load = load(r)
	return r
}

// load is a night of 32 s in which each side takes its share.
func load(r *report.Report) *loadtest.Result {
	random := rand.New(rand.NewPCG(1, 1))
	res := &loadtest.Result{Sent: 5134, OK: 5120, Seconds: 32, Width: 1, Started: r.Run.Started, LateSends: 3,
		Legacy:   loadtest.Side{Accepted: 121, Post: loadtest.Percentiles{P50: 38, P99: 94}},
		Services: loadtest.Side{Accepted: 231, Post: loadtest.Percentiles{P50: 7.4, P99: 31}}}
	for s := range 32 {
		weight := 0
		for _, e := range r.Events {
			if (e.Kind == report.Weight || e.Kind == report.Rollback) && e.At <= time.Duration(s)*time.Second {
				weight = e.Weight
			}
		}
		m := loadtest.Moment{Second: float64(s)}
		for range max(2, 24-s*3/4+random.IntN(6)) {
			g := loadtest.Donation{Side: loadtest.Legacy, At: r.Run.Started.Add(time.Duration(s)*time.Second + 500*time.Millisecond)}
			t := &m.Legacy
			if random.IntN(10000) < weight {
				g.Side, t = loadtest.Services, &m.Services
			}
			t.Accepted++
			res.Donations = append(res.Donations, g)
		}
		m.Legacy.P50, m.Legacy.P95 = 34+8*random.Float64(), 70+40*random.Float64()
		m.Services.P50, m.Services.P95 = 6+3*random.Float64(), 15+20*random.Float64()
		res.Series = append(res.Series, m)
	}
	return res
}

func render(t *testing.T, r *report.Report) string {
	t.Helper()
	var b strings.Builder
	if err := r.HTML(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// The golden file is the page's outline: what a reader's ear would be told. REPORT_DIR keeps the page for looking at.
func TestPageTellsTheWholeStory(t *testing.T) {
	t.Parallel()
	r := sample(t)
	if dir := os.Getenv("REPORT_DIR"); dir != "" {
		if err := r.Write(dir); err != nil {
			t.Fatal(err)
		}
	}
	got := outline(t, render(t, r))
	golden := filepath.Join("testdata", "outline.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the outline changed; look at the page, then run the test with -update:\n%s", got)
	}
}

// outline is the text of headings, captions, titles of drawings, table heads and rows.
func outline(t *testing.T, page string) string {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	space := regexp.MustCompile(`\s+`)
	for n := range doc.Descendants() {
		switch {
		case n.Type != html.ElementNode:
		case strings.Contains(" h1 h2 h3 caption title desc tr li figcaption ", " "+n.Data+" "):
			b.WriteString(n.Data + ": " + strings.TrimSpace(space.ReplaceAllString(words(n), " ")) + "\n")
		}
	}
	return b.String()
}

func words(n *html.Node) string {
	var b strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			b.WriteString(c.Data + " ")
		}
	}
	return b.String()
}

func TestPageLoadsNothing(t *testing.T) {
	t.Parallel()
	page := render(t, sample(t))
	for _, outside := range []string{"<script", "<link", "<img", "@import", "url(", "src=", "http://", "https://"} {
		if strings.Contains(page, outside) {
			t.Errorf("the page holds %s", outside)
		}
	}
	if strings.Contains(page, "NaN") || strings.Contains(page, "Inf") || strings.Contains(page, "ZgotmplZ") {
		t.Error("the page holds a value that could not be written")
	}
	if len(page) > 200<<10 {
		t.Errorf("%d bytes are too many for a telephone", len(page))
	}
}

func TestWhatDoesNotHoldIsTheHeadline(t *testing.T) {
	t.Parallel()
	r := sample(t)
	r.Checks[1] = report.Check{Name: "every accepted donation is stored exactly once", Figure: "351 of 352: lt-1-77 <is> missing"}
	page := render(t, r)
	for _, want := range []string{"<h1>Not everything held: every accepted donation is stored exactly once.</h1>", "1 of 5 checks do not hold",
		"lt-1-77 &lt;is&gt; missing", "✗ no"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if r.Held() || (&report.Report{}).Held() {
		t.Error("a report with a failed check, or with none, holds")
	}
}

func TestDemoThatDiedEarlyHasAReport(t *testing.T) {
	t.Parallel()
	page := render(t, &report.Report{Checks: []report.Check{{Name: "the backfill ends", Figure: "the dump is cut"}}})
	if !strings.Contains(page, "Not everything held: the backfill ends.") || strings.Contains(page, "NaN") {
		t.Error("a report without a night cannot be read")
	}
}

func TestJSONHasTheKeysThatScriptsRead(t *testing.T) { // design/commands.md, demo
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new")
	if err := sample(t).Write(dir); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "report.json"))
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Checks []struct {
			Name, Figure string
			Held         *bool
		}
		Steps []struct {
			Name    string
			Seconds *float64
		}
		Donations map[string]int64
		Cost      struct {
			SavedPercent string `json:"saved_percent"`
			Ratio        string
			Estimate     struct{ Total string }
		}
		Load   struct{ Series []any }
		Events []struct {
			Kind   string
			Second float64
			Clock  time.Time
		}
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	d := doc.Donations
	if d["accepted"] != 352 || d["accepted_by_services"] != 231 || d["stored"] != 352 || d["charged"] != 231 {
		t.Errorf("%v", d)
	}
	if len(doc.Checks) != 5 || doc.Checks[0].Held == nil || len(doc.Steps) != 6 || doc.Steps[0].Seconds == nil || len(doc.Load.Series) != 32 {
		t.Errorf("%+v", doc)
	}
	if doc.Cost.SavedPercent != "93.57" || doc.Cost.Ratio != "15.56" || doc.Cost.Estimate.Total == "" {
		t.Errorf("%+v", doc.Cost)
	}
	if e := doc.Events[3]; e.Kind != "fault" || e.Second != 12 || e.Clock.Format("15:04:05") != "21:04:00" {
		t.Errorf("%+v", e)
	}
}
