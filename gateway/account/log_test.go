package account

import (
	"strings"
	"sync"
	"testing"
	"time"
)

type slow struct {
	held chan bool
	mu   sync.Mutex
	text strings.Builder
}

func (s *slow) Write(p []byte) (int, error) {
	<-s.held
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

// W-85: a sink that does not take its lines loses some, which are counted, and nobody waits for it.
func TestSlowSinkLosesLines(t *testing.T) {
	t.Parallel()
	sink := &slow{held: make(chan bool)}
	l := NewLog(sink, true)
	e := &Entry{Target: []byte("/" + strings.Repeat("a", 1000))}
	var room []byte
	const lines = 5000
	for range lines {
		room = l.Add(e, room)
	}
	if l.Dropped() == 0 {
		t.Error("nothing was dropped though nothing was written")
	}
	close(sink.held)
	l.Close()
	if got := uint64(strings.Count(sink.text.String(), "\n")) + l.Dropped(); got != lines {
		t.Errorf("%d lines are written or counted as dropped, of %d", got, lines)
	}
}

func TestRedaction(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]string{
		"/a?b=c":                       "/a?b=c",
		"/a?Email=x&b&c=d@e":           "/a?Email=~&b&c=~",
		"/a?x=a%40b&first_name=Ann&&":  "/a?x=~&first_name=~&&",
		"/user/reset/5/1234/abcd?x=1":  "/user/reset/~?x=1",
		"/a?":                          "/a?",
		"/a\"b\\c\x01\xff":             `/a\"b\\c\u0001\u00ff`,
		"/node/2/done?sid=12&token=xy": "/node/2/done?sid=12&token=~",
	} {
		if got := string(redacted(nil, []byte(target), asJSON)); got != want {
			t.Errorf("%s was logged as %s, want %s", target, got, want)
		}
	}
}

func TestStampIsTheLayouts(t *testing.T) {
	t.Parallel()
	for _, at := range []time.Time{
		time.Date(2019, 3, 15, 21, 0, 0, 0, time.UTC),
		time.Date(2024, 2, 29, 9, 8, 7, 6_999_999, time.UTC),
		time.Date(2026, 12, 31, 23, 59, 59, 999_999_999, time.UTC),
	} {
		if got, want := string(stamp(nil, at)), at.Format("2006-01-02T15:04:05.000Z"); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// W-85: one line of the usual kind, written without allocating.
func BenchmarkJSON(b *testing.B) {
	e := &Entry{At: time.Now(), ID: []byte("0123456789abcdef0123456789abcdef"), Revision: 12, Rule: "/donate/*", Group: "donate", Phase: "canary",
		Routed: true, Bucket: 1234, Method: []byte("GET"), Target: []byte("/donate/now?utm_source=bbc"), Host: []byte("www.rednosefund.example"),
		Client: "192.0.2.1", Status: 200, Upstream: 200, Out: 512, Head: 100 * time.Microsecond, Total: 200 * time.Microsecond, Attempt: 1, Reused: true}
	room := e.AppendJSON(nil)
	b.ReportAllocs()
	for b.Loop() {
		room = e.AppendJSON(room[:0])
	}
}
