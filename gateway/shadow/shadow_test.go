package shadow

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/gateway/diff"
	"github.com/banyan-migration/banyan/gateway/split"
)

var monday = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// minutes gives a health so many requests in each of some minutes, and says whether legacy is in trouble after each.
func minutes(h *health, from time.Time, n, count, failed int, took time.Duration) (troubled int) {
	for m := range n {
		at := from.Add(time.Duration(m) * time.Minute)
		for i := range count {
			h.add(at, i < failed, took)
		}
		h.add(at.Add(time.Minute), false, took)
		if h.troubled() {
			troubled++
		}
	}
	return troubled
}

// H-8: over 2 % of failures, or a 95th percentile over twice what is usual.
func TestLegacyInTroubleIsLeftAlone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		count, failed int
		took          time.Duration
		want          int
	}{
		"as usual":            {200, 4, 100 * time.Millisecond, 0},
		"more than 2 % fail":  {200, 6, 100 * time.Millisecond, 1},
		"three times as slow": {200, 0, 300 * time.Millisecond, 1},
		"half as slow again":  {200, 0, 150 * time.Millisecond, 0},
		"too few to say":      {20, 20, 300 * time.Millisecond, 0},
	} {
		h := new(health)
		if n := minutes(h, monday, 10, 200, 0, 100*time.Millisecond); n != 0 {
			t.Fatalf("%d of the ten ordinary minutes are in trouble", n)
		}
		if got := minutes(h, monday.Add(10*time.Minute), 1, c.count, c.failed, c.took); got != c.want {
			t.Errorf("%s: %d", name, got)
		}
		if got := minutes(h, monday.Add(11*time.Minute), 2, 200, 0, 100*time.Millisecond); got != 0 {
			t.Errorf("after %s it does not recover", name)
		}
	}
}

// H-8: what no visitor would feel is no trouble of legacy's, however much slower than usual it is.
func TestASlowMinuteThatNobodyFeelsIsNoTrouble(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		usual, now time.Duration
		want       int
	}{{time.Millisecond, 3 * time.Millisecond, 0}, {30 * time.Millisecond, 90 * time.Millisecond, 0}, {200 * time.Millisecond, 500 * time.Millisecond, 1}} {
		h := new(health)
		minutes(h, monday, 10, 200, 0, c.usual)
		if got := minutes(h, monday.Add(10*time.Minute), 1, 200, 0, c.now); got != c.want {
			t.Errorf("from %s to %s: %d minutes of trouble, want %d", c.usual, c.now, got, c.want)
		}
	}
}

// What is slow at noon on Mondays may be usual at night; a lasting change becomes usual, a bad minute does not.
func TestTheNormIsTheHoursOwnAndLearnsSlowly(t *testing.T) {
	t.Parallel()
	h := new(health)
	minutes(h, monday, 30, 100, 0, 100*time.Millisecond)
	before := h.norm[1*24+9]
	minutes(h, monday.Add(30*time.Minute), 1, 100, 0, 10*time.Second)
	if after := h.norm[1*24+9]; math.Abs(after-before) > before/10 {
		t.Errorf("one bad minute moves the norm from %v to %v", before, after)
	}
	if h.norm[1*24+15] != 0 {
		t.Error("another hour has learned of it")
	}
	if n := minutes(h, monday.Add(32*time.Minute), 28, 100, 0, 300*time.Millisecond); n == 0 || n == 28 {
		t.Errorf("of 28 minutes at another pace %d are trouble: the first should be, the last not", n)
	}
}

func TestSlotsAreInOrder(t *testing.T) {
	t.Parallel()
	for us := 64; us < 1<<21; us += us/10 + 1 {
		low, high := edge(slot(time.Duration(us)*time.Microsecond)), edge(slot(time.Duration(us)*time.Microsecond)+1)
		if float64(us) < low || float64(us) >= high {
			t.Fatalf("%d us is in the slot from %v to %v", us, low, high)
		}
	}
}

func TestTheBreakerTriesADeadSideSeldom(t *testing.T) {
	t.Parallel()
	var b breaker
	now := monday
	for i := range deadAfter {
		if pass, probe := b.allow(now); !pass || probe {
			t.Fatalf("failure %d", i)
		}
		if died, _ := b.note(now, "upstream_connect"); died != (i == deadAfter-1) {
			t.Errorf("after %d failures it died: %v", i+1, died)
		}
	}
	tried := 0
	for range 600 {
		if pass, probe := b.allow(now); pass {
			if tried++; !probe {
				t.Error("it passes without being a probe")
			}
			b.note(now, "upstream_connect")
		}
		now = now.Add(time.Second / 10)
	}
	if tried < 5 || tried > 6 {
		t.Errorf("in a minute it was tried %d times", tried)
	}
	if since, why, dead := b.open(); !dead || !since.Equal(monday) || why != "upstream_connect" {
		t.Errorf("it is dead: %v since %s for %q", dead, since, why)
	}
	now = now.Add(probeEvery)
	for i := range backAfter {
		if pass, probe := b.allow(now); !pass || !probe {
			t.Fatalf("answer %d is not waited for", i)
		}
		if _, back := b.note(now, ""); back != (i == backAfter-1) {
			t.Errorf("after %d answers it is back: %v", i+1, back)
		}
		now = now.Add(probeSoon)
	}
	if pass, probe := b.allow(now); !pass || probe {
		t.Error("once back, all pass")
	}
}

// One outage is one death: a copy that was on its way does not bring a side back, nor does a side that answers now and then.
func TestADeadSideDoesNotFlap(t *testing.T) {
	t.Parallel()
	var b breaker
	now, deaths, backs := monday, 0, 0
	for i := range 60_000 { // ten minutes of a hundred copies a second, of which one in seven is answered
		failure := "upstream_closed"
		if i%7 == 0 {
			failure = ""
		}
		if pass, _ := b.allow(now); pass || i%50 == 0 { // or it left before
			died, back := b.note(now, failure)
			if died {
				deaths++
			}
			if back {
				backs++
			}
		}
		now = now.Add(10 * time.Millisecond)
	}
	if deaths != 1 || backs != 0 {
		t.Errorf("it died %d times and came back %d times", deaths, backs)
	}
}

// H-2: a day has so many copies, and the next day as many again.
func TestTheBudgetIsADays(t *testing.T) {
	t.Parallel()
	c := &Copier{o: Options{Daily: 3}}
	spent := 0
	for hour := range 48 {
		if c.spend(monday.Truncate(24 * time.Hour).Add(time.Duration(hour) * time.Hour)) {
			spent++
		}
	}
	if spent != 6 {
		t.Errorf("%d copies in two days, want 3 a day", spent)
	}
}

// H-2: what copies hold never grows over 64 MB, and what is over it is dropped, not waited for.
func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	comparer, err := diff.New(diff.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(Options{Keys: []split.Secret{{ID: "k1", Value: "sixteen bytes and more"}}, Diff: comparer})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	g, page := c.Group("pages"), make([]byte, answerMax)
	var begun []*Copy
	for range 200 {
		cp, why := g.Begin(Backend{Name: "new", Scheme: "http", Address: "127.0.0.1:1"}, monday)
		if cp == nil {
			if why != Memory {
				t.Fatalf("%s", why)
			}
			break
		}
		cp.Body(page)
		begun = append(begun, cp)
		if c.memory.Load() > memoryMax {
			t.Fatalf("%d bytes", c.memory.Load())
		}
	}
	if len(begun) < 60 || len(begun) > 64 {
		t.Errorf("%d answers of a MB are held", len(begun))
	}
	for _, cp := range begun {
		cp.Drop(Client)
	}
	if n := c.memory.Load(); n != 0 {
		t.Errorf("%d bytes are still held", n)
	}
}

// A copy without a mark would be live at the services.
func TestNoCopierWithoutAKey(t *testing.T) {
	t.Parallel()
	if _, err := New(Options{Diff: new(diff.Comparer)}); err == nil || !strings.Contains(err.Error(), "BANYAN_KEY") {
		t.Errorf("got %v", err)
	}
}

func TestSubmission(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status   int
		location string
		want     int64
	}{
		{302, "http://www.rednosefund.example/node/2/done?sid=17", 17}, {303, "/node/2/done?a=b&sid=3", 3}, {200, "/node/2/done?sid=17", 0},
		{302, "/node/2/done", 0}, {302, "/node/2/done?sid=-1", 0}, {302, "/node/2/done?sid=1x", 0}, {302, "http://[::1/?sid=1", 0},
	} {
		got, ok := submission(diff.Answer{Status: c.status, Header: [][2]string{{"Server", "nginx"}, {"location", c.location}}})
		if ok != (c.want > 0) || ok && got != c.want {
			t.Errorf("%d %s: %d, %v", c.status, c.location, got, ok)
		}
	}
}

// Whatever the other side says, reading it ends well, and what is left of a JSON answer is JSON without the shadow's own part.
func FuzzAnswers(f *testing.F) {
	f.Add("HTTP/1.1 302 Found\r\nLocation: /node/2/done?sid=1\r\n\r\n", `{"data":{},"shadow":{"writes":[]}}`)
	f.Add("HTTP/1.1 200 OK\r\nno colon\r\n:\r\n", `[1]`)
	f.Fuzz(func(t *testing.T, head, body string) {
		a := diff.Answer{Status: 302, Header: header(head), Body: []byte(body)}
		if sid, ok := submission(a); ok && sid <= 0 {
			t.Errorf("sid %d", sid)
		}
		a.Header = append(a.Header, [2]string{ackHeader, "r1"})
		if !acknowledges(a, "r1") {
			t.Error("it is not acknowledged")
		}
		valid := json.Valid(a.Body)
		unshadow(&a)
		var left map[string]json.RawMessage
		if valid != json.Valid(a.Body) || json.Unmarshal(a.Body, &left) == nil && left["shadow"] != nil {
			t.Errorf("left of %q: %q", body, a.Body)
		}
	})
}
