package local

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"github.com/banyan-migration/banyan/shared/kv"
	"github.com/banyan-migration/banyan/shared/outbox"
)

// sweep publishes what waits in the tables: no function runs yet, so nobody else is about to. Later the functions' own ticks
// look for what one of them has left.
func (a *account) sweep(ctx context.Context) error {
	for _, s := range a.stacks {
		service, _ := s.Parameters["Service"].Text()
		store := a.raw(service)
		var failed error
		err := outbox.Sweep(ctx, store, swept, func(waiting []kv.Unsent) {
			for _, u := range waiting {
				if failed == nil {
					failed = a.publish(ctx, store, u)
				}
			}
		})
		if err == nil {
			err = failed
		}
		if err != nil {
			return fmt.Errorf("local: the messages that wait in %s's table: %w", service, err)
		}
	}
	return nil
}

// swept is how many messages of a shard are taken up at a start; more go with the next tick.
const swept = 4096

// publish is what a function does with a message that its commit has caused.
func (a *account) publish(ctx context.Context, store kv.Store, u kv.Unsent) error {
	raw, err := json.Marshal(u.Message)
	if err != nil {
		return err
	}
	form := url.Values{"TopicArn": {a.topic}, "Message": {string(raw)}}
	n := 0
	for name, value := range map[string]string{"type": u.Message.Type, "for": u.Message.For.Service} {
		if value != "" {
			n++
			entry := fmt.Sprintf("MessageAttributes.entry.%d.", n)
			form.Set(entry+"Name", name)
			form.Set(entry+"Value.DataType", "String")
			form.Set(entry+"Value.StringValue", value)
		}
	}
	if err := a.sns(ctx, "Publish", form, nil); err != nil {
		return err
	}
	return store.Sent(ctx, u.Key, u.Message.ID)
}

// Settle waits until no message waits in a table or a queue, or ctx ends; dead letters are not on their way.
func (a *account) Settle(ctx context.Context) error {
	for {
		n, err := a.waiting(ctx)
		if err == nil && n == 0 {
			return nil
		}
		select {
		case <-time.After(glance):
		case <-ctx.Done():
			return fmt.Errorf("local: %d messages are still on their way; they wait in their tables and queues: %w", n, ctx.Err())
		}
	}
}

// glance is between two looks at what waits.
const glance = 50 * time.Millisecond

func (a *account) waiting(ctx context.Context) (n int, err error) {
	for _, s := range a.stacks {
		service, _ := s.Parameters["Service"].Text()
		if err := outbox.Sweep(ctx, a.raw(service), 1, func(waiting []kv.Unsent) { n += len(waiting) }); err != nil {
			return n, err
		}
	}
	for arn, address := range a.urls {
		if len(arn) > 5 && arn[len(arn)-5:] == "-dead" {
			continue
		}
		var about struct{ Attributes map[string]json.Number }
		if err := a.sqs(ctx, "GetQueueAttributes", map[string]any{"QueueUrl": address, "AttributeNames": []string{"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"}}, &about); err != nil {
			return n, err
		}
		for _, count := range about.Attributes {
			if count != "0" {
				n++
			}
		}
	}
	return n, nil
}
