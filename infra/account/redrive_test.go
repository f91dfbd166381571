package account_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/banyan-migration/banyan/infra/account"
	"github.com/banyan-migration/banyan/infra/fakes/messages"
)

// queues are payments' in a stage, the second with its dead letters; before, where it is not nil, sees a call first and may answer it.
func queues(t *testing.T, before func(w http.ResponseWriter, operation string, body []byte) bool, letters ...string) (aws.Config, *sqs.Client, [2]*string) {
	t.Helper()
	s, err := messages.Open(filepath.Join(t.TempDir(), "m"))
	if err != nil {
		t.Fatal(err)
	}
	var begun atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		if before != nil && begun.Load() && before(w, operation, raw) {
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(raw))
		s.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	c := at(server.URL)
	client := sqs.NewFromConfig(c)
	var urls [2]*string
	for i, name := range []string{"banyan-prod-payments", "banyan-prod-payments-dead"} {
		q, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name})
		if err != nil {
			t.Fatal(err)
		}
		urls[i] = q.QueueUrl
	}
	for _, body := range letters {
		if _, err := client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: urls[1], MessageBody: &body,
			MessageAttributes: map[string]sqstypes.MessageAttributeValue{"type": {DataType: aws.String("String"), StringValue: aws.String("t")}}}); err != nil {
			t.Fatal(err)
		}
	}
	begun.Store(true)
	return c, client, urls
}

func waiting(t *testing.T, client *sqs.Client, url *string) string {
	t.Helper()
	out, err := client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: url, AttributeNames: []sqstypes.QueueAttributeName{"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"}})
	if err != nil {
		t.Fatal(err)
	}
	return out.Attributes["ApproximateNumberOfMessages"] + " and " + out.Attributes["ApproximateNumberOfMessagesNotVisible"] + " hidden"
}

func letterOf(kind string, bytes int) string {
	return fmt.Sprintf(`{"type":%q,"data":%q}`, kind, strings.Repeat("y", bytes))
}

// Ten letters of SQS's may weigh more than it takes at once: they go in as many batches as that takes, the heaviest that there can be alone.
func TestRedriveOfLargeLetters(t *testing.T) {
	t.Parallel()
	var letters []string
	for range 10 {
		letters = append(letters, letterOf("x", 110_000))
	}
	whole := 1<<20 - len("typeStringt") // less the attribute
	letters = append(letters, letterOf("y", whole-len(letterOf("y", 0))), letterOf("z", 1))
	c, client, urls := queues(t, nil, letters...)
	r, err := account.At(c, "prod").Redrive(t.Context(), "payments", 10_000, false)
	if err != nil || r.Moved["x"] != 10 || r.Moved["y"] != 1 || r.Moved["z"] != 1 || r.Left != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	if got := waiting(t, client, urls[0]); got != "12 and 0 hidden" {
		t.Error(got)
	}
}

// A letter that the queue does not take stays dead, is named, and keeps no other from going.
func TestRedriveOfALetterThatIsRefused(t *testing.T) {
	t.Parallel()
	letters := []string{letterOf("x", 1), letterOf("large", 600_000), letterOf("x", 1)}
	c, client, urls := queues(t, nil, letters...)
	if _, err := client.SetQueueAttributes(t.Context(), &sqs.SetQueueAttributesInput{QueueUrl: urls[0], Attributes: map[string]string{"MaximumMessageSize": "262144"}}); err != nil {
		t.Fatal(err)
	}
	r, err := account.At(c, "prod").Redrive(t.Context(), "payments", 10_000, false)
	if r.Count() != 2 || r.Moved["x"] != 2 || err == nil || !strings.Contains(err.Error(), "does not take 1 of them") {
		t.Errorf("%+v, %v", r, err)
	}
	if got := waiting(t, client, urls[0]) + ", dead " + waiting(t, client, urls[1]); got != "2 and 0 hidden, dead 0 and 1 hidden" {
		t.Error(got)
	}
}

// One that is as heavy as no batch may be goes alone, so that its refusal is its own.
func TestRedriveOfALetterThatNoBatchTakes(t *testing.T) {
	t.Parallel()
	alone := 0
	c, _, _ := queues(t, func(w http.ResponseWriter, operation string, body []byte) bool {
		var batch struct{ Entries []json.RawMessage }
		if operation != "SendMessageBatch" || !bytes.Contains(body, []byte("large")) {
			return false
		}
		if err := json.Unmarshal(body, &batch); err != nil || len(batch.Entries) != 1 {
			t.Errorf("%d letters with one that fills a batch: %v", len(batch.Entries), err)
		}
		alone++
		w.WriteHeader(400)
		fmt.Fprint(w, `{"__type":"com.amazonaws.sqs#BatchRequestTooLong","message":"longer than 1048576 bytes"}`)
		return true
	}, letterOf("x", 1), letterOf("large", 1<<20-60), letterOf("x", 1))
	r, err := account.At(c, "prod").Redrive(t.Context(), "payments", 10_000, false)
	if alone != 1 || r.Moved["x"] != 2 || err == nil || !strings.Contains(err.Error(), "longer than 1048576 bytes") {
		t.Errorf("sent %d times: %+v, %v", alone, r, err)
	}
}

// A letter counts as moved once it is dead no more; one in both places is said to be.
func TestRedriveCountsWhatWasDeleted(t *testing.T) {
	t.Parallel()
	c, _, _ := queues(t, func(w http.ResponseWriter, operation string, body []byte) bool {
		if operation != "DeleteMessageBatch" {
			return false
		}
		fmt.Fprint(w, `{"Successful":[{"Id":"1"}],"Failed":[{"Id":"0","SenderFault":true,"Code":"ReceiptHandleIsInvalid"},{"Id":"2","SenderFault":false,"Code":"InternalError"}]}`)
		return true
	}, letterOf("x", 1), letterOf("x", 1), letterOf("x", 1))
	r, err := account.At(c, "prod").Redrive(t.Context(), "payments", 10_000, false)
	if r.Count() != 1 || err == nil || !strings.Contains(err.Error(), "2 of them are in the queue and still dead letters") {
		t.Errorf("%+v, %v", r, err)
	}
}
