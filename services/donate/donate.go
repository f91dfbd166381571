// Package donate takes gifts: one record a gift, single or monthly, with the donor, the Gift Aid tick and the consent
// in one form and one commit. A double click, a lost answer or a resent form makes one gift; what became of its money
// is what payments tells.
package donate

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/banyan-migration/banyan/shared/event"
	"github.com/banyan-migration/banyan/shared/fault"
	"github.com/banyan-migration/banyan/shared/host"
	"github.com/banyan-migration/banyan/shared/kv"
	"github.com/banyan-migration/banyan/shared/mark"
	"github.com/banyan-migration/banyan/shared/money"
	"github.com/banyan-migration/banyan/shared/web"
)

type service struct {
	store    kv.Store
	gifts    kv.Table[Gift]
	mandates kv.Table[Mandate]
	carts    kv.Table[Cart]
	now      func() time.Time
	newID    func() string
	secret   string // ids derive from it: it must not change
	limits   limits
	teller   teller
}

// limits are the least and the most of one gift (DON-3).
type limits struct{ least, most money.Amount }

// New starts the service. BANYAN_KEY makes the ids secret: its first key must stay. DONATE_MIN and DONATE_MAX are the
// least and the most of one gift in pounds, 1 and 25000 where they are not set. OUTCOMES_URL and OUTCOMES_KEY are where and as
// whom settled and refused posts are told; unset, they are not.
func New(env host.Env) (host.Service, error) {
	s := &service{store: env.Store, gifts: giftsOf(env.Store), mandates: mandatesOf(env.Store), carts: cartsOf(env.Store), now: env.Now, newID: env.NewID}
	keys, err := mark.ParseKeys(env.Getenv("BANYAN_KEY"))
	if err != nil {
		err = fmt.Errorf("BANYAN_KEY: %w", err)
	} else if s.secret = keys[keys.First()]; s.secret == "" {
		err = errors.New("BANYAN_KEY is not set: the key that the gateway signs with, and that gifts' ids derive from")
	}
	limit := func(name, unset string) money.Amount {
		text := env.Getenv(name)
		if text == "" {
			text = unset
		}
		a, wrong := money.Parse(text, "GBP")
		if wrong != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", name, wrong))
		}
		return a
	}
	s.limits = limits{limit("DONATE_MIN", "1"), limit("DONATE_MAX", "25000")}
	var wrong error
	s.teller, wrong = newTeller(env.Getenv("OUTCOMES_URL"), env.Getenv("OUTCOMES_KEY"), env.Client, env.Store)
	if err = errors.Join(err, wrong); err != nil {
		return host.Service{}, err
	}
	return host.Service{HTTP: s.routes(), Queue: s.queue, Tick: s.tick}, nil
}

// tick collects what is due, and tells what became of posts; neither waits for the other to succeed.
func (s *service) tick(ctx context.Context, now time.Time) error {
	return errors.Join(s.collect(ctx, now), s.teller.tell(ctx))
}

// giftsOf spreads the gifts: a show's night writes more than one part of a distributed store takes.
func giftsOf(store kv.Store) kv.Table[Gift] {
	return kv.Table[Gift]{Store: store, Name: "gift", Parts: 16}
}

// create takes a gift. With a payment method the gift and the wish to collect it are one commit; without one the
// caller asks payments for the acquirer's page. Asked again with the same key, or without one with the same body
// within ten minutes, it answers with the gift that there is.
func (s *service) create(ctx context.Context, in request) (View, error) {
	now, attempt, caller := s.now().UTC(), web.AttemptOf(ctx), web.From(ctx)
	gift, err := in.gift(s.limits)
	if err != nil {
		return View{}, err
	}
	ids := s.idsOf(attempt, caller.Mark, now)
	gift.ID, gift.At, gift.Mark, gift.Request, gift.Body = ids[0], now, caller.Mark, caller.Request, hex.EncodeToString(attempt.Body[:])
	for _, earlier := range ids[1:] { // sent in the window before this one?
		before, _, err := s.gifts.Get(ctx, earlier)
		if err == nil && now.Sub(before.At) < window {
			return before.view(), s.repeated(ctx, before.ID, caller.Request)
		}
		if err != nil && !errors.Is(err, kv.ErrNotFound) {
			return View{}, err
		}
	}
	err = s.store.Commit(ctx, s.writes(gift, in)...)
	if errors.Is(err, kv.ErrConflict) {
		return s.again(ctx, gift)
	}
	return gift.view(), err
}

// writes are the gift, its mandate and the message that starts its payment, all or none.
func (s *service) writes(gift Gift, in request) []kv.Write {
	var writes []kv.Write
	if gift.Giving == monthly {
		gift.Mandate = gift.ID + "-m"
		writes = append(writes, s.mandates.Put(gift.Mandate, begun(gift), kv.Absent))
	}
	var messages []event.Message
	if in.Payment != nil {
		messages = append(messages, s.requested(gift, in.Payment.Method))
	}
	return append(writes, s.gifts.Put(gift.ID, gift, kv.Absent, messages...))
}

func (s *service) requested(g Gift, method string) event.Message {
	return event.New(s.newID(), event.PaymentsRequested, g.At, event.For{Service: "donate", ID: g.ID},
		event.Requested{Sequence: g.Sequence, Amount: g.Amount, Method: method, Mandate: g.Mandate})
}

// again answers a repeated create.
func (s *service) again(ctx context.Context, gift Gift) (View, error) {
	there, _, err := s.gifts.Get(ctx, gift.ID)
	if err != nil {
		return View{}, err
	}
	if there.Body != gift.Body {
		return View{}, &fault.Error{Kind: fault.Conflict, Text: "This Idempotency-Key was used for another gift: nothing new was taken"}
	}
	return there.view(), s.repeated(ctx, there.ID, gift.Request)
}

// window is for how long a body without a key is the same gift: a double click and a reload, not next week's gift.
const window = 10 * time.Minute

// idsOf are the id that an attempt gives its gift and those under which it may already be there. They derive from the
// attempt, so that "once" is a condition on one item; and from our secret, so that nobody else can.
func (s *service) idsOf(a web.Attempt, marked string, now time.Time) []string {
	if a.Key != "" {
		return []string{s.derive("key", marked, a.Key)}
	}
	slot := now.Unix() / int64(window/time.Second)
	at := func(slot int64) string {
		return s.derive("body", marked, string(a.Body[:]), string(binary.BigEndian.AppendUint64(nil, uint64(slot))))
	}
	return []string{at(slot), at(slot - 1)}
}

func (s *service) derive(fields ...string) string {
	mac := hmac.New(sha256.New, []byte(s.secret))
	for _, f := range fields {
		fmt.Fprintf(mac, "%d:%s", len(f), f)
	}
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// View is what anybody who has the gift's secret id may know of it: nothing of the donor.
type View struct {
	ID     string        `json:"id"`
	State  string        `json:"state"`
	Amount money.Amount  `json:"amount"`
	Kept   *money.Amount `json:"kept,omitempty"` // once it is settled: less what went back
	Giving string        `json:"giving"`
	Text   string        `json:"text,omitempty"` // for the donor, where the gift was refused
	Retry  bool          `json:"retry,omitempty"`
}

func (g Gift) view() View {
	v := View{ID: g.ID, State: g.state(), Amount: g.Amount, Giving: g.Giving}
	if g.Settled != nil {
		kept := g.kept()
		v.Kept = &kept
	} else if g.Refused != nil {
		v.Text, v.Retry = g.Refused.Text, g.Refused.Retry
	}
	return v
}
