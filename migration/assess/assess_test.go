package assess_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/infra/local/site"
	"github.com/banyan-migration/banyan/migration/assess"
	"github.com/banyan-migration/banyan/shared/accesslog"
)

func TestSampleSite(t *testing.T) {
	t.Parallel()
	a, err := assess.Read(accesslog.NewReader("access.log.gz", bytes.NewReader(site.AccessLog)))
	if err != nil {
		t.Fatal(err)
	}
	if a.Requests != 60000 || a.Bots != 20054 || a.Skipped != 0 {
		t.Errorf("%d requests, %d bots, %d skipped", a.Requests, a.Bots, a.Skipped)
	}
	night := assess.Show{
		From: time.Date(2019, 3, 15, 19, 0, 0, 0, time.UTC), To: time.Date(2019, 3, 16, 2, 0, 0, 0, time.UTC), Requests: 36175,
		Peak: time.Date(2019, 3, 15, 21, 0, 0, 0, time.UTC), PeakPerMinute: 598,
	}
	if a.Show != night {
		t.Errorf("the night is %+v, want %+v", a.Show, night)
	}
	routes := map[string]assess.Route{}
	for _, r := range a.Routes {
		routes[r.Method+" "+r.Pattern] = r
	}
	post := routes["POST /donate"]
	if post.Requests != 5301 || post.Errors != 62 || !post.Writes || post.Form != "donate" || post.PeakPerMinute != 57 || post.P95 < 1000 {
		t.Errorf("%+v", post)
	}
	if done := routes["GET /node/2/done"]; done.Bots != 1578 || done.Requests != 4755 || done.Form != "donate" || done.Writes {
		t.Errorf("%+v", done)
	}
	for _, pattern := range []string{"/giving/{name}", "/fundraisers/{name}", "/sites/default/files/styles/large/public/{name}"} {
		if routes["GET "+pattern].Requests < 2000 {
			t.Errorf("%s was not learned", pattern)
		}
	}
	if len(a.Routes) > 40 || len(a.Order) != 6 || a.Order[0].Name != "donate" || a.Order[0].Why[0] != "62 of 5301 posts failed" {
		t.Errorf("%d routes, order %+v", len(a.Routes), a.Order)
	}
}

func TestDeepPathsMergeBelowAName(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 100 {
		fmt.Fprintf(&b, `192.0.2.1 - - [15/Mar/2019:21:00:03 +0000] "GET /a/%d/b/%d HTTP/1.1" 500 1 "-" "Mozilla/5.0"`+"\n", i, i)
	}
	a, err := assess.Read(accesslog.NewReader("x.log", strings.NewReader(b.String())))
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Routes) != 1 || a.Routes[0].Pattern != "/a/{name}/b/{name}" || a.Routes[0].Errors != 100 || a.Routes[0].PeakPerSecond != 100 {
		t.Errorf("%+v", a.Routes)
	}
}

func TestLogWithoutLinesIsNoAssessment(t *testing.T) {
	t.Parallel()
	_, err := assess.Read(accesslog.NewReader("x.log", strings.NewReader("nothing\n")))
	if err == nil || !strings.Contains(err.Error(), "x.log:1") {
		t.Error(err)
	}
}
