package runtime

import (
	"sync"
	"time"
)

// The burst limit: so many new environments of a function in ten seconds; what is not used is not saved up.
const (
	burstSize   = 1000
	burstRefill = 10 * time.Second
)

// limits is who may run, and how many at once.
type limits struct {
	account int

	mu       sync.Mutex
	reserved map[string]int // by function
	running  map[string]int
	shared   int // running invocations of functions that have nothing reserved
	tokens   map[string]bucket
}

type bucket struct {
	left float64
	at   time.Time
}

func newLimits(account int) *limits {
	return &limits{account: account, reserved: map[string]int{}, running: map[string]int{}, tokens: map[string]bucket{}}
}

// reserve sets aside a part of the account's concurrency for a function, or gives it back (nil); false: others would have
// nothing left.
func (l *limits) reserve(function string, n *int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n == nil {
		delete(l.reserved, function)
		return true
	}
	sum := *n
	for name, other := range l.reserved {
		if name != function {
			sum += other
		}
	}
	if sum > l.account {
		return false
	}
	l.reserved[function] = *n
	return true
}

// The reasons that a refused invocation gives.
const (
	reservedFull = "ReservedFunctionConcurrentInvocationLimitExceeded"
	accountFull  = "ConcurrentInvocationLimitExceeded"
)

// seat is the right of one invocation to run.
type seat struct {
	function string
	shared   bool
}

// enter lets an invocation in; else it says which limit it has met.
func (l *limits) enter(function string) (s seat, reason string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, reserved := l.reserved[function]
	switch {
	case reserved && l.running[function] >= n:
		return seat{}, reservedFull
	case !reserved:
		free := l.account
		for _, n := range l.reserved {
			free -= n
		}
		if l.shared >= free {
			return seat{}, accountFull
		}
		l.shared++
	}
	l.running[function]++
	return seat{function, !reserved}, ""
}

func (l *limits) leave(s seat) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.running[s.function]--
	if s.shared {
		l.shared--
	}
}

// grow allows one new environment of a function, or not yet.
func (l *limits) grow(function string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	b, ok := l.tokens[function]
	if !ok {
		b = bucket{burstSize, now}
	}
	b.left = min(burstSize, b.left+float64(now.Sub(b.at))/float64(burstRefill)*burstSize)
	b.at = now
	enough := b.left >= 1
	if enough {
		b.left--
	}
	l.tokens[function] = b
	return enough
}
