package assess_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/infra/local/site"
)

// files are what Write leaves, by their names.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all[e.Name()] = string(text)
	}
	return all
}

func TestReportHoldsNobody(t *testing.T) {
	t.Parallel()
	agent := `" "Mozilla/5.0 (their very own telephone)"`
	text := strings.ReplaceAll(line(then, "GET /?name=Ann-Example&email=ann@example.org", 200)+
		by(crowd, "GET /unsubscribe/ann@example.org", 200)+by(crowd, "GET /unsubscribe/ann%40example.org", 200)+
		by(crowd, "GET /thanks/07700900123", 200)+by(crowd, "GET /reset/3f2a9c81d04be57733aa90cc51ed0421", 200)+
		by(crowd, "GET /t/eyJhbGciOiJIUzI1NiJ9-abc_dEf-42_xyz", 200)+by(crowd, "GET /search/node/ann@example.org", 404)+
		by(crowd, "GET /user/reset/5/1552683600/Zk3-abcDEFghijKLMNopqrstUVW_xyz0123", 200)+
		by(crowd, "POST /x{ann}", 200)+"198.51.100.77 ann@example.org\n"+line("15/Mar/2019:21:00:03 +9999", "GET /ann@example.org", 200), `" "Mozilla/5.0"`, agent)
	a := run(t, nil, write(t, "x.log", text))
	dir := filepath.Join(t.TempDir(), "out")
	if err := a.Write(dir, "", ""); err != nil {
		t.Fatal(err)
	}
	for name, text := range files(t, dir) {
		for _, secret := range []string{"192.0.2.1", "198.51.100.", "ann", "Ann", "example.org", "%40", "07700900123", "3f2a9c81", "eyJ", "Zk3", "telephone"} {
			if name == "assess.html" && secret == "ann" {
				continue // a substring of ordinary words
			}
			if at := strings.Index(text, secret); at >= 0 {
				t.Errorf("%s tells %q: …%s…", name, secret, text[max(0, at-40):min(len(text), at+40)])
			}
		}
	}
	if got := strings.Join(listed(a), " "); !strings.Contains(got, "GET /unsubscribe/{…}") || !strings.Contains(got, "GET /user/reset/{…}") || !strings.Contains(got, "GET /t/{…}") {
		t.Error(got)
	}
}

func TestReportOfTheSampleSite(t *testing.T) {
	t.Parallel()
	a := run(t, known(t), write(t, "access.log.gz", string(site.AccessLog)))
	dir := t.TempDir()
	if err := a.Write(dir, "https://www.rednosefund.example", "https://services.rednosefund.example"); err != nil {
		t.Fatal(err)
	}
	out := files(t, dir)
	if len(out) != 3 {
		t.Errorf("%d files", len(out))
	}
	var doc struct {
		Requests int
		From, To string
		Routes   []struct {
			Method, Pattern, Form, Backend string
			Requests, Errors               int
			P50                            float64 `json:"p50_ms"`
			P95                            float64 `json:"p95_ms"`
			Peak                           int     `json:"peak_per_second"`
			Writes                         *bool
		}
		Order []struct {
			Group string
			Why   []string
		}
	}
	if err := json.Unmarshal([]byte(out["assess.json"]), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Requests != 60000 || doc.From != "2019-03-01T00:00:39Z" || len(doc.Routes) != 28 || doc.Routes[0].Pattern != "/" || doc.Routes[0].P50 == 0 ||
		doc.Routes[0].Peak == 0 || doc.Routes[0].Writes == nil || doc.Routes[0].Backend != "drupal" || doc.Order[0].Group != "donate" || len(doc.Order[0].Why) == 0 {
		t.Errorf("%.500s", out["assess.json"])
	}
	c, err := config.Parse("plan.yaml", []byte(out["plan.yaml"]), config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, g := range c.Groups {
		names = append(names, g.Name)
		if g.Weight != 0 {
			t.Errorf("%s begins at %d", g.Name, g.Weight)
		}
	}
	if strings.Join(names, " ") != "donate fundraisers giving" || c.Backends["drupal"].Address != "www.rednosefund.example:443" || c.DefaultHost != "www.rednosefund.example" {
		t.Errorf("%v, %+v, %s", names, c.Backends["drupal"], c.DefaultHost)
	}
	wellFormed(t, out["assess.html"])
}

// wellFormed looks for what a reader without eyes, or without a network, would miss.
func wellFormed(t *testing.T, page string) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	ids, pictures, tables := map[string]bool{}, 0, 0
	for n := range doc.Descendants() {
		attr := map[string]string{}
		for _, a := range n.Attr {
			attr[a.Key] = a.Val
			if a.Key == "src" || a.Key == "href" {
				t.Errorf("<%s> loads %s", n.Data, a.Val)
			}
		}
		if id := attr["id"]; id != "" {
			if ids[id] {
				t.Errorf("two things are called %s", id)
			}
			ids[id] = true
		}
		switch n.Data {
		case "svg":
			pictures++
			if attr["role"] != "img" || attr["aria-labelledby"] == "" {
				t.Errorf("a picture without words: %v", attr)
			}
		case "table":
			tables++
			if n.FirstChild == nil || !strings.Contains(page, "<caption>") {
				t.Error("a table without a caption")
			}
		case "script", "link", "img":
			t.Errorf("<%s> stands in the page", n.Data)
		}
	}
	if pictures != 8 || tables != 6 {
		t.Errorf("%d pictures and %d tables", pictures, tables)
	}
}

func TestClockThatWasNeverSetMakesNoEndlessPicture(t *testing.T) {
	t.Parallel()
	a := read(t, line("01/Jan/0001:00:00:00 +0000", "GET /", 200)+line(then, "GET /", 200))
	var page strings.Builder
	if err := a.HTML(&page); err != nil || page.Len() > 100_000 {
		t.Error(page.Len(), err)
	}
}

func TestPlanRefusesWhatIsNoBackend(t *testing.T) {
	t.Parallel()
	a := read(t, line(then, "GET /", 200))
	if _, err := a.Plan("ftp://x", ""); err == nil || !strings.Contains(err.Error(), "backend") {
		t.Error(err)
	}
	if _, err := a.Plan("", "not a url"); err == nil {
		t.Error("a service at no address")
	}
}

// TestPlanTakesWhateverTheLogHolds: paths that the gateway's table cannot say become comments.
func TestPlanTakesWhateverTheLogHolds(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	for _, path := range []string{"/a b", "/a*b/c", "/caf%C3%A9", "/a%2Fb", "/x;y=1", "/..", "/%00", `/"quoted"`, "/#top", "/a: b", "/a/{b}", "/giving\u00e9/x", "/" + strings.Repeat("a/", 40)} {
		text.WriteString(by(crowd, "POST "+path, 200) + by(crowd, "GET "+path, 200))
	}
	a := read(t, text.String())
	plan, err := a.Plan("", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := config.Parse("plan.yaml", plan, config.Options{}); err != nil {
		t.Errorf("%v\n%s", err, plan)
	}
}
