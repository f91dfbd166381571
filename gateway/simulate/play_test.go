package simulate

import (
	"bytes"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/gateway"
	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/judge"
	"github.com/banyan-migration/banyan/gateway/split"
	"github.com/banyan-migration/banyan/infra/local/site"
	"github.com/banyan-migration/banyan/shared/accesslog"
)

const plan = `
listen: 127.0.0.1:0
hosts: ["*"]
default_host: www.rednosefund.example
trusted: [127.0.0.1/32]
backends:
  drupal: {url: "http://OLD", kind: drupal7}
  services: {url: "http://NEW"}
default: drupal
deny: [/update.php]
groups:
  gifts:
    from: drupal
    to: services
    key: address
    salt: gifts-1
    policy: {from: default, sample: 300, steps: [1000, 5000, 10000], dwell: 1h, calendar: CALENDAR}
    routes:
      - {match: POST /donate}
      - {match: GET /donate}
      - {match: "GET /node/*"}
  pages:
    from: drupal
    to: services
    key: url
    salt: pages-1
    routes:
      - {match: "GET /*"}
`

func configured(t *testing.T, change ...string) *config.Config {
	t.Helper()
	text := strings.NewReplacer(append(change, "OLD", "127.0.0.1:1", "NEW", "127.0.0.1:2", "CALENDAR", "false")...).Replace(plan)
	c, err := config.Parse("gateway.yaml", []byte(text), config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func group(t *testing.T, c *config.Config, name string) *config.Group {
	t.Helper()
	i := slices.IndexFunc(c.Groups, func(g *config.Group) bool { return g.Name == name })
	return c.Groups[i]
}

func sample() iter.Seq[accesslog.Line] {
	return accesslog.NewReader("access.log.gz", bytes.NewReader(site.AccessLog)).Lines()
}

// L-11: simulate over a log equals what the engine then does with that log.
func TestSimulateGoesWhereTheEngineGoes(t *testing.T) {
	t.Parallel()
	side := func(name string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, name) }))
		t.Cleanup(s.Close)
		return strings.TrimPrefix(s.URL, "http://")
	}
	c := configured(t, "OLD", side("legacy"), "NEW", side("new"))
	stands := cutover.Group{Weight: 5000, Phase: cutover.Canary, Revision: 1}
	fixed := cutover.Fixed(1, map[string]cutover.Group{"gifts": stands, "pages": stands})
	keys, err := split.NewKeyring(split.Secret{ID: "k1", Value: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	g, err := gateway.New(gateway.Options{Config: c, Plan: func() *cutover.Snapshot { return fixed }, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go g.Serve(l)
	t.Cleanup(func() { g.Shutdown(t.Context()) })
	asked, count := map[string]bool{}, map[string]int{}
	for line := range sample() {
		if key := line.Addr + " " + line.Method + " " + line.Target; line.Method == "" || asked[key] {
			continue
		} else if asked[key] = true; len(asked) > 700 {
			break
		}
		want := split.Legacy.String()
		if p := Place(c, line, 5000); p.Route != nil {
			want = p.Side.String()
		}
		got := answer(t, l.Addr().String(), line)
		if count[got]++; got != want && got != "gateway" {
			t.Errorf("%s %s from %s: the engine asks %s, simulate says %s", line.Method, line.Target, line.Addr, got, want)
		}
	}
	if count["new"] < 100 || count["legacy"] < 100 || count["gateway"] > 20 {
		t.Errorf("answered by: %v", count)
	}
}

// answer is who answers a logged request: legacy, new, or the gateway itself.
func answer(t *testing.T, gateway string, l accesslog.Line) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), l.Method, "http://"+gateway, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.URL.Opaque = "//" + gateway + l.Target // as logged, byte for byte
	path, query, _ := strings.Cut(l.Target, "?")
	request.URL.Opaque, request.URL.RawQuery = path, query
	request.Header.Set("X-Forwarded-For", l.Addr)
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		t.Fatal(err)
	case response.StatusCode != http.StatusOK:
		return "gateway"
	case l.Method == "HEAD":
		return map[bool]string{true: "new", false: "legacy"}[response.ContentLength == 3]
	}
	return string(body)
}

func TestAPlanOverAnInventedDayGoesThroughItsSteps(t *testing.T) {
	t.Parallel()
	c := configured(t)
	g := group(t, c, "gifts")
	s := Play{Config: c, Group: g, Seed: 1}.Run(Synthetic(g, 1))
	var weights []int
	for _, e := range s.Events {
		if e.Step {
			weights = append(weights, e.Weight)
		}
	}
	if s.End != Finished || !slices.Equal(weights, []int{1000, 5000, 10000}) {
		t.Errorf("%s by way of %v: %+v", s.End, weights, s.Events)
	}
	if s.Requests[judge.New] < 300 || s.Hurt != 0 {
		t.Errorf("%d requests of the new side, %d hurt", s.Requests[judge.New], s.Hurt)
	}
	if again := (Play{Config: c, Group: g, Seed: 1}).Run(Synthetic(g, 1)); len(again.Events) != len(s.Events) || again.To != s.To {
		t.Error("the same seed told another story")
	}
}

func TestHarmOverAnInventedDayIsRolledBack(t *testing.T) {
	t.Parallel()
	c := configured(t)
	g := group(t, c, "gifts")
	for text, reason := range map[string]string{"+5%": "harm", "+100%": "breaker"} {
		h, err := ParseHarm(text)
		if err != nil {
			t.Fatal(err)
		}
		s := Play{Config: c, Group: g, Harm: h, Seed: 1}.Run(fast(Synthetic(g, 1)))
		said := s.Events[len(s.Events)-2]
		if s.End != RolledBack || said.Kind != judge.Rollback || said.Reason != reason || said.Why == "" || s.Hurt == 0 {
			t.Errorf("%s: %s, %+v", text, s.End, said)
		}
		if last := s.Events[len(s.Events)-1]; last.Weight != 0 || !last.Step {
			t.Errorf("%s: it ends at %d", text, last.Weight)
		}
	}
}

// fast plays a thousand minutes in one, so that a dead side fails twenty times before the first look of the judge (J-1).
func fast(lines iter.Seq[accesslog.Line]) iter.Seq[accesslog.Line] {
	return func(yield func(accesslog.Line) bool) {
		for l := range lines {
			l.At = epoch.Add(l.At.Sub(epoch) / 1000)
			if !yield(l) {
				return
			}
		}
	}
}

// The recorded month at the weights of a policy: robots are no evidence, and the month ends before the sample is there.
func TestTheRecordedLogIsPlayedToItsEnd(t *testing.T) {
	t.Parallel()
	c := configured(t, "sample: 300", "sample: 100000", "dwell: 1h", "dwell: 0s")
	s := Play{Config: c, Group: group(t, c, "gifts"), Seed: 1}.Run(sample())
	last := s.Events[len(s.Events)-1]
	if s.End != LogEnded || last.Reason != "sample" || s.Unjudged == 0 || s.Requests[judge.Legacy] < 5*s.Requests[judge.New] {
		t.Errorf("%s after %+v: %v judged, %d not", s.End, last, s.Requests, s.Unjudged)
	}
	if month := s.To.Sub(s.From); month < 30*24*time.Hour {
		t.Errorf("it played %v", month)
	}
}

// J-12: with a calendar a step waits until somebody is there.
func TestTheCalendarHoldsAStep(t *testing.T) {
	t.Parallel()
	c := configured(t, "CALENDAR", "true", "deny:", "calendar: {zone: UTC, hours: [{days: [Tue, Wed, Thu, Fri], from: \"09:00\", to: \"10:00\"}]}\ndeny:")
	g := group(t, c, "gifts")
	s := Play{Config: c, Group: g, Seed: 1}.Run(Synthetic(g, 1))
	held := slices.ContainsFunc(s.Events, func(e Happened) bool { return e.Reason == "calendar" })
	for _, e := range s.Events[1:] {
		if e.Step && (e.At.Weekday() == time.Monday || e.At.Hour() != 9) {
			t.Errorf("a step at %v: %+v", e.At, e)
		}
	}
	if !held || s.End == RolledBack {
		t.Errorf("%s, %+v", s.End, s.Events)
	}
}

func TestALogWithoutVisitorsIsDrawnByAddressAndSaysSo(t *testing.T) {
	t.Parallel()
	c := configured(t, "key: address", "key: visitor")
	s := Play{Config: c, Group: group(t, c, "gifts"), Seed: 1}.Run(slices.Values([]accesslog.Line(nil)))
	if !strings.Contains(strings.Join(s.Notes, "; "), "visitors are known by their address") || s.End != LogEnded {
		t.Errorf("%q, %s", s.Notes, s.End)
	}
}

func TestHarms(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]LogHarm{"": {}, "+5%": {Points: 5}, "+0.5%": {Points: 0.5}, "+200ms": {Slow: 200 * time.Millisecond}} {
		if got, err := ParseHarm(text); err != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"5%", "+101%", "+NaN%", "+-5%", "+0%", "+2h", "+-1s", "+", "-200ms", "+5"} {
		if got, err := ParseHarm(text); err == nil || !strings.Contains(err.Error(), "write +5%") {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}

func FuzzParseHarm(f *testing.F) {
	f.Add("+5%")
	f.Add("+200ms")
	f.Fuzz(func(t *testing.T, text string) {
		if h, err := ParseHarm(text); err == nil && (!(h.Points >= 0 && h.Points <= 100) || h.Slow < 0 || h.Slow > time.Minute) {
			t.Errorf("%q: %+v", text, h)
		}
	})
}
