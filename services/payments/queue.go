package payments

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/banyan-migration/banyan/shared/event"
	"github.com/banyan-migration/banyan/shared/kv"
	"github.com/banyan-migration/banyan/shared/mark"
	"github.com/banyan-migration/banyan/shared/web"
)

// queue takes payments' messages. Any may come twice (the second finds the payment and charges nothing), late, or never
// (nothing is charged). A type that it does not know is somebody else's.
func (s *service) queue(ctx context.Context, m event.Message) error {
	switch m.Type {
	case event.PaymentsRequested:
		return s.requested(ctx, m)
	case event.PaymentsRecorded:
		return s.recorded(ctx, m)
	}
	return nil
}

func bookOf(ctx context.Context) string {
	if web.From(ctx).Mark == mark.Test {
		return testBook
	}
	return liveBook
}

// requested collects: the attempt is kept before the acquirer is called (PAY-29). Where this process dies in between,
// the message comes again and asks the acquirer with the same key.
func (s *service) requested(ctx context.Context, m event.Message) error {
	var in event.Requested
	if err := json.Unmarshal(m.Data, &in); err != nil {
		return fmt.Errorf("payments: message %s of type %s cannot be read: %w", m.ID, m.Type, err)
	}
	if in.Amount.Minor() <= 0 || in.Method == "" || m.For.ID == "" {
		return fmt.Errorf("payments: message %s asks for %v for gift %q: want an amount above nothing, a method and a gift", m.ID, in.Amount, m.For.ID) // not the method: logs keep no token
	}
	p := payment{ID: idOf(m.For, in.Sequence), For: m.For, Sequence: in.Sequence, Amount: in.Amount, Book: bookOf(ctx), Method: in.Method,
		At: s.now().UTC(), Trace: m.Trace}
	p, rev, fresh, err := s.begin(ctx, p, m.ID)
	if err != nil {
		return err
	}
	if a := p.open(); a == nil || !fresh && a.State == needsAction {
		return nil
	}
	_, err = s.collect(ctx, p, rev, !fresh)
	return err
}

// recorded posts money that came another way. Its reference makes it once.
func (s *service) recorded(ctx context.Context, m event.Message) error {
	var in event.Recorded
	if err := json.Unmarshal(m.Data, &in); err != nil {
		return fmt.Errorf("payments: message %s of type %s cannot be read: %w", m.ID, m.Type, err)
	}
	if in.Amount.Minor() <= 0 || in.Way == "" || in.Reference == "" {
		return fmt.Errorf("payments: message %s records %v by %q under %q: want an amount above nothing, a way and a reference", m.ID, in.Amount, in.Way, in.Reference)
	}
	to := bank
	if in.Way == "carrier" {
		to = clearing(in.Way) // a phone company pays out later, as an acquirer does
	}
	e := Entry{Ref: in.Way + ":" + in.Reference + ":recorded", Kind: "recorded", For: m.For, At: in.At.UTC(), Postings: move(in.Amount, to, fund)}
	err := s.write(ctx, change{entries: []Entry{e}}, bookOf(ctx))
	if errors.Is(err, kv.ErrConflict) {
		return nil // it is there
	}
	return err
}
