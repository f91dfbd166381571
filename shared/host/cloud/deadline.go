package cloud

import (
	"context"
	"time"
)

// longestMargin is what is kept of an invocation's time to answer in: half of it waits for work that its context has just
// ended, half of it writes the answer and the log.
const longestMargin = 500 * time.Millisecond

// marginOf is the margin of an invocation that has so much time: a fifth of a short one.
func marginOf(left time.Duration) time.Duration {
	return max(0, min(longestMargin, left/5))
}

// await runs work and waits for it until grace after ctx has ended; back is false if it has not come back by then. Work that
// is not back goes on by itself, perhaps frozen, perhaps thawed within a later invocation: the fence lets it act on nothing,
// and nobody reads its result.
func await[T any](ctx context.Context, grace time.Duration, work func(context.Context) T) (result T, back bool) {
	done := make(chan T, 1)
	go func() { done <- work(ctx) }()
	select {
	case result = <-done:
		return result, true
	case <-ctx.Done():
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case result = <-done:
		return result, true
	case <-timer.C:
		return result, false
	}
}
