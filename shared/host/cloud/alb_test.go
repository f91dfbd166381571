package cloud_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/banyan-migration/banyan/shared/host/cloud"
)

func balanced(t *testing.T, h *cloud.Host, e events.ALBTargetGroupRequest) events.ALBTargetGroupResponse {
	t.Helper()
	e.RequestContext.ELB.TargetGroupArn = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/donate/1"
	raw, err := invoke(t, h, e)
	if err != nil {
		t.Fatal(err)
	}
	var a events.ALBTargetGroupResponse
	if err := json.Unmarshal(raw, &a); err != nil {
		t.Fatal(err)
	}
	return a
}

func TestLoadBalancersRequestArrivesStillEncoded(t *testing.T) {
	t.Parallel()
	h := newAccount(t).function(t, newTill().start)
	once := events.ALBTargetGroupRequest{HTTPMethod: "GET", Path: "/echo/SW1A%201AA",
		Headers:               map[string]string{"host": "services.rednosefund.example", "x-forwarded-for": "198.51.100.1, 192.0.2.9", "accept": "text/html"},
		QueryStringParameters: map[string]string{"q": "a%20b", "back": "https%3A%2F%2Fwww.example.org%2F%3Fx%3D1"}}
	a := balanced(t, h, once)
	got := echoed(t, a.Body)
	if got.Target != "/echo/SW1A 1AA" || got.Query != "back=https%3A%2F%2Fwww.example.org%2F%3Fx%3D1&q=a%20b" || got.Form["q"][0] != "a b" ||
		got.Host != "services.rednosefund.example" || got.Remote != "192.0.2.9:0" {
		t.Errorf("%+v", got)
	}
	if a.StatusDescription != "200 OK" || a.Headers["Content-Type"] != "application/json" || a.MultiValueHeaders != nil {
		t.Errorf("%+v", a)
	}
	many := events.ALBTargetGroupRequest{HTTPMethod: "POST", Path: "/echo", Body: "YT0lMjA=", IsBase64Encoded: true,
		MultiValueHeaders:               map[string][]string{"host": {"services.rednosefund.example"}, "cookie": {"a=1", "b=2"}, "content-type": {"application/x-www-form-urlencoded"}},
		MultiValueQueryStringParameters: map[string][]string{"q": {"1", "2"}}}
	a = balanced(t, h, many)
	got = echoed(t, a.Body)
	if got.Query != "q=1&q=2" || len(got.Header["Cookie"]) != 2 || got.Body != "a=%20" || got.Form["a"][0] != " " {
		t.Errorf("%+v", got)
	}
	if a.Headers != nil || a.MultiValueHeaders["Content-Type"][0] != "application/json" {
		t.Errorf("%+v", a)
	}
}

func TestLoadBalancerGetsEveryCookieItCanTake(t *testing.T) {
	t.Parallel()
	acc := newAccount(t)
	h := acc.function(t, newTill().start)
	a := balanced(t, h, events.ALBTargetGroupRequest{HTTPMethod: "GET", Path: "/bytes", MultiValueHeaders: map[string][]string{"accept": {"*/*"}}})
	if len(a.MultiValueHeaders["Set-Cookie"]) != 2 || !a.IsBase64Encoded || a.Body != "/9j/4A==" {
		t.Errorf("%+v", a)
	}
	a = balanced(t, h, events.ALBTargetGroupRequest{HTTPMethod: "GET", Path: "/bytes", Headers: map[string]string{}})
	if a.Headers["Set-Cookie"] != "a=1; Path=/" || len(acc.lines(t, "cookies lost")) != 1 {
		t.Errorf("%+v", a)
	}
}

func TestLoadBalancersHealthCheckIsAnswered(t *testing.T) {
	t.Parallel()
	h := newAccount(t).function(t, newTill().start)
	for path, want := range map[string]int{"/": 200, "/donate/health": 200, "/nowhere": 404} {
		a := balanced(t, h, events.ALBTargetGroupRequest{HTTPMethod: "GET", Path: path, Headers: map[string]string{"user-agent": "ELB-HealthChecker/2.0"}})
		if a.StatusCode != want || want == 200 && !strings.Contains(a.Body, `"state":"OK"`) {
			t.Errorf("%s: %+v", path, a)
		}
	}
}
