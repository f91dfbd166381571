package cloud

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/banyan-migration/banyan/shared/kv"
	"github.com/banyan-migration/banyan/shared/outbox"
)

const (
	young = time.Minute // a message younger than this is most likely being sent by whoever has caused it
	swept = 1000        // messages of a shard that one sweep takes up
)

// tick does what is due every minute: first it sends the messages that nobody has sent, for at most half of the time, then the
// service's own. Neither waits for the other to succeed. A tick may be missed, and may come twice at a time.
func (h *Host) tick(inv *invocation) error {
	if h.offers.Tick == nil && h.send == nil {
		return h.errNotOffered("ticks")
	}
	err, back := await(inv.ctx, inv.grace, func(ctx context.Context) error {
		return errors.Join(
			h.guarded(ctx, func() error { return h.sweep(ctx, inv) }),
			h.guarded(ctx, func() error {
				if h.offers.Tick == nil {
					return nil
				}
				return h.offers.Tick(ctx, h.now())
			}))
	})
	if !back || inv.ctx.Err() != nil {
		inv.count(func(t *tally) { t.late++ })
		err = errors.Join(err, fmt.Errorf("%s: the time was up before the tick was done (come back: %v): the next one goes on", h.name, back))
	}
	return err
}

// guarded is run whose panic is an error.
func (h *Host) guarded(ctx context.Context, run func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = h.panicked(ctx, p)
		}
	}()
	return run()
}

// sweep sends the messages that a crash, a short deadline or a failed send has left.
func (h *Host) sweep(ctx context.Context, inv *invocation) error {
	if h.store == nil || h.send == nil {
		return nil
	}
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(deadline)/2)
		defer cancel()
	}
	left, away := 0, false
	err := outbox.Sweep(ctx, h.store, swept, func(waiting []kv.Unsent) {
		var old []kv.Unsent
		for _, u := range waiting {
			if h.now().Sub(u.Message.At) >= young {
				old = append(old, u)
			}
		}
		if len(old) == 0 {
			return
		}
		h.log.InfoContext(ctx, "messages swept up", "messages", len(old))
		if away { // more calls would only take time; a message that is refused by itself keeps no other waiting
			return
		}
		var more int
		more, away = h.post(ctx, old)
		left += more
	})
	if left > 0 {
		inv.count(func(t *tally) { t.undelivered += left })
		err = errors.Join(err, fmt.Errorf("%s: %d swept messages were not sent: they stay for the next sweep", h.name, left))
	}
	return err
}
