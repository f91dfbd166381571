package front

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"

	"github.com/banyan-migration/banyan/infra/runtime"
)

// ask sends a request to an API whose function answers as given, and gives back what the function saw.
func ask(t *testing.T, a *API, r *http.Request, answer runtime.Answer) (*httptest.ResponseRecorder, runtime.Call) {
	t.Helper()
	var seen runtime.Call
	a.Invoker = function(func(call runtime.Call) runtime.Answer {
		seen = call
		return answer
	})
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	return w, seen
}

func ok(payload string) runtime.Answer { return runtime.Answer{Status: 200, Payload: []byte(payload)} }

func request1(method, target, body string, headers ...string) *http.Request {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.RemoteAddr = "203.0.113.9:4711"
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}

func TestEventIsFormatTwo(t *testing.T) {
	t.Parallel()
	a := &API{Account: "111122223333", ID: "abc123", Variables: map[string]string{"release": "7"}, Domain: "api.rednosefund.example",
		Now:    func() time.Time { return time.Date(2020, 3, 12, 19, 3, 58, 390e6, time.UTC) },
		Routes: []Route{{Method: "POST", Path: "/donations/{id}", Function: "donate:live"}}}
	r := request1("POST", "http://api.rednosefund.example/donations/a%20b?q=1&q=2&empty=&name=Ren%C3%A9", `{"amount":"10"}`,
		"Content-Type", "application/json", "X-Twice", "one", "X-Twice", "two", "Cookie", "a=1; b=2", "Cookie", "c=3",
		"User-Agent", "test", "X-Amzn-Trace-Id", "Root=1-2-3")
	w, call := ask(t, a, r, ok(`{"statusCode":204}`))
	if w.Code != 204 || call.Function != "donate:live" || call.Trace != "Root=1-2-3" {
		t.Fatalf("%d %+v", w.Code, call)
	}
	var got map[string]any
	if err := json.Unmarshal(call.Payload, &got); err != nil {
		t.Fatal(err)
	}
	id := got["requestContext"].(map[string]any)["requestId"].(string)
	if id == "" || id != w.Header().Get("Apigw-Requestid") {
		t.Errorf("request id %q, header %q", id, w.Header().Get("Apigw-Requestid"))
	}
	var want map[string]any
	if err := json.Unmarshal([]byte(`{"version":"2.0","routeKey":"POST /donations/{id}","rawPath":"/donations/a%20b","rawQueryString":"q=1&q=2&empty=&name=Ren%C3%A9",
		"cookies":["a=1","b=2","c=3"],"headers":{"content-type":"application/json","content-length":"15","host":"api.rednosefund.example","x-twice":"one,two",
		"user-agent":"test","x-amzn-trace-id":"Root=1-2-3","x-forwarded-for":"203.0.113.9","x-forwarded-proto":"http","x-forwarded-port":"80"},
		"queryStringParameters":{"q":"1,2","empty":"","name":"René"},"pathParameters":{"id":"a b"},"stageVariables":{"release":"7"},
		"requestContext":{"accountId":"111122223333","apiId":"abc123","domainName":"api.rednosefund.example","domainPrefix":"api",
		"http":{"method":"POST","path":"/donations/a%20b","protocol":"HTTP/1.1","sourceIp":"203.0.113.9","userAgent":"test"},
		"requestId":"`+id+`","routeKey":"POST /donations/{id}","stage":"$default","time":"12/Mar/2020:19:03:58 +0000","timeEpoch":1584039838390},
		"body":"{\"amount\":\"10\"}","isBase64Encoded":false}`), &want); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("event\n%s\nwant\n%v", call.Payload, want)
	}
	decoder := json.NewDecoder(strings.NewReader(string(call.Payload)))
	decoder.DisallowUnknownFields()
	var typed events.APIGatewayV2HTTPRequest
	if err := decoder.Decode(&typed); err != nil {
		t.Errorf("aws-lambda-go's type: %v", err)
	}
}

func TestWhatIsEmptyIsAbsent(t *testing.T) {
	t.Parallel()
	a := &API{Routes: []Route{{Path: "$default", Function: "f"}}}
	_, call := ask(t, a, request1("GET", "/", ""), ok(`{}`))
	var got map[string]any
	if err := json.Unmarshal(call.Payload, &got); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"cookies", "queryStringParameters", "pathParameters", "stageVariables", "body"} {
		if value, there := got[name]; there {
			t.Errorf("%s is %v", name, value)
		}
	}
	if got["routeKey"] != "$default" || got["rawQueryString"] != "" || got["isBase64Encoded"] != false {
		t.Errorf("%s", call.Payload)
	}
}

func TestBodiesThatAreTextAndBodiesThatAreNot(t *testing.T) {
	t.Parallel()
	for kind, text := range map[string]bool{"application/json": true, "application/json; charset=utf-8": true, "text/plain": true, "Application/XML": true,
		"application/javascript": true, "application/x-www-form-urlencoded": false, "multipart/form-data; boundary=x": false, "image/png": false, "": false,
		"application/vnd.api+json": false} {
		a := &API{Routes: []Route{{Path: "$default", Function: "f"}}}
		r := request1("POST", "/", "a=b")
		if kind != "" {
			r.Header.Set("Content-Type", kind)
		}
		_, call := ask(t, a, r, ok(`{}`))
		var e events.APIGatewayV2HTTPRequest
		if err := json.Unmarshal(call.Payload, &e); err != nil {
			t.Fatal(err)
		}
		want := "a=b"
		if !text {
			want = base64.StdEncoding.EncodeToString([]byte(want))
		}
		if e.Body != want || e.IsBase64Encoded == text {
			t.Errorf("%q: %q %v", kind, e.Body, e.IsBase64Encoded)
		}
	}
}

func TestResponses(t *testing.T) {
	t.Parallel()
	for payload, want := range map[string]string{
		`{"statusCode":201,"headers":{"Content-Type":"text/html","X-N":7,"X-B":true},"cookies":["a=1","b=2"],"body":"<p>"}`: "201 text/html [a=1 b=2] <p>",
		`{"statusCode":200,"body":"aGVsbG8=","isBase64Encoded":true}`:                                                       "200 text/plain; charset=utf-8 [] hello",
		`{"statusCode":302,"headers":{"location":"/done"}}`:                                                                 "302 text/plain; charset=utf-8 [] ",
		`{"gift":1}`: `200 application/json [] {"gift":1}`,
		`"text"`:     `200 application/json [] "text"`,
		`{"statusCode":200,"body":"%%%","isBase64Encoded":true}`: `500 application/json [] {"message":"Internal Server Error"}`,
		`{"statusCode":200,"body":{"a":1}}`:                      `500 application/json [] {"message":"Internal Server Error"}`,
		`{"statusCode":99}`:                                      `500 application/json [] {"message":"Internal Server Error"}`,
		`{"statusCode":"many"}`:                                  `500 application/json [] {"message":"Internal Server Error"}`,
		`{"statusCode":200,"headers":{"a":[]}}`:                  `500 application/json [] {"message":"Internal Server Error"}`,
		`no JSON`:                                                `500 application/json [] {"message":"Internal Server Error"}`,
	} {
		a := &API{Routes: []Route{{Path: "$default", Function: "f"}}}
		w, _ := ask(t, a, request1("GET", "/", ""), ok(payload))
		got := strings.Join([]string{w.Result().Status[:3], w.Header().Get("Content-Type"), "[" + strings.Join(w.Header()["Set-Cookie"], " ") + "]", w.Body.String()}, " ")
		if got != want {
			t.Errorf("%s\nis   %s\nwant %s", payload, got, want)
		}
	}
}

func TestFailuresAsTheGatewaySaysThem(t *testing.T) {
	t.Parallel()
	routes := []Route{{Method: "POST", Path: "/", Function: "f"}, {Method: "GET", Path: "/me", Function: "f",
		Authorize: func(r *http.Request) (map[string]string, bool) {
			return map[string]string{"sub": "42"}, r.Header.Get("Authorization") == "Bearer good"
		}}}
	for want, test := range map[string]struct {
		r *http.Request
		a runtime.Answer
	}{
		`404 {"message":"Not Found"}`:                       {request1("GET", "/", ""), ok("{}")},
		`401 {"message":"Unauthorized"}`:                    {request1("GET", "/me", ""), ok("{}")},
		`500 {"message":"Internal Server Error"}`:           {request1("POST", "/", ""), runtime.Answer{Status: 200, Error: "Unhandled", Payload: []byte("{}")}},
		`503 {"message":"Service Unavailable"}`:             {request1("POST", "/", ""), runtime.Answer{Status: 429}},
		`413 {"message":"Request Entity Too Large"}`:        {request1("POST", "/", strings.Repeat("x", 10<<20+1)), ok("{}")},
		`431 {"message":"Request Header Fields Too Large"}`: {request1("POST", "/", "", "X", strings.Repeat("x", 10240)), ok("{}")},
		`400 {"message":"Bad Request"}`:                     {request1("POST", "/?a=%zz", ""), ok("{}")},
	} {
		w, _ := ask(t, &API{Routes: routes}, test.r, test.a)
		if got := w.Result().Status[:3] + " " + w.Body.String(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	w, call := ask(t, &API{Routes: routes}, request1("GET", "/me", "", "Authorization", "Bearer good"), ok(`{}`))
	if w.Code != 200 || !strings.Contains(string(call.Payload), `"authorizer":{"jwt":{"claims":{"sub":"42"},"scopes":null}}`) {
		t.Errorf("%d %s", w.Code, call.Payload)
	}
}

// slow answers when its caller has gone.
type slow struct{}

func (slow) Invoke(ctx context.Context, _ runtime.Call) (runtime.Answer, error) {
	<-ctx.Done()
	return runtime.Answer{}, ctx.Err()
}

func TestTheGatewayWaitsSoLong(t *testing.T) {
	t.Parallel()
	a := &API{Invoker: slow{}, Routes: []Route{{Path: "$default", Function: "f"}}, Timeout: time.Millisecond}
	w := httptest.NewRecorder()
	a.ServeHTTP(w, request1("GET", "/", ""))
	if w.Code != 503 || w.Body.String() != `{"message":"Service Unavailable"}` {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestTheRouteThatSaysMost(t *testing.T) {
	t.Parallel()
	routes := []Route{{Path: "$default"}, {Path: "/{proxy+}"}, {Path: "/pets/{id}"}, {Path: "/pets/dog"}, {Method: "GET", Path: "/pets/dog"},
		{Method: "GET", Path: "/pets/{proxy+}"}, {Method: "POST", Path: "/"}}
	for request, want := range map[string]string{
		"GET /pets/dog": "GET /pets/dog", "PUT /pets/dog": "ANY /pets/dog", "GET /pets/cat": "ANY /pets/{id}", "GET /pets/cat/1": "GET /pets/{proxy+}",
		"PUT /pets/cat/1": "ANY /{proxy+}", "GET /": "$default", "POST /": "POST /", "GET /pets/dog/": "GET /pets/dog", "GET /pets": "ANY /{proxy+}",
	} {
		method, path, _ := strings.Cut(request, " ")
		route, _ := match(routes, method, path)
		if got := routeKey(route); got != want {
			t.Errorf("%s goes to %s, want %s", request, got, want)
		}
	}
	if route, params := match(routes, "GET", "/pets/a%2Fb/c"); routeKey(route) != "GET /pets/{proxy+}" || params["proxy"] != "a/b/c" {
		t.Errorf("%s %v", routeKey(route), params)
	}
}

func TestCORS(t *testing.T) {
	t.Parallel()
	a := &API{Routes: []Route{{Path: "$default", Function: "f"}}, CORS: &CORS{Origins: []string{"https://www.rednosefund.example"},
		Methods: []string{"GET", "POST"}, Headers: []string{"content-type"}, MaxAge: 600}}
	w, call := ask(t, a, request1("OPTIONS", "/", "", "Origin", "https://www.rednosefund.example", "Access-Control-Request-Method", "POST"), ok(`{}`))
	if h := w.Header(); w.Code != 204 || call.Payload != nil || h.Get("Access-Control-Allow-Origin") != "https://www.rednosefund.example" ||
		h.Get("Access-Control-Allow-Methods") != "GET,POST" || h.Get("Access-Control-Max-Age") != "600" {
		t.Errorf("%d %v", w.Code, h)
	}
	w, _ = ask(t, a, request1("GET", "/", "", "Origin", "https://evil.example"), ok(`{"statusCode":200,"headers":{"Access-Control-Allow-Origin":"*"}}`))
	if w.Code != 200 || w.Header().Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{`{"statusCode":200,"headers":{"a":"b"},"cookies":["c"],"body":"d","isBase64Encoded":false}`, `{"statusCode":1e400}`, `null`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		w := httptest.NewRecorder()
		if respond(w, "GET", payload, false) && !json.Valid(payload) {
			t.Errorf("%q was taken", payload)
		}
		if w.Code < 200 || w.Code > 599 {
			t.Errorf("%q gave status %d", payload, w.Code)
		}
	})
}

func FuzzEvent(f *testing.F) {
	f.Add("/donations/1?a=b", "a=1; b=2", "text/plain", []byte("body"))
	f.Fuzz(func(t *testing.T, target, cookie, kind string, body []byte) {
		r, err := http.NewRequest("POST", "http://x"+target, strings.NewReader(string(body)))
		if err != nil {
			t.Skip()
		}
		r.Header.Set("Cookie", cookie)
		r.Header.Set("Content-Type", kind)
		route := &Route{Path: "$default"}
		text, err := (&API{}).event(r, "id", route, nil, nil, body)
		if err != nil {
			return
		}
		var e events.APIGatewayV2HTTPRequest
		if err := json.Unmarshal(text, &e); err != nil {
			t.Fatal(err)
		}
		got := []byte(e.Body)
		if e.IsBase64Encoded {
			if got, err = base64.StdEncoding.DecodeString(e.Body); err != nil {
				t.Fatal(err)
			}
		}
		if string(got) != string(body) || !utf8.Valid(text) {
			t.Errorf("%q became %q", body, got)
		}
	})
}
