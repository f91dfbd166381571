package topic

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/banyan-migration/banyan/infra/fakes/ministack"
	"github.com/banyan-migration/banyan/infra/fakes/moto"
	"github.com/banyan-migration/banyan/shared/event"
)

var emulators = map[string]func(*testing.T) string{
	"moto":      func(t *testing.T) string { return moto.Test(t).URL },
	"ministack": func(t *testing.T) string { return ministack.Test(t).URL },
}

// Messages go over the topic into the queues of those who hear them, as they were: payments hears what it must do, donate
// what became of it.
func TestMessagesReachTheQueuesThatHearThem(t *testing.T) {
	t.Parallel()
	for name, start := range emulators {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := function(&http.Client{Transport: &http.Transport{}}, start(t), "")
			topics, queues := sns.NewFromConfig(f.AWS), sqs.NewFromConfig(f.AWS)
			made, err := topics.CreateTopic(t.Context(), &sns.CreateTopicInput{Name: aws.String("banyan-dev")})
			if err != nil {
				t.Fatal(err)
			}
			payments := hearing(t, topics, queues, *made.TopicArn, "payments", event.Subscribed("payments", false))
			donate := hearing(t, topics, queues, *made.TopicArn, "donate", event.Subscribed("donate", true))

			f = function(f.AWS.HTTPClient, *f.AWS.BaseEndpoint, *made.TopicArn)
			if err := Send(t.Context(), f); err != nil {
				t.Fatal(err)
			}
			all := messages(12, 100)
			all = append(all, messages(3, 100<<10)...) // more than one batch holds
			for i := range all[12:] {
				all[12+i].ID = fmt.Sprintf("large%d", i+1)
			}
			settled := event.New("settled", event.PaymentsSettled, noon, event.For{Service: "donate", ID: "g-1"}, event.Settled{Sequence: 1, Payment: "p-1"})
			settled.Mark, settled.Trace = "test", "00-1-2-01"
			all = append(all, settled, event.New("unheard", "unheard.of", noon, event.For{}, 1))
			arrived, err := f.Send(t.Context(), all)
			if err != nil || len(arrived) != len(all) {
				t.Fatalf("%d of %d arrived: %v", len(arrived), len(all), err)
			}
			want := []string{"large1", "large2", "large3", "m1", "m10", "m11", "m12", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "m9"}
			if got := received(t, queues, payments, len(want)); !slices.Equal(ids(got), want) {
				t.Errorf("payments got %v, want %v", ids(got), want)
			}
			got := received(t, queues, donate, 1)
			if len(got) != 1 || got[0].ID != "settled" || got[0].Mark != "test" || got[0].Trace != settled.Trace || got[0].For != settled.For || string(got[0].Data) != string(settled.Data) {
				t.Errorf("donate got %+v, want %+v", got, settled)
			}
			nowhere := function(f.AWS.HTTPClient, *f.AWS.BaseEndpoint, *made.TopicArn+"-none")
			if err := Send(t.Context(), nowhere); err != nil {
				t.Fatal(err)
			}
			if arrived, err := nowhere.Send(t.Context(), messages(1, 1)); err == nil || len(arrived) > 0 || !strings.Contains(err.Error(), "NotFound") {
				t.Errorf("into no topic: %v %v", arrived, err)
			}
		})
	}
}

// hearing makes a queue that hears types of message as infra/store.yaml does, and returns its address.
func hearing(t *testing.T, topics *sns.Client, queues *sqs.Client, topic, name string, kinds []string) string {
	t.Helper()
	q, err := queues.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name})
	if err != nil {
		t.Fatal(err)
	}
	a, err := queues.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: q.QueueUrl, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameQueueArn}})
	if err != nil {
		t.Fatal(err)
	}
	filter, err := json.Marshal(map[string][]string{"type": kinds})
	if err != nil {
		t.Fatal(err)
	}
	_, err = topics.Subscribe(t.Context(), &sns.SubscribeInput{TopicArn: &topic, Protocol: aws.String("sqs"), Endpoint: aws.String(a.Attributes["QueueArn"]),
		Attributes: map[string]string{"RawMessageDelivery": "true", "FilterPolicy": string(filter)}})
	if err != nil {
		t.Fatal(err)
	}
	return *q.QueueUrl
}

// received takes n messages out of a queue, and what comes with the last of them. One whose answer was lost on a busy machine
// was sent again, and comes twice.
func received(t *testing.T, queues *sqs.Client, queue string, n int) (all []event.Message) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); len(all) < n && time.Now().Before(end); {
		out, err := queues.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &queue, MaxNumberOfMessages: 10, WaitTimeSeconds: 1})
		if err != nil {
			t.Fatal(err)
		}
		for _, raw := range out.Messages {
			var m event.Message
			if err := json.Unmarshal([]byte(aws.ToString(raw.Body)), &m); err != nil {
				t.Fatalf("%s: %v", aws.ToString(raw.Body), err)
			}
			if again := slices.ContainsFunc(all, func(o event.Message) bool { return o.ID == m.ID }); !again {
				all = append(all, m)
			}
		}
	}
	return all
}

func ids(messages []event.Message) (all []string) {
	for _, m := range messages {
		all = append(all, m.ID)
	}
	slices.Sort(all)
	return all
}
