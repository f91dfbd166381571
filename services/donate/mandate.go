package donate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/banyan-migration/banyan/shared/event"
	"github.com/banyan-migration/banyan/shared/kv"
	"github.com/banyan-migration/banyan/shared/money"
)

// Mandate is a donor's promise to give every month. Each collection is a gift of its own, with the mandate's id and
// its sequence.
type Mandate struct {
	ID       string       `json:"id"`
	First    string       `json:"first"` // the gift that it began with: donor, tick and consent stand there
	Amount   money.Amount `json:"amount"`
	Began    time.Time    `json:"began"`
	Sequence int          `json:"sequence"` // of the last collection
	State    string       `json:"state"`    // pending until payments calls it active; paused, failing, cancelled
	Revision int64        `json:"revision"` // of the last message about it: an older one says nothing new
	Mark     string       `json:"mark,omitempty"`
}

func mandatesOf(store kv.Store) kv.Table[Mandate] {
	return kv.Table[Mandate]{Store: store, Name: "mandate"}
}

func begun(g Gift) Mandate {
	return Mandate{ID: g.Mandate, First: g.ID, Amount: g.Amount, Began: g.At, Sequence: 1, State: pending, Mark: g.Mark}
}

// mandateChanged takes what payments says a mandate is now. It may come twice, or after a younger one: revisions tell.
func (s *service) mandateChanged(ctx context.Context, m event.Message) error {
	var in event.MandateChanged
	if err := json.Unmarshal(m.Data, &in); err != nil {
		return fmt.Errorf("donate: %s %s: %w", m.Type, m.ID, err)
	}
	_, err := s.mandates.Revise(ctx, in.Mandate, func(d *Mandate) (bool, error) {
		if in.Revision <= d.Revision {
			return false, nil
		}
		d.Revision, d.State = in.Revision, in.State
		return true, nil
	})
	return err
}

// due is when the collection after the last is due: the same day of a later month, or that month's last day.
func (m Mandate) due() time.Time {
	month := time.Date(m.Began.Year(), m.Began.Month()+time.Month(m.Sequence), 1, 0, 0, 0, 0, time.UTC)
	last := month.AddDate(0, 1, -1).Day()
	return month.AddDate(0, 0, min(m.Began.Day(), last)-1)
}

// collect is the Tick's first part: every active mandate whose day has come becomes a gift with the wish to collect it, in one
// commit with the mandate's new sequence, so that two ticks at once collect once. After a pause one collection comes
// for each month that passed, one a tick; a missed tick only makes it later.
func (s *service) collect(ctx context.Context, now time.Time) error {
	var errs error
	for after := ""; ; {
		rows, next, err := s.mandates.List(ctx, after, 200)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if row.Value.State == "active" && !now.Before(row.Value.due()) {
				errs = errors.Join(errs, s.collectOne(ctx, row, now.UTC()))
			}
		}
		if after = next; next == "" {
			return errs
		}
	}
}

func (s *service) collectOne(ctx context.Context, row kv.Row[Mandate], now time.Time) error {
	m := row.Value
	first, _, err := s.gifts.Get(ctx, m.First)
	if err != nil {
		return fmt.Errorf("donate: mandate %s: %w", m.ID, err)
	}
	m.Sequence++
	gift := Gift{ID: s.derive("collection", m.ID, fmt.Sprint(m.Sequence)), At: now, Amount: m.Amount, Giving: monthly, Mandate: m.ID, Sequence: m.Sequence,
		Donor: first.Donor, GiftAid: first.GiftAid, EmailConsent: first.EmailConsent, Mark: m.Mark}
	wish := s.requested(gift, "mandate")
	wish.Mark = m.Mark
	err = s.store.Commit(ctx, s.mandates.Put(m.ID, m, row.Rev), s.gifts.Put(gift.ID, gift, kv.Absent, wish))
	if errors.Is(err, kv.ErrConflict) {
		return nil // another tick has just collected it
	}
	return err
}
