package front

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"
)

// request is an event of format 2.0. It has no multi-value fields; what is empty is absent, not null.
type request struct {
	Version         string            `json:"version"`
	RouteKey        string            `json:"routeKey"`
	RawPath         string            `json:"rawPath"`
	RawQuery        string            `json:"rawQueryString"`
	Cookies         []string          `json:"cookies,omitempty"`
	Headers         map[string]string `json:"headers"`
	Query           map[string]string `json:"queryStringParameters,omitempty"`
	Context         about             `json:"requestContext"`
	Path            map[string]string `json:"pathParameters,omitempty"`
	Variables       map[string]string `json:"stageVariables,omitempty"`
	Body            string            `json:"body,omitempty"`
	IsBase64Encoded bool              `json:"isBase64Encoded"`
}

type about struct {
	Account      string      `json:"accountId"`
	API          string      `json:"apiId"`
	Authorizer   *authorizer `json:"authorizer,omitempty"`
	DomainName   string      `json:"domainName"`
	DomainPrefix string      `json:"domainPrefix"`
	HTTP         called      `json:"http"`
	Request      string      `json:"requestId"`
	RouteKey     string      `json:"routeKey"`
	Stage        string      `json:"stage"`
	Time         string      `json:"time"`
	Epoch        int64       `json:"timeEpoch"` // milliseconds
}

type authorizer struct {
	JWT struct {
		Claims map[string]string `json:"claims"`
		Scopes []string          `json:"scopes"` // null: the route asks for none
	} `json:"jwt"`
}

type called struct {
	Method    string `json:"method"`
	Path      string `json:"path"`
	Protocol  string `json:"protocol"`
	SourceIP  string `json:"sourceIp"`
	UserAgent string `json:"userAgent"`
}

// event writes a request as its function sees it.
func (a *API) event(r *http.Request, id string, route *Route, params, claims map[string]string, body []byte) ([]byte, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	now := time.Now
	if a.Now != nil {
		now = a.Now
	}
	at, key := now().UTC(), routeKey(route)
	source, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		source = r.RemoteAddr
	}
	trace(r, at)
	domain := or(a.Domain, strings.Split(r.Host, ":")[0])
	e := request{Version: "2.0", RouteKey: key, RawPath: r.URL.EscapedPath(), RawQuery: r.URL.RawQuery,
		Cookies: cookies(r), Headers: headers(r, source), Query: joined(query), Path: params, Variables: a.Variables,
		Context: about{Account: or(a.Account, "123456789012"), API: or(a.ID, "api"), DomainName: domain,
			DomainPrefix: strings.Split(domain, ".")[0], Request: id, RouteKey: key, Stage: or(a.Stage, "$default"),
			HTTP: called{r.Method, r.URL.EscapedPath(), r.Proto, source, r.UserAgent()},
			Time: at.Format("02/Jan/2006:15:04:05 +0000"), Epoch: at.UnixMilli()}}
	if claims != nil {
		e.Context.Authorizer = &authorizer{}
		e.Context.Authorizer.JWT.Claims = claims
	}
	if len(body) > 0 {
		if e.IsBase64Encoded = !isText(r.Header.Get("Content-Type")) || !utf8.Valid(body); e.IsBase64Encoded {
			e.Body = base64.StdEncoding.EncodeToString(body)
		} else {
			e.Body = string(body)
		}
	}
	return json.Marshal(e)
}

func or(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}

func routeKey(route *Route) string {
	if route.Path == "$default" {
		return "$default"
	}
	return or(route.Method, "ANY") + " " + route.Path
}

// trace gives a request the trace id that API Gateway would, where it brings none.
func trace(r *http.Request, at time.Time) {
	if r.Header.Get("X-Amzn-Trace-Id") == "" {
		r.Header.Set("X-Amzn-Trace-Id", fmt.Sprintf("Root=1-%08x-%016x%08x", at.Unix(), rand.Uint64(), rand.Uint32()))
	}
}

// isText says whether a body of this type comes as text. Everything else is base64: a form post, and what has no type.
func isText(contentType string) bool {
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		kind, _, _ = strings.Cut(strings.ToLower(strings.TrimSpace(contentType)), ";")
	}
	return strings.HasPrefix(kind, "text/") || kind == "application/json" || kind == "application/xml" || kind == "application/javascript"
}

// headers are lower case, the same name's values joined by commas; Cookie is not among them.
func headers(r *http.Request, source string) map[string]string {
	all := map[string]string{"host": r.Host}
	for name, values := range r.Header {
		if name != "Cookie" {
			all[strings.ToLower(name)] = strings.Join(values, ",")
		}
	}
	if r.ContentLength >= 0 && (r.ContentLength > 0 || r.Method == http.MethodPost || r.Method == http.MethodPut) {
		all["content-length"] = fmt.Sprint(r.ContentLength)
	}
	if before := all["x-forwarded-for"]; before != "" {
		source = before + ", " + source
	}
	proto, port := "http", "80"
	if r.TLS != nil {
		proto, port = "https", "443"
	}
	if _, p, err := net.SplitHostPort(r.Host); err == nil {
		port = p
	}
	all["x-forwarded-for"], all["x-forwarded-proto"], all["x-forwarded-port"] = source, proto, port
	return all
}

func cookies(r *http.Request) []string {
	var all []string
	for _, line := range r.Header["Cookie"] {
		for _, c := range strings.Split(line, ";") {
			if c = strings.TrimSpace(c); c != "" {
				all = append(all, c)
			}
		}
	}
	return all
}

func joined(values url.Values) map[string]string {
	if len(values) == 0 {
		return nil
	}
	all := make(map[string]string, len(values))
	for name, v := range values {
		all[name] = strings.Join(v, ",")
	}
	return all
}
