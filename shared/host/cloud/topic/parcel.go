package topic

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
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
	size  int    // bytes that count
	entry types.PublishBatchRequestEntry
}

// packed writes messages as parcels; the error names those that cannot be sent.
func packed(messages []event.Message) (parcels []parcel, refused error) {
	for _, m := range messages {
		p, err := pack(m)
		if err != nil {
			refused = errors.Join(refused, err)
			continue
		}
		parcels = append(parcels, p)
	}
	return parcels, refused
}

// pack writes a message as its envelope, with the attributes by which subscriptions choose. SNS takes no empty attribute.
func pack(m event.Message) (parcel, error) {
	raw, err := json.Marshal(m)
	if err != nil {
		return parcel{}, fmt.Errorf("topic: the message %s %s cannot be written: %w", m.Type, m.ID, err)
	}
	raw = passable(raw)
	p := parcel{id: m.ID, size: len(raw), entry: types.PublishBatchRequestEntry{Message: aws.String(string(raw)), MessageAttributes: map[string]types.MessageAttributeValue{}}}
	for name, value := range map[string]string{"type": m.Type, "for": m.For.Service} {
		if value == "" {
			continue
		}
		p.entry.MessageAttributes[name] = types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(value)}
		p.size += len(name) + len("String") + len(value)
	}
	if p.size > batchBytes {
		return parcel{}, fmt.Errorf("topic: the message %s %s has %d bytes and SNS takes %d: it stays with its record, undelivered, and no other waits for it", m.Type, m.ID, p.size, batchBytes)
	}
	return p, nil
}

// passable is JSON without the two runes that SQS does not take and json.Marshal leaves as they are, nor bytes that are no UTF-8: an
// escape says the same. SNS takes them, and its queues then refuse what it hands on, dead letters' too, and nobody is told.
func passable(raw []byte) []byte {
	if utf8.Valid(raw) && !bytes.Contains(raw, []byte("\xef\xbf")) { // how both begin: nearly no message has it
		return raw
	}
	raw = bytes.ToValidUTF8(raw, []byte(`\ufffd`))
	raw = bytes.ReplaceAll(raw, []byte("\ufffe"), []byte(`\ufffe`))
	return bytes.ReplaceAll(raw, []byte("\uffff"), []byte(`\uffff`))
}

// batches puts parcels together, in their order, as many as SNS takes at once.
func batches(parcels []parcel) iter.Seq[[]parcel] {
	return func(yield func([]parcel) bool) {
		from, size := 0, 0
		for i, p := range parcels {
			if i-from == batchMessages || size+p.size > batchBytes {
				if !yield(parcels[from:i]) {
					return
				}
				from, size = i, 0
			}
			size += p.size
		}
		if from < len(parcels) {
			yield(parcels[from:])
		}
	}
}
