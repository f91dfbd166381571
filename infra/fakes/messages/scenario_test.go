package messages

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	snstypes "github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"github.com/banyan-migration/banyan/infra/fakes/moto"
)

// world is AWS's own clients before a fake.
type world struct {
	*testing.T
	sqs *sqs.Client
	sns *sns.Client
}

func at(t *testing.T, url string, client aws.HTTPClient) world {
	c := aws.Config{Region: Region, BaseEndpoint: &url, HTTPClient: client, RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		})}
	return world{t, sqs.NewFromConfig(c), sns.NewFromConfig(c)}
}

func must[T any](w world) func(T, error) T {
	return func(v T, err error) T {
		w.Helper()
		if err != nil {
			w.Fatal(err)
		}
		return v
	}
}

func (w world) queue(name string, attributes map[string]string) (url, arn string) {
	w.Helper()
	url = *must[*sqs.CreateQueueOutput](w)(w.sqs.CreateQueue(w.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})).QueueUrl
	all := must[*sqs.GetQueueAttributesOutput](w)(w.sqs.GetQueueAttributes(w.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []types.QueueAttributeName{"All"}}))
	return url, all.Attributes["QueueArn"]
}

func (w world) receive(url string, wait, hide int32) []types.Message {
	w.Helper()
	return must[*sqs.ReceiveMessageOutput](w)(w.sqs.ReceiveMessage(w.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: 10, WaitTimeSeconds: wait,
		VisibilityTimeout: hide, MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"}, MessageAttributeNames: []string{"All"}})).Messages
}

// bodies receives until so many have come.
func (w world) bodies(url string, want int) (bodies []string, last types.Message) {
	w.Helper()
	for range 20 {
		for _, m := range w.receive(url, 1, 30) {
			bodies, last = append(bodies, *m.Body), m
		}
		if len(bodies) >= want {
			break
		}
	}
	slices.Sort(bodies)
	return bodies, last
}

func code(err error) string {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return fmt.Sprint(err)
	}
	return api.ErrorCode()
}

func attributesNamed(all map[string]string) map[string]snstypes.MessageAttributeValue {
	made := map[string]snstypes.MessageAttributeValue{}
	for name, v := range all {
		made[name] = snstypes.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(v)}
	}
	return made
}

// scenario is what Banyan asks of SNS and SQS, by AWS's own clients.
func scenario(w world) {
	w.Run("topic", func(t *testing.T) { topicToQueues(world{t, w.sqs, w.sns}) })
	w.Run("queue", func(t *testing.T) { aQueue(world{t, w.sqs, w.sns}) })
	w.Run("dead", func(t *testing.T) { deadLetters(world{t, w.sqs, w.sns}) })
	w.Run("wrong", func(t *testing.T) { mistakes(world{t, w.sqs, w.sns}) })
}

func topicToQueues(w world) {
	topic := *must[*sns.CreateTopicOutput](w)(w.sns.CreateTopic(w.Context(), &sns.CreateTopicInput{Name: aws.String("banyan-test")})).TopicArn
	urls := map[string]string{}
	for name, with := range map[string]map[string]string{
		"donate":   {"FilterPolicy": `{"type":["payments.settled","payments.refused"]}`, "RawMessageDelivery": "true"},
		"payments": {"FilterPolicy": `{"type":[{"prefix":"payments.req"}]}`, "RawMessageDelivery": "true"},
		"but":      {"FilterPolicy": `{"type":[{"anything-but":["payments.requested"]}],"for":[{"exists":true}]}`, "RawMessageDelivery": "true"},
		"envelope": {},
	} {
		url, arn := w.queue("topic-"+name, nil)
		urls[name] = url
		must[*sns.SubscribeOutput](w)(w.sns.Subscribe(w.Context(), &sns.SubscribeInput{TopicArn: &topic, Protocol: aws.String("sqs"), Endpoint: &arn, Attributes: with}))
	}
	batch := &sns.PublishBatchInput{TopicArn: &topic}
	for id, kind := range []string{"payments.requested", "payments.settled", "payments.disputed"} {
		batch.PublishBatchRequestEntries = append(batch.PublishBatchRequestEntries, snstypes.PublishBatchRequestEntry{Id: aws.String(fmt.Sprint(id)),
			Message: aws.String(`{"text":"` + kind + ` <&> Grüße"}`), MessageAttributes: attributesNamed(map[string]string{"type": kind, "for": "donate"})})
	}
	if out := must[*sns.PublishBatchOutput](w)(w.sns.PublishBatch(w.Context(), batch)); len(out.Successful) != 3 || len(out.Failed) != 0 {
		w.Errorf("%+v", out)
	}
	must[*sns.PublishOutput](w)(w.sns.Publish(w.Context(), &sns.PublishInput{TopicArn: &topic, Message: aws.String("no attributes")}))
	said := func(kind string) string { return `{"text":"` + kind + ` <&> Grüße"}` }
	for name, want := range map[string][]string{
		"donate": {said("payments.settled")}, "payments": {said("payments.requested")}, "but": {said("payments.disputed"), said("payments.settled")},
	} {
		got, last := w.bodies(urls[name], len(want))
		if !slices.Equal(got, want) {
			w.Errorf("%s got %q", name, got)
		}
		if a := last.MessageAttributes["for"]; aws.ToString(a.StringValue) != "donate" || aws.ToString(a.DataType) != "String" {
			w.Errorf("%s: attributes %+v", name, last.MessageAttributes)
		}
	}
	enveloped, _ := w.bodies(urls["envelope"], 4)
	var first struct{ Type, TopicArn, Message string }
	if err := json.Unmarshal([]byte(enveloped[0]), &first); err != nil || len(enveloped) != 4 || first.Type != "Notification" || first.TopicArn != topic || first.Message == "" {
		w.Errorf("%q, %v", enveloped, err)
	}
}

func aQueue(w world) {
	url, _ := w.queue("life", map[string]string{"VisibilityTimeout": "30"})
	if again, _ := w.queue("life", map[string]string{"VisibilityTimeout": "30"}); again != url {
		w.Errorf("made again it is at %s, not %s", again, url)
	}
	if found := must[*sqs.GetQueueUrlOutput](w)(w.sqs.GetQueueUrl(w.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("life")})); *found.QueueUrl != url {
		w.Errorf("it is at %s, not %s", *found.QueueUrl, url)
	}
	sent := must[*sqs.SendMessageOutput](w)(w.sqs.SendMessage(w.Context(), &sqs.SendMessageInput{QueueUrl: &url, MessageBody: aws.String("one"),
		MessageAttributes: map[string]types.MessageAttributeValue{"kind": {DataType: aws.String("String"), StringValue: aws.String("first")}, "n": {DataType: aws.String("Number"), StringValue: aws.String("7")}}}))
	got := w.receive(url, 1, 30)
	if len(got) != 1 || *got[0].MessageId != *sent.MessageId || *got[0].Body != "one" || got[0].Attributes["ApproximateReceiveCount"] != "1" ||
		aws.ToString(got[0].MessageAttributes["n"].StringValue) != "7" || aws.ToString(got[0].MD5OfMessageAttributes) != aws.ToString(sent.MD5OfMessageAttributes) {
		w.Fatalf("%+v, sent as %+v", got, sent)
	}
	if hidden := w.receive(url, 0, 30); len(hidden) != 0 {
		w.Errorf("what is received is seen: %+v", hidden)
	}
	_, err := w.sqs.ChangeMessageVisibility(w.Context(), &sqs.ChangeMessageVisibilityInput{QueueUrl: &url, ReceiptHandle: got[0].ReceiptHandle, VisibilityTimeout: 0})
	if err != nil {
		w.Fatal(err)
	}
	got = w.receive(url, 5, 1)
	if len(got) != 1 || got[0].Attributes["ApproximateReceiveCount"] != "2" {
		w.Fatalf("given back it is not there: %+v", got)
	}
	began := time.Now()
	if got = w.receive(url, 5, 30); len(got) != 1 || got[0].Attributes["ApproximateReceiveCount"] != "3" || time.Since(began) > 4*time.Second {
		w.Fatalf("a second later it is not there: %+v after %v", got, time.Since(began))
	}
	if _, err := w.sqs.DeleteMessage(w.Context(), &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: got[0].ReceiptHandle}); err != nil {
		w.Fatal(err)
	}
	batch := &sqs.SendMessageBatchInput{QueueUrl: &url}
	for n := range 10 {
		batch.Entries = append(batch.Entries, types.SendMessageBatchRequestEntry{Id: aws.String(fmt.Sprint("id-", n)), MessageBody: aws.String(fmt.Sprint("body ", n))})
	}
	if out := must[*sqs.SendMessageBatchOutput](w)(w.sqs.SendMessageBatch(w.Context(), batch)); len(out.Successful) != 10 {
		w.Errorf("%+v", out)
	}
	seen := map[string]*string{}
	for range 20 {
		for _, m := range w.receive(url, 1, 30) {
			seen[*m.Body] = m.ReceiptHandle
		}
		if len(seen) == 10 {
			break
		}
	}
	remove := &sqs.DeleteMessageBatchInput{QueueUrl: &url}
	for i, body := range slices.Sorted(maps.Keys(seen)) {
		remove.Entries = append(remove.Entries, types.DeleteMessageBatchRequestEntry{Id: aws.String(fmt.Sprint(i)), ReceiptHandle: seen[body]})
	}
	if out := must[*sqs.DeleteMessageBatchOutput](w)(w.sqs.DeleteMessageBatch(w.Context(), remove)); len(out.Successful) != 10 {
		w.Errorf("%+v", out)
	}
	left := must[*sqs.GetQueueAttributesOutput](w)(w.sqs.GetQueueAttributes(w.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &url,
		AttributeNames: []types.QueueAttributeName{"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"}})).Attributes
	if left["ApproximateNumberOfMessages"] != "0" || left["ApproximateNumberOfMessagesNotVisible"] != "0" || len(left) != 2 {
		w.Errorf("what is left: %v", left)
	}
}

func deadLetters(w world) {
	dead, arn := w.queue("poison-dead", nil)
	url, _ := w.queue("poison", map[string]string{"VisibilityTimeout": "1", "RedrivePolicy": `{"deadLetterTargetArn":"` + arn + `","maxReceiveCount":2}`})
	must[*sqs.SendMessageOutput](w)(w.sqs.SendMessage(w.Context(), &sqs.SendMessageInput{QueueUrl: &url, MessageBody: aws.String("poison")}))
	for n := range 2 {
		if got := w.receive(url, 5, 1); len(got) != 1 {
			w.Fatalf("the %d. time %+v", n+1, got)
		}
	}
	if got := w.receive(url, 2, 1); len(got) != 0 {
		w.Errorf("a third time it comes: %+v", got)
	}
	got := w.receive(dead, 2, 30)
	if len(got) != 1 || *got[0].Body != "poison" {
		w.Fatalf("dead letters: %+v", got)
	}
}

func mistakes(w world) {
	url, _ := w.queue("strict", nil)
	missing, long := strings.Replace(url, "strict", "missing", 1), strings.Repeat("x", messageLimit+1)
	eleven := make([]types.SendMessageBatchRequestEntry, 11)
	for i := range eleven {
		eleven[i] = types.SendMessageBatchRequestEntry{Id: aws.String(fmt.Sprint(i)), MessageBody: aws.String("x")}
	}
	same := []types.SendMessageBatchRequestEntry{{Id: aws.String("a"), MessageBody: aws.String("x")}, {Id: aws.String("a"), MessageBody: aws.String("x")}}
	topic := *must[*sns.CreateTopicOutput](w)(w.sns.CreateTopic(w.Context(), &sns.CreateTopicInput{Name: aws.String("strict")})).TopicArn
	for what, c := range map[string]struct {
		do   func() error
		code string
	}{
		"no queue": {func() error {
			_, err := w.sqs.SendMessage(w.Context(), &sqs.SendMessageInput{QueueUrl: &missing, MessageBody: aws.String("x")})
			var typed *types.QueueDoesNotExist
			if !errors.As(err, &typed) {
				w.Errorf("%v is no QueueDoesNotExist", err)
			}
			return err
		}, "AWS.SimpleQueueService.NonExistentQueue"},
		"no such name": {func() error {
			_, err := w.sqs.GetQueueUrl(w.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("missing")})
			return err
		}, "AWS.SimpleQueueService.NonExistentQueue"},
		"long": {func() error {
			_, err := w.sqs.SendMessage(w.Context(), &sqs.SendMessageInput{QueueUrl: &url, MessageBody: &long})
			return err
		}, "InvalidParameterValue"},
		"eleven": {func() error {
			_, err := w.sqs.SendMessageBatch(w.Context(), &sqs.SendMessageBatchInput{QueueUrl: &url, Entries: eleven})
			return err
		}, "AWS.SimpleQueueService.TooManyEntriesInBatchRequest"},
		"the same id": {func() error {
			_, err := w.sqs.SendMessageBatch(w.Context(), &sqs.SendMessageBatchInput{QueueUrl: &url, Entries: same})
			return err
		}, "AWS.SimpleQueueService.BatchEntryIdsNotDistinct"},
		"eleven at once": {func() error {
			_, err := w.sqs.ReceiveMessage(w.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: 11})
			return err
		}, "InvalidParameterValue"},
		"no handle": {func() error {
			_, err := w.sqs.DeleteMessage(w.Context(), &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: aws.String("nonsense")})
			return err
		}, "ReceiptHandleIsInvalid"},
		"no topic": {func() error {
			_, err := w.sns.Publish(w.Context(), &sns.PublishInput{TopicArn: aws.String(topic + "x"), Message: aws.String("x")})
			var typed *snstypes.NotFoundException
			if !errors.As(err, &typed) {
				w.Errorf("%v is no NotFoundException", err)
			}
			return err
		}, "NotFound"},
		"long for a topic": {func() error {
			_, err := w.sns.Publish(w.Context(), &sns.PublishInput{TopicArn: &topic, Message: aws.String(long[:publishLimit+1])})
			return err
		}, "InvalidParameter"},
	} {
		if err := c.do(); code(err) != c.code {
			w.Errorf("%s: %s, want %s: %v", what, code(err), c.code, err)
		}
	}
}

func TestScenario(t *testing.T) {
	t.Parallel()
	scenario(at(t, "http://messages.example", &Server{}))
}

// The same by moto, so that we know that our fake tells the truth.
func TestScenarioOnMoto(t *testing.T) {
	t.Parallel()
	scenario(at(t, moto.Test(t).URL, &http.Client{}))
}
