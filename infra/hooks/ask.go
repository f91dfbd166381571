package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/banyan-migration/banyan/shared/mark"
)

// request is one HTTP request to a function.
type request struct {
	method, target string // target: path, and query if any
	key            string // Idempotency-Key; empty: none
	bearer         string // empty: nobody in particular asks
	body           any    // written as JSON; nil: none
}

// ask sends a request to a function as an HTTP API would, marked as test, and reads the answer's body into into, whose
// status must be want.
func (t *trial) ask(ctx context.Context, function, what string, r request, want int, into any) error {
	t.at = what
	body := []byte(nil)
	if r.body != nil {
		var err error
		if body, err = json.Marshal(r.body); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	raw, err := t.invoke(ctx, function, t.http(r, body))
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	var a events.APIGatewayV2HTTPResponse
	if err := json.Unmarshal(raw, &a); err != nil || a.StatusCode == 0 {
		return fmt.Errorf("%s: what came back is no HTTP answer: is NEW_VERSION a service?", what)
	}
	if a.IsBase64Encoded {
		plain, err := base64.StdEncoding.DecodeString(a.Body)
		if err != nil {
			return fmt.Errorf("%s: the answer says that it is base64, and is not: %w", what, err)
		}
		a.Body = string(plain)
	}
	if a.StatusCode != want {
		return fmt.Errorf("%s: answered %d, want %d: %s", what, a.StatusCode, want, message(a.Body))
	}
	if err := json.Unmarshal([]byte(a.Body), into); err != nil {
		return fmt.Errorf("%s: answered %d with what is not the JSON that it should be: %w", what, want, err)
	}
	t.log.Info("asked", "what", what, "status", a.StatusCode)
	return nil
}

// http is the event of an HTTP API, payload format 2.0.
func (t *trial) http(r request, body []byte) events.APIGatewayV2HTTPRequest {
	path, query, _ := strings.Cut(r.target, "?")
	at := t.now().UTC()
	e := events.APIGatewayV2HTTPRequest{
		Version: "2.0", RouteKey: "$default", RawPath: path, RawQueryString: query,
		Headers: map[string]string{"accept": "application/json", "user-agent": agent, "x-forwarded-for": "127.0.0.1", "x-forwarded-proto": "https"},
		Body:    string(body),
		RequestContext: events.APIGatewayV2HTTPRequestContext{
			RouteKey: "$default", Stage: "$default", RequestID: t.once, Time: at.Format("02/Jan/2006:15:04:05 -0700"), TimeEpoch: at.UnixMilli(),
			HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{Method: r.method, Path: path, Protocol: "HTTP/1.1", SourceIP: "127.0.0.1", UserAgent: agent},
		},
	}
	if values, err := url.ParseQuery(query); err == nil && query != "" {
		e.QueryStringParameters = map[string]string{}
		for name, v := range values {
			e.QueryStringParameters[name] = strings.Join(v, ",")
		}
	}
	if body != nil {
		e.Headers["content-type"] = "application/json"
	}
	if r.key != "" {
		e.Headers["idempotency-key"] = r.key
	}
	if r.bearer != "" {
		e.Headers["authorization"] = "Bearer " + r.bearer
	}
	if t.keys != nil {
		e.Headers[strings.ToLower(mark.Header)] = t.keys.Sign(t.keys.First(), mark.Test, at, r.method, r.target, body)
	}
	return e
}

const agent = "banyan-deployment-hook"

// invoke calls a function and waits for its answer. Before the traffic moves the version that ran must be the one that
// was asked for.
func (t *trial) invoke(ctx context.Context, function string, event any) ([]byte, error) {
	payload, err := json.Marshal(event)
	if err != nil {
		return nil, err
	}
	out, err := granted(ctx, t.hook, t.at, func() (*lambda.InvokeOutput, error) {
		return t.lambda.Invoke(ctx, &lambda.InvokeInput{FunctionName: &function, Payload: payload})
	})
	if err != nil {
		return nil, err
	}
	if out.FunctionError != nil {
		var failed struct{ ErrorType, ErrorMessage string }
		if err := json.Unmarshal(out.Payload, &failed); err != nil {
			failed.ErrorMessage = "and did not say how"
		}
		return nil, fmt.Errorf("the function failed: %s: %s", failed.ErrorType, short(failed.ErrorMessage))
	}
	if ran, wanted := aws.ToString(out.ExecutedVersion), qualifier(function); t.phase == "before" && function == t.version && ran != "" && ran != wanted {
		return nil, fmt.Errorf("version %s answered, and %s was asked", ran, wanted)
	}
	return out.Payload, nil
}

// message is what an answer of ours says for a person, or its beginning.
func message(body string) string {
	var said struct {
		Message string              `json:"message"`
		Wrong   map[string][]string `json:"validation_errors"`
	}
	if json.Unmarshal([]byte(body), &said) != nil || said.Message == "" {
		return short(body)
	}
	all := []string{said.Message}
	for field, texts := range said.Wrong {
		all = append(all, field+": "+strings.Join(texts, " "))
	}
	return short(strings.Join(all, "; "))
}

// short is the beginning of a text, for a log line.
func short(s string) string {
	if r := []rune(s); len(r) > 300 {
		return string(r[:300]) + "…"
	}
	return s
}

// enveloped is an answer of a service.
type enveloped[T any] struct {
	Data    T      `json:"data"`
	Message string `json:"message"`
}

// answer asks and takes the envelope off.
func answer[T any](ctx context.Context, t *trial, function, what string, r request, want int) (T, error) {
	var e enveloped[T]
	err := t.ask(ctx, function, what, r, want, &e)
	if err == nil && e.Message != "success" {
		err = fmt.Errorf("%s: the answer's message is %q, want success", what, short(e.Message))
	}
	return e.Data, err
}

// expect is an error that names every field which is not as it should be.
func expect(what string, fields ...field) error {
	var wrong []error
	for _, f := range fields {
		if f.got != f.want {
			wrong = append(wrong, fmt.Errorf("%s: %s is %v, want %v", what, f.name, f.got, f.want))
		}
	}
	return errors.Join(wrong...)
}

type field struct {
	name      string
	got, want any
}
