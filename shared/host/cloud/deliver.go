package cloud

import (
	"context"
	"errors"
	"time"

	"github.com/banyan-migration/banyan/shared/event"
	"github.com/banyan-migration/banyan/shared/kv"
	"github.com/banyan-migration/banyan/shared/outbox"
)

// patience is how long somebody's answer waits for its messages to be sent. What takes longer is left to the sweep: the donor's gift
// is kept, and the topic is not well. For messages and ticks nobody waits; they have all of their time.
const patience = 3 * time.Second

// deliver sends what the invocation's commits have caused. Whatever goes wrong, the answer stays as it is: the messages lie in the
// store until somebody has confirmed them.
func (h *Host) deliver(inv *invocation) {
	caused := inv.takeCaused()
	if len(caused) == 0 {
		return
	}
	inv.count(func(t *tally) { t.messages += len(caused) })
	left := len(caused)
	if inv.ctx.Err() != nil {
		h.log.WarnContext(inv.ctx, "no time to send messages: the sweep brings them", "messages", left)
	} else {
		ctx := inv.ctx
		if inv.awaited {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, patience)
			defer cancel()
		}
		left, _ = h.post(ctx, caused)
	}
	inv.count(func(t *tally) { t.undelivered += left })
}

// post sends messages and confirms those that arrived. It answers how many did not, which the store has, and whether more of them
// could go.
func (h *Host) post(ctx context.Context, waiting []kv.Unsent) (left int, away bool) {
	if h.send == nil {
		h.log.ErrorContext(ctx, "this function has no topic: its main names no part that sends messages", "messages", len(waiting))
		return len(waiting), true
	}
	messages := make([]event.Message, len(waiting))
	for i, u := range waiting {
		messages[i] = u.Message
	}
	var ids []string
	err := h.guarded(ctx, func() (err error) {
		ids, err = h.send(ctx, messages)
		return err
	})
	arrived := make(map[string]bool, len(ids))
	for _, id := range ids {
		arrived[id] = true
	}
	var there []kv.Unsent
	for _, u := range waiting {
		if arrived[u.Message.ID] {
			there = append(there, u)
		}
	}
	left = len(waiting) - len(there)
	if err != nil {
		h.log.ErrorContext(ctx, "messages not sent: the sweep brings them", "messages", left, "error", err.Error())
	}
	if len(there) > 0 {
		if err := outbox.Confirm(ctx, h.store, there); err != nil {
			h.log.WarnContext(ctx, "messages sent and not confirmed: the sweep brings them a second time", "error", err.Error())
		}
	}
	return left, ctx.Err() != nil || errors.Is(err, ErrAway)
}

// refresh reads the pause switch again when it is old, so that each environment learns what another was told.
func (h *Host) refresh(inv *invocation) {
	ctx, cancel := context.WithTimeout(inv.ctx, switchWait)
	defer cancel()
	if err := h.state.Refresh(ctx, h.now(), switchAge); err != nil {
		h.log.WarnContext(inv.ctx, "the pause switch cannot be read: it stays as it was", "state", h.state.Now(), "error", err.Error())
	}
}

const (
	switchAge  = 5 * time.Second // a service that was paused stops everywhere within this time
	switchWait = 2 * time.Second
)
