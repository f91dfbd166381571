package cloud

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-lambda-go/events"
)

// alb takes a request that came through a load balancer. Whether it sends each header once or all of them is the target
// group's setting; it wants the answer in the same form.
func (h *Host) alb(inv *invocation, e events.ALBTargetGroupRequest) ([]byte, error) {
	many := e.MultiValueHeaders != nil || e.MultiValueQueryStringParameters != nil
	header := http.Header{}
	for name, values := range e.MultiValueHeaders {
		for _, v := range values {
			header.Add(name, v)
		}
	}
	for name, value := range e.Headers {
		header.Set(name, value)
	}
	path := e.Path
	if path == "/" && strings.HasPrefix(header.Get("User-Agent"), "ELB-HealthChecker/") {
		path = "/" + h.name + "/health" // a target group asks for / unless somebody has set its path
	}
	target, err := targetOf(path, albQuery(e))
	if err != nil {
		return nil, err
	}
	address := header.Get("X-Forwarded-For")
	address = strings.TrimSpace(address[strings.LastIndex(address, ",")+1:]) // whom the load balancer itself has seen
	r, err := request(arrived{e.HTTPMethod, target, "", address, header, e.Body, e.IsBase64Encoded})
	if err != nil {
		return nil, err
	}
	return h.serve(inv, r.WithContext(inv.ctx), func(a *answer) ([]byte, error) { return h.answerALB(inv, a, many) })
}

// albQuery puts the parameters together, which a load balancer hands over apart and still percent-encoded. Their order is lost: it
// is that of their names.
func albQuery(e events.ALBTargetGroupRequest) string {
	all := maps.Clone(e.MultiValueQueryStringParameters)
	if all == nil {
		all = map[string][]string{}
	}
	for name, value := range e.QueryStringParameters {
		all[name] = []string{value}
	}
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		for _, value := range all[name] {
			pairs = append(pairs, name+"="+value)
		}
	}
	return strings.Join(pairs, "&")
}

func (h *Host) answerALB(inv *invocation, a *answer, many bool) ([]byte, error) {
	e := events.ALBTargetGroupResponse{StatusCode: a.status, StatusDescription: strings.TrimSpace(fmt.Sprintf("%d %s", a.status, http.StatusText(a.status)))}
	e.Body, e.IsBase64Encoded = a.text()
	if many {
		e.MultiValueHeaders = a.header
		return plainJSON(e)
	}
	e.Headers = a.joined()
	if cookies := a.header["Set-Cookie"]; len(cookies) > 0 {
		e.Headers["Set-Cookie"] = cookies[0]
		if len(cookies) > 1 {
			h.log.WarnContext(inv.ctx, "cookies lost: this target group takes one a header; switch its multi-value headers on", "cookies", len(cookies))
		}
	}
	return plainJSON(e)
}
