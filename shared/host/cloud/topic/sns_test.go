package topic

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/banyan-migration/banyan/shared/event"
	"github.com/banyan-migration/banyan/shared/host"
	"github.com/banyan-migration/banyan/shared/host/cloud"
)

const topicARN = "arn:aws:sns:eu-west-1:111122223333:banyan-dev"

var noon = time.Date(2026, 3, 13, 12, 0, 0, 0, time.UTC)

// server plays PublishBatch: it keeps what it took, and meets each call, by its number from 1, with what fault says.
type server struct {
	fault func(call int) fault

	mu    sync.Mutex
	calls int
	took  []string // ids of messages, as often as they came
	sizes []int    // messages a call
}

// fault is what befalls a call.
type fault struct {
	code    string            // nothing is taken, and this is the error
	status  int               // of the error; 0: 400
	lost    bool              // all is taken, and no answer comes
	silent  bool              // nothing comes at all
	entries map[string]string // message ids to codes; a code that begins with ! is the sender's fault
	forgets string            // a message id of which nothing is said
}

func (s *server) Do(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.calls++
	f := fault{}
	if s.fault != nil {
		f = s.fault(s.calls)
	}
	s.mu.Unlock()
	w := httptest.NewRecorder()
	switch {
	case f.silent:
		<-r.Context().Done()
		return nil, r.Context().Err()
	case f.code != "" || f.status != 0:
		w.WriteHeader(max(f.status, 400))
		fmt.Fprintf(w, "<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>a fault was asked for</Message></Error></ErrorResponse>", f.code)
	default:
		fmt.Fprint(w, "<PublishBatchResponse><PublishBatchResult>", s.take(form, f), "</PublishBatchResult></PublishBatchResponse>")
	}
	if f.lost {
		return nil, io.ErrUnexpectedEOF
	}
	return w.Result(), nil
}

func (s *server) take(form url.Values, f fault) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var done, bad strings.Builder
	n := 0
	for ; form.Has(member(n, "Id")); n++ {
		id := form.Get(member(n, "Id"))
		var m event.Message
		if err := json.Unmarshal([]byte(form.Get(member(n, "Message"))), &m); err != nil {
			panic(err)
		}
		code, failed := f.entries[m.ID]
		switch {
		case failed:
			fmt.Fprintf(&bad, "<member><Id>%s</Id><Code>%s</Code><SenderFault>%t</SenderFault></member>", id, strings.TrimPrefix(code, "!"), strings.HasPrefix(code, "!"))
		case m.ID == f.forgets:
		default:
			s.took = append(s.took, m.ID)
			fmt.Fprintf(&done, "<member><Id>%s</Id><MessageId>m</MessageId></member>", id)
		}
	}
	s.sizes = append(s.sizes, n)
	return "<Successful>" + done.String() + "</Successful><Failed>" + bad.String() + "</Failed>"
}

func member(n int, field string) string {
	return "PublishBatchRequestEntries.member." + strconv.Itoa(n+1) + "." + field
}

// function is one whose AWS is this.
func function(client aws.HTTPClient, endpoint, topic string) *cloud.Function {
	return &cloud.Function{Name: "donate",
		AWS: aws.Config{Region: "eu-west-1", HTTPClient: client, BaseEndpoint: &endpoint, Credentials: aws.CredentialsProviderFunc(
			func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
			})},
		Env: host.Env{Log: slog.New(slog.DiscardHandler), Getenv: func(name string) string {
			if name == "TOPIC" {
				return topic
			}
			return ""
		}}}
}

// sending is a function's Send into a server.
func sending(t *testing.T, s *server) func(context.Context, []event.Message) ([]string, error) {
	t.Helper()
	f := function(s, "http://sns.example", topicARN)
	if err := Send(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	return f.Send
}

// messages are n of them, m1 and on, with data of some bytes.
func messages(n, size int) []event.Message {
	var all []event.Message
	for i := range n {
		all = append(all, event.New(fmt.Sprintf("m%d", i+1), event.PaymentsRequested, noon, event.For{Service: "donate", ID: "g-1"}, strings.Repeat("x", size)))
	}
	return all
}
