package drupal

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-migration/banyan/infra/local/site"
)

// TestTimesAreTheLogs: the service times are the medians of the sample's access log.
func TestTimesAreTheLogs(t *testing.T) {
	t.Parallel()
	z, err := gzip.NewReader(bytes.NewReader(site.AccessLog))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`"(\S+) /([^ ?]*)\S* HTTP/1.1" (\d+) .* ([0-9.]+)$`)
	took := map[string][]time.Duration{}
	for l := range strings.Lines(string(text)) {
		m := line.FindStringSubmatch(strings.TrimRight(l, "\n"))
		seconds, err := strconv.ParseFloat(m[4], 64)
		if err != nil {
			t.Fatal(err)
		}
		top, _, _ := strings.Cut(m[2], "/")
		switch {
		case top == "node":
			top = "done"
		case slices.Contains(staticPages, m[2]):
			top = "static"
		}
		took[m[1]+" "+top] = append(took[m[1]+" "+top], time.Duration(seconds*1e9+0.5))
	}
	for _, d := range took {
		slices.Sort(d)
	}
	want := map[string]time.Duration{"GET misc": fileTime, "GET ": listTime, "GET static": pageTime, "GET wp-login.php": missedTime}
	for top, d := range readTimes {
		want["GET "+top] = d
	}
	for top, d := range writeTimes {
		want["POST "+top] = d
	}
	for what, d := range want {
		log := took[what]
		if len(log) == 0 {
			t.Errorf("the log has no %s", what)
		} else if median := log[len(log)/2].Round(time.Millisecond); median != d {
			t.Errorf("%s: %v here, %v in the log", what, d, median)
		}
	}
	if front := took["GET "]; front[len(front)/20].Round(time.Millisecond) != hitTime {
		t.Errorf("a hit: %v here, %v in the log", hitTime, front[len(front)/20])
	}
}

var staticPages = []string{"red-nose-day", "schools/primary", "faqs", "our-grants", "privacy-notice", "about-us", "what-we-do"}

// TestWorkersQueue: two workers, each held for its request's time and no longer; nobody waits beyond nginx's patience.
func TestWorkersQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := pace{speed: 10, workers: make(chan struct{}, 2)}
		began := time.Now()
		ends := make(chan time.Duration, 5)
		for range 5 {
			go func() {
				leave, err := p.enter(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				defer leave()
				p.until(t.Context(), time.Now(), time.Second)
				ends <- time.Since(began)
			}()
		}
		var all []time.Duration
		for range 5 {
			all = append(all, <-ends)
		}
		const tick = 100 * time.Millisecond
		if want := []time.Duration{tick, tick, 2 * tick, 2 * tick, 3 * tick}; !slices.Equal(all, want) {
			t.Errorf("requests of 1 s at ten times the speed end after %v, not %v", all, want)
		}
	})
}

// TestFullSiteGivesUp: the log's 503s came after exactly 30.000 s.
func TestFullSiteGivesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := pace{speed: 1, workers: make(chan struct{}, 1)}
		if _, err := p.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if _, err := p.enter(t.Context()); err != errBusy || time.Since(began) != 30*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := p.enter(ctx); err != context.DeadlineExceeded {
			t.Errorf("a closing site: %v", err)
		}
	})
}

// TestMendLetsGo: requests that hang or are slow go on when the site is mended or breaks in another way.
func TestMendLetsGo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &Site{opt: Options{Now: time.Now}}
		s.faults.now = time.Now
		for _, end := range []func(){s.Mend, func() { s.Fault("/x", Fault{Kind: Slow, Delay: time.Minute}) }} {
			s.Fault("/x", Fault{Kind: Hang})
			go s.faults.strike("/x?q").instead(t.Context(), time.Now)
			synctest.Wait()
			end()
			synctest.Wait()
		}
		began := time.Now()
		if a := s.faults.strike("/x").instead(t.Context(), time.Now); a != nil || time.Since(began) != time.Minute {
			t.Errorf("slow by %v, not a minute, and answered %v", time.Since(began), a)
		}
	})
}

// TestPasswords: Drupal's own hash of the recorded login, and strings that are no hashes.
func TestPasswords(t *testing.T) {
	t.Parallel()
	const admin = "$S$DCAmq6a1XvWL53UUodu1VBnTsuH1TPiZDCXnBXVEnhNeMbMWAICk"
	for _, c := range []struct {
		password, hash string
		ok             bool
	}{
		{"admin-pass", admin, true}, {"admin-pasS", admin, false}, {"", admin, false}, {strings.Repeat("x", 513), admin, false},
		{"admin-pass", admin[:54], false}, {"admin-pass", "$S$z" + admin[4:], false}, {"", "", false},
	} {
		if got := checkPassword(c.password, c.hash); got != c.ok {
			t.Errorf("%.20q with %q: %v", c.password, c.hash, got)
		}
	}
}

func TestFilters(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, format, want string }{
		{"a & b\r\nc\n\n\nd &amp; <em>e</em><script>f</script>", "filtered_html", "<p>a &amp; b<br />\nc</p>\n<p>d &amp; <em>e</em>f</p>\n"},
		{"<p>a</p>\n<p>b</p>\n", "full_html", "<p>a</p>\n<p>b</p>\n"},
		{"<p>a\n\n'b'", "plain_text", "<p>&lt;p&gt;a</p>\n<p>&#039;b&#039;</p>\n"},
		{"", "filtered_html", ""},
	} {
		if got := filter(c.text, c.format); got != c.want {
			t.Errorf("%s: %q is %q, not %q", c.format, c.text, got, c.want)
		}
	}
}
