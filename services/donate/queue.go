package donate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/banyan-migration/banyan/shared/event"
	"github.com/banyan-migration/banyan/shared/kv"
)

// queue takes what payments tells of a gift or a mandate. A message may come twice, late or before its elders: each
// adds a fact under its own id, and the state is derived from whatever facts are there.
func (s *service) queue(ctx context.Context, m event.Message) error {
	switch m.Type {
	case event.PaymentsSettled:
		return fact(ctx, s, m, func(g *Gift, in event.Settled) bool {
			if g.Settled != nil {
				return false
			}
			g.Settled = &settlement{Payment: in.Payment, Acquirer: in.Acquirer, Amount: in.Amount, At: in.At}
			return true
		})
	case event.PaymentsRefused:
		return fact(ctx, s, m, func(g *Gift, in event.Refused) bool {
			was := g.Refused
			g.Refused = &refusal{Text: in.Text, Retry: in.Retry}
			return was == nil || *was != *g.Refused
		})
	case event.PaymentsRefunded:
		return fact(ctx, s, m, func(g *Gift, in event.Refunded) bool { return g.refund(in.Refund, refund{Amount: in.Amount}) })
	case event.PaymentsRefundFailed:
		return fact(ctx, s, m, func(g *Gift, in event.RefundFailed) bool {
			return g.refund(in.Refund, refund{Amount: in.Amount, Failed: true})
		})
	case event.PaymentsDisputed:
		return fact(ctx, s, m, func(g *Gift, in event.Disputed) bool { return g.dispute(in.Dispute, dispute{Amount: in.Amount}) })
	case event.PaymentsDisputeClosed:
		return fact(ctx, s, m, func(g *Gift, in event.DisputeClosed) bool {
			return g.dispute(in.Dispute, dispute{Amount: in.Amount, Closed: true, Won: in.Won})
		})
	case event.PaymentsMandateChanged:
		return s.mandateChanged(ctx, m)
	}
	return nil // a type of tomorrow
}

// fact adds what a message says to its gift. A gift that is not there is an error, so that the message comes again and
// is at last a dead letter that somebody looks at: money without a gift must not be forgotten.
func fact[T any](ctx context.Context, s *service, m event.Message, add func(*Gift, T) bool) error {
	var in T
	if err := json.Unmarshal(m.Data, &in); err != nil {
		return fmt.Errorf("donate: %s %s: %w", m.Type, m.ID, err)
	}
	err := s.revise(ctx, m.For.ID, func(g *Gift) bool { return add(g, in) })
	if errors.Is(err, kv.ErrNotFound) {
		return fmt.Errorf("donate: %s %s is about the gift %q, which is not here: %w", m.Type, m.ID, m.For.ID, err)
	}
	return err
}

// revise changes a gift, with what there is to tell of it then, again and again until nobody else has changed it meanwhile.
func (s *service) revise(ctx context.Context, id string, change func(*Gift) (changed bool)) error {
	for {
		g, rev, err := s.gifts.Get(ctx, id)
		before := g
		if err != nil || !change(&g) {
			return err
		}
		err = s.store.Commit(ctx, append(s.teller.writes(before, g), s.gifts.Put(id, g, rev))...)
		if !errors.Is(err, kv.ErrConflict) {
			return err
		}
	}
}

func (g *Gift) refund(id string, r refund) bool {
	was, known := g.Refunds[id]
	if known && (was.Failed || was == r) {
		return false
	}
	if g.Refunds == nil {
		g.Refunds = map[string]refund{}
	}
	g.Refunds[id] = r
	return true
}

func (g *Gift) dispute(id string, d dispute) bool {
	was, known := g.Disputes[id]
	if known && (was.Closed || was == d) {
		return false
	}
	if g.Disputes == nil {
		g.Disputes = map[string]dispute{}
	}
	g.Disputes[id] = d
	return true
}
