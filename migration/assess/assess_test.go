package assess_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/infra/local/site"
	"github.com/banyan-migration/banyan/migration/assess"
	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/shared/accesslog"
)

// known is what the sample site's own dump says of it.
func known(t *testing.T) *assess.Site {
	t.Helper()
	dump := write(t, "drupal7.sql.gz", string(site.Dump))
	source, err := drupal.Open(t.Context(), dump)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	content, err := drupal.OpenContent(t.Context(), dump)
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	s, err := assess.Survey(t.Context(), source, content)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	name = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func run(t *testing.T, s *assess.Site, files ...string) *assess.Assessment {
	t.Helper()
	a, err := (&assess.Job{Files: files, Site: s}).Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// routes are the sample site's in March 2019, all of them: what stands in its log and in its database.
var routes = []string{
	"GET /", "GET /about-us", "GET /admin/content", "GET /contact-us", "GET /donate", "GET /faqs", "GET /fundraisers/{name}", "GET /gift-aid",
	"GET /giving/{name}", "GET /misc/jquery.js", "GET /node/2/done", "GET /our-grants", "GET /pay-in", "GET /privacy-notice", "GET /red-nose-day",
	"GET /schools/primary", "GET /sign-up", "GET /sites/default/files/styles/{style}/public/{file}", "GET /step-challenge", "GET /user/login",
	"GET /what-we-do", "POST /contact-us", "POST /donate", "POST /gift-aid", "POST /pay-in", "POST /sign-up", "POST /step-challenge", "POST /user/login",
}

func listed(a *assess.Assessment) (all []string) {
	for _, r := range a.Routes {
		all = append(all, r.Method+" "+r.Pattern)
	}
	slices.Sort(all)
	return all
}

func TestSampleSitesRoutesAllFoundAndNoneInvented(t *testing.T) {
	t.Parallel()
	log := write(t, "access.log.gz", string(site.AccessLog))
	a := run(t, known(t), log)
	if got := listed(a); !slices.Equal(got, routes) {
		t.Errorf("found\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(routes, "\n"))
	}
	absent := map[string]int64{}
	for _, n := range a.NotHere {
		absent[n.Method+" "+n.Pattern] = n.Addresses
	}
	if want := map[string]int64{"GET /wp-login.php": 1, "GET /postcode/lookup": 1, "GET /giving/{name}": 1517, "GET /fundraisers/{name}": 1001,
		"GET /sites/default/files/styles/{style}/public/{file}": 899}; !reflect.DeepEqual(absent, want) {
		t.Errorf("not the site's: %v, want %v", absent, want)
	}
	// Without a database, what was answered is a route, and what was not is none.
	alone := run(t, nil, log)
	want := append(slices.Clone(routes), "GET /postcode/lookup")
	slices.Sort(want)
	if got := listed(alone); !slices.Equal(got, want) {
		t.Errorf("the log alone gives\n%s", strings.Join(got, "\n"))
	}
	if len(alone.NotHere) != 1 || alone.NotHere[0].Pattern != "/wp-login.php" || alone.NotHere[0].Requests != 240 {
		t.Errorf("%+v", alone.NotHere)
	}
}

func TestSampleSitesFigures(t *testing.T) {
	t.Parallel()
	a, err := assess.Read(accesslog.NewReader("access.log.gz", bytes.NewReader(site.AccessLog)))
	if err != nil {
		t.Fatal(err)
	}
	if a.Requests != 60000 || a.Bots != 20054 || a.Skipped != 0 || !slices.Equal(a.Formats, []string{"combined"}) {
		t.Errorf("%d requests, %d bots, %d skipped, %v", a.Requests, a.Bots, a.Skipped, a.Formats)
	}
	night := a.Show
	if len(night.Minutes) != 7*60 || night.Minutes[120] != 598 {
		t.Errorf("the night's minutes: %v", night.Minutes)
	}
	night.Minutes = nil
	if want := (assess.Show{
		From: time.Date(2019, 3, 15, 19, 0, 0, 0, time.UTC), To: time.Date(2019, 3, 16, 2, 0, 0, 0, time.UTC), Requests: 36175,
		Peak: time.Date(2019, 3, 15, 21, 0, 0, 0, time.UTC), PeakPerMinute: 598,
	}); !reflect.DeepEqual(night, want) {
		t.Errorf("the night is %+v, want %+v", night, want)
	}
	routes := map[string]assess.Route{}
	for _, r := range a.Routes {
		routes[r.Method+" "+r.Pattern] = r
	}
	post := routes["POST /donate"]
	if post.Requests != 5301 || post.Errors != 62 || !post.Writes || post.Form != "donate" || post.PeakPerMinute != 57 || post.P95 != 1760 || post.P99 != 30000 {
		t.Errorf("%+v", post)
	}
	if done := routes["GET /node/2/done"]; done.Bots != 1578 || done.Requests != 4755 || done.Form != "donate" || done.Writes || done.Group != "donate" {
		t.Errorf("%+v", done)
	}
	reads, writes := a.Latency[0], a.Latency[1]
	if reads.P50 != 142 || reads.P95 != 563 || reads.P99 != 861 || writes.P50 != 616 || writes.P95 != 1600 || writes.P99 != 30000 { // facts: the load to plan for
		t.Errorf("reads %+v, writes %+v", reads, writes)
	}
}

func TestOrderSaysWhy(t *testing.T) {
	t.Parallel()
	a := run(t, known(t), write(t, "access.log.gz", string(site.AccessLog)))
	var order []string
	for _, g := range a.Order {
		order = append(order, g.Name)
		if len(g.Why) < 2 || len(g.Together) == 0 || g.Monthly.Total == "" || g.Score != 3*g.Value-g.Risk-g.Effort {
			t.Errorf("%+v", g)
		}
	}
	if want := []string{"donate", "giving", "fundraisers", "contact-us", "step-challenge", "red-nose-competition", "gift-aid", "sign-up", "pay-in",
		"files", "pages", "editors"}; !slices.Equal(order, want) {
		t.Errorf("%v", order)
	}
	first := a.Order[0]
	if first.Why[0] != "62 of 5301 posts failed" || first.Service != "donate" || !slices.Equal(first.Routes, []string{"GET /donate", "GET /node/2/done", "POST /donate"}) ||
		!slices.Equal(first.Shares, []string{"gift-aid, in giftaid", "pay-in, in preferences", "sign-up, in preferences"}) {
		t.Errorf("%+v", first)
	}
	if nobody := a.Order[5]; nobody.Requests != 0 || !slices.ContainsFunc(nobody.Why, func(w string) bool { return strings.Contains(w, "the log does not") }) {
		t.Errorf("%+v", nobody)
	}
}

// line is one request of the combined format.
func line(at, request string, status int) string {
	return fmt.Sprintf(`192.0.2.1 - - [%s] "%s HTTP/1.1" %d 1 "-" "Mozilla/5.0"`+"\n", at, request, status)
}

const then = "15/Mar/2019:21:00:03 +0000"

func read(t *testing.T, text string) *assess.Assessment {
	t.Helper()
	a, err := assess.Read(accesslog.NewReader("x.log", strings.NewReader(text)))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestEveryNameOfAPageIsOneRoute(t *testing.T) {
	t.Parallel()
	a := read(t, line(then, "POST /donate", 302)+line(then, "POST /node/2", 302)+line(then, "POST /?q=donate", 302)+line(then, "POST /index.php?x=1&q=node/2", 302)+
		line(then, "GET /donate/", 200)+line(then, "HEAD //donate", 200)+line(then, "GET /node/2/done?sid=9", 200)+line(then, "GET /?q=node/2/done&sid=9", 200))
	if got := listed(a); !slices.Equal(got, []string{"GET /donate", "GET /node/2/done", "POST /donate"}) {
		t.Error(got)
	}
	if post := a.Routes[0]; post.Method != "POST" || post.Requests != 4 || !reflect.DeepEqual(post.Names, map[string]int64{"path": 1, "node/N": 1, "?q=": 2}) {
		t.Errorf("%+v", post)
	}
}

func TestDeepPathsMergeBelowAName(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 100 {
		for _, status := range []int{200, 500} {
			b.WriteString(strings.Replace(line(then, fmt.Sprintf("GET /a/%d/b/%d", i, i), status), "192.0.2.1 ", fmt.Sprintf("192.0.2.%d ", i), 1))
		}
	}
	a := read(t, b.String())
	if len(a.Routes) != 1 {
		t.Fatal(listed(a))
	}
	if r := a.Routes[0]; r.Pattern != "/a/{name}/b/{name}" || r.Errors != 100 || r.PeakPerSecond != 200 || r.Addresses != 100 {
		t.Errorf("%+v", r)
	}
}

// TestAScanForHolesHidesNoPage: a thousand probes at the root, of which the server answers some with its own failure.
func TestAScanForHolesHidesNoPage(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(by(crowd, "GET /about", 200))
	for i := range 3000 {
		b.WriteString(line(then, "GET /about", 200) + line(then, fmt.Sprintf("GET /probe-%c%d.php", 'a'+i%26, i), []int{404, 404, 404, 503}[i%4]))
	}
	a := read(t, b.String())
	if got := listed(a); !slices.Equal(got, []string{"GET /about"}) {
		t.Error(got)
	}
	probes := int64(0)
	for _, n := range a.NotHere {
		probes += n.Requests
	}
	if probes != 3000 || len(a.NotHere) > 300 {
		t.Errorf("%d probes in %d lines", probes, len(a.NotHere))
	}
}

func TestHoursAreOfInstants(t *testing.T) {
	t.Parallel()
	// London's clocks: three hours around each change, a request every ten minutes.
	spring := line("31/Mar/2019:00:30:00 +0000", "GET /", 200) + line("31/Mar/2019:02:30:00 +0100", "GET /", 200) + line("31/Mar/2019:03:30:00 +0100", "GET /", 200)
	autumn := line("27/Oct/2019:01:30:00 +0100", "GET /", 200) + line("27/Oct/2019:01:30:00 +0000", "GET /", 200) + line("27/Oct/2019:02:30:00 +0000", "GET /", 200)
	for name, c := range map[string]struct {
		text  string
		first time.Time
		zones []string
	}{
		"spring": {spring, time.Date(2019, 3, 31, 0, 0, 0, 0, time.UTC), []string{"+0000", "+0100"}},
		"autumn": {autumn, time.Date(2019, 10, 27, 0, 0, 0, 0, time.UTC), []string{"+0100", "+0000"}},
	} {
		a := read(t, c.text)
		if len(a.Hours) != 3 {
			t.Fatalf("%s: %+v", name, a.Hours)
		}
		for i, h := range a.Hours {
			if want := c.first.Add(time.Duration(i) * time.Hour); !h.At.Equal(want) || h.Requests != 1 {
				t.Errorf("%s: hour %d is %+v, want %s", name, i, h, want)
			}
		}
		if len(a.Zones) != 2 || a.Zones[0].Offset != c.zones[0] || a.Zones[1].Offset != c.zones[1] {
			t.Errorf("%s: %+v", name, a.Zones)
		}
	}
}

func TestFilesInAnyOrderAreOneLog(t *testing.T) {
	t.Parallel()
	zipped, err := gzip.NewReader(bytes.NewReader(site.AccessLog))
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if _, err := text.ReadFrom(zipped); err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(text.String(), "\n")
	var files []string
	for i := range 5 { // as five servers behind one balancer would have them
		var part strings.Builder
		for j := i; j < len(lines); j += 5 {
			part.WriteString(lines[j])
		}
		files = append([]string{write(t, fmt.Sprint(i, ".log"), part.String())}, files...)
	}
	many, one := run(t, nil, files...), run(t, nil, write(t, "one.log", text.String()))
	for i, r := range many.Routes {
		if !reflect.DeepEqual(r, one.Routes[i]) {
			t.Errorf("five files say %+v, one says %+v", r, one.Routes[i])
		}
	}
	if !reflect.DeepEqual(many.Show, one.Show) || !reflect.DeepEqual(many.Hours, one.Hours) || !reflect.DeepEqual(many.Order, one.Order) ||
		!reflect.DeepEqual(many.NotHere, one.NotHere) {
		t.Error("five files say something else than one")
	}
}

func TestWhatCannotBeReadIsCountedOrRefused(t *testing.T) {
	t.Parallel()
	if _, err := assess.Read(accesslog.NewReader("x.log", strings.NewReader("nothing\n"))); err == nil || !strings.Contains(err.Error(), "x.log:1") {
		t.Error(err)
	}
	good := write(t, "good.log", line(then, "GET /", 200)+"jo@example.org is no line\n"+line(then, "GET /", 200))
	if a := run(t, nil, good); a.Requests != 2 || a.Skipped != 1 || !strings.HasSuffix(a.First, "good.log:2: the time is not what a line of a combined log has") {
		t.Errorf("%d, %d, %s", a.Requests, a.Skipped, a.First)
	}
	cut := write(t, "cut.gz", string(site.AccessLog[:len(site.AccessLog)/2]))
	for _, files := range [][]string{{cut}, {good, cut}, {good, "not/there.log"}} {
		if _, err := (&assess.Job{Files: files}).Run(t.Context()); err == nil || !strings.Contains(err.Error(), files[len(files)-1]) {
			t.Error(err)
		}
	}
}
