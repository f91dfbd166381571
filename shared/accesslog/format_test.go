package accesslog_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // London's clock, on any machine

	"github.com/banyan-migration/banyan/shared/accesslog"
)

var when = time.Date(2019, 3, 15, 21, 0, 3, 0, time.UTC)

// gift is one and the same request in every format.
var gift = accesslog.Line{Addr: "203.0.113.9", At: when, Method: "POST", Target: "/donate?a=1", Status: 302, Bytes: 1764,
	Agent: "Mozilla/5.0 (iPhone)", Duration: 616 * time.Millisecond}

func with(host string, took time.Duration) accesslog.Line {
	l := gift
	l.Host, l.Duration = host, took
	return l
}

const (
	plain    = `203.0.113.9 - - [15/Mar/2019:21:00:03 +0000] "POST /donate?a=1 HTTP/1.1" 302 1764 "-" "Mozilla/5.0 (iPhone)"`
	balanced = `https 2019-03-15T21:00:03.000000Z app/web/50dc6c495c0c9188 203.0.113.9:2817 10.0.0.1:80 0.001 0.615 0.000 302 302 34 1764 ` +
		`"POST https://www.rednosefund.example:443/donate?a=1 HTTP/1.1" "Mozilla/5.0 (iPhone)" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 ` +
		`arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/web/73e2 "Root=1-58337262-36d228ad" "www.rednosefund.example" "-" 0 2019-03-15T21:00:02.384000Z "forward" "-" "-"`
	classic = `2019-03-15T21:00:03.000000Z web 203.0.113.9:2817 - -1 -1 -1 503 0 0 0 "GET http://www.rednosefund.example:80/ HTTP/1.1" "curl/7.64.0" - -`
	named   = "#Version: 1.0\n#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) " +
		"cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken\n"
	edge = "2019-03-15\t21:00:03\tLHR52-C2\t1764\t203.0.113.9\tPOST\td111.cloudfront.net\t/donate\t302\t-\tMozilla/5.0%20(iPhone)\ta=1\t-\tMiss\tid\twww.rednosefund.example\thttps\t34\t0.616"
	// short is as other columns in another order would name it.
	short = "#Fields: time date cs-uri-stem cs-method sc-status sc-bytes c-ip cs(User-Agent) cs-uri-query time-taken\n" +
		"21:00:03\t2019-03-15\t/donate\tPOST\t302\t1764\t203.0.113.9\tMozilla/5.0%20(iPhone)\ta=1\t0.616"
)

func read(t *testing.T, log *accesslog.Reader) []accesslog.Line {
	t.Helper()
	all := slices.Collect(log.Lines())
	if err := log.Err(); err != nil || log.Skipped > 0 {
		t.Errorf("%v; %d skipped, first %v", err, log.Skipped, log.First)
	}
	return all
}

func TestEachFileSaysItsFormat(t *testing.T) {
	t.Parallel()
	site := "www.rednosefund.example"
	for name, c := range map[string]struct {
		text   string
		format accesslog.Format
		want   accesslog.Line
	}{
		"apache":                      {plain, accesslog.Combined, with("", 0)},
		"nginx":                       {plain + " 0.616", accesslog.Combined, gift},
		"apache with %D":              {plain + " 616000", accesslog.Combined, gift},
		"apache with %T":              {plain + " 2", accesslog.Combined, with("", 2*time.Second)},
		"nginx behind a proxy":        {plain + ` "198.51.100.7" rt=0.616 uct="0.000"`, accesslog.Combined, gift},
		"a named port":                {site + ":80 " + plain, accesslog.Vhost, with(site, 0)},
		"a name alone":                {site + " " + plain + " 0.616", accesslog.Vhost, with(site, 616*time.Millisecond)},
		"application load balancer":   {balanced, accesslog.ALB, with(site, 616*time.Millisecond)},
		"cloudfront":                  {named + edge, accesslog.CloudFront, with(site, 616*time.Millisecond)},
		"cloudfront, the head cut":    {edge, accesslog.CloudFront, with(site, 616*time.Millisecond)},
		"cloudfront, other columns":   {short, accesslog.CloudFront, gift},
		"windows line ends":           {plain + " 0.616\r", accesslog.Combined, gift},
		"rubbish first, then a log":   {"rotated\n", accesslog.Combined, accesslog.Line{}},
		"classic load balancer, lost": {classic, accesslog.ALB, accesslog.Line{Host: site, Addr: "203.0.113.9", At: when, Method: "GET", Target: "/", Status: 503, Agent: "curl/7.64.0"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := accesslog.NewReader("x.log", strings.NewReader(c.text+"\n"))
			if c.want.At.IsZero() {
				if all := slices.Collect(log.Lines()); len(all) > 0 || log.Skipped != 1 {
					t.Error(all, log.Skipped)
				}
				return
			}
			all := read(t, log)
			if log.Format != c.format || len(all) != 1 || all[0] != c.want {
				t.Errorf("read as %s: %+v, want %+v", log.Format, all, c.want)
			}
		})
	}
}

// TestTheClocksChange: on 31 March 2019 London went from 00:59:59 +0000 to 02:00:00 +0100, and on 27 October from
// 01:59:59 +0100 to 01:00:00 +0000. A line's instant is one second after the one before, whatever the clock says.
func TestTheClocksChange(t *testing.T) {
	t.Parallel()
	london, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	for _, turn := range []time.Time{time.Date(2019, 3, 31, 1, 0, 0, 0, time.UTC), time.Date(2019, 10, 27, 1, 0, 0, 0, time.UTC)} {
		var text strings.Builder
		from := turn.Add(-2 * time.Hour)
		for s := range 4 * 3600 {
			text.WriteString(strings.Replace(plain, "15/Mar/2019:21:00:03 +0000", from.Add(time.Duration(s)*time.Second).In(london).Format("02/Jan/2006:15:04:05 -0700"), 1) + "\n")
		}
		for s, l := range read(t, accesslog.NewReader("london.log", strings.NewReader(text.String()))) {
			if want := from.Add(time.Duration(s) * time.Second); !l.At.Equal(want) {
				t.Fatalf("%s is read as %s, want %s", l.At.Format(time.RFC3339), l.At.UTC(), want)
			}
		}
	}
}

func TestBlocksLoseNoLine(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	for i := range 5000 { // over several blocks, with lines too long for one and lines that fill one
		fmt.Fprintln(&text, strings.Replace(plain, "a=1", fmt.Sprint("a=", i), 1))
		if i%1000 == 7 {
			text.WriteString(strings.Repeat("y", (255+i/500)<<10) + "\n")
		}
	}
	log := accesslog.NewReader("x.log", slow{strings.NewReader(text.String())})
	next := 0
	for l := range log.Lines() {
		if want := fmt.Sprint("/donate?a=", next); l.Target != want {
			t.Fatalf("%s, want %s", l.Target, want)
		}
		next++
	}
	if next != 5000 || log.Skipped != 5 || log.Err() != nil || !strings.HasPrefix(log.First.Error(), "x.log:9: ") {
		t.Error(next, log.Skipped, log.First, log.Err())
	}
}

// slow reads a little at a time, as a network does.
type slow struct{ in io.Reader }

func (r slow) Read(p []byte) (int, error) { return r.in.Read(p[:min(len(p), 10007)]) }

func TestWhoHasEnoughStops(t *testing.T) {
	t.Parallel()
	log := accesslog.NewReader("x.log", strings.NewReader(strings.Repeat(plain+"\n", 100_000)))
	for range log.Lines() {
		break
	}
	if log.Err() != nil {
		t.Error(log.Err())
	}
}

func TestGzipMembersAreOneLog(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	for range 3 {
		z := gzip.NewWriter(&b)
		_, _ = io.WriteString(z, plain+"\n")
		_ = z.Close()
	}
	size := int64(b.Len())
	log := accesslog.NewReader("x.gz", &b)
	if got := len(read(t, log)); got != 3 || log.Taken() != size {
		t.Error(got, log.Taken(), size)
	}
}

func FuzzReader(f *testing.F) {
	for _, text := range []string{plain, plain + " 12", balanced, classic, named + edge, short, "www.example.org:443 " + plain} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		log := accesslog.NewReader("f", strings.NewReader(text))
		lines := 0
		for l := range log.Lines() {
			lines++
			if l.Status < 0 || l.Status > 999 || l.Bytes < 0 || l.Duration < 0 || l.At.IsZero() && l.At.Year() != 1 {
				t.Errorf("%q became %+v", text, l)
			}
		}
		if lines+log.Skipped > strings.Count(text, "\n")+1 && !strings.HasPrefix(text, "\x1f\x8b") {
			t.Errorf("%q: %d lines and %d that cannot be read", text, lines, log.Skipped)
		}
	})
}

func BenchmarkReader(b *testing.B) {
	text := strings.Repeat(plain+" 0.616\n", 10_000)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		for range accesslog.NewReader("x.log", strings.NewReader(text)).Lines() {
		}
	}
}
