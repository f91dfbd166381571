// Package account says what became of a request and whose fault it was: a blame class, one access log line and the counters that
// Prometheus reads. Nothing in it waits for anybody: a log that cannot keep up loses lines, and counts them.
package account

// Class is who is to blame for how a request ended (W-82). Only the upstream's classes may ever move a weight.
type Class uint8

// The classes. The zero Class is OK.
const (
	OK Class = iota
	ClientMalformed
	ClientTooLarge
	ClientTimeout
	ClientAbort
	GatewayRefused
	GatewayLoop
	GatewayInternal
	UpstreamConnect
	UpstreamTLS
	UpstreamClosed
	UpstreamMalformed
	UpstreamTimeoutHead
	UpstreamTimeoutBody
	UpstreamTruncated
	Upstream5xx
	classes
)

var classNames = [classes]string{"ok", "client_malformed", "client_too_large", "client_timeout", "client_abort", "gateway_refused", "gateway_loop",
	"gateway_internal", "upstream_connect", "upstream_tls", "upstream_closed", "upstream_malformed", "upstream_timeout_head", "upstream_timeout_body",
	"upstream_truncated", "upstream_5xx"}

func (c Class) String() string { return classNames[c] }

// Upstream says whether the class is a failure of the side that was asked, and feeds the judge.
func (c Class) Upstream() bool { return c >= UpstreamConnect }
