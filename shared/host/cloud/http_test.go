package cloud_test

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"

	"github.com/banyan-migration/banyan/shared/host/cloud"
	"github.com/banyan-migration/banyan/shared/host/hosttest"
	"github.com/banyan-migration/banyan/shared/mark"
)

// get is an HTTP API's event for a request.
func get(method, path string) events.APIGatewayV2HTTPRequest {
	e := events.APIGatewayV2HTTPRequest{Version: "2.0", RouteKey: "$default", RawPath: path, Headers: map[string]string{"host": "wrong.example"}}
	e.RequestContext.Stage, e.RequestContext.DomainName = "$default", "services.rednosefund.example"
	e.RequestContext.HTTP.Method, e.RequestContext.HTTP.SourceIP = method, "192.0.2.9"
	return e
}

func invoke(t *testing.T, h *cloud.Host, e any) ([]byte, error) {
	t.Helper()
	raw, is := e.([]byte)
	if !is {
		var err error
		if raw, err = json.Marshal(e); err != nil {
			t.Fatal(err)
		}
	}
	return h.Invoke(lambda(t.Context(), "lambda-1"), raw)
}

// ask answers an HTTP event.
func ask(t *testing.T, h *cloud.Host, e events.APIGatewayV2HTTPRequest) events.APIGatewayV2HTTPResponse {
	t.Helper()
	raw, err := invoke(t, h, e)
	if err != nil {
		t.Fatal(err)
	}
	var a events.APIGatewayV2HTTPResponse
	if err := json.Unmarshal(raw, &a); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return a
}

// echoed is what the handler saw of a request.
func echoed(t *testing.T, body string) seen {
	t.Helper()
	var a struct{ Data seen }
	if err := json.Unmarshal([]byte(body), &a); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return a.Data
}

func TestRequestArrivesAsItWasSent(t *testing.T) {
	t.Parallel()
	h := newAccount(t).function(t, newTill().start)
	e := get("POST", "/echo/SW1A 1AA")
	e.RawQueryString = "q=a%20b&q=c&to=x%26y"
	e.Cookies = []string{"a=1", "b=2"}
	e.Headers["content-type"] = "application/x-www-form-urlencoded"
	e.Headers["accept"] = "text/html,application/json"
	form := url.Values{"donor[name]": {"Zoë Example"}, "amount": {"10.50"}}.Encode()
	e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString([]byte(form)), true
	got := echoed(t, ask(t, h, e).Body)
	if got.Method != "POST" || got.Target != "/echo/SW1A 1AA" || got.Query != e.RawQueryString || got.Host != "services.rednosefund.example" ||
		got.Remote != "192.0.2.9:0" || got.Body != form || got.Request != "lambda-1" || got.Operator != "" {
		t.Errorf("%+v", got)
	}
	if got.Form["donor[name]"][0] != "Zoë Example" || len(got.Form["q"]) != 2 || got.Form["to"][0] != "x&y" {
		t.Errorf("form %v", got.Form)
	}
	if got.Header.Get("Cookie") != "a=1; b=2" || got.Header.Get("Accept") != "text/html,application/json" || got.Header.Get("Host") != "" {
		t.Errorf("header %v", got.Header)
	}
}

func TestPathIsTheServicesWhateverStandsBefore(t *testing.T) {
	t.Parallel()
	h := newAccount(t).function(t, newTill().start)
	for _, c := range []struct{ stage, raw, want string }{
		{"$default", "/echo/prod", "/echo/prod"},
		{"prod", "/prod/echo", "/echo"},
		{"prod", "/echo/production", "/echo/production"},
		{"echo", "/echo/echo", "/echo"},
		{"", "/echo/SW1A%201AA", "/echo/SW1A 1AA"}, // a function URL leaves it as it came
		{"", "/echo/50%", "/echo/50%"},             // an HTTP API decodes it
		{"", "/echo/what?no", "/echo/what?no"},     // also this
		{"", "/echo/50%25 off", "/echo/50%25 off"}, // and, by its space, this
		{"", "/echo/a#b", "/echo/a#b"},
		{"", "/echo/a%2Fb", "/echo/a/b"},               //
		{"", "/echo/%zz", "/echo/%zz"},                 //
		{"", "/echo/café", "/echo/café"},               //
		{"", "/echo/O'Brien;x=1", "/echo/O'Brien;x=1"}, //
	} {
		e := get("GET", c.raw)
		e.RequestContext.Stage = c.stage
		if got := echoed(t, ask(t, h, e).Body).Target; got != c.want {
			t.Errorf("%s in stage %q is %s, want %s", c.raw, c.stage, got, c.want)
		}
	}
}

func TestAnswerIsInFormatTwo(t *testing.T) {
	t.Parallel()
	h := newAccount(t).function(t, newTill().start)
	raw, err := invoke(t, h, get("GET", "/bytes"))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"statusCode":200,"headers":{"Content-Type":"image/jpeg","Vary":"Origin, Accept"},"multiValueHeaders":null,"body":"/9j/4A==","isBase64Encoded":true,"cookies":["a=1; Path=/","b=2"]}`
	if string(raw) != want {
		t.Errorf("got  %s\nwant %s", raw, want)
	}
	if a := ask(t, h, get("HEAD", "/bytes")); a.Body != "" || a.StatusCode != 200 {
		t.Errorf("an answer to HEAD has a body: %+v", a)
	}
	e := get("POST", "/coins")
	e.Body = `{"pence":1050}`
	if a := ask(t, h, e); a.StatusCode != 201 || a.IsBase64Encoded || a.Body != `{"data":{"pence":1050},"message":"success"}` || a.Headers["Content-Type"] != "application/json" {
		t.Errorf("%+v", a)
	}
}

func TestAnswerThatLambdaWouldNotTakeBecomesOurs(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	h := a.function(t, newTill().start)
	if got := ask(t, h, get("GET", "/large")); got.StatusCode != 200 || len(got.Body) != 6_291_000 {
		t.Errorf("%d with %d bytes: this one fits", got.StatusCode, len(got.Body))
	}
	got := ask(t, h, get("GET", "/larger")) // 3.2 million quotes are 6.4 million bytes of JSON
	if got.StatusCode != 500 || !strings.Contains(got.Body, `"message":"internal error","request_id":"lambda-1"`) {
		t.Errorf("%d with %d bytes", got.StatusCode, len(got.Body))
	}
	if l := a.lines(t, "answer too large"); len(l) != 1 || l[0]["limit"] != 6291556.0 {
		t.Errorf("logged %v", l)
	}
	if a.metrics(t)["Errors"] != 1.0 {
		t.Errorf("metrics %v", a.metrics(t))
	}
}

func TestLargestBodyArrivesWhole(t *testing.T) {
	t.Parallel()
	h := newAccount(t).function(t, newTill().start)
	e := get("POST", "/coins")
	body := []byte(`{"note":"` + strings.Repeat("n", 4_500_000) + `"}`)
	e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString(body), true // 6 MB
	if a := ask(t, h, e); a.StatusCode != 413 {
		t.Errorf("%d %s: a body of 4.5 MB is more than a service takes, and it says so", a.StatusCode, a.Body)
	}
}

func TestPanicIsAnsweredAndTheNextEventIsServed(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	h := a.function(t, newTill().start)
	for _, path := range []string{"/panic", "/abort"} {
		if got := ask(t, h, get("GET", path)); got.StatusCode != 500 || !strings.Contains(got.Body, "internal error") {
			t.Errorf("%s: %+v", path, got)
		}
	}
	if got := ask(t, h, get("GET", "/echo")); got.StatusCode != 200 {
		t.Errorf("%+v", got)
	}
	if len(a.lines(t, "the drawer is stuck")) == 0 {
		t.Error("the panic is not in the log")
	}
}

func TestSignedClientAndMarksAreHonoured(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	h := a.function(t, newTill().start)
	e := get("GET", "/echo")
	e.Headers[strings.ToLower(mark.ClientHeader)] = hosttest.Keys.SignClient("k1", mark.Client{Address: "192.0.2.7", Request: "req-7"}, hosttest.Noon)
	if got := echoed(t, ask(t, h, e).Body); got.Request != "req-7" {
		t.Errorf("the gateway's request id: %+v", got)
	}
	if l := a.lines(t, `"msg":"request"`); l[0]["request"] != "req-7" || l[0]["invocation"] != "lambda-1" {
		t.Errorf("logged %v", l)
	}
	body := `{"pence":5}`
	e = get("POST", "/coins")
	e.RawQueryString = "a=%20b"
	e.Headers["x-banyan-mark"] = hosttest.Keys.Sign("k1", mark.Shadow, hosttest.Noon, "POST", "/coins?a=%20b", []byte(body))
	e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString([]byte(body)), true
	got := ask(t, h, e)
	if got.StatusCode != 201 || !strings.Contains(got.Body, `"shadow":{"messages":[{"id":"id-`) || got.Headers["X-Banyan-Shadow-Ack"] != "lambda-1" {
		t.Errorf("%+v", got)
	}
	if len(a.unsent(t)) != 0 || len(a.arrived()) != 0 {
		t.Error("a shadow kept or sent something")
	}
	e.Headers["x-banyan-mark"] += "0"
	if got := ask(t, h, e); got.StatusCode != 403 {
		t.Errorf("a wrong mark: %+v", got)
	}
}

// An HTTP API hands a path over decoded, in part or whole; what was signed is what a service routes by.
func TestMarkHoldsHoweverItsPathArrives(t *testing.T) {
	t.Parallel()
	h := newAccount(t).function(t, newTill().start)
	for _, c := range []struct {
		sent, raw, target string
		status            int
	}{
		{"/echo/a%20b", "/echo/a b", "/echo/a b", 200}, {"/echo/a%20b", "/echo/a%20b", "/echo/a b", 200}, {"/echo/%7Eann", "/echo/~ann", "/echo/~ann", 200},
		{"/echo/a%2Bb", "/echo/a+b", "/echo/a+b", 200}, {"/echo/caf%c3%a9", "/echo/café", "/echo/café", 200}, {"/echo/a%2Fb", "/echo/a/b", "/echo/a/b", 200},
		{"/echo/100%25", "/echo/100%", "/echo/100%", 200}, {"/echo/a%3Bb", "/echo/a;b", "/echo/a;b", 200}, {"/echo/(x)", "/echo/%28x%29", "/echo/(x)", 200},
		{"/echo/a%3Fb", "/echo/a?b", "/echo/a?b", 200}, {"/echo/a%23b", "/echo/a#b", "/echo/a#b", 200},
		{"/echo/%2541", "/echo/%41", "", 403}, // read as sent, it would be another path than was signed
		{"/echo/a", "/echo/b", "", 403}, {"/echo/a?b", "/echo/a?b", "", 403},
	} {
		e := get("GET", c.raw)
		e.Headers["x-banyan-mark"] = hosttest.Keys.Sign("k1", mark.Test, hosttest.Noon, "GET", c.sent, nil)
		got := ask(t, h, e)
		if got.StatusCode != c.status || c.status == 200 && echoed(t, got.Body).Target != c.target {
			t.Errorf("%s as %s: %d %s, want %d %s", c.sent, c.raw, got.StatusCode, got.Body, c.status, c.target)
		}
	}
}

func TestOperatorsAreThoseOfTheTokenOrOfTheKey(t *testing.T) {
	t.Parallel()
	h := newAccount(t).function(t, newTill().start)
	e := get("GET", "/echo")
	e.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{JWT: &events.APIGatewayV2HTTPRequestContextAuthorizerJWTDescription{
		Claims: map[string]string{"sub": "9c1d", "email": "olive@rednosefund.example", "cognito:groups": "[support finance]", "roles": "view"}}}
	if got := echoed(t, ask(t, h, e).Body); got.Operator != "9c1d" || strings.Join(got.Roles, " ") != "support finance view" {
		t.Errorf("%s %v", got.Operator, got.Roles)
	}
	e.Headers["authorization"] = "Bearer " + hosttest.OperatorKey
	if got := echoed(t, ask(t, h, e).Body); got.Operator != "Olive Operator" {
		t.Errorf("%s %v", got.Operator, got.Roles)
	}
	e.RequestContext.Authorizer = nil
	e.Headers["authorization"] = "Bearer guess"
	if got := echoed(t, ask(t, h, e).Body); got.Operator != "" || len(got.Roles) != 0 {
		t.Errorf("%s %v", got.Operator, got.Roles)
	}
	e = get("OPTIONS", "/coins")
	e.Headers["origin"], e.Headers["access-control-request-method"] = "https://give.example.org", "POST"
	if got := ask(t, h, e); got.StatusCode != 204 || got.Headers["Access-Control-Allow-Origin"] != "https://give.example.org" {
		t.Errorf("a page of ORIGINS may not read: %+v", got)
	}
}

func TestEventOfAWrongShapeSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	h := a.function(t, newTill().start)
	for event, want := range map[string]string{
		``:                                     "unexpected end",
		`null`:                                 "it has no fields",
		`[]`:                                   "cannot unmarshal array",
		`{"colour":"red","size":3}`:            "it has the fields colour, size",
		`{"version":"2.0","routeArn":"x"}`:     "no authoriser",
		`{"httpMethod":"GET","version":"1.0"}`: "format 1.0",
		`{"version":"1.0","requestContext":{"http":{"method":"GET"}}}`:                                                      `format "1.0"`,
		`{"version":"2.0","rawPath":"echo","requestContext":{"http":{"method":"GET"}}}`:                                     "does not begin with a slash",
		`{"version":"2.0","rawPath":"/echo","requestContext":{"http":{}}}`:                                                  "no HTTP method",
		`{"version":"2.0","rawPath":"/echo","requestContext":{"http":{"method":"G ET"}}}`:                                   "method cannot be",
		`{"version":"2.0","rawPath":"/echo","requestContext":{"http":{"method":"POST"}},"body":"%","isBase64Encoded":true}`: "not the base64",
		`{"version":"2.0","rawPath":7,"requestContext":{"http":{"method":"GET"}}}`:                                          "as one of http it cannot be read",
		`{"requestContext":{"elb":{}},"path":"/echo"}`:                                                                      "no HTTP method",
		`{"Records":[]}`:   "it has the fields Records",
		`{"Records":[{}]}`: `come from ""`,
		`{"Records":[{"eventSource":"aws:kinesis"}]}`:                      "aws:kinesis",
		`{"Records":[{"eventSource":"aws:sqs"},{"eventSource":"aws:s3"}]}`: "records 0 and 1",
		`{"Records":[{"eventSource":"aws:sqs","body":"{}"}]}`:              "no messageId",
		`{"Records":[{"eventSource":"aws:s3","s3":{}}]}`:                   "donate takes no objects",
		`{"detail-type":"Object Created","source":"aws.s3"}`:               "no rule sends",
		`{"task":"echo"}`: "has no input",
		`{"task":7}`:      "it is no event",
	} {
		answer, err := invoke(t, h, []byte(event))
		if err == nil || answer != nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "nothing was done") {
			t.Errorf("%s: %s, %v; want an error with %q", event, answer, err, want)
		}
		if a.metrics(t)["Errors"] != 1.0 {
			t.Errorf("%s: counted as %v", event, a.metrics(t))
		}
	}
}

// FuzzInvoke: whatever comes, there is an answer that is JSON, or an error that says something; never both, never a panic.
func FuzzInvoke(f *testing.F) {
	for _, e := range []string{`{"version":"2.0","rawPath":"/echo","requestContext":{"http":{"method":"GET"}}}`, `{"task":"echo","input":{}}`,
		`{"requestContext":{"elb":{}},"httpMethod":"GET","path":"/","multiValueHeaders":{"a":["b"]},"queryStringParameters":{"%":"="}}`,
		`{"Records":[{"eventSource":"aws:sqs","messageId":"1","body":"{\"id\":\"1\",\"type\":\"payments.settled\",\"at\":\"2026-03-13T12:00:00Z\",\"for\":{\"service\":\"donate\"},\"data\":{}}"}]}`,
		`{"Records":[{"eventSource":"aws:sns","Sns":{"Message":"{}"}}]}`, `{"detail-type":"Scheduled Event"}`} {
		f.Add([]byte(e))
	}
	h := newAccount(f).function(f, newTill().start)
	f.Fuzz(func(t *testing.T, payload []byte) {
		answer, err := invoke(t, h, payload)
		switch {
		case err != nil && (answer != nil || err.Error() == ""):
			t.Errorf("%q: both %s and %v", payload, answer, err)
		case answer != nil && (!json.Valid(answer) || !utf8.Valid(answer)):
			t.Errorf("%q: answered %q", payload, answer)
		}
	})
}
