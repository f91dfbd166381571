package dash_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"github.com/banyan-migration/banyan/gateway/dash"
)

func loadDocument(t *testing.T) *openapi3.T {
	t.Helper()
	raw, err := os.ReadFile("openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(raw)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return doc
}

// The document names every endpoint with the role that it asks for, and no other.
func TestOpenAPINamesEveryEndpoint(t *testing.T) {
	t.Parallel()
	doc := loadDocument(t)
	var said []string
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			if op.Security != nil {
				said = append(said, fmt.Sprint(method, " ", path, " ", op.Extensions["x-role"]))
			}
		}
	}
	there := dash.Endpoints()
	slices.Sort(said)
	slices.Sort(there)
	if !slices.Equal(said, there) {
		t.Errorf("openapi.json says\n%s\nand there are\n%s", strings.Join(said, "\n"), strings.Join(there, "\n"))
	}
}

// What the API takes and answers is what the document says.
func TestTheAnswersAreAsDocumented(t *testing.T) {
	t.Parallel()
	doc := loadDocument(t)
	o := newOffice(t)
	at := o.weigh("donate", 1000)
	o.night("donate", 0.005)
	latest, _ := o.watch.Latest("donate")
	doc.Servers = openapi3.Servers{{URL: o.url}}
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	tag := fmt.Sprintf("%q", fmt.Sprint(at.Revision))
	for _, c := range []struct{ method, path, body, match string }{
		{"GET", "/v1/status", "", ""}, {"GET", "/v1/config", "", ""}, {"GET", "/v1/groups/donate", "", ""}, {"GET", "/v1/groups/donate/plan", "", ""}, {"GET", "/v1/groups/none", "", ""},
		{"POST", "/v1/groups/donate:approve", `{"reason":"x","steps":[{"weight":10000,"dwell":"24h"}]}`, tag}, {"POST", "/v1/groups/donate:approve", `{"reason":"x"}`, ""},
		{"POST", "/v1/groups/donate:approve", `{"reason":"x"}`, tag}, {"PATCH", "/v1/groups/donate", `{"weight":500,"reason":"x"}`, ""}, {"PATCH", "/v1/groups/payments", `{"weight":100,"reason":"x"}`, `"1"`}, {"POST", "/v1/groups/donate:hold", `{"reason":"x","ticket":"CHG-1"}`, ""},
		{"POST", "/v1/groups/donate:drill", `{"reason":"x"}`, ""}, {"POST", "/v1/groups/donate:override", `{"reason":"x","side":"new","for":"1h"}`, ""}, {"POST", "/v1/groups/donate:rollback", `{"reason":"x"}`, ""},
		{"POST", "/v1/explain", `{"request":"POST /donate","key":"0001"}`, ""}, {"GET", "/v1/decisions?group=donate&limit=3", "", ""}, {"GET", "/v1/decisions/" + latest.ID, "", ""},
		{"GET", "/v1/decisions/" + latest.ID + "/why", "", ""}, {"GET", "/v1/diffs", "", ""}, {"GET", "/v1/readiness", "", ""}, {"GET", "/v1/replicas", "", ""},
		{"POST", "/v1/outcomes", `[{"request":"r","ok":true}]`, ""}, {"GET", "/v1/history", "", ""}, {"GET", "/v1/journal/verify", "", ""}, {"GET", "/v1/openapi.json", "", ""},
	} {
		r, err := http.NewRequestWithContext(t.Context(), c.method, o.url+c.path, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer token of ada")
		r.Header.Set("Content-Type", "application/json")
		if c.match != "" {
			r.Header.Set("If-Match", c.match)
		}
		route, params, err := router.FindRoute(r)
		if err != nil {
			t.Errorf("%s %s: %v", c.method, c.path, err)
			continue
		}
		in := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route, Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true}}
		if err := openapi3filter.ValidateRequest(t.Context(), in); err != nil {
			t.Errorf("%s %s: %v", c.method, c.path, err)
		}
		r.Body = io.NopCloser(strings.NewReader(c.body))
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: res.StatusCode, Header: res.Header, Body: io.NopCloser(bytes.NewReader(body)), Options: in.Options}
		if err := openapi3filter.ValidateResponse(t.Context(), out); err != nil {
			t.Errorf("%s %s: %d %.300s\n%.600v", c.method, c.path, res.StatusCode, body, err)
		}
	}
}
