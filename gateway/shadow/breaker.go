package shadow

import (
	"sync"
	"time"
)

// breaker keeps copies from a side that is dead: after deadAfter failures in a row one copy every probeEvery is tried, and when one is
// answered, one every probeSoon, until backAfter in a row have been. One outage is one death.
type breaker struct {
	mu    sync.Mutex
	row   int       // of failures
	well  int       // of answers, while it is open
	since time.Time // it is open
	next  time.Time // probe
	text  string
}

const (
	deadAfter  = 5
	backAfter  = 3
	probeEvery = 10 * time.Second
	probeSoon  = time.Second
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
	dead := b.row >= deadAfter
	switch {
	case failure == "" && dead:
		return false, b.answered(now)
	case failure == "":
		b.row, b.text = 0, ""
		return false, false
	}
	b.text, b.well = failure, 0
	if b.row = min(b.row+1, deadAfter); dead || b.row < deadAfter {
		return false, false
	}
	b.since, b.next = now, now.Add(probeEvery)
	return true, false
}

// answered takes an answer of a side that is dead. What left before it died says nothing of it. mu is held.
func (b *breaker) answered(now time.Time) (back bool) {
	if now.Before(b.since.Add(probeEvery)) {
		return false
	}
	if b.well++; b.well < backAfter {
		b.next = now.Add(probeSoon)
		return false
	}
	b.row, b.well, b.text = 0, 0, ""
	return true
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
