package feed

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/banyan-migration/banyan/infra/awsapi"
	"github.com/banyan-migration/banyan/infra/fakes/messages"
	"github.com/banyan-migration/banyan/infra/runtime"
)

// function is what is invoked in a test.
type function func(runtime.Call) runtime.Answer

func (f function) Invoke(_ context.Context, call runtime.Call) (runtime.Answer, error) {
	return f(call), nil
}

// world is a queue with dead letters after two tries, whose messages come back at once.
type world struct {
	server *messages.Server
	client *sqs.Client
	queue  *Queue
	failed chan error
}

func newWorld(t *testing.T, f function) *world {
	t.Helper()
	w := &world{server: &messages.Server{}, failed: make(chan error, 1000)}
	http := httptest.NewServer(w.server)
	t.Cleanup(http.Close)
	w.client = sqs.New(sqs.Options{Region: "eu-west-1", BaseEndpoint: aws.String(http.URL),
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")})
	made := func(name string, attributes map[string]string) string {
		t.Helper()
		out, err := w.client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
		if err != nil {
			t.Fatal(err)
		}
		return *out.QueueUrl
	}
	made("dead", nil)
	url := made("donate", map[string]string{"VisibilityTimeout": "0",
		"RedrivePolicy": `{"deadLetterTargetArn":"` + messages.ARN("dead") + `","maxReceiveCount":2}`})
	w.queue = &Queue{Invoker: f, Function: "donate:live", Endpoint: http.URL, URL: url, AWS: awsapi.Client{Region: "eu-west-1", Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")}, ARN: messages.ARN("donate"), Pollers: 1,
		Wait: time.Second, Failed: func(err error) { w.failed <- err }}
	return w
}

func (w *world) send(t *testing.T, bodies ...string) {
	t.Helper()
	for _, body := range bodies {
		if _, err := w.client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &w.queue.URL, MessageBody: &body,
			MessageAttributes: map[string]types.MessageAttributeValue{"type": {DataType: aws.String("String"), StringValue: aws.String("gift")}}}); err != nil {
			t.Fatal(err)
		}
	}
}

// run polls until nothing is left in the queue.
func (w *world) run(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		w.queue.Run(ctx)
		close(ended)
	}()
	for end := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		if visible, received, delayed := w.server.Waiting("donate"); visible+received+delayed == 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the queue is not empty within a minute")
		}
	}
	cancel()
	<-ended
}

func (w *world) dead(t *testing.T) int {
	t.Helper()
	visible, received, delayed := w.server.Waiting("dead")
	return visible + received + delayed
}

func TestMessagesComeAsAnEventAndGo(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var got []events.SQSMessage
	var raw []byte
	w := newWorld(t, func(call runtime.Call) runtime.Answer {
		mu.Lock()
		defer mu.Unlock()
		var event events.SQSEvent
		decoder := json.NewDecoder(strings.NewReader(string(call.Payload)))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&event); err != nil || call.Function != "donate:live" {
			t.Errorf("%s: %v", call.Payload, err)
		}
		got, raw = append(got, event.Records...), call.Payload
		return runtime.Answer{Status: 200, Payload: []byte("null")}
	})
	w.queue.Batch = 4
	w.send(t, "one", "two", "three", "four", "five")
	w.run(t)
	var bodies []string
	for _, m := range got {
		bodies = append(bodies, m.Body)
		if m.MessageId == "" || m.ReceiptHandle == "" || m.Md5OfBody == "" || m.EventSource != "aws:sqs" || m.AWSRegion != "eu-west-1" ||
			m.EventSourceARN != messages.ARN("donate") || m.Attributes["ApproximateReceiveCount"] == "" || *m.MessageAttributes["type"].StringValue != "gift" {
			t.Errorf("%+v", m)
		}
	}
	slices.Sort(bodies)
	if !slices.Equal(slices.Compact(bodies), []string{"five", "four", "one", "three", "two"}) {
		t.Errorf("messages %v", bodies)
	}
	if !strings.Contains(string(raw), `"messageAttributes":{"type":{"stringValue":"gift","stringListValues":[],"binaryListValues":[],"dataType":"String"}}`) {
		t.Errorf("%s", raw)
	}
	if w.dead(t) != 0 {
		t.Error("a message has died")
	}
}

// TestABatchEndsAtWhatAnInvocationTakes: messages that are fine by themselves do not die for coming together.
func TestABatchEndsAtWhatAnInvocationTakes(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	got := map[string]int{}
	w := newWorld(t, func(call runtime.Call) runtime.Answer {
		mu.Lock()
		defer mu.Unlock()
		if len(call.Payload) > 6*1024*1024 {
			return runtime.Answer{Status: 413}
		}
		var event events.SQSEvent
		if err := json.Unmarshal(call.Payload, &event); err != nil {
			t.Error(err)
		}
		for _, m := range event.Records {
			got[m.Body[:1]]++
		}
		return runtime.Answer{Status: 200, Payload: []byte("null")}
	})
	for _, letter := range []string{"a", "b", "c", "d", "e", "f", "g"} {
		w.send(t, letter+strings.Repeat("x", 1_000_000))
	}
	w.run(t)
	if len(got) != 7 || w.dead(t) != 0 {
		t.Errorf("%v came, %d died", got, w.dead(t))
	}
}

func TestAPoisonMessageDiesAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(call runtime.Call) runtime.Answer {
		var event events.SQSEvent
		if err := json.Unmarshal(call.Payload, &event); err != nil {
			t.Error(err)
		}
		var failures []map[string]string
		for _, m := range event.Records {
			if m.Body == "poison" {
				failures = append(failures, map[string]string{"itemIdentifier": m.MessageId})
			}
		}
		text, _ := json.Marshal(map[string]any{"batchItemFailures": failures})
		return runtime.Answer{Status: 200, Payload: text}
	})
	w.queue.Partial = true
	w.send(t, "good", "poison", "good")
	w.run(t)
	if n := w.dead(t); n != 1 {
		t.Errorf("%d dead letters", n)
	}
}

func TestAFailedBatchComesAgain(t *testing.T) {
	t.Parallel()
	var calls int
	w := newWorld(t, func(runtime.Call) runtime.Answer {
		calls++
		if calls == 1 {
			return runtime.Answer{Status: 200, Error: "Unhandled", Payload: []byte(`{"errorMessage":"no"}`)}
		}
		return runtime.Answer{Status: 200}
	})
	w.send(t, "one")
	w.run(t)
	if calls != 2 || w.dead(t) != 0 || len(w.failed) != 1 {
		t.Errorf("%d calls, %d dead, %d failures told", calls, w.dead(t), len(w.failed))
	}
}

func TestWhatIsThrottledIsNoTry(t *testing.T) {
	t.Parallel()
	var calls int
	w := newWorld(t, func(runtime.Call) runtime.Answer {
		if calls++; calls < 4 {
			return runtime.Answer{Status: 429, Exception: "TooManyRequestsException"}
		}
		return runtime.Answer{Status: 200}
	})
	w.send(t, "one")
	w.run(t)
	if calls != 4 || w.dead(t) != 0 {
		t.Errorf("%d calls, %d dead", calls, w.dead(t))
	}
}

func TestAQueueThatIsAwayIsPolledAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(runtime.Call) runtime.Answer { return runtime.Answer{Status: 200} })
	var faults int
	w.server.Faults = func(operation string) *messages.Fault {
		if faults++; operation == "ReceiveMessage" && faults < 3 {
			return &messages.Fault{Code: "ServiceUnavailable", Status: 503}
		}
		return nil
	}
	w.send(t, "one")
	w.run(t)
	if err := <-w.failed; !strings.Contains(err.Error(), "503") || !strings.Contains(err.Error(), "donate") {
		t.Error(err)
	}
}

func TestReportsOfFailures(t *testing.T) {
	t.Parallel()
	for payload, want := range map[string]string{
		``: "[] true", `null`: "[] true", `{}`: "[] true", `"text"`: "[] true", `{"batchItemFailures":null}`: "[] true",
		`{"batchItemFailures":[]}`: "[] true", `{"batchItemFailures":[{"itemIdentifier":"a"},{"itemIdentifier":"b"}]}`: "[a b] true",
		`{"batchItemFailures":[{"itemIdentifier":""}]}`: "[] false", `{"batchItemFailures":[{}]}`: "[] false",
		`{"batchItemFailures":"a"}`: "[] false", `{`: "[] false",
	} {
		failed, ok := failures([]byte(payload))
		var names []string
		for name := range failed {
			names = append(names, name)
		}
		slices.Sort(names)
		if got := fmt.Sprint(names, ok); got != want {
			t.Errorf("%s: %s, want %s", payload, got, want)
		}
	}
}

func FuzzFailures(f *testing.F) {
	f.Add([]byte(`{"batchItemFailures":[{"itemIdentifier":"a"}]}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		failed, ok := failures(payload)
		if failed[""] || (!ok && len(failed) > 0) {
			t.Errorf("%q: %v %v", payload, failed, ok)
		}
	})
}

func TestSchedule(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		calls := make(chan runtime.Call, 10)
		refused := 0
		s := &Schedule{Function: "donate:live", Every: time.Minute, ARN: "arn:aws:events:eu-west-1:123456789012:rule/tick",
			Failed: func(error) { refused++ },
			Invoker: function(func(call runtime.Call) runtime.Answer {
				calls <- call
				return runtime.Answer{Status: 202 + 227*(len(calls)-1)}
			})}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			s.Run(ctx)
			close(ended)
		}()
		time.Sleep(2*time.Minute + time.Second)
		cancel()
		<-ended
		if len(calls) != 2 || refused != 1 {
			t.Fatalf("%d calls in two minutes, %d refused", len(calls), refused)
		}
		call := <-calls
		var event events.EventBridgeEvent
		if err := json.Unmarshal(call.Payload, &event); err != nil || !call.Event || call.Function != "donate:live" {
			t.Fatalf("%+v %v", call, err)
		}
		if event.DetailType != "Scheduled Event" || event.Source != "aws.events" || event.Resources[0] != s.ARN || event.ID == "" ||
			string(event.Detail) != "{}" || event.Version != "0" || event.Time.IsZero() || event.AccountID != "123456789012" || event.Region != "eu-west-1" {
			t.Errorf("%s", call.Payload)
		}
	})
}
