package topic

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"github.com/banyan-migration/banyan/shared/event"
)

// SNS's limits of one PublishBatch.
const (
	batchMessages = 10
	batchBytes    = 256 << 10 // bodies and attributes of all
)

// parcel is a message as SNS takes it.
type parcel struct {
	id    string // the message's
	entry types.PublishBatchRequestEntry
	size  int
}

// pack writes a message as its envelope, with the attributes by which subscriptions choose. SNS takes no empty attribute.
func pack(m event.Message) (parcel, error) {
	raw, err := json.Marshal(m)
	if err != nil {
		return parcel{}, fmt.Errorf("topic: message %s %s: %w", m.Type, m.ID, err)
	}
	p := parcel{id: m.ID, size: len(raw), entry: types.PublishBatchRequestEntry{Message: aws.String(string(raw)), MessageAttributes: map[string]types.MessageAttributeValue{}}}
	for name, value := range map[string]string{"type": m.Type, "for": m.For.Service} {
		if value == "" {
			continue
		}
		p.entry.MessageAttributes[name] = types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(value)}
		p.size += len(name) + len("String") + len(value)
	}
	if p.size > batchBytes {
		return parcel{}, fmt.Errorf("topic: message %s %s is %d bytes: SNS takes at most %d. It stays with its record, undelivered; the others were sent", m.Type, m.ID, p.size, batchBytes)
	}
	return p, nil
}

// send publishes messages and answers the ids of those that SNS has taken. One that arrived may have arrived twice.
func (t *topic) send(ctx context.Context, messages []event.Message) (arrived []string, err error) {
	var failed error
	var batch []parcel
	size := 0
	flush := func() {
		took, err := t.publish(ctx, batch)
		arrived, failed = append(arrived, took...), errors.Join(failed, err)
		batch, size = nil, 0
	}
	for _, m := range messages {
		p, err := pack(m)
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		if len(batch) == batchMessages || size+p.size > batchBytes {
			flush()
		}
		batch, size = append(batch, p), size+p.size
	}
	if len(batch) > 0 {
		flush()
	}
	return arrived, failed
}

// publish makes one call.
func (t *topic) publish(ctx context.Context, batch []parcel) (arrived []string, err error) {
	entries := make([]types.PublishBatchRequestEntry, len(batch))
	for i, p := range batch {
		entries[i] = p.entry
		entries[i].Id = aws.String(strconv.Itoa(i))
	}
	out, err := t.client.PublishBatch(ctx, &sns.PublishBatchInput{TopicArn: &t.arn, PublishBatchRequestEntries: entries})
	if err != nil {
		return nil, fmt.Errorf("topic: %w", err)
	}
	for _, ok := range out.Successful {
		if i, err := strconv.Atoi(aws.ToString(ok.Id)); err == nil && i >= 0 && i < len(batch) {
			arrived = append(arrived, batch[i].id)
		}
	}
	for _, bad := range out.Failed {
		err = errors.Join(err, fmt.Errorf("topic: SNS refused a message: %s", aws.ToString(bad.Code)))
	}
	return arrived, err
}
