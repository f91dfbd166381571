package cloud

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"regexp"
	"strings"

	"github.com/banyan-migration/banyan/shared/web"
)

var (
	traceparent = regexp.MustCompile(`^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$`)
	xrayRoot    = regexp.MustCompile(`^1-[0-9a-f]{8}-[0-9a-f]{24}$`)
	xrayParent  = regexp.MustCompile(`^[0-9a-f]{16}$`)
)

// traceOf is X-Ray's trace header as a W3C traceparent: the same trace, so that both find it. A header without a parent, as a load
// balancer's, gets a span of its own. "" for one that is none.
func traceOf(xray string) string {
	var root, parent string
	sampled := "00"
	for field := range strings.SplitSeq(xray, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		switch name {
		case "Root":
			root = value
		case "Parent":
			parent = value
		case "Sampled":
			if value == "1" {
				sampled = "01"
			}
		}
	}
	if !xrayRoot.MatchString(root) {
		return ""
	}
	if !xrayParent.MatchString(parent) {
		var own [8]byte
		rand.Read(own[:]) // never fails
		parent = hex.EncodeToString(own[:])
	}
	return "00-" + root[2:10] + root[11:] + "-" + parent + "-" + sampled
}

// setTrace leaves a good traceparent as it came, else makes one of X-Ray's header, else of the invocation's.
func setTrace(header http.Header, inv *invocation) {
	if traceparent.MatchString(header.Get("Traceparent")) {
		return
	}
	header.Del("Traceparent")
	trace := traceOf(header.Get("X-Amzn-Trace-Id"))
	if trace == "" {
		trace = inv.trace
	}
	if trace != "" {
		header.Set("Traceparent", trace)
	}
}

// traced passes the trace on to our own services, by their host, and to nobody else.
type traced struct {
	http.RoundTripper
	own string
}

func (t traced) RoundTrip(r *http.Request) (*http.Response, error) {
	trace := web.From(r.Context()).Trace
	if trace == "" || r.URL.Host != t.own || r.Header.Get("Traceparent") != "" {
		return t.RoundTripper.RoundTrip(r)
	}
	r = r.Clone(r.Context())
	r.Header.Set("Traceparent", trace)
	return t.RoundTripper.RoundTrip(r)
}
