// Package shadow sends copies of requests to the side that did not answer them, and hands both answers on for comparison. It never
// makes a donor wait: its queue is bounded and drops the oldest, its connections, its budget and its breaker are its own.
package shadow

import (
	"github.com/banyan-migration/banyan/gateway/diff"
)

// Pair is one request with both sides' answers, compared. Legacy and New are sides, not first and second.
type Pair struct {
	Request diff.Request
	Replay  bool // legacy was asked twice: New is its second answer (A/A)
	Effect  bool // a write: what the new side would have stored against what legacy stored
	Legacy  diff.Answer
	New     diff.Answer
	Result  diff.Result
}
