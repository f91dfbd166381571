package account

import (
	"strings"
	"sync"
	"testing"
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
