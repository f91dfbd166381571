package cloud

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"github.com/banyan-migration/banyan/shared/event"
)

// sqs takes a batch of a queue. What fails is handed back by its id and comes again, until the queue's redrive policy makes it a
// dead letter; the others are done. The mapping must have ReportBatchItemFailures, or the queue hears of no failure. Of a FIFO queue
// the first failure and all after it are handed back: a later message must not overtake its elder.
func (h *Host) sqs(inv *invocation, e events.SQSEvent) ([]byte, error) {
	if h.queue == nil {
		return nil, h.errNotOffered("messages")
	}
	for i, r := range e.Records {
		if r.MessageId == "" {
			return nil, refuse("its record %d has no messageId to hand it back by", i)
		}
	}
	b := h.envelopes(len(e.Records), func(i int) string { return e.Records[i].Body }, func(i int) []slog.Attr {
		return []slog.Attr{slog.String("record", e.Records[i].MessageId), slog.String("received", e.Records[i].Attributes["ApproximateReceiveCount"])}
	})
	b.ordered = strings.HasSuffix(e.Records[0].EventSourceARN, ".fifo")
	again := h.batch(inv, b)
	answer := events.SQSEventResponse{BatchItemFailures: make([]events.SQSBatchItemFailure, len(again))}
	for i, n := range again {
		answer.BatchItemFailures[i].ItemIdentifier = e.Records[n].MessageId
	}
	return json.Marshal(answer)
}

// batch runs one and counts what is handed back.
func (h *Host) batch(inv *invocation, b batch) (again []int) {
	again, inTime := b.run(inv)
	inv.count(func(t *tally) { t.errors += len(again) })
	if len(again) > 0 && !inTime {
		inv.count(func(t *tally) { t.late++ })
		h.log.WarnContext(inv.ctx, "the time was up: messages handed back", "messages", len(again), "of", b.n)
	}
	return again
}

// sns takes what a topic sends directly. It has no way to hand one message back: a failure brings the event again, whole.
func (h *Host) sns(inv *invocation, e events.SNSEvent) ([]byte, error) {
	if h.queue == nil {
		return nil, h.errNotOffered("messages")
	}
	return nil, h.whole(inv, h.envelopes(len(e.Records), func(i int) string { return e.Records[i].SNS.Message }, func(i int) []slog.Attr {
		return []slog.Attr{slog.String("record", e.Records[i].SNS.MessageID)}
	}))
}

// envelopes is a batch of n messages by their bodies. One that is not taken is logged with what about says of its record, and, where it is in
// our envelope, with its own id and type.
func (h *Host) envelopes(n int, body func(i int) string, about func(i int) []slog.Attr) batch {
	read := make([]event.Message, n) // each is written and read by whoever takes that one
	return batch{
		n: n,
		take: func(ctx context.Context, i int) error {
			m, err := messageOf(body(i))
			if err != nil {
				return err
			}
			read[i] = m
			return h.receive(ctx, m)
		},
		failed: func(ctx context.Context, i int, err error) {
			what := about(i)
			if m := read[i]; m.ID != "" {
				what = append(what, slog.String("message", m.ID), slog.String("type", m.Type))
			}
			h.failed(ctx, err, what...)
		},
	}
}
