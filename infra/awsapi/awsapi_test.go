package awsapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
)

// served is a client and an address at which do answers.
func served(t *testing.T, do http.HandlerFunc) (Client, string) {
	t.Helper()
	s := httptest.NewServer(do)
	t.Cleanup(s.Close)
	return Client{Region: "eu-west-2", Credentials: credentials.NewStaticCredentialsProvider("key", "not-so-secret", "")}, s.URL
}

// Each protocol says what it asks in its own way, signed for its service and region, and never with the secret itself.
func TestProtocols(t *testing.T) {
	t.Parallel()
	var got string
	c, at := served(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || strings.Contains(fmt.Sprint(r.Header, string(body)), "not-so-secret") {
			t.Errorf("%v %s %v", r.Header, body, err)
		}
		_, scope, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=key/")
		scope, _, _ = strings.Cut(scope, ",")
		got = strings.Join([]string{r.Method, r.URL.Path, r.Header.Get("X-Amz-Target"), string(body), scope[min(8, len(scope)):]}, " ")
		if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form") {
			fmt.Fprint(w, "<R><N>3</N></R>")
			return
		}
		fmt.Fprint(w, `{"N":3}`)
	})
	var out struct{ N int }
	for _, one := range []struct {
		ask  func(context.Context) error
		want string
	}{
		{func(ctx context.Context) error {
			return c.JSON(ctx, "sqs", at+"/", "AmazonSQS.Ask", map[string]int{"A": 1}, &out)
		}, `POST / AmazonSQS.Ask {"A":1} /eu-west-2/sqs/aws4_request`},
		{func(ctx context.Context) error {
			return c.REST(ctx, "lambda", http.MethodGet, at+"/2015-03-31/functions?MaxItems=1", nil, &out)
		}, `GET /2015-03-31/functions   /eu-west-2/lambda/aws4_request`},
		{func(ctx context.Context) error {
			return c.Query(ctx, "sns", at+"/", "2010-03-31", "List", url.Values{"B": {"2"}}, &out)
		}, `POST /  Action=List&B=2&Version=2010-03-31 /eu-west-2/sns/aws4_request`},
	} {
		out.N = 0
		if err := one.ask(t.Context()); err != nil || out.N != 3 || got != one.want {
			t.Errorf("%q, %+v, %v; want %q", got, out, err, one.want)
		}
	}
}

// What AWS refuses is told with its own name for it, in whichever protocol it says so; what is no answer is told as that.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status       int
		header, body string
		want         Error
	}{
		{400, "", `{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"no such queue"}`, Error{Code: "QueueDoesNotExist", Message: "no such queue"}},
		{404, "", `<ErrorResponse><Error><Code>NotFound</Code><Message>no such topic</Message></Error></ErrorResponse>`, Error{Code: "NotFound", Message: "no such topic"}},
		{403, "AccessDeniedException", `{"Message":"no"}`, Error{Code: "AccessDeniedException", Message: "no"}},
		{502, "", `<html>bad gateway`, Error{}},
	} {
		client, at := served(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Amzn-Errortype", c.header)
			w.WriteHeader(c.status)
			fmt.Fprint(w, c.body)
		})
		c.want.Service, c.want.Operation, c.want.Status = "sqs", "Ask", c.status
		err := client.JSON(t.Context(), "sqs", at, "AmazonSQS.Ask", nil, nil)
		if e := (*Error)(nil); !errors.As(err, &e) || *e != c.want {
			t.Errorf("%v, want %v", err, &c.want)
		}
	}
	client, at := served(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") })
	var out json.RawMessage
	if err := client.JSON(t.Context(), "sqs", at, "AmazonSQS.Ask", nil, &out); err == nil || !strings.Contains(err.Error(), "cannot be read") {
		t.Errorf("%v", err)
	}
}
