// Package outbox delivers the messages that commits have caused: at once, when a commit has succeeded, and later, by
// a sweep over the store, what a crash left behind. Each is delivered at least once.
package outbox

import (
	"context"
	"errors"
	"sync"

	"github.com/banyan-migration/banyan/shared/event"
	"github.com/banyan-migration/banyan/shared/kv"
)

// Watch is a store whose commits are told to committed once they are durable: the item's key and its messages, in
// order. committed must not block: it runs before Commit returns to its caller.
func Watch(store kv.Store, committed func(ctx context.Context, caused []kv.Unsent)) kv.Store {
	return &watched{store, committed}
}

type watched struct {
	kv.Store
	committed func(context.Context, []kv.Unsent)
}

func (w *watched) Commit(ctx context.Context, writes ...kv.Write) error {
	if err := w.Store.Commit(ctx, writes...); err != nil {
		return err
	}
	var caused []kv.Unsent
	for _, write := range writes {
		for _, m := range write.Messages {
			caused = append(caused, kv.Unsent{Key: write.Key, Message: m})
		}
	}
	if len(caused) > 0 {
		w.committed(ctx, caused)
	}
	return nil
}

// Sweep reads every shard's waiting messages, up to limit of each, and hands them to deliver, which may refuse some.
// It is for what a crash left: the host calls it at start and by Tick. A shard that cannot be read keeps no other from
// being read, unless ctx has ended.
func Sweep(ctx context.Context, store kv.Store, limit int, deliver func([]kv.Unsent)) error {
	var all error
	for shard := range kv.Shards {
		waiting, err := store.Unsent(ctx, shard, limit)
		if len(waiting) > 0 {
			deliver(waiting)
		}
		all = errors.Join(all, err)
		if ctx.Err() != nil {
			break
		}
	}
	return all
}

// Confirm tells the store that messages were delivered. It asks for all items at once, so that a store that groups its
// commits makes one of them; what fails is delivered again after the next sweep.
func Confirm(ctx context.Context, store kv.Store, delivered []kv.Unsent) error {
	byKey := map[kv.Key][]string{}
	for _, u := range delivered {
		byKey[u.Key] = append(byKey[u.Key], u.Message.ID)
	}
	var group sync.WaitGroup
	errs := make(chan error, len(byKey))
	for key, ids := range byKey {
		group.Go(func() { errs <- store.Sent(ctx, key, ids...) })
	}
	group.Wait()
	close(errs)
	var all error
	for err := range errs {
		all = errors.Join(all, err)
	}
	return all
}

// Send delivers one message to each of its receivers that to knows, by its own send; a receiver that is not there is
// passed over, as a topic passes over who has not subscribed.
func Send(ctx context.Context, m event.Message, to func(service string) func(context.Context, event.Message) error) error {
	for _, name := range event.Receivers(m) {
		send := to(name)
		if send == nil {
			continue
		}
		if err := send(ctx, m); err != nil {
			return err
		}
	}
	return nil
}
