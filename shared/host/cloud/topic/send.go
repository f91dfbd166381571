package topic

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/banyan-migration/banyan/shared/event"
	"github.com/banyan-migration/banyan/shared/host/cloud"
)

// A batch is tried at most this often: with waits of at most 50 ms, then twice as long each time up to 2 s. Each wait is
// drawn at random below its most, so that those who were throttled together do not come back together. What has not
// arrived by then waits in the store for the next sweep.
const (
	attempts  = 8
	firstWait = 50 * time.Millisecond
	longest   = 2 * time.Second
	oneCall   = 5 * time.Second // an answer that takes longer is not waited for
)

// send publishes messages and answers the ids of those that SNS has taken, also with an error. A message that SNS cannot
// take is named in the error and keeps no other from going. What arrived may have arrived twice.
func (t *topic) send(ctx context.Context, messages []event.Message) (arrived []string, err error) {
	parcels, refused := packed(messages)
	for batch := range batches(parcels) {
		took, said, err := t.deliver(ctx, batch)
		arrived, refused = append(arrived, took...), errors.Join(refused, said)
		if err != nil {
			return arrived, errors.Join(refused, err)
		}
	}
	return arrived, refused
}

// deliver sends one batch until all of it has arrived or been refused, as long as trying again can help and ctx allows.
func (t *topic) deliver(ctx context.Context, batch []parcel) (arrived []string, refused, err error) {
	most := firstWait
	for n := 1; ; n++ {
		a := t.publish(ctx, batch)
		arrived, refused = append(arrived, a.arrived...), errors.Join(refused, a.refused)
		switch {
		case ctx.Err() != nil && len(a.left) > 0:
			return arrived, refused, ctx.Err()
		case a.fault && len(batch) > 1:
			took, said, err := t.singly(ctx, batch)
			return append(arrived, took...), errors.Join(refused, said), err
		case a.fault:
			return arrived, errors.Join(refused, fmt.Errorf("topic: SNS refuses the message %s: it stays with its record, undelivered: %w", batch[0].id, a.cause)), nil
		case len(a.left) == 0:
			return arrived, refused, nil
		case !a.again:
			return arrived, refused, fmt.Errorf("topic: %s: %w: nothing was sent of this batch or after it; the messages wait in the store: %w", t.arn, cloud.ErrAway, a.cause)
		}
		batch = a.left
		wait := rand.N(most)
		most = min(2*most, longest)
		if end, ends := ctx.Deadline(); n == attempts || ends && time.Until(end) < wait {
			return arrived, refused, fmt.Errorf("topic: %s did not take %d messages in %d attempts: they wait in the store: %w: %w", t.arn, len(batch), n, cloud.ErrAway, a.cause)
		}
		if err := pause(ctx, wait); err != nil {
			return arrived, refused, err
		}
	}
}

// singly sends the messages of a batch that was refused as a whole, so that the one at fault keeps no other from going.
func (t *topic) singly(ctx context.Context, batch []parcel) (arrived []string, refused, err error) {
	for i := range batch {
		took, said, err := t.deliver(ctx, batch[i:i+1])
		arrived, refused = append(arrived, took...), errors.Join(refused, said)
		if err != nil {
			return arrived, refused, err
		}
	}
	return arrived, refused, nil
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
