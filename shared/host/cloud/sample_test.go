package cloud_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/banyan-migration/banyan/shared/host/cloud"
)

// The events here are AWS's own samples, read where their publishers have put them.

// images is a function that takes everything: requests, messages, objects, ticks and tasks.
func images(t *testing.T) (*account, *cloud.Host) {
	a := newAccount(t)
	h, err := cloud.New(t.Context(), a.world(), "images", newTill().start, a.parts)
	if err != nil {
		t.Fatal(err)
	}
	return a, h
}

// ours: what the samples have as a message becomes one of ours.
func ours(t *testing.T, sample []byte, text string) []byte {
	t.Helper()
	m := message("m-1", "")
	m.For.Service = "images"
	quoted := body(t, body(t, m))
	if !bytes.Contains(sample, []byte(text)) {
		t.Fatalf("the sample has no %s: %s", text, sample)
	}
	return bytes.ReplaceAll(sample, []byte(text), []byte(quoted))
}

// wanted is what must come of a sample: of a request, what the handler saw; of the others, what is answered.
type wanted struct {
	request *seen
	header  map[string]string
	message string // the sample's own, to be replaced by one of ours
	answer  string
	caused  string // whom the message that it causes is for
}

func (w wanted) check(t *testing.T, name string, sample []byte) {
	t.Helper()
	a, h := images(t)
	if w.message != "" {
		if raw, err := invoke(t, h, sample); err == nil && !bytes.Contains(raw, []byte("itemIdentifier")) {
			t.Errorf("%s: its own message is none of ours, and was taken: %s", name, raw)
		}
		sample = ours(t, sample, w.message)
	}
	raw, err := invoke(t, h, sample)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	if w.request == nil {
		sent := a.arrived()
		if string(raw) != w.answer || len(sent) != 1 || !strings.HasPrefix(sent[0].For.ID, w.caused) {
			t.Errorf("%s: answered %s and caused %+v", name, raw, sent)
		}
		return
	}
	var answer struct {
		StatusCode int
		Body       string
	}
	if err := json.Unmarshal(raw, &answer); err != nil || answer.StatusCode != 200 {
		t.Errorf("%s: %s, %v", name, raw, err)
		return
	}
	got := echoed(t, answer.Body)
	for header, want := range w.header {
		if got.Header.Get(header) != want {
			t.Errorf("%s: %s is %q, want %q", name, header, got.Header.Get(header), want)
		}
	}
	got.Header, got.Form, got.Request, got.Roles = nil, nil, "", nil
	if body(t, got) != body(t, w.request) {
		t.Errorf("%s:\ngot  %s\nwant %s", name, body(t, got), body(t, w.request))
	}
}

const (
	sampleQuery = "parameter1=value1&parameter1=value2&parameter2=value"
	sampleHost  = "id.execute-api.us-east-1.amazonaws.com"
)

// fromHTTP is a request of the HTTP API samples.
func fromHTTP(method, body, remote string) wanted {
	return wanted{request: &seen{Method: method, Target: "/my/path", Query: sampleQuery, Host: sampleHost, Remote: remote, Body: body},
		header: map[string]string{"Cookie": "cookie1; cookie2", "Header1": "value1"}}
}

func fromALB(method, path, query, host, remote, body string) wanted {
	return wanted{request: &seen{Method: method, Target: path, Query: query, Host: host, Remote: remote, Body: body}, header: map[string]string{"X-Forwarded-Port": "80"}}
}

var libraries = map[string]wanted{
	"apigw-v2-request-no-authorizer": {request: &seen{Method: "GET", Target: "/", Host: "aaaaaaaaaa.execute-api.us-west-2.amazonaws.com", Remote: "1.2.3.4:0"},
		header: map[string]string{"Cookie": "", "X-Forwarded-Port": "443"}},
	"apigw-v2-request-jwt-authorizer":    fromHTTP("GET", "{\r\n\t\"a\": 1\r\n}", ""),
	"apigw-v2-request-lambda-authorizer": fromHTTP("GET", "{\r\n\t\"a\": 1\r\n}", ""),
	"apigw-v2-request-iam":               fromHTTP("GET", "{\r\n\t\"a\": 1\r\n}", ""),
	"lambda-urls-request": {request: &seen{Method: "POST", Target: "/my/path", Query: sampleQuery, Host: "<url-id>.lambda-url.us-west-2.on.aws", Remote: "123.123.123.123:0", Body: "Hello from client!"},
		header: map[string]string{"Cookie": "cookie1; cookie2", "Header2": "value1,value2"}},
	"alb-lambda-target-request-headers-only":       fromALB("GET", "/", "key=hello", "lambda-test-alb-1334523864.us-east-1.elb.amazonaws.com", "25.12.198.67:0", ""),
	"alb-lambda-target-request-multivalue-headers": fromALB("GET", "/", "key=hello", "lambda-test-alb-1234567.us-east-1.elb.amazonaws.com", "72.21.198.67:0", ""),
	"sqs-event":             {message: `"Message Body"`, answer: `{"batchItemFailures":[]}`, caused: "of-m-1"},
	"sns-event":             {message: `"Hello from SNS!"`, caused: "of-m-1"},
	"s3-event":              {caused: "of-s3-"},
	"s3-event-with-decoded": {caused: "of-s3-"},
}

// TestEverySampleOfTheLibrary: each of the events of aws-lambda-go that a service is for comes out right, and each other is refused with a
// reason, or handed back.
func TestEverySampleOfTheLibrary(t *testing.T) {
	t.Parallel()
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/aws/aws-lambda-go").Output()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "events", "testdata", "*.json"))
	if err != nil || len(files) < 100 {
		t.Fatalf("%d samples, %v", len(files), err)
	}
	met := 0
	for _, file := range files {
		sample, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		if want, is := libraries[name]; is {
			met++
			want.check(t, name, sample)
			continue
		}
		a, h := images(t)
		answer, err := invoke(t, h, sample)
		if err == nil || answer != nil || len(a.arrived()) != 0 {
			t.Errorf("%s is none of ours, and was answered %s, %v", name, answer, err)
		}
	}
	if met != len(libraries) {
		t.Errorf("%d of the %d samples that we know are there", met, len(libraries))
	}
}

// TestSamplesOfSAM: what sam local generate-event makes for the events that a function of ours may get.
func TestSamplesOfSAM(t *testing.T) {
	t.Parallel()
	sam := os.Getenv("BANYAN_SAM")
	if sam == "" {
		t.Skip("BANYAN_SAM is not the path of sam")
	}
	http := fromHTTP("POST", `{"test":"body"}`, "")
	http.request.Target = "/path/to/resource"
	for arguments, want := range map[string]wanted{
		"apigateway http-api-proxy":  http,
		"alb request":                fromALB("POST", "/path/to/resource", "query=1234ABCD", "lambda-alb-123578498.us-east-2.elb.amazonaws.com", "72.12.164.125:0", `{"test":"body"}`),
		"sqs receive-message":        {message: `"Hello from SQS!"`, answer: `{"batchItemFailures":[]}`, caused: "of-m-1"},
		"sns notification":           {message: `"example message"`, caused: "of-m-1"},
		"s3 put":                     {caused: "of-s3-"},
		"cloudwatch scheduled-event": {caused: "tick"},
	} {
		t.Run(arguments, func(t *testing.T) {
			t.Parallel()
			c := exec.CommandContext(t.Context(), sam, append([]string{"local", "generate-event"}, strings.Fields(arguments)...)...)
			c.Env = append(os.Environ(), "SAM_CLI_TELEMETRY=0")
			sample, err := c.Output()
			if err != nil {
				t.Fatal(err)
			}
			want.check(t, arguments, sample)
		})
	}
}

// TestOurPosts: the donor's form and the front end's request, as an HTTP API hands them over: neither is text of a kind that it leaves
// as it is, but JSON.
func TestOurPosts(t *testing.T) {
	t.Parallel()
	_, h := images(t)
	form := url.Values{"submitted[amount]": {"10.50"}, "submitted[name]": {"Zoë O’Example"}, "submitted[giftaid][yes]": {"yes"}, "form_id": {"webform_client_form_12"}}
	var parts bytes.Buffer
	boundary := "----banyan"
	for name, values := range form {
		parts.WriteString("--" + boundary + "\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + values[0] + "\r\n")
	}
	parts.WriteString("--" + boundary + "--\r\n")
	for kind, post := range map[string]string{
		"application/x-www-form-urlencoded":         form.Encode(),
		"multipart/form-data; boundary=" + boundary: parts.String(),
		"":                 form.Encode(), // a browser extension that loses the type
		"application/json": `{"amount":"10.50"}`,
	} {
		e := get("POST", "/echo")
		e.Body = post
		if kind != "" {
			e.Headers["content-type"] = kind
		}
		if kind != "application/json" {
			e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString([]byte(post)), true
		}
		got := echoed(t, ask(t, h, e).Body)
		if got.Body != post || got.Header.Get("Content-Type") != kind {
			t.Errorf("%s: %q", kind, got.Body)
		}
		if kind == "application/x-www-form-urlencoded" && !slices.Equal(got.Form["submitted[name]"], form["submitted[name]"]) {
			t.Errorf("%v", got.Form)
		}
	}
}
