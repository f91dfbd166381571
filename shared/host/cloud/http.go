package cloud

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"github.com/banyan-migration/banyan/shared/fault"
	"github.com/banyan-migration/banyan/shared/host"
	"github.com/banyan-migration/banyan/shared/web"
)

// http takes a request that came through an HTTP API or a function URL, in format 2.0.
func (h *Host) http(inv *invocation, e events.APIGatewayV2HTTPRequest) ([]byte, error) {
	inv.release = e.StageVariables["release"]
	if e.Version != "2.0" {
		return nil, refuse("it is an HTTP request in format %q, want 2.0", e.Version)
	}
	target, err := targetOf(unstaged(e.RawPath, e.RequestContext.Stage), e.RawQueryString)
	if err != nil {
		return nil, err
	}
	header := make(http.Header, len(e.Headers)+1)
	for name, value := range e.Headers {
		header.Set(name, value) // one that came twice is joined by commas
	}
	if len(e.Cookies) > 0 {
		header.Set("Cookie", strings.Join(e.Cookies, "; "))
	}
	c := e.RequestContext
	r, err := request(arrived{c.HTTP.Method, target, c.DomainName, c.HTTP.SourceIP, header, e.Body, e.IsBase64Encoded})
	if err != nil {
		return nil, err
	}
	ctx := inv.ctx
	if c.Authorizer != nil && c.Authorizer.JWT != nil {
		ctx = asOperator(ctx, c.Authorizer.JWT.Claims)
	}
	return h.serve(inv, r.WithContext(ctx), answerV2)
}

// unstaged is a path without the stage's name, which stands before it for every stage but $default.
func unstaged(path, stage string) string {
	if stage == "" || stage == "$default" {
		return path
	}
	rest, has := strings.CutPrefix(path, "/"+stage)
	switch {
	case has && rest == "":
		return "/"
	case has && rest[0] == '/':
		return rest
	}
	return path
}

// targetOf is the URL that was asked for. Function URLs and load balancers leave a path as it came; HTTP APIs decode it. What can
// only stand in a decoded one (a space, a ?, a lone %) is encoded again. /%41, decoded from /%2541, looks like a path that came as it
// was sent, and is decoded once more: a mark of it is then refused, since another path was signed.
func targetOf(path, query string) (*url.URL, error) {
	if !strings.HasPrefix(path, "/") {
		return nil, refuse("its path does not begin with a slash")
	}
	u, err := url.ParseRequestURI(path)
	if err != nil || strings.ContainsAny(path, " ?#") {
		u = &url.URL{Path: path}
	}
	u.RawQuery = query
	return u, nil
}

// arrived is a request as either kind of event has it.
type arrived struct {
	method  string
	target  *url.URL
	host    string // as the sender knows us; "": as the header says
	address string
	header  http.Header
	body    string
	encoded bool
}

// request is what arrived as net/http has it.
func request(a arrived) (*http.Request, error) {
	if a.method == "" {
		return nil, refuse("it has no HTTP method")
	}
	body := a.body
	if a.encoded {
		raw, err := base64.StdEncoding.DecodeString(body)
		if err != nil {
			return nil, refuse("its body is not the base64 that it says: %v", err)
		}
		body = string(raw)
	}
	// Only NewRequest gives a body that can be read again.
	r, err := http.NewRequest(a.method, "/", strings.NewReader(body))
	if err != nil {
		return nil, refuse("its HTTP method cannot be: %v", err)
	}
	r.URL, r.RequestURI, r.Header, r.Host = a.target, a.target.RequestURI(), a.header, a.host
	if r.Host == "" {
		r.Host = a.header.Get("Host")
	}
	r.Header.Del("Host")
	if ip, err := netip.ParseAddr(a.address); err == nil {
		r.RemoteAddr = netip.AddrPortFrom(ip, 0).String()
	}
	return r, nil
}

// serve has a request answered, in time, and writes the answer as form wants it.
func (h *Host) serve(inv *invocation, r *http.Request, form func(*answer) ([]byte, error)) ([]byte, error) {
	inv.awaited = true
	setTrace(r.Header, inv)
	if h.state != nil {
		h.refresh(inv)
	}
	ctx := r.Context()
	a, back := await(ctx, inv.grace, func(ctx context.Context) *answer { return h.answer(r.WithContext(ctx)) })
	if late := !back || ctx.Err() != nil && a.status >= http.StatusInternalServerError; late {
		inv.count(func(t *tally) { t.late++ })
		a = tooLate(r, a, back)
	}
	if a.status >= http.StatusInternalServerError {
		inv.count(func(t *tally) { t.errors++ })
	}
	return h.fit(inv, r, a, form)
}

// answer is what the service's handler answers; it never panics.
func (h *Host) answer(r *http.Request) (a *answer) {
	a = newAnswer()
	defer func() {
		if p := recover(); p != nil { // http.ErrAbortHandler, which Front leaves to whoever holds the connection
			a = newAnswer()
			web.Fail(a, r, h.panicked(r.Context(), p))
		}
	}()
	h.front.ServeHTTP(a, r)
	a.finish(r.Method)
	return a
}

// again is what a donor is told when the time was up. Whether it was done nobody knows; asking again finds out and does it once.
const again = "This took too long, and may or may not be done. Nothing is lost: please send it again, with the same Idempotency-Key if it had one; it is done once only"

// tooLate is the answer for a request whose time was up. What the handler has said of who may read it is kept where it has come back.
func tooLate(r *http.Request, given *answer, back bool) *answer {
	a := newAnswer()
	if back {
		for name := range given.header {
			if strings.HasPrefix(name, "Access-Control-") || name == "Vary" || name == host.AckHeader {
				a.header[name] = given.header[name]
			}
		}
	}
	web.Fail(a, r, &fault.Error{Kind: fault.Unavailable, Text: again, Err: fmt.Errorf("cloud: the time was up; the handler has come back: %v", back)})
	a.finish(r.Method)
	return a
}
