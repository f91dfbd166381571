package messages

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	snstypes "github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

func opened(t *testing.T, file string) (world, *Server) {
	t.Helper()
	s, err := Open(file)
	if err != nil {
		t.Fatal(err)
	}
	return at(t, "http://messages.example", s), s
}

// furnished has a topic, a queue that hears it all, and that queue's dead letters.
func furnished(w world) (topic, url, dead string) {
	w.Helper()
	dead, deadARN := w.queue("dead", nil)
	url, arn := w.queue("work", map[string]string{"RedrivePolicy": `{"deadLetterTargetArn":"` + deadARN + `","maxReceiveCount":"3"}`})
	topic = *must[*sns.CreateTopicOutput](w)(w.sns.CreateTopic(w.Context(), &sns.CreateTopicInput{Name: aws.String("all")})).TopicArn
	must[*sns.SubscribeOutput](w)(w.sns.Subscribe(w.Context(), &sns.SubscribeInput{TopicArn: &topic, Protocol: aws.String("sqs"), Endpoint: &arn,
		Attributes: map[string]string{"RawMessageDelivery": "true"}}))
	return topic, url, dead
}

func (w world) published(topic, body string) {
	w.Helper()
	must[*sns.PublishOutput](w)(w.sns.Publish(w.Context(), &sns.PublishInput{TopicArn: &topic, Message: &body}))
}

// Whatever was answered is there after an end that asked nobody, torn last line or not; what somebody had received can be
// received again, and its count goes on.
func TestWhatWasAnsweredOutlivesAnEnd(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "messages.journal")
	w, _ := opened(t, file) // and never closed
	topic, url, _ := furnished(w)
	for _, body := range []string{"kept", "deleted", "received"} {
		w.published(topic, body)
	}
	for _, m := range w.receive(url, 1, 600) {
		switch *m.Body {
		case "deleted":
			must[*sqs.DeleteMessageOutput](w)(w.sqs.DeleteMessage(w.Context(), &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: m.ReceiptHandle}))
		case "kept":
			must[*sqs.ChangeMessageVisibilityOutput](w)(w.sqs.ChangeMessageVisibility(w.Context(), &sqs.ChangeMessageVisibilityInput{QueueUrl: &url, ReceiptHandle: m.ReceiptHandle}))
		}
	}
	for n := range 3 { // each start rewrites the file
		f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.WriteString(`12345678 {"Put":[{"Queue":"work","ID"`)
		if err != nil || f.Close() != nil {
			t.Fatal(err)
		}
		w, s := opened(t, file)
		if again, urlAgain, _ := furnished(w); again != topic || urlAgain != url {
			t.Errorf("topic %s, queue %s", again, urlAgain)
		}
		if n < 2 {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			continue
		}
		w.published(topic, "new")
		bodies, _ := w.bodies(url, 3)
		if !slices.Equal(bodies, []string{"kept", "new", "received"}) {
			t.Errorf("%q", bodies)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A message that is received and not deleted comes back when its time is over, to who waits for it; the third time to the
// dead letters.
func TestTimeBringsMessagesBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &Server{}
		w := at(t, "http://messages.example", s)
		topic, url, dead := furnished(w)
		began := time.Now()
		time.AfterFunc(7*time.Second, func() { w.published(topic, "late") })
		if got := w.receive(url, 20, 30); len(got) != 1 || time.Since(began) != 7*time.Second {
			t.Errorf("%d after %v", len(got), time.Since(began))
		}
		if got := w.receive(url, 20, 30); len(got) != 0 || time.Since(began) != 27*time.Second {
			t.Errorf("%d after %v", len(got), time.Since(began))
		}
		if visible, received, _ := s.Waiting("work"); visible != 0 || received != 1 {
			t.Errorf("%d are visible, %d received", visible, received)
		}
		for n, after := range []time.Duration{37, 67} {
			if got := w.receive(url, 20, 30); len(got) != 1 || time.Since(began) != after*time.Second || got[0].Attributes["ApproximateReceiveCount"] != fmt.Sprint(n+2) {
				t.Errorf("%+v after %v", got, time.Since(began))
			}
			if n == 0 {
				time.Sleep(10 * time.Second) // the bubble's own time
			}
		}
		time.Sleep(30 * time.Second)
		if got := w.receive(url, 0, 30); len(got) != 0 {
			t.Errorf("a fourth time: %+v", got)
		}
		got := w.receive(dead, 0, 30)
		if len(got) != 1 || *got[0].Body != "late" || !strings.HasSuffix(got[0].Attributes["DeadLetterQueueSourceArn"], ":work") {
			t.Errorf("dead: %+v", got)
		}
		must[*sqs.SendMessageOutput](w)(w.sqs.SendMessage(w.Context(), &sqs.SendMessageInput{QueueUrl: &url, MessageBody: aws.String("delayed"), DelaySeconds: 60}))
		if _, _, delayed := s.Waiting("work"); delayed != 1 {
			t.Errorf("%d are delayed", delayed)
		}
		time.Sleep(60 * time.Second)
		if got := w.receive(url, 0, 30); len(got) != 1 {
			t.Errorf("after its delay: %+v", got)
		}
		time.Sleep(5 * 24 * time.Hour)
		if got := w.receive(url, 0, 30); len(got) != 0 {
			t.Errorf("after four days: %+v", got)
		}
	})
}

// What is asked for goes wrong, and nothing else.
func TestFaults(t *testing.T) {
	t.Parallel()
	s := &Server{}
	w := at(t, "http://messages.example", s)
	topic, url, _ := furnished(w)
	var fault *Fault
	s.Faults = func(operation string) *Fault {
		if strings.HasPrefix(operation, "Publish") || operation == "SendMessageBatch" {
			return fault
		}
		return nil
	}
	publish := func() error {
		_, err := w.sns.Publish(t.Context(), &sns.PublishInput{TopicArn: &topic, Message: aws.String("x")})
		return err
	}
	fault = &Fault{Code: "Throttled", Status: 429}
	if err := publish(); code(err) != "Throttled" {
		t.Errorf("%v", err)
	}
	fault = &Fault{Lost: true}
	if err := publish(); err == nil {
		t.Error("the answer was not lost")
	}
	if got := w.receive(url, 0, 600); len(got) != 1 {
		t.Errorf("%d came of what was refused and what was carried out", len(got))
	}
	fault = &Fault{Part: true}
	var entries []snstypes.PublishBatchRequestEntry
	var sends []types.SendMessageBatchRequestEntry
	for n := range 3 {
		entries = append(entries, snstypes.PublishBatchRequestEntry{Id: aws.String(fmt.Sprint(n)), Message: aws.String("x")})
		sends = append(sends, types.SendMessageBatchRequestEntry{Id: aws.String(fmt.Sprint(n)), MessageBody: aws.String("x")})
	}
	out := must[*sns.PublishBatchOutput](w)(w.sns.PublishBatch(t.Context(), &sns.PublishBatchInput{TopicArn: &topic, PublishBatchRequestEntries: entries}))
	if len(out.Successful) != 2 || len(out.Failed) != 1 || *out.Failed[0].Id != "2" || out.Failed[0].SenderFault {
		t.Errorf("%+v", out)
	}
	sent := must[*sqs.SendMessageBatchOutput](w)(w.sqs.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{QueueUrl: &url, Entries: sends}))
	if len(sent.Successful) != 2 || len(sent.Failed) != 1 || *sent.Failed[0].Id != "2" || sent.Failed[0].SenderFault {
		t.Errorf("%+v", sent)
	}
	if got := w.receive(url, 0, 600); len(got) != 4 {
		t.Errorf("%d came of four", len(got))
	}
}

// Stricter than moto is, as AWS's documentation has it.
func TestStricterThanMoto(t *testing.T) {
	t.Parallel()
	w := at(t, "http://messages.example", &Server{})
	topic, url, _ := furnished(w)
	_, err := w.sqs.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &url, MessageBody: aws.String("a\x01")})
	if code(err) != "InvalidMessageContents" {
		t.Errorf("a control character: %v", err)
	}
	w.published(topic, "x")
	old := w.receive(url, 0, 1)[0].ReceiptHandle
	must[*sqs.ChangeMessageVisibilityOutput](w)(w.sqs.ChangeMessageVisibility(t.Context(), &sqs.ChangeMessageVisibilityInput{QueueUrl: &url, ReceiptHandle: old}))
	other := "b"
	if (*old)[:1] == other {
		other = "c"
	}
	must[*sqs.DeleteMessageOutput](w)(w.sqs.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: aws.String(other + (*old)[1:])}))
	if got := w.receive(url, 5, 1); len(got) != 1 {
		t.Error("it is not there again")
	}
	must[*sqs.DeleteMessageOutput](w)(w.sqs.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: old}))
	if got := w.receive(url, 5, 1); len(got) != 1 {
		t.Error("the handle of an earlier time deleted it")
	}
	for _, policy := range []string{`{`, `{"a":"b"}`, `{"a":[]}`, `{"a":[{"cidr":"10.0.0.0/8"}]}`, `{"a":[{"numeric":["=","x"]}]}`} {
		_, err := w.sns.Subscribe(t.Context(), &sns.SubscribeInput{TopicArn: &topic, Protocol: aws.String("sqs"), Endpoint: aws.String(ARN("dead")), Attributes: map[string]string{"FilterPolicy": policy}})
		if code(err) != "InvalidParameter" {
			t.Errorf("%s: %v", policy, err)
		}
	}
	if _, err := w.sqs.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("dead"), Attributes: map[string]string{"VisibilityTimeout": "1"}}); code(err) != "QueueAlreadyExists" {
		t.Errorf("made again, otherwise: %v", err)
	}
}

func TestFilters(t *testing.T) {
	t.Parallel()
	text := func(kind, v string) map[string]attribute {
		return map[string]attribute{"a": {DataType: kind, StringValue: v}}
	}
	for policy, c := range map[string]struct{ takes, not []map[string]attribute }{
		``:                                      {takes: []map[string]attribute{nil, text("String", "x")}},
		`{"a":["x","y"]}`:                       {[]map[string]attribute{text("String", "y"), text("String.Array", `["z","x"]`)}, []map[string]attribute{nil, text("String", "z"), {"b": {}}}},
		`{"a":[{"prefix":"x."}]}`:               {[]map[string]attribute{text("String", "x.y")}, []map[string]attribute{text("String", "xy"), nil}},
		`{"a":[{"suffix":".y"}]}`:               {[]map[string]attribute{text("String", "x.y")}, []map[string]attribute{text("String", "xy"), nil}},
		`{"a":[{"anything-but":["x"]}]}`:        {[]map[string]attribute{text("String", "y")}, []map[string]attribute{text("String", "x"), nil}},
		`{"a":[{"exists":false}]}`:              {[]map[string]attribute{nil, {"b": {}}}, []map[string]attribute{text("String", "x")}},
		`{"a":[{"numeric":[">=",1,"<",5]}, 7]}`: {[]map[string]attribute{text("Number", "1.0"), text("Number", "7.0"), text("Number", "4.9")}, []map[string]attribute{text("Number", "5"), text("Number", "x"), nil}},
		`{"a":[100]}`:                           {[]map[string]attribute{text("Number", "100.0"), text("String.Array", `["x",100]`)}, []map[string]attribute{text("String", "100"), text("String.Array", `["100"]`)}},
		`{"a":["100"]}`:                         {[]map[string]attribute{text("String", "100"), text("String.Array", `["100"]`)}, []map[string]attribute{text("Number", "100"), text("String.Array", `[100]`)}},
		`{"a":[{"numeric":["=",100]}]}`:         {[]map[string]attribute{text("Number", "100"), text("String.Array", `[100]`)}, []map[string]attribute{text("String", "100"), text("String.Array", `["100"]`)}},
		`{"a":[true]}`:                          {[]map[string]attribute{text("String.Array", `["x",true]`)}, []map[string]attribute{text("String", "true"), text("String.Array", `[false,"true"]`), nil}},
		`{"a":[null]}`:                          {[]map[string]attribute{text("String.Array", `[null]`)}, []map[string]attribute{text("String", "null"), text("String.Array", `[""]`), text("Binary", ""), nil}},
		`{"a":[{"prefix":"1"}]}`:                {[]map[string]attribute{text("String", "100")}, []map[string]attribute{text("Number", "100")}},
		`{"a":["x"],"b":[{"exists":true}]}`:     {nil, []map[string]attribute{text("String", "x")}},
	} {
		f, err := filterOf(policy)
		if err != nil {
			t.Fatal(policy, err)
		}
		for _, m := range c.takes {
			if !f.takes(m) {
				t.Errorf("%s does not take %v", policy, m)
			}
		}
		for _, m := range c.not {
			if f.takes(m) {
				t.Errorf("%s takes %v", policy, m)
			}
		}
	}
}

func FuzzFilter(f *testing.F) {
	f.Add(`{"a":["x",7,{"prefix":"y"},{"numeric":["<",5]},{"anything-but":"z"}]}`, "String.Array", `["x",1e9,null]`)
	f.Fuzz(func(t *testing.T, policy, kind, v string) {
		made, err := filterOf(policy)
		if err == nil {
			made.takes(map[string]attribute{"a": {DataType: kind, StringValue: v}})
		}
	})
}

// Whatever comes, it is answered, and what is kept can be read again.
func FuzzRequest(f *testing.F) {
	f.Add("CreateQueue", `{"QueueName":"q","Attributes":{"RedrivePolicy":"{}"}}`)
	f.Add("ReceiveMessage", `{"QueueUrl":"/q","MaxNumberOfMessages":1,"VisibilityTimeout":0}`)
	f.Add("SendMessageBatch", `{"QueueUrl":"/q","Entries":[{"Id":"a","MessageBody":"b","MessageAttributes":{"n":{"DataType":"String"}}}]}`)
	f.Fuzz(func(t *testing.T, operation, body string) {
		var short struct{ WaitTimeSeconds int }
		if json.Unmarshal([]byte(body), &short) == nil && short.WaitTimeSeconds > 0 {
			return
		}
		s := &Server{}
		s.commit(record{Queue: &queue{Name: "q"}, Put: []message{{Queue: "q", ID: "m", Body: "b"}}})
		_, _ = s.queueing(request{ctx: t.Context()}, operation, []byte(body))
		form, err := formOf([]byte(body))
		if err == nil {
			_, _ = s.notifying(request{ctx: t.Context()}, operation, form)
		}
		var kept [][]byte
		if err := s.whole(func(r record) error {
			raw, err := json.Marshal(r)
			kept = append(kept, raw)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		again := &Server{}
		for _, raw := range kept {
			var r record
			if err := json.Unmarshal(raw, &r); err != nil {
				t.Fatalf("%s: %v", raw, err)
			}
			again.apply(r)
		}
		if len(again.queues) != len(s.queues) || len(again.topics) != len(s.topics) {
			t.Errorf("%d queues, then %d", len(s.queues), len(again.queues))
		}
	})
}

// BenchmarkDeliver is a message published, received and deleted, kept on the disk.
func BenchmarkDeliver(b *testing.B) {
	s, err := Open(filepath.Join(b.TempDir(), "journal"))
	if err != nil {
		b.Fatal(err)
	}
	t := &testing.T{}
	w := at(t, "http://messages.example", s)
	ctx := b.Context()
	q, err := w.sqs.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("q")})
	if err != nil {
		b.Fatal(err)
	}
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := w.sqs.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: q.QueueUrl, MessageBody: aws.String(strings.Repeat("x", 1000))}); err != nil {
				b.Error(err)
			}
			got, err := w.sqs.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: q.QueueUrl})
			if err != nil {
				b.Error(err)
				continue
			}
			for _, m := range got.Messages {
				if _, err := w.sqs.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: q.QueueUrl, ReceiptHandle: m.ReceiptHandle}); err != nil {
					b.Error(err)
				}
			}
		}
	})
	if err := s.Close(); err != nil {
		b.Error(err)
	}
}
