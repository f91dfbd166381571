package gateway

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/diff"
	"github.com/banyan-migration/banyan/gateway/judge"
	"github.com/banyan-migration/banyan/gateway/shadow"
	"github.com/banyan-migration/banyan/gateway/split"
	"github.com/banyan-migration/banyan/shared/mark"
)

const browser = "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:148.0) Gecko/20100101 Firefox/148.0"

// tallied is what all cells so far hold.
func (w *world) tallied(group string) (sum judge.Cell) {
	for _, c := range w.g.Cells(time.Now().Add(time.Hour))[group] {
		sum = sum.Plus(c)
	}
	return sum
}

// J-6: bots, testers, marked traffic, paths with effects and what only legacy may judge are no evidence; a person's drawn request is.
func TestWhatIsJudged(t *testing.T) {
	t.Parallel()
	o := answering(t, ok)
	yaml := twoSidesOf(o, o, "    - {match: /x}\n    - {match: /y/*}\n")
	w := start(t, yaml, canary(5000))
	tester := "X-Banyan-Side: " + w.ring.SignOverride(split.Override{Side: split.New, Group: "g", Expires: time.Now().Add(time.Hour)})
	for name, c := range map[string]struct {
		request string
		judged  int64
	}{
		"a person":               {get("/x", browser), 1},
		"a head":                 {strings.Replace(get("/x", browser), "GET", "HEAD", 1), 1},
		"a write":                {post("/x", "a=b", browser), 1},
		"a query":                {get("/x?page=1&utm=%20x", browser), 1},
		"a bot":                  {get("/x", "User-Agent: Mozilla/5.0 (compatible; Googlebot/2.1)"), 0},
		"an agent of no name":    {get("/x"), 0},
		"a tester":               {get("/x", browser, tester), 0},
		"a wish that is no sign": {get("/x", browser, "X-Banyan-Side: new"), 1},
		"a load test":            {get("/x", browser, mark.Header+": test;1;k1;x"), 0},
		"a path with effects":    {get("/y/unsubscribe", browser), 0},
		"a query with effects":   {get("/x?token=abc", browser), 0},
		"a path for legacy":      {get("/y/%2561", browser), 0},
		"of no group":            {get("/z", browser), 0},
		"no request":             {get("/x", browser, "Content-Length: x"), 0},
	} {
		w.ask(c.request)
		eventually(t, name, func() bool { return w.count(func(*conn) bool { return true }) == 0 })
		sum := w.tallied("g")
		if got := sum.Side[0].Requests + sum.Side[1].Requests; got != c.judged {
			t.Errorf("%s: %d counted, want %d", name, got, c.judged)
		}
	}
}

// W-82, W-83: whose failure it is decides what counts; a client that leaves has waited at least so long.
func TestWhatIsCounted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer string
		want   judge.Counts
	}{
		"an answer":      {ok, judge.Counts{Requests: 1, Visitors: 1}},
		"not found":      {"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", judge.Counts{Requests: 1, Visitors: 1}},
		"a failure":      {"HTTP/1.1 503 Slow\r\nContent-Length: 0\r\n\r\n", judge.Counts{Requests: 1, Visitors: 1, Failed: 1}},
		"no answer":      {"", judge.Counts{Requests: 1, Visitors: 1, Failed: 1}},
		"half an answer": {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", judge.Counts{Requests: 1, Visitors: 1, Failed: 1}},
		"a cold start":   {"HTTP/1.1 200 OK\r\nX-Banyan-Cold: 1\r\nContent-Length: 2\r\n\r\nok", judge.Counts{Requests: 1, Visitors: 1}},
		"a stream":       {"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 2\r\n\r\nok", judge.Counts{Requests: 1, Visitors: 1}},
	} {
		fresh := once(t, c.answer)
		w := start(t, twoSidesOf(answering(t, ok), fresh, "    - {match: /x}\n"), full())
		w.ask(get("/x", browser))
		eventually(t, name, func() bool { return w.count(func(*conn) bool { return true }) == 0 })
		got := w.tallied("g").Side[judge.New]
		waits := got.Latency.Sum()
		got.Latency = judge.Histogram{}
		if got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
		if want := name == "an answer" || name == "not found" || name == "a failure"; (waits == 1) != want {
			t.Errorf("%s: %d waits", name, waits)
		}
	}
	ill := start(t, twoSidesOf(answering(t, ok), once(t, "HTTP/1.1 503 Slow\r\nContent-Length: 0\r\n\r\n"), "    - {match: /x}\n"), full())
	ill.ask(post("/x", "a=b", "Content-Type: application/x-www-form-urlencoded", browser))
	eventually(t, "it is counted", func() bool { return ill.count(func(*conn) bool { return true }) == 0 })
	if got := ill.tallied("g").Side[judge.New]; got.Failed != 1 || got.PostsFailed != 1 || got.Posts != 0 {
		t.Errorf("a write that failed: %+v", got)
	}
	gone, _ := net.Listen("tcp", "127.0.0.1:0")
	gone.Close()
	w := start(t, twoSidesOf(answering(t, ok), &origin{addr: gone.Addr().String()}, "    - {match: /x}\n"), full())
	w.ask(get("/x", browser))
	eventually(t, "it is counted", func() bool { return w.count(func(*conn) bool { return true }) == 0 })
	if got := w.tallied("g").Side[judge.New]; got.Failed != 1 || got.Network != 1 {
		t.Errorf("nobody there: %+v", got)
	}
	o, _, _ := lazy(t)
	w = startWith(t, twoSidesOf(answering(t, ok), o, "    - {match: /x}\n"), func(g *Gateway) { g.pace.departure = time.Millisecond }, full())
	c := w.dial().send(get("/x", browser))
	eventually(t, "the origin hears", func() bool { return len(o.requests()) == 1 })
	c.Close()
	var got judge.Counts
	eventually(t, "it is counted", func() bool { got = got.Plus(w.tallied("g").Side[judge.New]); return got.Client == 1 })
	if got.Requests != 0 || got.Failed != 0 || got.Latency.Sum() != 1 {
		t.Errorf("W-83: %+v", got)
	}
}

// W-79, J-6: what the other side answered instead is one event: a failure of the side that was drawn.
func TestAFailoverIsTheFirstSidesFailure(t *testing.T) {
	t.Parallel()
	legacy := answering(t, ok)
	w := start(t, twoSidesOf(legacy, once(t, ""), "    - {match: /x, failover: true}\n"), canary(9999))
	if got := w.ask(get("/x", browser)); status(got) != "200" {
		t.Fatal(got)
	}
	eventually(t, "it is counted", func() bool { return w.count(func(*conn) bool { return true }) == 0 })
	sum := w.tallied("g")
	if fresh, old := sum.Side[judge.New], sum.Side[judge.Legacy]; fresh.Requests != 1 || fresh.Failed != 1 || old.Requests != 0 {
		t.Errorf("new %+v, legacy %+v", fresh, old)
	}
}

// D-11: a form's success is a redirect; what the new side has accepted is told with the request's id.
func TestAcceptedForms(t *testing.T) {
	t.Parallel()
	legacy := answering(t, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	service := answering(t, "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 42\r\n\r\n"+`{"data":{"id":"gift-1","next":"/thanks"}}  `[:42])
	w := start(t, fmt.Sprintf(donation, legacy.addr, service.addr), map[string]cutover.Group{"donate": {Weight: 10000, Phase: cutover.Full, Revision: 9}})
	send := func(amount string) string {
		gift := url.Values{"form_id": {"webform_client_form_2"}, "form_build_id": {"form-x"}, "submitted[amount]": {amount}, "submitted[first_name]": {"Ann"},
			"submitted[last_name]": {"Bee"}, "submitted[email]": {"ann@example.org"}, "op": {"Donate"}}.Encode()
		answer := w.ask(post("/donate", gift, "Content-Type: application/x-www-form-urlencoded", browser))
		eventually(t, "it is counted", func() bool { return w.count(func(*conn) bool { return true }) == 0 })
		return status(answer)
	}
	if got := send("10"); got != "302" {
		t.Fatalf("a good gift: %s", got)
	}
	sum := w.tallied("donate").Side[judge.New]
	told := w.g.Accepted()
	if sum.Posts != 1 || sum.Refused != 0 || len(told) != 1 || told[0].Group != "donate" || told[0].Revision != 9 || len(w.g.Accepted()) != 0 {
		t.Errorf("a good gift: %+v, told %+v", sum, told)
	}
	if log := w.stop(); !strings.Contains(log, told[0].Request) {
		t.Errorf("the log does not know the request %s: %s", told[0].Request, log)
	}
	w = start(t, fmt.Sprintf(donation, legacy.addr, service.addr), map[string]cutover.Group{"donate": {Weight: 10000, Phase: cutover.Full}})
	if got := send(""); got != "200" {
		t.Fatalf("a gift of nothing: %s", got)
	}
	if sum := w.tallied("donate").Side[judge.New]; sum.Posts != 1 || sum.Refused != 1 || len(w.g.Accepted()) != 0 {
		t.Errorf("a gift of nothing: %+v", sum)
	}
	w = start(t, fmt.Sprintf(donation, legacy.addr, service.addr), map[string]cutover.Group{"donate": {Phase: cutover.Off}})
	send("10")
	if sum := w.tallied("donate").Side[judge.Legacy]; sum.Posts != 1 || sum.Refused != 1 {
		t.Errorf("legacy, which shows the form again: %+v", sum)
	}
}

// J-1: within the first requests of a catastrophe the gateway takes the group back by itself, for its own reason, until the plan changes;
// testers still reach the new side.
func TestTheBreakerTakesVisitorsBack(t *testing.T) {
	t.Parallel()
	legacy := answering(t, ok)
	fresh := newOrigin(t, func(o *origin, r *bufio.Reader, c net.Conn) {
		for o.hear(r) {
			io.WriteString(c, "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n")
		}
	})
	all := func(revision int64) map[string]cutover.Group {
		return map[string]cutover.Group{"g": {Weight: 10000, Phase: cutover.Full, Revision: revision}}
	}
	w := start(t, twoSidesOf(legacy, fresh, "    - {match: /x}\n"), all(7))
	c := w.dial()
	ask := func(more ...string) string {
		return status(c.send("GET /x HTTP/1.1\r\nHost: h\r\n" + strings.Join(append(more, browser), "\r\n") + "\r\n\r\n").receive())
	}
	bad := 0
	for range 40 {
		if ask() == "500" {
			bad++
		}
	}
	if want := judge.Default.Breaker.Row; bad != want {
		t.Errorf("%d of 40 donors were hurt, want %d", bad, want)
	}
	trip := w.g.Trip("g", 7, time.Now())
	if !w.g.Broken("g", 7) || trip == nil || !strings.Contains(trip.Why, "20 requests in a row") {
		t.Errorf("it is not said: %+v", trip)
	}
	tester := "X-Banyan-Side: " + w.ring.SignOverride(split.Override{Side: split.New, Group: "g", Expires: time.Now().Add(time.Hour)})
	if got := ask(tester); got != "500" {
		t.Errorf("S-6: the tester was told %s", got)
	}
	if err := w.g.Reload(w.g.Config()); err != nil || ask() != "200" {
		t.Errorf("a reload closed the breaker: %v", err)
	}
	w.weigh(all(8))
	if got := ask(); got != "500" {
		t.Errorf("after a change of the plan: %s", got)
	}
	if log := w.stop(); strings.Count(log, `"reason":"breaker"`) != 21 {
		t.Errorf("the log says breaker %d times", strings.Count(log, `"reason":"breaker"`))
	}
}

// J-2, J-7, J-8: what a comparison is evidence of.
func TestPairsAreEvidence(t *testing.T) {
	t.Parallel()
	o := answering(t, ok)
	w := start(t, twoSidesOf(o, o, "    - {match: /x}\n"), full())
	good, slow, bad := diff.Answer{Status: 200, Took: 100 * time.Millisecond}, diff.Answer{Status: 200, Took: 200 * time.Millisecond}, diff.Answer{Failed: "upstream_closed"}
	differs, visitor := diff.Result{Outcome: diff.Differs}, uint64(0)
	for name, c := range map[string]struct {
		pair shadow.Pair
		want judge.Pairs
	}{
		"equal":        {shadow.Pair{Legacy: good, New: good, Result: diff.Result{Outcome: diff.Equal}}, judge.Pairs{Compared: 1}},
		"new slow":     {shadow.Pair{Legacy: good, New: slow, Result: diff.Result{Outcome: diff.Masked}}, judge.Pairs{Compared: 1, NewSlow: 1}},
		"legacy slow":  {shadow.Pair{Legacy: slow, New: good, Result: diff.Result{Outcome: diff.Equal}}, judge.Pairs{Compared: 1, LegacySlow: 1}},
		"new bad":      {shadow.Pair{Legacy: good, New: bad, Result: differs}, judge.Pairs{Compared: 1, NewBad: 1, Differing: 1}},
		"legacy bad":   {shadow.Pair{Legacy: diff.Answer{Status: 503}, New: slow, Result: differs}, judge.Pairs{Compared: 1, LegacyBad: 1, Differing: 1}},
		"a replay":     {shadow.Pair{Replay: true, Legacy: good, New: slow, Result: differs}, judge.Pairs{Replays: 1, Noise: 1}},
		"uncomparable": {shadow.Pair{Legacy: good, New: bad, Result: diff.Result{Outcome: diff.Uncomparable}}, judge.Pairs{}},
		"an amount": {shadow.Pair{Effect: true, Legacy: good, New: slow, Result: diff.Result{Outcome: diff.Differs, Differences: []diff.Difference{{Critical: true}}}},
			judge.Pairs{Compared: 1, Differing: 1, Critical: 1}},
	} {
		c.pair.Request.Group = "g"
		w.g.Pair(c.pair)
		if got := w.tallied("g").Pairs; got != (judge.Pairs{}) {
			t.Errorf("J-6: %s: of nobody's request %+v", name, got)
		}
		visitor++
		c.pair.Evidence = shadow.Evidence{Judged: true, First: true, Visitor: visitor}
		w.g.Pair(c.pair)
		if got := w.tallied("g").Pairs; got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

// D-10: the quick look never calls harmless what the full one would not.
func FuzzHarmless(f *testing.F) {
	for _, e := range append(append([]string{"/", "/donate", "/a%2fb", "/A//b", "/user/LOGIN", "/x/./cron.php"}, effects...), effectWords...) {
		f.Add(e, "")
		f.Add("/x"+e, "utm=1&a="+e)
		f.Add("/x", "q="+e)
		f.Add("/x", "a=1&%71="+e)
	}
	f.Fuzz(func(t *testing.T, path, query string) {
		if path = "/" + path; harmless([]byte(path), []byte(query)) && resolvedEffects([]byte(path), []byte(query)) {
			t.Errorf("%q ?%q", path, query)
		}
	})
}

// BenchmarkCounted is what counting for the judge and the breaker costs a request, the look for who asks included.
func BenchmarkCounted(b *testing.B) {
	o := &origin{addr: "127.0.0.1:1"}
	w := start(b, twoSidesOf(o, o, "    - {match: /x}\n"), canary(5000))
	c := &conn{g: w.g}
	x := &c.x
	x.c = c
	head := []byte("GET /x?utm_source=bbc HTTP/1.1\r\nHost: h\r\nAccept: text/html\r\n" + browser + "\r\nAccept-Language: en-GB\r\nCookie: has_js=1\r\n\r\n")
	x.begin(w.g.state.Load(), head)
	if bad := x.req.Parse(head, x.st.limits); bad != nil {
		b.Fatal(bad)
	}
	x.Client, x.Method, x.Host = "192.0.2.1", x.req.MethodText, x.req.Host
	if !x.place() || !x.choose() {
		b.Fatal("the request has no place")
	}
	x.Status, x.Upstream, x.Head, x.Total = 200, 200, 20*time.Millisecond, 21*time.Millisecond
	b.ReportAllocs()
	for b.Loop() {
		x.count()
	}
	if got := w.tallied("g"); got.Side[0].Requests+got.Side[1].Requests == 0 {
		b.Error("nothing was counted")
	}
}
