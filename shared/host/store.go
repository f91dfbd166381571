package host

import (
	"context"
	"fmt"

	"github.com/banyan-migration/banyan/shared/event"
	"github.com/banyan-migration/banyan/shared/kv"
	"github.com/banyan-migration/banyan/shared/mark"
	"github.com/banyan-migration/banyan/shared/web"
)

// Stamped is a store whose messages carry the mark and the trace of the request or message that caused them, so that
// no service can forget to pass them on; and which keeps nothing of a shadow's commits but what they would have been.
func Stamped(store kv.Store) kv.Store { return &stamped{store} }

type stamped struct{ kv.Store }

func (s *stamped) Commit(ctx context.Context, writes ...kv.Write) error {
	caller := web.From(ctx)
	for i := range writes {
		for j := range writes[i].Messages {
			m := &writes[i].Messages[j]
			if m.Mark == "" {
				m.Mark = caller.Mark
			}
			if m.Trace == "" {
				m.Trace = caller.Trace
			}
		}
	}
	if o := overlayOf(ctx); o != nil {
		return o.commit(ctx, s.Store, writes)
	}
	return s.Store.Commit(ctx, writes...)
}

// Get lets a shadow see its own writes; its List is of what lives, since no answer of ours lists what it has just written.
func (s *stamped) Get(ctx context.Context, key kv.Key) (kv.Item, error) {
	if o := overlayOf(ctx); o != nil {
		return o.get(ctx, s.Store, key)
	}
	return s.Store.Get(ctx, key)
}

// Taking is a service's Queue with the message's mark and trace in its context. A shadow causes no messages, so one that says it
// comes from a shadow is refused: it must not be taken as live.
func Taking(env Env, queue func(context.Context, event.Message) error) func(context.Context, event.Message) error {
	if queue == nil {
		return nil
	}
	return func(ctx context.Context, m event.Message) error {
		if m.Mark == mark.Shadow {
			return fmt.Errorf("host: the message %s %s is marked as a shadow's, which sends none: nothing was done", m.Type, m.ID)
		}
		return queue(web.With(ctx, web.Caller{Request: m.ID, Mark: m.Mark, Trace: m.Trace, Route: m.Type, Log: env.Log}), m)
	}
}
