package accesslog_test

import (
	"bytes"
	"compress/gzip"
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/infra/local/site"
	"github.com/banyan-migration/banyan/shared/accesslog"
)

const nginx = `203.0.113.9 - - [15/Mar/2019:21:00:03 +0000] "POST /donate?a=1 HTTP/1.1" 302 1764 "-" "Mozilla/5.0 (iPhone)" 0.616`

func TestSampleLogIsReadWhole(t *testing.T) {
	t.Parallel()
	log := accesslog.NewReader("access.log.gz", bytes.NewReader(site.AccessLog))
	var lines, bots, writes, unavailable int
	for l := range log.Lines() {
		lines++
		if l.Bot() {
			bots++
		}
		if l.Write() {
			writes++
		}
		if l.Status == 503 {
			unavailable++
			if l.Duration != 30*time.Second {
				t.Errorf("a 503 after %v, want 30 s", l.Duration)
			}
		}
	}
	if err := log.Err(); err != nil || log.Skipped != 0 {
		t.Fatal(err, log.Skipped, log.First)
	}
	got := [4]int{lines, bots, writes, unavailable}
	if want := [4]int{60000, 20054, 8199, 103}; got != want { // facts: the load to plan for
		t.Errorf("lines, bots, writes, 503s = %v, want %v", got, want)
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	when := time.Date(2019, 3, 15, 21, 0, 3, 0, time.UTC)
	for name, c := range map[string]struct {
		text string
		want accesslog.Line
	}{
		"nginx with request time": {nginx, accesslog.Line{Addr: "203.0.113.9", At: when, Method: "POST", Target: "/donate?a=1",
			Status: 302, Bytes: 1764, Agent: "Mozilla/5.0 (iPhone)", Duration: 616 * time.Millisecond}},
		"apache, no size, a user with a space, a quote in the agent": {
			`2001:db8::1 - jo doe [15/Mar/2019:21:00:03 +0000] "GET / HTTP/1.0" 304 - "http://a.example/" "a \"b\""`,
			accesslog.Line{Addr: "2001:db8::1", At: when, Method: "GET", Target: "/", Status: 304, Agent: `a \"b\"`}},
		"no HTTP at all": {`203.0.113.9 - - [15/Mar/2019:21:00:03 +0000] "\x16\x03\x01" 400 0 "-" "-"`,
			accesslog.Line{Addr: "203.0.113.9", At: when, Target: `\x16\x03\x01`, Status: 400, Agent: "-"}},
		"a space in the target": {`203.0.113.9 - - [15/Mar/2019:21:00:03 +0000] "GET /a b HTTP/1.1" 404 9 "-" "x" 0.001`,
			accesslog.Line{Addr: "203.0.113.9", At: when, Method: "GET", Target: "/a b", Status: 404, Bytes: 9, Agent: "x",
				Duration: time.Millisecond}},
	} {
		got, err := accesslog.Parse(c.text)
		if err != nil || got != c.want {
			t.Errorf("%s: got %+v, %v; want %+v", name, got, err, c.want)
		}
	}
}

func TestZoneIsKept(t *testing.T) {
	t.Parallel()
	l, err := accesslog.Parse(strings.Replace(nginx, "+0000", "-0330", 1))
	if err != nil {
		t.Fatal(err)
	}
	if got := l.At.Format(time.RFC3339); got != "2019-03-15T21:00:03-03:30" {
		t.Error(got)
	}
}

func TestUnreadableLinesAreCountedAndNamed(t *testing.T) {
	t.Parallel()
	text := strings.Join([]string{nginx, "garbage", "", strings.Replace(nginx, "15/Mar", "31/Feb", 1),
		strings.Replace(nginx, " 302 ", " 3o2 ", 1), strings.Repeat("x", 300<<10), nginx}, "\n")
	log := accesslog.NewReader("night.log", strings.NewReader(text))
	lines := 0
	for range log.Lines() {
		lines++
	}
	if lines != 2 || log.Skipped != 4 || log.Err() != nil {
		t.Errorf("%d lines, %d skipped, %v; want 2, 4, nil", lines, log.Skipped, log.Err())
	}
	if got := log.First.Error(); got != `night.log:2: the address is not what a line of a combined log has` {
		t.Error(got)
	}
}

func TestCutGzipTellsAndKeepsWhatStoodBefore(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(strings.Repeat(nginx+"\n", 1000)))
	_ = z.Flush()
	log := accesslog.NewReader("cut.gz", &b)
	lines := 0
	for range log.Lines() {
		lines++
	}
	if lines != 1000 || log.Err() == nil || !strings.Contains(log.Err().Error(), "cut.gz:1001") {
		t.Errorf("%d lines, %v", lines, log.Err())
	}
}

func TestBot(t *testing.T) {
	t.Parallel()
	for agent, want := range map[string]bool{
		"Googlebot/2.1 (+http://www.google.com/bot.html)": true, "curl/8.0": true, "-": true, "": true,
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/72.0":     false,
		"Mozilla/5.0 (Linux; Android 9; CUBOT_P20) AppleWebKit/537": false,
	} {
		if got := (accesslog.Line{Agent: agent}).Bot(); got != want {
			t.Errorf("%q: %v, want %v", agent, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(nginx)
	f.Add(`- - - [15/Mar/2019:21:00:60 -0330] "\"" 000 - "" "\\" 9.999`)
	f.Fuzz(func(t *testing.T, text string) {
		l, err := accesslog.Parse(text)
		if err != nil {
			return
		}
		again, err := accesslog.Parse(l.String())
		if err != nil || !again.At.Equal(l.At) || again.Target != l.Target || again.Status != l.Status ||
			again.Agent != l.Agent || again.Duration != l.Duration || again.Method != l.Method {
			t.Errorf("%q became %+v and then %+v, %v", text, l, again, err)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	b.SetBytes(int64(len(nginx)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := accesslog.Parse(nginx); err != nil {
			b.Fatal(err)
		}
	}
}
