package interchange

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/gateway/split"
)

// What an HTTP API takes: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
const (
	apiMost    = 300
	apiTimeout = 30 * time.Second
	apiBody    = 10 << 20
)

// apiGateway writes an HTTP API with one integration a backend. Its canary draws each request at random for a whole stage, so a split is
// not exported: a group goes whole to the new side at 10000 and stays at anything less.
func apiGateway(e *exporter) string {
	s := stack{Description: "An HTTP API, exported from gateway.yaml", Resources: m{
		"Api":   m{"Type": "AWS::ApiGatewayV2::Api", "Properties": m{"Name": "banyan", "ProtocolType": "HTTP"}},
		"Stage": m{"Type": "AWS::ApiGatewayV2::Stage", "Properties": m{"ApiId": m{"Ref": "Api"}, "StageName": "$default", "AutoDeploy": true}},
	}}
	integrations := map[string]string{}
	for i, b := range e.backends() {
		integrations[b.Name] = camel("Integration", b.Name, i)
		s.Resources[integrations[b.Name]] = m{"Type": "AWS::ApiGatewayV2::Integration", "Properties": m{
			"ApiId": m{"Ref": "Api"}, "IntegrationType": "HTTP_PROXY", "IntegrationMethod": "ANY", "IntegrationUri": b.Scheme + "://" + e.address(b) + "/",
			"PayloadFormatVersion": "1.0", "TimeoutInMillis": min(e.Config.Timeouts.FirstByte, apiTimeout).Milliseconds(),
			"RequestParameters": m{"overwrite:path": "$request.path"}}}
		e.reach(b)
	}
	count := 0
	add := func(key, backend string) {
		count++
		s.Resources[fmt.Sprintf("Route%03d", count)] = m{"Type": "AWS::ApiGatewayV2::Route", "Properties": m{
			"ApiId": m{"Ref": "Api"}, "RouteKey": key, "Target": m{"Fn::Join": []any{"/", []any{"integrations", m{"Ref": integrations[backend]}}}}}}
	}
	e.apiRoutes(add)
	add("$default", e.Config.Default)
	if count > apiMost {
		e.add(0, "the routes", "%d, and an API takes %d unless its quota is raised", count, apiMost)
	}
	e.apiRemarks()
	return s.text(e)
}

func (e *exporter) apiRoutes(add func(key, backend string)) {
	seen := map[string]bool{}
	var kept []rule
	for _, r := range e.rules {
		if r.host != "" {
			e.add(r.line, r.id, "no route there has a host: its requests go where a wider route or the default sends them")
			continue
		}
		side := r.from
		switch {
		case r.weight == split.Full:
			side = r.to
		case r.weight > 0:
			e.add(r.groupLine, "group "+r.group, "the split (%d basis points) is not exported: a stage's canary is drawn for each request at random; all stay with %s", r.weight, r.from)
		}
		kept = append(kept, r)
		methods := r.methods()
		if methods == nil {
			methods = []string{"ANY"}
		}
		for _, method := range methods {
			if key := method + " " + blank(r.path); !seen[key] {
				seen[key] = true
				add(method+" "+apiPath(r), side)
			}
		}
	}
	e.rules = kept
}

// apiPath writes parameters under names of their own: a name must not stand twice in a path.
func apiPath(r rule) string {
	var b strings.Builder
	for i, s := range r.segments {
		if isParam(s) {
			s = fmt.Sprintf("{p%d}", i+1)
		}
		b.WriteString("/" + s)
	}
	if r.prefix {
		b.WriteString("/{proxy+}")
	}
	return b.String()
}

func (e *exporter) reach(b *config.Backend) {
	ip, err := netip.ParseAddr(b.Host)
	if err == nil && (ip.IsLoopback() || ip.IsPrivate()) {
		e.add(b.Line, "backend "+b.Name, "%s cannot be reached from there: an integration's address is public, or lies behind a VPC link", b.Address)
	}
}

func (e *exporter) apiRemarks() {
	e.add(0, "Host", "a backend gets its integration's own host, not the visitor's: Drupal's cookies change their name unless cookie_domain is set (W-17, D-1)")
	e.add(0, "paths and queries", "';' in a query is not supported and '|' must be encoded there; bytes do not pass as they came (W-8, W-9)")
	e.add(0, "order", "a full match comes before a greedy one and both before the default; of two routes with parameters the order is theirs, not W-14's")
	e.add(0, "hosts, deny, health", "belong to the API's domain names and a WAF: none is exported (W-11, W-16)")
	e.add(0, "limits", "request line and headers are 10,240 bytes together, a body 10 MB: not those of limits (W-67, W-69)")
	if e.Config.Timeouts.FirstByte > apiTimeout {
		e.add(0, "timeouts.first_byte", "%s here, an integration has %s: the old site's own 503s after 30 s would be hidden (W-73)", e.Config.Timeouts.FirstByte, apiTimeout)
	}
	if e.Config.Limits.Body > apiBody {
		e.add(0, "limits.body", "%d here, at most %d there", e.Config.Limits.Body, apiBody)
	}
	e.add(0, "overrides and pins", "X-Banyan-Side is signed and nothing there checks it; no visitor is kept where a write of theirs is (S-4, T-5)")
}
