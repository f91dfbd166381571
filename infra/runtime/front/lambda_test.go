package front

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/banyan-migration/banyan/infra/runtime"
)

// function is what is invoked in a test; what it answers comes in two parts where it is streamed.
type function func(runtime.Call) runtime.Answer

func (f function) Invoke(_ context.Context, call runtime.Call) (runtime.Answer, error) {
	if call.Function == "closed" {
		return runtime.Answer{}, runtime.ErrClosed
	}
	return f(call), nil
}

func (f function) Stream(ctx context.Context, call runtime.Call, begin func(version, request string), to io.Writer) (runtime.Answer, error) {
	a, err := f.Invoke(ctx, call)
	if err != nil || a.Status != 200 {
		return a, err
	}
	begin(a.Version, a.Request)
	if a.Error == "" {
		half := len(a.Payload) / 2
		to.Write(a.Payload[:half])
		to.Write(a.Payload[half:])
		a.Payload = nil
	}
	return a, nil
}

// played answers by the function's name.
func played(call runtime.Call) runtime.Answer {
	name, qualifier, _ := strings.Cut(call.Function, ":")
	switch {
	case name == "full":
		return runtime.Answer{Status: 429, Exception: "TooManyRequestsException", Request: "r-1",
			Payload: []byte(`{"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."}`)}
	case call.Dry:
		return runtime.Answer{Status: 204, Request: "r-1"}
	case call.Event:
		return runtime.Answer{Status: 202, Request: "r-1"}
	case name == "broken":
		return runtime.Answer{Status: 200, Error: "Unhandled", Version: "1", Request: "r-1", Payload: []byte(`{"errorType":"Tape","errorMessage":"cut"}`)}
	}
	a := runtime.Answer{Status: 200, Version: "7", Request: "r-1", Payload: []byte(`{"q":"` + qualifier + `","c":"` + call.ClientContext + `","p":` + string(call.Payload) + `}`)}
	if call.Tail {
		a.LogTail = []byte("START…")
	}
	return a
}

func client(t *testing.T) (*lambda.Client, string) {
	t.Helper()
	server := httptest.NewServer(Lambda(function(played)))
	t.Cleanup(server.Close)
	return lambda.New(lambda.Options{Region: "eu-west-1", BaseEndpoint: aws.String(server.URL), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")}), server.URL
}

func TestAWSsOwnClientInvokes(t *testing.T) {
	t.Parallel()
	c, _ := client(t)
	for _, name := range []string{"donate", "arn:aws:lambda:eu-west-1:123456789012:function:donate"} {
		out, err := c.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: &name, Qualifier: aws.String("live"), Payload: []byte("1"),
			LogType: types.LogTypeTail, ClientContext: aws.String("e30=")})
		if err != nil {
			t.Fatal(err)
		}
		want := `{"q":"live","c":"e30=","p":1}`
		if strings.HasPrefix(name, "arn:") {
			want = `{"q":"aws:lambda:eu-west-1:123456789012:function:donate:live","c":"e30=","p":1}`
		}
		if string(out.Payload) != want || *out.ExecutedVersion != "7" || *out.LogResult != "U1RBUlTigKY=" || out.FunctionError != nil || out.StatusCode != 200 {
			t.Errorf("%s %+v", out.Payload, out)
		}
	}
	out, err := c.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("donate"), InvocationType: types.InvocationTypeEvent})
	if err != nil || out.StatusCode != 202 || len(out.Payload) != 0 {
		t.Errorf("%+v %v", out, err)
	}
	out, err = c.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("donate"), InvocationType: types.InvocationTypeDryRun})
	if err != nil || out.StatusCode != 204 {
		t.Errorf("%+v %v", out, err)
	}
	out, err = c.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("broken")})
	if err != nil || *out.FunctionError != "Unhandled" || !strings.Contains(string(out.Payload), "Tape") {
		t.Errorf("%+v %v", out, err)
	}
	_, err = c.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("full")})
	var full *types.TooManyRequestsException
	if !errors.As(err, &full) || full.Reason != "ReservedFunctionConcurrentInvocationLimitExceeded" || *full.Message != "Rate Exceeded." {
		t.Errorf("%v", err)
	}
	_, err = c.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("closed")})
	var gone *types.ServiceException
	if !errors.As(err, &gone) {
		t.Errorf("%v", err)
	}
}

func TestAWSsOwnClientReadsAStream(t *testing.T) {
	t.Parallel()
	c, _ := client(t)
	read := func(name string) (text, code, details, log string) {
		t.Helper()
		out, err := c.InvokeWithResponseStream(t.Context(), &lambda.InvokeWithResponseStreamInput{FunctionName: &name, Payload: []byte("1"), LogType: types.LogTypeTail})
		if err != nil {
			t.Fatal(err)
		}
		stream := out.GetStream()
		defer stream.Close()
		for e := range stream.Events() {
			switch e := e.(type) {
			case *types.InvokeWithResponseStreamResponseEventMemberPayloadChunk:
				text += string(e.Value.Payload)
			case *types.InvokeWithResponseStreamResponseEventMemberInvokeComplete:
				code, details, log = aws.ToString(e.Value.ErrorCode), aws.ToString(e.Value.ErrorDetails), aws.ToString(e.Value.LogResult)
			}
		}
		if err := stream.Err(); err != nil {
			t.Error(err)
		}
		return text, code, details, log
	}
	if text, code, _, log := read("donate"); text != `{"q":"","c":"","p":1}` || code != "" || log != "U1RBUlTigKY=" {
		t.Errorf("%q %q %q", text, code, log)
	}
	if text, code, details, _ := read("broken"); text != "" || code != "Tape" || details != `{"errorType":"Tape","errorMessage":"cut"}` {
		t.Errorf("%q %q %q", text, code, details)
	}
	_, err := c.InvokeWithResponseStream(t.Context(), &lambda.InvokeWithResponseStreamInput{FunctionName: aws.String("full")})
	var full *types.TooManyRequestsException
	if !errors.As(err, &full) {
		t.Errorf("%v", err)
	}
}

func TestInvocationsThatAreRefused(t *testing.T) {
	t.Parallel()
	_, url := client(t)
	for header, value := range map[string]string{"X-Amz-Invocation-Type": "Later", "X-Amz-Client-Context": strings.Repeat("x", 3584)} {
		req, err := http.NewRequest("POST", url+"/2015-03-31/functions/donate/invocations", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set(header, value)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != 400 || resp.Header.Get("X-Amzn-ErrorType") != "InvalidParameterValueException" || !strings.Contains(string(body), `"Type":"User"`) {
			t.Errorf("%s: %d %s", header, resp.StatusCode, body)
		}
	}
}
