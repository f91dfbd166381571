package shadow

import (
	"sync"
	"time"
)

// breaker keeps copies from a side that is dead: after deadAfter failures in a row one copy every probeEvery is tried.
type breaker struct {
	mu    sync.Mutex
	row   int
	since time.Time // it is open
	next  time.Time // probe
	text  string
}

const (
	deadAfter  = 5
	probeEvery = 10 * time.Second
)

// allow says whether a copy may go; probe, that all depends on it.
func (b *breaker) allow(now time.Time) (pass, probe bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.row < deadAfter:
		return true, false
	case now.Before(b.next):
		return false, false
	}
	b.next = now.Add(probeEvery)
	return true, true
}

// unproven says that the probe was never sent: the next copy is one.
func (b *breaker) unproven() {
	b.mu.Lock()
	b.next = time.Time{}
	b.mu.Unlock()
}

// note takes how a copy ended, and says whether the side has died of it just now, or come back.
func (b *breaker) note(now time.Time, failure string) (died, back bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if failure == "" {
		back = b.row >= deadAfter
		b.row, b.text = 0, ""
		return false, back
	}
	b.text = failure
	if b.row++; b.row == deadAfter {
		b.since, b.next = now, now.Add(probeEvery)
		return true, false
	}
	return false, false
}

// open says since when and why the side counts as dead; false if it does not.
func (b *breaker) open() (since time.Time, text string, dead bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.row < deadAfter {
		return time.Time{}, "", false
	}
	return b.since, b.text, true
}
